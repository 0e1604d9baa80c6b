package timeline

import (
	"cmp"
	"context"
	"slices"
	"sort"
	"sync"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// Memory keeps timelines in memory, under the same rules as Store. Simulations put faults around it, and benchmarks
// take the storage's time out of what they measure.
type Memory struct {
	mu         sync.Mutex
	partitions map[partitionKey]*partition
	lastKey    partitionKey // a partition is mostly asked for again at once
	last       *partition
}

// partition is what is stored under one name. What is a set of items in DynamoDB is one sorted slice here, so that a
// year of it costs a reader of some days no more than those days.
type partition struct {
	facts   []memoryFact // sorted, each once
	history History      // made anew whenever an entry comes
	records []Record     // by day
	owner   Ownership
	parts   []BatchPart // of a batch, by offset
	tallies []BatchTally
	reasons []Void // of voids, by what they take back
}

// memoryFact is a fact without its name, which is the partition's. It holds no pointer, so the garbage collector need
// not look at millions of them.
type memoryFact struct {
	at       Instant
	planned  Instant
	accepted Instant
	kind     Kind
	void     bool
}

func (f memoryFact) compare(g memoryFact) int {
	return cmp.Or(cmp.Compare(f.at, g.at), cmp.Compare(f.kind, g.kind), cmp.Compare(f.planned, g.planned),
		cmp.Compare(f.accepted, g.accepted), compareBool(f.void, g.void))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

var _ Storage = (*Memory)(nil)

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
	m.lastKey = key
	m.last = p
	return p
}

// AddFacts implements Storage.
func (m *Memory) AddFacts(
	_ context.Context, provider string, name person.Name, day Day, facts []Fact,
) (overflow []Fact, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, name)
	days := Days{day, day}
	if len(p.storedFacts(days))+len(facts) <= maxLoginsPerDay {
		p.add(facts)
		return nil, nil
	}
	next, overflow := admit(p.factsAs(name, days), facts)
	p.replaceDay(day, next)
	return overflow, nil
}

// AddFactIf implements Storage.
func (m *Memory) AddFactIf(
	_ context.Context, provider string, fact Fact, days Days, read []Fact,
) (overflow bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, fact.Name)
	stored := p.factsAs(fact.Name, days)
	unchanged := len(stored) == len(read) &&
		!slices.ContainsFunc(stored, func(f Fact) bool { return !slices.Contains(read, f) })
	if !unchanged {
		return false, table.ErrConflict
	}
	next, ok := admitOne(p.factsAs(fact.Name, Days{fact.At.Day(), fact.At.Day()}), fact)
	if !ok {
		return true, nil
	}
	p.replaceDay(fact.At.Day(), next)
	return false, nil
}

// replaceDay puts facts in the place of those of a day.
func (p *partition) replaceDay(day Day, facts []Fact) {
	p.facts = slices.DeleteFunc(p.facts, func(f memoryFact) bool { return f.at.Day() == day })
	p.add(facts)
}

// PutVoidReason implements Storage.
func (m *Memory) PutVoidReason(_ context.Context, provider string, void Void) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, void.Fact.Name)
	i, known := slices.BinarySearchFunc(p.reasons, void, compareVoids)
	switch {
	case !known:
		p.reasons = slices.Insert(p.reasons, i, void)
	case void.Fact.Accepted < p.reasons[i].Fact.Accepted:
		p.reasons[i] = void
	}
	return nil
}

// VoidReasons implements Storage.
func (m *Memory) VoidReasons(_ context.Context, provider string, name person.Name, days Days) ([]Void, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.partition(provider, name).reasons), func(v Void) bool {
		return !days.has(v.Fact.At.Day())
	}), nil
}

// add puts those of the facts that are not there into their places.
func (p *partition) add(facts []Fact) {
	for _, f := range facts {
		if i, known := p.place(f.stored()); !known {
			p.facts = slices.Insert(p.facts, i, f.stored())
		}
	}
}

// place returns the place of a fact, and whether it is there.
func (p *partition) place(f memoryFact) (int, bool) {
	i := searchFromEnd(len(p.facts), func(i int) bool { return p.facts[i].compare(f) >= 0 })
	return i, i < len(p.facts) && p.facts[i] == f
}

func (f Fact) stored() memoryFact { return memoryFact{f.At, f.PlannedEnd, f.Accepted, f.Kind, f.Void} }

// AddHistory implements Storage.
func (m *Memory) AddHistory(_ context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, customerName(customer))
	_, added, overflow := p.history.admit(entries)
	p.append(added...)
	return overflow, nil
}

// append adds to the history, whatever is in it.
func (p *partition) append(entries ...Entry) {
	if len(entries) > 0 {
		p.history = NewHistory(append(slices.Clip(p.history.entries), entries...))
	}
}

// Link makes a workProviderUserId the customer's, whoever had it before, and adds that to their histories.
func (m *Memory) Link(provider, userID, customer string, at Instant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, userIDName(userID))
	free := p.owner.ReleasedAt
	if p.owner.Owner != "" {
		free = p.owner.movesAt(at)
		m.unlink(provider, p, Entry{Kind: Unlink, At: at, UserID: userID, FreeSince: free})
	}
	p.owner.Owner = customer
	if !slices.Contains(p.owner.Customers, customer) {
		p.owner.Customers = append(slices.Clone(p.owner.Customers), customer)
	}
	link := Entry{Kind: Link, At: at, UserID: userID, FreeSince: free}
	m.partition(provider, customerName(customer)).append(link)
}

