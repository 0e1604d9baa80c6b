package testkit

import (
	"encoding/json"
	"os"
	"path/filepath"

	"zego.com/workprovider/pkg/emulator"
)

// Case is a worked case of docs/shift-rules.md, as pkg/timeline/testdata/shifts.json has it. Its times are minutes.
type Case struct {
	Name     string
	Now      int
	Events   []CaseEvent // in the order in which they are accepted, which decides between two planned ends
	Shifts   []CaseShift
	Outcomes []CaseOutcome
	Voided   []CaseEvent // what is taken back
	// Names are those of continued shifts: the start, and the LOGIN that names the shift.
	Names [][2]int
	// Consents are from when to when the customer shares; until nil, for good. Without any, they have shared for long.
	Consents [][2]*int
}

// CaseEvent is a LOGIN or LOGOUT. A LOGIN may have a planned end.
type CaseEvent struct {
	Minute  int
	Kind    string
	Planned *int
}

// UnmarshalJSON reads [minute, kind] or [minute, kind, planned end].
func (e *CaseEvent) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.Minute, &e.Kind, &e.Planned})
}

// CaseShift is a shift. One that is OPEN has no end: 0.
type CaseShift struct {
	Start   int
	End     int
	EndedBy string
}

// UnmarshalJSON reads [start, end or null, how it ended].
func (s *CaseShift) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&s.Start, &s.End, &s.EndedBy})
}

// CaseOutcome is what an event did: an effect, a reason or a state.
type CaseOutcome struct {
	Minute int
	Kind   string
	Result string
}

// UnmarshalJSON reads [minute, kind, result].
func (o *CaseOutcome) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&o.Minute, &o.Kind, &o.Result})
}

// Cases returns the worked cases.
func Cases(t interface {
	Helper()
	Fatal(args ...any)
}) []Case {
	t.Helper()
	root, err := emulator.Root()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(root, "pkg/timeline/testdata/shifts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []Case
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}
