package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/guregu/dynamo/v2"
	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/bench/peers/naive"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// batchSizes are the sizes of the requests whose cost is metered; 1 stands for the endpoints of single events.
var batchSizes = []int{1, 10, 100, 1000}

// parallelCalls is how many calls the processor makes at a time, as functions/processor has it.
const parallelCalls = 32

type accept = func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error)

// design is one of the two designs whose bills are compared, with its services metered.
type design struct {
	accept   map[string]accept // by path
	consume  consumer.Func
	batch    int     // messages of an invocation
	parallel float64 // calls of an invocation at a time
	key      string
	queueURL string
	queue    *sqs.Client
	meter    *emulator.Meter
	records  *atomic.Int64 // records written
	logged   *counter
	shifts   func(ctx context.Context, customer string, day timeline.Days) ([][2]time.Time, error)
}

// counter counts what is written to it.
type counter struct{ bytes atomic.Int64 }

func (c *counter) Write(p []byte) (int, error) { c.bytes.Add(int64(len(p))); return len(p), nil }

// recording counts the records that are written.
type recording struct {
	timeline.Storage
	written *atomic.Int64
}

func (r recording) PutRecord(ctx context.Context, providerID, number string, record timeline.Record) error {
	r.written.Add(1)
	return r.Storage.PutRecord(ctx, providerID, number, record)
}

// Everybody in these worlds has an id at one work provider, which has had it, consent and match for a month.
func customerOf(i int) string { return fmt.Sprintf("ZB%05d", i) }
func userIDOf(i int) string   { return fmt.Sprintf("courier-%05d", i) }

// ours is the system itself, of the parts that the functions' mains put together, with people who have worked for so
// many days until the day before yesterday.
func ours(ctx context.Context, server *emulator.Server, people, daysBehind int) (*design, error) {
	// So many that a limit is never met, and requests are counted as those of a busy work provider are.
	env, err := server.NewEnv(ctx, "PROVIDER_REQUESTS_PER_SECOND=100000")
	if err != nil {
		return nil, err
	}
	d := &design{meter: emulator.AttachMeter(env), batch: 10, parallel: parallelCalls, records: new(atomic.Int64)}
	providers := apikey.NewStore(env)
	now := time.Now()
	courier, err := providers.Create(ctx, provider.Provider{Name: "Courier Ltd"}, now)
	if err != nil {
		return nil, err
	}
	if d.key, _, err = providers.IssueKey(ctx, courier.ID, now); err != nil {
		return nil, err
	}
	store := timeline.NewStore(env)
	since := now.AddDate(0, -1, -daysBehind)
	if err := linkPeople(ctx, store, courier.ID, people, since); err != nil {
		return nil, err
	}
	keys := apikey.CacheFrom(env)
	sender := queue.NewEventsQueue(env)
	ids := seal.NewFromEnv(env)
	d.accept = map[string]accept{
		"/v1/shift/login":  serve.Proxy(shift.Login(keys, sender, ids, time.Now)),
		"/v1/shift/logout": serve.Proxy(shift.Logout(keys, sender, ids, time.Now)),
		"/v1/batch/login":  serve.Proxy(shift.BatchLogin(keys, sender, ids, time.Now)),
		"/v1/batch/logout": serve.Proxy(shift.BatchLogout(keys, sender, ids, time.Now)),
	}
	applier := timeline.NewApplier(recording{store, d.records}, parallelCalls)
	for i := range people {
		for _, became := range applier.Apply(ctx,
			[]timeline.MessageChanges{{Provider: courier.ID, Facts: workdays(i, now, daysBehind)}}, timeline.At(now)) {
			if became.Err != nil {
				return nil, became.Err
			}
		}
	}
	d.consume = shift.Processor(applier, deadletter.NewStore(env), time.Now)
	d.queue, d.queueURL = sqs.NewFromConfig(env.AWS()), env.Get("EVENTS_QUEUE_URL")
	d.shifts = func(ctx context.Context, customer string, of timeline.Days) (found [][2]time.Time, err error) {
		records, err := store.Records(ctx, courier.ID, customer, of)
		for _, r := range records {
			for _, s := range r.Shifts {
				found = append(found, [2]time.Time{s.Start.Time(), s.End.Time()})
			}
		}
		return found, err
	}
	return d, env.Err()
}

