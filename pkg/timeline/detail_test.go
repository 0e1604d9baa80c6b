package timeline

import (
	"slices"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
)

// TestReasonsForNotCounting is the last sentence but one of rule 7, to the microsecond.
func TestReasonsForNotCounting(t *testing.T) {
	month := Instant(MatchWithin.Microseconds())
	consented := NewHistory([]Entry{{Kind: Consent, At: minute(0)}, {Kind: Withdrawal, At: minute(10)}, {Kind: Consent, At: minute(20)}})
	for _, c := range []struct {
		history History
		at, now Instant
		want    Effect
	}{
		{History{}, minute(0), minute(0), Unmatched},
		{History{}, minute(0), minute(0) + month - 1, Unmatched},
		{History{}, minute(0), minute(0) + month, UnmatchedTooLong},
		{consented, minute(20) - 1, minute(30), BeforeConsent},
		{consented, minute(20), minute(30), Unmatched},
		{consented, minute(5), minute(5) + month, BeforeConsent}, // though it lies in an earlier one
	} {
		if got := c.history.discounted(c.at, c.now); got != c.want {
			t.Errorf("at %d, asked at %d: %v, want %v", c.at, c.now, got, c.want)
		}
	}
}

// TestLoginsOfOneInstantAreOne: whichever comes first, the latest plan counts (rule 4), and the customer number names the
// shift, else the first workProviderUserId in order.
func TestLoginsOfOneInstantAreOne(t *testing.T) {
	login := func(name person.Name, planned Instant) Fact {
		return Fact{Name: name, Kind: Login, At: minute(0), PlannedEnd: planned}
	}
	a, b := userNamed("a"), userNamed("b")
	for _, c := range []struct {
		facts []Fact
		want  Shift
	}{
		{[]Fact{login(a, minute(60)), login(b, minute(90))}, Shift{minute(0), minute(90), ByPlan, a}},
		{[]Fact{login(a, minute(90)), login(b, minute(60))}, Shift{minute(0), minute(90), ByPlan, a}},
		{[]Fact{login(b, minute(60)), login(a, Never)}, Shift{minute(0), minute(14 * 60), ByItself, a}},
		{[]Fact{login(a, minute(60)), login(b, minute(90)), login(courier, minute(30))}, Shift{minute(0), minute(90), ByPlan, courier}},
	} {
		for range len(c.facts) {
			c.facts = append(c.facts[1:], c.facts[0])
			ms := moments(slices.Clone(c.facts))
			if shifts, _ := fold(ms, always); len(shifts) != 1 || shifts[0] != c.want {
				t.Errorf("%v:\ngot  %v\nwant %v", c.facts, shifts, c.want)
			}
		}
	}
}

// TestTheSameEvent is rule 1: a planned end does not make another event, anything else does.
func TestTheSameEvent(t *testing.T) {
	f := in(0)
	planned := f
	planned.PlannedEnd = minute(60)
	if !f.same(f) || !f.same(planned) || !planned.same(f) {
		t.Error("an event is not itself")
	}
	late, logout, others := f, f, f
	late.At++
	logout.Kind = Logout
	others.Name = userNamed(f.Name.Value)
	for _, other := range []Fact{late, logout, others} {
		if f.same(other) {
			t.Errorf("%v is %v", f, other)
		}
	}
}

func TestStorable(t *testing.T) {
	first := At(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	end := At(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	for at, want := range map[Instant]bool{first - 1: false, first: true, 0: true, end - 1: true, end: false, Never: false} {
		if got := at.Storable(); got != want {
			t.Errorf("%d: %v", at, got)
		}
	}
}

// TestDistinct: DynamoDB refuses a set in which an element stands twice.
func TestDistinct(t *testing.T) {
	for _, c := range [][2][]int{{nil, nil}, {{1}, {1}}, {{1, 1}, {1}}, {{1, 2}, {1, 2}}, {{3, 1, 3, 2, 1}, {3, 1, 2}}} {
		if got := distinct(slices.Clone(c[0])); !slices.Equal(got, c[1]) {
			t.Errorf("%v: %v", c[0], got)
		}
	}
}

// TestWhatBecameOfAMoment names the shifts by their place, and none where there is none.
func TestWhatBecameOfAMoment(t *testing.T) {
	both := moment{at: minute(30), login: true, logout: true, planned: Never, name: courier}
	_, tales := fold(append(moments([]Fact{out(-10), in(0), in(10), out(60)}), both), always)
	_, adjoining := fold([]moment{{at: minute(0), login: true, planned: Never, name: courier}, both}, always)
	want := []told{
		{0, LogoutWithoutLogin, -1, -1}, // a LOGOUT alone
		{OpenedShift, 0, 0, -1},
		{AlreadyOpen, 0, 0, -1},
		{0, ClosedShift, -1, 0},
		{OpenedShift, ClosedShift, 1, 1}, // both at once while closed
		{OpenedShift, 0, 0, -1},
		{OpenedShift, ClosedShift, 1, 0}, // and while open
	}
	if got := append(tales, adjoining...); !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestTwoEndsAtOneInstant: of two ends, the one that somebody chose goes first, and a withdrawal last (rule 4).
func TestTwoEndsAtOneInstant(t *testing.T) {
	long := in(0).At.Add(MaxShift)
	planned := in(0)
	planned.PlannedEnd = long
	withdrawn := NewHistory([]Entry{{Kind: Consent, At: minute(-1)}, {Kind: Match, At: minute(-1)}, {Kind: Withdrawal, At: long}})
	for _, c := range []struct {
		login   Fact
		history History
		want    Ending
	}{{planned, always, ByPlan}, {planned, withdrawn, ByPlan}, {in(0), withdrawn, ByItself}} {
		if shifts, _ := fold(moments([]Fact{c.login}), c.history); len(shifts) != 1 || shifts[0].End != long || shifts[0].By != c.want {
			t.Errorf("%v, want %v", shifts, c.want)
		}
	}
}

func TestWindowsAreHalfOpen(t *testing.T) {
	ms := moments([]Fact{in(0), in(1), in(2), in(3)})
	if got := within(slices.Clone(ms), minute(1), minute(3)); len(got) != 2 || got[0].at != minute(1) || got[1].at != minute(2) {
		t.Errorf("moments %v", got)
	}
	days := Days{day0, day0 + 1}
	// A run of days holds both its ends.
	for day, want := range map[Day]bool{day0 - 1: false, day0: true, day0 + 1: true, day0 + 2: false} {
		if days.has(day) != want {
			t.Errorf("%v: %v", day, !want)
		}
	}
}
