package timeline

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
)

func explained(t *testing.T, rows Rows, day Day) Story {
	t.Helper()
	s, err := Explain(t.Context(), rows, "courier-ltd", "ABC123", day, minute(3000))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A story begins with the shift that was open at midnight, and shows after each fact what it left open.
func TestAStoryStepByStep(t *testing.T) {
	m := known(t, Changes{Provider: "courier-ltd", Facts: []Fact{
		in(-60), out(60), out(90), in(120), in(180), out(240), {Name: userNamed("12345"), Kind: Login, At: minute(600), PlannedEnd: minute(660)},
	}})
	s := explained(t, m, day0)
	want := []struct {
		at     int
		effect Effect
		open   Instant // the end of what is open afterwards
	}{
		{-60, OpenedShift, minute(-60 + 14*60)}, {60, ClosedShift, 0}, {90, LogoutWithoutLogin, 0}, {120, OpenedShift, minute(120 + 14*60)},
		{180, AlreadyOpen, minute(120 + 14*60)}, {240, ClosedShift, 0}, {600, OpenedShift, minute(660)},
	}
	if len(s.Steps) != len(want) {
		t.Fatalf("%+v", s.Steps)
	}
	for i, w := range want {
		step := s.Steps[i]
		if step.Fact.At != minute(w.at) || step.Outcome.Effect+step.Outcome.Reason != w.effect || step.Open.End != w.open {
			t.Errorf("%d: %+v", i, step)
		}
	}
	if len(s.Shifts) != 3 || s.Shifts[0].Start != minute(-60) || s.Shifts[2].By != ByPlan || !s.Agrees {
		t.Errorf("%+v, agrees: %v", s.Shifts, s.Agrees)
	}
}

// What does not count is told, with the reason, and changes nothing.
func TestAStoryTellsWhatDoesNotCount(t *testing.T) {
	m := known(t, Changes{Provider: "courier-ltd", Facts: []Fact{in(-6000), in(0), out(60)}})
	m.append("courier-ltd", "ABC123", Entry{Kind: NoMatch, At: minute(90)})
	_, err := m.Union(t.Context(), "courier-ltd", courier, day0, []Fact{in(120)})
	if err != nil {
		t.Fatal(err)
	}
	s := explained(t, m, minute(-6000).Day())
	if len(s.Steps) != 1 || s.Steps[0].Outcome != (Outcome{State: Rejected, Reason: BeforeConsent}) || len(s.Shifts) != 0 || !s.Agrees {
		t.Errorf("%+v", s)
	}
	s = explained(t, m, day0)
	if len(s.Steps) != 3 || s.Steps[2].Outcome != (Outcome{State: Waiting}) || len(s.Shifts) != 1 {
		t.Errorf("%+v", s)
	}
	if s, err := Explain(t.Context(), m, "courier-ltd", "NOBODY", day0, minute(0)); err != nil || !s.History.IsEmpty() || len(s.Steps) > 0 || !s.Agrees {
		t.Errorf("%+v, %v", s, err)
	}
}

// A record that is not what the facts say shows.
func TestAStoryHoldsTheRecordAgainstTheFacts(t *testing.T) {
	m := known(t, Changes{Provider: "courier-ltd", Facts: []Fact{in(0), out(60)}})
	if _, err := m.Union(t.Context(), "courier-ltd", courier, day0, []Fact{out(30)}); err != nil {
		t.Fatal(err)
	}
	if s := explained(t, m, day0); s.Agrees || s.Stored.Shifts[0].End != minute(60) || s.Shifts[0].End != minute(30) {
		t.Errorf("%+v", s)
	}
}

// Whatever was said, a story tells of each fact what its sender is told, and of each day what lists tell.
func TestAStoryTellsWhatEverybodyIsTold(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		facts := rapid.SliceOfN(rapid.Custom(func(r *rapid.T) Fact {
			f := Fact{Name: courier, Kind: Login, At: minute(15 * rapid.IntRange(-100, 200).Draw(r, "quarter")), PlannedEnd: Never}
			if rapid.Bool().Draw(r, "by id") {
				f.Name = userNamed("12345")
			}
			if rapid.Bool().Draw(r, "logout") {
				f.Kind = Logout
			}
			return f
		}), 0, 20).Draw(r, "facts")
		facts = distinct(facts)
		m := known(t, Changes{Provider: "courier-ltd", Facts: facts})
		day := Day(rapid.IntRange(int(day0)-1, int(day0)+2).Draw(r, "day"))
		s := explained(t, m, day)
		if !s.Agrees {
			r.Fatalf("the record has %v, the story %v", s.Stored.Shifts, s.Shifts)
		}
		var told []Fact
		for _, step := range s.Steps {
			told = append(told, step.Fact)
		}
		for _, f := range facts {
			if f.At.Day() == day && !slices.ContainsFunc(told, f.same) {
				r.Fatalf("%v is not told", f)
			}
		}
		outcomes, err := NewObserver(m, 1).Outcomes(t.Context(), "courier-ltd", told, minute(3000))
		if err != nil {
			r.Fatal(err)
		}
		for i, o := range outcomes {
			if s.Steps[i].Outcome != o {
				r.Fatalf("%v: %v, its sender is told %v", told[i], s.Steps[i].Outcome, o)
			}
		}
	})
}

func TestUnheardIsWhatWaits(t *testing.T) {
	s := StoreFrom(emulator.NewTestEnv(t))
	now := At(time.Now())
	yesterday := now.Add(-24 * time.Hour)
	put := func(provider string, name person.Name, at Instant) {
		f := Fact{Name: name, Kind: Login, At: at, PlannedEnd: Never}
		if _, err := s.Union(t.Context(), provider, name, at.Day(), []Fact{f}); err != nil {
			t.Fatal(err)
		}
	}
	tx := s.WriteTx()
	s.AppendHistory(tx, "courier-ltd", "ABC123", Entry{Kind: Consent, At: yesterday.Add(-time.Hour)}, Entry{Kind: Match, At: yesterday})
	if err := tx.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	put("courier-ltd", courier, yesterday)
	put("courier-ltd", numbered("NOBODY"), yesterday)
	put("courier-ltd", userNamed("1#2"), yesterday)
	put("courier-ltd", userNamed("1#2"), yesterday.Add(-time.Hour))
	put("courier-ltd", userNamed("1#2"), yesterday.Add(-35*24*time.Hour)) // too long ago
	put("courier-ltd-2", userNamed("other"), yesterday)
	got, err := s.Unheard(t.Context(), "courier-ltd", Days{now.Day() - 40, now.Day()}, now)
	if err != nil || len(got) != 2 || got[0].Name != numbered("NOBODY") || got[1].Name != userNamed("1#2") ||
		len(got[1].Facts) != 2 || got[1].Facts[0].At != yesterday.Add(-time.Hour) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEverHeldOutlivesWhatIsHeld(t *testing.T) {
	h := NewHistory([]Entry{
		{Kind: Link, At: minute(0), UserID: "a"}, {Kind: Unlink, At: minute(1), UserID: "a"}, {Kind: Link, At: minute(2), UserID: "b"},
		{Kind: Consent, At: minute(2)}, {Kind: Unlink, At: minute(3), UserID: "b"}, {Kind: Link, At: minute(4), UserID: "b"},
	})
	if got := h.EverHeld(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
	if got := h.Entries(); len(got) != 6 || got[0].Kind.Word() != "LINK" || got[1].Kind.Word() != "UNLINK" {
		t.Errorf("%v", got)
	}
}
