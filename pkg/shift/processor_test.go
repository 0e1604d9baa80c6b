package shift

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// putUnreadableHistory makes a customer whose history this release cannot read, so that every message about them fails.
func (fx *fixture) putUnreadableHistory(number string) {
	fx.t.Helper()
	_, err := dynamodb.NewFromConfig(fx.env.AWS()).PutItem(fx.t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(fx.env.Get("TIMELINES_TABLE")),
		Item: map[string]dynamotypes.AttributeValue{
			table.PK: &dynamotypes.AttributeValueMemberS{Value: table.NamePartition(courier,
				person.Name{Kind: person.CustomerNumber, Value: number})},
			table.SK:          &dynamotypes.AttributeValueMemberS{Value: table.HistorySort("2026-01")},
			table.VersionAttr: &dynamotypes.AttributeValueMemberN{Value: "99"},
		},
	})
	if err != nil {
		fx.t.Fatal(err)
	}
}

// failingArchive archives nothing.
type failingArchive struct{}

func (failingArchive) Archive(context.Context, deadletter.DeadLetter) error {
	return errors.New("down")
}

// TestFailureIsolation is promise 6: of ten messages in a batch, those that cannot be understood are
// filed with their bytes, those that fail come again by themselves, and the rest are done.
func TestFailureIsolation(t *testing.T) {
	fx := newCourierFixture(t)
	fx.putUnreadableHistory("PUZZLE")
	login := func(number string) string {
		return factMessages(courier, "",
			[]timeline.Fact{fact(timeline.Login, person.CustomerNumber, number, eleven)})[0]
	}
	batch := events.SQSEvent{}
	for id, body := range []string{login("ABC123"), "{bad\u0000\xff", login("PUZZLE"), `{"v":99}`, login("ABC12"), ""} {
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId: fmt.Sprint(id), Body: body, Attributes: map[string]string{"SentTimestamp": fmt.Sprint(noon.UnixMilli())},
		})
	}
	failed := func(process consumer.Func) string {
		response, err := process(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, f := range response.BatchItemFailures {
			ids = append(ids, f.ItemIdentifier)
		}
		slices.Sort(ids)
		return strings.Join(ids, " ")
	}
	applier := timeline.NewApplier(fx.timelines, 8)
	if got := failed(Processor(applier, failingArchive{}, func() time.Time { return noon })); got != "1 2 3 5" {
		t.Errorf("while nothing can be filed, %s failed", got)
	}
	for range 2 { // delivered again, a letter is filed once
		if got := failed(fx.process); got != "2" {
			t.Errorf("%s failed", got)
		}
	}
	letters, err := deadletter.NewStore(fx.env).List(t.Context(), "2026-03")
	if err != nil {
		t.Fatal(err)
	}
	var filed []string
	for _, l := range letters {
		filed = append(filed, l.MessageID+l.Reason+string(l.Body))
	}
	const why = deadletter.ReasonMalformed
	if want := []string{"1" + why + "{bad\u0000\xff", "3" + why + `{"v":99}`, "5" + why}; !slices.Equal(filed, want) {
		t.Errorf("filed %q, want %q", filed, want)
	}
	for _, number := range []string{"ABC123", "ABC12"} {
		var list shiftList
		if fx.read("/v2/shift/?customerNumber="+number, &list); list.starts() != iso(eleven) {
			t.Errorf("%s: %s", number, list.starts())
		}
	}
}

// A single event is applied before the large batch that it was received behind: it must not wait for it.
func TestSmallMessagesFirst(t *testing.T) {
	var stored []string
	storage := timeline.Intercept(timeline.NewMemory(), func(c timeline.Call, call func() error) error {
		if c.Op == "AddFacts" {
			stored = append(stored, c.Key)
		}
		return call()
	})
	var batch events.SQSEvent
	add := func(facts ...timeline.Fact) {
		for _, body := range factMessages(courier, "", facts) {
			id := fmt.Sprint(len(batch.Records))
			batch.Records = append(batch.Records, events.SQSMessage{MessageId: id, Body: body})
		}
	}
	var large []timeline.Fact
	for i := range maxSmallMessage + 1 {
		large = append(large, fact(timeline.Login, person.UserID, fmt.Sprint("large-", i), eleven))
	}
	add(large...)
	add(fact(timeline.Login, person.UserID, "small", eleven))
	process := Processor(timeline.NewApplier(storage, 1), failingArchive{}, func() time.Time { return noon })
	if response, err := process(t.Context(), batch); err != nil || len(response.BatchItemFailures) > 0 {
		t.Fatalf("%v, %v", response, err)
	}
	if len(stored) != maxSmallMessage+2 || !strings.Contains(stored[0], "small") {
		t.Errorf("stored in the order %q", stored)
	}
}

