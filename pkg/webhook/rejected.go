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

// A work provider can subscribe to its rejected events: it sent them, got a 202, and would otherwise learn their
// outcome only from GET /v2/event/{id}. It is notified of what is known once the events have been processed: that they
// are before the consent, or exceed the limit of their day. What is known only later (no match within thirty days, a
// consent after the event) is not delivered; GET /v2/event/{id} returns it.

// eventRejected is the notification that events of the work provider were rejected.
const eventRejected = "rejected"

// Rejections returns the rejected events in a message of the queue of events, each as GET /v2/event/{id} returns it. It
// is implemented by shift.Reader.
type Rejections func(ctx context.Context, message string) ([]jsontext.Value, error)

// rejectionBody is the body of a notification of rejected events, in the format that Standard Webhooks suggests.
type rejectionBody struct {
	Type      string        `json:"type"`
	Timestamp string        `json:"timestamp"`
	Data      rejectionData `json:"data"`
}

type rejectionData struct {
	Events []jsontext.Value `json:"events"`
}

// PublishProcessed publishes that a message of the queue of events has been processed, for a work provider that
// subscribed to rejected events. However often the queue delivered the message, it is one delivery.
func (a Publisher) PublishProcessed(ctx context.Context, provider string, record events.SQSMessage) error {
	now := a.now()
	sentMillis, _ := strconv.ParseInt(record.Attributes["SentTimestamp"], 10, 64)
	digest := sha256.Sum256([]byte(record.Body))
	m := message{
		Event: eventRejected, Provider: provider, Message: record.Body, Attempt: 1, NextAttempt: now.UnixMilli(),
		Delivery: fmt.Sprintf("%s_%016d_%x", eventRejected, time.UnixMilli(sentMillis).UnixMicro(), digest[:12]),
	}
	return send(ctx, a.queue, m, now)
}

// deliverRejected attempts to deliver the rejected events of a message. Mostly there are none, and then nothing is
// stored.
func (s *Sender) deliverRejected(ctx context.Context, e job) error {
	d, ok, err := s.loadDelivery(ctx, e, e.Delivery, s.Now())
	if err != nil || !ok {
		return err
	}
	rejected, err := s.Rejections(ctx, e.Message)
	switch {
	case err != nil:
		return err
	case len(rejected) == 0 && d.version == 0:
		return nil
	case len(rejected) == 0:
		return s.complete(ctx, e, d, Superseded)
	}
	if ok, err := s.acquireLease(ctx, e, &d); err != nil || !ok {
		return err
	}
	body := rejectionBody{"event.rejected", s.Now().UTC().Format(time.RFC3339), rejectionData{rejected}}
	reply := s.attempt(ctx, e, &d, body)
	if reply.Status/100 == 2 {
		d.Problem = ""
		return s.complete(ctx, e, d, Delivered)
	}
	return s.scheduleRetry(ctx, e, d, reply)
}
