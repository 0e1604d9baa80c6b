package queue

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Consumer handles the messages of a queue, and answers with those that have to come again.
type Consumer = func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// pauses are after how long a message comes again that has failed once, twice and so on. Left alone it would come after the
// queue's visibility timeout, six minutes, each time: too late for what was over in a second, too soon for what takes a while.
// The last time, the queue gives the message to its dead letters.
var pauses = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute}

// Again has messages that fail at the consumer come again after a pause that grows. A crash gets no such favour: nobody is
// there to ask for it, and the visibility timeout holds.
func (q *SQS) Again(consume Consumer) Consumer {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response, err := consume(ctx, batch)
		if err == nil && len(response.BatchItemFailures) > 0 {
			q.postpone(ctx, batch, response.BatchItemFailures)
		}
		return response, err
	}
}

// postpone asks for the pauses. If that fails, messages come again all the same, only at another time.
func (q *SQS) postpone(ctx context.Context, batch events.SQSEvent, failures []events.SQSBatchItemFailure) {
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
				VisibilityTimeout: int32(pause(m).Seconds()),
			})
		}
	}
	_, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url, Entries: entries})
	if err != nil {
		slog.WarnContext(ctx, "failed messages come again after the visibility timeout", "error", err)
	}
}

func pause(m events.SQSMessage) time.Duration {
	times, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	return pauses[max(0, min(times, len(pauses))-1)]
}
