package shift

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// maxSmallMessage is the number of facts up to which a message is applied before those that take seconds.
const maxSmallMessage = 50

// receivedMessage is a message and the changes in it.
type receivedMessage struct {
	message events.SQSMessage
	changes timeline.MessageChanges
}

// Processor consumes the queue of events. It returns the messages that have to be retried. A malformed one does not get
// better by that: it is archived with the dead letters at once. No message fails another. Small messages are applied
// first, so that a single event does not wait for the large batches that it was received with.
func Processor(applier *timeline.Applier, letters deadletter.Archiver, now func() time.Time) consumer.Func {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		var small []receivedMessage
		var large []receivedMessage
		var stats providerStats
		retryLater := func(m events.SQSMessage, err error, attrs ...any) {
			// Retrying is what a queue is for: only a message whose retries are exhausted is an error.
			slog.With(attrs...).WarnContext(ctx, "message failed, will be retried", "messageId", m.MessageId, "error", err)
			consumer.Retry(&response, m)
		}
		for _, m := range batch.Records {
			c, err := parseMessage(m.Body)
			if err != nil {
				letter := deadletter.FromSQS(m, deadletter.ReasonMalformed, now())
				if err := letters.Archive(ctx, letter); err != nil {
					retryLater(m, err)
				}
				continue
			}
			if len(c.Facts) <= maxSmallMessage {
				small = append(small, receivedMessage{m, c})
			} else {
				large = append(large, receivedMessage{m, c})
			}
			stats.addAccepted(m, c)
		}
		for _, received := range [][]receivedMessage{small, large} {
			if len(received) == 0 {
				continue
			}
			changes := make([]timeline.MessageChanges, len(received))
			for i, r := range received {
				changes[i] = r.changes
			}
			for i, result := range applier.Apply(ctx, changes, timeline.At(now())) {
				r := received[i]
				if result.Err != nil {
					retryLater(r.message, result.Err, logAttrs(r.changes)...)
					continue
				}
				stats.addApplied(r.message, r.changes, result.Tally, now())
			}
		}
		stats.log(ctx)
		return response, nil
	}
}

// logAttrs returns how the log names a message's changes: whose they are, and by the id that the client was given.
func logAttrs(c timeline.MessageChanges) []any {
	id := "eventId"
	if c.Batch != "" {
		id = "batchId"
	}
	return []any{observe.Provider, c.Provider, id, c.ClientID}
}

// providerStats count what became of the events of each work provider in a delivery.
type providerStats []*observe.Tally

func (s *providerStats) of(provider string) *observe.Tally {
	i := slices.IndexFunc(*s, func(t *observe.Tally) bool { return t.Provider == provider })
	if i < 0 {
		i = len(*s)
		*s = append(*s, &observe.Tally{Provider: provider})
	}
	return (*s)[i]
}

// addAccepted counts the events of a message that is delivered for the first time, and how late they came. What v2 has
// the queue deliver later is not late.
func (s *providerStats) addAccepted(m events.SQSMessage, c timeline.MessageChanges) {
	if deliveries := m.Attributes["ApproximateReceiveCount"]; deliveries != "" && deliveries != "1" {
		return
	}
	sum := s.of(c.Provider)
	sum.Accepted += len(c.Facts)
	if len(c.Facts) == 0 || c.ClientID == "" || c.Facts[0].Accepted == 0 {
		return
	}
	var latest time.Duration
	for _, f := range c.Facts {
		late := f.Accepted.Time().Sub(f.At.Time())
		latest = max(latest, late)
		if late > observe.LateAfter {
			sum.Late++
		}
	}
	sum.Lateness = append(sum.Lateness, latest)
}

// addApplied counts what became of them. Their latency is how long a client has to wait for that; no client waits for
// what v2 has the queue deliver later, to be done again.
func (s *providerStats) addApplied(m events.SQSMessage, c timeline.MessageChanges, t timeline.Tally, now time.Time) {
	sum := s.of(c.Provider)
	sum.Applied += t.Applied
	sum.NoEffect += t.NoEffect
	sum.Unmatched += t.Unmatched
	sum.Rejected += t.Rejected
	sum.Voided += t.Voided
	if t.Rejected > 0 && c.ClientID != "" {
		sum.RejectedIDs = append(sum.RejectedIDs, c.ClientID)
	}
	if sent, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil && c.ClientID != "" {
		sum.Latencies = append(sum.Latencies, max(0, now.Sub(time.UnixMilli(sent))))
	}
}

func (s *providerStats) log(ctx context.Context) {
	for _, t := range *s {
		t.Log(ctx)
	}
}

// NewRecomputeRequester returns what a change in a customer's history has to call before it is written: the processor
// will fold the customer anew, from the instant on, a little later. That is after the change, or for nothing if it
// never came; a message sent only afterwards could be lost to a crash between the two.
func NewRecomputeRequester(
	sender queue.Sender,
) func(ctx context.Context, provider, customer string, from time.Time) error {
	return func(ctx context.Context, provider, customer string, from time.Time) error {
		recompute := timeline.Recompute{Customer: customer, From: timeline.At(from)}
		return sender.Send(ctx, provider, queue.RecoveryDelay, recomputeMessage(provider, recompute))
	}
}
