package timeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// twins is a store in DynamoDB and one in memory, to which the same is done under a work provider of its own.
type twins struct {
	store    *Store
	memory   *Memory
	provider string
	days     []Day
}

// TestStoreMatchesMemory holds the store that simulations run on against the real one.
func TestStoreMatchesMemory(t *testing.T) {
	store := NewStore(emulator.NewTestEnv(t))
	today := At(time.Now()).Day() // some days are recent, for which a person is read in another way
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		w := twins{
			store: store, memory: NewMemory(), provider: fmt.Sprint("provider-", runs.Add(1)),
			days: []Day{firstDay, day0, today - 9, today - 1, today, today + 1, lastDay},
		}
		operations := []func(*rapid.T){
			w.addFacts, w.addHistory, w.link, w.putRecord, w.putPart, w.putTally, w.addFactIf, w.putVoidReason,
		}
		for range rapid.IntRange(1, 10).Draw(t, "operations") {
			rapid.SampledFrom(operations).Draw(t, "operation")(t)
		}
		w.compare(t)
	})
}

var (
	twinCustomers = []string{"ABC123", "ABC12"}
	twinIDs       = []string{"12345", "1686"}
	twinNames     = []person.Name{
		customerName("ABC123"), customerName("ABC12"), userIDName("ABC123"), userIDName("12345"), userIDName("1686"),
	}
)

func (w *twins) both() []Storage { return []Storage{w.store, w.memory} }

func (w *twins) day(t *rapid.T) Day { return rapid.SampledFrom(w.days).Draw(t, "day") }

func (w *twins) run(t *rapid.T) Days {
	a := w.day(t)
	b := w.day(t)
	return Days{min(a, b), max(a, b)}
}

func (w *twins) addFacts(t *rapid.T) {
	name := rapid.SampledFrom(twinNames).Draw(t, "name")
	day := w.day(t)
	facts := dedupe(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
		at := day.Start() + Instant(rapid.IntRange(0, 3).Draw(t, "µs"))
		f := Fact{Name: name, Kind: Login, At: at, PlannedEnd: Never}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 1:
			f.Kind = Logout
		case 2:
			f.PlannedEnd = f.At + Instant(rapid.IntRange(1, 2).Draw(t, "planned"))
		}
		if accepted := rapid.IntRange(0, 3).Draw(t, "accepted"); accepted > 0 {
			f.Accepted = acceptanceEpoch + Instant(accepted)*millisecond
		}
		if f.Accepted > 0 && rapid.IntRange(0, 3).Draw(t, "void") == 0 {
			f = NewVoid(f, f.Accepted, "").Fact
		}
		return f
	}), 1, 5).Draw(t, "facts"))
	for _, storage := range w.both() {
		overflow, err := storage.AddFacts(context.Background(), w.provider, name, day, slices.Clone(facts))
		if len(overflow) > 0 || err != nil {
			t.Fatalf("%T: %v, %v", storage, overflow, err)
		}
	}
}

// addFactIf adds a fact to a day of a run of them, after what was read of them, or after less.
func (w *twins) addFactIf(t *rapid.T) {
	ctx := context.Background()
	name := rapid.SampledFrom(twinNames).Draw(t, "name")
	days := w.run(t)
	days.Last = min(days.Last, days.First+1)
	f := Fact{Name: name, Kind: Logout, At: days.Last.Start() + 7, PlannedEnd: Never}
	f.Accepted = acceptanceEpoch + Instant(rapid.IntRange(1, 3).Draw(t, "accepted"))*millisecond
	read, err := w.store.Facts(ctx, w.provider, name, days)
	if err != nil {
		t.Fatal(err)
	}
	changed := len(read) > 0 && rapid.Bool().Draw(t, "changed")
	if changed {
		read = read[1:]
	}
	for _, storage := range w.both() {
		overflow, err := storage.AddFactIf(ctx, w.provider, f, days, slices.Clone(read))
		if overflow || changed != errors.Is(err, table.ErrConflict) || !changed && err != nil {
			t.Fatalf("%T: %v, %v", storage, overflow, err)
		}
	}
}

