package shift

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// noon is what the clock of a new world shows.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// minutes is a time so many minutes after noon.
func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// iso writes a time as answers do.
func iso(t time.Time) string { return web.FormatTime(t) }

// The work providers, whose keys are their ids.
const (
	courier = "courier-ltd"
	parcels = "parcels-co"
)

// keyring is an Authenticator without storage.
type keyring map[string]provider.Provider

var keys = keyring{courier: {ID: courier, Name: "Courier Ltd"}, parcels: {ID: parcels, Name: "Parcels & Co"}}

func (k keyring) Authenticate(_ context.Context, authorization string) (provider.Provider, error) {
	if authorization == "" {
		return provider.Provider{}, fault.New(fault.MissingAuth, "")
	}
	p, ok := k[authorization]
	if !ok {
		return provider.Provider{}, fault.New(fault.InvalidKey, "")
	}
	return p, nil
}

// prompt is a queue without delays, so that no test has to wait for the guard messages of v2.
type prompt struct{ queue.Sender }

func (p prompt) Send(ctx context.Context, _ time.Duration, bodies ...string) error {
	return p.Sender.Send(ctx, 0, bodies...)
}

// world is tables and queues of its own, the API over them, the processor behind them, and a clock.
type world struct {
	t         testing.TB
	env       *config.Env
	clock     time.Time
	ids       *seal.Sealer
	timelines *timeline.Store
	api       http.Handler

	sqs     *sqs.Client
	process func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
}

func newWorld(t testing.TB) *world {
	env := emulator.NewTestEnv(t)
	return buildWorld(t, env, keys, prompt{queue.NewEventsQueue(env)})
}

// buildWorld is a world whose keys and queue are the test's.
func buildWorld(t testing.TB, env *config.Env, keys web.Authenticator, sender queue.Sender) *world {
	t.Helper()
	w := &world{
		t: t, env: env, clock: noon, ids: seal.NewFromEnv(env), timelines: timeline.StoreFrom(env), sqs: sqs.NewFromConfig(env.AWS()),
	}
	now := func() time.Time { return w.clock }
	reader := NewReader(w.timelines, w.ids, now)
	ledger := NewLedger(reader, sender)
	w.api = contract.Held(t, web.Router(map[string]http.Handler{
		"shift-login":  Login(keys, sender, w.ids, now),
		"shift-logout": Logout(keys, sender, w.ids, now),
		"batch-login":  BatchLogin(keys, sender, w.ids, now),
		"batch-logout": BatchLogout(keys, sender, w.ids, now),
		"match":        Match(keys, sender, w.ids, now),
		"shift-create": Create(keys, ledger),
		"shift-end":    End(keys, ledger),
		"shift-read":   Read(keys, reader),
		"event-read":   ReadEvents(keys, reader),
	}))
	w.process = Processor(timeline.NewApplier(w.timelines, 8), deadletter.NewStore(env), now)
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return w
}

// customer makes somebody who has shared with a work provider, and was matched there, for a year; userID may be empty.
func (w *world) customer(providerID, number, userID string) {
	w.t.Helper()
	since := noon.AddDate(-1, 0, 0)
	w.person(providerID, number, userID, since, timeline.ConsentGiven(since), timeline.Matched(since))
}

