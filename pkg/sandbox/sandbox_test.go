package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// fixture is a sandbox with two work providers, and the API over it.
type fixture struct {
	*testing.T
	env     *config.Env
	key     string // of the first work provider
	other   string // of the second
	api     http.Handler
	process consumer.Func

	processed int // how many messages were of the current epoch
}

func newFixture(t *testing.T) *fixture {
	env := emulator.NewTestEnv(t, "SANDBOX=true")
	w := &fixture{T: t, env: env}
	w.key, w.other = w.provider("Courier Ltd"), w.provider("Parcels & Co")
	s := New(env)
	if err := s.Seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	keys := apikey.CacheFrom(env)
	sender := queue.NewEventsQueue(env)
	ids := seal.NewFromEnv(env)
	now := clock.New(env)
	timelines := timeline.NewStore(env)
	reader := shift.NewReader(timelines, ids, now)
	ledger := shift.NewWriter(reader, sender)
	w.api = contract.Checked(t, web.Router(map[string]http.Handler{
		"sandbox-controls":         Controls(keys, s),
		"user-status":              customer.Status(keys, customer.NewStore(env), timelines, now),
		"validate-customer-number": customer.Validate(keys, customer.NewStore(env)),
		"shift-login":              shift.Login(keys, sender, ids, now),
		"match":                    shift.Match(keys, sender, ids, now),
		"shift-create":             shift.Create(keys, ledger),
		"shift-read":               shift.Read(keys, reader),
		"event-read":               shift.ReadEvents(keys, reader),
	}))
	process := shift.Processor(timeline.NewApplier(timelines, 4), deadletter.NewStore(env), time.Now)
	w.process = queue.DropStale(env, func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		w.processed += len(batch.Records)
		return process(ctx, batch)
	})
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return w
}

// provider makes a work provider and a key of its own.
func (w *fixture) provider(name string) string {
	w.Helper()
	store := apikey.NewStore(w.env)
	p, err := store.Create(w.Context(), provider.Provider{Name: name}, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	key, _, err := store.IssueKey(w.Context(), p.ID, time.Now())
	if err != nil {
		w.Fatal(err)
	}
	return key
}

// ask sends a request with the first work provider's key, and answers the status and the body.
func (w *fixture) ask(method, target, body string) (int, string) {
	return w.askAs(w.key, method, target, body)
}

func (w *fixture) askAs(key, method, target, body string) (int, string) {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", key)
	recorder := httptest.NewRecorder()
	w.api.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.String()
}

// want fails the test unless the answer has that status and contains all of that.
func (w *fixture) want(method, target, body string, status int, contains ...string) string {
	w.Helper()
	got, text := w.ask(method, target, body)
	for _, part := range contains {
		if got != status || !strings.Contains(text, part) {
			w.Fatalf("%s %s: %d %s, want %d and %s", method, target, got, text, status, part)
		}
	}
	return text
}

// now is what the sandbox says the time is.
func (w *fixture) now() time.Time {
	w.Helper()
	return w.timeIn(w.want("GET", "/v2/sandbox/clock", "", 200, `"now"`))
}

func (w *fixture) timeIn(text string) time.Time {
	w.Helper()
	var in clockBody
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		w.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339, in.Now)
	if err != nil {
		w.Fatal(err)
	}
	return at
}

// setClock moves the clock.
func (w *fixture) move(by time.Duration) {
	w.Helper()
	to := web.FormatTime(w.now().Add(by))
	w.want("PUT", "/v2/sandbox/clock", fmt.Sprintf(`{"now":%q}`, to), 200, to)
}

// drain takes what waits in the queue, and returns how many messages were processed, not dropped.
func (w *fixture) drain() int {
	w.Helper()
	before := w.processed
	client := sqs.NewFromConfig(w.env.AWS())
	url := aws.String(w.env.Get("EVENTS_QUEUE_URL"))
	for {
		received, err := client.ReceiveMessage(
			w.Context(),
			&sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}},
		)
		if err != nil {
			w.Fatal(err)
		}
		if len(received.Messages) == 0 {
			return w.processed - before
		}
		for _, m := range received.Messages {
			record := events.SQSMessage{
				MessageId:         *m.MessageId,
				Body:              *m.Body,
				MessageAttributes: map[string]events.SQSMessageAttribute{},
			}
			for name, value := range m.MessageAttributes {
				record.MessageAttributes[name] = events.SQSMessageAttribute{
					DataType:    *value.DataType,
					StringValue: value.StringValue,
				}
			}
			if _, err := w.process(w.Context(), events.SQSEvent{Records: []events.SQSMessage{record}}); err != nil {
				w.Fatal(err)
			}
			if _, err := client.DeleteMessage(w.Context(),
				&sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				w.Fatal(err)
			}
		}
	}
}

