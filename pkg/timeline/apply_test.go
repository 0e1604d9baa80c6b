package timeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// This simulation runs the real applier on the store in memory, several at once, with every call to the store a point
// at which another may go on, the call may fail, its answer may be lost, or its process may die. Whatever happens, when
// all messages have at last been taken the records must be what one fold over everything says. A seed decides
// everything.

// simulation is one run.
type simulation struct {
	random *rand.Rand
	store  *Memory
	faults int // that may still happen
}

// lastInstant is later than everything that the simulation draws.
var lastInstant = minute(10_000)

var (
	errFault   = errors.New("the store did not answer")
	errCrashed = errors.New("the process died")
)

// processor is one applier at work on some messages. Every call that it makes to the store waits for its turn.
type processor struct {
	turn    chan struct{} // a turn is given
	waiting chan bool     // it waits for one (true), or has finished (false)
	crashed bool
	left    []MessageChanges // what has to come again
}

// stop is a point between two calls.
func (p *processor) stop() {
	p.waiting <- true
	<-p.turn
}

// storage returns the store as a processor sees it.
func (s *simulation) storage(p *processor) Storage {
	return Intercept(outdatedHints{s.store, s.random}, func(_ Call, call func() error) error {
		p.stop()
		if p.crashed {
			return errCrashed
		}
		fate := 0
		if s.faults > 0 {
			fate = s.random.IntN(12)
		}
		switch fate {
		case 1: // it fails
			s.faults--
			return errFault
		case 2: // it succeeds, but the answer is lost
			s.faults--
			_ = call()
			return errFault
		case 3: // the process dies before it
			s.faults--
			p.crashed = true
			return errCrashed
		case 4: // or after it
			s.faults--
			_ = call()
			p.crashed = true
			return errCrashed
		}
		return call()
	})
}

// outdatedHints is a storage of which every third hint is as old as can be.
type outdatedHints struct {
	Storage
	random *rand.Rand
}

func (o outdatedHints) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	if o.random.IntN(3) == 0 {
		return Ownership{}, nil
	}
	return o.Storage.OwnershipHint(ctx, provider, userID)
}

// start sets a processor to work on messages, up to its first call.
func (s *simulation) start(messages []MessageChanges) *processor {
	p := &processor{turn: make(chan struct{}), waiting: make(chan bool)}
	go func() {
		results := NewApplier(s.storage(p), 1).Apply(context.Background(), messages, lastInstant)
		for i, r := range results {
			if r.Err != nil || p.crashed {
				p.left = append(p.left, messages[i])
			}
		}
		p.waiting <- false
	}()
	return p
}

// run delivers messages until all have been taken, and now and then one that was taken again.
func (s *simulation) run(messages []MessageChanges) {
	pending := slices.Clone(messages)
	var working []*processor
	for len(pending) > 0 || len(working) > 0 {
		if len(pending) > 0 && (len(working) == 0 || len(working) < 3 && s.random.IntN(8) == 0) {
			s.random.Shuffle(len(pending), func(i, j int) { pending[i], pending[j] = pending[j], pending[i] })
			n := 1 + s.random.IntN(min(3, len(pending)))
			p := s.start(slices.Clone(pending[:n]))
			pending = pending[n:]
			if s.random.IntN(10) == 0 {
				pending = append(pending, messages[s.random.IntN(len(messages))])
			}
			if <-p.waiting {
				working = append(working, p)
			}
			continue
		}
		i := s.random.IntN(len(working))
		p := working[i]
		p.turn <- struct{}{}
		if !<-p.waiting {
			working = slices.Delete(working, i, i+1)
			pending = append(pending, p.left...)
		}
	}
}

// TestRecordsMatchFold is promises 2, 3, 9 and 10 in small.
func TestRecordsMatchFold(t *testing.T) {
	for seed := range uint64(4000) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &simulation{random: random, store: NewMemory(), faults: random.IntN(6)}
		messages := s.someMessages()
		s.run(messages)
		s.check(t, seed)
		s.checkBatches(t, seed, messages)
		if t.Failed() {
			return
		}
	}
}

// customers of the simulation: two at one provider, whose id may move, and their namesakes at another.
var customers = []string{"ABC123", "ABC12"}

