package queue

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
)

// batch takes all that can be received, as Lambda hands it over.
func batch(t *testing.T, env *config.Env) events.SQSEvent {
	t.Helper()
	out, err := sqs.NewFromConfig(env.AWS()).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(env.Get("EVENTS_QUEUE_URL")), MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var event events.SQSEvent
	for _, m := range out.Messages {
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
		event.Records = append(event.Records, record)
	}
	return event
}

func TestEarlierEpoch(t *testing.T) {
	for sandbox, want := range map[string]string{"true": "[after]", "false": "[before after]"} {
		env := emulator.NewTestEnv(t, "SANDBOX="+sandbox)
		for _, body := range []string{"before", "after"} {
			if err := NewEventsQueue(env).Send(t.Context(), "courier-ltd", 0, body); err != nil {
				t.Fatal(err)
			}
			if body == "before" {
				if err := NewEpoch(env).Advance(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		var consumed []string
		consume := DropStale(env, func(_ context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
			for _, m := range batch.Records {
				consumed = append(consumed, m.Body)
			}
			return events.SQSEventResponse{}, nil
		})
		response, err := consume(t.Context(), batch(t, env))
		if err != nil || len(response.BatchItemFailures) > 0 || fmt.Sprint(consumed) != want {
			t.Errorf("sandbox %s: consumed %v, want %s; %v, %v", sandbox, consumed, want, response, err)
		}
	}
}

// Without the epoch nothing is dropped, and nothing is consumed either: it is retried.
func TestUnavailableEpoch(t *testing.T) {
	env := emulator.NewTestEnv(t, "SANDBOX=true")
	consume := DropStale(env, func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		t.Error("consumed")
		return events.SQSEventResponse{}, nil
	})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	response, err := consume(gone, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1"}, {MessageId: "2"}}})
	if err != nil || len(response.BatchItemFailures) != 2 {
		t.Errorf("%v, %v", response, err)
	}
	if err := NewEventsQueue(env).Send(gone, "courier-ltd", 0, "body"); err == nil {
		t.Error("sent without an epoch")
	}
}
