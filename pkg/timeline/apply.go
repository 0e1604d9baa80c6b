package timeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// MessageChanges is what one queue message brings: facts and matches of one work provider, and customers of its whose
// history changed.
type MessageChanges struct {
	Provider       string
	NotifyRejected bool   // whether the provider is to be notified of the facts that do not count
	ClientID       string // that the client was given for the event or the batch: for the log
	Facts          []Fact
	Voids          []Void
	Batch          string // names the batch that the facts are part of, if they are
	Offset         int    // their place in it
	Matches        []MatchResult
	Recomputes     []Recompute
}

// MatchResult is a work provider's word on whether a customer is matched.
type MatchResult struct {
	Customer string
	Entry    Entry // a Match or NoMatch
}

// Recompute asks that a customer be folded anew from an instant on, because the history changed there.
type Recompute struct {
	Customer string
	From     Instant
}

// Applier makes changes durable and folds the people they concern.
type Applier struct {
	storage  Storage
	parallel int
}

// NewApplier works on storage, with at most so many calls at a time. With one at a time it does the same things in the
// same order whenever it is given the same changes.
func NewApplier(storage Storage, parallel int) *Applier { return &Applier{storage, parallel} }

// Result is what became of one message.
type Result struct {
	// Err tells that the message has to be retried. Whatever was done before it stands and does no harm: doing a thing
	// twice is doing it once.
	Err error
	// Overflow tells that a fact or a match found no room (rule 9). It is rejected for good.
	Overflow bool
	// Tally counts the facts by what became of them; empty if the message has to be retried.
	Tally Tally
}

// Apply takes in the changes of a batch of messages, and returns a result for each of them. Every step notes its errors
// where they occur; the results are put together at the end.
//
// First everything becomes durable: one write for each name's day, whichever messages its facts come from. Only then
// are the customers found whom the facts concern, and each is folded once.
func (a *Applier) Apply(ctx context.Context, messages []MessageChanges, now Instant) []Result {
	b := a.collect(messages, now)
	b.persist(ctx)
	b.resolveCustomers(ctx)
	b.foldAll(ctx, b.customers)
	b.recheckOwners(ctx)
	results := b.results()
	b.putTallies(ctx, results)
	return results
}

// batch is the state of one Apply.
type batch struct {
	*Applier
	messages  []MessageChanges
	now       Instant
	names     *orderedMap[partitionKey, nameState]
	days      []*dayWrite // in the order in which they were met
	factDays  []*dayWrite // the day of each fact, message by message
	voids     []voidWrite
	months    *orderedMap[monthKey, monthWrite]
	partErrs  []error          // by message
	customers []*customerState // in the order in which they were met
}

// nameState is a name that the batch has to do with: facts came under it, or it is the number of an affected customer.
type nameState struct {
	partitionKey
	days     []*dayWrite    // that the facts go to
	owner    Ownership      // of a workProviderUserId; a customer number is its own
	customer *customerState // whose number it is
	err      error          // why the owner, or one of the customers, could not be told
}

// dayWrite is one item's share of the batch: the facts of a name's day.
type dayWrite struct {
	name     *nameState
	day      Day
	interval // from the first to the last of the facts
	facts    []Fact
	overflow []Fact
	err      error
}

// voidWrite is why an event was taken back, which is stored beside its void.
type voidWrite struct {
	Void
	day *dayWrite
	err error
}

// customerKey is a customer at a work provider.
type customerKey struct{ provider, customer string }

type monthKey struct {
	customerKey
	month string
}

// monthWrite is likewise the matches of a customer's month.
type monthWrite struct {
	customerKey
	entries  []Entry
	overflow []Entry
	err      error
}

// customerState is an affected customer.
type customerState struct {
	customerKey
	changes   []interval   // in which something may have changed
	matches   []Entry      // the matches among what changed
	needsFold bool         // whether anything else did
	history   History      // as it was read last
	folds     []foldResult // as the records were written, one per run of the changes
	err       error
}

