package timeline

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// day0 is the midnight that the minutes of the worked cases count from.
const day0 = Day(20000)

func minute(m int) Instant { return day0.Start() + Instant(m)*60_000_000 }

var courier = numbered("ABC123")

// workedCase is one of testdata/shifts.json; its README is docs/shift-rules.md.
type workedCase struct {
	Name     string
	Now      int
	Events   []workedEvent
	Shifts   [][3]any
	Outcomes [][3]any
	Consents [][2]*int
}

type workedEvent struct {
	Minute  int
	Kind    string
	Planned *int
}

func (e *workedEvent) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.Minute, &e.Kind, &e.Planned})
}

func (e workedEvent) fact() Fact {
	f := Fact{Name: courier, Kind: Login, At: minute(e.Minute), PlannedEnd: Never}
	if e.Kind == "LOGOUT" {
		f.Kind = Logout
	}
	if e.Planned != nil {
		f.PlannedEnd = minute(*e.Planned)
	}
	return f
}

func workedCases(t *testing.T) []workedCase {
	t.Helper()
	b, err := os.ReadFile("testdata/shifts.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []workedCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// history is the one of the case: matched long ago, and consented then unless the case says otherwise.
func (c workedCase) history() History {
	entries := []Entry{{Kind: Match, At: minute(-100_000)}}
	if c.Consents == nil {
		entries = append(entries, Entry{Kind: Consent, At: minute(-100_000)})
	}
	for _, v := range c.Consents {
		entries = append(entries, Entry{Kind: Consent, At: minute(*v[0])})
		if v[1] != nil {
			entries = append(entries, Entry{Kind: Withdrawal, At: minute(*v[1])})
		}
	}
	return NewHistory(entries)
}

func (c workedCase) facts() []Fact {
	facts := make([]Fact, len(c.Events))
	for i, e := range c.Events {
		facts[i] = e.fact()
	}
	return facts
}

// shown writes shifts as the cases do.
func shown(shifts []Shift, now Instant) [][3]any {
	rows := [][3]any{}
	for _, s := range shifts {
		switch {
		case s.Start == s.End:
		case s.Open(now):
			rows = append(rows, [3]any{float64(s.Start-minute(0)) / 6e7, nil, "OPEN"})
		default:
			rows = append(rows, [3]any{float64(s.Start-minute(0)) / 6e7, float64(s.End-minute(0)) / 6e7, s.By.String()})
		}
	}
	return rows
}

func TestWorkedCases(t *testing.T) {
	for _, c := range workedCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			history := c.history()
			for order := range 3 {
				facts := append(c.facts(), c.facts()...)
				rand.New(rand.NewPCG(1, uint64(order))).Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
				ms := moments(history.counting(facts))
				shifts, tales := fold(ms, history)
				if got := shown(shifts, minute(c.Now)); fmt.Sprint(got) != fmt.Sprint(c.Shifts) {
					t.Errorf("shifts: got %v, want %v", got, c.Shifts)
				}
				for _, want := range c.Outcomes {
					at, login := minute(int(want[0].(float64))), want[1] == "LOGIN"
					effect := history.discounted(at, minute(c.Now))
					if i := slices.IndexFunc(ms, func(m moment) bool { return m.at == at }); i >= 0 && login && ms[i].login {
						effect = tales[i].login
					} else if i >= 0 && !login && ms[i].logout {
						effect = tales[i].logout
					}
					if effect.String() != want[2] {
						t.Errorf("%v at %v: got %v, want %v", want[1], want[0], effect, want[2])
					}
				}
			}
		})
	}
}