// linkPeople gives people an id, consent and a match at a work provider since then.
func linkPeople(ctx context.Context, store *timeline.Store, providerID string, people int, since time.Time) error {
	return inParallel(people, func(i int) error {
		tx := store.WriteTx()
		link := store.AssignUserID(tx, providerID, userIDOf(i), timeline.Ownership{}, customerOf(i), since)
		store.AppendHistory(tx, providerID, customerOf(i), link, timeline.ConsentGiven(since), timeline.Matched(since))
		return tx.Run(ctx)
	})
}

// workdays is a shift a day of a person, in the morning, until the day before yesterday.
func workdays(i int, now time.Time, days int) (facts []timeline.Fact) {
	name := person.Name{Kind: person.UserID, Value: userIDOf(i)}
	for day := range days {
		morning := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -2-day).Add(6 * time.Hour)
		facts = append(
			facts,
			timeline.Fact{Name: name, Kind: timeline.Login, At: timeline.At(morning), PlannedEnd: timeline.Never},
			timeline.Fact{
				Name:       name,
				Kind:       timeline.Logout,
				At:         timeline.At(morning.Add(4 * time.Hour)),
				PlannedEnd: timeline.Never,
			},
		)
	}
	return facts
}

// meterHistory is the bill of people with a year behind them as a ratio to that of people with nothing.
func meterHistory(ctx context.Context, server *emulator.Server) (float64, error) {
	const people, year = 10, 365
	cost := func(days int) (float64, error) {
		d, err := ours(ctx, server, people, days)
		if err != nil {
			return 0, err
		}
		u, err := d.bill(ctx, people, people, loginsFirst)
		return u.Services(), err
	}
	none, err := cost(0)
	if err != nil {
		return 0, err
	}
	all, err := cost(year)
	return all / none, err
}

// naively is the naive design, whose costs do not depend on what lies behind people.
func naively(ctx context.Context, server *emulator.Server, people, _ int) (*design, error) {
	env, err := server.NewEnv(ctx)
	if err != nil {
		return nil, err
	}
	const courier = "courier-ltd"
	d := &design{meter: emulator.AttachMeter(env), batch: 1, parallel: 1, key: "key", records: new(atomic.Int64)}
	table, err := naiveTable(ctx, env)
	if err != nil {
		return nil, err
	}
	d.queue, d.queueURL = sqs.NewFromConfig(env.AWS()), env.Get("EVENTS_QUEUE_URL")
	n := naive.Design{Table: table, Queue: d.queue, URL: d.queueURL, Keys: map[string]string{d.key: courier}}
	err = inParallel(people, func(i int) error { return n.Link(ctx, courier, userIDOf(i), customerOf(i)) })
	d.accept = map[string]accept{
		"/v1/shift/login": n.Accept, "/v1/shift/logout": n.Accept, "/v1/batch/login": n.Accept, "/v1/batch/logout": n.Accept,
	}
	d.consume = n.Process
	d.shifts = func(ctx context.Context, customer string, _ timeline.Days) ([][2]time.Time, error) {
		return n.Shifts(ctx, courier, customer)
	}
	return d, err
}

func naiveTable(ctx context.Context, env *config.Env) (dynamo.Table, error) {
	name := "Naive-" + env.Get("TIMELINES_TABLE")
	_, err := dynamodb.NewFromConfig(env.AWS()).CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   &name,
		BillingMode: dynamotypes.BillingModePayPerRequest,
		AttributeDefinitions: []dynamotypes.AttributeDefinition{
			{AttributeName: aws.String("pk"), AttributeType: dynamotypes.ScalarAttributeTypeS},
			{AttributeName: aws.String("sk"), AttributeType: dynamotypes.ScalarAttributeTypeS},
		},
		KeySchema: []dynamotypes.KeySchemaElement{
			{AttributeName: aws.String("pk"), KeyType: dynamotypes.KeyTypeHash},
			{AttributeName: aws.String("sk"), KeyType: dynamotypes.KeyTypeRange},
		},
	})
	return dynamo.New(env.AWS()).Table(name), err
}

