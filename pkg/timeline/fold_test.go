package timeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/person"
)

// day0 is the midnight that the minutes of the worked cases count from.
const day0 = Day(20000)

const minuteLength = Instant(time.Minute / time.Microsecond)

func minute(m int) Instant { return day0.Start() + Instant(m)*minuteLength }

func minutesOf(at Instant) int { return int((at - minute(0)) / minuteLength) }

var courier = customerName("ABC123")

func in(m int) Fact { return Fact{Name: courier, Kind: Login, At: minute(m), PlannedEnd: Never} }

// acceptedAt returns the fact as it was accepted at a minute.
func (f Fact) acceptedAt(m int) Fact {
	f.Accepted = minute(m)
	return f
}

// until returns the LOGIN with a planned end at a minute.
func (f Fact) until(m int) Fact {
	f.PlannedEnd = minute(m)
	return f
}

func out(m int) Fact { return Fact{Name: courier, Kind: Logout, At: minute(m), PlannedEnd: Never} }

// caseHistory is the one of a case: matched long ago, and consented then unless the case says otherwise.
func caseHistory(c testkit.Case) History {
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

// caseFacts are the events of a case, each accepted a second after the one before, and what is taken back.
func caseFacts(c testkit.Case) []Fact {
	facts := make([]Fact, len(c.Events))
	for i, e := range c.Events {
		facts[i] = in(e.Minute)
		if e.Kind == "LOGOUT" {
			facts[i].Kind = Logout
		}
		if e.Planned != nil {
			facts[i].PlannedEnd = minute(*e.Planned)
		}
		facts[i].Accepted = minute(10_000).Add(time.Duration(i) * time.Second)
	}
	for _, v := range c.Voided {
		event := in(v.Minute)
		if v.Kind == "LOGOUT" {
			event.Kind = Logout
		}
		facts = append(facts, NewVoid(event, minute(9_000), "").Fact)
	}
	return facts
}

// tell writes shifts as the cases do: those that have begun, and the continued ones with the LOGIN that names them.
func foldCase(shifts []Shift, now Instant) (rows []testkit.CaseShift, names [][2]int) {
	for _, s := range shifts {
		if !s.Begun(now) {
			continue
		}
		row := testkit.CaseShift{Start: minutesOf(s.Start), End: minutesOf(s.End), EndedBy: s.EndedBy.String()}
		if s.Open(now) {
			row = testkit.CaseShift{Start: minutesOf(s.Start), EndedBy: "OPEN"}
		}
		rows = append(rows, row)
		if s.Continued() {
			names = append(names, [2]int{minutesOf(s.Start), minutesOf(s.Login)})
		}
	}
	return rows, names
}

func TestWorkedCases(t *testing.T) {
	for _, c := range testkit.Cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			for order := range uint64(3) {
				facts := append(caseFacts(c), caseFacts(c)...)
				random := rand.New(rand.NewPCG(1, order))
				random.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
				result := fold(facts, caseHistory(c))
				now := minute(c.Now)
				got, names := foldCase(result.shifts, now)
				if !slices.Equal(got, c.Shifts) || !slices.Equal(names, c.Names) {
					t.Errorf("shifts: got %v named %v, want %v named %v", got, names, c.Shifts, c.Names)
				}
				for _, want := range c.Outcomes {
					f := in(want.Minute)
					if want.Kind == "LOGOUT" {
						f.Kind = Logout
					}
					effect := result.history.uncountedReason(f.At, now)
					switch {
					case takenBack(f, result.voids):
						effect = Voided
					case result.history.Counts(f):
						effect, _ = result.outcome(f, now)
					}
					if effect.String() != want.Result {
						t.Errorf("%v: got %v", want, effect)
					}
				}
			}
		})
	}
}

// model is a reading of rules 2 to 4 that shares nothing with the fold, as slow as it is plain: it walks through time
// minute by minute, asks of all facts what insures then, and tells the shifts from that.
type model struct {
	facts   []Fact
	history History
}

// insured returns why the person is insured just after a minute: the latest end that a LOGIN reaches to, and how it
// ends.
func (m model) insured(minuteOf int) (until int, by string) {
	at := minute(minuteOf)
	consent, _ := m.history.ConsentedSince(at)
	for _, f := range m.facts {
		if f.Kind != Login || f.At < consent || f.At > at || !m.history.Counts(f) {
			continue
		}
		isOver := slices.ContainsFunc(m.facts, func(g Fact) bool {
			return g.Kind == Logout && g.At > f.At && g.At <= at && m.history.Counts(g)
		})
		to, reason := m.reach(f.At)
		if !isOver && to > minuteOf && (to > until || to == until && reason == "PLANNED") {
			until = to
			by = reason
		}
	}
	if !m.history.Consented(at) {
		return 0, ""
	}
	return until, by
}

