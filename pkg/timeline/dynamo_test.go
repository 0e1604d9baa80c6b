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
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"
	"golang.org/x/sync/errgroup"
	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
)

// twins is a store in DynamoDB and one in memory, to which the same is done under a work provider of its own.
type twins struct {
	store    *Store
	memory   *Memory
	provider string
	days     []Day
}

// TestStoreAndMemoryAreAlike holds the store that simulations run on against the real one.
func TestStoreAndMemoryAreAlike(t *testing.T) {
	store := StoreFrom(emulator.NewTestEnv(t))
	today := At(time.Now()).Day() // some days are recent, for which a person is read in another way
	var runs atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		w := twins{
			store: store, memory: NewMemory(), provider: fmt.Sprint("provider-", runs.Add(1)),
			days: []Day{firstDay, day0, today - 9, today - 1, today, today + 1, lastDay},
		}
		operations := []func(*rapid.T){w.union, w.append, w.link, w.write, w.putPart}
		for range rapid.IntRange(1, 10).Draw(t, "operations") {
			rapid.SampledFrom(operations).Draw(t, "operation")(t)
		}
		w.compare(t)
	})
}

var (
	twinCustomers = []string{"ABC123", "ABC12"}
	twinIDs       = []string{"12345", "1686"}
	twinNames     = []person.Name{numbered("ABC123"), numbered("ABC12"), userNamed("ABC123"), userNamed("12345"), userNamed("1686")}
)

func (w *twins) day(t *rapid.T) Day { return rapid.SampledFrom(w.days).Draw(t, "day") }

func (w *twins) run(t *rapid.T) Days {
	a, b := w.day(t), w.day(t)
	return Days{min(a, b), max(a, b)}
}

func (w *twins) union(t *rapid.T) {
	name, day := rapid.SampledFrom(twinNames).Draw(t, "name"), w.day(t)
	facts := distinct(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Fact {
		f := Fact{Name: name, Kind: Login, At: day.Start() + Instant(rapid.IntRange(0, 3).Draw(t, "µs")), PlannedEnd: Never}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 1:
			f.Kind = Logout
		case 2:
			f.PlannedEnd = f.At + Instant(rapid.IntRange(1, 2).Draw(t, "planned"))
		}
		return f
	}), 1, 5).Draw(t, "facts"))
	for _, rows := range []Rows{w.store, w.memory} {
		if refused, err := rows.Union(context.Background(), w.provider, name, day, slices.Clone(facts)); len(refused) > 0 || err != nil {
			t.Fatalf("%T: %v, %v", rows, refused, err)
		}
	}
}

func (w *twins) append(t *rapid.T) {
	customer, day := rapid.SampledFrom(twinCustomers).Draw(t, "customer"), w.day(t)
	entries := distinct(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
		kind := rapid.SampledFrom([]EntryKind{Consent, Withdrawal, Match, NoMatch}).Draw(t, "kind")
		return Entry{Kind: kind, At: day.Start() + Instant(rapid.IntRange(0, 3).Draw(t, "µs"))}
	}), 1, 3).Draw(t, "entries"))
	for _, rows := range []Rows{w.store, w.memory} {
		if refused, err := rows.Append(context.Background(), w.provider, customer, slices.Clone(entries)); len(refused) > 0 || err != nil {
			t.Fatalf("%T: %v, %v", rows, refused, err)
		}
	}
}

// link gives an id to a customer, taking it from whoever has it, or takes it away.
func (w *twins) link(t *rapid.T) {
	id, at := rapid.SampledFrom(twinIDs).Draw(t, "id"), w.day(t).Start()
	customer := rapid.SampledFrom(append([]string{""}, twinCustomers...)).Draw(t, "customer")
	ctx := context.Background()
	was, err := w.store.Ownership(ctx, w.provider, id, false)
	if err != nil {
		t.Fatal(err)
	}
	if was.Owner != "" {
		tx := w.store.WriteTx()
		w.store.AppendHistory(tx, w.provider, was.Owner, w.store.Release(tx, w.provider, id, was, at.Time()))
		if err := tx.Run(ctx); err != nil {
			t.Fatal(err)
		}
		w.memory.Unlink(w.provider, id, at)
	}
	if customer == "" {
		return
	}
	if was, err = w.store.Ownership(ctx, w.provider, id, false); err != nil {
		t.Fatal(err)
	}
	tx := w.store.WriteTx()
	w.store.AppendHistory(tx, w.provider, customer, w.store.Claim(tx, w.provider, id, was, customer, at.Time()))
	if err := tx.Run(ctx); err != nil {
		t.Fatal(err)
	}
	w.memory.Link(w.provider, id, customer, at)
}

