package timeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
)

// Changes is what one queue message brings: facts and verdicts of one work provider, and people of its whose history
// changed.
type Changes struct {
	Provider string
	Tell     bool   // whether the provider wants to be told which of the facts do not count
	ID       string // that the client was given for the event or the batch: for the log
	Facts    []Fact
	Batch    string // names the batch that the facts are part of, if they are
	From     int    // their place in it
	Verdicts []Verdict
	Refolds  []Refold
}

// Verdict is a work provider's word on whether a customer is matched.
type Verdict struct {
	Customer string
	Entry    Entry // a Match or NoMatch
}

// Refold asks that a customer be folded anew from an instant on, because the history changed there.
type Refold struct {
	Customer string
	From     Instant
}

// Applier makes changes durable and folds the people they concern.
type Applier struct {
	rows     Rows
	parallel int
}

// NewApplier works on rows, with at most so many calls at a time. With one at a time it does the same things in the same
// order whenever it is given the same changes.
func NewApplier(rows Rows, parallel int) *Applier { return &Applier{rows, parallel} }

// Result is what became of one message.
type Result struct {
	// Err tells that the message has to come again. Whatever was done before it stands and does no harm: doing a thing
	// twice is doing it once.
	Err error
	// Full tells that a fact found no room on its day (rule 9). It is refused for good.
	Full bool
	// Tally counts the facts by what became of them; empty if the message has to come again.
	Tally Tally
}

// Apply takes in the changes of a batch of messages, and answers for each of them.
//
// First everything becomes durable: one write for each name's day, whichever messages its facts come from. Only then
// are the people found whom the facts concern, and each is folded once.
func (a *Applier) Apply(ctx context.Context, messages []Changes) []Result {
	facts := 0
	alone := make([]int, len(messages))
	for i, m := range messages {
		facts += len(m.Facts)
		alone[i] = i
	}
	b := &batch{
		Applier: a, results: make([]Result, len(messages)), alone: alone,
		names: newGroup[partitionKey, named](facts), under: make([]*named, 0, facts),
	}
	names := b.store(ctx, messages)
	b.find(ctx, names, messages)
	b.foldAll(ctx, b.subjects)
	b.confirm(ctx, names)
	b.tally(messages)
	return b.results
}

// batch is the state of one Apply.
type batch struct {
	*Applier
	mu       sync.Mutex // guards results and refused
	results  []Result   // by message
	refused  []refusal  // mostly none
	alone    []int      // 0, 1, 2 and so on: lists of one message are cut from it
	names    *group[partitionKey, named]
	under    []*named   // the name of each fact, message by message
	subjects []*subject // in the order in which they were met
}

// who is a customer at a work provider.
type who struct{ provider, customer string }

// subject is a customer whom the batch concerns.
type subject struct {
	who
	interval         // in which something may have changed
	verdicts []Entry // the verdicts among what changed
	more     bool    // whether anything else did
	messages []int   // that have to come again if the fold fails
	history  History // as the fold read it
	story    story   // as the fold found it
	failed   bool
}

// named is a name that the batch has to do with: facts came under it, or it is the number of a subject, or both.
type named struct {
	partitionKey
	interval           // from the first to the last of the facts
	rows     *factRow  // that they go to; the one met last leads to the others
	messages []int     // that they came with
	hint     Ownership // of a workProviderUserId
	subject  *subject  // whose number it is
}

// factRow is one row's share of the batch: the facts of a name's day.
type factRow struct {
	of       *named
	day      Day
	facts    []Fact
	messages []int
	before   *factRow // of the same name
}

// verdictRow is likewise the verdicts of a customer's month.
type verdictRow struct {
	who
	verdicts []Entry
	messages []int
}

