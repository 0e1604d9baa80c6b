package simulation

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFourDayWindow holds the model against what every fold relies on: that the shifts which the LOGINs of a day
// name follow from the facts of the two days before to the day after, whatever lies around them.
func TestFourDayWindow(t *testing.T) {
	for seed := range uint64(500) {
		random := rand.New(rand.NewPCG(seed, 4))
		whole := newModel()
		whole.note(entry{courier, abc123, "consent", "", noon - 100*day})
		whole.note(entry{courier, abc123, "match", "", noon - 100*day})
		if random.IntN(4) == 0 {
			withdrawn := noon + random.Int64N(14*day)
			whole.note(entry{courier, abc123, "withdrawal", "", withdrawn})
			whole.note(entry{courier, abc123, "consent", "", withdrawn + random.Int64N(2*second)})
		}
		for _, f := range nastyFacts(random) {
			whole.add(f)
		}
		shifts := whole.foldOf(courier, abc123).shifts
		for d := midnight(noon) - day; d < noon+16*day; d += day {
			near := newModel()
			near.entries = whole.entries
			for f := range whole.facts {
				if d-2*day <= f.at && f.at < d+2*day {
					near.add(f)
				}
			}
			want := namedOn(shifts, d)
			got := namedOn(near.foldOf(courier, abc123).shifts, d)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s:\n%v of four days, but\n%v of all", seed, clock(d), got, want)
			}
		}
	}
}

// namedShift is what a record has of a shift.
type namedShift struct {
	span
	endedBy string
	login   int64
}

func namedOn(shifts []workShift, start int64) []namedShift {
	var withNames []namedShift
	for _, s := range shifts {
		if start <= s.login && s.login < start+day {
			withNames = append(withNames, namedShift{s.span, s.endedBy, s.login})
		}
	}
	return withNames
}

// nastyFacts are two weeks of LOGINs, few of them followed by a LOGOUT.
func nastyFacts(random *rand.Rand) []fact {
	grid := []int64{1, minute, hour, 7 * hour}[random.IntN(4)]
	every := []int64{hour, 5 * hour, 9 * hour, 13 * hour, maxShift}[random.IntN(5)]
	outs := []int{3, 10, 50}[random.IntN(3)]
	n := name{'C', abc123}
	var facts []fact
	for at := int64(noon - 6*hour); at < noon+14*day; at += 1 + random.Int64N(2*every) {
		rounded := at - at%grid
		login := loginOf(courier, n, rounded)
		switch random.IntN(4) {
		case 0:
			login.planned = rounded + 1 + random.Int64N(maxShift)
		case 1:
			login.planned = rounded + []int64{hour, 7 * hour, maxShift}[random.IntN(3)]
		}
		login.accepted = rounded + random.Int64N(hour)
		facts = append(facts, login)
		if random.IntN(outs) == 0 {
			facts = append(facts, logoutOf(courier, n, rounded+[]int64{0, maxShift, random.Int64N(20 * hour)}[random.IntN(3)]))
		}
	}
	return facts
}
