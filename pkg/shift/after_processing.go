package shift

import (
	"context"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/timeline"
)

// notifyRejectedMarker stands in a message whose sender wants to be notified. It spares all others a second reading.
const notifyRejectedMarker = `"notify":true`

// NotifyRejected returns a processor that, after each message of a work provider that wants so, has the provider
// notified of those of its events that do not count. A message for which that cannot be published is retried; to
// process it twice is to process it once. Messages of all other providers cost nothing here.
func NotifyRejected(
	process consumer.Func, publish func(ctx context.Context, provider string, m events.SQSMessage) error,
) consumer.Func {
	return afterProcessing(process, notifyRejectedMarker,
		func(ctx context.Context, c timeline.MessageChanges, m events.SQSMessage) error {
			if !c.NotifyRejected {
				return nil
			}
			return publish(ctx, c.Provider, m)
		})
}

// matchesMarker stands in a message that brings match results.
const matchesMarker = `"matches":`

// PublishMatches returns a processor that, after each message that brings match results, publishes whose they are, so
// that the claims of these customers are settled. Other messages cost nothing here.
func PublishMatches(
	process consumer.Func, publish func(ctx context.Context, provider, customer string) error,
) consumer.Func {
	return afterProcessing(process, matchesMarker,
		func(ctx context.Context, c timeline.MessageChanges, _ events.SQSMessage) error {
			for _, match := range c.Matches {
				if err := publish(ctx, c.Provider, match.Customer); err != nil {
					return err
				}
			}
			return nil
		})
}

// afterProcessing returns a processor that does something more with each message that it has processed and whose text
// has the marker. If that fails, the message is retried.
func afterProcessing(
	process consumer.Func,
	marker string,
	do func(ctx context.Context, c timeline.MessageChanges, m events.SQSMessage) error,
) consumer.Func {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response, err := process(ctx, batch)
		if err != nil {
			return response, err
		}
		failed := map[string]bool{}
		for _, f := range response.BatchItemFailures {
			failed[f.ItemIdentifier] = true
		}
		for _, m := range batch.Records {
			if failed[m.MessageId] || !strings.Contains(m.Body, marker) {
				continue
			}
			c, err := parseMessage(m.Body)
			if err != nil {
				continue // it was archived
			}
			if err := do(ctx, c, m); err != nil {
				log := slog.With(logAttrs(c)...)
				log.ErrorContext(ctx, "processed message failed, will be retried", "messageId", m.MessageId, "error", err)
				consumer.Retry(&response, m)
			}
		}
		return response, nil
	}
}

// RejectedEvents returns those of the events in a message of the queue that do not count, each as GET /v2/event/{id}
// tells it.
func (v Reader) RejectedEvents(ctx context.Context, body string) ([]jsontext.Value, error) {
	c, err := parseMessage(body)
	if err != nil {
		return nil, err
	}
	reader := timeline.NewOutcomeReader(v.storage, maxParallelNames)
	outcomes, err := reader.Outcomes(ctx, c.Provider, c.Facts, timeline.At(v.now()))
	if err != nil {
		return nil, err
	}
	var rejected []jsontext.Value
	for i, o := range outcomes {
		if o.State != timeline.Rejected {
			continue
		}
		text, err := json.Marshal(v.factResponseFor(c.Provider, c.Facts[i], o))
		if err != nil {
			return nil, err
		}
		rejected = append(rejected, text)
	}
	return rejected, nil
}
