package timeline

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// crowdedFacts draws so many facts of a few days, close enough that shifts are often in the way of a starting point.
func crowdedFacts(random *rand.Rand, n int) []Fact {
	facts := make([]Fact, n)
	for i := range facts {
		facts[i] = in(20 * random.IntN(300))
		switch random.IntN(8) {
		case 0, 1, 2:
			facts[i].Kind = Logout
		case 3:
			facts[i].PlannedEnd = facts[i].At.Add(MaxShift / 3)
		}
	}
	return facts
}

var always = NewHistory([]Entry{{Kind: Consent, At: minute(-100_000)}, {Kind: Match, At: minute(-100_000)}})

// TestWhatIsFoldedBetweenStartingPointsIsWhatIsFoldedFromAll is rule 10, also for whoever has read some of the days only:
// if that is not enough to know where folding may start and stop, it must say so.
func TestWhatIsFoldedBetweenStartingPointsIsWhatIsFoldedFromAll(t *testing.T) {
	enough := 0
	for seed := range uint64(20000) {
		random := rand.New(rand.NewPCG(seed, 0))
		facts := crowdedFacts(random, 1+random.IntN(14))
		all, _ := fold(moments(slices.Clone(facts)), always)
		from := minute(10 * (random.IntN(640) - 20))
		to := from + Instant(random.IntN(1000))*60_000_000

		read := Days{firstDay, lastDay}
		if random.IntN(2) == 0 {
			read = Days{from.Day() - Day(random.IntN(3)), to.Day() + Day(random.IntN(3))}
		}
		ms := moments(slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !read.has(f.At.Day()) }))
		start, ok := read.startBefore(ms, from)
		stop, ok2 := read.startAfter(ms, start, to)
		if !ok || !ok2 {
			if read.First == firstDay {
				t.Fatalf("seed %d: having read everything is not enough", seed)
			}
			continue
		}
		enough++
		if start > from || stop <= to {
			t.Fatalf("seed %d: the window [%d, %d) does not hold [%d, %d]", seed, start, stop, from, to)
		}
		got, _ := fold(within(ms, start, stop), always)
		want := slices.DeleteFunc(slices.Clone(all), func(s Shift) bool { return s.Start < start || s.Start >= stop })
		if !slices.Equal(got, want) {
			t.Fatalf("seed %d, [%d, %d), read %v:\ngot  %v\nwant %v", seed, start, stop, read, got, want)
		}
	}
	if enough < 15000 {
		t.Errorf("in %d of 20000 cases only was enough read", enough)
	}
}

// The limits of rule 10, to the microsecond.
func TestWhereFoldingMayStart(t *testing.T) {
	const long = 14 * 60 // minutes of the longest shift
	everything := Days{firstDay, lastDay}
	at := func(f Fact) moment { return moments([]Fact{f})[0] }
	for name, c := range map[string]struct {
		ms   []moment
		want Instant
	}{
		"nothing before":            {nil, minute(1000)},
		"a LOGIN 14 hours before":   {[]moment{at(in(1000 - long))}, minute(1000 - long)},
		"a little more than that":   {[]moment{{at: minute(1000-long) - 1, login: true}}, minute(1000)},
		"a LOGOUT":                  {[]moment{at(in(500)), at(out(600))}, minute(1000)},
		"a LOGOUT with a LOGIN":     {[]moment{{at: minute(600), login: true, logout: true}}, minute(600)},
		"one LOGIN after the other": {[]moment{at(in(-900)), at(in(-100)), at(in(700))}, minute(-900)},
		"a LOGIN at that instant":   {[]moment{at(in(1000))}, minute(1000)},
	} {
		if got, ok := everything.startBefore(c.ms, minute(1000)); !ok || got != c.want {
			t.Errorf("%s: from minute %v on, want %v", name, (got-minute(0))/60_000_000, (c.want-minute(0))/60_000_000)
		}
	}
	for name, c := range map[string]struct {
		ms   []moment
		want Instant
	}{
		"nothing after":            {nil, minute(1000) + 1},
		"a LOGIN at that instant":  {[]moment{at(in(1000))}, minute(1000+long) + 1},
		"a LOGOUT after it":        {[]moment{at(in(1000)), at(out(1060))}, minute(1060) + 1},
		"a LOGIN 14 hours after":   {[]moment{at(in(1000)), at(in(1000 + long))}, minute(1000+long+long) + 1},
		"a little more than that":  {[]moment{at(in(1000)), {at: minute(1000+long) + 1, login: true}}, minute(1000+long) + 1},
		"a LOGOUT at that instant": {[]moment{at(in(500)), at(out(1000))}, minute(500+long) + 1},
	} {
		if got, ok := everything.startAfter(c.ms, minute(400), minute(1000)); !ok || got != c.want {
			t.Errorf("%s: up to minute %v, want %v", name, (got-minute(0))/60_000_000, (c.want-minute(0))/60_000_000)
		}
	}
}

// Whoever has read 14 hours before, or after, knows enough, to the microsecond.
func TestHowFarReadingMustReach(t *testing.T) {
	days := Days{day0, day0}
	for at, want := range map[Instant]bool{minute(14 * 60): true, minute(14*60) - 1: false} {
		if _, ok := days.startBefore(nil, at); ok != want {
			t.Errorf("back from %d: %v", at-minute(0), ok)
		}
	}
	for at, want := range map[Instant]bool{minute(10*60) - 1: true, minute(10 * 60): false} {
		if _, ok := days.startAfter([]moment{{at: at, login: true}}, at, at); ok != want {
			t.Errorf("on from %d: %v", at-minute(0), ok)
		}
	}
}

// What has to be read first, and what more if that is not enough.
func TestDaysThatAreRead(t *testing.T) {
	first := around(interval{minute(0), minute(1440 + 60)})
	if first != (Days{day0 - 2, day0 + 2}) {
		t.Errorf("first %v", first)
	}
	if d := around(interval{firstDay.Start(), lastDay.End() - 1}); d != (Days{firstDay, lastDay}) {
		t.Errorf("all of time is %v", d)
	}
	for _, c := range []struct {
		before, after bool
		want          Days
	}{
		{true, false, Days{day0 - 42, day0 + 2}},
		{false, true, Days{day0 - 2, day0 + 42}},
		{true, true, Days{day0 - 42, day0 + 42}},
	} {
		if d := first.widen(c.before, c.after); d != c.want {
			t.Errorf("before %v, after %v: %v, want %v", c.before, c.after, d, c.want)
		}
	}
	for d, n := first, 0; d != (Days{firstDay, lastDay}); n++ {
		if d = d.widen(true, true); n > 10 {
			t.Fatalf("after %d readings not more than %v", n, d)
		}
	}
}