// reach returns the end of the LOGIN at an instant: of its planned ends the one accepted last, else 14 hours.
func (m model) reach(at Instant) (int, string) {
	var plan *Fact
	for i, f := range m.facts {
		isPlan := f.Kind == Login && f.At == at && f.PlannedEnd != Never && m.history.Counts(f)
		if isPlan && (plan == nil || f.Accepted > plan.Accepted) {
			plan = &m.facts[i]
		}
	}
	if plan == nil {
		return minutesOf(at) + 14*60, "AUTO"
	}
	return minutesOf(plan.PlannedEnd), "PLANNED"
}

func (m model) said(kind Kind, minuteOf int) bool {
	return slices.ContainsFunc(m.facts, func(f Fact) bool {
		return f.Kind == kind && f.At == minute(minuteOf) && m.history.Counts(f)
	})
}

// firstOfDay reports whether no LOGIN came earlier on the day of a minute.
func (m model) firstOfDay(minuteOf int) bool {
	return !slices.ContainsFunc(m.facts, func(f Fact) bool {
		return f.Kind == Login && f.At.Day() == minute(minuteOf).Day() && f.At < minute(minuteOf) && m.history.Counts(f)
	})
}

// shifts walks through the minutes of [from, to).
func (m model) shifts(from, to int) (rows []testkit.CaseShift, names [][2]int) {
	var open bool
	var start, period, lastLogin, until int
	var by string
	end := func(at int, how string) {
		rows = append(rows, testkit.CaseShift{Start: start, End: at, EndedBy: how})
		open = false
	}
	for now := from; now < to; now++ {
		in := m.said(Login, now)
		wasOpen := open
		switch {
		case open && m.said(Logout, now):
			end(now, "LOGOUT")
		case open && !m.history.Consented(minute(now)):
			if until == now {
				end(now, by)
			} else {
				end(now, "WITHDRAWN")
			}
		case open && until == now:
			end(now, by)
		}
		nextUntil, nextBy := m.insured(now)
		cut := open && (now == start+14*60 || in && now >= period+14*60 && m.firstOfDay(now))
		if cut {
			end(now, "AUTO")
		}
		if in {
			lastLogin = now
		}
		if nextUntil > 0 && !open {
			open = true
			start = now
			if !wasOpen || !cut {
				period = now
			}
			if lastLogin < now {
				names = append(names, [2]int{now, lastLogin})
			}
		}
		until = nextUntil
		by = nextBy
	}
	return rows, names
}

// someFacts draws facts of a few days, to the minute, many of them at the same ones, in the order of their acceptance.
func someFacts(t *rapid.T) []Fact {
	accepted := minute(10_000)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
		edges := []int{0, 60, 600, 840, 841, 900, 1440, 1680, 2280}
		f := in(rapid.OneOf(rapid.IntRange(0, 4000), rapid.SampledFrom(edges)).Draw(t, "minute"))
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			f.Kind = Logout
		case 2:
			f.PlannedEnd = f.At.Add(time.Duration(rapid.IntRange(1, 840).Draw(t, "planned")) * time.Minute)
		}
		accepted = accepted.Add(time.Second)
		f.Accepted = accepted
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

// TestFoldMatchesModel holds the fold against a walk through every minute, whatever the order of the facts.
func TestFoldMatchesModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := someFacts(t)
		history := someHistory(t)
		want, wantNames := model{facts, history}.shifts(-10, 4000+2*14*60)
		shuffled := rapid.Permutation(append(slices.Clone(facts), facts...)).Draw(t, "order")
		shifts := fold(shuffled, history).shifts
		got, names := foldCase(shifts, Never)
		if fmt.Sprint(got, names) != fmt.Sprint(want, wantNames) {
			t.Fatalf("got  %v %v\nwant %v %v", got, names, want, wantNames)
		}
		for i, s := range shifts {
			if s.End <= s.Start || s.End > s.Start.Add(MaxShift) || i > 0 && s.Start < shifts[i-1].End {
				t.Fatalf("promise 4: shifts overlap, or are not of 0 to 14 hours: %v", shifts)
			}
			if i > 0 && s.Login <= shifts[i-1].Login {
				t.Fatalf("order by name is not order by start: %v", shifts)
			}
			if c, ok := history.consentAt(s.Start); !ok || s.End > c.to {
				t.Fatalf("promise 8: a shift outside its consent: %v", s)
			}
		}
	})
}

// TestInDoubtInsured is the principle: whoever is insured by some LOGINs is insured by them and more, at every minute.
func TestInDoubtInsured(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := someFacts(t)
		more := append(slices.Clone(facts), in(rapid.IntRange(0, 4000).Draw(t, "one more LOGIN")))
		covered := func(facts []Fact, at Instant) bool {
			return slices.ContainsFunc(fold(slices.Clone(facts), everCounted).shifts, func(s Shift) bool {
				return s.Start <= at && at < s.End
			})
		}
		planned := slices.ContainsFunc(facts, func(f Fact) bool { return f.PlannedEnd != Never })
		for m := 0; m < 5000 && !planned; m += 17 {
			if covered(facts, minute(m)) && !covered(more, minute(m)) {
				t.Fatalf("one more LOGIN takes cover away at minute %d", m)
			}
		}
	})
}