// someMessages draws the facts and verdicts of a few days, and histories that change on the way.
func (s *simulation) someMessages() []MessageChanges {
	var messages []MessageChanges
	accepted := minute(6000)
	minutes := []int{
		0,
		60,
		600,
		700,
		840,
		900,
		1400,
		1430,
		1440,
		1500,
		1700,
		2280,
		2900,
		2950,
		3600,
		4000,
		4319,
		4321,
		5100,
	}
	for _, provider := range []string{"courier-ltd", "parcels-co"} {
		for _, customer := range customers {
			if s.random.IntN(6) > 0 {
				s.store.append(provider, customer, Entry{Kind: Consent, At: minute(-5000)})
			}
			if s.random.IntN(6) > 0 {
				s.store.append(provider, customer, Entry{Kind: Match, At: minute(-4000)})
			}
		}
		s.store.Link(provider, "12345", customers[0], minute(-4500))
		if s.random.IntN(2) == 0 {
			at := minute(minutes[s.random.IntN(len(minutes))])
			s.store.Link(provider, "12345", customers[1], at)
			messages = append(messages, MessageChanges{
				Provider: provider, Recomputes: []Recompute{{customers[0], at}, {customers[1], minute(-5000)}},
			})
		}
		for i := range s.random.IntN(8) {
			m := MessageChanges{Provider: provider}
			if s.random.IntN(3) == 0 {
				m.Batch = fmt.Sprint("batch-", i)
			}
			for range 1 + s.random.IntN(3) {
				accepted = accepted.Add(time.Second)
				f := in(minutes[s.random.IntN(len(minutes))])
				f.Name = userIDName("12345")
				f.Accepted = accepted
				if s.random.IntN(2) == 0 {
					f.Name = customerName(customers[s.random.IntN(2)])
				}
				switch s.random.IntN(5) {
				case 0, 1:
					f.Kind = Logout
				case 2:
					f.PlannedEnd = f.At.Add(MaxShift / time.Duration(1+s.random.IntN(4)))
				}
				m.Facts = append(m.Facts, f)
			}
			messages = append(messages, m)
			if len(m.Facts) > 0 && s.random.IntN(3) == 0 {
				event := m.Facts[s.random.IntN(len(m.Facts))]
				void := NewVoid(event, accepted.Add(time.Second), "A mistake")
				messages = append(messages, MessageChanges{Provider: provider, Voids: []Void{void}})
			}
		}
		if s.random.IntN(3) == 0 {
			kind := []EntryKind{Match, NoMatch}[s.random.IntN(2)]
			match := MatchResult{
				customers[s.random.IntN(2)], Entry{Kind: kind, At: minute(minutes[s.random.IntN(len(minutes))])},
			}
			messages = append(messages, MessageChanges{Provider: provider, Matches: []MatchResult{match}})
		}
	}
	return messages
}

// append puts an entry into a history, as if it had always been there.
func (m *Memory) append(provider, customer string, e Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, customerName(customer))
	p.append(e)
}

// check compares every record with a fold over all that is stored.
func (s *simulation) check(t *testing.T, seed uint64) {
	t.Helper()
	for _, provider := range []string{"courier-ltd", "parcels-co"} {
		for _, customer := range customers {
			result, err := foldDays(t.Context(), s.store, provider, customer, AllDays())
			if err != nil {
				t.Fatal(err)
			}
			var stored []Shift
			records, err := s.store.Records(t.Context(), provider, customer, AllDays())
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range records {
				stored = append(stored, r.Shifts...)
				if len(namedOn(r.Shifts, Days{r.Day, r.Day})) != len(r.Shifts) {
					t.Errorf("seed %d: the record of %v has shifts that are named on other days: %v", seed, r.Day, r.Shifts)
				}
			}
			if !slices.Equal(stored, result.shifts) {
				t.Errorf("seed %d, %s, %s:\nrecords %v\nfold    %v", seed, provider, customer, stored, result.shifts)
			}
		}
	}
}

// checkBatches holds what is stored of each batch against its message: the facts in their order, and as many of them
// counted.
func (s *simulation) checkBatches(t *testing.T, seed uint64, messages []MessageChanges) {
	t.Helper()
	for _, m := range messages {
		if m.Batch == "" {
			continue
		}
		parts, err := s.store.BatchParts(t.Context(), m.Provider, m.Batch, 0, 0)
		if err != nil || len(parts) != 1 || !slices.EqualFunc(parts[0].Facts, m.Facts, Fact.sameEvent) {
			t.Errorf("seed %d: the parts of %s are %v (%v), want %v", seed, m.Batch, parts, err, m.Facts)
		}
		tallies, err := s.store.BatchTallies(t.Context(), m.Provider, m.Batch)
		if err != nil || len(tallies) != 1 || tallies[0].count() != len(m.Facts) {
			t.Errorf("seed %d: the tallies of %s are %v (%v), want %d facts", seed, m.Batch, tallies, err, len(m.Facts))
		}
	}
}

func (t *Tally) count() int { return t.Applied + t.NoEffect + t.Unmatched + t.Rejected + t.Voided }

// TestNoMatchWinsTie is a tie of two matches that arrive one after the other (rule 7): the
// history that is left holds no true, but a record was written by the one that was there.
func TestNoMatchWinsTie(t *testing.T) {
	s := &simulation{store: NewMemory()}
	s.store.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(-5000)})
	applier := NewApplier(s.store, 1)
	for _, changes := range []MessageChanges{
		{Facts: []Fact{in(0)}},
		{Matches: []MatchResult{{"ABC123", Entry{Kind: Match, At: minute(60)}}}},
		{Matches: []MatchResult{{"ABC123", Entry{Kind: NoMatch, At: minute(60)}}}},
	} {
		changes.Provider = "courier-ltd"
		if r := applier.Apply(t.Context(), []MessageChanges{changes}, lastInstant)[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	s.check(t, 0)
}

// TestUnlinkedIDUnmatched: whoever had the id before has no part in its outcome.
func TestUnlinkedIDUnmatched(t *testing.T) {
	m := NewMemory()
	m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(0)})
	m.Link("courier-ltd", "12345", "ABC123", minute(0))
	f := in(-60)
	f.Name = userIDName("12345")
	if _, err := m.AddFacts(t.Context(), "courier-ltd", f.Name, f.At.Day(), []Fact{f}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Outcome{{State: Rejected, Reason: BeforeConsent}, {State: StateUnmatched}} {
		got, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", []Fact{f}, minute(60))
		if err != nil || got[0] != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
		m.Unlink("courier-ltd", "12345", minute(60))
	}
}
