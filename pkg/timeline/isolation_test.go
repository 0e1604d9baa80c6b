package timeline

import (
	"slices"
	"testing"

	"zego.com/workprovider/pkg/person"
)

// failing returns a storage of which one operation fails for one key.
func failing(storage Storage, op, key string) Storage {
	return Intercept(storage, func(c Call, call func() error) error {
		if c.Op == op && c.Key == key {
			return errFault
		}
		return call()
	})
}

// TestFailureIsolationWithinDelivery is promise 6 within a delivery: of its messages exactly those are retried whose
// own facts, people or matches a failure concerns.
func TestFailureIsolationWithinDelivery(t *testing.T) {
	login := func(name person.Name) Fact { return Fact{Name: name, Kind: Login, At: minute(0), PlannedEnd: Never} }
	messages := []MessageChanges{
		0: {Facts: []Fact{login(courier)}},
		1: {Facts: []Fact{login(userIDName("12345"))}}, // ABC123's, too
		2: {Facts: []Fact{login(customerName("ABC12"))}, Batch: "batch"},
		3: {Facts: []Fact{login(userIDName("unlinked"))}, Batch: "other batch"},
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
			store := failing(m, c.call, c.name)
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
