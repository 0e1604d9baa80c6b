package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json/jsontext"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
)

// AttemptsBefore a login by HTTP to what the work provider is told of it.
func TestRejectedEvents(t *testing.T) {
	w := newFixture(t)
	w.clock = time.Now()
	now := func() time.Time { return w.clock }
	ids := seal.NewFromEnv(w.env)
	keys := testkit.Keyring{courier: {ID: courier, Name: "Courier Ltd", NotifyRejected: true}}
	api := shift.Login(keys, queue.NewEventsQueue(w.env), ids, now)
	w.sender.Rejections = shift.NewReader(w.sender.Timelines, ids, now).RejectedEvents
	w.process = shift.NotifyRejected(w.process, w.announcer.PublishProcessed)
	w.consent(dara)
	w.drain()
	w.requests = nil

	login := func(at time.Time) (eventID string) {
		body := `{"customerNumber":"ABC123","timestamp":"` + at.UTC().Format(time.RFC3339) + `"}`
		rec := httptest.NewRecorder()
		request := httptest.NewRequest("POST", "/v1/shift/login", strings.NewReader(body))
		request.Header.Set("Authorization", courier)
		api.ServeHTTP(rec, request)
		if rec.Code != http.StatusAccepted {
			t.Fatal(rec.Code, rec.Body)
		}
		return rec.Header().Get("X-Event-Id")
	}
	w.reply(202, "") // taken is told, whatever else a sign-up makes of it
	w.clock = w.clock.Add(time.Minute)
	login(w.clock)
	early := login(w.clock.Add(-24 * time.Hour))
	w.processEvents()
	w.drain()
	if w.requestCount() != 1 {
		t.Fatalf("told %d times", w.requestCount())
	}
	got := w.requests[0]
	var body struct {
		Type, Timestamp string
		Data            struct {
			Events []struct{ ID, State, Reason, CustomerNumber, Kind string }
		}
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil || body.Type != "event.rejected" ||
		len(body.Data.Events) != 1 {
		t.Fatalf("%s, %v", got.body, err)
	}
	if e := body.Data.Events[0]; e.ID != early || e.State != "REJECTED" || e.Reason != "BEFORE_CONSENT" ||
		e.CustomerNumber != dara ||
		e.Kind != "LOGIN" {
		t.Errorf("%+v", e)
	}
	if err := must(standardwebhooks.NewWebhook(string(w.secret))).VerifyIgnoringTimestamp([]byte(got.body),
		got.header); err != nil {
		t.Error(err)
	}
	d, ok, err := w.sender.Deliveries.load(t.Context(), courier, got.header.Get("webhook-id"))
	if err != nil || !ok || d.State != Delivered || d.Status != 202 || d.Problem != "" || d.Attempts != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

// However often the queue delivers a message it is told once; a receiver that is down is asked again.
func TestRejectedEventsRetry(t *testing.T) {
	w := newFixture(t)
	rejections := []jsontext.Value{jsontext.Value(`{"id":"x"}`)}
	w.sender.Rejections = func(context.Context, string) ([]jsontext.Value, error) { return rejections, nil }
	record := events.SQSMessage{
		MessageId:  "1",
		Body:       `{"v":1}`,
		Attributes: map[string]string{"SentTimestamp": "1773489600000"},
	}
	announce := func() { w.ok(w.announcer.PublishProcessed(t.Context(), courier, record)) }

	w.reply(500, "")
	announce()
	announce()
	w.step()
	if w.requestCount() != 1 {
		t.Errorf("told %d times", w.requestCount())
	}
	w.reply(204, "")
	w.drain()
	announce()
	w.drain()
	if w.requestCount() != 2 || w.requests[0].header.Get("webhook-id") != w.requests[1].header.Get("webhook-id") {
		t.Errorf("told %d times", w.requestCount())
	}
	if all := must(w.sender.Deliveries.List(t.Context(), courier, "2026-03")); len(all) != 1 ||
		all[0].State != Delivered ||
		all[0].Attempts != 2 {
		t.Errorf("%+v", all)
	}

	// Nothing rejected: nothing told, nothing stored.
	rejections = nil
	record.Body = `{"v":1,"other":1}`
	announce()
	w.drain()
	if all := must(w.sender.Deliveries.List(t.Context(), courier, "2026-03")); len(all) != 1 || w.requestCount() != 2 {
		t.Errorf("%+v, told %d times", all, w.requestCount())
	}

	// What was rejected and counts by now is no longer told.
	rejections = []jsontext.Value{jsontext.Value(`{"id":"y"}`)}
	w.reply(500, "")
	announce()
	w.step()
	rejections = nil
	w.drain()
	if all := must(w.sender.Deliveries.List(t.Context(), courier, "2026-03")); len(all) != 2 || w.requestCount() != 3 {
		t.Errorf("%+v, told %d times", all, w.requestCount())
	}

	// While the outcome cannot be read, the message comes again.
	w.sender.Rejections = func(context.Context, string) ([]jsontext.Value, error) { return nil, errors.New("storage") }
	record.Body = `{"v":1,"third":1}`
	announce()
	if failed := w.deliver(w.receive("WEBHOOKS_QUEUE_URL")); failed != 1 {
		t.Errorf("%d failed", failed)
	}
}
