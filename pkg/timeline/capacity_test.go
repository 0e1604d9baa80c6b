package timeline

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
)

// several returns n facts of a kind under a name on a day, from the first-th microsecond on.
func several(name person.Name, kind Kind, first, n int) []Fact {
	facts := make([]Fact, n)
	for i := range facts {
		facts[i] = Fact{Name: name, Kind: kind, At: minute(0) + Instant(first+i), PlannedEnd: Never}
	}
	return facts
}

// TestDayCapacity is rule 9, on both stores: a day takes 1,900 events, and LOGOUTs up to 2,000; those that are there
// already need no room.
func TestDayCapacity(t *testing.T) {
	if maxLoginsPerDay != 1900 || MaxFactsPerDay != 2000 {
		t.Errorf("a day has room for %d LOGINs and %d facts", maxLoginsPerDay, MaxFactsPerDay)
	}
	for store, storage := range map[string]Storage{"store": NewStore(emulator.NewTestEnv(t)), "memory": NewMemory()} {
		for _, kind := range []Kind{Login, Logout} {
			limit := kind.capacity()
			for i, c := range []struct {
				before, first, n int // what is there, and what comes
				overflow, after  int
			}{
				{0, 0, limit, 0, limit},
				{0, 0, limit + 1, 1, limit},
				{0, 0, 3 * limit, 2 * limit, limit},
				{1, 1, limit - 1, 0, limit},
				{1, 1, limit, 1, limit},
				{1, 0, limit, 0, limit},
				{limit - 500, limit - 1000, 1000, 0, limit},
				{limit - 500, limit - 1000, 1001, 1, limit},
				{limit, 0, limit, 0, limit},
				{limit, 5, 1, 0, limit},
				{limit, limit, 1, 1, limit},
				{limit - 1, limit - 2, 3, 1, limit},
			} {
				name := customerName(fmt.Sprint("C", kind, i))
				add := func(facts []Fact) []Fact {
					overflow, err := storage.AddFacts(t.Context(), "courier-ltd", name, day0, facts)
					if err != nil {
						t.Fatal(err)
					}
					return overflow
				}
				if c.before > 0 {
					add(several(name, kind, 0, c.before))
				}
				for range 2 { // sent again, the same finds no room
					overflow := add(several(name, kind, c.first, c.n))
					if want := several(name, kind, c.first+c.n-c.overflow, c.overflow); !slices.Equal(overflow, want) {
						t.Errorf("%s, %v %v: no room for %d", store, kind, c, len(overflow))
					}
				}
				stored, err := storage.Facts(t.Context(), "courier-ltd", name, Days{day0, day0})
				if err != nil || !slices.Equal(sorted(stored), several(name, kind, 0, c.after)) {
					t.Errorf("%s, %v %v: %d stored (%v)", store, kind, c, len(stored), err)
				}
			}
		}
		// A month of a history has room for as many entries, but the writes of a transaction always fit.
		var entries []Entry
		for i := range MaxFactsPerDay + 2 {
			entries = append(entries, Entry{Kind: Match, At: minute(0) + Instant(i)})
		}
		overflow, err := storage.AddHistory(t.Context(), "courier-ltd", "FULL", entries)
		if err != nil || !slices.Equal(overflow, entries[MaxFactsPerDay:]) {
			t.Errorf("%s: no room for %d entries (%v)", store, len(overflow), err)
		}
	}
}