// inParallel calls do for 0 to n−1, some at a time.
func inParallel(n int, do func(i int) error) error {
	var calls errgroup.Group
	calls.SetLimit(16)
	for i := range n {
		calls.Go(func() error { return do(i) })
	}
	return calls.Wait()
}

// sequence is the order in which logins and logouts are sent.
type sequence int

const (
	loginsFirst sequence = iota // all logins are processed before the first logout is sent
	interleaved                 // the logouts of each request of logins follow it, and are processed together with them
)

// bill sends a login and a logout of each person, in requests of one size, and returns the resources used. It checks
// that every shift exists afterwards.
func (d *design) bill(ctx context.Context, people, size int, order sequence) (use, error) {
	logins := time.Now().UTC().Truncate(24 * time.Hour).Add(-16 * time.Hour)
	logouts := logins.Add(4 * time.Hour)
	d.logged = &counter{}
	before := slog.Default()
	slog.SetDefault(slog.New(observe.NewJSONHandler(d.logged)))
	defer slog.SetDefault(before)
	if err := d.warm(ctx); err != nil {
		return use{}, err
	}
	d.meter.Reset()
	d.records.Store(0)
	d.logged.bytes.Store(0)
	u := use{Events: 2 * people}
	for from := 0; from < people; from += size {
		if err := d.request(ctx, &u, "login", logins, from, size); err != nil {
			return u, err
		}
		if order == interleaved {
			if err := d.request(ctx, &u, "logout", logouts, from, size); err != nil {
				return u, err
			}
		}
	}
	if err := d.drain(ctx, &u); err != nil {
		return u, err
	}
	for from := 0; order == loginsFirst && from < people; from += size {
		if err := d.request(ctx, &u, "logout", logouts, from, size); err != nil {
			return u, err
		}
	}
	if err := d.drain(ctx, &u); err != nil {
		return u, err
	}
	u.Writes = d.meter.WriteUnits()
	u.Reads = d.meter.ReadUnits()
	u.Queue = d.meter.QueueRequests()
	u.Records = int(d.records.Load())
	u.LogBytes = int(d.logged.bytes.Load())
	return u, d.check(ctx, people, logins, logouts)
}

// warm has the key asked for, as the first request to each of a function's processes does: once in 45 seconds, not for
// each event.
func (d *design) warm(ctx context.Context) error {
	for path, accept := range d.accept {
		response, err := accept(ctx, gatewayEvent(path, d.key, []byte("nonsense")))
		if err != nil || response.StatusCode != 400 {
			return fmt.Errorf("%s answered %d to nonsense (%w)", path, response.StatusCode, err)
		}
	}
	return nil
}

// request sends the events of so many people, or those that are left of them.
func (d *design) request(ctx context.Context, u *use, what string, at time.Time, from, size int) error {
	path := "/v1/batch/" + what
	body := batchBody(at, from, size)
	if size == 1 {
		path = "/v1/shift/" + what
		body = eventBody(at, from)
	}
	calls := d.calls()
	response, err := d.accept[path](ctx, gatewayEvent(path, d.key, body))
	if err != nil || response.StatusCode != 202 {
		return fmt.Errorf("%s answered %d %s (%w)", path, response.StatusCode, response.Body, err)
	}
	u.Requests++
	u.Invocations++
	u.AcceptCalls += d.calls() - calls
	u.WaitedCalls += float64(d.calls() - calls)
	return nil
}