// write writes a record that follows the one stored, or does not.
func (w *twins) write(t *rapid.T) {
	customer, day := rapid.SampledFrom(twinCustomers).Draw(t, "customer"), w.day(t)
	r := Record{Day: day}
	records, err := w.store.Records(context.Background(), w.provider, customer, Days{day, day})
	if err != nil {
		t.Fatal(err)
	}
	if len(records) > 0 {
		r = records[0]
	}
	r = r.next(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Shift { return anyShift(t, customer, day) }), 0, 2).Draw(t, "shifts"))
	off := rapid.SampledFrom([]int64{0, 0, 0, -1, 1}).Draw(t, "off")
	r.Version += off
	if r.Version < 1 {
		return
	}
	for _, rows := range []Rows{w.store, w.memory} {
		if err := rows.Write(context.Background(), w.provider, customer, r); off == 0 && err != nil || off != 0 && !errors.Is(err, ErrConflict) {
			t.Fatalf("%T: version %d, off by %d: %v", rows, r.Version, off, err)
		}
	}
}

func (w *twins) putPart(t *rapid.T) {
	part := Part{Batch: rapid.SampledFrom([]string{"b1", "b2"}).Draw(t, "batch"), From: rapid.SampledFrom([]int{0, 9, 10, 2000}).Draw(t, "from")}
	for range rapid.IntRange(1, 3).Draw(t, "facts") {
		part.Facts = append(part.Facts, Fact{rapid.SampledFrom(twinNames).Draw(t, "name"), Logout, w.day(t).Start(), Never})
	}
	for _, rows := range []Rows{w.store, w.memory} {
		if err := rows.PutPart(context.Background(), w.provider, part); err != nil {
			t.Fatal(err)
		}
	}
}

// compare reads all kinds of rows, of some days, from both.
func (w *twins) compare(t *rapid.T) {
	of, customer, id := w.run(t), rapid.SampledFrom(twinCustomers).Draw(t, "customer"), rapid.SampledFrom(twinIDs).Draw(t, "id")
	read := func(rows Rows) string {
		ctx := context.Background()
		history, facts, err1 := rows.Person(ctx, w.provider, customer, of)
		records, err2 := rows.Records(ctx, w.provider, customer, of)
		owner, err3 := rows.Ownership(ctx, w.provider, id, false)
		slices.Sort(owner.Ever)
		more, err4 := rows.Facts(ctx, w.provider, userNamed(id), of)
		parts, err5 := rows.Parts(ctx, w.provider, "b1")
		return fmt.Sprintln(customer, of, id, history.entries, sorted(facts), records, owner.Owner, owner.Ever, owner.Freed, sorted(more), parts,
			errors.Join(err1, err2, err3, err4, err5))
	}
	if got, want := read(w.store), read(w.memory); got != want {
		t.Fatalf("store  %s\nmemory %s", got, want)
	}
}

// sorted is the same facts in an order of their own.
func sorted(facts []Fact) []Fact {
	slices.SortFunc(facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.PlannedEnd, b.PlannedEnd))
	})
	return facts
}

// several are n facts under a name on a day, from the first-th microsecond on.
func several(name person.Name, first, n int) []Fact {
	facts := make([]Fact, n)
	for i := range facts {
		facts[i] = Fact{Name: name, Kind: Login, At: minute(0) + Instant(first+i), PlannedEnd: Never}
	}
	return facts
}