// TestFullDayLogout: a day that LOGINs have filled takes 100 LOGOUTs more, so that cover can be ended; a day that
// LOGOUTs have filled takes no LOGIN.
func TestFullDayLogout(t *testing.T) {
	for store, storage := range map[string]Storage{"store": NewStore(emulator.NewTestEnv(t)), "memory": NewMemory()} {
		add := func(facts []Fact) int {
			overflow, err := storage.AddFacts(t.Context(), "courier-ltd", courier, day0, facts)
			if err != nil {
				t.Fatal(err)
			}
			return len(overflow)
		}
		for i, c := range []struct {
			facts []Fact
			want  int
		}{
			{several(courier, Login, 0, 1901), 1},
			{several(courier, Logout, 0, 50), 0},
			{several(courier, Login, 1900, 1), 1},
			{append(several(courier, Login, 1899, 2), several(courier, Logout, 50, 2)...), 1},
			{several(courier, Logout, 52, 50), 2},
			{several(courier, Logout, 100, 1), 1},
			{several(courier, Logout, 99, 1), 0}, // it is there
		} {
			if got := add(c.facts); got != c.want {
				t.Errorf("%s, step %d: no room for %d, want %d", store, i, got, c.want)
			}
		}
	}
}

// TestFullDayRepeats: one event, accepted 3,000 times, with ever other plans, leaves room for all others.
func TestFullDayRepeats(t *testing.T) {
	repeats := make([]Fact, 3000)
	for i := range repeats {
		repeats[i] = in(0)
		repeats[i].Accepted = minute(0).Add(time.Duration(i) * time.Second)
		if i%4 < 3 { // the last has no plan
			repeats[i].PlannedEnd = minute(1 + i%600)
		}
	}
	for store, storage := range map[string]Storage{"store": NewStore(emulator.NewTestEnv(t)), "memory": NewMemory()} {
		add := func(facts []Fact) {
			overflow, err := storage.AddFacts(t.Context(), "courier-ltd", courier, day0, facts)
			if err != nil || len(overflow) > 0 {
				t.Fatalf("%s: no room for %d of %d (%v)", store, len(overflow), len(facts), err)
			}
		}
		for chunk := range slices.Chunk(repeats, 700) {
			add(slices.Clone(chunk))
		}
		add(several(courier, Login, 1, maxLoginsPerDay-1))
		add(several(courier, Logout, 0, MaxFactsPerDay-maxLoginsPerDay))
		add(slices.Clone(repeats[2000:2300]))
		stored, err := storage.Facts(t.Context(), "courier-ltd", courier, Days{day0, day0})
		if err != nil {
			t.Fatal(err)
		}
		sortFacts(stored)
		merged := mergeRepeats(stored)
		if len(merged) != MaxFactsPerDay || merged[1].Accepted != repeats[0].Accepted ||
			merged[1].PlannedEnd != repeats[2998].PlannedEnd {
			t.Errorf("%s: %d events, the repeated one is %v", store, len(merged), merged[1])
		}
	}
}

// TestNeeded: of all facts of an event the first and last accepted are needed, and the last with a plan.
func TestNeeded(t *testing.T) {
	accepted := func(m, planned int) Fact {
		f := in(0)
		f.Accepted = minute(m)
		if planned > 0 {
			f.PlannedEnd = minute(planned)
		}
		return f
	}
	for _, c := range []struct{ repeats, want []Fact }{
		{[]Fact{in(0)}, []Fact{in(0)}},
		{[]Fact{accepted(1, 0), accepted(2, 0), accepted(3, 0)}, []Fact{accepted(1, 0), accepted(3, 0)}},
		{
			[]Fact{accepted(1, 0), accepted(2, 60), accepted(3, 50), accepted(4, 0), accepted(5, 0)},
			[]Fact{accepted(1, 0), accepted(3, 50), accepted(5, 0)},
		},
		{[]Fact{accepted(1, 60), accepted(2, 50), accepted(3, 40)}, []Fact{accepted(1, 60), accepted(3, 40)}},
		{[]Fact{accepted(-5, 60), in(0), accepted(5, 0)}, []Fact{accepted(-5, 60), accepted(5, 0)}},
		{[]Fact{in(0), accepted(0, 0), accepted(5, 0)}, []Fact{in(0), accepted(5, 0)}}, // in(0) has no acceptance
	} {
		for range c.repeats {
			c.repeats = append(c.repeats[1:], c.repeats[0])
			got := slices.DeleteFunc(slices.Clone(c.repeats), func(f Fact) bool { return !needed(f, c.repeats) })
			if !slices.Equal(sorted(got), sorted(slices.Clone(c.want))) {
				t.Errorf("of %v are needed %v, want %v", c.repeats, got, c.want)
			}
		}
	}
}

