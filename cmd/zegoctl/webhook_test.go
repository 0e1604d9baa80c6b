package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/webhook"
)

func TestWebhook(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	var set, shown webhookView
	o.must(&set, "webhook", "set", "courier-ltd", "https://hooks.courier.example/zego")
	if !strings.HasPrefix(set.Secret, "whsec_") || set.URL != "https://hooks.courier.example/zego" || set.Secrets != 1 {
		t.Errorf("%+v", set)
	}
	o.must(&shown, "webhook", "show", "courier-ltd")
	if shown.Secret != "" || shown.URL != set.URL {
		t.Errorf("%+v", shown)
	}
	var again, rotated webhookView
	o.must(&again, "webhook", "set", "courier-ltd", "https://hooks.courier.example/other")
	if again.Secret != "" || again.Secrets != 1 || again.URL != "https://hooks.courier.example/other" {
		t.Errorf("%+v", again)
	}
	o.must(&rotated, "webhook", "rotate", "courier-ltd", "--overlap", "48h", "--yes")
	if rotated.Secret == "" || rotated.Secret == set.Secret || rotated.Secrets != 2 {
		t.Errorf("%+v", rotated)
	}
	var off, on webhookView
	o.must(&off, "webhook", "disable", "courier-ltd", "--reason", "they asked for it")
	if off.Disabled == "" || off.Reason != "they asked for it" {
		t.Errorf("%+v", off)
	}
	o.must(&on, "webhook", "enable", "courier-ltd")
	if on.Disabled != "" || on.Reason != "" {
		t.Errorf("%+v", on)
	}
	o.must(&p, "provider", "update", "courier-ltd", "--notify-rejected")
	if !p.NotifyRejected {
		t.Errorf("%+v", p)
	}
	out, err := o.run("webhook", "show", "courier-ltd")
	if err != nil || strings.Contains(out, "whsec_") {
		t.Errorf("%v: %s", err, out)
	}
}

// A work provider's own secret is read from standard input, so that no shell history contains it, and is not shown.
func TestWebhookSecretFromStdin(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	secret := string(webhook.NewSecret())
	var set webhookView
	o.in = secret + "\n"
	o.must(&set, "webhook", "set", "courier-ltd", "https://hooks.courier.example/zego", "--secret-from-stdin")
	if set.Secret != "" || set.Secrets != 1 {
		t.Errorf("%+v", set)
	}
	settings, err := webhook.NewStore(o.env).Get(t.Context(), "courier-ltd")
	if err != nil || string(settings.Secrets[0].Secret) != secret {
		t.Errorf("another secret is stored, %v", err)
	}
	o.in = "whsec_short"
	o.mustFail("24 to 64 random bytes", "webhook", "set", "courier-ltd", "https://hooks.courier.example/zego",
		"--secret-from-stdin")
}

func TestWebhookTest(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	var secret string
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		body.ReadFrom(r.Body)
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil || verifier.Verify(body.Bytes(), r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	defer receiver.Close()
	var set webhookView
	o.must(&set, "webhook", "set", "courier-ltd", receiver.URL)
	secret = set.Secret
	var tested testView
	o.must(&tested, "webhook", "test", "courier-ltd", "--to-loopback")
	if tested != (testView{404, "not matched", ""}) {
		t.Errorf("%+v", tested)
	}
	o.must(&tested, "webhook", "test", "courier-ltd")
	if tested.Status != 0 || tested.Problem == "" {
		t.Errorf("%+v", tested)
	}
}

// pendingDelivery creates a delivery of a customer's sign-up to courier-ltd that waits for its next attempt, because
// the webhook is disabled.
func (o operator) pendingDelivery(customer string) deliveryView {
	o.t.Helper()
	noRecompute := func(context.Context, string, string, time.Time) error { return nil }
	sender := webhook.NewSender(o.env, noRecompute, nil)
	if err := sender.Links.GrantConsent(o.t.Context(), link.Grant{Provider: "courier-ltd", Customer: customer},
		time.Now()); err != nil {
		o.t.Fatal(err)
	}
	var off webhookView
	o.must(&off, "webhook", "disable", "courier-ltd")
	body := fmt.Sprintf(
		`{"v":1,"event":"signup","provider":"courier-ltd","customer":"%s","attempt":1,"due":%d}`,
		customer,
		time.Now().UnixMilli(),
	)
	response, err := sender.Consume(
		o.t.Context(),
		events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: body}}},
	)
	if err != nil || len(response.BatchItemFailures) > 0 {
		o.t.Fatal(response, err)
	}
	var listed []deliveryView
	o.must(&listed, "webhook", "deliveries", "courier-ltd")
	if len(listed) != 1 || listed[0].State != "PENDING" || listed[0].Attempts != 1 || listed[0].Problem == "" ||
		listed[0].NextAttempt == "" ||
		listed[0].CustomerNumber != customer {
		o.t.Fatalf("%+v", listed)
	}
	return listed[0]
}

func TestDeliveries(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	var set webhookView
	o.must(&set, "webhook", "set", "courier-ltd", "https://hooks.courier.example/zego")
	var c customerView
	o.must(&c, driver("--number", "ABC123", "--cover-level", "x", "--class-of-use", "y")...)
	pending := o.pendingDelivery("ABC123")
	var resent, none []deliveryView
	purge(t, o)
	o.must(&resent, "webhook", "resend", "courier-ltd", pending.ID)
	if len(resent) != 1 || resent[0].ID != pending.ID || resent[0].State != "PENDING" || resent[0].Problem != "" {
		t.Errorf("%+v", resent)
	}
	if n := purge(t, o); n != 1 {
		t.Errorf("%d messages", n)
	}
	o.must(&none, "webhook", "deliveries", "courier-ltd", "--month", "2020-01")
	if len(none) != 0 {
		t.Errorf("%+v", none)
	}
}

// purge deletes the messages of the webhooks queue and returns their number.
func purge(t *testing.T, o operator) (n int) {
	t.Helper()
	client := sqs.NewFromConfig(o.env.AWS())
	url := o.env.Get("WEBHOOKS_QUEUE_URL")
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return n
		}
		for _, m := range out.Messages {
			n++
			if _, err := client.DeleteMessage(t.Context(),
				&sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWebhookErrors(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	o.mustFail("no webhook", "webhook", "show", "courier-ltd")
	o.mustFail("no webhook", "webhook", "test", "courier-ltd")
	o.mustFail("no webhook", "webhook", "rotate", "courier-ltd", "--yes")
	o.mustFail("no webhook", "webhook", "disable", "courier-ltd")
	o.mustFail("no work provider `nobody`", "webhook", "set", "nobody", "https://hooks.courier.example/")
	o.mustFail("no work provider `nobody`", "webhook", "deliveries", "nobody")
	for _, url := range []string{"http://hooks.courier.example/", "https://10.0.0.1/",
		"https://a:b@hooks.courier.example/", "hooks.courier.example"} {
		o.mustFail("The URL", "webhook", "set", "courier-ltd", url)
	}
	var set webhookView
	o.must(&set, "webhook", "set", "courier-ltd", "https://hooks.courier.example/")
	o.mustFail("720 hours", "webhook", "rotate", "courier-ltd", "--overlap", "1000h", "--yes")
	o.mustFail("No such delivery", "webhook", "resend", "courier-ltd", "signup_1_ABC123")
	o.mustFail("No such delivery", "webhook", "resend", "courier-ltd", "")
	o.mustFail("are not stored", "webhook", "resend", "courier-ltd", "rejected_0000000000000001_00")
	o.mustFail("--month", "webhook", "deliveries", "courier-ltd", "--month", "November")
}
