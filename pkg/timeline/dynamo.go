package timeline

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// Store keeps timelines in DynamoDB, in the table and under the keys that package table describes.
type Store struct {
	db    *dynamo.DB
	table dynamo.Table
}

var _ Storage = (*Store)(nil)

// NewStore returns the store of the table that the environment names.
func NewStore(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db: db, table: db.Table(env.Get("TIMELINES_TABLE"))}
}

// The versions of the items of this file.
const (
	setVersion       = 1
	ownerVersion     = 1
	recordVersion    = 1
	batchPartVersion = 1

	voidReasonVersion = 1
)

// setItem is an item whose content is a binary set: a day's facts, or a month's history.
type setItem struct {
	PK             string   `dynamo:"pk"`
	SK             string   `dynamo:"sk"`
	Version        int      `dynamo:"v"`
	Set            [][]byte `dynamo:"s,set"`
	HistoryVersion int64    `dynamo:"n"` // of the item that counts a history's changes, which comes with it
}

// ownerItem tells whose a workProviderUserId is.
type ownerItem struct {
	PK         string   `dynamo:"pk"`
	SK         string   `dynamo:"sk"`
	Version    int      `dynamo:"v"`
	Counter    int64    `dynamo:"n"`
	Owner      string   `dynamo:"o,omitempty"`
	Customers  []string `dynamo:"e,set"`
	ReleasedAt Instant  `dynamo:"f"`
}

var errOwnerVersion = errors.New("timeline: a stored owner has an unknown version")

// recordItem is a shift record.
type recordItem struct {
	PK       string `dynamo:"pk"`
	SK       string `dynamo:"sk"`
	Version  int    `dynamo:"v"`
	Counter  int64  `dynamo:"n"`
	Revision int64  `dynamo:"r"`
	Shifts   []byte `dynamo:"s"`
}

// unavailable turns a failure of the service into the fault it is to a caller: worth another try.
func unavailable(err error) error { return table.Unavailable("timelines", err) }

// AddFacts implements Storage with one write: ADD on a set is the union itself. Room is judged before the union, as if
// all facts were new; only when that fails is the item read, and admit decides.
func (s *Store) AddFacts(
	ctx context.Context, provider string, name person.Name, day Day, facts []Fact,
) (overflow []Fact, err error) {
	pk := table.NamePartition(provider, name)
	sk := table.FactsSort(day.String())
	room := MaxFactsPerDay - len(facts)
	if slices.ContainsFunc(facts, func(f Fact) bool { return f.Kind == Login }) {
		room = maxLoginsPerDay - len(facts)
	}
	err = s.addToSet(ctx, pk, sk, encodeFacts(facts), room)
	for errors.Is(err, table.ErrConflict) {
		var stored []Fact
		if stored, err = s.Facts(ctx, provider, name, Days{day, day}); err != nil {
			return nil, err
		}
		var next []Fact
		next, overflow = admit(stored, facts)
		err = s.replaceSet(ctx, pk, sk, encodeFacts(stored), encodeFacts(next))
	}
	return overflow, err
}

// AddFactIf implements Storage with a transaction over the items of the days.
func (s *Store) AddFactIf(
	ctx context.Context, provider string, fact Fact, days Days, read []Fact,
) (overflow bool, err error) {
	onDay := func(day Day) []Fact {
		return slices.DeleteFunc(slices.Clone(read), func(f Fact) bool { return f.At.Day() != day })
	}
	pk := table.NamePartition(provider, fact.Name)
	stored := onDay(fact.At.Day())
	next, ok := admitOne(stored, fact)
	if !ok {
		return true, nil
	}
	tx := s.db.WriteTx()
	for day := days.First; day <= days.Last; day++ {
		sk := table.FactsSort(day.String())
		condition, args := ifSet(encodeFacts(onDay(day)))
		if day != fact.At.Day() {
			tx.Check(s.table.Check(table.PK, pk).Range(table.SK, sk).If(condition, args...))
			continue
		}
		tx.Update(s.table.Update(table.PK, pk).Range(table.SK, sk).
			SetSet("s", encodeFacts(next)).Set(table.VersionAttr, setVersion).If(condition, args...))
	}
	err = tx.Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return false, table.ErrConflict
	}
	return false, unavailable(err)
}