func (w *twins) putVoidReason(t *rapid.T) {
	name := rapid.SampledFrom(twinNames).Draw(t, "name")
	event := Fact{Name: name, Kind: rapid.SampledFrom([]Kind{Login, Logout}).Draw(t, "kind"), At: w.day(t).Start()}
	accepted := rapid.IntRange(1, 9).Draw(t, "accepted")
	void := NewVoid(event, Instant(accepted)*millisecond, fmt.Sprint("reason ", accepted))
	for _, storage := range w.both() {
		if err := storage.PutVoidReason(context.Background(), w.provider, void); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *twins) addHistory(t *rapid.T) {
	customer := rapid.SampledFrom(twinCustomers).Draw(t, "customer")
	day := w.day(t)
	entries := dedupe(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
		kind := rapid.SampledFrom([]EntryKind{Consent, Withdrawal, Match, NoMatch}).Draw(t, "kind")
		return Entry{Kind: kind, At: day.Start() + Instant(rapid.IntRange(0, 3).Draw(t, "µs"))}
	}), 1, 3).Draw(t, "entries"))
	for _, storage := range w.both() {
		overflow, err := storage.AddHistory(context.Background(), w.provider, customer, slices.Clone(entries))
		if len(overflow) > 0 || err != nil {
			t.Fatalf("%T: %v, %v", storage, overflow, err)
		}
	}
}

// link gives an id to a customer, taking it from whoever has it, or takes it away.
func (w *twins) link(t *rapid.T) {
	id := rapid.SampledFrom(twinIDs).Draw(t, "id")
	at := w.day(t).Start() + Instant(rapid.IntRange(0, 20).Draw(t, "later"))*100*millisecond
	customer := rapid.SampledFrom(append([]string{""}, twinCustomers...)).Draw(t, "customer")
	ctx := context.Background()
	prev, err := w.store.Ownership(ctx, w.provider, id)
	if err != nil {
		t.Fatal(err)
	}
	if prev.Owner == customer {
		return
	}
	tx := w.store.WriteTx()
	switch {
	case customer == "":
		entry := w.store.ReleaseUserID(tx, w.provider, id, prev, at.Time())
		w.store.AppendHistory(tx, w.provider, prev.Owner, entry)
		w.memory.Unlink(w.provider, id, at)
	case prev.Owner == "":
		entry := w.store.AssignUserID(tx, w.provider, id, prev, customer, at.Time())
		w.store.AppendHistory(tx, w.provider, customer, entry)
		w.memory.Link(w.provider, id, customer, at)
	default:
		unlink, link := w.store.MoveUserID(tx, w.provider, id, prev, customer, at.Time())
		w.store.AppendHistory(tx, w.provider, prev.Owner, unlink)
		w.store.AppendHistory(tx, w.provider, customer, link)
		w.memory.Link(w.provider, id, customer, at)
	}
	if err := tx.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

// putRecord writes a record that follows the one stored, or does not.
func (w *twins) putRecord(t *rapid.T) {
	customer := rapid.SampledFrom(twinCustomers).Draw(t, "customer")
	day := w.day(t)
	r := Record{Day: day}
	records, err := w.store.Records(context.Background(), w.provider, customer, Days{day, day})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) > 0 {
		r = records[0]
	}
	shifts := rapid.Custom(func(t *rapid.T) Shift { return anyShift(t, customer, day) })
	r = r.nextVersion(rapid.SliceOfN(shifts, 0, 2).Draw(t, "shifts"))
	off := rapid.SampledFrom([]int64{0, 0, 0, -1, 1}).Draw(t, "off")
	r.Version += off
	if r.Version < 1 {
		return
	}
	for _, storage := range w.both() {
		err := storage.PutRecord(context.Background(), w.provider, customer, r)
		if off == 0 && err != nil || off != 0 && !errors.Is(err, table.ErrConflict) {
			t.Fatalf("%T: version %d, off by %d: %v", storage, r.Version, off, err)
		}
	}
}

func someBatch(t *rapid.T) string { return rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "batch") }

