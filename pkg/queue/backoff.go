package queue

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/consumer"
)

// backoffSchedule is the delay before a message that has failed once, twice and so on is retried. Without it a
// message would be retried after the queue's visibility timeout, six minutes, each time: too late for an outage of a
// second, too soon for a long one. After the last retry the queue moves the message to its dead-letter queue.
var backoffSchedule = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}

// WithBackoff has messages that fail at the consumer retried after a growing delay. After a crash nothing extends the
// visibility, so the visibility timeout applies.
func (q *SQS) WithBackoff(consume consumer.Func) consumer.Func {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response, err := consume(ctx, batch)
		if err == nil && len(response.BatchItemFailures) > 0 {
			q.extendVisibility(ctx, batch, response.BatchItemFailures)
		}
		return response, err
	}
}

// extendVisibility sets the delay of each failed message. If that fails, the messages are retried all the same, only at
// another time.
func (q *SQS) extendVisibility(ctx context.Context, batch events.SQSEvent, failures []events.SQSBatchItemFailure) {
	failed := map[string]bool{}
	for _, failure := range failures {
		failed[failure.ItemIdentifier] = true
	}
	var entries []types.ChangeMessageVisibilityBatchRequestEntry
	for i, m := range batch.Records {
		if failed[m.MessageId] {
			entries = append(entries, types.ChangeMessageVisibilityBatchRequestEntry{
				Id:                aws.String(strconv.Itoa(i)),
				ReceiptHandle:     aws.String(m.ReceiptHandle),
				VisibilityTimeout: int32(backoffFor(m).Seconds()),
			})
		}
	}
	out, err := q.client.ChangeMessageVisibilityBatch(
		ctx,
		&sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries},
	)
	if err == nil && len(out.Failed) > 0 {
		err = fmt.Errorf("%d of %d messages failed: %s", len(out.Failed), len(entries), aws.ToString(out.Failed[0].Code))
	}
	if err != nil {
		slog.WarnContext(ctx, "could not set retry delay, visibility timeout applies", "error", err)
	}
}

// backoffFor returns the delay before a message is retried, by how often it was received.
func backoffFor(m events.SQSMessage) time.Duration {
	received, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	return backoffSchedule[max(0, min(received, len(backoffSchedule))-1)]
}