// TestTheLimitOfADay is rule 9, on both stores: a day takes 2,000 facts; those that are there already need no room.
func TestTheLimitOfADay(t *testing.T) {
	for name, rows := range map[string]Rows{"store": StoreFrom(emulator.NewTestEnv(t)), "memory": NewMemory()} {
		for i, c := range []struct {
			before, first, n int // what is there, and what comes
			refused, after   int
		}{
			{0, 0, MaxFactsPerDay, 0, MaxFactsPerDay},
			{0, 0, MaxFactsPerDay + 1, 1, MaxFactsPerDay},
			{0, 0, 3 * MaxFactsPerDay, 2 * MaxFactsPerDay, MaxFactsPerDay},
			{1, 1, MaxFactsPerDay - 1, 0, MaxFactsPerDay},
			{1, 1, MaxFactsPerDay, 1, MaxFactsPerDay},
			{1, 0, MaxFactsPerDay, 0, MaxFactsPerDay},
			{1500, 1000, 1000, 0, MaxFactsPerDay},
			{1500, 1000, 1001, 1, MaxFactsPerDay},
			{MaxFactsPerDay, 0, MaxFactsPerDay, 0, MaxFactsPerDay},
			{MaxFactsPerDay, 5, 1, 0, MaxFactsPerDay},
			{MaxFactsPerDay, MaxFactsPerDay, 1, 1, MaxFactsPerDay},
			{MaxFactsPerDay - 1, MaxFactsPerDay - 2, 3, 1, MaxFactsPerDay},
		} {
			who := numbered(fmt.Sprint("C", i))
			union := func(facts []Fact) []Fact {
				refused, err := rows.Union(t.Context(), "courier-ltd", who, day0, facts)
				if err != nil {
					t.Fatal(err)
				}
				return refused
			}
			if c.before > 0 {
				union(several(who, 0, c.before))
			}
			for range 2 { // sent again, the same is refused
				refused := union(several(who, c.first, c.n))
				if want := several(who, c.first+c.n-c.refused, c.refused); !slices.Equal(refused, want) {
					t.Errorf("%s, %v: %d refused", name, c, len(refused))
				}
			}
			stored, err := rows.Facts(t.Context(), "courier-ltd", who, Days{day0, day0})
			if err != nil || !slices.Equal(sorted(stored), several(who, 0, c.after)) {
				t.Errorf("%s, %v: %d stored (%v)", name, c, len(stored), err)
			}
		}
		// The same limit holds for a month of a history, but not for the writes of a transaction.
		var entries []Entry
		for i := range MaxFactsPerDay + 2 {
			entries = append(entries, Entry{Kind: Match, At: minute(0) + Instant(i)})
		}
		if refused, err := rows.Append(t.Context(), "courier-ltd", "FULL", entries); err != nil || !slices.Equal(refused, entries[MaxFactsPerDay:]) {
			t.Errorf("%s: %d entries refused (%v)", name, len(refused), err)
		}
	}
}

// TestWritersRacingForTheRestOfADay: whoever wins, the day is full, every fact is stored or refused, and none is both.
func TestWritersRacingForTheRestOfADay(t *testing.T) {
	store := StoreFrom(emulator.NewTestEnv(t))
	if _, err := store.Union(t.Context(), "courier-ltd", courier, day0, several(courier, 0, 1990)); err != nil {
		t.Fatal(err)
	}
	const writers = 8
	refused := make([][]Fact, writers)
	var racing errgroup.Group
	for i := range writers {
		racing.Go(func() (err error) { // neighbours have three facts in common
			refused[i], err = store.Union(t.Context(), "courier-ltd", courier, day0, several(courier, 1990+4*i, 7))
			return err
		})
	}
	if err := racing.Wait(); err != nil {
		t.Fatal(err)
	}
	stored, err := store.Facts(t.Context(), "courier-ltd", courier, Days{day0, day0})
	if err != nil || len(stored) != MaxFactsPerDay {
		t.Fatalf("%d stored (%v)", len(stored), err)
	}
	have := map[Fact]bool{}
	for _, f := range stored {
		have[f] = true
	}
	for i := range writers {
		for _, f := range several(courier, 1990+4*i, 7) {
			if !have[f] && !slices.Contains(refused[i], f) {
				t.Errorf("writer %d: %v is neither stored nor refused", i, f)
			}
		}
	}
}