// TestLoginsAtOneInstant: whichever comes first, a plan beats none, the customer number names the shift, else the
// first workProviderUserId in order (rule 4).
func TestLoginsAtOneInstant(t *testing.T) {
	login := func(name person.Name, planned Instant, accepted int) Fact {
		return Fact{Name: name, Kind: Login, At: minute(0), PlannedEnd: planned, Accepted: minute(accepted)}
	}
	shift := func(end int, by EndReason, name person.Name) Shift {
		return Shift{Start: minute(0), End: minute(end), EndedBy: by, Login: minute(0), Name: name}
	}
	a := userIDName("a")
	b := userIDName("b")
	history := NewHistory(append(everCounted.Entries(),
		Entry{Kind: Link, At: minute(-10), UserID: "a"}, Entry{Kind: Link, At: minute(-10), UserID: "b"}))
	for _, c := range []struct {
		facts []Fact
		want  Shift
	}{
		{[]Fact{login(a, minute(60), 1), login(b, minute(90), 2)}, shift(90, EndPlanned, a)},
		{[]Fact{login(a, minute(90), 1), login(b, minute(60), 2)}, shift(60, EndPlanned, a)},
		{[]Fact{login(a, minute(90), 2), login(b, minute(60), 1)}, shift(90, EndPlanned, a)},
		{[]Fact{login(b, minute(60), 1), login(a, Never, 2)}, shift(60, EndPlanned, a)},
		{[]Fact{login(b, Never, 1), login(a, Never, 2)}, shift(14*60, EndAuto, a)},
		{[]Fact{login(a, minute(60), 3), login(b, minute(90), 2), login(courier, minute(30), 1)},
			shift(60, EndPlanned, courier)},
	} {
		for range len(c.facts) {
			c.facts = append(c.facts[1:], c.facts[0])
			if shifts := fold(slices.Clone(c.facts), history).shifts; len(shifts) != 1 || shifts[0] != c.want {
				t.Errorf("%v:\ngot  %v\nwant %v", c.facts, shifts, c.want)
			}
		}
	}
}

// TestLastAcceptedPlan is rule 12: of the plans of one LOGIN the one accepted last counts, whatever the order of
// delivery; an unknown acceptance is that of the fact's own instant; of two accepted at once the later end counts.
func TestLastAcceptedPlan(t *testing.T) {
	plan := func(end, accepted int) Fact {
		f := in(0)
		f.PlannedEnd = minute(end)
		f.Accepted = minute(accepted)
		return f
	}
	unknown := plan(600, 0)
	unknown.Accepted = 0
	earlier := plan(300, -1)
	for name, c := range map[string]struct {
		facts []Fact
		want  int
	}{
		"moved later":                           {[]Fact{plan(60, 1), plan(120, 2)}, 120},
		"moved earlier":                         {[]Fact{plan(120, 1), plan(60, 2)}, 60},
		"moved back to where it was":            {[]Fact{plan(120, 1), plan(60, 2), plan(120, 3)}, 120},
		"sent again without a plan":             {[]Fact{plan(120, 1), in(0), in(0).acceptedAt(9)}, 120},
		"accepted at once":                      {[]Fact{plan(120, 1), plan(60, 1)}, 120},
		"unknown, and known later":              {[]Fact{unknown, plan(60, 1)}, 60},
		"unknown, and accepted before its time": {[]Fact{unknown, earlier}, 600},
	} {
		for seed := range uint64(20) {
			facts := append(slices.Clone(c.facts), c.facts...)
			random := rand.New(rand.NewPCG(seed, 2))
			random.Shuffle(len(facts), func(i, j int) { facts[i], facts[j] = facts[j], facts[i] })
			shifts := fold(slices.Clone(facts), everCounted).shifts
			if len(shifts) != 1 || shifts[0].End != minute(c.want) || shifts[0].EndedBy != EndPlanned {
				t.Errorf("%s: %v, want an end at %d", name, shifts, c.want)
			}
			sortFacts(facts)
			if merged := mergeRepeats(facts); len(merged) != 1 || merged[0].PlannedEnd != minute(c.want) {
				t.Errorf("%s: merged to %v, want an end at %d", name, merged, c.want)
			}
		}
	}
}

