package timeline

import (
	"math/rand/v2"
	"testing"
)

// TestTallyMatchesOutcomes: right after messages were applied, the outcomes of their facts are what the tallies counted
// without reading them.
func TestTallyMatchesOutcomes(t *testing.T) {
	seen := Tally{}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := &simulation{random: random, store: NewMemory()}
		messages := s.someMessages()
		if random.IntN(3) == 0 { // what was sent between two consents counts for nobody
			s.store.append("courier-ltd", "ABC123", Entry{Kind: Withdrawal, At: minute(-3500)})
			s.store.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(1400)})
		}
		results := NewApplier(s.store, 1).Apply(t.Context(), messages, minute(6000))
		for i, m := range messages {
			outcomes, err := NewOutcomeReader(s.store, 1).Outcomes(t.Context(), m.Provider, m.Facts, minute(6000))
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
				case StateUnmatched:
					want.Unmatched++
				case Rejected:
					want.Rejected++
				case StateVoided:
					want.Voided++
				}
			}
			if results[i].Tally != want {
				t.Fatalf("seed %d: tally of %+v is %+v, want %+v", seed, m, results[i].Tally, want)
			}
			seen.Applied += want.Applied
			seen.NoEffect += want.NoEffect
			seen.Unmatched += want.Unmatched
			seen.Rejected += want.Rejected
			seen.Voided += want.Voided
		}
	}
	if seen.Applied == 0 || seen.NoEffect == 0 || seen.Unmatched == 0 || seen.Rejected == 0 || seen.Voided == 0 {
		t.Errorf("seen %+v", seen)
	}
}

// TestTallyOfOverflowAndRetries: a fact without room on its day is rejected; one that is retried is not counted yet.
func TestTallyOfOverflowAndRetries(t *testing.T) {
	store := NewMemory()
	store.append("", "ABC123", Entry{Kind: Consent, At: minute(-5000)})
	store.append("", "ABC123", Entry{Kind: Match, At: minute(-5000)})
	day := make([]Fact, MaxFactsPerDay)
	for i := range day {
		day[i] = Fact{Name: customerName("ABC123"), Kind: Logout, At: minute(0) + Instant(i), PlannedEnd: Never}
	}
	one := MessageChanges{Facts: []Fact{in(1)}}
	applier := NewApplier(store, 1)
	if got := applier.Apply(t.Context(), []MessageChanges{{Facts: day}},
		lastInstant)[0].Tally; got != (Tally{NoEffect: len(day)}) {
		t.Errorf("a day of LOGOUTs is %+v", got)
	}
	if got := applier.Apply(t.Context(), []MessageChanges{one}, lastInstant)[0].Tally; got != (Tally{Rejected: 1}) {
		t.Errorf("one more is %+v", got)
	}
	applier = NewApplier(failing(store, "HistoryAndFacts", "ABC123"), 1)
	if got := applier.Apply(t.Context(), []MessageChanges{one}, lastInstant)[0]; got.Err == nil || got.Tally != (Tally{}) {
		t.Errorf("a retried one is %+v", got)
	}
}
