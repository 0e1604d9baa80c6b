// Package weather is a proxy between the code and an engine that answers for DynamoDB and SQS. It does to calls what
// AWS does to them on a bad day, and an engine on one machine never: pages end early, answers are lost, calls are
// throttled, batches are done in part. Only tests and `make soak` use it.
//
//	weather.go  which call is met by what
//	dynamo.go   what happens to calls of DynamoDB
//	sqs.go      what happens to calls of SQS
//	attach.go   how clients find the proxy
//
// A seed decides everything, per operation and number: the nth PutItem under a seed is always met by the same, however
// calls of different operations come between each other.
package weather

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
)

// Kind is something that can happen to a call.
type Kind string

// The kinds. Those that name operations concern no others.
const (
	// ShortPages end Query and Scan after one item, with a LastEvaluatedKey.
	ShortPages Kind = "short pages"
	// LostAnswers break the connection after the engine has done the call.
	LostAnswers Kind = "lost answers"
	// Throttling refuses a call before the engine sees it.
	Throttling Kind = "throttling"
	// UnprocessedItems leave items of BatchWriteItem and BatchGetItem undone, and say so in the answer.
	UnprocessedItems Kind = "unprocessed items"
	// PartialFailures fail entries of SendMessageBatch, DeleteMessageBatch and ChangeMessageVisibilityBatch.
	PartialFailures Kind = "partial failures"
	// DoubledSends store each message of SendMessage and SendMessageBatch twice.
	DoubledSends Kind = "doubled sends"
	// Conflicts refuse transactions, and writes of single items, as if another transaction were writing the item.
	Conflicts Kind = "conflicts"
)

// Kinds returns all kinds.
func Kinds() []Kind {
	return []Kind{ShortPages, LostAnswers, Throttling, UnprocessedItems, PartialFailures, DoubledSends, Conflicts}
}

// Forecast says what happens how often.
type Forecast struct {
	Seed  uint64
	Rates map[Kind]float64 // the share, from 0 to 1, of the calls, or items of a batch, that a kind concerns
}

// Proxy passes calls on to an engine, and does to them what the forecast says.
type Proxy struct {
	forecast Forecast
	engine   http.Handler

	mu   sync.Mutex
	seen map[string]uint64 // calls, or items of batches, by kind and operation
	hits map[Kind]int
}

// New returns a proxy of the engine at an address.
func New(engine *url.URL, f Forecast) *Proxy {
	passOn := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(engine)
			r.Out.Host = r.In.Host
		},
		Transport: &http.Transport{MaxIdleConnsPerHost: 100},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // the engine is gone: so is the connection
		},
	}
	return &Proxy{forecast: f, engine: passOn, seen: map[string]uint64{}, hits: map[Kind]int{}}
}

// Hits returns how often each kind has happened.
func (p *Proxy) Hits() map[Kind]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	hits := map[Kind]int{}
	for kind, n := range p.hits {
		hits[kind] = n
	}
	return hits
}

// happens reports whether a kind happens to the next call of an operation, or to the next item of it.
func (p *Proxy) happens(kind Kind, operation string) bool {
	rate := p.forecast.Rates[kind]
	if rate == 0 {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	key := string(kind) + " " + operation
	n := p.seen[key]
	p.seen[key]++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", key, n)
	happens := rand.New(rand.NewPCG(p.forecast.Seed, h.Sum64())).Float64() < rate
	if happens {
		p.hits[kind]++
	}
	return happens
}

// call is a request to an engine.
type call struct {
	service   string // "DynamoDB" or "SQS"
	operation string // such as "PutItem"
	body      []byte
	request   *http.Request
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	c := call{body: body, request: r}
	target := r.Header.Get("X-Amz-Target") // such as DynamoDB_20120810.PutItem, AmazonSQS.SendMessage
	service, operation, _ := strings.Cut(target, ".")
	c.operation = operation
	c.service = "DynamoDB"
	if service == "AmazonSQS" {
		c.service = "SQS"
	}
	if p.happens(Throttling, c.operation) {
		throttle(w, c)
		return
	}
	if isWrite(c.operation) && p.happens(Conflicts, c.operation) {
		conflict(w, c)
		return
	}
	if p.happens(LostAnswers, c.operation) {
		p.do(c)
		panic(http.ErrAbortHandler) // closes the connection
	}
	p.answer(w, c)
}

// answer does a call, or a part of it, and answers it.
func (p *Proxy) answer(w http.ResponseWriter, c call) {
	switch c.operation {
	case "Query", "Scan":
		if p.happens(ShortPages, c.operation) {
			c.body = setMember(c.body, "Limit", 1)
		}
	case "BatchWriteItem":
		p.answerBatch(w, c, "UnprocessedItems", splitWrites)
		return
	case "BatchGetItem":
		p.answerBatch(w, c, "UnprocessedKeys", splitReads)
		return
	case "SendMessageBatch", "DeleteMessageBatch", "ChangeMessageVisibilityBatch":
		p.answerEntries(w, c)
		return
	case "SendMessage":
		p.double(c)
	}
	p.do(c).copyTo(w)
}

// do has the engine do a call.
func (p *Proxy) do(c call) *answer {
	request := c.request.Clone(c.request.Context())
	request.Body = io.NopCloser(bytes.NewReader(c.body))
	request.ContentLength = int64(len(c.body))
	request.Header.Del("Content-Length")
	got := &answer{header: http.Header{}, status: http.StatusOK}
	p.engine.ServeHTTP(got, request)
	return got
}

// answer is what the engine answered. It implements http.ResponseWriter.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

func (a *answer) copyTo(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes())
}

// object is a JSON object whose members are left as they are.
type object = map[string]json.RawMessage

// decode reads an object; it is empty if the text is none.
func decode(text []byte) object {
	decoded := object{}
	_ = json.Unmarshal(text, &decoded)
	return decoded
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // what was decoded can be encoded
	}
	return text
}

// setMember returns the text of an object with another member.
func setMember(text []byte, name string, v any) []byte {
	decoded := decode(text)
	decoded[name] = encode(v)
	return encode(decoded)
}

// reply answers a call with an object, without an engine's checksum of another body.
func reply(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.Header().Set("X-Amzn-Requestid", "weather")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
