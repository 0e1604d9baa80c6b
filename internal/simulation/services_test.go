package simulation

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go/middleware"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// emulated is a backend of DynamoDB and SQS as the template makes them, with the clients that production has. Every
// process has its own, whose every call may meet a failure: before it is sent, or after its answer came. The real queue
// carries the messages; when they are delivered, in what order and how often, is the world's business as ever, because
// nobody wants to wait for a visibility timeout.
type emulated struct {
	*world
	t         testing.TB
	env       *config.Env // past all failures
	timelines *timeline.Store
	letters   *deadletter.Store
	sqs       *sqs.Client
	db        *dynamodb.Client
	url       string
	receipts  map[*message]string
	removed   map[*message]bool
}

func emulate(t testing.TB, w *world) *emulated {
	env := emulator.NewTestEnv(t)
	e := &emulated{
		world: w, t: t, env: env, timelines: timeline.NewStore(env), letters: deadletter.NewStore(env),
		sqs: sqs.NewFromConfig(env.AWS()), db: dynamodb.NewFromConfig(env.AWS()), url: env.Get("EVENTS_QUEUE_URL"),
		receipts: map[*message]string{}, removed: map[*message]bool{},
	}
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return e
}

// envOf is the environment of a process: that of the world, but for the failures.
func (e *emulated) envOf(p *process) *config.Env {
	env := config.From(map[string]string{"TIMELINES_TABLE": e.env.Get("TIMELINES_TABLE"), "EVENTS_QUEUE_URL": e.url})
	cfg := e.env.AWS().Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Failures", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			var metadata middleware.Metadata
			out, err := call(p, awsmiddleware.GetOperationName(ctx), func() (middleware.InitializeOutput, error) {
				out, m, err := next.HandleInitialize(ctx, in)
				metadata = m
				return out, err
			})
			return out, metadata, err
		}), middleware.After)
	})
	env.SetAWS(cfg)
	return env
}

func (e *emulated) storage(p *process) timeline.Storage {
	return timeline.Intercept(timeline.NewStore(e.envOf(p)), func(c timeline.Call, call func() error) error {
		err := call()
		if f, ok := c.Argument.(timeline.Fact); ok { // of AddFactIf, whatever came of it
			day := timeline.Days{First: f.At.Day(), Last: f.At.Day()}
			stored, readErr := e.timelines.Facts(context.Background(), c.Provider, f.Name, day)
			if readErr != nil {
				e.t.Fatal(readErr)
			}
			if slices.Contains(stored, f) {
				p.recordStored(c.Provider, f)
			}
		}
		return err
	})
}

func (e *emulated) filer(p *process) deadletter.Archiver { return deadletter.NewStore(e.envOf(p)) }
func (e *emulated) groundTruth() timeline.Storage        { return e.timelines }

// prompt is a real queue whose delays are the world's.
type prompt struct {
	queue.Sender
	*emulated
}

func (e *emulated) sender(p *process) queue.Sender {
	return prompt{queue.NewEventsQueue(e.envOf(p)), e}
}

// Send implements queue.Sender. Whatever came of it, what has arrived is known at once.
func (q prompt) Send(ctx context.Context, group string, delay time.Duration, bodies ...string) error {
	err := q.Sender.Send(ctx, group, 0, bodies...)
	for _, m := range q.arrived(delay) {
		q.recordSent(parse(m.body))
	}
	return err
}

// arrived takes what the real queue holds into the world.
func (e *emulated) arrived(delay time.Duration) []*message {
	var all []*message
	for {
		in := &sqs.ReceiveMessageInput{QueueUrl: &e.url, MaxNumberOfMessages: 10}
		out, err := e.sqs.ReceiveMessage(context.Background(), in)
		if err != nil {
			e.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, received := range out.Messages {
			m := e.take(aws.ToString(received.Body), delay)
			m.id = aws.ToString(received.MessageId)
			e.receipts[m] = aws.ToString(received.ReceiptHandle)
			all = append(all, m)
		}
	}
}

func (e *emulated) put(body string) *message {
	in := &sqs.SendMessageInput{QueueUrl: &e.url, MessageBody: &body}
	if _, err := e.sqs.SendMessage(context.Background(), in); err != nil {
		return nil // an empty body, or characters that SQS does not take
	}
	return e.arrived(0)[0]
}

func (e *emulated) remove(m *message) error {
	receipt := e.receipts[m]
	out, err := e.sqs.DeleteMessageBatch(context.Background(), &sqs.DeleteMessageBatchInput{
		QueueUrl: &e.url, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("0"), ReceiptHandle: &receipt}},
	})
	if err != nil {
		return err
	}
	if len(out.Failed) > 0 && !e.removed[m] { // the second time there is nothing to delete
		e.t.Fatalf("the queue does not delete: %s", aws.ToString(out.Failed[0].Message))
	}
	m.deleted = true
	e.removed[m] = true
	return nil
}