// person makes somebody with that history, and a workProviderUserId linked at an instant, if there is one.
func (w *world) person(providerID, number, userID string, linked time.Time, entries ...timeline.Entry) {
	w.t.Helper()
	tx := w.timelines.WriteTx()
	if userID != "" {
		was, err := w.timelines.Ownership(w.t.Context(), providerID, userID, false)
		if err != nil || was.Owner != "" {
			w.t.Fatalf("%s is %q's (%v)", userID, was.Owner, err)
		}
		entries = append(entries, w.timelines.Claim(tx, providerID, userID, was, number, linked))
	}
	w.timelines.AppendHistory(tx, providerID, number, entries...)
	if err := tx.Run(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// answer is what a request got.
type answer struct {
	status int
	header http.Header
	body   string
}

// String leaves out the headers.
func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// ask sends a request with a work provider's key.
func (w *world) ask(key, method, target, body string) answer {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", key)
	}
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// post, put and get ask as the courier.
func (w *world) post(target, body string) answer {
	return w.ask(courier, http.MethodPost, target, body)
}
func (w *world) put(target, body string) answer { return w.ask(courier, http.MethodPut, target, body) }
func (w *world) get(target string) answer       { return w.ask(courier, http.MethodGet, target, "") }

// want fails the test unless an answer is to the byte.
func (w *world) want(what string, got answer, status int, body string) {
	w.t.Helper()
	if got.status != status || got.body != body {
		w.t.Errorf("%s:\ngot  %v\nwant %d %s", what, got, status, body)
	}
}

// accept sends something that must be accepted, and answers its id.
func (w *world) accept(target, body string) string {
	w.t.Helper()
	a := w.post(target, body)
	if a.status != http.StatusAccepted {
		w.t.Fatalf("%s %s: %v", target, body, a)
	}
	return a.header.Get("X-Event-Id") + a.header.Get("X-Batch-Id")
}

// login and logout are v1 events of the courier's, by customer number, accepted and processed.
func (w *world) login(number string, at time.Time)  { w.v1("/v1/shift/login", number, at) }
func (w *world) logout(number string, at time.Time) { w.v1("/v1/shift/logout", number, at) }

func (w *world) v1(path, number string, at time.Time) {
	w.t.Helper()
	w.accept(path, fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, number, iso(at)))
	w.drain()
}

// create makes a v2 shift of the courier's, of the user that is given as JSON, and answers its id. A zero end is null.
func (w *world) create(user string, start, end time.Time) string {
	w.t.Helper()
	a := w.post("/v2/shift/", newShiftBody(user, start, end))
	if a.status != http.StatusCreated {
		w.t.Fatalf("POST: %v", a)
	}
	return w.idIn(a)
}

func newShiftBody(user string, start, end time.Time) string {
	if end.IsZero() {
		return fmt.Sprintf(`{"user":%s,"startTime":%q,"endTime":null}`, user, iso(start))
	}
	return fmt.Sprintf(`{"user":%s,"startTime":%q,"endTime":%q}`, user, iso(start), iso(end))
}

// idIn is the id that the body of a shift begins with.
func (w *world) idIn(a answer) string {
	w.t.Helper()
	id, _, ok := strings.Cut(strings.TrimPrefix(a.body, `{"id":"`), `"`)
	if !ok {
		w.t.Fatalf("no id in %v", a)
	}
	return id
}

// shiftJSON is the body that reading a shift must give. A zero end and an empty ending stand for null.
func shiftJSON(id, number string, start, end time.Time, endedBy string, revision int) string {
	return fmt.Sprintf(`{"id":%q,"user":{"customerNumber":%q},"startTime":%q,"endTime":%s,"endedBy":%s,"revision":%d}`,
		id, number, iso(start), orNull(end.IsZero(), iso(end)), orNull(endedBy == "", endedBy), revision)
}

func orNull(null bool, s string) string {
	if null {
		return "null"
	}
	return strconv.Quote(s)
}

// receive takes messages from the queue, ten at the most.
func (w *world) receive() []types.Message {
	w.t.Helper()
	out, err := w.sqs.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(w.env.Get("EVENTS_QUEUE_URL")), MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Messages
}

// deliver hands messages to the processor as Lambda would, deletes those that succeeded, and answers the others.
func (w *world) deliver(messages []types.Message) (failed []types.Message) {
	w.t.Helper()
	event := events.SQSEvent{Records: make([]events.SQSMessage, len(messages))}
	for i, m := range messages {
		event.Records[i] = events.SQSMessage{MessageId: *m.MessageId, Body: *m.Body, Attributes: m.Attributes}
	}
	response, err := w.process(w.t.Context(), event)
	if err != nil {
		w.t.Fatal(err)
	}
	refused := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		refused[f.ItemIdentifier] = true
	}
	var done []types.DeleteMessageBatchRequestEntry
	for i, m := range messages {
		if refused[*m.MessageId] {
			failed = append(failed, m)
			continue
		}
		done = append(done, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	if len(done) > 0 {
		_, err = w.sqs.DeleteMessageBatch(w.t.Context(), &sqs.DeleteMessageBatchInput{
			QueueUrl: aws.String(w.env.Get("EVENTS_QUEUE_URL")), Entries: done,
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return failed
}

// drain processes the queue until it is empty; no message may fail.
func (w *world) drain() {
	w.t.Helper()
	for {
		messages := w.receive()
		if len(messages) == 0 {
			return
		}
		if failed := w.deliver(messages); len(failed) > 0 {
			w.t.Fatalf("failed: %s", *failed[0].Body)
		}
	}
}

// queued are the bodies in the queue, which is empty afterwards.
func (w *world) queued() []string {
	w.t.Helper()
	var bodies []string
	for {
		messages := w.receive()
		if len(messages) == 0 {
			return bodies
		}
		for _, m := range messages {
			bodies = append(bodies, *m.Body)
			_, err := w.sqs.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{
				QueueUrl: aws.String(w.env.Get("EVENTS_QUEUE_URL")), ReceiptHandle: m.ReceiptHandle,
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
}
