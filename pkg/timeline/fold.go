package timeline

import (
	"cmp"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
)

// MaxShift is how long a LOGIN without a planned end insures, and how long a shift may be (rules 2 and 4).
const MaxShift = 14 * time.Hour

// EndReason tells how a shift ended, or will if nothing else comes. The numbers are stored.
type EndReason uint8

// The reasons for a shift's end (rules 2 and 4).
const (
	EndLogout    EndReason = iota + 1 // a LOGOUT
	EndPlanned                        // the planned end of a v2 shift
	EndAuto                           // 14 hours, or the first LOGIN of a day in cover that is older than that
	EndWithdrawn                      // consent was withdrawn
)

// String returns the reason as the API spells it in `endedBy`.
func (e EndReason) String() string {
	return [...]string{"", "LOGOUT", "PLANNED", "AUTO", "WITHDRAWN"}[e]
}

// Shift is a time in which a person is insured. It is free of the clock: End is when it ended or, while it is open,
// when it will if nothing else comes.
type Shift struct {
	Start   Instant
	End     Instant
	EndedBy EndReason
	// Login is the instant of the LOGIN that names the shift: its start, or earlier if it continues the shift before it
	// (rule 4). With Name it is the shift's id.
	Login Instant
	// Name is the one under which that LOGIN came. If it came under several, it is the customer number, else the first in
	// order.
	Name person.Name
}

// Open reports whether the person is on shift at the instant, which is not before the start.
func (s Shift) Open(now Instant) bool { return now < s.End }

// Continued reports whether the shift goes on with the cover of the one before it, at a cut between two LOGINs.
func (s Shift) Continued() bool { return s.Login < s.Start }

// Begun reports whether the shift is told at that instant. A LOGIN may come ahead of the clock and opens a shift at
// once; what only time brings is told when it has come.
func (s Shift) Begun(now Instant) bool { return !s.Continued() || s.Start <= now }

// Effect is what a fact did, or why it did nothing.
type Effect uint8

// The effects of a fact, and the reasons for having none (rules 2, 4, 7, 9 and 11).
const (
	OpenedShift Effect = iota + 1
	ContinuedShift
	ClosedShift
	AlreadyOpen
	LogoutWithoutLogin
	BeforeConsent
	Unmatched
	UnmatchedTooLong
	TooManyFacts
	Voided
)

// String returns the effect or reason as the API spells it.
func (e Effect) String() string {
	return [...]string{
		"", "OPENED_SHIFT", "CONTINUED_SHIFT", "CLOSED_SHIFT", "ALREADY_OPEN", "LOGOUT_WITHOUT_LOGIN",
		"BEFORE_CONSENT", "UNMATCHED", "UNMATCHED_TOO_LONG", "TOO_MANY_FACTS", "VOIDED",
	}[e]
}

// timepoint is all that was said of one instant: a LOGIN that came under two names, or with two plans, is one LOGIN.
type timepoint struct {
	at           Instant
	login        bool
	logout       bool
	name         person.Name // of its LOGIN: the least of them
	planned      Instant     // the planned end of its LOGIN; Never without one
	planAccepted Instant     // when that planned end was accepted

	loginAccepted  Instant // when its LOGIN was first accepted; 0 if that is unknown
	logoutAccepted Instant // likewise its LOGOUT
}

// compareTimepoint compares a timepoint with an instant, for a binary search.
func compareTimepoint(p timepoint, at Instant) int { return cmp.Compare(p.at, at) }

// groupByInstant sorts the facts that count into timepoints.
func groupByInstant(facts []Fact) []timepoint {
	slices.SortFunc(facts, func(a, b Fact) int { return cmp.Compare(a.At, b.At) })
	points := make([]timepoint, 0, len(facts))
	for _, f := range facts {
		if len(points) == 0 || points[len(points)-1].at != f.At {
			points = append(points, timepoint{at: f.At, planned: Never})
		}
		points[len(points)-1].add(f)
	}
	return points
}

// add takes in a fact of the timepoint. Of its planned ends the one accepted last counts, and any beats none (rule 4).
func (p *timepoint) add(f Fact) {
	if f.Kind == Logout {
		if !p.logout || f.acceptedBefore(p.logoutAccepted) {
			p.logoutAccepted = f.Accepted
		}
		p.logout = true
		return
	}
	if !p.login || compareNames(f.Name, p.name) < 0 {
		p.name = f.Name
	}
	if !p.login || f.acceptedBefore(p.loginAccepted) {
		p.loginAccepted = f.Accepted
	}
	p.login = true
	if f.PlannedEnd == Never {
		return
	}
	later := cmp.Or(cmp.Compare(f.acceptance(), p.planAccepted), cmp.Compare(f.PlannedEnd, p.planned))
	if p.planned == Never || later > 0 {
		p.planned = f.PlannedEnd
		p.planAccepted = f.acceptance()
	}
}

