package timeline

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"

	"zego.com/workprovider/pkg/person"
)

// Memory keeps timelines in memory, under the same rules as Store. Simulations put faults around it, and benchmarks take
// the storage's time out of what they measure.
type Memory struct {
	mu         sync.Mutex
	partitions map[partitionKey]*partition
	lastKey    partitionKey // whoever asks for a partition mostly asks for it again
	last       *partition
}

// partitionKey is a name at a work provider, by which all that is stored stands together.
type partitionKey struct {
	provider string
	name     person.Name
}

// partition is what is stored under one name. What is a set of rows in DynamoDB is one sorted slice here, so that a
// year of it costs a reader of some days no more than those days.
type partition struct {
	facts   []memoryFact // sorted, each once
	history History      // made anew whenever an entry comes
	records []Record     // by day
	owner   Ownership
	parts   []Part // of a batch, by where they begin
}

// memoryFact is a fact without its name, which is the partition's. It holds no pointer, so the garbage collector need not
// look at millions of them.
type memoryFact struct {
	at, planned Instant
	kind        Kind
}

func (f memoryFact) compare(g memoryFact) int {
	return cmp.Or(cmp.Compare(f.at, g.at), cmp.Compare(f.kind, g.kind), cmp.Compare(f.planned, g.planned))
}

var _ Rows = (*Memory)(nil)

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{partitions: map[partitionKey]*partition{}} }

// partition is that of a name. The store must be locked.
func (m *Memory) partition(provider string, name person.Name) *partition {
	key := partitionKey{provider, name}
	if m.last != nil && m.lastKey == key {
		return m.last
	}
	p := m.partitions[key]
	if p == nil {
		p = &partition{}
		m.partitions[key] = p
	}
	m.lastKey, m.last = key, p
	return p
}

// numbered is a customer number as a name.
func numbered(customer string) person.Name {
	return person.Name{Kind: person.CustomerNumber, Value: customer}
}

// userNamed is a workProviderUserId as a name.
func userNamed(userID string) person.Name {
	return person.Name{Kind: person.UserID, Value: userID}
}

// Union implements Rows.
func (m *Memory) Union(_ context.Context, provider string, name person.Name, day Day, facts []Fact) (refused []Fact, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, name)
	for _, f := range facts {
		fact := memoryFact{f.At, f.PlannedEnd, f.Kind}
		i := searchLate(len(p.facts), func(i int) bool { return p.facts[i].compare(fact) >= 0 })
		switch {
		case i < len(p.facts) && p.facts[i] == fact:
		case len(p.factsOf(Days{day, day})) >= MaxFactsPerDay:
			refused = append(refused, f)
		default:
			p.facts = slices.Insert(p.facts, i, fact)
		}
	}
	return refused, nil
}

// Append implements Rows.
func (m *Memory) Append(_ context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, numbered(customer))
	return p.append(entries...), nil
}

// append adds to the history those of the entries that are not in it, and answers those for which a month has no room.
func (p *partition) append(entries ...Entry) (refused []Entry) {
	for _, e := range entries {
		month := 0
		for _, known := range p.history.entries {
			if monthOf(known.At) == monthOf(e.At) {
				month++
			}
		}
		switch {
		case slices.Contains(p.history.entries, e):
		case month >= MaxFactsPerDay:
			refused = append(refused, e)
		default:
			p.history = NewHistory(append(slices.Clip(p.history.entries), e))
		}
	}
	return refused
}

// Link makes a workProviderUserId the customer's, whoever had it before, and notes it in their histories.
func (m *Memory) Link(provider, userID, customer string, at Instant) {
	m.Unlink(provider, userID, at)
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, userNamed(userID))
	p.owner.Owner = customer
	if !slices.Contains(p.owner.Ever, customer) {
		p.owner.Ever = append(slices.Clone(p.owner.Ever), customer)
	}
	link := Entry{Kind: Link, At: at, UserID: userID, Since: p.owner.Freed}
	m.partition(provider, numbered(customer)).append(link)
}

