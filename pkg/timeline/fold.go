package timeline

import (
	"cmp"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
)

// MaxShift is the length at which a shift ends by itself (rule 4).
const MaxShift = 14 * time.Hour

// Ending tells how a shift ended, or will if nothing else comes. The numbers are stored.
type Ending uint8

// The endings of a shift (rules 2 and 4).
const (
	ByLogout     Ending = iota + 1 // a LOGOUT
	ByPlan                         // the planned end of a v2 shift
	ByItself                       // 14 hours after the start
	ByWithdrawal                   // consent was withdrawn
)

// String is the ending as the API spells it in `endedBy`.
func (e Ending) String() string {
	switch e {
	case ByLogout:
		return "LOGOUT"
	case ByPlan:
		return "PLANNED"
	case ByItself:
		return "AUTO"
	case ByWithdrawal:
		return "WITHDRAWN"
	}
	return ""
}

// Shift is a time in which a person is insured. It is free of the clock: End is when it ended or, while it is open, when
// it will if nothing else comes.
type Shift struct {
	Start Instant
	End   Instant
	By    Ending
	// Name is the one under which its earliest LOGIN came; with Start it is the shift's id. If that LOGIN came under
	// several names, it is the customer number, else the first in order.
	Name person.Name
}

// Open tells whether the person is on shift at the instant, which is not before the start.
func (s Shift) Open(now Instant) bool { return now < s.End }

// Effect is what a fact did, or why it did nothing.
type Effect uint8

// The effects of a fact, and the reasons for having none (rules 2, 7 and 9).
const (
	OpenedShift Effect = iota + 1
	ClosedShift
	AlreadyOpen
	LogoutWithoutLogin
	BeforeConsent
	Unmatched
	UnmatchedTooLong
	TooManyFacts
)

// String is the effect or reason as the API spells it.
func (e Effect) String() string {
	return [...]string{"", "OPENED_SHIFT", "CLOSED_SHIFT", "ALREADY_OPEN", "LOGOUT_WITHOUT_LOGIN", "BEFORE_CONSENT", "UNMATCHED", "UNMATCHED_TOO_LONG", "TOO_MANY_FACTS"}[e]
}

// moment is all that was said of one instant: rule 3 needs a LOGIN and a LOGOUT of one instant together, and a LOGIN that
// came under two names, or with two plans, is one LOGIN.
type moment struct {
	at            Instant
	login, logout bool
	planned       Instant     // the latest planned end of its LOGINs
	name          person.Name // the name of its LOGIN: the least of them
}

func (m moment) compare(at Instant) int { return cmp.Compare(m.at, at) }

// moments sorts the facts that count into moments.
func moments(facts []Fact) []moment {
	slices.SortFunc(facts, func(a, b Fact) int { return cmp.Compare(a.At, b.At) })
	ms := make([]moment, 0, len(facts))
	for _, f := range facts {
		if len(ms) == 0 || ms[len(ms)-1].at != f.At {
			ms = append(ms, moment{at: f.At})
		}
		m := &ms[len(ms)-1]
		switch {
		case f.Kind == Logout:
			m.logout = true
		case !m.login:
			m.login, m.planned, m.name = true, f.PlannedEnd, f.Name
		default:
			m.planned = max(m.planned, f.PlannedEnd)
			if compareNames(f.Name, m.name) < 0 {
				m.name = f.Name
			}
		}
	}
	return ms
}

// compareNames puts customer numbers before workProviderUserIds.
func compareNames(a, b person.Name) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Value, b.Value))
}

// Told is what became of one moment's LOGIN and LOGOUT. Shift is the index of the shift that holds the LOGIN, or that
// the LOGOUT closed; -1 if there is none.
type told struct {
	login, logout           Effect
	loginShift, logoutShift int
}

// folding is the state of a fold: the shifts so far, of which the last may be open.
type folding struct {
	history History
	shifts  []Shift
	open    bool
	planned Instant // the open shift's planned end
}

// fold turns the moments that count, in time order, into shifts and what became of each moment. No shift may be open
// before the first moment (rule 10 says where that is so).
func fold(ms []moment, history History) ([]Shift, []told) {
	f := folding{history: history}
	tales := make([]told, len(ms))
	for i, m := range ms {
		tales[i] = f.take(m)
	}
	return f.shifts, tales
}

// take folds one moment in. Rule 3: while a shift is open, its LOGOUT comes before its LOGIN, so that two shifts adjoin;
// else after it, so that a shift of zero length begins and ends.
func (f *folding) take(m moment) told {
	if f.open && f.last().End < m.at {
		f.open = false
	}
	t := told{loginShift: -1, logoutShift: -1}
	if m.logout && f.open {
		t.logout, t.logoutShift = f.logout(m)
		m.logout = false
	}
	if m.login {
		t.login, t.loginShift = f.login(m)
	}
	if m.logout {
		t.logout, t.logoutShift = f.logout(m)
	}
	return t
}

func (f *folding) last() *Shift { return &f.shifts[len(f.shifts)-1] }

// login opens a shift, unless one is open: then only its planned end can change. A shift that ends by itself at this
// very instant is over.
func (f *folding) login(m moment) (Effect, int) {
	effect := AlreadyOpen
	if !f.open || f.last().End == m.at {
		effect = OpenedShift
		f.shifts = append(f.shifts, Shift{Start: m.at, Name: m.name})
		f.open, f.planned = true, m.planned
	}
	f.planned = max(f.planned, m.planned)
	f.last().End, f.last().By = f.end(f.last().Start)
	return effect, len(f.shifts) - 1
}

// logout closes the open shift; one that comes exactly at the end is as good as any (rule 4).
func (f *folding) logout(m moment) (Effect, int) {
	if !f.open {
		return LogoutWithoutLogin, -1
	}
	f.open = false
	f.last().End, f.last().By = m.at, ByLogout
	return ClosedShift, len(f.shifts) - 1
}

// end is where a shift ends by itself (rule 4). Of two ends at one instant the plan goes first, because somebody chose it.
func (f *folding) end(start Instant) (Instant, Ending) {
	end, by := start.Add(MaxShift), ByItself
	if f.planned <= end {
		end, by = f.planned, ByPlan
	}
	if c, ok := f.history.consentAt(start); ok && c.to < end {
		end, by = c.to, ByWithdrawal
	}
	return end, by
}

// within are the moments of [start, stop).
func within(ms []moment, start, stop Instant) []moment {
	i, _ := slices.BinarySearchFunc(ms, start, moment.compare)
	j, _ := slices.BinarySearchFunc(ms, stop, moment.compare)
	return ms[i:j]
}

// counting picks the facts that count, in a slice of its own unless they all do, as most people's do.
func (h *History) counting(facts []Fact) []Fact {
	if !slices.ContainsFunc(facts, func(f Fact) bool { return !h.Counts(f) }) {
		return facts
	}
	return slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !h.Counts(f) })
}

// discounted is the reason why a fact of that instant does not count (rule 7).
func (h *History) discounted(at, now Instant) Effect {
	switch {
	case h.beforeConsent(at):
		return BeforeConsent
	case now < at.Add(MatchWithin):
		return Unmatched
	default:
		return UnmatchedTooLong
	}
}