// someRepeats draws facts of one name and day, many of them of the same few events.
func someRepeats(t *rapid.T) []Fact {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
		f := in(rapid.IntRange(0, 3).Draw(t, "minute"))
		switch rapid.IntRange(0, 3).Draw(t, "kind") {
		case 0:
			f.Kind = Logout
		case 1:
			f.PlannedEnd = f.At.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "planned")) * time.Hour)
		}
		if n := rapid.IntRange(0, 8).Draw(t, "accepted"); n > 0 {
			f.Accepted = minute(0).Add(time.Duration(n-4) * time.Minute)
		}
		return f
	}), 1, 12).Draw(t, "facts")
}

// crowd returns n events, of which none is one that someRepeats draws.
func crowd(n int) []Fact { return several(courier, Login, 1, n) }

// kept returns what a day tells of each event: the instants of its first and last acceptance, and the plan that counts.
func kept(facts []Fact) map[event][3]Instant {
	byEvent := map[event][]Fact{}
	for _, f := range facts {
		byEvent[f.event()] = append(byEvent[f.event()], f)
	}
	kept := map[event][3]Instant{}
	for e, repeats := range byEvent {
		sortFacts(repeats)
		planned := slices.DeleteFunc(slices.Clone(repeats), func(f Fact) bool { return f.PlannedEnd == Never })
		plan := Never
		if len(planned) > 0 {
			plan = planned[len(planned)-1].PlannedEnd
		}
		kept[e] = [3]Instant{repeats[0].acceptance(), repeats[len(repeats)-1].acceptance(), plan}
	}
	return kept
}

// TestAdmitKeepsCountedFacts: whatever the order in which facts come to a day that is nearly full, and however often,
// an event that was stored once finds room for ever, of each the first and last acceptance and the last plan are kept,
// and a day never has more than three facts of an event.
func TestAdmitKeepsCountedFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := crowd(maxLoginsPerDay - rapid.IntRange(0, 6).Draw(t, "room"))
		if rapid.Bool().Draw(t, "LOGOUTs, too") {
			stored = append(stored, several(courier, Logout, 1, rapid.IntRange(90, 100).Draw(t, "LOGOUTs"))...)
		}
		all := someRepeats(t)
		var accepted []Fact // those that found room
		for range rapid.IntRange(1, 6).Draw(t, "times") {
			facts := dedupe(rapid.SliceOfN(rapid.SampledFrom(all), 1, 6).Draw(t, "some"))
			events := kept(stored)
			next, overflow := admit(stored, facts)
			for _, f := range facts {
				_, known := events[f.event()]
				full := slices.Contains(overflow, f)
				if known && full {
					t.Fatalf("no room for %v, which is stored", f)
				}
				if !full {
					accepted = append(accepted, f)
				}
			}
			stored = next
			again, overflowAgain := admit(stored, facts)
			if !slices.Equal(overflowAgain, overflow) || !slices.Equal(again, stored) {
				t.Fatalf("the same once more: no room for %v after %v", overflowAgain, overflow)
			}
		}
		events := kept(stored)
		logouts := 0
		for e := range events {
			if e.kind == Logout {
				logouts++
			}
		}
		if len(events) > MaxFactsPerDay || len(events)-logouts > maxLoginsPerDay || len(stored) > len(events)+2*len(all) {
			t.Fatalf("%d events, %d of them LOGOUTs, %d facts", len(events), logouts, len(stored))
		}
		for e, want := range kept(accepted) {
			if events[e] != want {
				t.Fatalf("of %v first, last and plan are %v, want %v", e, events[e], want)
			}
		}
	})
}