func someOffset(t *rapid.T) int { return rapid.SampledFrom([]int{0, 9, 10, 2000}).Draw(t, "offset") }

func (w *twins) putPart(t *rapid.T) {
	part := BatchPart{Batch: someBatch(t), Offset: someOffset(t)}
	for range rapid.IntRange(1, 3).Draw(t, "facts") {
		name := rapid.SampledFrom(twinNames).Draw(t, "name")
		part.Facts = append(part.Facts, Fact{Name: name, Kind: Logout, At: w.day(t).Start(), PlannedEnd: Never})
	}
	for _, storage := range w.both() {
		if err := storage.PutBatchPart(context.Background(), w.provider, part); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *twins) putTally(t *rapid.T) {
	batch := someBatch(t)
	count := rapid.IntRange(0, 3)
	tally := BatchTally{someOffset(t), Tally{
		count.Draw(t, "applied"), count.Draw(t, "no effect"), count.Draw(t, "unmatched"), count.Draw(t, "rejected"),
		count.Draw(t, "voided"),
	}}
	for _, storage := range w.both() {
		if err := storage.PutBatchTally(context.Background(), w.provider, batch, tally); err != nil {
			t.Fatal(err)
		}
	}
}

// compare reads all kinds of items, of some days, from both.
func (w *twins) compare(t *rapid.T) {
	days := w.run(t)
	customer := rapid.SampledFrom(twinCustomers).Draw(t, "customer")
	id := rapid.SampledFrom(twinIDs).Draw(t, "id")
	first := someOffset(t)
	last := someOffset(t)
	read := func(storage Storage) string {
		ctx := context.Background()
		history, facts, err1 := storage.HistoryAndFacts(ctx, w.provider, customer, days)
		records, err2 := storage.Records(ctx, w.provider, customer, days)
		owner, err3 := storage.Ownership(ctx, w.provider, id)
		hint, err4 := storage.OwnershipHint(ctx, w.provider, id)
		more, err5 := storage.Facts(ctx, w.provider, userIDName(id), days)
		parts, err6 := storage.BatchParts(ctx, w.provider, "b1", min(first, last), max(first, last))
		tallies, err7 := storage.BatchTallies(ctx, w.provider, "b1")
		voids, err8 := storage.VoidReasons(ctx, w.provider, userIDName(id), days)
		return fmt.Sprintln(customer, days, id, history.entries, sorted(facts), records, describeOwner(owner),
			describeOwner(hint), sorted(more), parts, tallies, voids,
			errors.Join(err1, err2, err3, err4, err5, err6, err7, err8))
	}
	if got, want := read(w.store), read(w.memory); got != want {
		t.Fatalf("store  %s\nmemory %s", got, want)
	}
}

// describeOwner leaves out the version of the item, which the store in memory does not have.
func describeOwner(o Ownership) string {
	return fmt.Sprint(o.Owner, slices.Sorted(slices.Values(o.Customers)), o.ReleasedAt)
}

// sorted returns the same facts in an order of their own.
func sorted(facts []Fact) []Fact {
	slices.SortFunc(facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.PlannedEnd, b.PlannedEnd),
			cmp.Compare(a.Accepted, b.Accepted), compareBool(a.Void, b.Void))
	})
	return facts
}

