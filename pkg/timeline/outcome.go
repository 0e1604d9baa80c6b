package timeline

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/pkg/person"
)

// State is what has become of an event.
type State uint8

// The states of an event.
const (
	Pending        State = iota // not in the set yet; a dead-lettered one stays so
	Applied                     // it opened, continued or closed a shift, or a match is in force
	NoEffect                    // it is in the set and did nothing, for a reason that a later fact may remove
	StateUnmatched              // there is no customer to count it for, yet
	Rejected                    // it does not count, for a reason
	StateVoided                 // it was taken back
)

// String returns the state as the API spells it.
func (s State) String() string {
	return [...]string{"PENDING", "APPLIED", "NO_EFFECT", "UNMATCHED", "REJECTED", "VOIDED"}[s]
}

// Outcome is what has become of an event, at the moment of asking: it follows the fold, so a late fact can change it.
type Outcome struct {
	State  State
	Effect Effect // of an Applied fact; else 0
	Reason Effect // of NoEffect and Rejected; else 0
	// Shift is what an Applied fact opened, continued or closed. It is the zero value if its customer no longer shares
	// with the work provider.
	Shift Shift
	// Accepted is when the event was first accepted; 0 if that is unknown, or it is not in the set.
	Accepted Instant
	// Voided is when it was first taken back, if it was.
	Voided Instant
}

// outcomeOf returns the outcome of a fact with that effect.
func outcomeOf(effect Effect) Outcome {
	switch effect {
	case OpenedShift, ContinuedShift, ClosedShift:
		return Outcome{State: Applied, Effect: effect}
	case AlreadyOpen, LogoutWithoutLogin:
		return Outcome{State: NoEffect, Reason: effect}
	case Unmatched:
		return Outcome{State: StateUnmatched}
	case Voided:
		return Outcome{State: StateVoided}
	default:
		return Outcome{State: Rejected, Reason: effect}
	}
}

// OutcomeReader reads outcomes.
type OutcomeReader struct {
	storage  Storage
	parallel int
}

// NewOutcomeReader reads from storage, at most so many names at a time.
func NewOutcomeReader(storage Storage, parallel int) OutcomeReader {
	return OutcomeReader{storage, parallel}
}

// Outcomes returns those of facts of one work provider, in their order. Each name is read once, and each of its people
// folded once.
func (o OutcomeReader) Outcomes(ctx context.Context, provider string, facts []Fact, now Instant) ([]Outcome, error) {
	names := newOrderedMap[person.Name, []int](0)
	for i, f := range facts {
		places := names.at(f.Name)
		*places = append(*places, i)
	}
	outcomes := make([]Outcome, len(facts))
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(o.parallel)
	for _, places := range names.values {
		calls.Go(func() error {
			asked := make([]Fact, len(*places))
			for j, i := range *places {
				asked[j] = facts[i]
			}
			found, err := o.outcomesForName(ctx, provider, asked, now)
			for j, outcome := range found {
				outcomes[(*places)[j]] = outcome
			}
			return err
		})
	}
	return outcomes, calls.Wait()
}

// outcomesForName returns the outcomes of facts that all came under one name.
func (o OutcomeReader) outcomesForName(
	ctx context.Context, provider string, asked []Fact, now Instant,
) ([]Outcome, error) {
	name := asked[0].Name
	instants := make([]interval, len(asked))
	for i, f := range asked {
		instants[i] = interval{f.At, f.At}
	}
	outcomes := make([]Outcome, len(asked))
	for _, run := range runs(instants) {
		stored, err := o.storage.Facts(ctx, provider, name, run.days())
		if err != nil {
			return nil, err
		}
		people, err := o.candidates(ctx, provider, name, run)
		if err != nil {
			return nil, err
		}
		for i, f := range asked {
			if run.from <= f.At && f.At <= run.to {
				outcomes[i] = outcome(f, stored, people, now)
			}
		}
	}
	return outcomes, nil
}