func encodeFacts(facts []Fact) [][]byte {
	elements := make([][]byte, len(facts))
	for i, f := range facts {
		elements[i] = f.encode(nil)
	}
	return elements
}

// AddHistory implements Storage, likewise.
func (s *Store) AddHistory(
	ctx context.Context, provider, customer string, entries []Entry,
) (overflow []Entry, err error) {
	pk := s.partition(provider, customer)
	sk := table.HistorySort(entries[0].At.month())
	err = s.addToSet(ctx, pk, sk, encodeEntries(entries), MaxFactsPerDay-len(entries))
	for errors.Is(err, table.ErrConflict) {
		var history History
		if history, err = s.History(ctx, provider, customer); err != nil {
			return nil, err
		}
		var stored int
		var added []Entry
		if stored, added, overflow = history.admit(entries); len(added) > 0 {
			err = s.addToSet(ctx, pk, sk, encodeEntries(added), stored)
		}
	}
	return overflow, err
}

func encodeEntries(entries []Entry) [][]byte {
	elements := make([][]byte, len(entries))
	for i, e := range entries {
		elements[i] = e.encode()
	}
	return elements
}

// addToSet puts elements into an item's set if it has at most so many; else, or if the item is of another version, it
// returns ErrConflict. Whoever else fills the set meanwhile makes the condition fail again, and the set a little
// fuller: so it ends.
func (s *Store) addToSet(ctx context.Context, pk, sk string, elements [][]byte, atMost int) error {
	if len(elements) == 0 {
		return nil
	}
	if atMost < 0 {
		return table.ErrConflict
	}
	err := s.table.Update(table.PK, pk).Range(table.SK, sk).
		Add("s", elements).Set(table.VersionAttr, setVersion).
		If("attribute_not_exists('s') OR ($ = ? AND size('s') <= ?)", table.VersionAttr, setVersion, atMost).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return table.ErrConflict
	}
	return unavailable(err)
}

// replaceSet puts a set in the place of the one that was read, if that is stored still; else it returns ErrConflict.
// What is left out of it goes in the same write in which what makes it needless comes.
func (s *Store) replaceSet(ctx context.Context, pk, sk string, prev, next [][]byte) error {
	if slices.EqualFunc(prev, next, bytes.Equal) {
		return nil
	}
	condition, args := ifSet(prev)
	err := s.table.Update(table.PK, pk).Range(table.SK, sk).
		SetSet("s", next).Set(table.VersionAttr, setVersion).If(condition, args...).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return table.ErrConflict
	}
	return unavailable(err)
}

// ifSet returns the condition that an item's set is the one that was read.
func ifSet(read [][]byte) (condition string, args []any) {
	if len(read) == 0 {
		return "attribute_not_exists('s')", nil
	}
	return "'s' = ?", []any{&types.AttributeValueMemberBS{Value: read}}
}

// voidReasonItem is why an event was taken back.
type voidReasonItem struct {
	PK       string  `dynamo:"pk"`
	SK       string  `dynamo:"sk"`
	Version  int     `dynamo:"v"`
	Kind     Kind    `dynamo:"k"`
	At       Instant `dynamo:"i"`
	Accepted Instant `dynamo:"a"`
	Reason   string  `dynamo:"r"`
}

var errVoidReasonVersion = errors.New("timeline: a stored reason of a void has an unknown version")

// PutVoidReason implements Storage with one conditional write.
func (s *Store) PutVoidReason(ctx context.Context, provider string, void Void) error {
	f := void.Fact
	err := s.table.Put(voidReasonItem{
		PK: table.NamePartition(provider, f.Name), SK: table.VoidSort(f.At.Day().String(), int64(f.At), f.Kind.String()),
		Version: voidReasonVersion, Kind: f.Kind, At: f.At, Accepted: f.Accepted, Reason: void.Reason,
	}).If("attribute_not_exists(pk) OR 'a' > ?", f.Accepted).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return unavailable(err)
}

