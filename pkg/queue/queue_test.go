package queue

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
)

// received are all messages that can be received, sorted.
func received(t *testing.T, env *config.Env) []string {
	t.Helper()
	client := sqs.NewFromConfig(env.AWS())
	var bodies []string
	for {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(env.Get("EVENTS_QUEUE_URL")), MaxNumberOfMessages: 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(bodies)
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
}

func TestSendCalls(t *testing.T) {
	for n, calls := range map[int]int{0: 0, 1: 1, 9: 1, 10: 1, 11: 2, 25: 3} {
		env := emulator.NewTestEnv(t)
		meter := emulator.AttachMeter(env)
		var bodies []string
		for i := range n {
			bodies = append(bodies, fmt.Sprintf("%02d\t\"\\<é\U0001f600", i))
		}
		if err := NewEventsQueue(env).Send(t.Context(), "courier-ltd", 0, bodies...); err != nil {
			t.Fatal(err)
		}
		if got := meter.Calls()["SQS.SendMessageBatch"]; got != calls {
			t.Errorf("%d messages took %d calls", n, got)
		}
		if got := received(t, env); !slices.Equal(got, bodies) {
			t.Errorf("sent %q, received %q", bodies, got)
		}
	}
}

// TestLargestMessages: SQS takes a mebibyte a call.
func TestLargestMessages(t *testing.T) {
	if maxBatchEntries*MaxBody > 1<<20 {
		t.Fatalf("%d messages of %d bytes are more than a mebibyte", maxBatchEntries, MaxBody)
	}
	env := emulator.NewTestEnv(t)
	bodies := slices.Repeat([]string{strings.Repeat("x", MaxBody)}, maxBatchEntries)
	if err := NewEventsQueue(env).Send(t.Context(), "courier-ltd", 0, bodies...); err != nil {
		t.Fatal(err)
	}
	if got := received(t, env); !slices.Equal(got, bodies) {
		t.Errorf("received %d of %d", len(got), len(bodies))
	}
}

func TestDelay(t *testing.T) {
	env := emulator.NewTestEnv(t)
	if err := NewEventsQueue(env).Send(t.Context(), "courier-ltd", 15*time.Minute, "later"); err != nil {
		t.Fatal(err)
	}
	if got := received(t, env); len(got) > 0 {
		t.Errorf("received %q", got)
	}
	got, err := sqs.NewFromConfig(env.AWS()).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(
			env.Get("EVENTS_QUEUE_URL"),
		), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil || got.Attributes["ApproximateNumberOfMessagesDelayed"] != "1" {
		t.Errorf("%v, %v", got, err)
	}
}

// A message carries its group, by which SQS keeps one work provider's flood from delaying the others' messages.
func TestMessageGroup(t *testing.T) {
	env := emulator.NewTestEnv(t)
	for _, group := range []string{"courier-ltd", "parcels-co"} {
		if err := NewEventsQueue(env).Send(t.Context(), group, 0, group, group); err != nil {
			t.Fatal(err)
		}
	}
	out, err := sqs.NewFromConfig(env.AWS()).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(env.Get("EVENTS_QUEUE_URL")), MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameMessageGroupId},
	})
	if err != nil || len(out.Messages) != 4 {
		t.Fatalf("%d messages, %v", len(out.Messages), err)
	}
	for _, m := range out.Messages {
		if m.Attributes["MessageGroupId"] != *m.Body {
			t.Errorf("the message of %s is in the group %q", *m.Body, m.Attributes["MessageGroupId"])
		}
	}
}

// Messages that SQS failed to store by a fault of its own are sent again, and no others.
func TestPartialFailure(t *testing.T) {
	var sent [][]string // the bodies of each call
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call struct {
			Entries []struct{ MessageBody string }
		}
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			t.Error(err)
		}
		var bodies []string
		for _, e := range call.Entries {
			bodies = append(bodies, e.MessageBody)
		}
		sent = append(sent, bodies)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		failed := `{"Id":"1","Code":"InternalError","SenderFault":false},` +
			`{"Id":"3","Code":"ServiceUnavailable","SenderFault":false}`
		if len(sent) > 1 {
			failed = ""
		}
		fmt.Fprintf(w, `{"Successful":[],"Failed":[%s]}`, failed)
	}))
	defer server.Close()
	env := config.From(map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
		"EVENTS_QUEUE_URL": server.URL + "/000000000000/events",
	})
	if err := NewEventsQueue(env).Send(t.Context(), "courier-ltd", 0, "a", "b", "c", "d"); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(sent); got != "[[a b c d] [b d]]" {
		t.Errorf("sent %s", got)
	}
}

// TestSendUnavailable: whether the call fails or only one of its messages, it is worth another try, and nothing
// after it is sent.
func TestSendUnavailable(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		calls  int
	}{
		"the call": {http.StatusBadRequest,
			`{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}`, 1},
		"a message, by AWS": {http.StatusOK,
			`{"Successful":[],"Failed":[{"Id":"1","Code":"InternalError","SenderFault":false}]}`, maxSendAttempts},
		"a message, by its sender": {http.StatusOK,
			`{"Successful":[],"Failed":[{"Id":"1","Code":"InvalidMessageContents","SenderFault":true}]}`, 1},
	} {
		calls := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		env := config.From(map[string]string{
			"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
			"EVENTS_QUEUE_URL": server.URL + "/000000000000/events",
		})
		err := NewEventsQueue(env).Send(t.Context(), "courier-ltd", 0, make([]string, 20)...)
		server.Close()
		if err == nil || fault.KindOf(err) != fault.Unavailable || calls != c.calls {
			t.Errorf("%s: %v after %d calls", name, err, calls)
		}
	}
}
