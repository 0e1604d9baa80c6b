package simulation

import (
	"encoding/json"
	"os"
	"testing"
)

// TestTheModelAgreesWithTheWorkedCases holds the model itself against the cases that the rules come with. Their times are
// minutes.
func TestTheModelAgreesWithTheWorkedCases(t *testing.T) {
	b, err := os.ReadFile("../../pkg/timeline/testdata/shifts.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Name     string
		Now      int64
		Events   [][]any
		Consents [][2]*int64
		Shifts   [][3]any
		Outcomes [][3]any
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	number := func(v any) int64 { return noon + int64(v.(float64))*minute }
	for _, c := range cases {
		m, now := newModel(), noon+c.Now*minute
		long := int64(noon - 100_000*minute)
		m.note(entry{courier, abc123, "match", "", long})
		if c.Consents == nil {
			m.note(entry{courier, abc123, "consent", "", long})
		}
		for _, v := range c.Consents {
			m.note(entry{courier, abc123, "consent", "", noon + *v[0]*minute})
			if v[1] != nil {
				m.note(entry{courier, abc123, "withdrawal", "", noon + *v[1]*minute})
			}
		}
		for _, e := range c.Events {
			f := fact{courier, 'C', abc123, e[1] == "LOGIN", number(e[0]), never}
			if len(e) > 2 && e[2] != nil {
				f.planned = number(e[2])
			}
			m.add(f)
		}
		covers := m.covers(courier, abc123)
		if len(covers) != len(c.Shifts) {
			t.Errorf("%s: %v, want %v", c.Name, covers, c.Shifts)
			continue
		}
		for i, want := range c.Shifts {
			got := covers[i]
			open := got.to > now
			if got.from != number(want[0]) || open != (want[2] == "OPEN") || !open && (got.to != number(want[1]) || got.by != want[2]) {
				t.Errorf("%s: %v, want %v", c.Name, got, want)
			}
		}
		for _, want := range c.Outcomes {
			got, _ := m.outcome(fact{courier, 'C', abc123, want[1] == "LOGIN", number(want[0]), never}, []string{abc123}, now)
			if want[2] != got.effect && want[2] != got.reason && want[2] != got.state {
				t.Errorf("%s: %v is %v", c.Name, want, got)
			}
		}
	}
	if len(cases) < 10 {
		t.Errorf("only %d cases", len(cases))
	}
}
