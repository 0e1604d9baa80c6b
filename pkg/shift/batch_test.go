package shift

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// v1Batches are the two endpoints of batches.
var v1Batches = []struct {
	path string
	kind timeline.Kind
}{
	{"/v1/batch/login", timeline.Login},
	{"/v1/batch/logout", timeline.Logout},
}

func TestBatchAccepted(t *testing.T) {
	fx, recorder := newRecordingFixture(t)
	first := func(kind timeline.Kind) timeline.Fact { return accepted(fact(kind, person.UserID, "1686", eleven)) }
	second := func(kind timeline.Kind) timeline.Fact {
		return accepted(fact(kind, person.CustomerNumber, "ABC123", minutes(0)))
	}
	const firstJSON = `{"workProviderUserId":1686,"timestamp":"2026-03-14T12:00:00+01:00"}`
	const secondJSON = `{"policyId":"abc123","timestamp":"2026-03-14T12:00Z"}`
	type facts = []timeline.Fact
	for _, endpoint := range v1Batches {
		one := first(endpoint.kind)
		other := second(endpoint.kind)
		for name, c := range map[string]struct {
			body string
			want facts
		}{
			"row 19: empty":        {`[]`, facts{}},
			"one":                  {`[` + firstJSON + `]`, facts{one}},
			"row 19: mixed":        {`[` + firstJSON + `,` + secondJSON + `]`, facts{one, other}},
			"the same event twice": {`[` + firstJSON + `,` + firstJSON + `]`, facts{one, one}},
		} {
			for _, slash := range []string{"", "/"} {
				fx.wantPending(endpoint.path+slash+": "+name, fx.post(endpoint.path+slash, c.body),
					"X-Batch-Id", "/v2/batch/", fx.ids.Seal(batchPurpose, courier, batchOf(c.want).bytes()))
				calls := recorder.TakeCalls()
				want := newPacker(courier, batchOf(c.want).name(), "facts")
				want.id = fx.ids.Seal(batchPurpose, courier, batchOf(c.want).bytes())
				if sent := slices.Concat(calls...); fmt.Sprint(sent) != fmt.Sprint(want.facts(c.want)) ||
					len(calls) != min(1, len(c.want)) {
					t.Errorf("%s: %s: %d calls, sent %q", endpoint.path, name, len(calls), sent)
				}
			}
		}
	}
}