// collect sorts the facts by name and day, and the matches by customer and month.
func (a *Applier) collect(messages []MessageChanges, now Instant) *batch {
	facts := 0
	for _, m := range messages {
		facts += len(m.Facts)
	}
	b := &batch{
		Applier: a, messages: messages, now: now,
		names:    newOrderedMap[partitionKey, nameState](facts),
		factDays: make([]*dayWrite, 0, facts),
		months:   newOrderedMap[monthKey, monthWrite](0),
		partErrs: make([]error, len(messages)),
	}
	for _, m := range messages {
		for i := range m.Facts {
			b.factDays = append(b.factDays, b.addFact(m.Provider, m.Facts[i:i+1:i+1]))
		}
		for _, v := range m.Voids {
			b.voids = append(b.voids, voidWrite{Void: v, day: b.addFact(m.Provider, []Fact{v.Fact})})
		}
		for _, match := range m.Matches {
			month := b.months.at(match.monthKey(m.Provider))
			month.customerKey = customerKey{m.Provider, match.Customer}
			month.entries = append(month.entries, match.Entry)
		}
	}
	return b
}

func (m MatchResult) monthKey(provider string) monthKey {
	return monthKey{customerKey{provider, m.Customer}, m.Entry.At.month()}
}

// addFact adds a fact, in a slice of its own, to its name's day. Mostly it stays the only one, and is not copied.
func (b *batch) addFact(provider string, fact []Fact) *dayWrite {
	f := fact[0]
	name := b.name(partitionKey{provider, f.Name})
	i := slices.IndexFunc(name.days, func(d *dayWrite) bool { return d.day == f.At.Day() })
	if i >= 0 {
		day := name.days[i]
		day.facts = append(day.facts, f)
		day.interval = interval{min(day.from, f.At), max(day.to, f.At)}
		return day
	}
	day := &dayWrite{name: name, day: f.At.Day(), interval: interval{f.At, f.At}, facts: fact}
	name.days = append(name.days, day)
	b.days = append(b.days, day)
	return day
}

// name returns what the batch has to do with a name.
func (b *batch) name(key partitionKey) *nameState {
	n := b.names.at(key)
	n.partitionKey = key
	if key.name.Kind == person.CustomerNumber && n.owner.Owner == "" {
		n.owner = Ownership{Owner: key.name.Value, Customers: []string{key.name.Value}}
	}
	return n
}

// customer returns the affected customer of a number; nil if there is none.
func (b *batch) customer(provider, customer string) *customerState {
	if name := b.names.byKey[partitionKey{provider, customerName(customer)}]; name != nil {
		return name.customer
	}
	return nil
}

// markAffected notes that something may have changed in that interval for the customer of a number.
func (b *batch) markAffected(provider, customer string, in interval) *customerState {
	name := b.name(partitionKey{provider, customerName(customer)})
	c := name.customer
	if c == nil {
		c = &customerState{customerKey: customerKey{provider, customer}}
		name.customer = c
		b.customers = append(b.customers, c)
	}
	c.changes = append(c.changes, in)
	return c
}

// markFacts notes that the facts under a name may have changed something for the customer of a number.
func (b *batch) markFacts(n *nameState, customer string) *customerState {
	var c *customerState
	for _, d := range n.days {
		c = b.markAffected(n.provider, customer, d.interval)
		c.needsFold = true
	}
	return c
}

// persist makes facts, the reasons of voids, matches and the parts of batches durable.
func (b *batch) persist(ctx context.Context) {
	b.parallelDo(len(b.days), func(i int) {
		d := b.days[i]
		d.overflow, d.err = b.storage.AddFacts(ctx, d.name.provider, d.name.name, d.day, dedupe(d.facts))
	})
	b.parallelDo(len(b.voids), func(i int) {
		if v := &b.voids[i]; v.day.err == nil && !slices.Contains(v.day.overflow, v.Fact) {
			v.err = b.storage.PutVoidReason(ctx, v.day.name.provider, v.Void)
		}
	})
	b.parallelDo(len(b.months.values), func(i int) {
		m := b.months.values[i]
		m.overflow, m.err = b.storage.AddHistory(ctx, m.provider, m.customer, dedupe(m.entries))
	})
	b.parallelDo(len(b.messages), func(i int) {
		if m := b.messages[i]; m.Batch != "" {
			b.partErrs[i] = b.storage.PutBatchPart(ctx, m.Provider, BatchPart{m.Batch, m.Offset, m.Facts})
		}
	})
}

