package timeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"zego.com/workprovider/pkg/emulator"
)

// known is a store in memory with one customer who consented and was matched long ago, and what became of messages.
func known(t *testing.T, messages ...Changes) *Memory {
	t.Helper()
	m := NewMemory()
	m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(-5000)})
	m.append("courier-ltd", "ABC123", Entry{Kind: Match, At: minute(-5000)})
	m.Link("courier-ltd", "12345", "ABC123", minute(-5000))
	for _, r := range NewApplier(m, 1).Apply(t.Context(), messages) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return m
}

func shiftOf(from, to int) Shift {
	return Shift{Start: minute(from), End: minute(to), By: ByLogout, Name: courier}
}

func in(m int) Fact { return Fact{Name: courier, Kind: Login, At: minute(m), PlannedEnd: Never} }

func out(m int) Fact { return Fact{Name: courier, Kind: Logout, At: minute(m), PlannedEnd: Never} }

func rebuilt(t *testing.T, rows Rows, dry bool) []Difference {
	t.Helper()
	d, err := Rebuild(t.Context(), rows, "courier-ltd", "ABC123", dry)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func sameDifferences(a, b []Difference) bool {
	return slices.EqualFunc(a, b, func(a, b Difference) bool {
		return a.Day == b.Day && slices.Equal(a.Before, b.Before) && slices.Equal(a.After, b.After)
	})
}

func TestRebuildTellsAndMendsWhatDiffers(t *testing.T) {
	m := known(t, Changes{Provider: "courier-ltd", Facts: []Fact{in(0), out(60), in(1440), out(1500), in(2880), out(2940)}})
	if d := rebuilt(t, m, false); len(d) > 0 {
		t.Fatalf("what the processor wrote differs: %v", d)
	}
	p := m.partitions[partitionKey{"courier-ltd", courier}]
	spoil := func(day Day, shifts ...Shift) {
		r := Record{Day: day}
		if i, known := p.record(day); known {
			r = p.records[i]
		}
		r.Version, r.Shifts = r.Version+1, shifts
		if err := m.Write(t.Context(), "courier-ltd", "ABC123", r); err != nil {
			t.Fatal(err)
		}
	}
	spoil(day0, shiftOf(0, 61))               // wrong
	spoil(day0 + 1)                           // missing
	spoil(day0+5, shiftOf(5*1440, 5*1440+10)) // of a day without facts
	p.records = slices.DeleteFunc(p.records, func(r Record) bool { return r.Day == day0+2 })
	want := []Difference{
		{day0, []Shift{shiftOf(0, 61)}, []Shift{shiftOf(0, 60)}},
		{day0 + 1, nil, []Shift{shiftOf(1440, 1500)}},
		{day0 + 2, nil, []Shift{shiftOf(2880, 2940)}},
		{day0 + 5, []Shift{shiftOf(5*1440, 5*1440+10)}, nil},
	}
	for _, dry := range []bool{true, true, false} {
		if d := rebuilt(t, m, dry); !sameDifferences(d, want) {
			t.Fatalf("dry %v:\ngot  %v\nwant %v", dry, d, want)
		}
	}
	if d := rebuilt(t, m, true); len(d) > 0 {
		t.Errorf("afterwards it still differs: %v", d)
	}
	records, _ := m.Records(t.Context(), "courier-ltd", "ABC123", Days{day0, day0})
	if records[0].Revision != 2 {
		t.Errorf("a mended record has revision %d, want 2", records[0].Revision)
	}
	if d, err := Rebuild(t.Context(), m, "courier-ltd", "NOBODY", false); err != nil || len(d) > 0 {
		t.Errorf("somebody unknown: %v, %v", d, err)
	}
}

// busy is a store in which somebody writes records between a rebuild's reading and its writing.
type busy struct {
	*Memory
	writes int // that still come in between
	err    error
}

func (b *busy) Write(ctx context.Context, provider, customer string, r Record) error {
	if b.err != nil {
		return b.err
	}
	if b.writes > 0 {
		b.writes--
		now := Record{Day: r.Day}
		if records, _ := b.Records(ctx, provider, customer, Days{r.Day, r.Day}); len(records) > 0 {
			now = records[0]
		}
		if err := b.Memory.Write(ctx, provider, customer, now.next([]Shift{shiftOf(1, 2)})); err != nil {
			return err
		}
	}
	return b.Memory.Write(ctx, provider, customer, r)
}

func TestRebuildBeginsAgain(t *testing.T) {
	m := known(t)
	_, _ = m.Union(t.Context(), "courier-ltd", courier, day0, []Fact{in(0), out(60)})
	want := []Difference{{day0, []Shift{shiftOf(1, 2)}, []Shift{shiftOf(0, 60)}}}
	if d := rebuilt(t, &busy{Memory: m, writes: tries - 1}, false); !sameDifferences(d, want) {
		t.Errorf("got %v", d)
	}
	if d := rebuilt(t, m, true); len(d) > 0 {
		t.Errorf("afterwards it differs: %v", d)
	}
	_, _ = m.Union(t.Context(), "courier-ltd", courier, day0, []Fact{out(30)})
	if _, err := Rebuild(t.Context(), &busy{Memory: m, writes: tries}, "courier-ltd", "ABC123", false); !errors.Is(err, errContended) {
		t.Errorf("contended for for ever: %v", err)
	}
	if _, err := Rebuild(t.Context(), &busy{Memory: m, err: errFault}, "courier-ltd", "ABC123", false); !errors.Is(err, errFault) {
		t.Errorf("a failing store: %v", err)
	}
}

// TestRebuildFindsNothing: records that a simulation of faulty processors has left are what a rebuild makes.
func TestRebuildFindsNothing(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := &simulation{random: random, store: NewMemory(), faults: random.IntN(6)}
		s.run(s.someMessages())
		for _, provider := range []string{"courier-ltd", "parcels-co"} {
			for _, customer := range customers {
				if d, err := Rebuild(t.Context(), s.store, provider, customer, true); err != nil || len(d) > 0 {
					t.Fatalf("seed %d, %s, %s: %v, %v", seed, provider, customer, d, err)
				}
			}
		}
	}
}

func TestCustomersOfAProvider(t *testing.T) {
	s := StoreFrom(emulator.NewTestEnv(t))
	for _, of := range []struct {
		provider, customer string
		month              int
	}{{"courier-ltd", "ABC123", 0}, {"courier-ltd", "ABC123", 1}, {"courier-ltd", "ABC12", 0}, {"parcels-co", "NX42Z", 0}, {"courier-ltd-2", "NX42Z", 0}} {
		entry := Entry{Kind: Match, At: minute(of.month * 45 * 1440)}
		if _, err := s.Append(t.Context(), of.provider, of.customer, []Entry{entry}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Union(t.Context(), "courier-ltd", numbered("STRANGER"), day0, []Fact{in(0)}); err != nil {
		t.Fatal(err)
	}
	got, err := s.Customers(t.Context(), "courier-ltd")
	if want := []string{"ABC12", "ABC123"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
}
