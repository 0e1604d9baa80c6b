// Package consumer says what consumes a queue. It stands by itself because the runtime that calls consumers does not
// need the clients of pkg/queue.
package consumer

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
)

// Func handles a batch of messages of a queue. Its response lists those that failed and are to be retried. If it
// returns an error, all of them are.
type Func = func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// Retry adds a message to those that are to be retried.
func Retry(response *events.SQSEventResponse, m events.SQSMessage) {
	failure := events.SQSBatchItemFailure{ItemIdentifier: m.MessageId}
	response.BatchItemFailures = append(response.BatchItemFailures, failure)
}