// model is an independent reading of rules 2 to 4, as slow as it is plain: it walks through time minute by minute, each
// in three steps, and asks of all facts what happens there.
func model(facts []Fact, history History, upTo int) [][3]any {
	rows := [][3]any{}
	var open bool
	var start, planned Instant
	for m := -2 * 1440; m <= upTo; m++ {
		at := minute(m)
		var in, out bool
		plan := Instant(-1)
		for _, f := range facts {
			if f.At == at && history.Counts(f) {
				in, out = in || f.Kind == Login, out || f.Kind == Logout
				if f.Kind == Login {
					plan = max(plan, f.PlannedEnd)
				}
			}
		}
		end := func(by string) {
			if start < at {
				rows = append(rows, [3]any{float64(start-minute(0)) / 6e7, float64(m), by})
			}
			open = false
		}
		if open && out {
			end("LOGOUT")
			out = false
		}
		withdrawn := !history.Consented(at)
		switch {
		case !open:
		case planned == at:
			end("PLANNED")
		case at-start == 14*60*60_000_000:
			end("AUTO")
		case withdrawn:
			end("WITHDRAWN")
		}
		if in && !open {
			open, start, planned = true, at, plan
		}
		if in {
			planned = max(planned, plan)
		}
		if out && open && start == at {
			open = false
		}
	}
	return rows
}

// someFacts draws facts of a few days, to the minute, many of them at the same ones.
func someFacts(t *rapid.T) []Fact {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
		f := Fact{Name: courier, Kind: Login, PlannedEnd: Never}
		f.At = minute(rapid.OneOf(rapid.IntRange(0, 4000), rapid.SampledFrom([]int{0, 60, 600, 840, 841, 900, 1440, 1680, 2280})).Draw(t, "minute"))
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0, 1:
			f.Kind = Logout
		case 2:
			f.PlannedEnd = f.At + Instant(rapid.IntRange(1, 840).Draw(t, "planned"))*60_000_000
		}
		return f
	}), 0, 30).Draw(t, "facts")
}

// someHistory draws a history that is mostly consented and matched, and sometimes anything.
func someHistory(t *rapid.T) History {
	entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
		kind := rapid.SampledFrom([]EntryKind{Consent, Withdrawal, Match, NoMatch}).Draw(t, "entry")
		return Entry{Kind: kind, At: minute(rapid.IntRange(-10, 4000).Draw(t, "minute"))}
	}), 0, 6).Draw(t, "entries")
	if rapid.Bool().Draw(t, "known") {
		entries = append(entries, Entry{Kind: Consent, At: minute(-2000)}, Entry{Kind: Match, At: minute(-2000)})
	}
	return NewHistory(entries)
}

// TestFoldAgreesWithThePlainModel holds the fold against a walk through every minute, whatever the order of the facts.
func TestFoldAgreesWithThePlainModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, history := someFacts(t), someHistory(t)
		want := fmt.Sprint(model(facts, history, 4000+15*60))
		shuffled := rapid.Permutation(append(slices.Clone(facts), facts...)).Draw(t, "order")
		shifts, _ := fold(moments(history.counting(shuffled)), history)
		if got := fmt.Sprint(shown(shifts, Never)); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		for i, s := range shifts {
			if s.End < s.Start || i > 0 && s.Start < shifts[i-1].End {
				t.Fatalf("promise 4: shifts overlap, or end before they start: %v", shifts)
			}
			if c, ok := history.consentAt(s.Start); !ok || s.End > c.to {
				t.Fatalf("promise 8: a shift outside its consent: %v", s)
			}
		}
	})
}

// TestFoldingMayStartAtAStartingPoint is rule 10: what is folded from a starting point on is what the whole fold says.
func TestFoldingMayStartAtAStartingPoint(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts, history := someFacts(t), someHistory(t)
		ms := moments(history.counting(facts))
		all, _ := fold(ms, history)
		from := minute(rapid.IntRange(-100, 5000).Draw(t, "from"))
		to := from + Instant(rapid.IntRange(0, 1000).Draw(t, "length"))*60_000_000
		everything := Days{firstDay, lastDay}
		start, _ := everything.startBefore(ms, from)
		stop, _ := everything.startAfter(ms, start, to)
		if start > from || stop <= to {
			t.Fatalf("the window [%d, %d) does not hold [%d, %d]", start, stop, from, to)
		}
		within := slices.DeleteFunc(slices.Clone(ms), func(m moment) bool { return m.at < start || m.at >= stop })
		got, _ := fold(within, history)
		want := slices.DeleteFunc(slices.Clone(all), func(s Shift) bool { return s.Start < start || s.Start >= stop })
		if !slices.Equal(got, want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
	})
}