// store makes facts and verdicts durable, and answers the names that the facts came under.
func (b *batch) store(ctx context.Context, messages []Changes) []*named {
	type monthKey struct {
		who
		month string
	}
	var days []*factRow
	months := newGroup[monthKey, verdictRow](0)
	for i, m := range messages {
		for j, f := range m.Facts {
			n := b.named(partitionKey{m.Provider, f.Name})
			if n.rows == nil {
				n.interval = interval{f.At, f.At}
			}
			b.under = append(b.under, n)
			n.from, n.to, n.messages = min(n.from, f.At), max(n.to, f.At), b.with(n.messages, i)
			row := n.row(f.At.Day())
			if row == nil {
				// Mostly it is the only one: it need not be copied.
				n.rows = &factRow{of: n, day: f.At.Day(), facts: m.Facts[j : j+1 : j+1], messages: b.with(nil, i), before: n.rows}
				days = append(days, n.rows)
				continue
			}
			row.facts, row.messages = append(row.facts, f), b.with(row.messages, i)
		}
		for _, v := range m.Verdicts {
			customer := who{m.Provider, v.Customer}
			row := months.of(monthKey{customer, monthOf(v.Entry.At)})
			row.who, row.verdicts, row.messages = customer, append(row.verdicts, v.Entry), b.with(row.messages, i)
		}
	}
	b.each(len(days), func(i int) {
		row := days[i]
		refused, err := b.rows.Union(ctx, row.of.provider, row.of.name, row.day, distinct(row.facts))
		b.refuse(row.of.provider, refused)
		b.note(row.messages, Result{Err: err, Full: len(refused) > 0})
	})
	b.each(len(months.all), func(i int) {
		row := months.all[i]
		refused, err := b.rows.Append(ctx, row.provider, row.customer, distinct(row.verdicts))
		b.note(row.messages, Result{Err: err, Full: len(refused) > 0})
	})
	b.each(len(messages), func(i int) {
		if m := messages[i]; m.Batch != "" {
			err := b.rows.PutPart(ctx, m.Provider, Part{m.Batch, m.From, m.Facts})
			b.note(b.with(nil, i), Result{Err: err})
		}
	})
	return b.names.all
}

// named is what the batch has to do with a name.
func (b *batch) named(key partitionKey) *named {
	n := b.names.of(key)
	n.partitionKey = key
	return n
}

// row is that of a day; nil if none was met yet.
func (n *named) row(day Day) *factRow {
	row := n.rows
	for row != nil && row.day != day {
		row = row.before
	}
	return row
}

// with adds a message to a list in which it can only be the last.
func (b *batch) with(messages []int, message int) []int {
	switch last := len(messages) - 1; {
	case last < 0:
		return b.alone[message : message+1 : message+1]
	case messages[last] == message:
		return messages
	}
	return append(messages, message)
}

// find notes the customers whom the changes concern. Whose a workProviderUserId is, is asked at half price, by a read
// that may be a little old; confirm makes up for that.
func (b *batch) find(ctx context.Context, names []*named, messages []Changes) {
	b.each(len(names), func(i int) {
		n := names[i]
		if n.name.Kind == person.UserID {
			var err error
			n.hint, err = b.rows.Ownership(ctx, n.provider, n.name.Value, true)
			b.note(n.messages, Result{Err: err})
		}
	})
	for _, n := range names {
		if n.name.Kind == person.CustomerNumber {
			b.concern(n, n.interval, n.messages).more = true
		}
		for _, customer := range n.hint.Ever {
			b.concern(b.numbered(n.provider, customer), n.interval, n.messages).more = true
		}
	}
	for i, m := range messages {
		for _, v := range m.Verdicts {
			since := interval{v.Entry.At.Add(-MatchWithin), lastDay.End()}
			s := b.concern(b.numbered(m.Provider, v.Customer), since, b.with(nil, i))
			s.verdicts = append(s.verdicts, v.Entry)
		}
		for _, r := range m.Refolds {
			b.concern(b.numbered(m.Provider, r.Customer), interval{r.From, lastDay.End()}, b.with(nil, i)).more = true
		}
	}
}

// numbered is a customer number, whether there are facts under it or not.
func (b *batch) numbered(provider, customer string) *named {
	return b.named(partitionKey{provider, numbered(customer)})
}

// subject is the customer of a number; nil if the batch does not concern them.
func (b *batch) subject(provider, customer string) *subject {
	if number := b.names.byKey[partitionKey{provider, numbered(customer)}]; number != nil {
		return number.subject
	}
	return nil
}