// drain does what Lambda does with a queue: it receives, invokes, and deletes, until nothing is left. The last call,
// which finds nothing, belongs to no event, and is not counted among them.
func (d *design) drain(ctx context.Context, u *use) error {
	for {
		received, err := d.queue.ReceiveMessage(
			ctx,
			&sqs.ReceiveMessageInput{QueueUrl: &d.queueURL, MaxNumberOfMessages: int32(d.batch)},
		)
		if err != nil {
			return err
		}
		if len(received.Messages) == 0 {
			d.meter.Discount("SQS.ReceiveMessage")
			return nil
		}
		var batch events.SQSEvent
		var done []sqstypes.DeleteMessageBatchRequestEntry
		for i, m := range received.Messages {
			batch.Records = append(batch.Records, events.SQSMessage{MessageId: *m.MessageId, Body: *m.Body})
			done = append(
				done,
				sqstypes.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: m.ReceiptHandle},
			)
		}
		calls := d.calls()
		response, err := d.consume(ctx, batch)
		if err != nil || len(response.BatchItemFailures) > 0 {
			return fmt.Errorf("%d messages failed (%w)", len(response.BatchItemFailures), err)
		}
		u.Invocations++
		u.WaitedCalls += math.Ceil(float64(d.calls()-calls) / d.parallel)
		if _, err := d.queue.DeleteMessageBatch(ctx,
			&sqs.DeleteMessageBatchInput{QueueUrl: &d.queueURL, Entries: done}); err != nil {
			return err
		}
	}
}

func (d *design) calls() (n int) {
	for _, calls := range d.meter.Calls() {
		n += calls
	}
	return n
}

// check looks for everybody's one shift.
func (d *design) check(ctx context.Context, people int, start, end time.Time) error {
	day := timeline.At(start).Day()
	return inParallel(people, func(i int) error {
		shifts, err := d.shifts(ctx, customerOf(i), timeline.Days{First: day, Last: day})
		if err != nil || len(shifts) != 1 || !shifts[0][0].Equal(start) || !shifts[0][1].Equal(end) {
			return fmt.Errorf("%s has the shifts %v, not one from %v to %v (%w)", customerOf(i), shifts, start, end, err)
		}
		return nil
	})
}

// gatewayEvent is a request as the gateway hands it on.
func gatewayEvent(path, key string, body []byte) events.APIGatewayProxyRequest {
	return events.APIGatewayProxyRequest{
		HTTPMethod: "POST", Path: path + "/",
		Headers:           map[string]string{"Authorization": key, "Content-Type": "application/json"},
		MultiValueHeaders: map[string][]string{"Authorization": {key}, "Content-Type": {"application/json"}},
		RequestContext:    events.APIGatewayProxyRequestContext{RequestID: "bench"},
		Body:              base64.StdEncoding.EncodeToString(body), IsBase64Encoded: true,
	}
}

// item is an event in a request.
type item struct {
	UserID    string `json:"workProviderUserId"`
	Timestamp string `json:"timestamp"`
}

func eventBody(at time.Time, i int) []byte {
	return mustJSON(item{userIDOf(i), at.Format(time.RFC3339)})
}

func batchBody(at time.Time, from, size int) []byte {
	items := make([]item, size)
	for i := range items {
		items[i] = item{userIDOf(from + i), at.Format(time.RFC3339)}
	}
	return mustJSON(items)
}

func mustJSON(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // nothing here is what JSON cannot say
	}
	return text
}

// bills is what each kind of request costs, by batch size.
type bills struct {
	Size     int `json:"batchSize"`
	Apart    use `json:"apart"`
	Together use `json:"together"`
	Naive    use `json:"naive"` // apart
}

// Limits of what any design has to pay for an event, in dollars a million: to write a fact, and to write a record.
const (
	factLimit   = pricePerWrite
	recordLimit = 2 * pricePerWrite
)

// meterCosts bills both designs for every size.
func meterCosts(ctx context.Context, server *emulator.Server) ([]bills, error) {
	var all []bills
	for _, size := range batchSizes {
		people := max(size, 100)
		progress("requests of %d", size)
		b := bills{Size: size}
		for _, c := range []struct {
			build func(ctx context.Context, server *emulator.Server, people, daysBehind int) (*design, error)
			order sequence
			into  *use
		}{{ours, loginsFirst, &b.Apart}, {ours, interleaved, &b.Together}, {naively, loginsFirst, &b.Naive}} {
			d, err := c.build(ctx, server, people, 0)
			if err != nil {
				return nil, err
			}
			if *c.into, err = d.bill(ctx, people, size, c.order); err != nil {
				return nil, err
			}
		}
		all = append(all, b)
	}
	return all, nil
}
