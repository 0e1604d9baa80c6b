package weather

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// engine answers every call, and keeps what it was asked.
type engine struct {
	mu    sync.Mutex
	calls []string // operation and body
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	e.mu.Lock()
	e.calls = append(e.calls, operation+" "+string(body))
	e.mu.Unlock()
	w.Header().Set("X-Amz-Crc32", "1")
	switch operation {
	case "BatchWriteItem":
		fmt.Fprint(w, `{"UnprocessedItems":{"T":[{"engine":1}]}}`)
	case "BatchGetItem":
		fmt.Fprint(w, `{"Responses":{"T":[]},"UnprocessedKeys":{"T":{"Keys":[{"engine":1}],"ConsistentRead":true}}}`)
	case "SendMessageBatch":
		fmt.Fprint(w, `{"Successful":[{"Id":"a"}],"Failed":[{"Id":"engine"}]}`)
	default:
		fmt.Fprint(w, `{}`)
	}
}

// proxied starts a proxy of an engine, and returns what sends calls through it.
func proxied(t *testing.T, f Forecast) (*engine, *Proxy, func(target, body string) (int, string, http.Header, error)) {
	e := &engine{}
	upstream := httptest.NewServer(e)
	t.Cleanup(upstream.Close)
	address, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	p := New(address, f)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return e, p, func(target, body string) (int, string, http.Header, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Amz-Target", target)
		r.GetBody = nil // so that net/http does not send it again by itself
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, "", nil, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return response.StatusCode, string(text), response.Header, err
	}
}

const (
	dynamo = "DynamoDB_20120810."
	sqs    = "AmazonSQS."
)