// between is an environment in which something is done after the first call of an operation.
func between(env *config.Env, operation string, do func()) {
	cfg := env.AWS().Copy()
	done := false
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("between", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleInitialize(ctx, in)
			if awsmiddleware.GetOperationName(ctx) == operation && !done {
				done = true
				do()
			}
			return out, metadata, err
		}), middleware.After)
	})
	env.SetAWS(cfg)
}

// TestADayThatFillsUpBetweenReadAndWrite: what there was no room for at first is not forgotten when the rest finds none
// either, and what somebody else stored meanwhile is not refused.
func TestADayThatFillsUpBetweenReadAndWrite(t *testing.T) {
	for name, c := range map[string]struct {
		other, want []Fact
	}{
		"others took the room":   {several(courier, 9000, 2), several(courier, 1998, 4)},
		"by the same facts":      {several(courier, 1998, 2), several(courier, 2000, 2)},
		"by those refused first": {several(courier, 2000, 2), several(courier, 1998, 2)},
	} {
		env := emulator.NewTestEnv(t)
		other := StoreFrom(env)
		union := func(s *Store, facts []Fact) []Fact {
			refused, err := s.Union(t.Context(), "courier-ltd", courier, day0, facts)
			if err != nil {
				t.Fatal(err)
			}
			return refused
		}
		union(other, several(courier, 0, 1998))
		between(env, "GetItem", func() { union(other, c.other) })
		if refused := union(StoreFrom(env), several(courier, 1998, 4)); !slices.Equal(refused, c.want) {
			t.Errorf("%s: refused %v, want %v", name, refused, c.want)
		}
	}
}

