package shift

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// Processor consumes the queue of events. It answers with the messages that have to come again. One that cannot be
// understood will not be by waiting: it is filed with the dead letters at once. No message delays or fails another.
func Processor(applier *timeline.Applier, letters deadletter.Filer, now func() time.Time) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		var changes []timeline.Changes
		var ids []string // of the messages that changes came from
		refuse := func(id string, err error) {
			// To come again is what a queue is for: only a message that has come too often is an error.
			slog.WarnContext(ctx, "message failed and will come again", "messageId", id, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
		}
		for _, m := range batch.Records {
			c, err := parseMessage(m.Body)
			if err != nil {
				slog.ErrorContext(ctx, "message filed as a dead letter", "messageId", m.MessageId, "error", err)
				if err := letters.File(ctx, deadletter.Of(m, deadletter.NotUnderstood, now())); err != nil {
					refuse(m.MessageId, err)
				}
				continue
			}
			changes, ids = append(changes, c), append(ids, m.MessageId)
		}
		for i, result := range applier.Apply(ctx, changes) {
			if result.Err != nil {
				refuse(ids[i], result.Err)
			}
		}
		return response, nil
	}
}

// Refolder returns what a change in a customer's history has to call before it is written: the processor will fold the
// customer anew, from the instant on, a little later. That is after the change, or in vain if it never came; a message
// sent only afterwards could be lost to a crash between the two.
func Refolder(sender queue.Sender) func(ctx context.Context, provider, customer string, from time.Time) error {
	return func(ctx context.Context, provider, customer string, from time.Time) error {
		return sender.Send(ctx, guardDelay, refoldMessage(provider, timeline.Refold{Customer: customer, From: timeline.At(from)}))
	}
}