// The people answer as they are called, to every work provider.
func TestTestCustomers(t *testing.T) {
	w := newFixture(t)
	for _, key := range []string{w.key, w.other} {
		w.key = key
		w.want(
			"GET",
			"/v1/user/status?workProviderUserId=insured",
			"",
			200,
			`"status":"ENABLED","policyId":"INSURED"`,
			`Third Party (TPO)"}`,
		)
		w.want("GET", "/v1/user/status?customerNumber=INSURED", "", 200, `ENABLED`)
		w.want("GET", "/v1/user/status?workProviderUserId=vehicle", "", 200, `"ENABLED"`, `"vehicle_registration":"VY7 JC3"`)
		w.want(
			"GET",
			"/v1/user/status?workProviderUserId=lapsed",
			"",
			200,
			`{"status":"DISABLED","policyId":"LAPSED","customer_number":"LAPSED"}`,
		)
		w.want("GET", "/v1/user/status?workProviderUserId=unconsented", "", 404, `INVALID_CUSTOMER`)
		w.want("GET", "/v1/user/status?customerNumber=UNCONSENTED", "", 404, `INVALID_CUSTOMER`)
		w.want("GET", "/v1/user/status?workProviderUserId=unmatched", "", 200, `ENABLED`)
		if status,
			_ := w.ask("GET", "/v1/validate/customer-number/UNCONSENTED?email=unconsented@sandbox.example", ""); status != 204 {
			t.Errorf("the number of who does not share: %d", status)
		}
		now := web.FormatTime(w.now())
		for _, user := range []string{"unconsented", "unmatched"} {
			w.want(
				"POST",
				"/v2/shift",
				fmt.Sprintf(`{"user":{"workProviderUserId":%q},"startTime":%q}`, user, now),
				400,
				"who shares their data with you and is matched",
			)
		}
		for _, user := range []string{"insured", "vehicle", "lapsed"} {
			w.want("POST", "/v2/shift", fmt.Sprintf(`{"user":{"workProviderUserId":%q},"startTime":%q}`, user, now), 201, `"id"`)
		}
	}
}

// Fourteen hours later a shift has ended by itself.
func TestClockEndsShift(t *testing.T) {
	w := newFixture(t)
	created := w.want(
		"POST",
		"/v2/shift",
		fmt.Sprintf(`{"user":{"workProviderUserId":"insured"},"startTime":%q}`, web.FormatTime(w.now())),
		201,
		`"id"`,
	)
	id := strings.Split(created, `"`)[3]
	w.want("GET", "/v2/shift/"+id, "", 200, `"endTime":null,"endedBy":null`)
	w.move(13 * time.Hour)
	w.want("GET", "/v2/shift/"+id, "", 200, `"endedBy":null`)
	w.move(time.Hour)
	w.want("GET", "/v2/shift/"+id, "", 200, `"endedBy":"AUTO"`)
	w.move(-2 * time.Hour)
	w.want("GET", "/v2/shift/"+id, "", 200, `"endedBy":null`)
}

// An event waits for its match as long as the rules say, and no longer.
func TestClockLateMatch(t *testing.T) {
	for days, state := range map[int]string{29: `"state":"APPLIED"`, 31: `"reason":"UNMATCHED_TOO_LONG"`} {
		w := newFixture(t)
		r := httptest.NewRequest(
			"POST",
			"/v1/shift/login",
			strings.NewReader(fmt.Sprintf(`{"workProviderUserId":"unmatched","timestamp":%q}`, web.FormatTime(w.now()))),
		)
		r.Header.Set("Authorization", w.key)
		recorder := httptest.NewRecorder()
		w.api.ServeHTTP(recorder, r)
		at := recorder.Header().Get("Location")
		w.drain()
		w.want("GET", at, "", 200, `"state":"UNMATCHED"`)
		w.move(time.Duration(days) * 24 * time.Hour)
		w.want("POST", "/v1/match", `{"customerNumber":"UNMATCHED","success":true}`, 202, "PENDING")
		w.drain()
		w.want("GET", at, "", 200, state)
	}
}

// Times are judged by the sandbox's clock.
func TestClockValidation(t *testing.T) {
	w := newFixture(t)
	body := fmt.Sprintf(
		`{"user":{"workProviderUserId":"insured"},"startTime":%q}`,
		web.FormatTime(w.now().Add(24*time.Hour)),
	)
	w.want("POST", "/v2/shift", body, 400, "within 30 minutes from now")
	w.move(24 * time.Hour)
	w.want("POST", "/v2/shift", body, 201, `"id"`)
}

