package timeline

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// everCounted is a history in which everything counts.
var everCounted = NewHistory([]Entry{{Kind: Consent, At: minute(-1_000_000)}, {Kind: Match, At: minute(-1_000_000)}})

// A style is a way in which the facts of several days are drawn, each nasty in its own way to a fold that sees a part
// of them.
var styles = map[string]func(random *rand.Rand) []Fact{
	"crowded": func(random *rand.Rand) []Fact {
		return drawFacts(random, 20+random.IntN(40), func() int { return 20 * random.IntN(10*72) })
	},
	"a chain of LOGINs": func(random *rand.Rand) []Fact {
		var facts []Fact
		for m := 0; m < 10*1440; m += 30 + random.IntN(14*60) {
			facts = append(facts, in(m))
		}
		return append(facts, drawFacts(random, random.IntN(4), func() int { return random.IntN(10 * 1440) })...)
	},
	"at the edges of 14 hours": func(random *rand.Rand) []Fact {
		m := 0
		return drawFacts(random, 30, func() int {
			m += []int{0, 1, 10, 419, 420, 421, 839, 840, 841}[random.IntN(9)]
			return m % (10 * 1440)
		})
	},
	"around midnight": func(random *rand.Rand) []Fact {
		return drawFacts(random, 30, func() int { return 1440*random.IntN(10) + random.IntN(120) - 60 })
	},
	"noons and midnights": func(random *rand.Rand) []Fact {
		var facts []Fact
		for day := range 10 {
			for _, hour := range []int{0, 11, 22} {
				if random.IntN(4) > 0 {
					facts = append(facts, in(1440*day+60*hour+random.IntN(119)))
				}
			}
		}
		return facts
	},
	"evenings without a LOGOUT": func(random *rand.Rand) []Fact {
		var facts []Fact
		for day := range 10 {
			facts = append(facts, in(1440*day+1080+random.IntN(300)), in(1440*day+450+random.IntN(300)))
			if random.IntN(3) == 0 {
				facts = append(facts, out(1440*day+900+random.IntN(700)))
			}
		}
		return facts
	},
	"many plans": func(random *rand.Rand) []Fact {
		facts := drawFacts(random, 40, func() int { return 10 * random.IntN(10*144) })
		for i := range facts {
			if facts[i].Kind == Login && random.IntN(2) == 0 {
				facts[i].PlannedEnd = facts[i].At.Add(time.Duration(1+random.IntN(840)) * time.Minute)
			}
		}
		return facts
	},
}

// drawFacts draws so many facts at minutes, half of them LOGINs, some with a plan.
func drawFacts(random *rand.Rand, n int, minutes func() int) []Fact {
	facts := make([]Fact, n)
	for i := range facts {
		facts[i] = in(minutes())
		switch random.IntN(8) {
		case 0, 1, 2:
			facts[i].Kind = Logout
		case 3:
			facts[i].PlannedEnd = facts[i].At.Add(MaxShift / 3)
		}
	}
	return facts
}

func on(days Days, facts []Fact) []Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !days.has(f.At.Day()) })
}

// TestFourDayWindow is rule 10: the shifts named on a day are a function of the facts of the two days before it, of
// its own, and of those of the day after it. With a day less at either end they are not, which shows that the styles
// are nasty enough.
func TestFourDayWindow(t *testing.T) {
	wrongBefore := 0
	wrongAfter := 0
	for name, draw := range styles {
		for seed := range uint64(400) {
			facts := draw(rand.New(rand.NewPCG(seed, 0)))
			all := fold(slices.Clone(facts), everCounted).shifts
			for day := day0; day < day0+10; day++ {
				want := namedOn(all, Days{day, day})
				sameShifts := func(before, after Day) bool {
					days := Days{day - before, day + after}
					return slices.Equal(namedOn(fold(on(days, facts), everCounted).shifts, Days{day, day}), want)
				}
				if !sameShifts(2, 1) {
					t.Fatalf("%s, seed %d, day %d: want %v", name, seed, day-day0, want)
				}
				if !sameShifts(1, 1) {
					wrongBefore++
				}
				if !sameShifts(2, 0) {
					wrongAfter++
				}
			}
		}
	}
	if wrongBefore == 0 || wrongAfter == 0 {
		t.Errorf("a day less before is wrong in %d cases, a day less after in %d", wrongBefore, wrongAfter)
	}
}

