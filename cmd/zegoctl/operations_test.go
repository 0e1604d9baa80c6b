package main

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// seedCustomers creates the work provider `courier-ltd` and two customers without consents.
func (o operator) seedCustomers() {
	o.t.Helper()
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	for _, number := range []string{"ABC123", "ABC12"} {
		var c customerView
		o.must(&c, driver("--cover-level", "x", "--class-of-use", "y", "--number", number)...)
	}
}

// received receives and deletes the messages of the events queue that are not delayed, and returns their bodies.
func (o operator) received() []string {
	o.t.Helper()
	client := sqs.NewFromConfig(o.env.AWS())
	url := o.env.Get("EVENTS_QUEUE_URL")
	var bodies []string
	for {
		out, err := client.ReceiveMessage(o.t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			o.t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, aws.ToString(m.Body))
			if _, err := client.DeleteMessage(o.t.Context(),
				&sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				o.t.Fatal(err)
			}
		}
	}
}

// process delivers bodies to the processor and returns how many of them failed and would be retried.
func (o operator) process(bodies ...string) int {
	o.t.Helper()
	process := shift.Processor(timeline.NewApplier(timeline.NewStore(o.env), 1), deadletter.NewStore(o.env), time.Now)
	var batch events.SQSEvent
	for i, body := range bodies {
		sent := strconv.FormatInt(time.Now().UnixMilli(), 10)
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId: strconv.Itoa(i), Body: body, Attributes: map[string]string{"SentTimestamp": sent},
		})
	}
	response, err := process(o.t.Context(), batch)
	if err != nil {
		o.t.Fatal(err)
	}
	return len(response.BatchItemFailures)
}

func TestLinks(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	var view linkView
	o.must(&view, "link", "grant", "courier-ltd", "abc123", "--work-provider-user-id", "12345", "--matched")
	if view.CustomerNumber != "ABC123" || view.ConsentedSince == "" || !view.Matched ||
		!slices.Equal(view.WorkProviderUserIDs, []string{"12345"}) {
		t.Errorf("%+v", view)
	}
	o.mustFail("belongs to another", "link", "grant", "courier-ltd", "ABC12", "--work-provider-user-id", "12345")
	o.mustFail("does not share", "link", "move", "courier-ltd", "12345", "ABC12", "--yes")
	o.must(&view, "link", "grant", "courier-ltd", "ABC12")
	if view.Matched || len(view.WorkProviderUserIDs) != 0 {
		t.Errorf("%+v", view)
	}
	o.must(&view, "link", "move", "courier-ltd", "12345", "ABC12", "--yes")
	if view.CustomerNumber != "ABC12" || !slices.Equal(view.WorkProviderUserIDs, []string{"12345"}) {
		t.Errorf("%+v", view)
	}
	o.must(&view, "link", "unlink", "courier-ltd", "12345", "--yes")
	if view.CustomerNumber != "ABC12" || len(view.WorkProviderUserIDs) != 0 {
		t.Errorf("%+v", view)
	}
	o.mustFail("is not linked to any customer", "link", "unlink", "courier-ltd", "12345", "--yes")
	var withdrawn linkView
	o.must(&withdrawn, "link", "withdraw", "courier-ltd", "ABC123", "--yes")
	if withdrawn.CustomerNumber != "ABC123" || withdrawn.ConsentedSince != "" {
		t.Errorf("%+v", withdrawn)
	}
	o.mustFail("no customer `NOBODY`", "link", "withdraw", "courier-ltd", "nobody", "--yes")
	o.mustFail("no work provider `nobody`", "link", "grant", "nobody", "ABC123")
	o.mustFail("customerNumber", "link", "grant", "courier-ltd", "")
	o.mustFail("workProviderUserId", "link", "grant", "courier-ltd", "ABC123", "--work-provider-user-id", "a\x00b")
	o.mustFail("workProviderUserId", "link", "move", "courier-ltd", "", "ABC12", "--yes")
}

func TestRebuild(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	var view linkView
	for _, number := range []string{"ABC123", "ABC12"} {
		o.must(&view, "link", "grant", "courier-ltd", number, "--matched")
	}
	store := timeline.NewStore(o.env)
	at := timeline.At(time.Now().Add(time.Minute))
	for _, number := range []string{"ABC123", "ABC12"} {
		login := timeline.Fact{
			Name:       person.Name{Kind: person.CustomerNumber, Value: number},
			Kind:       timeline.Login,
			At:         at,
			PlannedEnd: timeline.Never,
		}
		if _, err := store.AddFacts(t.Context(), "courier-ltd", login.Name, at.Day(), []timeline.Fact{login}); err != nil {
			t.Fatal(err)
		}
	}
	var diffs []diffView
	o.must(&diffs, "rebuild", "--provider", "courier-ltd", "--customer", "abc123", "--dry-run")
	if len(diffs) != 1 || diffs[0].CustomerNumber != "ABC123" || diffs[0].Day != at.Day().String() ||
		len(diffs[0].Before) != 0 || len(diffs[0].After) != 1 || diffs[0].After[0].EndedBy != "AUTO" {
		t.Errorf("%+v", diffs)
	}
	o.must(&diffs, "rebuild", "--provider", "courier-ltd")
	if len(diffs) != 2 || diffs[0].CustomerNumber != "ABC12" || diffs[1].CustomerNumber != "ABC123" {
		t.Errorf("%+v", diffs)
	}
	o.must(&diffs, "rebuild", "--provider", "courier-ltd")
	if len(diffs) != 0 {
		t.Errorf("afterwards: %+v", diffs)
	}
	o.mustFail("provider", "rebuild")
	o.mustFail("customerNumber", "rebuild", "--provider", "courier-ltd", "--customer", "\x00")
}

