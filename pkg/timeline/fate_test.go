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

func (b *broken) Union(ctx context.Context, provider string, name person.Name, day Day, facts []Fact) ([]Fact, error) {
	if err := b.fails("Union", name.Value); err != nil {
		return nil, err
	}
	return b.Memory.Union(ctx, provider, name, day, facts)
}

func (b *broken) Append(ctx context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	if err := b.fails("Append", customer); err != nil {
		return nil, err
	}
	return b.Memory.Append(ctx, provider, customer, entries)
}

func (b *broken) Ownership(ctx context.Context, provider, userID string, hint bool) (Ownership, error) {
	call := "Ownership"
	if hint {
		call = "hint"
	}
	if err := b.fails(call, userID); err != nil {
		return Ownership{}, err
	}
	return b.Memory.Ownership(ctx, provider, userID, hint)
}

func (b *broken) Records(ctx context.Context, provider, customer string, of Days) ([]Record, error) {
	if err := b.fails("Records", customer); err != nil {
		return nil, err
	}
	return b.Memory.Records(ctx, provider, customer, of)
}

func (b *broken) Person(ctx context.Context, provider, customer string, of Days) (History, []Fact, error) {
	if err := b.fails("Person", customer); err != nil {
		return History{}, nil, err
	}
	return b.Memory.Person(ctx, provider, customer, of)
}

func (b *broken) Facts(ctx context.Context, provider string, name person.Name, of Days) ([]Fact, error) {
	if err := b.fails("Facts", name.Value); err != nil {
		return nil, err
	}
	return b.Memory.Facts(ctx, provider, name, of)
}

func (b *broken) PutPart(ctx context.Context, provider string, part Part) error {
	if err := b.fails("PutPart", part.Batch); err != nil {
		return err
	}
	return b.Memory.PutPart(ctx, provider, part)
}

func (b *broken) Write(ctx context.Context, provider, customer string, r Record) error {
	if err := b.fails("Write", customer); err != nil {
		return err
	}
	return b.Memory.Write(ctx, provider, customer, r)
}

// TestWhatFailsForOneMessageIsNoOthersMatter is promise 6 within a delivery: of its messages exactly those come again
// whose own facts, people or verdicts a failure concerns.
func TestWhatFailsForOneMessageIsNoOthersMatter(t *testing.T) {
	under := func(name person.Name) Fact { return Fact{Name: name, Kind: Login, At: minute(0), PlannedEnd: Never} }
	messages := []Changes{
		0: {Facts: []Fact{under(courier)}},
		1: {Facts: []Fact{under(userNamed("12345"))}}, // ABC123's, too
		2: {Facts: []Fact{under(numbered("ABC12"))}, Batch: "batch"},
		3: {Facts: []Fact{under(userNamed("nobody's"))}},
		4: {Verdicts: []Verdict{{"NX42Z", Entry{Kind: Match, At: minute(0)}}}},
		5: {Refolds: []Refold{{"ABC12", minute(0)}}},
	}
	for i := range messages {
		messages[i].Provider = "courier-ltd"
	}
	for _, c := range []struct {
		call, name string
		again      []int
	}{
		{"", "", nil},
		{"Union", "ABC123", []int{0}},
		{"Union", "12345", []int{1}},
		{"Append", "NX42Z", []int{4}},
		{"hint", "12345", []int{1}},
		{"hint", "nobody's", []int{3}},
		{"Ownership", "nobody's", []int{3}},
		{"Records", "ABC123", []int{0, 1}},
		{"Person", "ABC12", []int{2, 5}},
		{"Facts", "12345", []int{0, 1}},
		{"PutPart", "batch", []int{2}},
		{"Write", "ABC12", []int{2, 5}},
	} {
		m := known(t)
		m.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-5000)})
		m.append("courier-ltd", "ABC12", Entry{Kind: Match, At: minute(-5000)})
		for _, parallel := range []int{1, 8} {
			var again []int
			for i, r := range NewApplier(&broken{m, c.call, c.name}, parallel).Apply(t.Context(), messages) {
				if r.Err != nil {
					again = append(again, i)
				}
				if r.Full {
					t.Errorf("%s of %s: message %d found no room", c.call, c.name, i)
				}
			}
			if !slices.Equal(again, c.again) {
				t.Errorf("%s of %s fails: messages %v come again, want %v", c.call, c.name, again, c.again)
			}
		}
	}
}

// TestAFullDayIsOfItsMessageOnly is rule 9 within a delivery.
func TestAFullDayIsOfItsMessageOnly(t *testing.T) {
	m := known(t)
	full := make([]Fact, MaxFactsPerDay)
	for i := range full {
		full[i] = Fact{Name: courier, Kind: Logout, At: minute(0) + Instant(i), PlannedEnd: Never}
	}
	results := NewApplier(m, 1).Apply(t.Context(), []Changes{
		{Provider: "courier-ltd", Facts: full},
		{Provider: "courier-ltd", Facts: []Fact{in(1441)}},
	})
	if results[0] != (Result{Tally: Tally{NoEffect: MaxFactsPerDay}}) || results[1] != (Result{Tally: Tally{Applied: 1}}) {
		t.Errorf("%v", results)
	}
	results = NewApplier(m, 1).Apply(t.Context(), []Changes{
		{Provider: "courier-ltd", Facts: []Fact{in(1)}},
		{Provider: "courier-ltd", Facts: full[:1]},
		{Provider: "courier-ltd", Facts: []Fact{in(1442)}},
	})
	if !results[0].Full || results[2].Full || results[0].Err != nil {
		t.Errorf("%v", results)
	}
}