// TestChangeWindow: of the shifts named on the days before the eve of a change, and later than the second day
// after it, none changes; and between, none outside the starting points around it.
func TestChangeWindow(t *testing.T) {
	reached := map[Day]int{}
	for name, draw := range styles {
		for seed := range uint64(2000) {
			random := rand.New(rand.NewPCG(seed, 1))
			facts := draw(random)
			change := drawFacts(random, 1, func() int { return random.IntN(10 * 1440) })
			before := fold(slices.Clone(facts), everCounted).shifts
			after := fold(append(change, facts...), everCounted)
			instant := interval{change[0].At, change[0].At}
			days := instant.days().changedDays()
			start := startBefore(after.points, instant.from)
			stop := startAfter(after.points, instant.to)
			for day := day0 - 5; day < day0+15; day++ {
				if slices.Equal(namedOn(before, Days{day, day}), namedOn(after.shifts, Days{day, day})) {
					continue
				}
				reached[day-change[0].At.Day()]++
				if !days.has(day) || day.End() <= start || day.Start() >= stop {
					t.Fatalf("%s, seed %d: %v changes day %d, but only [%v, %v) of %v is written",
						name, seed, change[0], day-day0, start.Time(), stop.Time(), days)
				}
			}
		}
	}
	for day := Day(-1); day <= 2; day++ {
		if reached[day] == 0 {
			t.Errorf("no change reached day %+d: %v", day, reached)
		}
	}
}

// The limits of starting points, to the microsecond.
func TestFoldBoundaries(t *testing.T) {
	const longest = 14 * 60 // minutes of the longest shift
	at := func(f Fact) timepoint { return groupByInstant([]Fact{f})[0] }
	for name, c := range map[string]struct {
		points []timepoint
		want   Instant
	}{
		"nothing before":            {nil, minute(1000)},
		"a LOGIN 14 hours before":   {[]timepoint{at(in(1000 - longest))}, minute(1000 - longest)},
		"a little more than that":   {[]timepoint{{at: minute(1000-longest) - 1, login: true}}, minute(1000)},
		"a LOGOUT":                  {[]timepoint{at(in(500)), at(out(600))}, minute(1000)},
		"a LOGOUT with a LOGIN":     {[]timepoint{{at: minute(600), login: true, logout: true}}, minute(600)},
		"one LOGIN after the other": {[]timepoint{at(in(-900)), at(in(-100)), at(in(700))}, minute(-900)},
		"a LOGIN at that instant":   {[]timepoint{at(in(1000))}, minute(1000)},
	} {
		if got := startBefore(c.points, minute(1000)); got != c.want {
			t.Errorf("%s: from minute %v on, want %v", name, (got-minute(0))/60_000_000, (c.want-minute(0))/60_000_000)
		}
	}
	for name, c := range map[string]struct {
		points []timepoint
		want   Instant
	}{
		"nothing after":           {nil, minute(1000) + 1},
		"a LOGIN at that instant": {[]timepoint{at(in(1000))}, minute(1000+longest) + 1},
		"a LOGOUT after it":       {[]timepoint{at(in(1000)), at(out(1060))}, minute(1060) + 1},
		"a LOGIN 14 hours after":  {[]timepoint{at(in(1000)), at(in(1000 + longest))}, minute(1000+longest+longest) + 1},
		"a little more than that": {[]timepoint{at(in(1000)), {at: minute(1000+longest) + 1, login: true}},
			minute(1000+longest) + 1},
		"a LOGOUT at that instant": {[]timepoint{at(in(500)), at(out(1000))}, minute(500+longest) + 1},
	} {
		if got := startAfter(c.points, minute(1000)); got != c.want {
			t.Errorf("%s: up to minute %v, want %v", name, (got-minute(0))/60_000_000, (c.want-minute(0))/60_000_000)
		}
	}
}

func TestReadDays(t *testing.T) {
	day := Days{day0, day0}
	for name, c := range map[string]struct{ got, want Days }{
		"the facts of a day's shifts":       {day.factDays(), Days{day0 - 2, day0 + 1}},
		"the shifts that touch a day":       {day.shiftDays(), Days{day0 - 1, day0}},
		"the shifts that a change reaches":  {day.changedDays(), Days{day0 - 1, day0 + 2}},
		"an interval":                       {interval{minute(0), minute(1440)}.days(), Days{day0, day0 + 1}},
		"an interval without an end":        {interval{minute(0), Never}.days(), Days{day0, lastDay}},
		"the days before the first of all":  {AllDays().factDays(), AllDays()},
		"the days after the last of a kind": {Days{lastDay, lastDay}.changedDays(), Days{lastDay - 1, lastDay}},
	} {
		if c.got != c.want {
			t.Errorf("%s: %v, want %v", name, c.got, c.want)
		}
	}
}

// TestDaysInclusive: a run of days holds the first and the last of them.
func TestDaysInclusive(t *testing.T) {
	days := Days{day0, day0 + 1}
	for day, want := range map[Day]bool{day0 - 1: false, day0: true, day0 + 1: true, day0 + 2: false} {
		if days.has(day) != want {
			t.Errorf("%v: %v", day, !want)
		}
	}
	shifts := []Shift{{Login: minute(-1)}, {Login: minute(0)}, {Login: minute(2*1440) - 1}, {Login: minute(2 * 1440)}}
	if got := namedOn(shifts, days); !slices.Equal(got, shifts[1:3]) {
		t.Errorf("named on %v: %v", days, got)
	}
}