// change makes a change through the package that production makes it by.
func (e *emulated) change(p *process, c change) error {
	env := e.envOf(p)
	links := link.New(timeline.NewStore(env), shift.NewRecomputeRequester(e.sender(p)))
	defer e.readHistories(c.tenant)
	return e.make(links, c, p.now)
}

func (e *emulated) make(links *link.Links, c change, at int64) error {
	ctx := context.Background()
	now := time.UnixMicro(at)
	err := error(nil)
	switch {
	case c.consent || c.match:
		err = links.GrantConsent(
			ctx,
			link.Grant{Provider: c.tenant, Customer: c.customer, UserID: c.link, Matched: c.match},
			now,
		)
	case c.withdrawal:
		err = links.WithdrawConsent(ctx, c.tenant, c.customer, now)
	case c.link != "":
		err = links.Move(ctx, c.tenant, c.customer, c.link, now)
	case c.unlink != "":
		err = links.Unlink(ctx, c.tenant, c.unlink, now)
	}
	if err != nil && !fault.KindOf(err).Retryable() {
		return nil // it was refused, and is as it was
	}
	return err
}

// write makes a change past all failures, of which nobody hears.
func (e *emulated) write(c change, at int64) {
	links := link.New(e.timelines, func(context.Context, string, string, time.Time) error { return nil })
	if err := e.make(links, c, at); err != nil {
		e.t.Fatal(err)
	}
	e.readHistories(c.tenant)
}

// readHistories takes a tenant's histories into the model as they are stored: what package link makes of a change is
// for its own tests to say. The form of an entry is documented in package timeline.
func (e *emulated) readHistories(tenant string) {
	words := map[byte]string{1: "consent", 2: "withdrawal", 3: "link", 4: "unlink", 5: "match", 6: "no match"}
	for _, customer := range customers {
		out, err := e.db.Query(context.Background(), &dynamodb.QueryInput{
			TableName:              aws.String(e.env.Get("TIMELINES_TABLE")),
			KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
			ExpressionAttributeValues: map[string]ddb.AttributeValue{
				":pk": &ddb.AttributeValueMemberS{Value: tenant + "#C#" + customer},
				":sk": &ddb.AttributeValueMemberS{Value: "history#"},
			},
			ConsistentRead: aws.Bool(true),
		})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, row := range out.Items {
			set, _ := row["s"].(*ddb.AttributeValueMemberBS)
			if set == nil {
				continue // the row that counts changes
			}
			for _, b := range set.Value {
				at := int64(binary.BigEndian.Uint64(b[1:]))
				found := entry{tenant: tenant, customer: customer, what: words[b[0]&0x0f], at: at}
				switch found.what {
				case "link":
					found.userID = string(b[17:])
				case "unlink":
					found.userID = string(b[9:])
				}
				e.model.note(found)
			}
		}
	}
}

// filed reads the dead letters of the months in which the messages were sent.
func (e *emulated) filed() map[string]deadletter.DeadLetter {
	found := map[string]deadletter.DeadLetter{}
	for _, month := range []string{time.Now().UTC().Format("2006-01"), "2026-03", "2026-04", "2026-05", "2026-06"} {
		letters, err := e.letters.List(context.Background(), month)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, l := range letters {
			found[l.MessageID] = l
		}
	}
	return found
}

func (e *emulated) redriven(l deadletter.DeadLetter) {
	if err := e.letters.MarkRedriven(context.Background(), l.ID(), time.UnixMicro(e.now)); err != nil {
		e.t.Fatal(err)
	}
}

// TestOverRealServices runs seeds on the emulated backend. There is no replaying them to the letter, because the
// emulator answers in an order of its own; a log is printed instead.
func TestOverRealServices(t *testing.T) {
	const runs = 20
	for seed := range uint64(runs) {
		w := newWorld(rand.New(rand.NewPCG(seed, 3)))
		var log []string
		w.log = &log
		w.backend = emulate(t, w)
		w.run()
		if len(w.violations) > 0 {
			t.Fatalf("seed %d:\n%s\n%s", seed, w.report(), strings.Join(log, "\n"))
		}
	}
}
