package timeline

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"zego.com/workprovider/pkg/person"
)

// This simulation runs the real applier on the store in memory, several at once, with every call to the store a point at
// which another may go on, the call may fail, its answer may be lost, or its process may die. Whatever happens, when all
// messages have at last been taken the records must be what one fold over everything says. A seed decides everything.

// simulation is one run.
type simulation struct {
	random *rand.Rand
	store  *Memory
	faults int // that may still happen
}

var (
	errFault   = errors.New("the store did not answer")
	errCrashed = errors.New("the process died")
)

// processor is one applier at work on some messages. Every call that it makes to the store waits for its turn.
type processor struct {
	turn    chan struct{} // a turn is given
	waiting chan bool     // it waits for one (true), or has finished (false)
	crashed bool
	left    []Changes // what has to come again
}

// stop is a point between two calls.
func (p *processor) stop() {
	p.waiting <- true
	<-p.turn
}

// turns is the store as a processor sees it.
type turns struct {
	*simulation
	*processor
}

func call[T any](t turns, do func() (T, error)) (T, error) {
	t.stop()
	var none T
	if t.crashed {
		return none, errCrashed
	}
	fate := 0
	if t.faults > 0 {
		fate = t.random.IntN(12)
	}
	switch fate {
	case 1: // it fails
		t.faults--
		return none, errFault
	case 2: // it succeeds, but the answer is lost
		t.faults--
		_, _ = do()
		return none, errFault
	case 3: // the process dies before it
		t.faults--
		t.crashed = true
		return none, errCrashed
	case 4: // or after it
		t.faults--
		_, _ = do()
		t.crashed = true
		return none, errCrashed
	}
	return do()
}

func (t turns) Union(ctx context.Context, provider string, name person.Name, day Day, facts []Fact) ([]Fact, error) {
	return call(t, func() ([]Fact, error) { return t.store.Union(ctx, provider, name, day, facts) })
}

func (t turns) Append(ctx context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	return call(t, func() ([]Entry, error) { return t.store.Append(ctx, provider, customer, entries) })
}

func (t turns) Ownership(ctx context.Context, provider, userID string, hint bool) (Ownership, error) {
	return call(t, func() (Ownership, error) {
		if hint && t.random.IntN(3) == 0 {
			return Ownership{}, nil // as old as can be
		}
		return t.store.Ownership(ctx, provider, userID, hint)
	})
}

func (t turns) Records(ctx context.Context, provider, customer string, of Days) ([]Record, error) {
	return call(t, func() ([]Record, error) { return t.store.Records(ctx, provider, customer, of) })
}

func (t turns) Person(ctx context.Context, provider, customer string, of Days) (h History, facts []Fact, err error) {
	facts, err = call(t, func() (facts []Fact, err error) {
		h, facts, err = t.store.Person(ctx, provider, customer, of)
		return facts, err
	})
	return h, facts, err
}

func (t turns) Facts(ctx context.Context, provider string, name person.Name, of Days) ([]Fact, error) {
	return call(t, func() ([]Fact, error) { return t.store.Facts(ctx, provider, name, of) })
}

func (t turns) Write(ctx context.Context, provider, customer string, r Record) error {
	_, err := call(t, func() (struct{}, error) { return struct{}{}, t.store.Write(ctx, provider, customer, r) })
	return err
}

func (t turns) PutPart(ctx context.Context, provider string, part Part) error {
	_, err := call(t, func() (struct{}, error) { return struct{}{}, t.store.PutPart(ctx, provider, part) })
	return err
}

func (t turns) Parts(ctx context.Context, provider, batch string) ([]Part, error) {
	return t.store.Parts(ctx, provider, batch)
}