// concern notes that something may have changed in that interval for the customer of a number.
func (b *batch) concern(number *named, in interval, messages []int) *subject {
	s := number.subject
	if s == nil {
		s = &subject{who: who{number.provider, number.name.Value}, interval: in}
		number.subject = s
		b.subjects = append(b.subjects, s)
	}
	s.from, s.to = min(s.from, in.from), max(s.to, in.to)
	s.messages = append(slices.Clip(s.messages), messages...)
	return s
}

// foldAll folds the subjects.
func (b *batch) foldAll(ctx context.Context, subjects []*subject) {
	b.each(len(subjects), func(i int) {
		s := subjects[i]
		err := b.fold(ctx, s)
		s.failed = err != nil
		b.note(s.messages, Result{Err: err})
	})
}

// confirm looks again at the workProviderUserIds whose hint the history of the customer does not bear out: the history
// was read after the facts were written, so a link that it shows cannot have come too late to see them, and a link made
// later sends a message of its own. An id that is nobody's, as far as the hint went, is asked for in earnest.
func (b *batch) confirm(ctx context.Context, names []*named) {
	names = slices.DeleteFunc(names, func(n *named) bool { return n.name.Kind != person.UserID || b.borneOut(n) })
	owned := make([]Ownership, len(names))
	b.each(len(names), func(i int) {
		var err error
		owned[i], err = b.rows.Ownership(ctx, names[i].provider, names[i].name.Value, false)
		b.note(names[i].messages, Result{Err: err})
	})
	var later []*subject
	for i, n := range names {
		for _, customer := range owned[i].Ever {
			if slices.Contains(n.hint.Ever, customer) {
				continue
			}
			s := b.concern(b.numbered(n.provider, customer), n.interval, n.messages)
			s.more = true
			if !slices.Contains(later, s) {
				later = append(later, s)
			}
		}
		n.hint = owned[i]
	}
	b.foldAll(ctx, later)
}

func (b *batch) borneOut(n *named) bool {
	s := b.subject(n.provider, n.hint.Owner)
	return s != nil && (s.failed || s.history.holds(n.name.Value))
}

// tries is how often a fold begins again because somebody else wrote a record meanwhile, before it leaves the message to
// come again.
const tries = 30

var errContended = fault.Wrap(fault.Unavailable, errors.New("timeline: records were contended for"))

// fold reads a customer's records, and only then the history and the facts, folds, and writes the record of every day of
// the window, changed or not, on condition that its version is the one read. Whoever wrote before had read facts that
// this reader sees too, so no older fold can land on a newer one. On a refusal it begins again.
func (a *Applier) fold(ctx context.Context, s *subject) error {
	reach := around(s.interval)
	var found map[Day]int64 // the versions that were met before a refusal
	for range tries {
		var shifts []dayOfShifts
		var records []Record
		for {
			var err error
			if records, err = a.rows.Records(ctx, s.provider, s.customer, reach); err != nil {
				return err
			}
			history, facts, err := read(ctx, a.rows, s.provider, s.customer, reach)
			if err != nil {
				return err
			}
			s.history = history
			if !history.couldCount() || !s.more && history.redundant(s.verdicts) {
				return nil
			}
			var before, after bool
			if shifts, s.story, before, after = reach.refold(history, facts, s.interval); !before && !after {
				break
			}
			reach = reach.widen(before, after)
		}
		err := a.write(ctx, s.who, records, shifts, found)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		found = noted(found, records, shifts)
	}
	return errContended
}

// read reads a customer's history and the facts under all names that are the customer's in those days.
func read(ctx context.Context, rows Rows, provider, customer string, of Days) (History, []Fact, error) {
	history, facts, err := rows.Person(ctx, provider, customer, of)
	if err != nil || !history.couldCount() {
		return history, nil, err
	}
	facts, err = underIDs(ctx, rows, provider, history, facts, of)
	return history, facts, err
}

// underIDs adds to a customer's facts those under every workProviderUserId that was the customer's in those days.
func underIDs(ctx context.Context, rows Rows, provider string, history History, facts []Fact, of Days) ([]Fact, error) {
	for _, id := range history.userIDs(of.First.Start(), of.Last.End()) {
		more, err := rows.Facts(ctx, provider, userNamed(id), of)
		if err != nil {
			return nil, err
		}
		facts = append(facts, more...)
	}
	return facts, nil
}

