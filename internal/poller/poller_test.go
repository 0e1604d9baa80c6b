package poller

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/emulator"
)

// Messages that failed stay in the queue, the others are deleted; if the consumer itself fails, all of them stay.
func TestFailedMessages(t *testing.T) {
	for name, test := range map[string]struct {
		consume consumer.Func
		stay    int
	}{
		"none failed": {func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
			return events.SQSEventResponse{}, nil
		}, 0},
		"one failed": {func(_ context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
			var response events.SQSEventResponse
			for _, m := range e.Records {
				if m.Body == "bad" {
					consumer.Retry(&response, m)
				}
			}
			return response, nil
		}, 1},
		"the consumer failed": {func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
			return events.SQSEventResponse{}, errors.New("no luck")
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			env := emulator.NewTestEnv(t)
			client := sqs.NewFromConfig(env.AWS())
			url := env.Get("EVENTS_QUEUE_URL")
			for _, body := range []string{"good", "bad"} {
				if _, err := client.SendMessage(t.Context(),
					&sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body}); err != nil {
					t.Fatal(err)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			seen := 0
			consume := func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
				if seen += len(e.Records); seen == 2 {
					stop()
				}
				return test.consume(ctx, e)
			}
			Poller{Client: client, QueueURL: url, Consumers: []consumer.Func{consume}}.Run(ctx)
			stop()
			got, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
				QueueUrl: aws.String(url), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
			})
			if err != nil {
				t.Fatal(err)
			}
			waiting := got.Attributes["ApproximateNumberOfMessages"]
			inFlight := got.Attributes["ApproximateNumberOfMessagesNotVisible"]
			if want := string(rune('0' + test.stay)); waiting != "0" || inFlight != want {
				t.Errorf("%s messages wait and %s are in flight, want 0 and %s", waiting, inFlight, want)
			}
		})
	}
}

// A batch that takes long holds up none behind it, up to as many at a time as the template allows.
func TestConcurrentBatches(t *testing.T) {
	env := emulator.NewTestEnv(t)
	client := sqs.NewFromConfig(env.AWS())
	url := env.Get("EVENTS_QUEUE_URL")
	for range 2 * maxBatchSize {
		if _, err := client.SendMessage(t.Context(),
			&sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("m")}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Add(2)
	var mu sync.Mutex
	batches := 0
	wait := func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		mu.Lock()
		batches++
		first := batches <= 2
		mu.Unlock()
		if first {
			both.Done()
			both.Wait() // for ever, if one came after the other
			stop()
		}
		return events.SQSEventResponse{}, nil
	}
	Poller{Client: client, QueueURL: url, Consumers: []consumer.Func{wait, wait}}.Run(ctx)
}

func TestInstances(t *testing.T) {
	definitions, err := template.Read("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for function, want := range map[string]int{"Processor": 20, "WebhookSender": 5, "DeadLetters": defaultConcurrency} {
		if got := len(Instances(definitions, function, func() consumer.Func { return nil })); got != want {
			t.Errorf("%s: %d at a time, want %d", function, got, want)
		}
	}
	if got := Window(definitions, "Processor"); got != time.Second {
		t.Errorf("the processor's batches wait %v", got)
	}
}
