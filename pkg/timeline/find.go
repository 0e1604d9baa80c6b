package timeline

import (
	"context"
	"errors"
	"slices"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// ConsentedCustomer is a customer as a work provider may see them: one who shares with it now.
type ConsentedCustomer struct {
	Provider string
	Number   string
	History  History
}

// FindConsented reads whom a name stands for at a work provider, at an instant. It returns false for an unknown
// customer and for one who does not share with the provider, so that the two cannot be told apart (contract row 23).
func FindConsented(
	ctx context.Context, storage Storage, provider string, name person.Name, now Instant,
) (ConsentedCustomer, bool, error) {
	c := ConsentedCustomer{Provider: provider, Number: name.Value}
	if name.Kind == person.UserID {
		o, err := storage.Ownership(ctx, provider, name.Value)
		if err != nil || o.Owner == "" {
			return ConsentedCustomer{}, false, err
		}
		c.Number = o.Owner
	}
	today := now.Day()
	history, _, err := storage.HistoryAndFacts(ctx, provider, c.Number, Days{today, today})
	if err != nil || !history.Consented(now) {
		return ConsentedCustomer{}, false, err
	}
	c.History = history
	return c, true, nil
}

// FoundShift is a shift that was asked for by the id of a LOGIN.
type FoundShift struct {
	ReportedShift
	Customer ConsentedCustomer
	// Login is the LOGIN: as it was accepted last, with the planned end that counts.
	Login Fact
	// CoverEnd is the end of the cover period that the LOGIN is part of, and CoverEndedBy the reason (rule 2).
	CoverEnd     Instant
	CoverEndedBy EndReason

	numberFacts []Fact // under the customer's number, of the days on which an end may be
}

// FindShift finds the shift that a LOGIN names or, if it names none, the one that holds it, folded from the facts of
// the moment. It returns false if there is no such fact, it does not count, it was taken back, or its customer does not
// share with the work provider now. An id that was unlinked or moved since does no harm: the LOGIN stays with the
// customer it was made for.
func FindShift(
	ctx context.Context, storage Storage, provider string, login Fact, now Instant,
) (FoundShift, bool, error) {
	day := Days{login.At.Day(), login.At.Day()}
	stored, err := storage.Facts(ctx, provider, login.Name, day)
	if err != nil {
		return FoundShift{}, false, err
	}
	stored = slices.DeleteFunc(stored, func(f Fact) bool { return !f.sameEvent(login) })
	reports, voids := splitVoids(stored)
	if len(reports) == 0 || len(voids) > 0 {
		return FoundShift{}, false, nil
	}
	sortFacts(reports)
	found := FoundShift{Login: mergeRepeats(reports)[0]}
	found.Login.Accepted = reports[len(reports)-1].Accepted
	people, err := NewOutcomeReader(storage, 1).candidates(ctx, provider, login.Name, interval{login.At, login.At})
	if err != nil {
		return FoundShift{}, false, err
	}
	for _, p := range people {
		if !p.counts(login) { // it may have been taken back since it was read
			continue
		}
		_, shift := p.outcome(login, now)
		found.ReportedShift = p.reported(p.shifts[shift])
		found.CoverEnd, found.CoverEndedBy = p.coverEnd(shift)
		found.Customer = ConsentedCustomer{provider, p.customer, p.history}
		for _, f := range p.facts {
			if f.Name == customerName(p.customer) && endDays(login).has(f.At.Day()) {
				found.numberFacts = append(found.numberFacts, f)
			}
		}
		return found, p.history.Consented(now), nil
	}
	return FoundShift{}, false, nil
}

// endDays returns the days on which an end may be that is given to the shift of a LOGIN (rule 8).
func endDays(login Fact) Days { return interval{login.At, login.At.Add(MaxShift)}.days() }

// StoreResult is what became of a LOGOUT that was to be stored.
type StoreResult uint8

// The results of StoreLogout.
const (
	LogoutStored StoreResult = iota
	DayFull                  // its day has no room (rule 9)
	ShiftChanged             // something came under the customer's number since the shift was found
)

// StoreLogout stores a LOGOUT under the customer's number that ends the cover, unless something came under that number
// since the shift was found. So of two that end it at once, the second finds the first.
func (s FoundShift) StoreLogout(ctx context.Context, storage Storage, logout Fact) (StoreResult, error) {
	overflow, err := storage.AddFactIf(ctx, s.Customer.Provider, logout, endDays(s.Login), s.numberFacts)
	switch {
	case errors.Is(err, table.ErrConflict):
		return ShiftChanged, nil
	case overflow:
		return DayFull, nil
	default:
		return LogoutStored, err
	}
}

// HasLogout reports whether the LOGOUT had been reported under the customer's number when the shift was found, other
// than by the same request.
func (s FoundShift) HasLogout(logout Fact) bool {
	return slices.ContainsFunc(s.numberFacts, func(f Fact) bool {
		return f.sameEvent(logout) && !f.Void && f.Accepted != logout.Accepted
	})
}

// EndTakenBack reports whether a LOGOUT of that instant under the customer's number was taken back. It does not count,
// however often it is sent.
func (s FoundShift) EndTakenBack(end Instant) bool {
	_, voids := splitVoids(s.numberFacts)
	return takenBack(Fact{Name: customerName(s.Customer.Number), Kind: Logout, At: end}, voids)
}

// ReportedShift is a shift, with when its start and end were reported.
type ReportedShift struct {
	Shift
	// StartAccepted is when the LOGIN that names the shift was first accepted; 0 if that is unknown.
	StartAccepted Instant
	// EndAccepted is when the LOGOUT that closed it was; 0 if that is unknown, or nobody reported the end.
	EndAccepted Instant
}

// reported adds to a shift of the fold when it was reported.
func (r *foldResult) reported(s Shift) ReportedShift {
	start, end := r.acceptances(s)
	return ReportedShift{s, start, end}
}

// ListedShift is a shift in a list, with the revision of its record.
type ListedShift struct {
	ReportedShift
	Revision int64
}

// Revision returns that of the record that holds a shift; 0 until it is written.
func (c ConsentedCustomer) Revision(ctx context.Context, storage Storage, s Shift) (int64, error) {
	day := s.Login.Day()
	records, err := storage.Records(ctx, c.Provider, c.Number, Days{day, day})
	if err != nil {
		return 0, err
	}
	return recordOf(records, day).Revision, nil
}

// Position is a place in a list of shifts: just after the one of that start and naming LOGIN.
type Position struct{ Start, Login Instant }

// ListQuery asks for a page of shifts.
type ListQuery struct {
	From  Instant // the start of the first shift is not before it
	To    Instant // and that of the last is before it; Never for no end
	After *Position
	Count int // of shifts, at the most
	Now   Instant
}

// includes reports whether a shift is on the page, or on one that follows.
func (q ListQuery) includes(s Shift) bool {
	if q.After != nil && (s.Start <= q.After.Start || s.Login <= q.After.Login) {
		return false
	}
	return q.From <= s.Start && s.Start < q.To && s.Begun(q.Now)
}

// maxRun is how many days List folds at once, at the most: after days without facts there may be crowded ones.
const maxRun = 8

// List returns a page of the customer's shifts by start, folded from the facts of the moment, and whether there are
// more.
//
// The days are read in runs of 1, 2, 4 and 8: so a page costs some four days' facts for each day that it shows, and
// two weeks of a person with few of them take a handful of reads.
func (c ConsentedCustomer) List(ctx context.Context, storage Storage, q ListQuery) ([]ListedShift, bool, error) {
	days := interval{q.From, q.To - 1}.days().shiftDays()
	run := Days{days.First, days.First}
	var list []ListedShift
	for run.First <= days.Last && len(list) <= q.Count {
		if run.First > q.Now.Day()+1 {
			run.Last = days.Last // there is hardly anything ahead of the clock
		}
		run.Last = min(run.Last, days.Last)
		shifts, err := c.shiftsNamedOn(ctx, storage, run)
		if err != nil {
			return nil, false, err
		}
		for _, s := range shifts {
			if q.includes(s.Shift) {
				list = append(list, ListedShift{ReportedShift: s})
			}
		}
		run = Days{run.Last + 1, run.Last + min(maxRun, 2*(run.Last-run.First+1))}
	}
	more := len(list) > q.Count
	list = list[:min(len(list), q.Count)]
	return list, more, c.addRevisions(ctx, storage, list)
}

// shiftsNamedOn folds the shifts that LOGINs of the days name.
func (c ConsentedCustomer) shiftsNamedOn(ctx context.Context, storage Storage, days Days) ([]ReportedShift, error) {
	facts, err := storage.Facts(ctx, c.Provider, customerName(c.Number), days.factDays())
	if err != nil {
		return nil, err
	}
	facts, err = appendFactsByUserID(ctx, storage, c.Provider, c.History, facts, days.factDays())
	if err != nil {
		return nil, err
	}
	result := fold(facts, c.History)
	continued := namedOn(result.shifts, days)
	shifts := make([]ReportedShift, len(continued))
	for i, s := range continued {
		shifts[i] = result.reported(s)
	}
	return shifts, nil
}

// addRevisions reads the revisions of the records that hold the shifts; 0 for one that is not written yet.
func (c ConsentedCustomer) addRevisions(ctx context.Context, storage Storage, list []ListedShift) error {
	if len(list) == 0 {
		return nil
	}
	days := Days{list[0].Login.Day(), list[len(list)-1].Login.Day()}
	records, err := storage.Records(ctx, c.Provider, c.Number, days)
	if err != nil {
		return err
	}
	for i, s := range list {
		list[i].Revision = recordOf(records, s.Login.Day()).Revision
	}
	return nil
}
