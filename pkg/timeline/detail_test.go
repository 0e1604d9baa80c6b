package timeline

import (
	"slices"
	"testing"

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