// resolveCustomers finds the customers whom the changes concern. Whose a workProviderUserId is, is read at half price,
// and may be a little old; recheckOwners makes up for that.
func (b *batch) resolveCustomers(ctx context.Context) {
	names := b.names.values
	b.parallelDo(len(names), func(i int) {
		n := names[i]
		if n.name.Kind == person.UserID {
			n.owner, n.err = b.storage.OwnershipHint(ctx, n.provider, n.name.Value)
		}
	})
	for _, n := range names {
		for _, customer := range n.owner.Customers {
			b.markFacts(n, customer)
		}
	}
	for _, m := range b.messages {
		for _, match := range m.Matches {
			since := interval{match.Entry.At.Add(-MatchWindow), lastDay.End()}
			c := b.markAffected(m.Provider, match.Customer, since)
			c.matches = append(c.matches, match.Entry)
		}
		for _, r := range m.Recomputes {
			b.markAffected(m.Provider, r.Customer, interval{r.From, lastDay.End()}).needsFold = true
		}
	}
}

// foldAll folds customers.
func (b *batch) foldAll(ctx context.Context, customers []*customerState) {
	b.parallelDo(len(customers), func(i int) {
		customers[i].err = b.foldCustomer(ctx, customers[i])
	})
}

// recheckOwners looks again at the workProviderUserIds whose hint the history of the customer does not confirm: the
// history was read after the facts were written, so a link that it shows cannot have come too late to see them, and a
// link made later sends a message of its own. An id that is no customer's, as far as the hint went, is read
// consistently.
func (b *batch) recheckOwners(ctx context.Context) {
	var names []*nameState
	for _, n := range b.names.values {
		if n.name.Kind == person.UserID && n.err == nil && !b.ownerConfirmed(n) {
			names = append(names, n)
		}
	}
	hints := make([]Ownership, len(names))
	b.parallelDo(len(names), func(i int) {
		n := names[i]
		hints[i] = n.owner
		n.owner, n.err = b.storage.Ownership(ctx, n.provider, n.name.Value)
	})
	var late []*customerState
	for i, n := range names {
		for _, customer := range n.owner.Customers {
			if slices.Contains(hints[i].Customers, customer) {
				continue
			}
			c := b.markFacts(n, customer)
			if !slices.Contains(late, c) {
				late = append(late, c)
			}
		}
	}
	b.foldAll(ctx, late)
}

func (b *batch) ownerConfirmed(n *nameState) bool {
	c := b.customer(n.provider, n.owner.Owner)
	return c != nil && (c.err != nil || c.history.ownsUserID(n.name.Value))
}

// results puts together what became of each message: it has to be retried if anything failed on its way.
func (b *batch) results() []Result {
	for _, n := range b.names.values {
		for _, customer := range n.owner.Customers {
			if c := b.customer(n.provider, customer); c != nil && n.err == nil {
				n.err = c.err
			}
		}
	}
	results := make([]Result, len(b.messages))
	days := b.factDays
	voids := b.voids
	for i, m := range b.messages {
		r := &results[i]
		r.failed(b.partErrs[i])
		for j, f := range m.Facts {
			r.failed(days[j].err)
			r.failed(days[j].name.err)
			r.Overflow = r.Overflow || slices.Contains(days[j].overflow, f)
		}
		for _, v := range voids[:len(m.Voids)] {
			r.failed(v.day.err)
			r.failed(v.day.name.err)
			r.failed(v.err)
			r.Overflow = r.Overflow || slices.Contains(v.day.overflow, v.Fact)
		}
		voids = voids[len(m.Voids):]
		for _, match := range m.Matches {
			month := b.months.at(match.monthKey(m.Provider))
			r.failed(month.err)
			r.failed(b.customer(m.Provider, match.Customer).err)
			r.Overflow = r.Overflow || slices.Contains(month.overflow, match.Entry)
		}
		for _, recompute := range m.Recomputes {
			r.failed(b.customer(m.Provider, recompute.Customer).err)
		}
		for j, f := range m.Facts {
			if r.Err == nil {
				r.Tally.add(outcomeOf(b.effect(days[j], f)).State)
			}
		}
		days = days[len(m.Facts):]
	}
	return results
}