// Unlink makes a workProviderUserId no customer's.
func (m *Memory) Unlink(provider, userID string, at Instant) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.partition(provider, userIDName(userID)); p.owner.Owner != "" {
		m.unlink(provider, p, Entry{Kind: Unlink, At: at, UserID: userID})
	}
}

func (m *Memory) unlink(provider string, p *partition, unlink Entry) {
	m.partition(provider, customerName(p.owner.Owner)).append(unlink)
	p.owner = p.owner.Released(unlink.At.Time())
}

// Ownership implements Storage.
func (m *Memory) Ownership(_ context.Context, provider, userID string) (Ownership, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.partition(provider, userIDName(userID)).owner, nil
}

// OwnershipHint implements Storage; here it is never old.
func (m *Memory) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	return m.Ownership(ctx, provider, userID)
}

// Records implements Storage.
func (m *Memory) Records(_ context.Context, provider, customer string, days Days) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, customerName(customer))
	from, _ := p.record(days.First)
	to, _ := p.record(days.Last + 1)
	return slices.Clone(p.records[from:to]), nil
}

// record is the place of a day's record, and whether there is one.
func (p *partition) record(day Day) (int, bool) {
	i := searchFromEnd(len(p.records), func(i int) bool { return p.records[i].Day >= day })
	return i, i < len(p.records) && p.records[i].Day == day
}

// HistoryAndFacts implements Storage.
func (m *Memory) HistoryAndFacts(_ context.Context, provider, customer string, days Days) (History, []Fact, error) {
	name := customerName(customer)
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, name)
	return p.history, p.factsAs(name, days), nil
}

// Facts implements Storage.
func (m *Memory) Facts(_ context.Context, provider string, name person.Name, days Days) ([]Fact, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, name)
	return p.factsAs(name, days), nil
}

// storedFacts returns the facts of the days.
func (p *partition) storedFacts(days Days) []memoryFact {
	first := days.First.Start()
	end := days.Last.End()
	to := searchFromEnd(len(p.facts), func(i int) bool { return p.facts[i].at >= end })
	from := searchFromEnd(to, func(i int) bool { return p.facts[i].at >= first })
	return p.facts[from:to]
}

// searchFromEnd is sort.Search that begins at the end: mostly it is the last days that are asked for, and to look into
// the middle of a year takes longer than all the rest, because it was not looked at for long.
func searchFromEnd(n int, f func(i int) bool) int {
	for end, step := n, 1; end > 0; step *= 2 {
		from := max(0, end-step)
		if !f(from) {
			return from + 1 + sort.Search(end-from-1, func(i int) bool { return f(from + 1 + i) })
		}
		end = from
	}
	return 0
}

// factsAs returns them as facts under the name.
func (p *partition) factsAs(name person.Name, days Days) []Fact {
	stored := p.storedFacts(days)
	facts := make([]Fact, len(stored))
	for i, f := range stored {
		facts[i] = Fact{Name: name, Kind: f.kind, At: f.at, PlannedEnd: f.planned, Accepted: f.accepted, Void: f.void}
	}
	return facts
}

// PutBatchPart implements Storage.
func (m *Memory) PutBatchPart(_ context.Context, provider string, part BatchPart) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, batchName(part.Batch))
	i, known := slices.BinarySearchFunc(p.parts, part.Offset, func(a BatchPart, offset int) int {
		return cmp.Compare(a.Offset, offset)
	})
	if !known {
		p.parts = slices.Insert(p.parts, i, part)
	}
	p.parts[i] = part
	return nil
}

// BatchParts implements Storage.
func (m *Memory) BatchParts(_ context.Context, provider, batch string, first, last int) ([]BatchPart, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var parts []BatchPart
	for _, part := range m.partition(provider, batchName(batch)).parts {
		if first <= part.Offset && part.Offset <= last {
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// PutBatchTally implements Storage.
func (m *Memory) PutBatchTally(_ context.Context, provider, batch string, tally BatchTally) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, batchName(batch))
	i, known := slices.BinarySearchFunc(p.tallies, tally.Offset, func(a BatchTally, offset int) int {
		return cmp.Compare(a.Offset, offset)
	})
	if !known {
		p.tallies = slices.Insert(p.tallies, i, tally)
	}
	p.tallies[i] = tally
	return nil
}

// BatchTallies implements Storage.
func (m *Memory) BatchTallies(_ context.Context, provider, batch string) ([]BatchTally, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.partition(provider, batchName(batch)).tallies), nil
}

// batchName gives a batch a partition of its own.
func batchName(batch string) person.Name { return person.Name{Kind: 'B', Value: batch} }

// PutRecord implements Storage.
func (m *Memory) PutRecord(_ context.Context, provider, customer string, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.partition(provider, customerName(customer))
	i, known := p.record(r.Day)
	var stored Record
	if known {
		stored = p.records[i]
	}
	if stored.Version != r.Version-1 {
		return table.ErrConflict
	}
	if !known {
		p.records = slices.Insert(p.records, i, r)
	}
	p.records[i] = r
	return nil
}
