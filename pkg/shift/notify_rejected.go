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
			if failed[m.MessageId] || !strings.Contains(m.Body, notifyRejectedMarker) {
				continue
			}
			c, err := parseMessage(m.Body)
			if err != nil || !c.NotifyRejected {
				continue
			}
			if err := publish(ctx, c.Provider, m); err != nil {
				log := slog.With(logAttrs(c)...)
				log.ErrorContext(ctx, "could not publish processed message", "messageId", m.MessageId, "error", err)
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
