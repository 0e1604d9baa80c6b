package timeline

import (
	"context"
	"slices"
	"testing"

	"zego.com/workprovider/pkg/person"
)

// broken is a store in memory of which one call fails for one name.
type broken struct {
	*Memory
	call, name string
}

func (b *broken) fails(call, name string) error {
	if b.call == call && b.name == name {
		return errFault
	}
	return nil
}

func (b *broken) AddFacts(
	ctx context.Context, provider string, name person.Name, day Day, facts []Fact,
) ([]Fact, error) {
	if err := b.fails("AddFacts", name.Value); err != nil {
		return nil, err
	}
	return b.Memory.AddFacts(ctx, provider, name, day, facts)
}

func (b *broken) AddHistory(ctx context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	if err := b.fails("AddHistory", customer); err != nil {
		return nil, err
	}
	return b.Memory.AddHistory(ctx, provider, customer, entries)
}

func (b *broken) Ownership(ctx context.Context, provider, userID string) (Ownership, error) {
	if err := b.fails("Ownership", userID); err != nil {
		return Ownership{}, err
	}
	return b.Memory.Ownership(ctx, provider, userID)
}

func (b *broken) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	if err := b.fails("OwnershipHint", userID); err != nil {
		return Ownership{}, err
	}
	return b.Memory.OwnershipHint(ctx, provider, userID)
}

func (b *broken) Records(ctx context.Context, provider, customer string, days Days) ([]Record, error) {
	if err := b.fails("Records", customer); err != nil {
		return nil, err
	}
	return b.Memory.Records(ctx, provider, customer, days)
}

func (b *broken) HistoryAndFacts(
	ctx context.Context, provider, customer string, days Days,
) (History, []Fact, error) {
	if err := b.fails("HistoryAndFacts", customer); err != nil {
		return History{}, nil, err
	}
	return b.Memory.HistoryAndFacts(ctx, provider, customer, days)
}

func (b *broken) Facts(ctx context.Context, provider string, name person.Name, days Days) ([]Fact, error) {
	if err := b.fails("Facts", name.Value); err != nil {
		return nil, err
	}
	return b.Memory.Facts(ctx, provider, name, days)
}

func (b *broken) PutBatchPart(ctx context.Context, provider string, part BatchPart) error {
	if err := b.fails("PutBatchPart", part.Batch); err != nil {
		return err
	}
	return b.Memory.PutBatchPart(ctx, provider, part)
}

func (b *broken) PutBatchTally(ctx context.Context, provider, batch string, tally BatchTally) error {
	if err := b.fails("PutBatchTally", batch); err != nil {
		return err
	}
	return b.Memory.PutBatchTally(ctx, provider, batch, tally)
}

func (b *broken) PutRecord(ctx context.Context, provider, customer string, r Record) error {
	if err := b.fails("PutRecord", customer); err != nil {
		return err
	}
	return b.Memory.PutRecord(ctx, provider, customer, r)
}

// TestFailureIsolationWithinDelivery is promise 6 within a delivery: of its messages exactly those are retried whose
// own facts, people or matches a failure concerns.
func TestFailureIsolationWithinDelivery(t *testing.T) {
	under := func(name person.Name) Fact { return Fact{Name: name, Kind: Login, At: minute(0), PlannedEnd: Never} }
	messages := []MessageChanges{
		0: {Facts: []Fact{under(courier)}},
		1: {Facts: []Fact{under(userIDName("12345"))}}, // ABC123's, too
		2: {Facts: []Fact{under(customerName("ABC12"))}, Batch: "batch"},
		3: {Facts: []Fact{under(userIDName("unlinked"))}, Batch: "other batch"},
		4: {Matches: []MatchResult{{"NX42Z", Entry{Kind: Match, At: minute(0)}}}},
		5: {Recomputes: []Recompute{{"ABC12", minute(0)}}},
	}
	for i := range messages {
		messages[i].Provider = "courier-ltd"
	}
	for _, c := range []struct {
		call, name string
		retried    []int
	}{
		{"", "", nil},
		{"AddFacts", "ABC123", []int{0}},
		{"AddFacts", "12345", []int{1}},
		{"AddHistory", "NX42Z", []int{4}},
		{"OwnershipHint", "12345", []int{1}},
		{"OwnershipHint", "unlinked", []int{3}},
		{"Ownership", "unlinked", []int{3}},
		{"Records", "ABC123", []int{0, 1}},
		{"HistoryAndFacts", "ABC12", []int{2, 5}},
		{"HistoryAndFacts", "NX42Z", []int{4}},
		{"Facts", "12345", []int{0, 1}},
		{"PutBatchPart", "batch", []int{2}},
		{"PutBatchTally", "batch", []int{2}},
		{"PutBatchTally", "other batch", []int{3}},
		{"PutRecord", "ABC12", []int{2, 5}},
	} {
		for _, parallel := range []int{1, 8} {
			m := knownCustomer(t)
			m.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-5000)})
			m.append("courier-ltd", "ABC12", Entry{Kind: Match, At: minute(-5000)})
			var retried []int
			store := &broken{m, c.call, c.name}
			for i, r := range NewApplier(store, parallel).Apply(t.Context(), messages, lastInstant) {
				if r.Err != nil {
					retried = append(retried, i)
				}
				if r.Overflow {
					t.Errorf("%s of %s: message %d found no room", c.call, c.name, i)
				}
				if counted := r.Tally.count(); counted != len(messages[i].Facts) && r.Err == nil || counted > 0 && r.Err != nil {
					t.Errorf("%s of %s: message %d: %v, and %d facts are counted", c.call, c.name, i, r.Err, counted)
				}
			}
			if !slices.Equal(retried, c.retried) {
				t.Errorf("%s of %s fails: messages %v are retried, want %v", c.call, c.name, retried, c.retried)
			}
			for i, m := range messages {
				tallies, err := store.BatchTallies(t.Context(), m.Provider, m.Batch)
				if want := m.Batch != "" && !slices.Contains(c.retried, i); err != nil || len(tallies) > 0 != want {
					t.Errorf("%s of %s fails: tallies of message %d: %v (%v)", c.call, c.name, i, tallies, err)
				}
			}
		}
	}
}

// TestOverflowIsolationWithinDelivery is rule 9 within a delivery: a full day is the matter of its message only.
func TestOverflowIsolationWithinDelivery(t *testing.T) {
	m := knownCustomer(t)
	full := make([]Fact, MaxFactsPerDay)
	for i := range full {
		full[i] = Fact{Name: courier, Kind: Logout, At: minute(0) + Instant(i), PlannedEnd: Never}
	}
	results := NewApplier(m, 1).Apply(t.Context(), []MessageChanges{
		{Provider: "courier-ltd", Facts: full},
		{Provider: "courier-ltd", Facts: []Fact{in(1441)}},
	}, lastInstant)
	if results[0] != (Result{Tally: Tally{NoEffect: MaxFactsPerDay}}) || results[1] != (Result{Tally: Tally{Applied: 1}}) {
		t.Errorf("%v", results)
	}
	results = NewApplier(m, 1).Apply(t.Context(), []MessageChanges{
		{Provider: "courier-ltd", Facts: []Fact{in(1)}},
		{Provider: "courier-ltd", Facts: full[:1]},
		{Provider: "courier-ltd", Facts: []Fact{in(1442)}},
		{Provider: "courier-ltd", Facts: []Fact{out(1)}},
	}, lastInstant)
	if !results[0].Overflow || results[1].Overflow || results[2].Overflow || !results[3].Overflow ||
		results[0].Err != nil {
		t.Errorf("%v", results)
	}
}