// Unlink makes a workProviderUserId nobody's.
func (m *Memory) Unlink(provider, userID string, at Instant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, userNamed(userID))
	if p.owner.Owner == "" {
		return
	}
	m.partition(provider, numbered(p.owner.Owner)).append(Entry{Kind: Unlink, At: at, UserID: userID})
	p.owner.Owner, p.owner.Freed = "", at
}

// Ownership implements Rows; its hints are never old.
func (m *Memory) Ownership(_ context.Context, provider, userID string, _ bool) (Ownership, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, userNamed(userID))
	return p.owner, nil
}

// Records implements Rows.
func (m *Memory) Records(_ context.Context, provider, customer string, of Days) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, numbered(customer))
	from, _ := p.record(of.First)
	to, _ := p.record(of.Last + 1)
	return slices.Clone(p.records[from:to]), nil
}

// record is the place of a day's record, and whether there is one.
func (p *partition) record(day Day) (int, bool) {
	i := searchLate(len(p.records), func(i int) bool { return p.records[i].Day >= day })
	return i, i < len(p.records) && p.records[i].Day == day
}

// Person implements Rows.
func (m *Memory) Person(_ context.Context, provider, customer string, of Days) (History, []Fact, error) {
	name := numbered(customer)
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, name)
	return p.history, p.named(name, of), nil
}

// Facts implements Rows.
func (m *Memory) Facts(_ context.Context, provider string, name person.Name, of Days) ([]Fact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, name)
	return p.named(name, of), nil
}

// factsOf are the facts of the days.
func (p *partition) factsOf(of Days) []memoryFact {
	first, end := of.First.Start(), of.Last.End()
	to := searchLate(len(p.facts), func(i int) bool { return p.facts[i].at >= end })
	from := searchLate(to, func(i int) bool { return p.facts[i].at >= first })
	return p.facts[from:to]
}

// searchLate is sort.Search that begins at the end: mostly it is the last days that are asked for, and to look into the
// middle of a year takes longer than all the rest, because nobody has looked there for long.
func searchLate(n int, f func(i int) bool) int {
	for end, step := n, 1; end > 0; step *= 2 {
		from := max(0, end-step)
		if !f(from) {
			return from + 1 + sort.Search(end-from-1, func(i int) bool { return f(from + 1 + i) })
		}
		end = from
	}
	return 0
}

// named is the same as facts under the name.
func (p *partition) named(name person.Name, of Days) []Fact {
	stored := p.factsOf(of)
	facts := make([]Fact, len(stored))
	for i, f := range stored {
		facts[i] = Fact{Name: name, Kind: f.kind, At: f.at, PlannedEnd: f.planned}
	}
	return facts
}

// PutPart implements Rows.
func (m *Memory) PutPart(_ context.Context, provider string, part Part) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, batchNamed(part.Batch))
	i, known := slices.BinarySearchFunc(p.parts, part, func(a, b Part) int { return cmp.Compare(a.From, b.From) })
	if !known {
		p.parts = slices.Insert(p.parts, i, part)
	}
	p.parts[i] = part
	return nil
}

// Parts implements Rows.
func (m *Memory) Parts(_ context.Context, provider, batch string) ([]Part, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, batchNamed(batch))
	return slices.Clone(p.parts), nil
}

// batchNamed gives a batch a partition of its own.
func batchNamed(batch string) person.Name { return person.Name{Kind: 'B', Value: batch} }

// Write implements Rows.
func (m *Memory) Write(_ context.Context, provider, customer string, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, numbered(customer))
	i, known := p.record(r.Day)
	var stored Record
	if known {
		stored = p.records[i]
	}
	if stored.Version != r.Version-1 {
		return ErrConflict
	}
	if !known {
		p.records = slices.Insert(p.records, i, r)
	}
	p.records[i] = r
	return nil
}