// EraseVoidReason leaves of a reason for which an event was taken back nothing but that there was one. So a message of
// the void that is delivered again does not bring the text back.
func (s *Store) EraseVoidReason(ctx context.Context, provider string, event Fact) error {
	err := s.table.Update(table.PK, table.NamePartition(provider, event.Name)).
		Range(table.SK, table.VoidSort(event.At.Day().String(), int64(event.At), event.Kind.String())).
		Set("r", "").If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return unavailable(err)
}

// VoidReasons implements Storage with one Query.
func (s *Store) VoidReasons(ctx context.Context, provider string, name person.Name, days Days) ([]Void, error) {
	first, last := table.VoidRange(days.First.String(), days.Last.String())
	var items []voidReasonItem
	err := s.table.Get(table.PK, table.NamePartition(provider, name)).
		Range(table.SK, dynamo.Between, first, last).Consistent(true).All(ctx, &items)
	if err != nil {
		return nil, unavailable(err)
	}
	voids := make([]Void, len(items))
	for i, item := range items {
		if item.Version != voidReasonVersion {
			return nil, errVoidReasonVersion
		}
		voids[i] = NewVoid(Fact{Name: name, Kind: item.Kind, At: item.At}, item.Accepted, item.Reason)
	}
	slices.SortFunc(voids, compareVoids)
	return voids, nil
}

func (s *Store) partition(provider, customer string) string {
	return table.NamePartition(provider, customerName(customer))
}

// Ownership implements Storage with one consistent read.
func (s *Store) Ownership(ctx context.Context, provider, userID string) (Ownership, error) {
	return readOwnership(ctx, s.ownerQuery(provider, userID).Consistent(true))
}

// OwnershipHint implements Storage with one read of half the price.
func (s *Store) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	return readOwnership(ctx, s.ownerQuery(provider, userID).Consistent(false))
}

func readOwnership(ctx context.Context, query *dynamo.Query) (Ownership, error) {
	var item ownerItem
	err := query.One(ctx, &item)
	if errors.Is(err, dynamo.ErrNotFound) {
		return Ownership{}, nil
	}
	if err != nil {
		return Ownership{}, unavailable(err)
	}
	if item.Version != ownerVersion {
		return Ownership{}, errOwnerVersion
	}
	slices.Sort(item.Customers)
	return Ownership{
		Owner: item.Owner, Customers: item.Customers, ReleasedAt: item.ReleasedAt, version: item.Counter,
	}, nil
}

func (s *Store) ownerQuery(provider, userID string) *dynamo.Query {
	pk := table.NamePartition(provider, userIDName(userID))
	return s.table.Get(table.PK, pk).Range(table.SK, dynamo.Equal, table.OwnerSort)
}

// OwnerNumber returns the customer number that a workProviderUserId stands for now; empty if no customer who shares
// with the provider has it.
func (s *Store) OwnerNumber(ctx context.Context, provider, userID string) (string, error) {
	o, err := s.Ownership(ctx, provider, userID)
	return o.Owner, err
}