// start sets a processor to work on messages, up to its first call.
func (s *simulation) start(messages []Changes) *processor {
	p := &processor{turn: make(chan struct{}), waiting: make(chan bool)}
	go func() {
		results := NewApplier(turns{s, p}, 1).Apply(context.Background(), messages)
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
func (s *simulation) run(messages []Changes) {
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

// TestRecordsEndEqualToTheFold is promises 2, 3, 9 and 10 in small.
func TestRecordsEndEqualToTheFold(t *testing.T) {
	for seed := range uint64(4000) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := &simulation{random: random, store: NewMemory(), faults: random.IntN(6)}
		messages := s.someMessages()
		s.run(messages)
		s.check(t, seed)
		if t.Failed() {
			return
		}
	}
}

// customers of the simulation: two at one provider, whose id may move, and their namesakes at another.
var customers = []string{"ABC123", "ABC12"}

// someMessages draws the facts and verdicts of a few days, and histories that change on the way.
func (s *simulation) someMessages() []Changes {
	var messages []Changes
	minutes := []int{0, 60, 600, 700, 840, 900, 1400, 1430, 1440, 1500, 1700, 2280, 2900, 2950, 4000, 4319, 4321}
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
			messages = append(messages, Changes{Provider: provider, Refolds: []Refold{{customers[0], at}, {customers[1], minute(-5000)}}})
		}
		for range s.random.IntN(8) {
			m := Changes{Provider: provider}
			for range 1 + s.random.IntN(3) {
				f := Fact{Kind: Login, At: minute(minutes[s.random.IntN(len(minutes))]), PlannedEnd: Never, Name: userNamed("12345")}
				if s.random.IntN(2) == 0 {
					f.Name = numbered(customers[s.random.IntN(2)])
				}
				switch s.random.IntN(5) {
				case 0, 1:
					f.Kind = Logout
				case 2:
					f.PlannedEnd = f.At.Add(MaxShift / 2)
				}
				m.Facts = append(m.Facts, f)
			}
			messages = append(messages, m)
		}
		if s.random.IntN(3) == 0 {
			e := Entry{Kind: []EntryKind{Match, NoMatch}[s.random.IntN(2)], At: minute(minutes[s.random.IntN(len(minutes))])}
			messages = append(messages, Changes{Provider: provider, Verdicts: []Verdict{{customers[s.random.IntN(2)], e}}})
		}
	}
	return messages
}

// append puts an entry into a history, as if it had always been there.
func (m *Memory) append(provider, customer string, e Entry) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, numbered(customer))
	p.append(e)
}

// check compares every record with a fold over all that is stored.
func (s *simulation) check(t *testing.T, seed uint64) {
	t.Helper()
	everything := Days{firstDay, lastDay}
	for _, provider := range []string{"courier-ltd", "parcels-co"} {
		for _, customer := range customers {
			history, facts, _ := read(context.Background(), s.store, provider, customer, everything)
			shifts, _ := fold(moments(history.counting(facts)), history)
			shifts = slices.DeleteFunc(shifts, func(v Shift) bool { return v.Start == v.End })
			var stored []Shift
			records, _ := s.store.Records(context.Background(), provider, customer, everything)
			for _, r := range records {
				stored = append(stored, r.Shifts...)
			}
			if !slices.Equal(stored, shifts) {
				t.Errorf("seed %d, %s, %s:\nrecords %v\nfold    %v", seed, provider, customer, stored, shifts)
			}
		}
	}
}

// TestAFalseAtTheInstantOfATrueTakesTheShiftsBack is a tie of two matches that arrive one after the other (rule 7): the
// history that is left holds no true, but a record was written by the one that was there.
func TestAFalseAtTheInstantOfATrueTakesTheShiftsBack(t *testing.T) {
	s := &simulation{store: NewMemory()}
	s.store.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(-5000)})
	applier := NewApplier(s.store, 1)
	for _, changes := range []Changes{
		{Facts: []Fact{{Name: courier, Kind: Login, At: minute(0), PlannedEnd: Never}}},
		{Verdicts: []Verdict{{"ABC123", Entry{Kind: Match, At: minute(60)}}}},
		{Verdicts: []Verdict{{"ABC123", Entry{Kind: NoMatch, At: minute(60)}}}},
	} {
		changes.Provider = "courier-ltd"
		if r := applier.Apply(t.Context(), []Changes{changes})[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	s.check(t, 0)
}

// TestWhatWasSentUnderAnIDThatIsNobodysIsUnmatched: whoever had the id before has no part in its outcome.
func TestWhatWasSentUnderAnIDThatIsNobodysIsUnmatched(t *testing.T) {
	m := NewMemory()
	m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(0)})
	m.Link("courier-ltd", "12345", "ABC123", minute(0))
	f := Fact{Name: userNamed("12345"), Kind: Login, At: minute(-60), PlannedEnd: Never}
	if _, err := m.Union(t.Context(), "courier-ltd", f.Name, f.At.Day(), []Fact{f}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Outcome{{State: Rejected, Reason: BeforeConsent}, {State: Waiting}} {
		got, err := NewObserver(m, 1).Outcomes(t.Context(), "courier-ltd", []Fact{f}, minute(60))
		if err != nil || got[0] != want {
			t.Errorf("got %v, %v; want %v", got, err, want)
		}
		m.Unlink("courier-ltd", "12345", minute(60))
	}
}
