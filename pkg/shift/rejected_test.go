package shift

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// announcements are what a processor announced.
type announcements struct {
	providers []string
	bodies    []string
	broken    bool
}

func (a *announcements) announce(_ context.Context, provider string, m events.SQSMessage) error {
	if a.broken {
		return errors.New("broken")
	}
	a.providers, a.bodies = append(a.providers, provider), append(a.bodies, m.Body)
	return nil
}

// Only messages of a work provider that wishes so, which have been processed, are announced.
func TestProcessedMessagesAreAnnouncedToThoseWhoWish(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "12345")
	one := []timeline.Fact{fact(timeline.Login, person.UserID, "12345", minutes(1))}
	wishing := newPacker(courier, "", "facts")
	wishing.tell = true
	wish := wishing.facts(one)[0]
	odd := factMessages(courier, "", []timeline.Fact{fact(timeline.Login, person.UserID, `"tell":true`, minutes(1))})[0]
	batch := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: factMessages(courier, "", one)[0]}, {MessageId: "2", Body: wish}, {MessageId: "3", Body: odd},
		{MessageId: "4", Body: refoldMessage(courier, timeline.Refold{Customer: "ABC123", From: timeline.At(noon)})},
		{MessageId: "5", Body: `{"tell":true}`},
	}}
	told := &announcements{}
	response, err := Tell(w.process, told.announce)(t.Context(), batch)
	if err != nil || len(response.BatchItemFailures) != 0 || len(told.bodies) != 1 || told.bodies[0] != wish || told.providers[0] != courier {
		t.Errorf("%v, %v, %q of %q", response, err, told.bodies, told.providers)
	}
	// What cannot be announced comes again, and nothing else does.
	told.broken = true
	response, err = Tell(w.process, told.announce)(t.Context(), batch)
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "2" {
		t.Errorf("%v, %v", response, err)
	}
	// What could not be processed is not announced.
	told = &announcements{}
	failing := func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: "2"}}}, nil
	}
	if _, err := Tell(failing, told.announce)(t.Context(), batch); err != nil || len(told.bodies) != 0 {
		t.Errorf("%v, %q", err, told.bodies)
	}
}

// The wish travels with what v1 accepts, for those who have it, and is in nobody else's messages.
func TestTheWishToBeToldTravelsWithTheEvent(t *testing.T) {
	for _, wants := range []bool{true, false} {
		env := emulator.NewTestEnv(t)
		asked := keyring{courier: {ID: courier, Name: "Courier Ltd", NotifyRejected: wants}}
		w := buildWorld(t, env, asked, prompt{queue.NewEventsQueue(env)})
		body := `{"workProviderUserId":"12345","timestamp":"` + iso(noon) + `"}`
		w.accept("/v1/shift/login", body)
		w.accept("/v1/batch/logout", "["+body+"]")
		bodies := w.queued()
		for _, m := range bodies {
			if c, err := parseMessage(m); err != nil || c.Tell != wants || len(c.Facts) != 1 {
				t.Errorf("%s: %v", m, err)
			}
		}
		if len(bodies) != 2 {
			t.Errorf("%d messages", len(bodies))
		}
	}
}

// What does not count is told as GET /v2/event/{id} tells it, and what counts is not told.
func TestRejected(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "12345")
	early := noon.AddDate(-1, 0, -1)
	facts := []timeline.Fact{
		fact(timeline.Login, person.UserID, "12345", minutes(-10)),
		fact(timeline.Login, person.CustomerNumber, "ABC123", early),
		fact(timeline.Login, person.UserID, "nobody", minutes(-10)),
		fact(timeline.Logout, person.UserID, "nobody", noon.AddDate(0, 0, -31)),
	}
	p := newPacker(courier, "", "facts")
	p.tell = true
	body := p.facts(facts)[0]
	w.run(1, facts...)
	reader := NewReader(w.timelines, w.ids, func() time.Time { return w.clock })
	rejected, err := reader.Rejected(t.Context(), body)
	if err != nil || len(rejected) != 2 {
		t.Fatalf("%s, %v", rejected, err)
	}
	for i, want := range []string{`"reason":"BEFORE_CONSENT"`, `"reason":"UNMATCHED_TOO_LONG"`} {
		var event struct{ ID, State string }
		if err := json.Unmarshal(rejected[i], &event); err != nil || event.State != "REJECTED" || !strings.Contains(string(rejected[i]), want) {
			t.Errorf("%s, %v", rejected[i], err)
		}
		if got := w.get("/v2/event/" + event.ID).body; got != string(rejected[i]) {
			t.Errorf("%s, but asked for it is %s", rejected[i], got)
		}
	}
	if _, err := reader.Rejected(t.Context(), "{"); err == nil {
		t.Error("a broken message was read")
	}
}
