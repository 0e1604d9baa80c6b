package timeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// Store keeps timelines in DynamoDB, in the table and under the keys that package table describes.
type Store struct {
	db    *dynamo.DB
	table dynamo.Table
}

var _ Rows = (*Store)(nil)

// StoreFrom is the store of the table that the environment names.
func StoreFrom(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db: db, table: db.Table(env.Get("TIMELINES_TABLE"))}
}

// setRow is a row whose content is a binary set: a day's facts, or a month's history.
type setRow struct {
	PK      string   `dynamo:"pk"`
	SK      string   `dynamo:"sk"`
	Form    int      `dynamo:"v"`
	Set     [][]byte `dynamo:"s,set"`
	Version int64    `dynamo:"n"` // of the row that counts a history's changes, which comes with it
}

const formOfSets = 1

// ownerRow tells whose a workProviderUserId is.
type ownerRow struct {
	PK      string   `dynamo:"pk"`
	SK      string   `dynamo:"sk"`
	Form    int      `dynamo:"v"`
	Version int64    `dynamo:"n"`
	Owner   string   `dynamo:"o,omitempty"`
	Ever    []string `dynamo:"e,set"`
	Freed   Instant  `dynamo:"f"`
}

const formOfOwners = 1

var errOwnerForm = errors.New("timeline: the row of a workProviderUserId's owner has an unknown form")

// recordRow is a shift record.
type recordRow struct {
	PK       string `dynamo:"pk"`
	SK       string `dynamo:"sk"`
	Form     int    `dynamo:"v"`
	Version  int64  `dynamo:"n"`
	Revision int64  `dynamo:"r"`
	Shifts   []byte `dynamo:"s"`
}

const formOfRecords = 1

// Union implements Rows with one write: ADD on a set is the union itself.
func (s *Store) Union(ctx context.Context, provider string, name person.Name, day Day, facts []Fact) ([]Fact, error) {
	elements := make([][]byte, len(facts))
	for i, f := range facts {
		elements[i] = f.encode(nil)
	}
	refused, err := s.add(ctx, table.NamePartition(provider, name), table.FactsSort(day.String()), elements)
	if err != nil || len(refused) == 0 {
		return nil, err
	}
	var left []Fact
	for _, element := range refused {
		f, err := decodeFact(name, day, element)
		if err != nil {
			return nil, err
		}
		left = append(left, f)
	}
	return left, nil
}

// Append implements Rows, likewise.
func (s *Store) Append(ctx context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	elements := make([][]byte, len(entries))
	for i, e := range entries {
		elements[i] = e.encode()
	}
	refused, err := s.add(ctx, s.partition(provider, customer), table.HistorySort(monthOf(entries[0].At)), elements)
	if err != nil || len(refused) == 0 {
		return nil, err
	}
	var left []Entry
	for _, element := range refused {
		e, err := decodeEntry(element)
		if err != nil {
			return nil, err
		}
		left = append(left, e)
	}
	return left, nil
}

func monthOf(at Instant) string { return at.Time().Format("2006-01") }

func (s *Store) partition(provider, customer string) string {
	return table.NamePartition(provider, numbered(customer))
}

// add puts elements into a row's set while it has room. Room is judged before the union, as if all were new: only when
// that refuses is the row read, what is there dropped, and what fits added. Whoever else fills the row meanwhile makes
// the condition fail again, and the row a little fuller: so it ends.
func (s *Store) add(ctx context.Context, pk, sk string, elements [][]byte) (refused [][]byte, err error) {
	fit := elements
	for len(fit) > 0 {
		if room := MaxFactsPerDay - len(fit); room >= 0 {
			err := s.table.Update(table.PK, pk).Range(table.SK, sk).
				Add("s", fit).Set(table.VersionAttr, formOfSets).
				If("attribute_not_exists('s') OR ($ = ? AND size('s') <= ?)", table.VersionAttr, formOfSets, room).Run(ctx)
			if !dynamo.IsCondCheckFailed(err) {
				return refused, stored(err)
			}
		}
		var row setRow
		err := s.table.Get(table.PK, pk).Range(table.SK, dynamo.Equal, sk).Consistent(true).One(ctx, &row)
		switch {
		case errors.Is(err, dynamo.ErrNotFound):
		case err != nil:
			return nil, stored(err)
		case row.Form != formOfSets:
			return nil, errForm
		}
		fresh := missing(row.Set, elements)
		n := min(len(fresh), max(0, MaxFactsPerDay-len(row.Set)))
		fit, refused = fresh[:n], fresh[n:]
	}
	return refused, nil
}

