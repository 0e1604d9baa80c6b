package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/internal/poller"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/web"
)

// canaries are what one person's fields hold. Each says so itself, or is like nobody else's.
var canaries = map[string]string{
	"givenNames": "Canary", "lastName": "O'Canary", "address": "1 Canary Wharf", "city": "Canaryville",
	"postCode": "ZE1 0ZZ",
	"dob":      "1933-03-13", "email": "canary@example.com", "phoneNumber": "+447911999123",
	"workProviderUserId": "canary-id",
	"vehicle":            "C4N 4RY", "password": "a canary in a coal mine",
}

// echoingService forwards requests to AWS; once failing, it fails all of them with messages that quote the request.
type echoingService struct {
	aws.HTTPClient
	failing atomic.Bool
}

func (g *echoingService) Do(r *http.Request) (*http.Response, error) {
	if !g.failing.Load() {
		return g.HTTPClient.Do(r)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	complaint, err := json.Marshal(
		map[string]string{"__type": "ValidationException", "message": "cannot take " + string(sent)},
	)
	return &http.Response{
		StatusCode: 400,
		Body:       io.NopCloser(bytes.NewReader(complaint)),
		Header:     http.Header{},
		Request:    r,
	}, err
}

// TestNoPersonalDataLeaks plants a canary in every field about a person, of every request there is, good
// and bad, while the services work and while they complain; none of them comes out again where operators or other
// clients see it.
func TestNoPersonalDataLeaks(t *testing.T) {
	c := newClient(t)
	cfg := c.env.AWS().Copy()
	services := &echoingService{HTTPClient: cfg.HTTPClient}
	cfg.HTTPClient = services
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	c.env.SetAWS(cfg)
	api := web.Router(build(c.env))
	consumers := []consumer.Func{processor(c.env), deadLetters(c.env), webhookSender(c.env)}

	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(observe.NewJSONHandler(&log)))

	secrets := []string{"canary", "C4N4RY", "C4N 4RY", "ZE1 0ZZ", "1933-03-13", "7911999123", c.key}
	sing := func() {
		for _, r := range c.canaryRequests() {
			recorder := httptest.NewRecorder()
			api.ServeHTTP(recorder, r)
			if isPage := strings.HasPrefix(recorder.Header().Get("Content-Type"), "text/html"); recorder.Code >= 400 && !isPage {
				wantNone(t, fmt.Sprintf("the answer to %s %s", r.Method, r.URL), recorder.Body.String(), secrets)
			}
			if recorder.Code == http.StatusAccepted && strings.Contains(r.URL.Path, "enrol") {
				secrets = append(secrets, regexp.MustCompile(`[A-Z0-9]{8}`).FindString(recorder.Body.String())) // their number
			}
		}
	}
	consume := func(batch events.SQSEvent) {
		for _, consume := range consumers {
			if _, err := consume(context.Background(), batch); err != nil {
				t.Error(err)
			}
		}
	}
	sing()
	batch := queued(t, c.env, "EVENTS_QUEUE_URL")
	batch.Records = append(
		batch.Records,
		events.SQSMessage{MessageId: "odd", Body: "canary", Attributes: map[string]string{"SentTimestamp": "1"}},
	)
	consume(batch)
	services.failing.Store(true)
	sing()
	consume(batch)

	wantNone(t, "the log", log.String(), secrets)
	for _, message := range []string{
		"request failed", "request rejected", "deprecated name or path", "events applied", "message failed, will be retried",
		"message archived as a dead letter", "dead letter not archived",
	} {
		if !strings.Contains(log.String(), `"msg":"`+message+`"`) {
			t.Errorf("the canaries did not get as far as the line %q", message)
		}
	}
}

// canaryRequests returns requests to every path, with every way to identify a person.
func (c *client) canaryRequests() []*http.Request {
	customer, err := json.Marshal(canaries)
	if err != nil {
		c.t.Fatal(err)
	}
	var bodies []string
	for _, name := range []string{`"workProviderUserId":"canary-id"`, `"driverId":"canary-id"`,
		`"customerNumber":"CANARY1"`, `"policyId":"CANARY1"`} {
		for _, at := range []string{ago(10), "canary"} {
			bodies = append(
				bodies,
				fmt.Sprintf(`{%s,"timestamp":%q,"success":true,"user":{%[1]s},"startTime":%[2]q,"endTime":null,
				"customer":%s,"product":{"code":"FL.OCC.PL.UK.001","occupations":["babysitter"]}}`, name, at, customer),
			)
		}
	}
	bodies = append(
		bodies,
		`{"canary":1,"canary":2}`,
		`{"canary@example.com"`,
		`"canary"`,
		`{"user":"canary","customer":["canary"]}`,
		fmt.Sprintf(
			`{"customer":%s,"product":{"code":"canary"}}`,
			strings.ReplaceAll(string(customer), "1933-03-13", "13/03/1933"),
		),
	)
	form := url.Values{
		"token":    {"canary"},
		"link":     {"canary"},
		"terms":    {"yes"},
		"choice":   {"agree"},
		"provider": {"courier-ltd"},
	}
	for name, value := range canaries {
		form.Set(name, value)
	}
	queries := []string{
		"workProviderUserId=canary-id", "driverId=canary-id", "customerNumber=CANARY1", "policyId=CANARY1&next=canary",
		"from=canary&driverId=canary-id",
		"canary=%zz", "email=canary@example.com&work_provider=Courier+Ltd&wp_id=canary-id", "wp=canary", form.Encode(),
	}

	var all []*http.Request
	add := func(method, target, body string) {
		for _, key := range []string{c.key, "canary"} {
			r := httptest.NewRequest(method, target, strings.NewReader(body))
			r.Header.Set("Authorization", key)
			r.Header.Set("Cookie", "__Host-session=canary")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
			r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1", len(all)%250) // tries from one network are counted
			all = append(all, r)
		}
	}
	for _, route := range web.Routes {
		for _, path := range route.Paths {
			segments := []string{"canary"}
			if strings.HasSuffix(path, "{page}") {
				segments = []string{"canary", "signup", "login", "verify", "forgot", "reset", "consent", "remove", "logout"}
			}
			for _, segment := range segments {
				target := filled(path, segment)
				for _, query := range queries {
					add(route.Method, target+"?"+query, form.Encode())
				}
				for _, body := range bodies {
					if strings.Contains(path, "batch/log") {
						body = "[" + body + "]"
					}
					add(route.Method, target, body)
				}
			}
		}
	}
	return all
}

// wantNone fails the test if a text holds a secret, whatever its case.
func wantNone(t *testing.T, what, text string, secrets []string) {
	t.Helper()
	for _, secret := range secrets {
		if i := strings.Index(strings.ToLower(text), strings.ToLower(secret)); i >= 0 {
			t.Errorf("%s holds %q: …%s…", what, secret, text[max(0, i-300):min(len(text), i+100)])
		}
	}
}

// queued is what can be received at once from the queue that a variable names.
func queued(t *testing.T, env *config.Env, variable string) events.SQSEvent {
	t.Helper()
	received, err := sqs.NewFromConfig(env.AWS()).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(env.Get(variable)), MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return poller.Event(received.Messages)
}
