package timeline

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"zego.com/workprovider/pkg/person"
)

// Memory keeps timelines in memory, under the same rules as Store. Simulations put faults around it, and benchmarks take
// the storage's time out of what they measure.
type Memory struct {
	mu         sync.Mutex
	partitions map[memoryKey]*partition
}

// memoryKey is a name at a work provider.
type memoryKey struct {
	provider string
	name     person.Name
}

// partition is what is stored under one name.
type partition struct {
	facts   map[Day]map[Fact]struct{}
	history map[string]map[Entry]struct{} // by month
	records map[Day]Record
	owner   Ownership
	parts   map[int]Part // of a batch, by where they begin
}

var _ Rows = (*Memory)(nil)

// NewMemory is an empty store.
func NewMemory() *Memory { return &Memory{partitions: map[memoryKey]*partition{}} }

// at is the partition of a name. It locks the store until unlock is called.
func (m *Memory) at(provider string, name person.Name) (p *partition, unlock func()) {
	m.mu.Lock()
	return m.partition(provider, name), m.mu.Unlock
}

func (m *Memory) partition(provider string, name person.Name) *partition {
	key := memoryKey{provider, name}
	p := m.partitions[key]
	if p == nil {
		p = &partition{facts: map[Day]map[Fact]struct{}{}, history: map[string]map[Entry]struct{}{}, records: map[Day]Record{}, parts: map[int]Part{}}
		m.partitions[key] = p
	}
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

// union adds what fits of the elements to the set of a day or month, and answers what does not.
func union[K, E comparable](sets map[K]map[E]struct{}, key K, elements []E) (refused []E) {
	set := sets[key]
	if set == nil {
		set = map[E]struct{}{}
		sets[key] = set
	}
	for _, e := range elements {
		if _, known := set[e]; known {
			continue
		}
		if len(set) >= MaxFactsPerDay {
			refused = append(refused, e)
			continue
		}
		set[e] = struct{}{}
	}
	return refused
}

// Union implements Rows.
func (m *Memory) Union(_ context.Context, provider string, name person.Name, day Day, facts []Fact) ([]Fact, error) {
	p, unlock := m.at(provider, name)
	defer unlock()
	return union(p.facts, day, facts), nil
}

// Append implements Rows.
func (m *Memory) Append(_ context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	p, unlock := m.at(provider, numbered(customer))
	defer unlock()
	return union(p.history, monthOf(entries[0].At), entries), nil
}

// Link makes a workProviderUserId the customer's, whoever had it before, and notes it in their histories.
func (m *Memory) Link(provider, userID, customer string, at Instant) {
	m.Unlink(provider, userID, at)
	p, unlock := m.at(provider, userNamed(userID))
	defer unlock()
	p.owner.Owner = customer
	if !slices.Contains(p.owner.Ever, customer) {
		p.owner.Ever = append(slices.Clone(p.owner.Ever), customer)
	}
	link := Entry{Kind: Link, At: at, UserID: userID, Since: p.owner.Freed}
	union(m.partition(provider, numbered(customer)).history, monthOf(at), []Entry{link})
}

// Unlink makes a workProviderUserId nobody's.
func (m *Memory) Unlink(provider, userID string, at Instant) {
	p, unlock := m.at(provider, userNamed(userID))
	defer unlock()
	if p.owner.Owner == "" {
		return
	}
	unlink := Entry{Kind: Unlink, At: at, UserID: userID}
	union(m.partition(provider, numbered(p.owner.Owner)).history, monthOf(at), []Entry{unlink})
	p.owner.Owner, p.owner.Freed = "", at
}

// Ownership implements Rows; its hints are never old.
func (m *Memory) Ownership(_ context.Context, provider, userID string, _ bool) (Ownership, error) {
	p, unlock := m.at(provider, userNamed(userID))
	defer unlock()
	return p.owner, nil
}

// Records implements Rows.
func (m *Memory) Records(_ context.Context, provider, customer string, of Days) ([]Record, error) {
	p, unlock := m.at(provider, numbered(customer))
	defer unlock()
	var records []Record
	for day, r := range p.records {
		if of.has(day) {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b Record) int { return cmp.Compare(a.Day, b.Day) })
	return records, nil
}

// Person implements Rows.
func (m *Memory) Person(_ context.Context, provider, customer string, of Days) (History, []Fact, error) {
	p, unlock := m.at(provider, numbered(customer))
	defer unlock()
	var entries []Entry
	for _, month := range p.history {
		entries = slices.AppendSeq(entries, maps.Keys(month))
	}
	return NewHistory(entries), p.factsOf(of), nil
}

// Facts implements Rows.
func (m *Memory) Facts(_ context.Context, provider string, name person.Name, of Days) ([]Fact, error) {
	p, unlock := m.at(provider, name)
	defer unlock()
	return p.factsOf(of), nil
}

func (p *partition) factsOf(of Days) []Fact {
	var facts []Fact
	for day, set := range p.facts {
		if of.has(day) {
			facts = slices.AppendSeq(facts, maps.Keys(set))
		}
	}
	return facts
}

// PutPart implements Rows.
func (m *Memory) PutPart(_ context.Context, provider string, part Part) error {
	p, unlock := m.at(provider, batchNamed(part.Batch))
	defer unlock()
	p.parts[part.From] = part
	return nil
}

// Parts implements Rows.
func (m *Memory) Parts(_ context.Context, provider, batch string) ([]Part, error) {
	p, unlock := m.at(provider, batchNamed(batch))
	defer unlock()
	return slices.SortedFunc(maps.Values(p.parts), func(a, b Part) int { return cmp.Compare(a.From, b.From) }), nil
}

// batchNamed gives a batch a partition of its own.
func batchNamed(batch string) person.Name { return person.Name{Kind: 'B', Value: batch} }

// Write implements Rows.
func (m *Memory) Write(_ context.Context, provider, customer string, r Record) error {
	p, unlock := m.at(provider, numbered(customer))
	defer unlock()
	if p.records[r.Day].Version != r.Version-1 {
		return ErrConflict
	}
	p.records[r.Day] = r
	return nil
}