// candidates returns those who had the name at some time, folded around the instants; whose it is now comes last, and
// is unknown if it is no customer's.
func (o OutcomeReader) candidates(
	ctx context.Context, provider string, name person.Name, in interval,
) ([]foldResult, error) {
	customers := []string{name.Value}
	owner := name.Value
	if name.Kind == person.UserID {
		owned, err := o.storage.Ownership(ctx, provider, name.Value)
		if err != nil {
			return nil, err
		}
		owner = owned.Owner
		customers = slices.DeleteFunc(slices.Clone(owned.Customers), func(c string) bool { return c == owner })
		customers = append(customers, owner)
	}
	people := make([]foldResult, len(customers))
	for i, customer := range customers {
		if customer == "" {
			continue
		}
		var err error
		people[i], err = foldDays(ctx, o.storage, provider, customer, in.days().shiftDays())
		if err != nil {
			return nil, err
		}
	}
	return people, nil
}

// outcome returns that of one fact, given all that is stored under its name on its day, and the people.
func outcome(f Fact, stored []Fact, people []foldResult, now Instant) Outcome {
	var reports, voids []Fact // of the event
	for _, s := range stored {
		switch {
		case !s.sameEvent(f):
		case s.Void:
			voids = append(voids, s)
		default:
			reports = append(reports, s)
		}
	}
	for _, p := range people { // who were read later
		voids = append(voids, slices.DeleteFunc(slices.Clone(p.voids), func(v Fact) bool { return !v.sameEvent(f) })...)
	}
	o := outcomeOf(Voided)
	if len(voids) == 0 {
		o = unvoidedOutcome(f, stored, people, now)
	} else {
		o.Voided = slices.MinFunc(voids, compareFirst).Accepted
	}
	if len(reports) > 0 {
		o.Accepted = slices.MinFunc(reports, compareFirst).Accepted
	}
	return o
}

// unvoidedOutcome does the same for a fact that was not taken back.
func unvoidedOutcome(f Fact, stored []Fact, people []foldResult, now Instant) Outcome {
	if !slices.ContainsFunc(stored, f.sameEvent) {
		events := map[event]bool{}
		for _, s := range stored {
			if s.At.Day() == f.At.Day() {
				events[s.event()] = true
			}
		}
		if len(events) >= f.Kind.capacity() {
			return outcomeOf(TooManyFacts)
		}
		return Outcome{State: Pending}
	}
	for _, p := range people {
		if p.history.Counts(f) {
			return p.countedOutcome(f, now)
		}
	}
	return outcomeOf(people[len(people)-1].history.uncountedReason(f.At, now))
}

// countedOutcome returns the outcome of a fact that counts.
func (r *foldResult) countedOutcome(f Fact, now Instant) Outcome {
	effect, shift := r.outcome(f, now)
	o := outcomeOf(effect)
	if o.State == Applied && r.history.Consented(now) {
		o.Shift = r.shifts[shift]
	}
	return o
}

// MatchOutcome returns the outcome of a match: it is in force as soon as the caller has a customer of that number.
func (o OutcomeReader) MatchOutcome(ctx context.Context, provider string, m MatchResult, now Instant) (Outcome, error) {
	today := now.Day()
	history, _, err := o.storage.HistoryAndFacts(ctx, provider, m.Customer, Days{today, today})
	switch {
	case err != nil:
		return Outcome{}, err
	case slices.Contains(history.entries, m.Entry) && history.Consented(now):
		return Outcome{State: Applied, Accepted: m.Entry.At}, nil
	case slices.Contains(history.entries, m.Entry):
		return Outcome{State: StateUnmatched, Accepted: m.Entry.At}, nil
	}
	month := 0
	for _, e := range history.entries {
		if e.At.month() == m.Entry.At.month() {
			month++
		}
	}
	if month >= MaxFactsPerDay {
		return outcomeOf(TooManyFacts), nil
	}
	return Outcome{State: Pending}, nil
}
