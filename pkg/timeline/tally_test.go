package timeline

import (
	"math/rand/v2"
	"testing"
)

// TestATallyIsWhatWhoAsksIsTold: right after messages were applied, to ask for the outcome of each of their facts gives
// what the tallies counted without asking.
func TestATallyIsWhatWhoAsksIsTold(t *testing.T) {
	seen := Tally{}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := &simulation{random: random, store: NewMemory()}
		messages := s.someMessages()
		if random.IntN(3) == 0 { // what was sent between two consents counts for nobody
			s.store.append("courier-ltd", "ABC123", Entry{Kind: Withdrawal, At: minute(-3500)})
			s.store.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(1400)})
		}
		results := NewApplier(s.store, 1).Apply(t.Context(), messages)
		for i, m := range messages {
			outcomes, err := NewObserver(s.store, 1).Outcomes(t.Context(), m.Provider, m.Facts, minute(5000))
			if err != nil || results[i].Err != nil {
				t.Fatal(err, results[i].Err)
			}
			var want Tally
			for _, o := range outcomes {
				switch o.State {
				case Applied:
					want.Applied++
				case NoEffect:
					want.NoEffect++
				case Waiting:
					want.Unmatched++
				case Rejected:
					want.Rejected++
				}
			}
			if results[i].Tally != want {
				t.Fatalf("seed %d: tally of %+v is %+v, want %+v", seed, m, results[i].Tally, want)
			}
			seen = Tally{seen.Applied + want.Applied, seen.NoEffect + want.NoEffect, seen.Unmatched + want.Unmatched, seen.Rejected + want.Rejected}
		}
	}
	if seen.Applied == 0 || seen.NoEffect == 0 || seen.Unmatched == 0 || seen.Rejected == 0 {
		t.Errorf("seen %+v", seen)
	}
}

// A fact without room on its day is rejected; whatever comes again is not counted yet.
func TestTallyOfWhatIsRefusedOrComesAgain(t *testing.T) {
	store := &broken{Memory: NewMemory()}
	store.append("", "ABC123", Entry{Kind: Consent, At: minute(-5000)})
	store.append("", "ABC123", Entry{Kind: Match, At: minute(-5000)})
	day := make([]Fact, MaxFactsPerDay)
	for i := range day {
		day[i] = Fact{Name: numbered("ABC123"), Kind: Logout, At: minute(0) + Instant(i), PlannedEnd: Never}
	}
	one := Changes{Facts: []Fact{{Name: numbered("ABC123"), Kind: Login, At: minute(1), PlannedEnd: Never}}}
	applier := NewApplier(store, 1)
	if got := applier.Apply(t.Context(), []Changes{{Facts: day}})[0].Tally; got != (Tally{NoEffect: len(day)}) {
		t.Errorf("a day of LOGOUTs is %+v", got)
	}
	if got := applier.Apply(t.Context(), []Changes{one})[0].Tally; got != (Tally{Rejected: 1}) {
		t.Errorf("one more is %+v", got)
	}
	store.call, store.name = "Person", "ABC123"
	if got := applier.Apply(t.Context(), []Changes{one})[0]; got.Err == nil || got.Tally != (Tally{}) {
		t.Errorf("what comes again is %+v", got)
	}
}