// TestClaimsRace: of two who claim an id at once, one gets it.
func TestClaimsRace(t *testing.T) {
	store := StoreFrom(emulator.NewTestEnv(t))
	claim := func(was Ownership, customer string) error {
		tx := store.WriteTx()
		store.AppendHistory(tx, "courier-ltd", customer, store.Claim(tx, "courier-ltd", "12345", was, customer, minute(0).Time()))
		return tx.Run(t.Context())
	}
	owner := func() Ownership {
		o, err := store.Ownership(t.Context(), "courier-ltd", "12345", false)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for range 2 { // an id that was never anybody's, and one that was freed
		free := owner()
		first, second := claim(free, "ABC123"), claim(free, "ABC12")
		if first != nil || second == nil || owner().Owner != "ABC123" {
			t.Fatalf("%v, %v, owner %q", first, second, owner().Owner)
		}
		if history, err := store.History(t.Context(), "courier-ltd", "ABC12"); err != nil || len(history.entries) > 0 {
			t.Errorf("who lost has a history: %v (%v)", history.entries, err)
		}
		taken := owner()
		tx := store.WriteTx()
		store.AppendHistory(tx, "courier-ltd", "ABC123", store.Release(tx, "courier-ltd", "12345", taken, minute(60).Time()))
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

// storedRows are those of testdata/rows.json: a sample of every form of row that a release has ever written, as it stands
// in DynamoDB. They are never changed, only added to.
func storedRows(t *testing.T) []map[string]attribute {
	t.Helper()
	text, err := os.ReadFile("testdata/rows.json")
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]attribute
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatal(err)
	}
	return rows
}

func putRow(t *testing.T, env *config.Env, row map[string]attribute) {
	t.Helper()
	item := map[string]types.AttributeValue{}
	for name, a := range row {
		item[name] = a.value()
	}
	_, err := dynamodb.NewFromConfig(env.AWS()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(env.Get("TIMELINES_TABLE")), Item: item,
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readAll reads the sample rows in every way there is; the answers stand under the sort key of the row they come from.
func readAll(t *testing.T, s *Store) map[string]func() (any, error) {
	ctx, of := t.Context(), Days{day0, day0}
	return map[string]func() (any, error){
		"facts#2024-10-04":  func() (any, error) { f, err := s.Facts(ctx, "courier-ltd", courier, of); return sorted(f), err },
		"history#2024-10":   func() (any, error) { h, err := s.History(ctx, "courier-ltd", "ABC123"); return h.entries, err },
		"history#":          func() (any, error) { h, err := s.History(ctx, "courier-ltd", "ABC123"); return h.version, err },
		"shifts#2024-10-04": func() (any, error) { return s.Records(ctx, "courier-ltd", "ABC123", of) },
		"owner":             func() (any, error) { return s.Ownership(ctx, "courier-ltd", "12345", false) },
		"part#000000000":    func() (any, error) { return s.Parts(ctx, "courier-ltd", "00ff") },
	}
}

func TestStoredRowsAreStillRead(t *testing.T) {
	env := emulator.NewTestEnv(t)
	for _, row := range storedRows(t) {
		putRow(t, env, row)
	}
	want := map[string]any{
		"facts#2024-10-04":  []Fact{{courier, Login, minute(540), minute(1020)}, {courier, Logout, minute(660), Never}},
		"history#2024-10":   []Entry{{Kind: Consent, At: minute(0)}, {Kind: Link, At: minute(0), UserID: "12345"}, {Kind: Match, At: minute(0)}},
		"history#":          int64(2),
		"shifts#2024-10-04": []Record{{Day: day0, Version: 3, Revision: 2, Shifts: []Shift{{minute(540), minute(660), ByLogout, courier}}}},
		"owner":             Ownership{Owner: "ABC123", Ever: []string{"ABC12", "ABC123"}, Freed: minute(-5), version: 4},
		"part#000000000":    []Part{{Batch: "00ff", Facts: []Fact{{courier, Login, minute(540), Never}}}},
	}
	for sort, read := range readAll(t, StoreFrom(env)) {
		if got, err := read(); fmt.Sprint(got) != fmt.Sprint(want[sort]) || err != nil {
			t.Errorf("%s:\ngot  %v (%v)\nwant %v", sort, got, err, want[sort])
		}
	}
}

// TestRowsOfANewerFormAreRefused: an old release that is still running reads nothing into what a newer one wrote, and
// adds nothing to it.
func TestRowsOfANewerFormAreRefused(t *testing.T) {
	for _, row := range storedRows(t) {
		env := emulator.NewTestEnv(t)
		newer := maps.Clone(row)
		newer["v"] = attribute{N: aws.String("2")}
		putRow(t, env, newer)
		sort := *row["sk"].S
		if got, err := readAll(t, StoreFrom(env))[sort](); err == nil {
			t.Errorf("%s was read as %v", sort, got)
		}
		var err error
		switch s := StoreFrom(env); sort {
		case "facts#2024-10-04":
			_, err = s.Union(t.Context(), "courier-ltd", courier, day0, several(courier, 0, 1))
		case "history#2024-10":
			_, err = s.Append(t.Context(), "courier-ltd", "ABC123", []Entry{{Kind: Match, At: minute(1)}})
		default:
			continue
		}
		if err == nil {
			t.Errorf("%s was added to", sort)
		}
	}
}

// TestOnlyWhoReadTheLastVersionWrites holds both stores to the condition that promise 9 rests on.
func TestOnlyWhoReadTheLastVersionWrites(t *testing.T) {
	for _, rows := range []Rows{StoreFrom(emulator.NewTestEnv(t)), NewMemory()} {
		for _, c := range []struct {
			version int64
			refused bool
		}{{2, true}, {1, false}, {1, true}, {3, true}, {2, false}, {2, true}, {1, true}, {3, false}} {
			err := rows.Write(t.Context(), "courier-ltd", "ABC123", Record{Day: day0, Version: c.version})
			if c.refused != errors.Is(err, ErrConflict) || !c.refused && err != nil {
				t.Errorf("%T, version %d: %v", rows, c.version, err)
			}
		}
	}
}
