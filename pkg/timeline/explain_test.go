package timeline

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
)

func explain(t *testing.T, storage Storage, day Day) Explanation {
	t.Helper()
	s, err := Explain(t.Context(), storage, "courier-ltd", "ABC123", day, minute(3000))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestExplainSteps: an explanation begins with the shift that was open at midnight, and shows after each fact what it
// left open.
func TestExplainSteps(t *testing.T) {
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{
		in(-60), out(60), out(90), in(120), in(180), out(240),
		{Name: userIDName("12345"), Kind: Login, At: minute(600), PlannedEnd: minute(660)},
	}})
	s := explain(t, m, day0)
	want := []struct {
		at     int
		effect Effect
		open   Instant // the end of the shift that is open afterwards
	}{
		{-60, OpenedShift, minute(60)}, {60, ClosedShift, 0}, {90, LogoutWithoutLogin, 0}, {120, OpenedShift, minute(240)},
		{180, AlreadyOpen, minute(240)}, {240, ClosedShift, 0}, {600, OpenedShift, minute(660)},
	}
	if len(s.Steps) != len(want) {
		t.Fatalf("%+v", s.Steps)
	}
	for i, w := range want {
		step := s.Steps[i]
		if step.At != minute(w.at) || step.Outcome.Effect+step.Outcome.Reason != w.effect ||
			step.OpenShift.End != w.open {
			t.Errorf("%d: %+v", i, step)
		}
	}
	if len(s.Shifts) != 3 || s.Shifts[0].Start != minute(-60) || s.Shifts[2].EndedBy != EndPlanned || !s.RecordMatches {
		t.Errorf("%+v, record matches: %v", s.Shifts, s.RecordMatches)
	}
}

// TestExplainContinuedShift: a shift that goes on at a cut is explained once it has begun, and named by its LOGIN's
// day.
func TestExplainContinuedShift(t *testing.T) {
	const cut = 600 + 14*60 // midnight of the next day
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(600), in(660)}})
	for now, want := range map[int]int{cut - 1: 0, cut: 1, 5000: 1} {
		next, err := Explain(t.Context(), m, "courier-ltd", "ABC123", day0+1, minute(now))
		if err != nil || len(next.Shifts) != want || len(next.Named) != 0 || !next.RecordMatches {
			t.Errorf("at %d: %+v (%v)", now, next, err)
		}
		first, err := Explain(t.Context(), m, "courier-ltd", "ABC123", day0, minute(now))
		if err != nil || len(first.Shifts) != 1 || len(first.Named) != 2 || !first.RecordMatches {
			t.Errorf("at %d: %+v (%v)", now, first, err)
		}
	}
}

// TestExplainUncountedFacts: what does not count is shown, with the reason, and changes nothing.
func TestExplainUncountedFacts(t *testing.T) {
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(-6000), in(0), out(60)}})
	m.append("courier-ltd", "ABC123", Entry{Kind: NoMatch, At: minute(90)})
	_, err := m.AddFacts(t.Context(), "courier-ltd", courier, day0, []Fact{in(120)})
	if err != nil {
		t.Fatal(err)
	}
	s := explain(t, m, minute(-6000).Day())
	if len(s.Steps) != 1 || s.Steps[0].Outcome != (Outcome{State: Rejected, Reason: BeforeConsent}) ||
		len(s.Shifts) != 0 || !s.RecordMatches {
		t.Errorf("%+v", s)
	}
	s = explain(t, m, day0)
	if len(s.Steps) != 3 || s.Steps[2].Outcome != (Outcome{State: StateUnmatched}) || len(s.Shifts) != 1 {
		t.Errorf("%+v", s)
	}
	if s, err := Explain(t.Context(), m, "courier-ltd", "NOBODY", day0, minute(0)); err != nil || !s.History.IsEmpty() ||
		len(s.Steps) > 0 || !s.RecordMatches {
		t.Errorf("%+v, %v", s, err)
	}
}

// TestExplainComparesRecord: a record that is not what the facts say shows.
func TestExplainComparesRecord(t *testing.T) {
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(0), out(60)}})
	if _, err := m.AddFacts(t.Context(), "courier-ltd", courier, day0, []Fact{out(30)}); err != nil {
		t.Fatal(err)
	}
	if s := explain(t, m, day0); s.RecordMatches || s.Stored.Shifts[0].End != minute(60) || s.Shifts[0].End != minute(30) {
		t.Errorf("%+v", s)
	}
}

// TestExplainMatchesOutcomes: whatever was said, an explanation tells of each fact its outcome, and of each day what
// the record does.
func TestExplainMatchesOutcomes(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		facts := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Fact {
			f := Fact{Name: courier, Kind: Login, At: minute(15 * rapid.IntRange(-200, 400).Draw(r, "quarter")),
				PlannedEnd: Never}
			if rapid.Bool().Draw(r, "by id") {
				f.Name = userIDName("12345")
			}
			if rapid.Bool().Draw(r, "logout") {
				f.Kind = Logout
			}
			return f
		}), 0, 20).Draw(r, "facts")
		facts = dedupe(facts)
		m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: facts})
		day := Day(rapid.IntRange(int(day0)-1, int(day0)+2).Draw(r, "day"))
		s := explain(t, m, day)
		if !s.RecordMatches {
			r.Fatalf("the record has %v, the explanation %v", s.Stored.Shifts, s.Named)
		}
		var explained []Fact
		for _, step := range s.Steps {
			explained = append(explained, step.Fact)
		}
		for _, f := range facts {
			if f.At.Day() == day && !slices.ContainsFunc(explained, f.sameEvent) {
				r.Fatalf("%v is not explained", f)
			}
		}
		outcomes, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", explained, minute(3000))
		if err != nil {
			r.Fatal(err)
		}
		for i, o := range outcomes {
			if s.Steps[i].Outcome != o {
				r.Fatalf("%v is explained as %v, its outcome is %v", explained[i], s.Steps[i].Outcome, o)
			}
		}
	})
}

func TestFindUnmatched(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	now := At(time.Now())
	yesterday := now.Add(-24 * time.Hour)
	put := func(provider string, name person.Name, at Instant) {
		f := Fact{Name: name, Kind: Login, At: at, PlannedEnd: Never}
		if _, err := s.AddFacts(t.Context(), provider, name, at.Day(), []Fact{f}); err != nil {
			t.Fatal(err)
		}
	}
	tx := s.WriteTx()
	s.AppendHistory(tx, "courier-ltd", "ABC123", Entry{Kind: Consent, At: yesterday.Add(-time.Hour)},
		Entry{Kind: Match, At: yesterday})
	if err := tx.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	put("courier-ltd", courier, yesterday)
	put("courier-ltd", customerName("NOBODY"), yesterday)
	put("courier-ltd", userIDName("1#2"), yesterday)
	put("courier-ltd", userIDName("1#2"), yesterday.Add(-time.Hour))
	put("courier-ltd", userIDName("1#2"), yesterday.Add(-35*24*time.Hour)) // too long ago
	put("courier-ltd-2", userIDName("other"), yesterday)
	got, err := s.FindUnmatched(t.Context(), "courier-ltd", Days{now.Day() - 40, now.Day()}, now)
	if err != nil || len(got) != 2 || got[0].Name != customerName("NOBODY") || got[1].Name != userIDName("1#2") ||
		len(got[1].Facts) != 2 || got[1].Facts[0].At != yesterday.Add(-time.Hour) {
		t.Errorf("%+v, %v", got, err)
	}
}