// failed notes an error, if it is the first.
func (r *Result) failed(err error) {
	if r.Err == nil {
		r.Err = err
	}
}

// effect returns what a fact did, or why it does not count. All of it was read for the folds.
func (b *batch) effect(d *dayWrite, f Fact) Effect {
	if slices.Contains(d.overflow, f) {
		return TooManyFacts
	}
	if takenBack(f, b.voidsOf(d)) {
		return Voided
	}
	for _, customer := range d.name.owner.Customers {
		c := b.customer(d.name.provider, customer)
		if c.history.Counts(f) {
			fold := c.foldAt(d.day)
			if takenBack(f, fold.voids) {
				return Voided
			}
			effect, _ := fold.outcome(f, b.now)
			return effect
		}
	}
	var history History
	if c := b.customer(d.name.provider, d.name.owner.Owner); c != nil {
		history = c.history
	}
	return history.uncountedReason(f.At, b.now)
}

// voidsOf returns the voids of a day that the batch brings. Those that came before are read for the folds, and are not
// looked for where nobody is folded.
func (b *batch) voidsOf(d *dayWrite) []Fact {
	if len(b.voids) == 0 {
		return nil
	}
	_, voids := splitVoids(d.facts)
	return voids
}

// putTallies stores what became of the parts of batches.
func (b *batch) putTallies(ctx context.Context, results []Result) {
	b.parallelDo(len(b.messages), func(i int) {
		if m := b.messages[i]; m.Batch != "" && results[i].Err == nil {
			err := b.storage.PutBatchTally(ctx, m.Provider, m.Batch, BatchTally{m.Offset, results[i].Tally})
			if err != nil {
				results[i] = Result{Err: err}
			}
		}
	})
}

// maxFoldAttempts is how often a fold begins again because a record was written concurrently, before it leaves the
// message to be retried.
const maxFoldAttempts = 30

var errContended = fault.Wrap(fault.Unavailable, errors.New("timeline: records were contended for"))

// foldCustomer folds each run of the days on which something may have changed for a customer by itself: what lies
// between a late event and one of today costs nothing.
func (a *Applier) foldCustomer(ctx context.Context, c *customerState) error {
	c.folds = nil
	for _, run := range runs(c.changes) {
		if err := a.foldRun(ctx, c, run); err != nil {
			return err
		}
	}
	return nil
}

// foldAt returns the fold that tells what facts of a day did.
func (c *customerState) foldAt(day Day) *foldResult {
	for i := range c.folds {
		if c.folds[i].days.has(day) {
			return &c.folds[i]
		}
	}
	return &foldResult{}
}

// foldRun reads a customer's records, and only then the history and the facts, folds, and writes the record of
// every day that may have changed, whether it did or not, on condition that its version is the one read. On a conflict
// it begins again. ADR 2 says why that is right.
func (a *Applier) foldRun(ctx context.Context, c *customerState, run interval) error {
	days := run.days().changedDays()
	var seen map[Day]int64 // the versions that were met before a conflict
	for range maxFoldAttempts {
		records, err := a.storage.Records(ctx, c.provider, c.customer, days)
		if err != nil {
			return err
		}
		fold, err := foldDays(ctx, a.storage, c.provider, c.customer, days)
		if err != nil {
			return err
		}
		c.history = fold.history
		if !fold.history.everCounts() || !c.needsFold && fold.history.redundant(c.matches) {
			return nil
		}
		changed := fold.changedShifts(run, days)
		err = a.putRecords(ctx, c.customerKey, records, changed, seen)
		if err == nil {
			c.folds = append(c.folds, fold)
		}
		if !errors.Is(err, table.ErrConflict) {
			return err
		}
		seen = rememberVersions(seen, records, changed)
	}
	return errContended
}