// TestBatchErrors is row 20: whatever is wrong with one item, the answer names it and nothing is sent.
func TestBatchErrors(t *testing.T) {
	fx, recorder := newRecordingFixture(t)
	const good = `{"customerNumber":"ABC123","timestamp":` + someTime + `}`
	withIndex := func(index int, one string) string { // the answer to one event, naming the item
		if i := strings.Index(one, `,"field"`); i > 0 {
			return fmt.Sprintf(`%s,"index":%d%s`, one[:i], index, one[i:])
		}
		return fmt.Sprintf(`%s,"index":%d}`, strings.TrimSuffix(one, "}"), index)
	}
	for _, endpoint := range v1Batches {
		for name, c := range v1Refused {
			body := "[" + good + "," + good + "," + withTimestamp(c.body) + "," + good + "]"
			fx.want(endpoint.path+": "+name, fx.post(endpoint.path, body), 400, withIndex(2, c.want))
		}
		for name, c := range map[string]struct{ body, want string }{
			"row 19: no array":          {good, v1Detail("The body must be a JSON array")},
			"row 19: null":              {`null`, v1Detail("The body must be a JSON array")},
			"an item that is no object": {`[` + good + `,7]`, withIndex(1, v1Detail("Each item must be an object"))},
			"an item that is null":      {`[` + good + `,null]`, withIndex(1, v1Field("customerNumber", exactlyOne))},
			"the first bad item":        {`[{},{"x":1}]`, withIndex(0, v1Field("customerNumber", exactlyOne))},
			"row 3: a key twice": {`[` + good + `,{"x":1,"x":2}]`,
				withIndex(1, v1Detail("Duplicate key at line 1, column 72"))},
			"row 6: the documents' own": {"timestamp=2018-12-15T14%3A00%3A00%2B00%3A00&driverId=1686",
				`{"error":"INVALID_DATA",` +
					`"detail":"JSON decode error at line 1, column 1","hint":"The body looks form-encoded: send it as JSON"}`},
			"row 7: broken": {"[" + good + ",\n {]", v1Detail("JSON decode error at line 2, column 3")},
			"row 7: empty":  {"", v1Detail("JSON decode error at line 1, column 1")},
		} {
			fx.want(endpoint.path+": "+name, fx.post(endpoint.path+"/", c.body), 400, c.want)
		}
	}
	if sent := recorder.Take(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

// longName is a name of 255 bytes that is as long as can be in a message.
func longName(i int, fill string) string {
	head := fmt.Sprint(i, "-")
	return head + strings.Repeat(fill, (255-len(head))/len(fill))
}

// batchBody is the body of a batch by workProviderUserIds of its own.
func batchBody(n int, name func(i int) string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,{"workProviderUserId":%s,"timestamp":%s}`, appendQuoted(nil, name(i)), someTime)
	}
	return "[" + strings.TrimPrefix(b.String(), ",") + "]"
}

// TestAcceptanceCalls: exactly one call to SQS for an event and for a batch of up to 1,000, whatever the names look
// like, and none to DynamoDB while the key is cached. A larger batch costs one for each ten messages.
func TestAcceptanceCalls(t *testing.T) {
	env := emulator.NewTestEnv(t)
	providers := apikey.NewStore(env)
	if _, err := providers.Create(t.Context(), provider.Provider{Name: "Courier Ltd", CanEnrol: true},
		noon); err != nil {
		t.Fatal(err)
	}
	key, _, err := providers.IssueKey(t.Context(), courier, noon)
	if err != nil {
		t.Fatal(err)
	}
	meter := emulator.AttachMeter(env)
	fx := buildFixture(t, env, apikey.CacheFrom(env), queue.NewEventsQueue(env))
	if a := fx.ask(key, "POST", "/v1/batch/login", "[]"); a.status != 202 {
		t.Fatal(a)
	}
	if got := fmt.Sprint(meter.Calls()); got != "map[DynamoDB.GetItem:2 DynamoDB.UpdateItem:1]" {
		t.Errorf(
			"row 19: an empty batch sends nothing; a cold key is two reads, and a write in the first hour of its use: %s",
			got,
		)
	}

	event := `{"workProviderUserId":"1686","timestamp":` + someTime + `}`
	plain := func(i int) string { return fmt.Sprint(i) }
	quotes := func(i int) string { return longName(i, `"`) }
	backslashes := func(i int) string { return longName(i, `\`) }
	noncharacters := func(i int) string { return longName(i, "\uffff") }
	for name, c := range map[string]struct {
		path, body string
		calls      int
	}{
		"an event":                        {"/v1/shift/login", event, 1},
		"a match":                         {"/v1/match", `{"customerNumber":"ABC123","success":true}`, 1},
		"a batch of 1":                    {"/v1/batch/login", "[" + event + "]", 1},
		"a batch of 1,000":                {"/v1/batch/logout", batchBody(1000, plain), 1},
		"a batch of 1,000, quotes":        {"/v1/batch/login", batchBody(1000, quotes), 1},
		"a batch of 1,000, backslashes":   {"/v1/batch/login", batchBody(1000, backslashes), 1},
		"a batch of 1,000, noncharacters": {"/v1/batch/login", batchBody(1000, noncharacters), 1},
	} {
		meter.Reset()
		a := fx.ask(key, "POST", c.path, c.body)
		fx.want(name, a, 202, pendingBody)
		calls := meter.Calls()
		if calls["SQS.SendMessageBatch"] != c.calls || len(calls) != 1 {
			t.Errorf("%s: %v, want %d", name, calls, c.calls)
		}
	}

	fx.queued()
	meter.Reset()
	fx.want("a batch of 10,000", fx.ask(key, "POST", "/v1/batch/login", batchBody(10_000,
		func(i int) string { return longName(i, "x") })), 202, pendingBody)
	calls := meter.Calls()["SQS.SendMessageBatch"]
	bodies := fx.queued()
	if want := (len(bodies) + 9) / 10; calls != want {
		t.Errorf("a batch of 10,000: %d calls for %d messages", calls, len(bodies))
	}
}

// TestMessagesOfABatch: a batch fills as few messages as fit the size that SQS bills, and none is larger.
func TestMessagesOfABatch(t *testing.T) {
	fx, sender := newRecordingFixture(t)
	fx.want("", fx.post("/v1/batch/login", batchBody(7000, func(i int) string { return longName(i, "\uffff") })), 202,
		pendingBody)
	var facts []timeline.Fact
	for _, call := range sender.TakeCalls() {
		for _, body := range call {
			if len(body) > queue.MaxBody || len(body) < queue.MaxBody-1000 && body != call[len(call)-1] {
				t.Errorf("a message of %d bytes", len(body))
			}
			changes, err := parseMessage(body)
			if err != nil || changes.Provider != courier {
				t.Fatalf("%.100s: %v", body, err)
			}
			facts = append(facts, changes.Facts...)
		}
	}
	if len(facts) != 7000 {
		t.Fatalf("%d facts", len(facts))
	}
	for i, f := range facts {
		if f != accepted(fact(timeline.Login, person.UserID, longName(i, "\uffff"), eleven)) {
			t.Fatalf("fact %d: %v", i, f)
		}
	}
}

// TestIDsOfBatches: the same batch has the same id; another order, item, kind or work provider makes another.
func TestIDsOfBatches(t *testing.T) {
	fx, _ := newRecordingFixture(t)
	event := func(id string) string { return fmt.Sprintf(`{"driverId":%q,"timestamp":%s}`, id, someTime) }
	seen := map[string]string{}
	for _, c := range [][3]string{
		{courier, "/v1/batch/login", "[]"},
		{parcels, "/v1/batch/login", "[]"},
		{courier, "/v1/batch/login", "[" + event("1") + "]"},
		{parcels, "/v1/batch/login", "[" + event("1") + "]"},
		{courier, "/v1/batch/logout", "[" + event("1") + "]"},
		{courier, "/v1/batch/login", "[" + event("1") + "," + event("2") + "]"},
		{courier, "/v1/batch/login", "[" + event("2") + "," + event("1") + "]"},
		{courier, "/v1/batch/login", "[" + event("12") + "," + event("1") + "]"},
		{courier, "/v1/batch/login", "[" + event("1") + "," + event("1") + "]"},
	} {
		what := fmt.Sprint(c)
		for range 2 {
			id := fx.ask(c[0], "POST", c[1], c[2]).header.Get("X-Batch-Id")
			if before := seen[id]; id == "" || before != "" && before != what {
				t.Errorf("%s and %s share the id %q", what, before, id)
			}
			seen[id] = what
		}
	}
	fx.clock = fx.clock.Add(time.Hour)
	if id := fx.post("/v1/batch/login", "["+event("1")+"]").header.Get("X-Batch-Id"); seen[id] == "" {
		t.Error("the id depends on when the batch was sent")
	}
}