// TestStoresOverCapacity: both stores have room for the same on a day that is nearly full, and tell the same of
// it.
func TestStoresOverCapacity(t *testing.T) {
	store := NewStore(emulator.NewTestEnv(t))
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		memory := NewMemory()
		provider := fmt.Sprint("provider-", runs.Add(1))
		days := Days{day0, day0}
		room := rapid.IntRange(0, 6).Draw(t, "room")
		batches := [][]Fact{crowd(maxLoginsPerDay - room)}
		for range rapid.IntRange(1, 4).Draw(t, "times") {
			batches = append(batches, dedupe(someRepeats(t)))
		}
		for _, facts := range batches {
			overflow, err := store.AddFacts(context.Background(), provider, courier, day0, slices.Clone(facts))
			want, _ := memory.AddFacts(context.Background(), provider, courier, day0, slices.Clone(facts))
			if err != nil || !slices.Equal(overflow, want) {
				t.Fatalf("the store has no room for %v (%v), memory for %v", overflow, err, want)
			}
		}
		stored, err := store.Facts(context.Background(), provider, courier, days)
		if err != nil {
			t.Fatal(err)
		}
		want, _ := memory.Facts(context.Background(), provider, courier, days)
		if fmt.Sprint(kept(stored)) != fmt.Sprint(kept(want)) {
			t.Fatalf("the store has %v, memory %v", sorted(stored), sorted(want))
		}
	})
}

// TestWritersRacingForADay: whoever wins, the day holds as many events as it may, every fact is stored or refused, and
// none is both. What they repeat of stored events is there, too.
func TestWritersRacingForADay(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	store := NewStore(emulator.NewTestEnv(t))
	const writers = 8
	for round := range 5 {
		provider := fmt.Sprint("provider-", round)
		repeated := in(0)
		add := func(facts []Fact) ([]Fact, error) { return store.AddFacts(t.Context(), provider, courier, day0, facts) }
		if _, err := add(append(several(courier, Login, 1, maxLoginsPerDay-11), repeated)); err != nil {
			t.Fatal(err)
		}
		message := func(i int) []Fact { // neighbours have three facts in common
			again := repeated
			again.Accepted = minute(i)
			again.PlannedEnd = minute(100 + i)
			return append(several(courier, Login, maxLoginsPerDay-10+4*i, 7), again)
		}
		overflows := make([][]Fact, writers)
		var racing errgroup.Group
		for i := range writers {
			racing.Go(func() (err error) {
				overflows[i], err = add(message(i))
				return err
			})
		}
		if err := racing.Wait(); err != nil {
			t.Fatal(err)
		}
		stored, err := store.Facts(t.Context(), provider, courier, Days{day0, day0})
		if err != nil {
			t.Fatal(err)
		}
		events := kept(stored)
		if len(events) != maxLoginsPerDay {
			t.Errorf("%d events", len(events))
		}
		if got := events[repeated.event()]; got != [3]Instant{minute(0), minute(writers - 1), minute(100 + writers - 1)} {
			t.Errorf("of the repeated event first, last and plan are %v", got)
		}
		for i := range writers {
			for _, f := range message(i) {
				if _, ok := events[f.event()]; !ok && !slices.Contains(overflows[i], f) {
					t.Errorf("writer %d: %v is neither stored nor refused", i, f)
				}
			}
		}
	}
}

// between is an environment in which something is done after the first call of an operation.
func between(env *config.Env, operation string, do func()) {
	cfg := env.AWS().Copy()
	done := false
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("between", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			if awsmiddleware.GetOperationName(ctx) == operation && !done {
				done = true
				do()
			}
			return out, metadata, err
		}), middleware.After)
	})
	env.SetAWS(cfg)
}

