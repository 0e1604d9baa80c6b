package webhook

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/go-json-experiment/json/jsontext"
)

// A work provider may ask to be told of events that do not count: it sent them, was answered 202, and would otherwise learn
// what became of them only by asking GET /v2/event/{id}. It is told what is known once the events have been processed:
// that they lie before the consent, or found no room on their day. What is known only as time goes by (a match that does
// not come for thirty days, a consent that comes later than the event) is not told; asking tells it.

// rejected is the event that events of the work provider's do not count.
const rejected = "rejected"

// Rejections are those of the events in a message of the queue of events that do not count, each as GET /v2/event/{id}
// tells it. Package shift's Reader has them.
type Rejections func(ctx context.Context, message string) ([]jsontext.Value, error)

// rejection is the body of what is told of rejected events, in the form that Standard Webhooks suggests.
type rejection struct {
	Type      string        `json:"type"`
	Timestamp string        `json:"timestamp"`
	Data      rejectionData `json:"data"`
}

type rejectionData struct {
	Events []jsontext.Value `json:"events"`
}

// Processed announces that a message of the queue of events has been processed, of a work provider that wants to know what
// came of it. However often the queue delivered the message, it is one delivery.
func (a Announcer) Processed(ctx context.Context, provider string, record events.SQSMessage) error {
	now := a.now()
	millis, _ := strconv.ParseInt(record.Attributes["SentTimestamp"], 10, 64)
	digest := sha256.Sum256([]byte(record.Body))
	m := message{
		Event: rejected, Provider: provider, Message: record.Body, Attempt: 1, Due: now.UnixMilli(),
		Delivery: fmt.Sprintf("%s_%016d_%x", rejected, time.UnixMilli(millis).UnixMicro(), digest[:12]),
	}
	return send(ctx, a.queue, m, now)
}

// tellRejected tries to tell which events of a message do not count. Mostly there are none, and then nothing is stored.
func (s *Sender) tellRejected(ctx context.Context, e errand) error {
	d, ok, err := s.open(ctx, e, e.Delivery, s.Now())
	if err != nil || !ok {
		return err
	}
	events, err := s.Rejections(ctx, e.Message)
	switch {
	case err != nil:
		return err
	case len(events) == 0 && d.version == 0:
		return nil
	case len(events) == 0:
		return s.finish(ctx, e, d, Settled)
	}
	if ok, err := s.claim(ctx, e, &d); err != nil || !ok {
		return err
	}
	reply := s.try(ctx, e, &d, rejection{"event.rejected", s.Now().UTC().Format(time.RFC3339), rejectionData{events}})
	if reply.Status/100 == 2 {
		d.Problem = ""
		return s.finish(ctx, e, d, Told)
	}
	return s.postpone(ctx, e, d, reply)
}
