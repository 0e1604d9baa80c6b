package shift

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// publisher records what a processor announced.
type publisher struct {
	providers []string
	bodies    []string
	broken    bool
}

func (a *publisher) publish(_ context.Context, provider string, m events.SQSMessage) error {
	if a.broken {
		return errors.New("broken")
	}
	a.providers, a.bodies = append(a.providers, provider), append(a.bodies, m.Body)
	return nil
}

// Only messages of a work provider that wishes so, which have been processed, are announced.
func TestNotifyRejectedPublishesProcessedMessages(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	one := []timeline.Fact{fact(timeline.Login, person.UserID, "12345", minutes(1))}
	wishing := newPacker(courier, "", "facts")
	wishing.notifyRejected = true
	marked := wishing.facts(one)[0]
	odd := factMessages(courier, "", []timeline.Fact{fact(timeline.Login, person.UserID, `"notify":true`, minutes(1))})[0]
	batch := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: factMessages(courier, "", one)[0]}, {MessageId: "2", Body: marked},
		{MessageId: "3", Body: odd},
		{MessageId: "4",
			Body: recomputeMessage(courier, timeline.Recompute{Customer: "ABC123", From: timeline.At(noon)})},
		{MessageId: "5", Body: `{"notify":true}`},
	}}
	published := &publisher{}
	response, err := NotifyRejected(fx.process, published.publish)(t.Context(), batch)
	if err != nil || len(response.BatchItemFailures) != 0 || len(published.bodies) != 1 ||
		published.bodies[0] != marked || published.providers[0] != courier {
		t.Errorf("%v, %v, %q of %q", response, err, published.bodies, published.providers)
	}
	// What cannot be announced comes again, and nothing else does.
	published.broken = true
	response, err = NotifyRejected(fx.process, published.publish)(t.Context(), batch)
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "2" {
		t.Errorf("%v, %v", response, err)
	}
	// What could not be processed is not announced.
	published = &publisher{}
	failing := func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: "2"}}}, nil
	}
	if _, err := NotifyRejected(failing, published.publish)(t.Context(), batch); err != nil ||
		len(published.bodies) != 0 {
		t.Errorf("%v, %q", err, published.bodies)
	}
}

// Whose match results were processed is published, and that alone.
func TestMatchPublication(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	match := matchMessage(courier, "", timeline.MatchResult{Customer: "ABC123", Entry: timeline.Matched(noon)})
	odd := factMessages(courier, "", []timeline.Fact{fact(timeline.Login, person.UserID, `"matches":`, minutes(1))})[0]
	batch := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: match}, {MessageId: "2", Body: odd}}}
	var published []string
	broken := errors.New("broken")
	var failure error
	consume := PublishMatches(fx.process, func(_ context.Context, provider, customer string) error {
		published = append(published, provider+" "+customer)
		return failure
	})
	response, err := consume(t.Context(), batch)
	if err != nil || len(response.BatchItemFailures) != 0 || strings.Join(published, ",") != courier+" ABC123" {
		t.Errorf("%v, %v, %q", response, err, published)
	}
	failure = broken
	response, err = consume(t.Context(), batch)
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "1" {
		t.Errorf("%v, %v", response, err)
	}
}

// The wish travels with what v1 accepts, for those who have it, and is in nobody else's messages.
func TestNotifyFlagReachesMessage(t *testing.T) {
	for _, wants := range []bool{true, false} {
		env := emulator.NewTestEnv(t)
		keys := testkit.Keyring{courier: {ID: courier, Name: "Courier Ltd", NotifyRejected: wants}}
		fx := buildFixture(t, env, keys, immediateQueue{queue.NewEventsQueue(env)})
		body := `{"workProviderUserId":"12345","timestamp":"` + iso(noon) + `"}`
		fx.accept("/v1/shift/login", body)
		fx.accept("/v1/batch/logout", "["+body+"]")
		bodies := fx.queued()
		for _, m := range bodies {
			if c, err := parseMessage(m); err != nil || c.NotifyRejected != wants || len(c.Facts) != 1 {
				t.Errorf("%s: %v", m, err)
			}
		}
		if len(bodies) != 2 {
			t.Errorf("%d messages", len(bodies))
		}
	}
}

// What does not count reads as in GET /v2/event/{id}, and what counts is left out.
func TestRejectedEvents(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	early := noon.AddDate(-1, 0, -1)
	facts := []timeline.Fact{
		fact(timeline.Login, person.UserID, "12345", minutes(-10)),
		fact(timeline.Login, person.CustomerNumber, "ABC123", early),
		fact(timeline.Login, person.UserID, "nobody", minutes(-10)),
		fact(timeline.Logout, person.UserID, "nobody", noon.AddDate(0, 0, -31)),
	}
	p := newPacker(courier, "", "facts")
	p.notifyRejected = true
	body := p.facts(facts)[0]
	fx.run(1, facts...)
	reader := NewReader(fx.timelines, fx.ids, func() time.Time { return fx.clock })
	rejected, err := reader.RejectedEvents(t.Context(), body)
	if err != nil || len(rejected) != 2 {
		t.Fatalf("%s, %v", rejected, err)
	}
	for i, want := range []string{`"reason":"BEFORE_CONSENT"`, `"reason":"UNMATCHED_TOO_LONG"`} {
		var event struct{ ID, State string }
		if err := json.Unmarshal(rejected[i], &event); err != nil || event.State != "REJECTED" ||
			!strings.Contains(string(rejected[i]), want) {
			t.Errorf("%s, %v", rejected[i], err)
		}
		if got := fx.get("/v2/event/" + event.ID).body; got != string(rejected[i]) {
			t.Errorf("%s, but asked for it is %s", rejected[i], got)
		}
	}
	if _, err := reader.RejectedEvents(t.Context(), "{"); err == nil {
		t.Error("a broken message was read")
	}
}
