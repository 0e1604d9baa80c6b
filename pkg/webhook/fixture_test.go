package webhook

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// noon is what the clock of a new fixture shows.
var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

const (
	courier = "courier-ltd"
	dara    = "ABC123" // a customer
	robin   = "XYZ789" // another one
)

// immediateQueue is a queue that keeps nothing back, so that a test which turns its clock on does not have to wait.
// What a message says of when it is due is heeded as ever.
type immediateQueue struct {
	queue.Sender
	broken bool

	mu     sync.Mutex      // the sender works on several messages at once
	delays []time.Duration // asked for
}

func (p *immediateQueue) Send(ctx context.Context, group string, delay time.Duration, bodies ...string) error {
	if p.broken {
		return table.ErrConflict
	}
	p.mu.Lock()
	p.delays = append(p.delays, delay)
	p.mu.Unlock()
	return p.Sender.Send(ctx, group, 0, bodies...)
}

// request is one that the receiver got.
type request struct {
	header http.Header
	body   string
}

// fixture is tables and queues of its own, a work provider with a receiver, two customers, and a clock.
type fixture struct {
	t         *testing.T
	env       *config.Env
	clock     time.Time
	sender    *Sender
	announcer Publisher
	queue     *immediateQueue
	sqs       *sqs.Client
	links     *link.Links
	secret    Secret
	url       string
	process   consumer.Func

	mu        sync.Mutex
	replyFunc http.HandlerFunc
	requests  []request
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	return newFixtureIn(t, emulator.NewTestEnv(t))
}

func newFixtureIn(t *testing.T, env *config.Env) *fixture {
	t.Helper()
	w := &fixture{t: t, env: env, clock: noon, sqs: sqs.NewFromConfig(env.AWS())}
	now := func() time.Time { return w.clock }
	receiver := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.mu.Lock()
		w.requests = append(w.requests, request{r.Header, string(body)})
		reply := w.replyFunc
		w.mu.Unlock()
		reply(rw, r)
	}))
	t.Cleanup(receiver.Close)
	w.url = receiver.URL + "/hook"
	refold := shift.NewRecomputeRequester(&immediateQueue{Sender: queue.NewEventsQueue(env)})
	w.queue = &immediateQueue{Sender: NewQueue(env)}
	w.sender = NewSender(env, refold, nil)
	w.sender.Now, w.sender.Deliveries.now, w.sender.Queue, w.sender.Client = now, now, w.queue, NewClient(true, now)
	w.announcer = NewPublisher(w.queue, now)
	w.links = w.sender.Links
	w.process = shift.Processor(timeline.NewApplier(w.sender.Timelines, 4), deadletter.NewStore(env), now)
	register := customer.NewRegistrar(w.sender.Customers, w.sender.Timelines, refold)
	for i, number := range []string{dara, robin} {
		details := customer.Details{
			GivenNames:  "Dara",
			LastName:    "Driver",
			Address:     "25 Luke Street",
			City:        "London",
			PostCode:    "EC2A 4DS",
			DOB:         "1984-01-15",
			Email:       fmt.Sprintf("d&%d@example.com", i),
			PhoneNumber: fmt.Sprintf("+44207946000%d", i),
		}
		must(
			register.Create(
				t.Context(),
				customer.NewCustomer{Number: number, Details: details, Policy: customer.Policy{Insured: true}},
				noon,
			),
		)
	}
	w.secret = must(w.sender.Settings.Set(t.Context(), courier, w.url, "", noon.Add(-time.Hour)))
	settings := must(w.sender.Settings.Get(t.Context(), courier)) // the URL is a receiver's, known to be one
	must(w.sender.Settings.RecordReply(t.Context(), courier, settings, Reply{Status: 202, fromReceiver: true}, noon))
	w.reply(204, "")
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return w
}

// must is a value that there has to be.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// ok fails the test unless something went well.
func (w *fixture) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// reply makes the receiver reply so, header given as name and value.
func (w *fixture) reply(status int, body string, header ...string) {
	w.replyWith(func(rw http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			rw.Header().Set(header[i], header[i+1])
		}
		rw.WriteHeader(status)
		io.WriteString(rw, body)
	})
}

func (w *fixture) replyWith(reply http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.replyFunc = reply
}

// retryAfter is how often the receiver was asked.
func (w *fixture) requestCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.requests)
}