// Records implements Storage with one Query.
func (s *Store) Records(ctx context.Context, provider, customer string, days Days) ([]Record, error) {
	var items []recordItem
	err := s.table.Get(table.PK, s.partition(provider, customer)).
		Range(table.SK, dynamo.Between, table.ShiftsSort(days.First.String()), table.ShiftsSort(days.Last.String())).
		Consistent(true).All(ctx, &items)
	if err != nil {
		return nil, unavailable(err)
	}
	records := make([]Record, len(items))
	for i, item := range items {
		if records[i], err = item.record(customer); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (r recordItem) record(customer string) (Record, error) {
	date, _ := table.ParseDaySort(r.SK)
	day, err := ParseDay(date)
	if err != nil || r.Version != recordVersion {
		return Record{}, errRecordVersion
	}
	shifts, err := decodeShifts(customer, day, r.Shifts)
	return Record{Day: day, Version: r.Counter, Revision: r.Revision, Shifts: shifts}, err
}

// recentFactsWindow is how far back a Query for facts may begin and still read on into the history behind them: it is
// what a change reads at the most. Older facts are read by themselves.
const recentFactsWindow = 7 * 24 * time.Hour

// HistoryAndFacts implements Storage: with one Query while the days are recent, else with two.
func (s *Store) HistoryAndFacts(ctx context.Context, provider, customer string, days Days) (History, []Fact, error) {
	name := customerName(customer)
	if days.First.Start() >= At(time.Now().Add(-recentFactsWindow)) {
		return s.queryTimeline(ctx, provider, name, days, table.FactsSort(days.First.String()), table.HistoryEnd)
	}
	history, err := s.History(ctx, provider, customer)
	if err != nil {
		return History{}, nil, err
	}
	facts, err := s.Facts(ctx, provider, name, days)
	return history, facts, err
}

// History reads a customer's history, with one Query.
func (s *Store) History(ctx context.Context, provider, customer string) (History, error) {
	first, last := table.HistoryRange()
	history, _, err := s.queryTimeline(ctx, provider, customerName(customer), Days{}, first, last)
	return history, err
}

// Facts implements Storage with one Query.
func (s *Store) Facts(ctx context.Context, provider string, name person.Name, days Days) ([]Fact, error) {
	first := table.FactsSort(days.First.String())
	last := table.FactsSort(days.Last.String())
	_, facts, err := s.queryTimeline(ctx, provider, name, days, first, last)
	return facts, err
}

// queryTimeline reads the items between two sort keys: facts, of which it keeps those of the days, and history.
func (s *Store) queryTimeline(
	ctx context.Context, provider string, name person.Name, days Days, first, last string,
) (History, []Fact, error) {
	var items []setItem
	err := s.table.Get(table.PK, table.NamePartition(provider, name)).
		Range(table.SK, dynamo.Between, first, last).Consistent(true).All(ctx, &items)
	if err != nil {
		return History{}, nil, unavailable(err)
	}
	var facts []Fact
	var entries []Entry
	var version int64
	for _, item := range items {
		switch {
		case item.Version != setVersion:
			return History{}, nil, errFactVersion
		case item.SK == table.HistoryVersionSort:
			version = item.HistoryVersion
		case table.IsHistory(item.SK):
			entries, err = item.appendEntries(entries)
		default:
			facts, err = item.appendFacts(facts, name, days)
		}
		if err != nil {
			return History{}, nil, err
		}
	}
	history := NewHistory(entries)
	history.version = version
	return history, facts, nil
}

// appendEntries adds the entries of a month's item.
func (i setItem) appendEntries(entries []Entry) ([]Entry, error) {
	for _, element := range i.Set {
		e, err := decodeEntry(element)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// appendFacts adds the facts of a day's item, if it is one of the days.
func (i setItem) appendFacts(facts []Fact, name person.Name, days Days) ([]Fact, error) {
	date, _ := table.ParseDaySort(i.SK)
	day, err := ParseDay(date)
	if err != nil {
		return nil, errFactVersion
	}
	if !days.has(day) {
		return facts, nil
	}
	for _, element := range i.Set {
		f, err := decodeFact(name, day, element)
		if err != nil {
			return nil, err
		}
		facts = append(facts, f)
	}
	return facts, nil
}

// batchPartItem is a part of a batch.
type batchPartItem struct {
	PK      string `dynamo:"pk"`
	SK      string `dynamo:"sk"`
	Version int    `dynamo:"v"`
	Offset  int    `dynamo:"b"`
	Facts   []byte `dynamo:"f"`
}

// batchTallyItem is what became of a part of a batch.
type batchTallyItem struct {
	PK        string `dynamo:"pk"`
	SK        string `dynamo:"sk"`
	Version   int    `dynamo:"v"`
	Offset    int    `dynamo:"b"`
	Applied   int    `dynamo:"a"`
	NoEffect  int    `dynamo:"n"`
	Unmatched int    `dynamo:"u"`
	Rejected  int    `dynamo:"r"`
	Voided    int    `dynamo:"w,omitempty"`
}

// PutBatchPart implements Storage with one write.
func (s *Store) PutBatchPart(ctx context.Context, provider string, part BatchPart) error {
	return unavailable(s.table.Put(batchPartItem{
		PK: table.BatchPartition(provider, part.Batch), SK: table.PartSort(part.Offset), Version: batchPartVersion,
		Offset: part.Offset, Facts: encodeBatchPart(part.Facts),
	}).Run(ctx))
}

// BatchParts implements Storage with one Query, which takes a page for each megabyte.
func (s *Store) BatchParts(ctx context.Context, provider, batch string, first, last int) ([]BatchPart, error) {
	var items []batchPartItem
	err := s.table.Get(table.PK, table.BatchPartition(provider, batch)).
		Range(table.SK, dynamo.Between, table.PartSort(first), table.PartSort(last)).Consistent(true).All(ctx, &items)
	if err != nil {
		return nil, unavailable(err)
	}
	parts := make([]BatchPart, len(items))
	for i, item := range items {
		facts, err := decodeBatchPart(item.Facts)
		if err != nil || item.Version != batchPartVersion {
			return nil, errPartVersion
		}
		parts[i] = BatchPart{Batch: batch, Offset: item.Offset, Facts: facts}
	}
	return parts, nil
}

// PutBatchTally implements Storage with one write.
func (s *Store) PutBatchTally(ctx context.Context, provider, batch string, tally BatchTally) error {
	return unavailable(s.table.Put(batchTallyItem{
		PK: table.BatchPartition(provider, batch), SK: table.TallySort(tally.Offset), Version: batchPartVersion,
		Offset: tally.Offset, Applied: tally.Applied, NoEffect: tally.NoEffect, Unmatched: tally.Unmatched,
		Rejected: tally.Rejected, Voided: tally.Voided,
	}).Run(ctx))
}

// BatchTallies implements Storage with one Query.
func (s *Store) BatchTallies(ctx context.Context, provider, batch string) ([]BatchTally, error) {
	var items []batchTallyItem
	first, last := table.TallyRange()
	err := s.table.Get(table.PK, table.BatchPartition(provider, batch)).
		Range(table.SK, dynamo.Between, first, last).Consistent(true).All(ctx, &items)
	if err != nil {
		return nil, unavailable(err)
	}
	tallies := make([]BatchTally, len(items))
	for i, item := range items {
		if item.Version != batchPartVersion {
			return nil, errPartVersion
		}
		tally := Tally{
			Applied: item.Applied, NoEffect: item.NoEffect, Unmatched: item.Unmatched, Rejected: item.Rejected,
			Voided: item.Voided,
		}
		tallies[i] = BatchTally{Offset: item.Offset, Tally: tally}
	}
	return tallies, nil
}

// maxConflictJitter is how long at most a writer waits before it is told of a conflict, so that rivals for one record,
// who would all begin again at once, come one after the other.
const maxConflictJitter = 50 * time.Millisecond

// PutRecord implements Storage with one conditional write.
func (s *Store) PutRecord(ctx context.Context, provider, customer string, r Record) error {
	put := s.table.Put(recordItem{
		PK: s.partition(provider, customer), SK: table.ShiftsSort(r.Day.String()), Version: recordVersion,
		Counter: r.Version, Revision: r.Revision, Shifts: encodeShifts(r.Shifts),
	})
	err := ifCounter(put, r.Version-1).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		select {
		case <-time.After(rand.N(maxConflictJitter)):
		case <-ctx.Done():
		}
		return table.ErrConflict
	}
	return unavailable(err)
}

// ifCounter adds the condition that an item's counter is the one that was read; 0 stands for no item.
func ifCounter(put *dynamo.Put, read int64) *dynamo.Put {
	if read == 0 {
		return put.If("attribute_not_exists(pk)")
	}
	return put.If("'n' = ?", read)
}

// Customers returns the numbers of all customers who have a history at a work provider, in order. It reads the whole
// table, whatever is in it: it is for operators, who have time.
func (s *Store) Customers(ctx context.Context, provider string) ([]string, error) {
	prefix := s.partition(provider, "")
	histories, _ := table.HistoryRange()
	var customers []string
	items := s.table.Scan().Project(table.PK).Consistent(true).
		Filter("begins_with($, ?) AND begins_with($, ?)", table.PK, prefix, table.SK, histories).Iter()
	for item := (setItem{}); items.Next(ctx, &item); {
		customers = append(customers, strings.TrimPrefix(item.PK, prefix))
	}
	slices.Sort(customers)
	return slices.Compact(customers), unavailable(items.Err())
}

// historyVersionItem counts the changes of a customer's consents and links.
type historyVersionItem struct {
	PK      string `dynamo:"pk"`
	SK      string `dynamo:"sk"`
	Version int    `dynamo:"v"`
	Counter int64  `dynamo:"n"`
}

// UpdateHistory adds to a transaction the writes that put entries into a customer's history, on condition that it was
// not updated since it was read: a workProviderUserId linked while consent is withdrawn would outlive it.
func (s *Store) UpdateHistory(tx *dynamo.WriteTx, provider, customer string, prev History, entries ...Entry) {
	tx.Put(ifCounter(s.table.Put(historyVersionItem{
		PK: s.partition(provider, customer), SK: table.HistoryVersionSort, Version: setVersion, Counter: prev.version + 1,
	}), prev.version))
	s.AppendHistory(tx, provider, customer, entries...)
}

// AppendHistory adds to a transaction the writes that put entries into a customer's history, whoever else does: one per
// month.
func (s *Store) AppendHistory(tx *dynamo.WriteTx, provider, customer string, entries ...Entry) {
	months := map[string][]Entry{}
	for _, e := range entries {
		months[e.At.month()] = append(months[e.At.month()], e)
	}
	for month, entries := range months {
		tx.Update(s.table.Update(table.PK, s.partition(provider, customer)).Range(table.SK, table.HistorySort(month)).
			Add("s", encodeEntries(entries)).Set(table.VersionAttr, setVersion))
	}
}

// AssignUserID adds to a transaction the write that makes userID the customer's, and returns the entry that has to come
// into the customer's history in the same transaction. The ownership is the one read before, in which the id was free:
// the transaction fails its condition if it was changed since.
func (s *Store) AssignUserID(
	tx *dynamo.WriteTx, provider, userID string, prev Ownership, customer string, at time.Time,
) Entry {
	next := prev
	next.Owner = customer
	next.Customers = append(slices.Clone(prev.Customers), customer)
	s.putOwnership(tx, provider, userID, next)
	return Entry{Kind: Link, At: At(at), UserID: userID, FreeSince: prev.ReleasedAt}
}

// ReleaseUserID adds to a transaction the write that makes userID no customer's, likewise: the entry is for the history
// of whose it was.
func (s *Store) ReleaseUserID(tx *dynamo.WriteTx, provider, userID string, prev Ownership, at time.Time) Entry {
	s.putOwnership(tx, provider, userID, prev.Released(at))
	return Unlinked(at, userID)
}

// MoveUserID adds to a transaction the write that makes userID another customer's, and returns the entries that have to
// come into the histories of whose it was and whose it is in the same transaction. A move counts from the beginning of
// its second, but not from before the id was last released (rule 6).
func (s *Store) MoveUserID(
	tx *dynamo.WriteTx, provider, userID string, prev Ownership, customer string, at time.Time,
) (unlink, link Entry) {
	free := prev.movesAt(At(at))
	link = s.AssignUserID(tx, provider, userID, prev.Released(at), customer, at)
	link.FreeSince = free
	unlink = Unlinked(at, userID)
	unlink.FreeSince = free
	return unlink, link
}

// putOwnership stores an ownership, on condition that it follows the one stored.
func (s *Store) putOwnership(tx *dynamo.WriteTx, provider, userID string, o Ownership) {
	slices.Sort(o.Customers)
	tx.Put(ifCounter(s.table.Put(ownerItem{
		PK: table.NamePartition(provider, userIDName(userID)), SK: table.OwnerSort, Version: ownerVersion,
		Counter: o.version + 1, Owner: o.Owner, Customers: slices.Compact(o.Customers), ReleasedAt: o.ReleasedAt,
	}), o.version))
}

// WriteTx begins a transaction that the methods above add to.
func (s *Store) WriteTx() *dynamo.WriteTx { return s.db.WriteTx() }