func TestClockErrors(t *testing.T) {
	w := newFixture(t)
	for body, says := range map[string]string{
		`{}`:                              "`now` must be provided",
		`{"now":"soon"}`:                  "ISO-8601",
		`{"now":"9999-01-01T00:00:00Z"}`:  "ten years",
		`{"now":"2000-01-01T00:00:00Z"}`:  "ten years",
		`{"now":"1970-01-01T00:00:00Z"}`:  "year 2000",
		`{"now":17}`:                      "must be a string",
		`{"now":"2026-11-22T12:00:00Z",}`: "JSON decode error",
	} {
		w.want("PUT", "/v2/sandbox/clock", body, 400, says)
	}
}

// After a reset there are only the people, as they were, and the real time; what waited in the queue does not come
// back.
func TestReset(t *testing.T) {
	w := newFixture(t)
	w.move(48 * time.Hour)
	created := w.want(
		"POST",
		"/v2/shift",
		fmt.Sprintf(`{"user":{"workProviderUserId":"insured"},"startTime":%q}`, web.FormatTime(w.now())),
		201,
		`"id"`,
	)
	id := strings.Split(created, `"`)[3]
	w.want("POST", "/v1/match", `{"customerNumber":"UNMATCHED","success":true}`, 202, "PENDING")
	w.drain()
	w.want(
		"POST",
		"/v1/shift/login",
		fmt.Sprintf(`{"workProviderUserId":"vehicle","timestamp":%q}`, web.FormatTime(w.now())),
		202,
		"PENDING",
	)

	w.want("POST", "/v2/sandbox/reset", "", 200, `"now"`)
	if ahead := time.Until(w.now()).Abs(); ahead > time.Hour {
		t.Errorf("the clock is off by %v", ahead)
	}
	if waiting := w.drain(); waiting != 0 {
		t.Errorf("%d messages were still processed", waiting)
	}
	w.want("GET", "/v2/shift/"+id, "", 404, "NOT_FOUND")
	w.want("GET", "/v2/shift?workProviderUserId=insured", "", 200, `{"shifts":[],"next":null}`)
	w.want("GET", "/v1/user/status?workProviderUserId=insured", "", 200, "ENABLED")
	w.wantUnmatched()
}

// wantUnmatched fails the test unless the customer who is never matched is not matched.
func (w *fixture) wantUnmatched() {
	w.Helper()
	body := fmt.Sprintf(`{"user":{"workProviderUserId":"unmatched"},"startTime":%q}`, web.FormatTime(w.now()))
	w.want("POST", "/v2/shift", body, 400, "is matched")
}

// What is sent after a reset arrives, however soon after it, and after many resets in a row.
func TestMessagesAfterReset(t *testing.T) {
	w := newFixture(t)
	for range 3 {
		w.want("POST", "/v1/match", `{"customerNumber":"UNMATCHED","success":true}`, 202, "PENDING")
		w.want("POST", "/v2/sandbox/reset", "", 200, `"now"`)
		login := fmt.Sprintf(`{"workProviderUserId":"insured","timestamp":%q}`, web.FormatTime(w.now()))
		w.want("POST", "/v1/shift/login", login, 202, "PENDING")
		if processed := w.drain(); processed != 1 {
			t.Errorf("%d messages were processed, want the one that was sent after the reset", processed)
		}
		w.want("GET", "/v2/shift?workProviderUserId=insured", "", 200, `"startTime"`)
		w.wantUnmatched()
	}
}

// A live stack cannot be reset, even if somebody gave it the function.
func TestLiveStack(t *testing.T) {
	env := emulator.NewTestEnv(t)
	New(env)
	if err := env.Err(); err == nil || !strings.Contains(err.Error(), "SANDBOX") {
		t.Errorf("got %v", err)
	}
}

// Neither side takes the other's keys, though both may be stored in one table.
func TestKeyPrefixes(t *testing.T) {
	w := newFixture(t)
	variables := map[string]string{"PROVIDERS_TABLE": w.env.Get("PROVIDERS_TABLE")}
	live := config.From(variables)
	live.SetAWS(w.env.AWS())
	store := apikey.NewStore(live)
	liveKey, _, err := store.IssueKey(t.Context(), "courier-ltd", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(liveKey, "zego_live_") || !strings.HasPrefix(w.key, "zego_test_") {
		t.Fatal("the keys do not tell what they are for")
	}
	if status, text := w.askAs(liveKey, "GET", "/v2/sandbox/clock", ""); status != 401 ||
		!strings.Contains(text, "INVALID_KEY") {
		t.Errorf("the sandbox answered a live key %d %s", status, text)
	}
	keys := apikey.CacheFrom(live)
	if _, err := keys.Authenticate(t.Context(), liveKey); err != nil {
		t.Errorf("a live key where it belongs: %v", err)
	}
	if _, err := keys.Authenticate(t.Context(), w.key); err == nil {
		t.Error("a sandbox's key is taken for a live one")
	}
}