// missing is what of the elements the set does not hold, each once.
func missing(set, elements [][]byte) [][]byte {
	known := make(map[string]bool, len(set))
	for _, e := range set {
		known[string(e)] = true
	}
	var fresh [][]byte
	for _, e := range elements {
		if !known[string(e)] {
			known[string(e)] = true
			fresh = append(fresh, e)
		}
	}
	return fresh
}

// Ownership implements Rows with one read, of half the price for a hint.
func (s *Store) Ownership(ctx context.Context, provider, userID string, hint bool) (Ownership, error) {
	var row ownerRow
	err := s.ownerOf(provider, userID).Consistent(!hint).One(ctx, &row)
	if errors.Is(err, dynamo.ErrNotFound) {
		return Ownership{}, nil
	}
	if err != nil {
		return Ownership{}, stored(err)
	}
	if row.Form != formOfOwners {
		return Ownership{}, errOwnerForm
	}
	slices.Sort(row.Ever)
	return Ownership{Owner: row.Owner, Ever: row.Ever, Freed: row.Freed, version: row.Version}, nil
}

func (s *Store) ownerOf(provider, userID string) *dynamo.Query {
	pk := table.NamePartition(provider, userNamed(userID))
	return s.table.Get(table.PK, pk).Range(table.SK, dynamo.Equal, table.OwnerSort)
}

// Owner is the customer number that a workProviderUserId stands for now; empty if nobody who shares with the provider
// has it.
func (s *Store) Owner(ctx context.Context, provider, userID string) (string, error) {
	o, err := s.Ownership(ctx, provider, userID, false)
	return o.Owner, err
}

// Records implements Rows with one Query.
func (s *Store) Records(ctx context.Context, provider, customer string, of Days) ([]Record, error) {
	var rows []recordRow
	err := s.table.Get(table.PK, s.partition(provider, customer)).
		Range(table.SK, dynamo.Between, table.ShiftsSort(of.First.String()), table.ShiftsSort(of.Last.String())).
		Consistent(true).All(ctx, &rows)
	if err != nil {
		return nil, stored(err)
	}
	records := make([]Record, len(rows))
	for i, row := range rows {
		if records[i], err = row.record(customer); err != nil {
			return nil, err
		}
	}
	return records, nil
}

func (r recordRow) record(customer string) (Record, error) {
	date, _ := table.ParseDaySort(r.SK)
	day, err := ParseDay(date)
	if err != nil || r.Form != formOfRecords {
		return Record{}, errRecordForm
	}
	shifts, err := decodeShifts(customer, day, r.Shifts)
	return Record{Day: day, Version: r.Version, Revision: r.Revision, Shifts: shifts}, err
}

// recently is how far back a Query for facts may begin and still read on into the history behind them: what lies
// between are a month's facts, two a day for most, which cost no more than one read. Older facts are read by themselves.
const recently = 31 * 24 * time.Hour

// Person implements Rows: with one Query while the days are recent, else with two.
func (s *Store) Person(ctx context.Context, provider, customer string, of Days) (History, []Fact, error) {
	name := numbered(customer)
	first, last := table.FactsSort(of.First.String()), table.HistoryEnd
	if of.First.Start() >= At(time.Now().Add(-recently)) {
		return s.timeline(ctx, provider, name, of, first, last)
	}
	history, err := s.History(ctx, provider, customer)
	if err != nil {
		return History{}, nil, err
	}
	facts, err := s.Facts(ctx, provider, name, of)
	return history, facts, err
}

// History reads a customer's history, with one Query.
func (s *Store) History(ctx context.Context, provider, customer string) (History, error) {
	first, last := table.HistoryRange()
	history, _, err := s.timeline(ctx, provider, numbered(customer), Days{}, first, last)
	return history, err
}

