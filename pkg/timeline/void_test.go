package timeline

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// someVoidedFacts draws facts of a few days, some of them taken back.
func someVoidedFacts(t *rapid.T) []Fact {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
		f := in(rapid.IntRange(0, 40).Draw(t, "hour") * 60)
		f.Accepted = minute(6000 + rapid.IntRange(0, 5).Draw(t, "accepted"))
		switch rapid.IntRange(0, 5).Draw(t, "kind") {
		case 0, 1:
			f.Kind = Logout
		case 2:
			f.PlannedEnd = f.At.Add(time.Duration(rapid.IntRange(1, 14).Draw(t, "planned")) * time.Hour)
		case 3:
			f = NewVoid(f, f.Accepted, "").Fact
		case 4:
			f.Kind = Logout
			f = NewVoid(f, f.Accepted, "").Fact
		}
		return f
	}), 0, 12).Draw(t, "facts")
}

// TestFoldWithVoids: a fold with what is taken back is the fold without it, whatever the order and however often
// each comes (rule 11).
func TestFoldWithVoids(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := someVoidedFacts(t)
		_, voids := splitVoids(facts)
		left := slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return takenBack(f, voids) })
		want := fold(left, everCounted).shifts
		mixed := rapid.Permutation(slices.Concat(facts, facts)).Draw(t, "order")
		got := fold(mixed, everCounted)
		if !slices.Equal(got.shifts, want) {
			t.Fatalf("%v\ngot  %v\nwant %v", facts, got.shifts, want)
		}
	})
}

// TestVoidReach: the days that a void changes are those between the starting points that there were before it came, too
// (rule 10).
func TestVoidReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := someVoidedFacts(t)
		reports, _ := splitVoids(facts)
		if len(reports) == 0 {
			return
		}
		event := rapid.SampledFrom(reports).Draw(t, "event")
		after := fold(append(slices.Clone(facts), NewVoid(event, minute(9000), "").Fact), everCounted)
		before := fold(slices.Clone(facts), everCounted)
		run := interval{event.At, event.At}
		days := run.days().changedDays()
		changed := after.changedShifts(run, days)
		for day := day0 - 2; day < day0+5; day++ {
			single := Days{day, day}
			same := slices.Equal(namedOn(before.shifts, single), namedOn(after.shifts, single))
			written := slices.ContainsFunc(changed, func(d dayShifts) bool { return d.day == day })
			if !same && !written {
				t.Fatalf("%v without %v: the shifts of %v change, and are not written", facts, event, day)
			}
		}
	})
}

// TestVoidedAt: of several voids the first says since when.
func TestVoidedAt(t *testing.T) {
	storage := NewMemory()
	for _, accepted := range []int{30, 20, 40, 20} {
		void := NewVoid(in(0), minute(accepted), "").Fact
		if _, err := storage.AddFacts(t.Context(), "courier-ltd", courier, day0, []Fact{void}); err != nil {
			t.Fatal(err)
		}
	}
	at, err := VoidedAt(t.Context(), storage, "courier-ltd", in(0))
	if err != nil || at != minute(20) {
		t.Errorf("taken back since %v (%v)", minutesOf(at), err)
	}
	if at, err := VoidedAt(t.Context(), storage, "courier-ltd", out(0)); err != nil || at != 0 {
		t.Errorf("a LOGOUT of that instant is not taken back: %v (%v)", minutesOf(at), err)
	}
}

// TestUnknownAcceptance: an event of which it is unknown when it was accepted counts as accepted at its own instant
// (rule 12). A repeat that was accepted at that very instant does not change what is known of it.
func TestUnknownAcceptance(t *testing.T) {
	unknown := in(0)
	known := in(0).acceptedAt(0)
	for _, facts := range [][]Fact{{unknown, known}, {known, unknown}} {
		result := fold(facts, NewHistory([]Entry{
			ConsentGiven(minute(-100_000).Time()), Matched(minute(-100_000).Time()),
		}))
		if start, _ := result.acceptances(result.shifts[0]); start != 0 {
			t.Errorf("the start of %v was accepted at %v", facts, start.Time())
		}
		if got := mergeRepeats(facts)[0].Accepted; got != 0 {
			t.Errorf("%v was accepted at %v", facts, got.Time())
		}
		if first := slices.MinFunc(facts, compareFirst); first != unknown {
			t.Errorf("the first of %v is %v", facts, first)
		}
	}
}

// TestFullDayVoids: a void takes no place, and of several of one event the first is kept; without its event it takes
// the event's place.
func TestFullDayVoids(t *testing.T) {
	full := several(courier, Login, 0, maxLoginsPerDay)
	voids := make([]Fact, len(full))
	for i, f := range full {
		voids[i] = NewVoid(f, minute(3000), "").Fact
	}
	next, overflow := admit(full, voids)
	if len(overflow) > 0 || len(next) != 2*maxLoginsPerDay {
		t.Errorf("voids of all that is there: %d stored, no room for %d", len(next), len(overflow))
	}
	later := NewVoid(full[0], minute(3001), "").Fact
	earlier := NewVoid(full[0], minute(2999), "").Fact
	next, overflow = admit(next, []Fact{later, earlier})
	if len(overflow) > 0 || len(next) != 2*maxLoginsPerDay || !slices.Contains(next, earlier) {
		t.Errorf("of several voids the first is kept: %d stored, no room for %d", len(next), len(overflow))
	}
	unknown := NewVoid(several(courier, Login, maxLoginsPerDay, 1)[0], minute(3000), "").Fact
	if _, overflow = admit(next, []Fact{unknown}); len(overflow) != 1 {
		t.Errorf("a void of what found no room: no room for %d", len(overflow))
	}
	first := several(courier, Login, 0, maxLoginsPerDay-1)
	next, _ = admit(first, []Fact{unknown})
	event := several(courier, Login, maxLoginsPerDay, 1)
	if _, overflow = admit(next, event); len(overflow) > 0 {
		t.Error("an event that was taken back before it came has its place")
	}
	if _, overflow = admit(next, several(courier, Login, maxLoginsPerDay-1, 1)); len(overflow) != 1 {
		t.Error("another event took that place")
	}
}
