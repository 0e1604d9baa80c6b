package simulation

import (
	"encoding/json"
	"os"
	"testing"
)

// workedCase is one of the cases that the rules come with. Its times are minutes.
type workedCase struct {
	Name     string
	Now      int64
	Events   [][]any // minute, kind and, of a LOGIN with a planned end, that; in the order in which they were accepted
	Consents [][2]*int64
	Voided   [][]any
	Shifts   [][3]any   // start, end or null, how it ended
	Names    [][2]int64 // of a shift that is named by a LOGIN before its start: the start, and that LOGIN's minute
	Outcomes [][3]any   // minute, kind, and the effect, reason or state
}

// TestTheModelAgreesWithTheWorkedCases holds the model itself against the cases that the rules come with.
func TestTheModelAgreesWithTheWorkedCases(t *testing.T) {
	b, err := os.ReadFile("../../pkg/timeline/testdata/shifts.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []workedCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, c := range cases {
		if len(c.Voided) > 0 {
			continue // rule 11, which the model does not know
		}
		checked++
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
	if checked < 50 {
		t.Errorf("only %d cases", checked)
	}
}

// minuteOf is the instant of a case's minute.
func minuteOf(v any) int64 { return midnight(noon) + int64(v.(float64))*minute }

func (c workedCase) check(t *testing.T) {
	m := newModel()
	start := midnight(noon)
	now := start + c.Now*minute
	longAgo := start - 100_000*minute
	m.note(entry{courier, abc123, "match", "", longAgo})
	if c.Consents == nil {
		m.note(entry{courier, abc123, "consent", "", longAgo})
	}
	for _, v := range c.Consents {
		m.note(entry{courier, abc123, "consent", "", start + *v[0]*minute})
		if v[1] != nil {
			m.note(entry{courier, abc123, "withdrawal", "", start + *v[1]*minute})
		}
	}
	for i, e := range c.Events {
		f := fact{courier, 'C', abc123, e[1] == "LOGIN", minuteOf(e[0]), never, now + int64(i)}
		if len(e) > 2 && e[2] != nil {
			f.planned = minuteOf(e[2])
		}
		m.add(f)
	}
	c.checkShifts(t, m.shiftsTold(courier, abc123, now), now)
	for _, want := range c.Outcomes {
		event := fact{courier, 'C', abc123, want[1] == "LOGIN", minuteOf(want[0]), never, 0}
		got, _, _ := m.outcome(event, []string{abc123}, now)
		if want[2] != got.effect && want[2] != got.reason && want[2] != got.state {
			t.Errorf("%v is %v", want, got)
		}
	}
}

func (c workedCase) checkShifts(t *testing.T, shifts []workShift, now int64) {
	if len(shifts) != len(c.Shifts) {
		t.Fatalf("%v, want %v", shifts, c.Shifts)
	}
	namedBefore := map[int64]int64{}
	for _, n := range c.Names {
		namedBefore[midnight(noon)+n[0]*minute] = midnight(noon) + n[1]*minute
	}
	for i, want := range c.Shifts {
		got := shifts[i]
		open := got.to > now
		if got.from != minuteOf(want[0]) || open != (want[2] == "OPEN") {
			t.Errorf("%v, want %v", got, want)
		}
		if !open && (got.to != minuteOf(want[1]) || got.endedBy != want[2]) {
			t.Errorf("%v, want %v", got, want)
		}
		login, before := namedBefore[got.from]
		if before != got.continued() || before && got.login != login {
			t.Errorf("%v has another name than %v", got, c.Names)
		}
	}
}