// Facts implements Rows with one Query.
func (s *Store) Facts(ctx context.Context, provider string, name person.Name, of Days) ([]Fact, error) {
	_, facts, err := s.timeline(ctx, provider, name, of, table.FactsSort(of.First.String()), table.FactsSort(of.Last.String()))
	return facts, err
}

// timeline reads the rows between two sort keys: facts, of which it keeps those of the days, and history.
func (s *Store) timeline(ctx context.Context, provider string, name person.Name, of Days, first, last string) (History, []Fact, error) {
	var rows []setRow
	err := s.table.Get(table.PK, table.NamePartition(provider, name)).
		Range(table.SK, dynamo.Between, first, last).Consistent(true).All(ctx, &rows)
	if err != nil {
		return History{}, nil, stored(err)
	}
	var facts []Fact
	var entries []Entry
	var version int64
	for _, row := range rows {
		if row.Form != formOfSets {
			return History{}, nil, errForm
		}
		if row.SK == table.HistoryVersionSort {
			version = row.Version
			continue
		}
		date, _ := table.ParseDaySort(row.SK)
		if table.IsHistory(row.SK) {
			for _, element := range row.Set {
				e, err := decodeEntry(element)
				if err != nil {
					return History{}, nil, err
				}
				entries = append(entries, e)
			}
			continue
		}
		day, err := ParseDay(date)
		if err != nil {
			return History{}, nil, errForm
		}
		if !of.has(day) {
			continue
		}
		for _, element := range row.Set {
			f, err := decodeFact(name, day, element)
			if err != nil {
				return History{}, nil, err
			}
			facts = append(facts, f)
		}
	}
	history := NewHistory(entries)
	history.version = version
	return history, facts, nil
}

// partRow is a part of a batch.
type partRow struct {
	PK    string `dynamo:"pk"`
	SK    string `dynamo:"sk"`
	Form  int    `dynamo:"v"`
	From  int    `dynamo:"b"`
	Facts []byte `dynamo:"f"`
}

const formOfParts = 1

// PutPart implements Rows with one write.
func (s *Store) PutPart(ctx context.Context, provider string, part Part) error {
	return stored(s.table.Put(partRow{
		PK: table.BatchPartition(provider, part.Batch), SK: table.PartSort(part.From), Form: formOfParts,
		From: part.From, Facts: encodePart(part.Facts),
	}).Run(ctx))
}

// Parts implements Rows with one Query, which takes a page for each megabyte.
func (s *Store) Parts(ctx context.Context, provider, batch string) ([]Part, error) {
	var rows []partRow
	err := s.table.Get(table.PK, table.BatchPartition(provider, batch)).Consistent(true).All(ctx, &rows)
	if err != nil {
		return nil, stored(err)
	}
	parts := make([]Part, len(rows))
	for i, row := range rows {
		facts, err := decodePart(row.Facts)
		if err != nil || row.Form != formOfParts {
			return nil, errPartForm
		}
		parts[i] = Part{Batch: batch, From: row.From, Facts: facts}
	}
	return parts, nil
}

// apart is how long at most a refused writer waits before it is told, so that rivals for one record, who would all begin
// again at once, come one after the other.
const apart = 50 * time.Millisecond

// Write implements Rows with one conditional write.
func (s *Store) Write(ctx context.Context, provider, customer string, r Record) error {
	put := s.table.Put(recordRow{
		PK: s.partition(provider, customer), SK: table.ShiftsSort(r.Day.String()), Form: formOfRecords,
		Version: r.Version, Revision: r.Revision, Shifts: encodeShifts(r.Shifts),
	})
	if r.Version == 1 {
		put = put.If("attribute_not_exists(pk)")
	} else {
		put = put.If("'n' = ?", r.Version-1)
	}
	err := put.Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		select {
		case <-time.After(rand.N(apart)):
		case <-ctx.Done():
		}
		return ErrConflict
	}
	return stored(err)
}