// TestEmptyBatch: the answer is never null, which a poller may not understand.
func TestEmptyBatch(t *testing.T) {
	fx := newFixture(t)
	response, err := fx.process(t.Context(), events.SQSEvent{})
	text, _ := json.Marshal(response)
	if string(text) != `{"batchItemFailures":[]}` || err != nil {
		t.Errorf("%s, %v", text, err)
	}
}

// TestDeadLetterAfterRetries: after as many tries as template.yaml says, a message that fails is in the
// dead-letter queue, byte for byte, while its neighbours are long done.
func TestDeadLetterAfterRetries(t *testing.T) {
	fx := newCourierFixture(t)
	fx.putUnreadableHistory("PUZZLE")
	poison := `{"customerNumber":"PUZZLE","timestamp":` + someTime + `}`
	fx.accept("/v1/batch/login", `[`+poison+`,{"workProviderUserId":"\uffff\"<é","timestamp":`+someTime+`}]`)
	bodies := fx.queued()
	if len(bodies) != 1 || queue.NewEventsQueue(fx.env).Send(t.Context(), "courier-ltd", 0, bodies...) != nil {
		t.Fatal(bodies)
	}
	fx.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":`+someTime+`}`)

	tries := 0
	for {
		messages := fx.receive()
		if len(messages) == 0 {
			break
		}
		for _, m := range fx.deliver(messages) {
			tries++
			_, err := fx.sqs.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
				QueueUrl: aws.String(fx.env.Get("EVENTS_QUEUE_URL")), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 0,
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	url, count := fx.deadLetterQueue()
	if fmt.Sprint(tries) != count {
		t.Errorf("%d tries, not %s", tries, count)
	}
	out, err := fx.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != bodies[0] {
		t.Errorf("dead letters: %v (%v), want %s", out.Messages, err, bodies[0])
	}
	var list shiftList
	if fx.read(listPath, &list); list.starts() != iso(eleven) {
		t.Errorf("the neighbour: %s", list.starts())
	}
}

// deadLetterQueue is the URL of the dead-letter queue, and after how many tries a message gets there.
func (fx *fixture) deadLetterQueue() (url, tries string) {
	fx.t.Helper()
	got, err := fx.sqs.GetQueueAttributes(fx.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(
			fx.env.Get("EVENTS_QUEUE_URL"),
		), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	if err != nil {
		fx.t.Fatal(err)
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
		Count  any    `json:"maxReceiveCount"`
	}
	if err := json.Unmarshal([]byte(got.Attributes["RedrivePolicy"]), &policy); err != nil {
		fx.t.Fatal(err)
	}
	found, err := fx.sqs.GetQueueUrl(fx.t.Context(),
		&sqs.GetQueueUrlInput{QueueName: aws.String(policy.Target[strings.LastIndexByte(policy.Target, ':')+1:])})
	if err != nil {
		fx.t.Fatal(err)
	}
	return *found.QueueUrl, fmt.Sprint(policy.Count)
}

// TestOrderAndRepeats is promises 2 and 3 over HTTP: the same events in any order, alone or in batches,
// under either name, sent again weeks later, make the same shifts.
func TestOrderAndRepeats(t *testing.T) {
	fx := newFixture(t)
	type sent struct{ kind, name, at string }
	all := []sent{
		{"login", "C", "09:00:00"}, {"logout", "U", "10:00:00"}, {"login", "U", "10:00:00"},
		{"login", "C", "10:30:00"}, {"logout", "C", "11:00:00"},
		{"logout", "U", "11:30:00"}, {"logout", "C", "08:00:00"}, {"login", "U", "11:45:00"},
		{"login", "C", "11:45:00"},
	}
	var want string
	for order := range uint64(6) {
		number := fmt.Sprint("ORDER", order)
		id := fmt.Sprint("id-", order)
		fx.addCustomer(courier, number, id)
		random := rand.New(rand.NewPCG(order, 1))
		mixed := slices.Concat(all, all[:order])
		random.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		send := func(e sent) {
			item := fmt.Sprintf(`{"customerNumber":%q,"timestamp":"2026-03-14T%sZ"}`, number, e.at)
			if e.name == "U" {
				item = fmt.Sprintf(`{"workProviderUserId":%q,"timestamp":"2026-03-14T%sZ"}`, id, e.at)
			}
			if random.IntN(2) == 0 {
				fx.accept("/v1/batch/"+e.kind, "["+item+","+item+"]")
			} else {
				fx.accept("/v1/shift/"+e.kind, item)
			}
		}
		for _, e := range mixed {
			if send(e); random.IntN(3) == 0 {
				fx.drain()
			}
		}
		fx.drain()
		path := "/v2/shift/?from=2026-03-14T00:00:00Z&customerNumber=" + number
		before := fx.get(path)
		fx.clock = noon.AddDate(0, 0, 60)
		for _, e := range mixed {
			send(e)
		}
		fx.drain()
		fx.clock = noon
		fx.want("sent again weeks later", fx.get(path), before.status, before.body)

		var list struct {
			Shifts []struct{ StartTime, EndTime, EndedBy string }
		}
		fx.read(path, &list)
		got := fmt.Sprint(list.Shifts)
		if want == "" {
			want = got
		}
		if got != want || len(list.Shifts) != 3 {
			t.Errorf("order %d: %s, order 0: %s", order, got, want)
		}
	}
}

// TestFirstYear: the earliest timestamps that are accepted are processed like any other.
func TestFirstYear(t *testing.T) {
	fx := newFixture(t)
	first := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	fx.addPerson(courier, "ABC123", "", first, timeline.ConsentGiven(first), timeline.Matched(first))
	id := fx.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":"2000-01-01T00:00:00Z"}`)
	fx.accept("/v1/shift/logout", `{"customerNumber":"ABC123","timestamp":"2000-01-01T01:00:00Z"}`)
	fx.accept("/v1/shift/logout", `{"customerNumber":"ZZZ999","timestamp":"2000-01-01T00:00:00Z"}`)
	fx.drain()
	fx.want("the shift", fx.get("/v2/shift/"+id), 200,
		shiftJSON(id, "ABC123", first, first.Add(time.Hour), "LOGOUT", 1))
	var list shiftList
	if fx.read(listPath+"&from=2000-01-01T00:00:00Z&to=2000-01-02T00:00:00Z", &list); list.starts() != iso(first) {
		t.Errorf("listed: %s", list.starts())
	}
}

// TestStoredIDs: an id is for ever, so what an id seals may never change its form.
func TestStoredIDs(t *testing.T) {
	fx := newCourierFixture(t)
	login := fact(timeline.Login, person.UserID, "12345", eleven)
	for name, c := range map[string]struct{ id, was string }{
		"LOGIN": {EventID(fx.ids, courier, login), "AUvobn5sFwqO9ySSy-9i-QgvXaWWhM5LUfxPZH97AcM"},
		"LOGOUT": {EventID(fx.ids, courier, fact(timeline.Logout, person.CustomerNumber, "ABC123", eleven)),
			"Ab9gDVUwToXU6zOK_Fnw3nW-OUY906zpscfZagJ23qGd"},
		"match": {matchID(fx.ids, courier, timeline.MatchResult{Customer: "ABC123",
			Entry: timeline.Matched(eleven)}), "AX8gIoiCacT0vXo1reODu5ZJlIzbD5kcj65Cosn7cxUA"},
		"batch": {fx.ids.Seal(batchPurpose, courier, batchOf([]timeline.Fact{login, login}).bytes()),
			"AfFBDde9xBlkhmAVHRZFrNlIgxnV7u1NST0EY_fDIeNLDNBUfA"},
	} {
		if c.id != c.was {
			t.Errorf("the id of a %s is %s, was %s", name, c.id, c.was)
		}
	}
	if got, ok := openLogin(fx.ids, courier, "AUvobn5sFwqO9ySSy-9i-QgvXaWWhM5LUfxPZH97AcM"); !ok || got != login {
		t.Errorf("opened: %v", got)
	}
}