// TestFullDayRace: what there was no room for at first is not forgotten when the rest finds none
// either, what another writer stored meanwhile is not refused, and no day ever takes more than it may.
func TestFullDayRace(t *testing.T) {
	const limit = MaxFactsPerDay
	logouts := func(first, n int) []Fact { return several(courier, Logout, first, n) }
	repeat := func(first, n, accepted int, planned Instant) []Fact {
		facts := several(courier, Login, first, n)
		for i := range facts {
			facts[i].Accepted = minute(accepted)
			facts[i].PlannedEnd = planned
		}
		return facts
	}
	for name, c := range map[string]struct {
		before, facts, other, want []Fact
	}{
		"others took the room": {
			logouts(0, limit-2), logouts(limit-2, 4), logouts(9000, 2), logouts(limit-2, 4),
		},
		"by the same facts": {
			logouts(0, limit-2), logouts(limit-2, 4), logouts(limit-2, 2), logouts(limit, 2),
		},
		"by those refused first": {
			logouts(0, limit-2), logouts(limit-2, 4), logouts(limit, 2), logouts(limit-2, 2),
		},
		// The two repeats drop what they make needless, so the set is no larger after the other writer than before it.
		"by as many facts as it dropped": {
			slices.Concat(repeat(0, 2, 1, minute(5)), repeat(0, 2, 2, minute(6)), repeat(0, 2, 3, Never), logouts(2, limit-3)),
			logouts(9000, 1),
			slices.Concat(logouts(9001, 1), repeat(0, 2, 4, minute(7))),
			logouts(9000, 1),
		},
	} {
		env := emulator.NewTestEnv(t)
		other := NewStore(env)
		add := func(s *Store, facts []Fact) []Fact {
			overflow, err := s.AddFacts(t.Context(), "courier-ltd", courier, day0, facts)
			if err != nil {
				t.Fatal(err)
			}
			return overflow
		}
		add(other, c.before)
		between(env, "Query", func() { add(other, c.other) })
		if overflow := add(NewStore(env), c.facts); !slices.Equal(overflow, c.want) {
			t.Errorf("%s: no room for %v, want %v", name, overflow, c.want)
		}
		stored, err := other.Facts(t.Context(), "courier-ltd", courier, Days{day0, day0})
		if events := kept(stored); err != nil || len(events) > limit {
			t.Errorf("%s: %d events (%v)", name, len(events), err)
		}
	}
}

// TestOutcomeOfFullDay: an event that is not stored is rejected once its day has no room for its kind; before, and if
// it was stored in time, it is not.
func TestOutcomeOfFullDay(t *testing.T) {
	m := knownCustomer(t)
	missing := several(courier, Login, 5000, 1)[0]
	end := several(courier, Logout, 5000, 1)[0]
	outcomes := func() [2]Outcome {
		o, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", []Fact{missing, end}, minute(3000))
		if err != nil {
			t.Fatal(err)
		}
		return [2]Outcome{o[0], o[1]}
	}
	full := Outcome{State: Rejected, Reason: TooManyFacts}
	for _, c := range []struct {
		facts []Fact
		want  [2]Outcome
	}{
		{several(courier, Login, 0, maxLoginsPerDay-1), [2]Outcome{}},
		{append(several(courier, Login, 0, 1), in(0).acceptedAt(1)), [2]Outcome{}}, // a repeat
		{several(courier, Login, 1899, 1), [2]Outcome{full, {}}},
		{several(courier, Logout, 0, 99), [2]Outcome{full, {}}},
		{several(courier, Logout, 99, 1), [2]Outcome{full, full}},
	} {
		if _, err := m.AddFacts(t.Context(), "courier-ltd", courier, day0, c.facts); err != nil {
			t.Fatal(err)
		}
		if got := outcomes(); got != c.want {
			t.Errorf("after %d facts from %v on: %v, want %v", len(c.facts), c.facts[0], got, c.want)
		}
	}
}
