package simulation

import (
	"testing"

	"zego.com/workprovider/internal/testkit"
)

// TestModelWorkedCases holds the model itself against the cases that the rules come with.
func TestModelWorkedCases(t *testing.T) {
	checked := 0
	for _, c := range testkit.Cases(t) {
		checked++
		t.Run(c.Name, func(t *testing.T) { checkCase(t, c) })
	}
	if checked < 55 {
		t.Errorf("only %d cases", checked)
	}
}

// minuteOf is the instant of a case's minute.
func minuteOf(m int) int64 { return midnight(noon) + int64(m)*minute }

func eventOfCase(kind string, m int) fact {
	f := logoutOf(courier, name{'C', abc123}, minuteOf(m))
	f.login = kind == "LOGIN"
	return f
}

func checkCase(t *testing.T, c testkit.Case) {
	m := newModel()
	now := minuteOf(c.Now)
	longAgo := minuteOf(-100_000)
	m.note(entry{courier, abc123, "match", "", longAgo})
	if c.Consents == nil {
		m.note(entry{courier, abc123, "consent", "", longAgo})
	}
	for _, v := range c.Consents {
		m.note(entry{courier, abc123, "consent", "", minuteOf(*v[0])})
		if v[1] != nil {
			m.note(entry{courier, abc123, "withdrawal", "", minuteOf(*v[1])})
		}
	}
	for i, e := range c.Events {
		f := eventOfCase(e.Kind, e.Minute)
		f.accepted = now + int64(i)
		if e.Planned != nil {
			f.planned = minuteOf(*e.Planned)
		}
		m.add(f)
	}
	for _, v := range c.Voided {
		m.add(voidOf(eventOfCase(v.Kind, v.Minute)))
	}
	checkCaseShifts(t, c, m.shiftsTold(courier, abc123, now), now)
	for _, want := range c.Outcomes {
		event := eventOfCase(want.Kind, want.Minute)
		got, _, _ := m.outcome(event, []string{abc123}, now)
		if want.Result != got.effect && want.Result != got.reason && want.Result != got.state {
			t.Errorf("%v is %v", want, got)
		}
	}
}

func checkCaseShifts(t *testing.T, c testkit.Case, shifts []workShift, now int64) {
	if len(shifts) != len(c.Shifts) {
		t.Fatalf("%v, want %v", shifts, c.Shifts)
	}
	namedBefore := map[int64]int64{}
	for _, n := range c.Names {
		namedBefore[minuteOf(n[0])] = minuteOf(n[1])
	}
	for i, want := range c.Shifts {
		got := shifts[i]
		open := got.to > now
		if got.from != minuteOf(want.Start) || open != (want.EndedBy == "OPEN") {
			t.Errorf("%v, want %v", got, want)
		}
		if !open && (got.to != minuteOf(want.End) || got.endedBy != want.EndedBy) {
			t.Errorf("%v, want %v", got, want)
		}
		login, before := namedBefore[got.from]
		if before != got.continued() || before && got.login != login {
			t.Errorf("%v has another name than %v", got, c.Names)
		}
	}
}
