package queue

import (
	"context"
	"errors"
	"maps"
	"strconv"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"zego.com/workprovider/pkg/emulator"
)

// Messages that failed come again after a pause that grows with their tries, and nothing is asked for the others.
func TestBackoff(t *testing.T) {
	env := emulator.NewTestEnv(t)
	asked := map[string]int32{} // seconds by receipt handle
	cfg := env.AWS().Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("See", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			if change, ok := in.Parameters.(*sqs.ChangeMessageVisibilityBatchInput); ok {
				for _, entry := range change.Entries {
					asked[*entry.ReceiptHandle] = entry.VisibilityTimeout
				}
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	})
	env.SetAWS(cfg)
	queue := NewEventsQueue(env)
	if err := queue.Send(t.Context(), "courier-ltd", 0, "1", "2", "3", "4", "5", "good"); err != nil {
		t.Fatal(err)
	}
	taken, err := sqs.NewFromConfig(env.AWS()).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(env.Get("EVENTS_QUEUE_URL")), MaxNumberOfMessages: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	var batch events.SQSEvent
	want := map[string]int32{}
	var failures []events.SQSBatchItemFailure
	for _, m := range taken.Messages {
		batch.Records = append(batch.Records, events.SQSMessage{
			MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle,
			Attributes: map[string]string{"ApproximateReceiveCount": *m.Body},
		})
		if times, err := strconv.Atoi(*m.Body); err == nil {
			failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: *m.MessageId})
			want[*m.ReceiptHandle] = []int32{10, 60, 300, 900, 900}[times-1]
		}
	}
	if len(batch.Records) != 6 {
		t.Fatalf("received %d messages", len(batch.Records))
	}
	answer := events.SQSEventResponse{BatchItemFailures: failures}
	for _, c := range []struct {
		answer events.SQSEventResponse
		err    error
		want   map[string]int32
	}{
		{events.SQSEventResponse{}, nil, nil},
		{answer, errors.New("the whole batch failed"), nil},
		{answer, nil, want},
	} {
		clear(asked)
		consume := queue.WithBackoff(
			func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) { return c.answer, c.err },
		)
		got, err := consume(t.Context(), batch)
		if err != c.err || len(got.BatchItemFailures) != len(c.answer.BatchItemFailures) {
			t.Errorf("answered %v, %v", got, err)
		}
		if !maps.Equal(asked, c.want) {
			t.Errorf("asked for %v, want %v", asked, c.want)
		}
	}
	if left := received(t, env); len(left) != 0 {
		t.Errorf("%q can be received again already", left)
	}
}

// If the pause cannot be had, the answer is the same: the message comes again when its visibility timeout ends.
func TestBackoffFailure(t *testing.T) {
	env := emulator.NewTestEnv(t)
	queue := NewEventsQueue(env)
	queue.url += "-that-is-not-there"
	batch := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", ReceiptHandle: "r"}}}
	consume := queue.WithBackoff(func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: "m"}}}, nil
	})
	got, err := consume(t.Context(), batch)
	if err != nil || len(got.BatchItemFailures) != 1 {
		t.Errorf("answered %v, %v", got, err)
	}
}