// dayOfShifts is the shifts that start on one day.
type dayOfShifts struct {
	day    Day
	shifts []Shift
}

// refold is the shifts of every day on which something that changed in an interval can matter: those with a LOGIN, of
// whatever kind, between the starting points around it (rule 10). before and after tell that the facts read do not
// reach far enough to know.
func (d Days) refold(history History, facts []Fact, changed interval) (folded []dayOfShifts, told story, before, after bool) {
	ms := moments(history.counting(facts))
	start, stop, before, after := d.starts(ms, changed)
	if before || after {
		return nil, told, before, after
	}
	with := make([]Day, 0, 8)
	for _, f := range facts {
		if f.Kind == Login && start <= f.At && f.At < stop && (len(with) == 0 || with[len(with)-1] != f.At.Day()) {
			with = append(with, f.At.Day())
		}
	}
	if len(with) == 0 {
		return nil, told, false, false
	}
	slices.Sort(with)
	with = slices.Compact(with)
	// A record is of a whole day, so folding starts where no shift is open before the first of the days.
	start, stop, before, after = d.starts(ms, interval{with[0].Start(), with[len(with)-1].End() - 1})
	if before || after {
		return nil, told, before, after
	}
	told.moments = within(ms, start, stop)
	shifts, tales := fold(told.moments, history)
	told.tales = tales
	folded = make([]dayOfShifts, len(with))
	for i, day := range with {
		folded[i] = dayOfShifts{day, listed(shifts, day)}
	}
	return folded, told, false, false
}

// write stores the record of each day. found are the versions that the tries before met: a record that somebody has
// written since, with the very shifts that are to be written, is left alone. Whoever could still write over it has read it,
// and so the facts that were durable before. Without this, many who bring the same facts at once would write one after
// the other what the first of them has written already.
func (a *Applier) write(ctx context.Context, w who, records []Record, folded []dayOfShifts, found map[Day]int64) error {
	for _, f := range folded {
		was := recordOf(records, f.day)
		if version, again := found[f.day]; again && was.Version != version && slices.Equal(was.Shifts, f.shifts) {
			continue
		}
		if err := a.rows.Write(ctx, w.provider, w.customer, was.next(f.shifts)); err != nil {
			return err
		}
	}
	return nil
}

// noted adds to the versions found those of further days.
func noted(found map[Day]int64, records []Record, folded []dayOfShifts) map[Day]int64 {
	if found == nil {
		found = map[Day]int64{}
	}
	for _, f := range folded {
		if _, again := found[f.day]; !again {
			found[f.day] = recordOf(records, f.day).Version
		}
	}
	return found
}

// recordOf is the record of a day among those read; one without a version if there is none.
func recordOf(records []Record, day Day) Record {
	if i := slices.IndexFunc(records, func(r Record) bool { return r.Day == day }); i >= 0 {
		return records[i]
	}
	return Record{Day: day}
}

// note adds to what became of the messages; the first error stays.
func (b *batch) note(messages []int, r Result) {
	if r.Err == nil && !r.Full {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, i := range messages {
		if b.results[i].Err == nil {
			b.results[i].Err = r.Err
		}
		b.results[i].Full = b.results[i].Full || r.Full
	}
}

// each calls do for 0 to n−1, so many at a time as the applier may.
func (a *Applier) each(n int, do func(i int)) {
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

// group gathers values by key, and keeps the order in which the keys were met.
type group[K comparable, V any] struct {
	all   []*V
	byKey map[K]*V
}

// newGroup has room for so many keys.
func newGroup[K comparable, V any](room int) *group[K, V] {
	return &group[K, V]{byKey: make(map[K]*V, room)}
}

func (g *group[K, V]) of(key K) *V {
	v := g.byKey[key]
	if v == nil {
		v = new(V)
		g.byKey[key] = v
		g.all = append(g.all, v)
	}
	return v
}

// distinct leaves out what was there before: DynamoDB refuses to add the same element twice at once.
func distinct[E comparable](elements []E) []E {
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
