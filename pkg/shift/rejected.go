package shift

import (
	"context"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/timeline"
)

// consumer handles the messages of a queue, and answers with those that have to come again.
type consumer = func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// wish stands in a message whose sender wants to be told. It spares all others a second reading.
const wish = `"tell":true`

// Tell is a processor that, after each message of a work provider that wishes so, has the provider told which of its
// events do not count. A message that cannot be announced comes again; to process it twice is to process it once.
// Messages of all other providers cost nothing here.
func Tell(process consumer, announce func(ctx context.Context, provider string, m events.SQSMessage) error) consumer {
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
			if failed[m.MessageId] || !strings.Contains(m.Body, wish) {
				continue
			}
			c, err := parseMessage(m.Body)
			if err != nil || !c.Tell {
				continue
			}
			if err := announce(ctx, c.Provider, m); err != nil {
				slog.With(named(c)...).ErrorContext(ctx, "processed message not announced", "messageId", m.MessageId, "error", err)
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return response, nil
	}
}

// Rejected are those of the events in a message of the queue that do not count, each as GET /v2/event/{id} tells it.
func (v Reader) Rejected(ctx context.Context, body string) ([]jsontext.Value, error) {
	c, err := parseMessage(body)
	if err != nil {
		return nil, err
	}
	outcomes, err := timeline.NewObserver(v.rows, parallelNames).Outcomes(ctx, c.Provider, c.Facts, timeline.At(v.now()))
	if err != nil {
		return nil, err
	}
	var all []jsontext.Value
	for i, o := range outcomes {
		if o.State != timeline.Rejected {
			continue
		}
		f := c.Facts[i]
		text, err := json.Marshal(v.tell(c.Provider, EventID(v.ids, c.Provider, f), f.Kind.String(), f.Name, f.At, o))
		if err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, nil
}