// TestForgottenLogouts are the cases that the rules were made for.
func TestForgottenLogouts(t *testing.T) {
	at := func(day, hour, minute int) int { return 1440*day + 60*hour + minute }
	type shift struct {
		from, to int
		by       EndReason
	}
	for name, c := range map[string]struct {
		facts []Fact
		want  []shift
	}{
		"Monday's logout is forgotten": {
			[]Fact{in(at(0, 18, 0)), in(at(1, 7, 30)), out(at(1, 15, 0))},
			[]shift{{at(0, 18, 0), at(1, 8, 0), EndAuto}, {at(1, 8, 0), at(1, 15, 0), EndLogout}},
		},
		"two evenings' logouts are forgotten": {
			[]Fact{in(at(0, 20, 30)), in(at(0, 23, 50)), in(at(1, 12, 0)), out(at(2, 0, 10))},
			[]shift{
				{at(0, 20, 30), at(1, 10, 30), EndAuto}, {at(1, 10, 30), at(1, 12, 0), EndAuto},
				{at(1, 12, 0), at(2, 0, 10), EndLogout},
			},
		},
	} {
		result := fold(c.facts, everCounted)
		var got []shift
		for _, s := range result.shifts {
			got = append(got, shift{minutesOf(s.Start), minutesOf(s.End), s.EndedBy})
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %v\nwant %v", name, got, c.want)
		}
		for i, shift := range result.shifts[1:] {
			if end, by := result.coverEnd(i); end != minute(c.want[len(c.want)-1].to) || by != EndLogout {
				t.Errorf("%s: cover ends at %v (%v), after shift %v", name, end.Time(), by, shift)
			}
		}
	}
}

// TestContinuedShiftBeforeItsCut: until the cut has come the LOGIN that will continue the shift has no effect, and
// reads the shift that holds it; a LOGOUT before the cut leaves it so for good.
func TestContinuedShiftBeforeItsCut(t *testing.T) {
	const cut = 14 * 60
	result := fold([]Fact{in(0), in(600)}, everCounted)
	for _, c := range []struct {
		now    int
		effect Effect
		start  int
	}{{600, AlreadyOpen, 0}, {cut - 1, AlreadyOpen, 0}, {cut, ContinuedShift, cut}, {5000, ContinuedShift, cut}} {
		effect, shift := result.outcome(in(600), minute(c.now))
		if effect != c.effect || result.shifts[shift].Start != minute(c.start) {
			t.Errorf("at %d: %v of %v", c.now, effect, result.shifts[shift])
		}
	}
	for minuteOf, shifts := range map[int]int{cut - 1: 1, cut: 1, cut + 1: 2} {
		result = fold([]Fact{in(0), in(600), out(minuteOf)}, everCounted)
		if len(result.shifts) != shifts || result.shifts[shifts-1].EndedBy != EndLogout {
			t.Errorf("a LOGOUT at %d: %v", minuteOf, result.shifts)
		}
	}
}

// TestTimepointResults names the shifts by their place, and none where there is none. At one instant the LOGOUT goes
// first.
func TestTimepointResults(t *testing.T) {
	results := fold([]Fact{out(-10), in(0), in(10), out(60), in(90), out(90), in(100), out(100)}, everCounted).results
	want := []timepointResult{
		{0, LogoutWithoutLogin, -1, -1, 0}, // a LOGOUT alone
		{OpenedShift, 0, 0, -1, 0},
		{AlreadyOpen, 0, 0, -1, 0},
		{0, ClosedShift, -1, 0, 0},
		{OpenedShift, LogoutWithoutLogin, 1, -1, 1}, // both at once while closed
		{OpenedShift, ClosedShift, 2, 1, 2},         // and while open
	}
	if !slices.Equal(results, want) {
		t.Errorf("got  %v\nwant %v", results, want)
	}
}

// TestTwoEndsAtOneInstant: of two ends, the one that somebody chose goes first, and a withdrawal last (rule 4).
func TestTwoEndsAtOneInstant(t *testing.T) {
	long := in(0).At.Add(MaxShift)
	planned := in(0)
	planned.PlannedEnd = long
	withdrawn := NewHistory([]Entry{
		{Kind: Consent, At: minute(-1)}, {Kind: Match, At: minute(-1)}, {Kind: Withdrawal, At: long},
	})
	logout := out(14 * 60)
	for _, c := range []struct {
		facts   []Fact
		history History
		want    EndReason
	}{
		{[]Fact{planned}, everCounted, EndPlanned},
		{[]Fact{planned}, withdrawn, EndPlanned},
		{[]Fact{in(0)}, withdrawn, EndAuto},
		{[]Fact{planned, logout}, everCounted, EndLogout},
		{[]Fact{in(0), logout}, everCounted, EndLogout},
	} {
		shifts := fold(c.facts, c.history).shifts
		if len(shifts) != 1 || shifts[0].End != long || shifts[0].EndedBy != c.want {
			t.Errorf("%v, want %v", shifts, c.want)
		}
	}
}