// TestAssignUserIDConflict: of two who are given an id at once, one gets it.
func TestAssignUserIDConflict(t *testing.T) {
	store := NewStore(emulator.NewTestEnv(t))
	assign := func(prev Ownership, customer string) error {
		tx := store.WriteTx()
		entry := store.AssignUserID(tx, "courier-ltd", "12345", prev, customer, minute(0).Time())
		store.AppendHistory(tx, "courier-ltd", customer, entry)
		return tx.Run(t.Context())
	}
	owner := func() Ownership {
		o, err := store.Ownership(t.Context(), "courier-ltd", "12345")
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for range 2 { // an id that was never linked, and one that was released
		free := owner()
		first := assign(free, "ABC123")
		second := assign(free, "ABC12")
		if first != nil || second == nil || owner().Owner != "ABC123" {
			t.Fatalf("%v, %v, owner %q", first, second, owner().Owner)
		}
		if history, err := store.History(t.Context(), "courier-ltd", "ABC12"); err != nil || len(history.entries) > 0 {
			t.Errorf("who lost has a history: %v (%v)", history.entries, err)
		}
		taken := owner()
		tx := store.WriteTx()
		entry := store.ReleaseUserID(tx, "courier-ltd", "12345", taken, minute(60).Time())
		store.AppendHistory(tx, "courier-ltd", "ABC123", entry)
		if err := tx.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// attribute is a DynamoDB attribute as its JSON writes it.
type attribute struct {
	S, N *string
	B    []byte
	BS   [][]byte
	SS   []string
}

func (a attribute) value() types.AttributeValue {
	switch {
	case a.S != nil:
		return &types.AttributeValueMemberS{Value: *a.S}
	case a.N != nil:
		return &types.AttributeValueMemberN{Value: *a.N}
	case a.BS != nil:
		return &types.AttributeValueMemberBS{Value: a.BS}
	case a.SS != nil:
		return &types.AttributeValueMemberSS{Value: a.SS}
	}
	return &types.AttributeValueMemberB{Value: a.B}
}

// sampleItems are those of testdata/rows.json: a sample of every version of an item that a release has ever written, as
// it stands in DynamoDB. They are never changed, only added to.
func sampleItems(t *testing.T) []map[string]attribute {
	t.Helper()
	text, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var items []map[string]attribute
	if err := json.Unmarshal(text, &items); err != nil {
		t.Fatal(err)
	}
	return items
}

func putItem(t *testing.T, env *config.Env, item map[string]attribute) {
	t.Helper()
	values := map[string]types.AttributeValue{}
	for name, a := range item {
		values[name] = a.value()
	}
	_, err := dynamodb.NewFromConfig(env.AWS()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(env.Get("TIMELINES_TABLE")), Item: values,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readAll reads the sample items in every way there is; the results stand under the sort key of the item they come
// from.
func readAll(t *testing.T, s *Store) map[string]func() (any, error) {
	ctx := t.Context()
	facts := func(day Day) func() (any, error) {
		return func() (any, error) {
			f, err := s.Facts(ctx, "courier-ltd", courier, Days{day, day})
			return sorted(f), err
		}
	}
	records := func(day Day) func() (any, error) {
		return func() (any, error) { return s.Records(ctx, "courier-ltd", "ABC123", Days{day, day}) }
	}
	return map[string]func() (any, error){
		"facts#2024-10-04":  facts(day0),
		"facts#2024-10-05":  facts(day0 + 1),
		"history#2024-10":   func() (any, error) { h, err := s.History(ctx, "courier-ltd", "ABC123"); return h.entries, err },
		"history#":          func() (any, error) { h, err := s.History(ctx, "courier-ltd", "ABC123"); return h.version, err },
		"shifts#2024-10-04": records(day0),
		"shifts#2024-10-05": records(day0 + 1),
		"owner":             func() (any, error) { return s.Ownership(ctx, "courier-ltd", "12345") },
		"part#000000000":    func() (any, error) { return s.BatchParts(ctx, "courier-ltd", "00ff", 0, 0) },
		"tally#000000000":   func() (any, error) { return s.BatchTallies(ctx, "courier-ltd", "00ff") },
		"tally#000000010":   func() (any, error) { return s.BatchTallies(ctx, "courier-ltd", "00ff") },
		"facts#2024-10-06":  facts(day0 + 2),
		"void#2024-10-06#1728205200000000#LOGIN": func() (any, error) {
			return s.VoidReasons(ctx, "courier-ltd", courier, Days{day0 + 2, day0 + 2})
		},
	}
}

func TestReadStoredItems(t *testing.T) {
	env := emulator.NewTestEnv(t)
	for _, item := range sampleItems(t) {
		putItem(t, env, item)
	}
	cut := minute(1440 + 1380)
	tallies := []BatchTally{
		{0, Tally{Applied: 4, NoEffect: 3, Unmatched: 2, Rejected: 1}}, {10, Tally{Applied: 1, Voided: 5}},
	}
	voided := in(2*1440 + 540)
	voided.Accepted = minute(541) + 123_000
	void := NewVoid(voided, minute(2*1440+541)+123_000, "Wrong rider")
	want := map[string]any{
		"facts#2024-10-04": []Fact{in(540).until(1020), out(660)},
		"facts#2024-10-05": []Fact{
			{Name: courier, Kind: Login, At: minute(1980), PlannedEnd: minute(2460), Accepted: minute(541) + 123_000},
			{Name: courier, Kind: Login, At: minute(1980), PlannedEnd: Never, Accepted: minute(541) + 123_000},
			{Name: courier, Kind: Logout, At: minute(2100), PlannedEnd: Never, Accepted: minute(661)},
		},
		"history#2024-10": []Entry{
			{Kind: Consent, At: minute(0)}, {Kind: Link, At: minute(0), UserID: "12345"}, {Kind: Match, At: minute(0)},
		},
		"history#": int64(2),
		"shifts#2024-10-04": []Record{{Day: day0, Version: 3, Revision: 2, Shifts: []Shift{
			{minute(540), minute(660), EndLogout, minute(540), courier},
		}}},
		"shifts#2024-10-05": []Record{{Day: day0 + 1, Version: 1, Revision: 1, Shifts: []Shift{
			{minute(1980), cut, EndAuto, minute(1980), courier},
			{cut, minute(2940), EndLogout, minute(2740), userIDName("12345")},
		}}},
		"owner": Ownership{
			Owner: "ABC123", Customers: []string{"ABC12", "ABC123"}, ReleasedAt: minute(-5), version: 4,
		},
		"part#000000000":                         []BatchPart{{Batch: "00ff", Facts: []Fact{in(540)}}},
		"tally#000000000":                        tallies,
		"tally#000000010":                        tallies,
		"facts#2024-10-06":                       []Fact{voided, void.Fact},
		"void#2024-10-06#1728205200000000#LOGIN": []Void{void},
	}
	for sort, read := range readAll(t, NewStore(env)) {
		if got, err := read(); fmt.Sprint(got) != fmt.Sprint(want[sort]) || err != nil {
			t.Errorf("%s:\ngot  %v (%v)\nwant %v", sort, got, err, want[sort])
		}
	}
}

// TestUnknownItemVersion: an old release that is still running reads nothing into what a newer one wrote, and adds
// nothing to it.
func TestUnknownItemVersion(t *testing.T) {
	for _, item := range sampleItems(t) {
		env := emulator.NewTestEnv(t)
		newer := maps.Clone(item)
		newer["v"] = attribute{N: aws.String("2")}
		putItem(t, env, newer)
		sort := *item["sk"].S
		if got, err := readAll(t, NewStore(env))[sort](); err == nil {
			t.Errorf("%s was read as %v", sort, got)
		}
		var err error
		switch s := NewStore(env); sort {
		case "facts#2024-10-04":
			_, err = s.AddFacts(t.Context(), "courier-ltd", courier, day0, []Fact{in(0)})
		case "history#2024-10":
			_, err = s.AddHistory(t.Context(), "courier-ltd", "ABC123", []Entry{{Kind: Match, At: minute(1)}})
		default:
			continue
		}
		if err == nil {
			t.Errorf("%s was added to", sort)
		}
	}
}

// TestPutRecordVersion holds both stores to the condition that promise 9 rests on.
func TestPutRecordVersion(t *testing.T) {
	for _, storage := range []Storage{NewStore(emulator.NewTestEnv(t)), NewMemory()} {
		for _, c := range []struct {
			version  int64
			conflict bool
		}{{2, true}, {1, false}, {1, true}, {3, true}, {2, false}, {2, true}, {1, true}, {3, false}} {
			err := storage.PutRecord(t.Context(), "courier-ltd", "ABC123", Record{Day: day0, Version: c.version})
			if c.conflict != errors.Is(err, table.ErrConflict) || !c.conflict && err != nil {
				t.Errorf("%T, version %d: %v", storage, c.version, err)
			}
		}
	}
}