// consent has a customer agree to share, and the page announce it as it does: ahead and afterwards.
func (w *fixture) consent(number string) {
	w.t.Helper()
	w.ok(w.announcer.PublishPendingSignUp(w.t.Context(), courier, number))
	w.ok(w.links.GrantConsent(w.t.Context(), link.Grant{Provider: courier, Customer: number}, w.clock))
	w.ok(w.announcer.PublishSignUp(w.t.Context(), courier, number))
}

// claim has a customer agree by a link that names an id, and the page announce it.
func (w *fixture) claim(number, userID string) {
	w.t.Helper()
	w.ok(w.announcer.PublishPendingSignUp(w.t.Context(), courier, number))
	grant := link.Grant{Provider: courier, Customer: number, UserID: userID, Claimed: true}
	w.ok(w.links.GrantConsent(w.t.Context(), grant, w.clock))
	w.ok(w.announcer.PublishSignUp(w.t.Context(), courier, number))
}

// receive takes what a queue holds.
func (w *fixture) receive(variable string) events.SQSEvent {
	w.t.Helper()
	var event events.SQSEvent
	url := w.env.Get(variable)
	for {
		out := must(w.sqs.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		}))
		if len(out.Messages) == 0 {
			return event
		}
		for _, m := range out.Messages {
			must(w.sqs.DeleteMessage(w.t.Context(), &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}))
			event.Records = append(
				event.Records,
				events.SQSMessage{MessageId: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), Attributes: m.Attributes},
			)
		}
	}
}

// deliver hands what the queue holds to the sender, once, and says how many messages failed.
func (w *fixture) deliver(event events.SQSEvent) (failed int) {
	w.t.Helper()
	return len(must(w.sender.Consume(w.t.Context(), event)).BatchItemFailures)
}

// step delivers what is in the queue of webhooks; false if it is empty.
func (w *fixture) step() bool {
	w.t.Helper()
	event := w.receive("WEBHOOKS_QUEUE_URL")
	if failed := w.deliver(event); failed > 0 {
		w.t.Errorf("%d messages failed", failed)
	}
	return len(event.Records) > 0
}

// recordReply turns the clock on, message by message, until the queue is empty.
func (w *fixture) drain() {
	w.t.Helper()
	for range 1000 {
		event := w.receive("WEBHOOKS_QUEUE_URL")
		if len(event.Records) == 0 {
			w.processEvents()
			return
		}
		for _, r := range event.Records {
			if m, err := parseMessage(r.Body); err == nil && time.UnixMilli(m.NextAttempt).After(w.clock) {
				w.clock = time.UnixMilli(m.NextAttempt)
			}
		}
		if failed := w.deliver(event); failed > 0 {
			w.t.Errorf("%d messages failed", failed)
		}
	}
	w.t.Fatal("the queue does not come to rest")
}

// processEvents processes what the queue of events holds.
func (w *fixture) processEvents() {
	w.t.Helper()
	if response := must(w.process(w.t.Context(), w.receive("EVENTS_QUEUE_URL"))); len(response.BatchItemFailures) > 0 {
		w.t.Error(response)
	}
}

// delivery is the one there is of a customer.
func (w *fixture) delivery(number string) Delivery {
	w.t.Helper()
	var found []Delivery
	for _, d := range must(w.sender.Deliveries.List(w.t.Context(), courier, "2026-03")) {
		if d.Customer == number {
			found = append(found, d)
		}
	}
	if len(found) != 1 {
		w.t.Fatalf("%d deliveries: %+v", len(found), found)
	}
	return found[0]
}

func (w *fixture) history(number string) *timeline.History {
	w.t.Helper()
	return new(must(w.sender.Timelines.History(w.t.Context(), courier, number)))
}

func (w *fixture) wantStatus(number string, want MatchStatus) {
	w.t.Helper()
	if got := must(w.sender.Deliveries.MatchStatus(w.t.Context(), courier, number)); got != want {
		w.t.Errorf("progress %d, want %d", got, want)
	}
}

func (w *fixture) wantMatched(number string, want bool) {
	w.t.Helper()
	if got := w.history(number).Matched(timeline.At(w.clock.Add(time.Second))); got != want {
		w.t.Errorf("matched: %t, want %t", got, want)
	}
}
