package timeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"zego.com/workprovider/pkg/emulator"
)

// knownCustomer is a store in memory with one customer who consented and was matched long ago, and what became of
// messages.
func knownCustomer(t *testing.T, messages ...MessageChanges) *Memory {
	t.Helper()
	m := NewMemory()
	m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(-5000)})
	m.append("courier-ltd", "ABC123", Entry{Kind: Match, At: minute(-5000)})
	m.Link("courier-ltd", "12345", "ABC123", minute(-5000))
	for _, r := range NewApplier(m, 1).Apply(t.Context(), messages, lastInstant) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return m
}

func shiftOf(from, to int) Shift {
	return Shift{Start: minute(from), End: minute(to), EndedBy: EndLogout, Login: minute(from), Name: courier}
}

func diffs(t *testing.T, storage Storage) []RecordDiff {
	t.Helper()
	d, err := DiffRecords(t.Context(), storage, "courier-ltd", "ABC123")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func rebuild(t *testing.T, storage Storage) []RecordDiff {
	t.Helper()
	d, err := Rebuild(t.Context(), storage, "courier-ltd", "ABC123")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func equalDiffs(a, b []RecordDiff) bool {
	return slices.EqualFunc(a, b, func(a, b RecordDiff) bool {
		return a.Day == b.Day && slices.Equal(a.Before, b.Before) && slices.Equal(a.After, b.After)
	})
}

func TestRebuildFixesDiffs(t *testing.T) {
	m := knownCustomer(
		t,
		MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(0), out(60), in(1440), out(1500), in(2880), out(2940)}},
	)
	if d := rebuild(t, m); len(d) > 0 {
		t.Fatalf("what the processor wrote differs: %v", d)
	}
	p := m.partitions[partitionKey{"courier-ltd", courier}]
	spoil := func(day Day, shifts ...Shift) {
		r := Record{Day: day}
		if i, known := p.record(day); known {
			r = p.records[i]
		}
		r.Version = r.Version + 1
		r.Shifts = shifts
		if err := m.PutRecord(t.Context(), "courier-ltd", "ABC123", r); err != nil {
			t.Fatal(err)
		}
	}
	spoil(day0, shiftOf(0, 61))               // wrong
	spoil(day0 + 1)                           // missing
	spoil(day0+5, shiftOf(5*1440, 5*1440+10)) // of a day without facts
	p.records = slices.DeleteFunc(p.records, func(r Record) bool { return r.Day == day0+2 })
	want := []RecordDiff{
		{day0, []Shift{shiftOf(0, 61)}, []Shift{shiftOf(0, 60)}},
		{day0 + 1, nil, []Shift{shiftOf(1440, 1500)}},
		{day0 + 2, nil, []Shift{shiftOf(2880, 2940)}},
		{day0 + 5, []Shift{shiftOf(5*1440, 5*1440+10)}, nil},
	}
	for i, find := range []func(*testing.T, Storage) []RecordDiff{diffs, diffs, rebuild} {
		if d := find(t, m); !equalDiffs(d, want) {
			t.Fatalf("%d:\ngot  %v\nwant %v", i, d, want)
		}
	}
	if d := diffs(t, m); len(d) > 0 {
		t.Errorf("afterwards it still differs: %v", d)
	}
	records, _ := m.Records(t.Context(), "courier-ltd", "ABC123", Days{day0, day0})
	if records[0].Revision != 2 {
		t.Errorf("a fixed record has revision %d, want 2", records[0].Revision)
	}
	if d, err := Rebuild(t.Context(), m, "courier-ltd", "NOBODY"); err != nil || len(d) > 0 {
		t.Errorf("an unknown customer: %v, %v", d, err)
	}
}

// busy is a store in which somebody writes records between a rebuild's reading and its writing.
type busy struct {
	*Memory
	writes int // that still come in between
	err    error
}

func (b *busy) PutRecord(ctx context.Context, provider, customer string, r Record) error {
	if b.err != nil {
		return b.err
	}
	if b.writes > 0 {
		b.writes--
		now := Record{Day: r.Day}
		if records, _ := b.Records(ctx, provider, customer, Days{r.Day, r.Day}); len(records) > 0 {
			now = records[0]
		}
		if err := b.Memory.PutRecord(ctx, provider, customer, now.nextVersion([]Shift{shiftOf(1, 2)})); err != nil {
			return err
		}
	}
	return b.Memory.PutRecord(ctx, provider, customer, r)
}

func TestRebuildRetriesConflicts(t *testing.T) {
	m := knownCustomer(t)
	_, _ = m.AddFacts(t.Context(), "courier-ltd", courier, day0, []Fact{in(0), out(60)})
	want := []RecordDiff{{day0, []Shift{shiftOf(1, 2)}, []Shift{shiftOf(0, 60)}}}
	if d := rebuild(t, &busy{Memory: m, writes: maxFoldAttempts - 1}); !equalDiffs(d, want) {
		t.Errorf("got %v", d)
	}
	if d := diffs(t, m); len(d) > 0 {
		t.Errorf("afterwards it differs: %v", d)
	}
	_, _ = m.AddFacts(t.Context(), "courier-ltd", courier, day0, []Fact{out(30)})
	if _, err := Rebuild(t.Context(), &busy{Memory: m, writes: maxFoldAttempts}, "courier-ltd", "ABC123"); !errors.Is(
		err,
		errContended,
	) {
		t.Errorf("contention without end: %v", err)
	}
	if _, err := Rebuild(t.Context(), &busy{Memory: m, err: errFault}, "courier-ltd", "ABC123"); !errors.Is(
		err,
		errFault,
	) {
		t.Errorf("a failing store: %v", err)
	}
}

// TestRebuildFindsNoDiffs: the records that a simulation of faulty processors leaves are what a rebuild makes.
func TestRebuildFindsNoDiffs(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := &simulation{random: random, store: NewMemory(), faults: random.IntN(6)}
		s.run(s.someMessages())
		for _, provider := range []string{"courier-ltd", "parcels-co"} {
			for _, customer := range customers {
				if d, err := DiffRecords(t.Context(), s.store, provider, customer); err != nil || len(d) > 0 {
					t.Fatalf("seed %d, %s, %s: %v, %v", seed, provider, customer, d, err)
				}
			}
		}
	}
}

func TestListCustomers(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	for _, of := range []struct {
		provider, customer string
		month              int
	}{{"courier-ltd", "ABC123", 0}, {"courier-ltd", "ABC123", 1}, {"courier-ltd", "ABC12", 0}, {"parcels-co", "NX42Z", 0},
		{"courier-ltd-2", "NX42Z", 0}} {
		entry := Entry{Kind: Match, At: minute(of.month * 45 * 1440)}
		if _, err := s.AddHistory(t.Context(), of.provider, of.customer, []Entry{entry}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AddFacts(t.Context(), "courier-ltd", customerName("STRANGER"), day0, []Fact{in(0)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Customers(t.Context(), "courier-ltd")
	if want := []string{"ABC12", "ABC123"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}