// TestKinds sends a call through each kind that happens always: what the engine is asked, and what the client gets.
func TestKinds(t *testing.T) {
	for name, c := range map[string]struct {
		kind         Kind
		target, body string
		asked        []string
		status       int
		answer       string
	}{
		"a fine day": {"", dynamo + "Query", `{"Limit":5}`, []string{`Query {"Limit":5}`}, 200, `{}`},
		"a page": {ShortPages, dynamo + "Query", `{"Limit":5,"TableName":"T"}`,
			[]string{`Query {"Limit":1,"TableName":"T"}`}, 200, `{}`},
		"a page of a scan":       {ShortPages, dynamo + "Scan", `{}`, []string{`Scan {"Limit":1}`}, 200, `{}`},
		"an item has no pages":   {ShortPages, dynamo + "GetItem", `{}`, []string{`GetItem {}`}, 200, `{}`},
		"a lost answer":          {LostAnswers, dynamo + "PutItem", `{}`, []string{`PutItem {}`}, 0, ``},
		"a throttled call":       {Throttling, dynamo + "GetItem", `{}`, nil, 400, `ProvisionedThroughputExceededException`},
		"a throttled message":    {Throttling, sqs + "SendMessage", `{}`, nil, 400, `com.amazonaws.sqs#RequestThrottled`},
		"a conflict of an item":  {Conflicts, dynamo + "PutItem", `{}`, nil, 400, `#TransactionConflictException`},
		"a read has no conflict": {Conflicts, dynamo + "Query", `{}`, []string{`Query {}`}, 200, `{}`},
		"a conflict of a transaction": {Conflicts, dynamo + "TransactWriteItems", `{"TransactItems":[{},{}]}`, nil, 400,
			`"CancellationReasons":[{"Code":"TransactionConflict","Message":"Transaction is ongoing for the item"},` +
				`{"Code":"None","Message":""}]`},
		"unprocessed writes": {UnprocessedItems, dynamo + "BatchWriteItem", `{"RequestItems":{"T":[{"n":1},{"n":2}]}}`, nil,
			200, `{"UnprocessedItems":{"T":[{"n":1},{"n":2}]}}`},
		"unprocessed reads": {UnprocessedItems, dynamo + "BatchGetItem",
			`{"RequestItems":{"T":{"Keys":[{"n":1}],"ConsistentRead":true}}}`, nil,
			200, `{"Responses":{},"UnprocessedKeys":{"T":{"ConsistentRead":true,"Keys":[{"n":1}]}}}`},
		"failed entries": {PartialFailures, sqs + "SendMessageBatch", `{"Entries":[{"Id":"a"}]}`, nil, 200,
			`{"Failed":[{"Code":"InternalError","Id":"a","Message":"Internal Error. Please try again.",` +
				`"SenderFault":false}],"Successful":[]}`},
		"a doubled message": {
			DoubledSends, sqs + "SendMessage", `{}`, []string{`SendMessage {}`, `SendMessage {}`}, 200, `{}`,
		},
		"doubled messages": {DoubledSends, sqs + "SendMessageBatch", `{"Entries":[{"Id":"a"}]}`,
			[]string{`SendMessageBatch {"Entries":[{"Id":"a"}]}`, `SendMessageBatch {"Entries":[{"Id":"a"}]}`}, 200,
			`{"Successful":[{"Id":"a"}],"Failed":[{"Id":"engine"}]}`},
		"a deletion is not doubled": {DoubledSends, sqs + "DeleteMessageBatch", `{"Entries":[{"Id":"a"}]}`,
			[]string{`DeleteMessageBatch {"Entries":[{"Id":"a"}]}`}, 200, `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			e, _, send := proxied(t, Forecast{Rates: map[Kind]float64{c.kind: 1}})
			status, answer, _, err := send(c.target, c.body)
			if status != c.status || !strings.Contains(answer, c.answer) || (err != nil) != (c.status == 0) {
				t.Errorf("got %d %s (%v), want %d %s", status, answer, err, c.status, c.answer)
			}
			if !slices.Equal(e.calls, c.asked) {
				t.Errorf("the engine was asked %q, want %q", e.calls, c.asked)
			}
		})
	}
}

// TestPartsOfBatches: of a batch that is done in part, each item is either asked of the engine or left, once.
func TestPartsOfBatches(t *testing.T) {
	for operation, names := range map[string]struct{ service, kind, in, out string }{
		"BatchWriteItem":   {dynamo, string(UnprocessedItems), `{"RequestItems":{"T":[%s]}}`, "UnprocessedItems"},
		"BatchGetItem":     {dynamo, string(UnprocessedItems), `{"RequestItems":{"T":{"Keys":[%s]}}}`, "UnprocessedKeys"},
		"SendMessageBatch": {sqs, string(PartialFailures), `{"Entries":[%s]}`, "Failed"},
	} {
		t.Run(operation, func(t *testing.T) {
			e, p, send := proxied(t, Forecast{Seed: 7, Rates: map[Kind]float64{Kind(names.kind): 0.5}})
			var items []string
			for i := range 20 {
				items = append(items, fmt.Sprintf(`{"Id":"id-%d-"}`, i))
			}
			status, answer, header, err := send(names.service+operation, fmt.Sprintf(names.in, strings.Join(items, ",")))
			if err != nil || status != 200 || header.Get("X-Amz-Crc32") != "" {
				t.Fatal(status, header, err)
			}
			asked := strings.Join(e.calls, "")
			var answered object
			if err := json.Unmarshal([]byte(answer), &answered); err != nil {
				t.Fatal(err)
			}
			left := string(answered[names.out])
			for i := range 20 {
				id := fmt.Sprintf("id-%d-", i)
				if strings.Count(asked, id)+strings.Count(left, id) != 1 {
					t.Errorf("%s is %d times among %s, and %d times among %s",
						id, strings.Count(asked, id), asked, strings.Count(left, id), left)
				}
			}
			if !strings.Contains(left, "engine") {
				t.Errorf("what the engine left is not in %s", left)
			}
			if hits := p.Hits()[Kind(names.kind)]; hits != strings.Count(left, "id-") || hits == 0 || hits == 20 {
				t.Errorf("%d hits, and left is %s", hits, left)
			}
		})
	}
}

// TestSeed: a seed decides what the nth call of an operation meets, whatever else is called in between.
func TestSeed(t *testing.T) {
	met := func(seed uint64, others int) (statuses []int) {
		_, _, send := proxied(t, Forecast{Seed: seed, Rates: map[Kind]float64{Throttling: 0.5}})
		for range 30 {
			for range others {
				_, _, _, _ = send(dynamo+"GetItem", `{}`)
			}
			status, _, _, _ := send(dynamo+"PutItem", `{}`)
			statuses = append(statuses, status)
		}
		return statuses
	}
	first := met(1, 0)
	if again := met(1, 2); !slices.Equal(first, again) {
		t.Errorf("%v, and then %v", first, again)
	}
	if other := met(2, 0); slices.Equal(first, other) {
		t.Errorf("another seed has the same weather: %v", other)
	}
}

// TestForecastErrors: without rates nothing happens.
func TestForecastErrors(t *testing.T) {
	e, p, send := proxied(t, Forecast{})
	for _, operation := range []string{"Query", "PutItem", "BatchWriteItem", "TransactWriteItems"} {
		status, _, header, err := send(dynamo+operation, `{}`)
		if status != 200 || err != nil || header.Get("X-Amz-Crc32") == "" {
			t.Errorf("%s: %d %v (%v)", operation, status, header, err)
		}
	}
	if len(e.calls) != 4 || len(p.Hits()) != 0 {
		t.Errorf("%q, %v", e.calls, p.Hits())
	}
}