// Customers are the numbers of all customers who have a history at a work provider, in order. It reads the whole
// table, whatever is in it: it is for operators, who have time.
func (s *Store) Customers(ctx context.Context, provider string) ([]string, error) {
	prefix := s.partition(provider, "")
	histories, _ := table.HistoryRange()
	var customers []string
	rows := s.table.Scan().Project(table.PK).Consistent(true).
		Filter("begins_with($, ?) AND begins_with($, ?)", table.PK, prefix, table.SK, histories).Iter()
	for row := (setRow{}); rows.Next(ctx, &row); {
		customers = append(customers, strings.TrimPrefix(row.PK, prefix))
	}
	slices.Sort(customers)
	return slices.Compact(customers), stored(rows.Err())
}

// countRow counts the changes of a customer's consents and links.
type countRow struct {
	PK      string `dynamo:"pk"`
	SK      string `dynamo:"sk"`
	Form    int    `dynamo:"v"`
	Version int64  `dynamo:"n"`
}

// Amend adds to a transaction the writes that put entries into a customer's history, on condition that nobody has amended
// it since it was read: a workProviderUserId linked while consent is withdrawn would outlive it.
func (s *Store) Amend(tx *dynamo.WriteTx, provider, customer string, was History, entries ...Entry) {
	put := s.table.Put(countRow{
		PK: s.partition(provider, customer), SK: table.HistoryVersionSort, Form: formOfSets, Version: was.version + 1,
	})
	if was.version == 0 {
		put = put.If("attribute_not_exists(pk)")
	} else {
		put = put.If("'n' = ?", was.version)
	}
	tx.Put(put)
	s.AppendHistory(tx, provider, customer, entries...)
}

// AppendHistory adds to a transaction the writes that put entries into a customer's history, whoever else does: one a
// month.
func (s *Store) AppendHistory(tx *dynamo.WriteTx, provider, customer string, entries ...Entry) {
	months := map[string][][]byte{}
	for _, e := range entries {
		months[monthOf(e.At)] = append(months[monthOf(e.At)], e.encode())
	}
	for month, elements := range months {
		tx.Update(s.table.Update(table.PK, s.partition(provider, customer)).Range(table.SK, table.HistorySort(month)).
			Add("s", elements).Set(table.VersionAttr, formOfSets))
	}
}

// Claim adds to a transaction the write that makes userID the customer's, and answers the entry that has to come into the
// customer's history in the same transaction. The ownership is the one read before, in which the id was free: the
// transaction fails its condition if somebody changed it since.
func (s *Store) Claim(tx *dynamo.WriteTx, provider, userID string, was Ownership, customer string, at time.Time) Entry {
	now := was
	now.Owner = customer
	now.Ever = append(slices.Clone(was.Ever), customer)
	s.putOwner(tx, provider, userID, now)
	return Entry{Kind: Link, At: At(at), UserID: userID, Since: was.Freed}
}

// Release adds to a transaction the write that makes userID nobody's, likewise: the entry is for the history of whose it
// was.
func (s *Store) Release(tx *dynamo.WriteTx, provider, userID string, was Ownership, at time.Time) Entry {
	s.putOwner(tx, provider, userID, was.FreedAt(at))
	return Unlinked(at, userID)
}

// putOwner stores an ownership, on condition that it follows the one stored.
func (s *Store) putOwner(tx *dynamo.WriteTx, provider, userID string, o Ownership) {
	slices.Sort(o.Ever)
	put := s.table.Put(ownerRow{
		PK: table.NamePartition(provider, userNamed(userID)), SK: table.OwnerSort, Form: formOfOwners,
		Version: o.version + 1, Owner: o.Owner, Ever: slices.Compact(o.Ever), Freed: o.Freed,
	})
	if o.version == 0 {
		put = put.If("attribute_not_exists(pk)")
	} else {
		put = put.If("'n' = ?", o.version)
	}
	tx.Put(put)
}

// WriteTx begins a transaction that the methods above add to.
func (s *Store) WriteTx() *dynamo.WriteTx { return s.db.WriteTx() }

// stored turns a failure of the service into the fault it is to a caller: worth another try.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("timelines: %w", err))
}