// reach returns until when the timepoint's LOGIN insures, and why no longer (rule 2).
func (p *timepoint) reach() (Instant, EndReason) {
	if p.planned != Never {
		return p.planned, EndPlanned
	}
	return p.at.Add(MaxShift), EndAuto
}

// compareNames puts customer numbers before workProviderUserIds.
func compareNames(a, b person.Name) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
}

// timepointResult is what became of a timepoint's LOGIN and LOGOUT. The shifts are indexes into the fold's: the one
// that the LOGIN named or that holds it, and the one that the LOGOUT closed; -1 if there is none.
type timepointResult struct {
	login        Effect
	logout       Effect
	loginShift   int
	logoutShift  int
	holdingShift int // the shift that holds the LOGIN, which is another one if the LOGIN continued a shift
}

// foldResult is what a fold looked at, and what it made of it.
type foldResult struct {
	customer string // empty if the facts are not known to be a customer's
	days     Days   // whose shifts it tells
	history  History
	facts    []Fact // all that there are, whether they count or not
	voids    []Fact // those that take something back
	points   []timepoint
	results  []timepointResult // by timepoint
	shifts   []Shift           // by start
	covers   []int             // by shift: the number of its cover period
}

// folder is the state of a fold. The last of its shifts is open while a cover period is (rule 2).
type folder struct {
	foldResult
	open      bool
	coverFrom Instant   // the start of the open cover period
	reachTo   Instant   // the latest end among its LOGINs
	reachEnd  EndReason // why it ends there
	consentTo Instant   // the withdrawal of the consent that it lies in
	lastLogin int       // the timepoint of the last LOGIN; -1 before the first
}

// fold turns facts, those of whole days, into shifts and what became of each of them. It starts with no shift open.
// That is right for the shifts named on a day if the facts of the two days before it and of the day after it are among
// them (rule 10).
func fold(facts []Fact, history History) foldResult {
	reports, voids := splitVoids(facts)
	if len(voids) > 0 {
		reports = slices.DeleteFunc(reports, func(f Fact) bool { return takenBack(f, voids) })
	}
	points := groupByInstant(history.countedFacts(reports))
	f := folder{
		foldResult: foldResult{history: history, facts: facts, voids: voids, points: points}, lastLogin: -1,
	}
	f.results = make([]timepointResult, len(points))
	f.shifts = make([]Shift, 0, len(points))
	f.covers = make([]int, 0, len(points))
	for i := range points {
		f.advance(points[i].at)
		f.apply(i)
	}
	f.advance(Never)
	return f.foldResult
}

func (f *folder) last() *Shift { return &f.shifts[len(f.shifts)-1] }

// openUntil returns the end of the open cover period if nothing else comes (rule 2).
func (f *folder) openUntil() (Instant, EndReason) {
	if f.consentTo < f.reachTo {
		return f.consentTo, EndWithdrawn
	}
	return f.reachTo, f.reachEnd
}

// advance ends what time alone ends before an instant: the cover period and, at each cut, a shift of it (rule 4).
func (f *folder) advance(to Instant) {
	for f.open {
		end, by := f.openUntil()
		cut := f.last().Start.Add(MaxShift)
		switch {
		case cut < end && cut < to:
			f.endShift(cut, EndAuto)
			f.continueShift(cut)
		case end <= cut && end < to:
			f.endCover(end, by)
		default:
			return
		}
	}
}

func (f *folder) endShift(at Instant, by EndReason) {
	f.last().End = at
	f.last().EndedBy = by
}

func (f *folder) endCover(at Instant, by EndReason) {
	f.endShift(at, by)
	f.open = false
}

// startShift begins a shift, of the open cover period or of a new one, with the LOGIN that names it.
func (f *folder) startShift(at Instant, login timepoint) {
	cover := 0
	if last := len(f.covers) - 1; last >= 0 && f.open {
		cover = f.covers[last]
	} else if last >= 0 {
		cover = f.covers[last] + 1
	}
	f.shifts = append(f.shifts, Shift{Start: at, Login: login.at, Name: login.name})
	f.covers = append(f.covers, cover)
}