// Redriving sends a letter's bytes unchanged.
func TestDeadLetters(t *testing.T) {
	o := newOperator(t)
	bodies := []string{`not "understood" & <b>`, "{\n \"v\": 2}\t"}
	if n := o.process(bodies...); n != 0 {
		t.Fatalf("%d messages failed", n)
	}
	var letters []letterView
	o.must(&letters, "dlq", "list")
	if len(letters) != 2 || letters[0].Reason != deadletter.ReasonMalformed || letters[0].Bytes != len(bodies[0]) {
		t.Fatalf("%+v", letters)
	}
	if out, err := o.run("dlq", "show", letters[0].ID); err != nil || out != bodies[0] {
		t.Errorf("%q, %v", out, err)
	}
	var shown struct{ Body string }
	o.must(&shown, "dlq", "show", letters[1].ID)
	if shown.Body != base64.StdEncoding.EncodeToString([]byte(bodies[1])) {
		t.Errorf("%q", shown.Body)
	}

	var redriven []letterView
	o.must(&redriven, "dlq", "redrive", letters[0].ID)
	if got := o.received(); len(redriven) != 1 || redriven[0].Redriven == "" || !slices.Equal(got, bodies[:1]) {
		t.Errorf("%+v, %q", redriven, got)
	}
	month := letters[0].ID[:7]
	o.must(&redriven, "dlq", "redrive", "--all", "--month", month)
	if got := o.received(); len(redriven) != 1 || redriven[0].ID != letters[1].ID || !slices.Equal(got, bodies[1:]) {
		t.Errorf("%+v, %q", redriven, got)
	}
	o.must(&redriven, "dlq", "redrive", "--all")
	if got := o.received(); len(redriven) != 0 || len(got) != 0 {
		t.Errorf("%+v, %q", redriven, got)
	}
	o.must(&letters, "dlq", "list", "--month", month)
	if len(letters) != 2 || letters[0].Redriven == "" || letters[1].Redriven == "" {
		t.Errorf("%+v", letters)
	}
	o.must(&letters, "dlq", "list", "--month", "2020-01")
	if len(letters) != 0 {
		t.Errorf("%+v", letters)
	}
	o.mustFail("No such dead letter", "dlq", "show", "2026-11/nothing")
	o.mustFail("No such dead letter", "dlq", "redrive", "nothing")
	o.mustFail("--month", "dlq", "list", "--month", "November")
	o.mustFail("--all", "dlq", "redrive")
	o.mustFail("--all", "dlq", "redrive", "x", "--all")
}

// A message redriven weeks later changes nothing that has been applied: records keep their revision and shifts.
func TestLateRedrive(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	var view linkView
	o.must(&view, "link", "grant", "courier-ltd", "ABC123", "--work-provider-user-id", "12345", "--matched")
	start := timeline.At(time.Now().Add(time.Minute))
	message := func(facts string) string { return `{"v":1,"provider":"courier-ltd","facts":[` + facts + `]}` }
	login := message(`["I","U","12345",` + strconv.FormatInt(int64(start), 10) + `]`)
	logout := message(`["O","C","ABC123",` + strconv.FormatInt(int64(start.Add(time.Hour)), 10) + `]`)
	// The LOGIN was archived as a dead letter although its last attempt had succeeded.
	sent := strconv.FormatInt(time.Now().AddDate(0, 0, -40).UnixMilli(), 10)
	letter := events.SQSMessage{
		MessageId:  "kept-failing",
		Body:       login,
		Attributes: map[string]string{"SentTimestamp": sent},
	}
	archive := deadletter.Consumer(deadletter.NewStore(o.env), time.Now)
	if response, err := archive(t.Context(), events.SQSEvent{Records: []events.SQSMessage{letter}}); err != nil ||
		len(response.BatchItemFailures) > 0 {
		t.Fatal(response, err)
	}
	if n := o.process(login, logout); n != 0 {
		t.Fatalf("%d messages failed", n)
	}
	store := timeline.NewStore(o.env)
	records := func() []timeline.Record {
		records, err := store.Records(
			t.Context(),
			"courier-ltd",
			"ABC123",
			timeline.Days{First: start.Day(), Last: start.Day() + 1},
		)
		if err != nil || len(records) != 1 || len(records[0].Shifts) != 1 {
			t.Fatal(records, err)
		}
		return records
	}
	before := records()[0]
	var redriven []letterView
	o.must(&redriven, "dlq", "redrive", "--all", "--month", time.Now().AddDate(0, 0, -40).UTC().Format(monthLayout))
	bodies := o.received()
	if len(redriven) != 1 || !slices.Equal(bodies, []string{login}) {
		t.Fatalf("%+v, %q", redriven, bodies)
	}
	if n := o.process(bodies...); n != 0 {
		t.Fatalf("%d messages failed", n)
	}
	after := records()[0]
	if after.Revision != before.Revision || !slices.Equal(after.Shifts, before.Shifts) {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if strings.Contains(strings.Join(o.received(), ""), "12345") {
		t.Error("it was sent once more")
	}
}
