package shift

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// Processor consumes the queue of events. It answers with the messages that have to come again. One that cannot be
// understood will not be by waiting: it is filed with the dead letters at once. No message delays or fails another.
func Processor(applier *timeline.Applier, letters deadletter.Archiver, now func() time.Time) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		var changes []timeline.Changes
		var messages []events.SQSMessage // that changes came from
		var seen tallies
		refuse := func(m events.SQSMessage, err error, names ...any) {
			// To come again is what a queue is for: only a message that has come too often is an error.
			slog.With(names...).WarnContext(ctx, "message failed and will come again", "messageId", m.MessageId, "error", err)
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
		for _, m := range batch.Records {
			c, err := parseMessage(m.Body)
			if err != nil {
				if err := letters.Archive(ctx, deadletter.FromSQS(m, deadletter.ReasonMalformed, now())); err != nil {
					refuse(m, err)
				}
				continue
			}
			changes, messages = append(changes, c), append(messages, m)
			seen.accepted(m, c)
		}
		for i, result := range applier.Apply(ctx, changes) {
			if result.Err != nil {
				refuse(messages[i], result.Err, named(changes[i])...)
				continue
			}
			seen.applied(messages[i], changes[i], result.Tally, now())
		}
		seen.log(ctx)
		return response, nil
	}
}

// named is how the log calls a message's changes: whose they are, and by the id that the client was given.
func named(c timeline.Changes) []any {
	id := "eventId"
	if c.Batch != "" {
		id = "batchId"
	}
	return []any{observe.Provider, c.Provider, id, c.ID}
}

// tallies count what became of the events of each work provider in a delivery.
type tallies []*observe.Tally

func (t *tallies) of(provider string) *observe.Tally {
	i := slices.IndexFunc(*t, func(one *observe.Tally) bool { return one.Provider == provider })
	if i < 0 {
		i = len(*t)
		*t = append(*t, &observe.Tally{Provider: provider})
	}
	return (*t)[i]
}

// accepted counts the events of a message that is delivered for the first time.
func (t *tallies) accepted(m events.SQSMessage, c timeline.Changes) {
	if deliveries := m.Attributes["ApproximateReceiveCount"]; deliveries == "" || deliveries == "1" {
		t.of(c.Provider).Accepted += len(c.Facts)
	}
}

// applied counts what became of them. Their age tells how long a client has to wait for that; nobody waits for what v2
// has the queue deliver later, to be done again.
func (t *tallies) applied(m events.SQSMessage, c timeline.Changes, became timeline.Tally, now time.Time) {
	sum := t.of(c.Provider)
	sum.Applied += became.Applied
	sum.NoEffect += became.NoEffect
	sum.Unmatched += became.Unmatched
	sum.Rejected += became.Rejected
	if became.Rejected > 0 && c.ID != "" {
		sum.RejectedIDs = append(sum.RejectedIDs, c.ID)
	}
	if sent, err := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64); err == nil && c.ID != "" {
		sum.Latencies = append(sum.Latencies, max(0, now.Sub(time.UnixMilli(sent))))
	}
}

func (t tallies) log(ctx context.Context) {
	for _, one := range t {
		one.Log(ctx)
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