// continueShift begins a shift at a cut: the last LOGIN before it names it.
func (f *folder) continueShift(cut Instant) {
	f.startShift(cut, f.points[f.lastLogin])
	f.results[f.lastLogin].login = ContinuedShift
	f.results[f.lastLogin].loginShift = len(f.shifts) - 1
}

// apply folds one timepoint in: its LOGOUT first (rule 3).
func (f *folder) apply(i int) {
	p := f.points[i]
	r := &f.results[i]
	r.loginShift = -1
	r.logoutShift = -1
	if p.logout && f.open {
		f.endCover(p.at, EndLogout)
		r.logout = ClosedShift
		r.logoutShift = len(f.shifts) - 1
	} else if p.logout {
		r.logout = LogoutWithoutLogin
	}
	if !p.login {
		return
	}
	if end, by := f.openUntil(); f.open && end == p.at {
		f.endCover(end, by)
	}
	f.login(i)
}

// login opens a shift unless one is open and goes on: until the cut and, in cover of 14 hours, until the first LOGIN of
// a day (rule 4).
func (f *folder) login(i int) {
	p := f.points[i]
	r := &f.results[i]
	firstOfDay := f.lastLogin < 0 || f.points[f.lastLogin].at.Day() < p.at.Day()
	f.lastLogin = i
	isCut := f.open && (p.at == f.last().Start.Add(MaxShift) || firstOfDay && p.at >= f.coverFrom.Add(MaxShift))
	if isCut {
		f.endShift(p.at, EndAuto)
	}
	r.login = AlreadyOpen
	if !f.open || isCut {
		f.startShift(p.at, p)
		r.login = OpenedShift
	}
	r.loginShift = len(f.shifts) - 1
	r.holdingShift = r.loginShift
	f.cover(p)
}

// cover makes the cover period, or a new one, reach as far as a LOGIN does. Of two ends at one instant the planned one
// is told, because it was chosen.
func (f *folder) cover(p timepoint) {
	to, by := p.reach()
	if !f.open {
		f.open = true
		f.coverFrom = p.at
		f.reachTo = p.at
		consent, _ := f.history.consentAt(p.at)
		f.consentTo = consent.to
	}
	if to > f.reachTo || to == f.reachTo && by == EndPlanned {
		f.reachTo = to
		f.reachEnd = by
	}
}

// counts reports whether a fact is one that the fold made shifts of: it is the customer's, counts, and was not taken
// back.
func (r *foldResult) counts(f Fact) bool { return r.history.Counts(f) && !takenBack(f, r.voids) }

// outcome returns what a fact that counts did, as it is told at an instant, and the shift that it opened, continued or
// closed, or that holds a LOGIN with no effect; -1 if there is none. A LOGIN continues a shift only once the cut has
// come.
func (r *foldResult) outcome(f Fact, now Instant) (Effect, int) {
	i, ok := slices.BinarySearchFunc(r.points, f.At, compareTimepoint)
	if !ok {
		return LogoutWithoutLogin, -1
	}
	result := r.results[i]
	switch {
	case f.Kind == Logout:
		return result.logout, r.begun(result.logoutShift, now)
	case result.login == ContinuedShift && !r.shifts[result.loginShift].Begun(now):
		return AlreadyOpen, r.begun(result.holdingShift, now)
	default:
		return result.login, r.begun(result.loginShift, now)
	}
}

// begun returns the shift that stands for another one at an instant: one that has not begun is still the one before it.
func (r *foldResult) begun(shift int, now Instant) int {
	for shift > 0 && !r.shifts[shift].Begun(now) {
		shift--
	}
	return shift
}

// pointAt returns what was said of an instant; the zero value if nothing was.
func (r *foldResult) pointAt(at Instant) timepoint {
	if i, ok := slices.BinarySearchFunc(r.points, at, compareTimepoint); ok {
		return r.points[i]
	}
	return timepoint{}
}

// acceptances returns when a shift's start and its end were accepted (rule 12): the LOGIN that names it, and the LOGOUT
// that closed it. 0 stands for what is unknown, and for an end that nobody reported.
func (r *foldResult) acceptances(s Shift) (start, end Instant) {
	if s.EndedBy == EndLogout {
		end = r.pointAt(s.End).logoutAccepted
	}
	return r.pointAt(s.Login).loginAccepted, end
}

// coverEnd returns the end of the cover period that a shift belongs to, and the reason.
func (r *foldResult) coverEnd(shift int) (Instant, EndReason) {
	last := shift
	for last+1 < len(r.shifts) && r.covers[last+1] == r.covers[shift] {
		last++
	}
	return r.shifts[last].End, r.shifts[last].EndedBy
}