// dayShifts is the shifts that LOGINs of one day name.
type dayShifts struct {
	day    Day
	shifts []Shift
}

// changedShifts returns the shifts of every day on which something that changed in an interval can matter: those days
// with a LOGIN, whether it counts or not, between the starting points around it (rule 10).
func (r *foldResult) changedShifts(changed interval, days Days) []dayShifts {
	points := r.pointsBeforeVoids()
	start := startBefore(points, changed.from)
	stop := startAfter(points, changed.to)
	loginDays := make([]Day, 0, 8)
	for _, f := range r.facts {
		if f.Kind == Login && !f.Void && start <= f.At && f.At < stop && days.has(f.At.Day()) {
			loginDays = append(loginDays, f.At.Day())
		}
	}
	slices.Sort(loginDays)
	loginDays = slices.Compact(loginDays)
	shifts := make([]dayShifts, len(loginDays))
	for i, day := range loginDays {
		shifts[i] = dayShifts{day, namedOn(r.shifts, Days{day, day})}
	}
	return shifts
}

// putRecords stores the record of each day. seen are the versions that the attempts before met: a record that was
// written since, with the very shifts that are to be written, is left alone. Whoever could still write over it has read
// it, and so the facts that were durable before. Without this, many that bring the same facts at once would write one
// after the other what the first of them has written already.
func (a *Applier) putRecords(
	ctx context.Context, c customerKey, records []Record, changed []dayShifts, seen map[Day]int64,
) error {
	for _, d := range changed {
		prev := recordOf(records, d.day)
		if version, ok := seen[d.day]; ok && prev.Version != version && slices.Equal(prev.Shifts, d.shifts) {
			continue
		}
		if err := a.storage.PutRecord(ctx, c.provider, c.customer, prev.nextVersion(d.shifts)); err != nil {
			return err
		}
	}
	return nil
}

// rememberVersions adds to the versions seen those of further days.
func rememberVersions(seen map[Day]int64, records []Record, changed []dayShifts) map[Day]int64 {
	if seen == nil {
		seen = map[Day]int64{}
	}
	for _, d := range changed {
		if _, ok := seen[d.day]; !ok {
			seen[d.day] = recordOf(records, d.day).Version
		}
	}
	return seen
}

// parallelDo calls do for 0 to n−1, so many at a time as the applier may.
func (a *Applier) parallelDo(n int, do func(i int)) {
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(n, a.parallel) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				do(i)
			}
		})
	}
	workers.Wait()
}

// orderedMap gathers values by key, and keeps the order in which the keys were met.
type orderedMap[K comparable, V any] struct {
	values []*V
	byKey  map[K]*V
}

// newOrderedMap has room for so many keys.
func newOrderedMap[K comparable, V any](room int) *orderedMap[K, V] {
	return &orderedMap[K, V]{byKey: make(map[K]*V, room)}
}

// at returns the value of a key, made new if it was not met before.
func (m *orderedMap[K, V]) at(key K) *V {
	v := m.byKey[key]
	if v == nil {
		v = new(V)
		m.byKey[key] = v
		m.values = append(m.values, v)
	}
	return v
}

// dedupe leaves out what was there before: DynamoDB refuses to add the same element twice at once.
func dedupe[E comparable](elements []E) []E {
	if len(elements) == 1 {
		return elements
	}
	seen := make(map[E]struct{}, len(elements))
	return slices.DeleteFunc(elements, func(e E) bool {
		_, known := seen[e]
		seen[e] = struct{}{}
		return known
	})
}
