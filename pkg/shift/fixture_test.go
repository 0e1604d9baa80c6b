package shift

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// noon is what the clock of a new fixture shows.
var noon = testkit.Noon

// minutes is a time so many minutes after noon.
func minutes(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// iso writes a time as answers do.
func iso(t time.Time) string { return web.FormatTime(t) }

// The work providers, whose keys are their ids.
const (
	courier = testkit.Courier
	parcels = testkit.Parcels
)

var keys = testkit.Keys()

// immediateQueue is a queue without delays, so that no test has to wait for the recovery messages of v2.
type immediateQueue struct{ queue.Sender }

func (q immediateQueue) Send(ctx context.Context, group string, _ time.Duration, bodies ...string) error {
	return q.Sender.Send(ctx, group, 0, bodies...)
}

// fixture is tables and queues of its own, the API over them, the processor behind them, and a clock.
type fixture struct {
	t         testing.TB
	env       *config.Env
	clock     time.Time
	ids       *seal.Sealer
	timelines *timeline.Store
	api       http.Handler

	sqs     *sqs.Client
	process consumer.Func
}

func newFixture(t testing.TB) *fixture {
	env := emulator.NewTestEnv(t)
	return buildFixture(t, env, keys, immediateQueue{queue.NewEventsQueue(env)})
}

// buildFixture is a fixture whose keys and queue are the test's.
func buildFixture(t testing.TB, env *config.Env, keys web.Authenticator, sender queue.Sender) *fixture {
	t.Helper()
	fx := &fixture{
		t: t, env: env, clock: noon, ids: seal.NewFromEnv(env), timelines: timeline.NewStore(env),
		sqs: sqs.NewFromConfig(env.AWS()),
	}
	now := func() time.Time { return fx.clock }
	reader := NewReader(fx.timelines, fx.ids, now)
	ledger := NewWriter(reader, sender)
	fx.api = contract.Checked(t, web.Router(map[string]http.Handler{
		"shift-login":  Login(keys, sender, fx.ids, now),
		"shift-logout": Logout(keys, sender, fx.ids, now),
		"batch-login":  BatchLogin(keys, sender, fx.ids, now),
		"batch-logout": BatchLogout(keys, sender, fx.ids, now),
		"match":        Match(keys, sender, fx.ids, now),
		"shift-create": Create(keys, ledger),
		"shift-end":    End(keys, ledger),
		"shift-read":   Read(keys, reader),
		"event-read":   ReadEvents(keys, reader),
		"event-void":   Void(keys, ledger),
	}))
	fx.process = Processor(timeline.NewApplier(fx.timelines, 8), deadletter.NewStore(env), now)
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return fx
}

// addCustomer makes somebody who has shared with a work provider, and was matched there, for a year; userID may be
// empty.
func (fx *fixture) addCustomer(providerID, number, userID string) {
	fx.t.Helper()
	since := noon.AddDate(-1, 0, 0)
	fx.addPerson(providerID, number, userID, since, timeline.ConsentGiven(since), timeline.Matched(since))
}

// addPerson makes somebody with that history, and a workProviderUserId linked at an instant, if there is one.
func (fx *fixture) addPerson(providerID, number, userID string, linked time.Time, entries ...timeline.Entry) {
	fx.t.Helper()
	tx := fx.timelines.WriteTx()
	if userID != "" {
		was, err := fx.timelines.Ownership(fx.t.Context(), providerID, userID)
		if err != nil || was.Owner != "" {
			fx.t.Fatalf("%s is %q's (%v)", userID, was.Owner, err)
		}
		entries = append(entries, fx.timelines.AssignUserID(tx, providerID, userID, was, number, linked))
	}
	fx.timelines.AppendHistory(tx, providerID, number, entries...)
	if err := tx.Run(fx.t.Context()); err != nil {
		fx.t.Fatal(err)
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
func (fx *fixture) ask(key, method, target, body string) answer {
	return askHandler(fx.api, key, method, target, body)
}

func askHandler(handler http.Handler, key, method, target, body string) answer {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", key)
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return answer{recorder.Code, recorder.Header(), recorder.Body.String()}
}

// post, put and get ask as the courier.
func (fx *fixture) post(target, body string) answer {
	return fx.ask(courier, http.MethodPost, target, body)
}
func (fx *fixture) put(target, body string) answer {
	return fx.ask(courier, http.MethodPut, target, body)
}
func (fx *fixture) get(target string) answer { return fx.ask(courier, http.MethodGet, target, "") }

// acceptances are the members of a body that say when something was accepted.
var acceptances = regexp.MustCompile(`,"(a|startA|endA)cceptedAt":(null|"[^"]*")`)

// want fails the test unless an answer is to the byte; but for when something was accepted, unless that is wanted, too.
func (fx *fixture) want(what string, got answer, status int, body string) {
	fx.t.Helper()
	if !strings.Contains(body, "cceptedAt") {
		got.body = acceptances.ReplaceAllString(got.body, "")
	}
	if got.status != status || got.body != body {
		fx.t.Errorf("%s:\ngot  %v\nwant %d %s", what, got, status, body)
	}
}

// accept sends something that must be accepted, and answers its id.
func (fx *fixture) accept(target, body string) string {
	fx.t.Helper()
	a := fx.post(target, body)
	if a.status != http.StatusAccepted {
		fx.t.Fatalf("%s %s: %v", target, body, a)
	}
	return a.header.Get("X-Event-Id") + a.header.Get("X-Batch-Id")
}

// login and logout are v1 events of the courier's, by customer number, accepted and processed.
func (fx *fixture) login(number string, at time.Time)  { fx.v1("/v1/shift/login", number, at) }
func (fx *fixture) logout(number string, at time.Time) { fx.v1("/v1/shift/logout", number, at) }

func (fx *fixture) v1(path, number string, at time.Time) {
	fx.t.Helper()
	fx.accept(path, fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, number, iso(at)))
	fx.drain()
}

// create makes a v2 shift of the courier's, of the user that is given as JSON, and answers its id. A zero end is null.
func (fx *fixture) create(user string, start, end time.Time) string {
	fx.t.Helper()
	a := fx.post("/v2/shift/", newShiftBody(user, start, end))
	if a.status != http.StatusCreated {
		fx.t.Fatalf("POST: %v", a)
	}
	return fx.idIn(a)
}

func newShiftBody(user string, start, end time.Time) string {
	if end.IsZero() {
		return fmt.Sprintf(`{"user":%s,"startTime":%q,"endTime":null}`, user, iso(start))
	}
	return fmt.Sprintf(`{"user":%s,"startTime":%q,"endTime":%q}`, user, iso(start), iso(end))
}

// idIn is the id that the body of a shift begins with.
func (fx *fixture) idIn(a answer) string {
	fx.t.Helper()
	id, _, ok := strings.Cut(strings.TrimPrefix(a.body, `{"id":"`), `"`)
	if !ok {
		fx.t.Fatalf("no id in %v", a)
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
func (fx *fixture) receive() []types.Message {
	fx.t.Helper()
	out, err := fx.sqs.ReceiveMessage(fx.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(fx.env.Get("EVENTS_QUEUE_URL")), MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err != nil {
		fx.t.Fatal(err)
	}
	return out.Messages
}

// deliver hands messages to the processor as Lambda would, deletes those that succeeded, and answers the others.
func (fx *fixture) deliver(messages []types.Message) (failed []types.Message) {
	fx.t.Helper()
	event := events.SQSEvent{Records: make([]events.SQSMessage, len(messages))}
	for i, m := range messages {
		event.Records[i] = events.SQSMessage{MessageId: *m.MessageId, Body: *m.Body, Attributes: m.Attributes}
	}
	response, err := fx.process(fx.t.Context(), event)
	if err != nil {
		fx.t.Fatal(err)
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
		done = append(done,
			types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle})
	}
	if len(done) > 0 {
		_, err = fx.sqs.DeleteMessageBatch(fx.t.Context(), &sqs.DeleteMessageBatchInput{
			QueueUrl: aws.String(fx.env.Get("EVENTS_QUEUE_URL")), Entries: done,
		})
		if err != nil {
			fx.t.Fatal(err)
		}
	}
	return failed
}

// drain processes the queue until it is empty; no message may fail.
func (fx *fixture) drain() {
	fx.t.Helper()
	for {
		messages := fx.receive()
		if len(messages) == 0 {
			return
		}
		if failed := fx.deliver(messages); len(failed) > 0 {
			fx.t.Fatalf("failed: %s", *failed[0].Body)
		}
	}
}

// queued are the bodies in the queue, which is empty afterwards.
func (fx *fixture) queued() []string {
	fx.t.Helper()
	var bodies []string
	for {
		messages := fx.receive()
		if len(messages) == 0 {
			return bodies
		}
		for _, m := range messages {
			bodies = append(bodies, *m.Body)
			_, err := fx.sqs.DeleteMessage(fx.t.Context(), &sqs.DeleteMessageInput{
				QueueUrl: aws.String(fx.env.Get("EVENTS_QUEUE_URL")), ReceiptHandle: m.ReceiptHandle,
			})
			if err != nil {
				fx.t.Fatal(err)
			}
		}
	}
}
