package timeline

import (
	"slices"
	"testing"
	"time"
)

// TestSameEvent is rule 1: neither a planned end nor an acceptance makes another event, anything else does.
func TestSameEvent(t *testing.T) {
	f := in(0)
	planned := f
	planned.PlannedEnd = minute(60)
	again := f
	again.Accepted = minute(10)
	if !f.sameEvent(f) || !f.sameEvent(planned) || !planned.sameEvent(f) || !f.sameEvent(again) {
		t.Error("an event is not itself")
	}
	late := f
	late.At++
	logout := f
	logout.Kind = Logout
	others := f
	others.Name = userIDName(f.Name.Value)
	for _, other := range []Fact{late, logout, others} {
		if f.sameEvent(other) {
			t.Errorf("%v is %v", f, other)
		}
	}
}

func TestInRange(t *testing.T) {
	first := At(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
	end := At(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))
	for at, want := range map[Instant]bool{
		first - 1: false, first: true, 0: true, end - 1: true, end: false, Never: false,
	} {
		if got := at.InRange(); got != want {
			t.Errorf("%d: %v", at, got)
		}
	}
}

// TestSecond: the beginning of an instant's second, before 1970, too.
func TestSecond(t *testing.T) {
	for at, want := range map[Instant]Instant{
		0: 0, 1: 0, second - 1: 0, second: second, second + 1: second, -1: -second, -second: -second,
		-second - 1: -2 * second,
	} {
		if got := at.second(); got != want {
			t.Errorf("%d: %d, want %d", at, got, want)
		}
	}
}

// TestDedupe: DynamoDB refuses a set in which an element stands twice.
func TestDedupe(t *testing.T) {
	for _, c := range [][2][]int{
		{nil, nil}, {{1}, {1}}, {{1, 1}, {1}}, {{1, 2}, {1, 2}}, {{3, 1, 3, 2, 1}, {3, 1, 2}},
	} {
		if got := dedupe(slices.Clone(c[0])); !slices.Equal(got, c[1]) {
			t.Errorf("%v: %v", c[0], got)
		}
	}
}
