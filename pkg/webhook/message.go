package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/queue"
)

// message is a message of the queue of webhooks, as JSON. It refers to people by customer number or workProviderUserId,
// and holds nothing else of them. Messages live for days, so a sender understands every version that was ever sent; a
// sample of each is in testdata.
type message struct {
	Version  int    `json:"v"`
	Event    string `json:"event"` // eventSignUp, eventMatch or eventRejected
	Provider string `json:"provider"`
	// Customer is the number of the customer who signed up, or about whom a match request was.
	Customer string `json:"customer,omitempty"`
	// Message is a message of the queue of events, in which events may have been rejected. It is text, not JSON within
	// JSON, so that its escaping does not change.
	Message string `json:"message,omitempty"`
	// Delivery is the id of the delivery; empty in the message that publishes a sign-up, which is sent before the consent,
	// from which the id is made, is stored.
	Delivery string `json:"delivery,omitempty"`
	// Attempt is the number of the attempt, from 1, that this message asks for.
	Attempt int `json:"attempt"`
	// NextAttempt is the time of the attempt, in milliseconds since the Unix epoch.
	NextAttempt int64 `json:"due"`
}

const messageVersion = 1

var errMalformedMessage = errors.New("webhook: malformed message")

func parseMessage(body string) (message, error) {
	var m message
	err := json.Unmarshal([]byte(body), &m)
	if err != nil || m.Version != messageVersion || m.Provider == "" || m.Attempt < 1 {
		return message{}, errMalformedMessage
	}
	isAboutCustomer := m.Event == eventSignUp || m.Event == eventMatch
	if isAboutCustomer && m.Customer != "" || m.Event == eventRejected && m.Message != "" && m.Delivery != "" {
		return m, nil
	}
	return message{}, errMalformedMessage
}

// IsMessage reports whether a message is one of the queue of webhooks.
func IsMessage(body string) bool {
	_, err := parseMessage(body)
	return err == nil
}

// maxDelay is the longest delay of SQS. A message for a later time is sent again each time it arrives, at three calls
// per quarter of an hour.
const maxDelay = 15 * time.Minute

// send sends a message to the queue, to be delivered at its time or after the longest delay of the queue.
func send(ctx context.Context, sender queue.Sender, m message, now time.Time) error {
	m.Version = messageVersion
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	delay := time.UnixMilli(m.NextAttempt).Sub(now)
	delay = (max(delay, 0) + time.Second - 1).Truncate(time.Second) // the queue counts seconds: round up
	return sender.Send(ctx, m.Provider, min(delay, maxDelay), string(body))
}

// Publisher sends messages to the queue of webhooks. It does not know whether the work provider has a webhook.
type Publisher struct {
	queue queue.Sender
	now   func() time.Time
}

// NewPublisherFromEnv returns a publisher to the queue that WEBHOOKS_QUEUE_URL names.
func NewPublisherFromEnv(env *config.Env) Publisher { return NewPublisher(NewQueue(env), time.Now) }

// NewPublisher returns a publisher to a queue.
func NewPublisher(q queue.Sender, now func() time.Time) Publisher { return Publisher{q, now} }

// NewQueue returns the queue of webhooks, from WEBHOOKS_QUEUE_URL.
func NewQueue(env *config.Env) *queue.SQS { return queue.NewSQS(env, "WEBHOOKS_QUEUE_URL") }

// PublishPendingSignUp publishes that a customer is about to consent. It is called before the consent is stored: a
// message sent only afterwards could be lost in a crash between the two. If there is no consent after
// queue.RecoveryDelay, nothing happens.
func (a Publisher) PublishPendingSignUp(ctx context.Context, provider, customer string) error {
	return a.publishSignUp(ctx, provider, customer, queue.RecoveryDelay)
}

// PublishSignUp publishes that the consent is stored. It only avoids the delay of PublishPendingSignUp: the first of
// the two messages makes the delivery, and the second finds it made. So its error can be ignored.
func (a Publisher) PublishSignUp(ctx context.Context, provider, customer string) error {
	return a.publishSignUp(ctx, provider, customer, 0)
}

// PublishMatch publishes that a match request about a customer was applied: the ids that they claim can be settled.
func (a Publisher) PublishMatch(ctx context.Context, provider, customer string) error {
	now := a.now()
	m := message{Event: eventMatch, Provider: provider, Customer: customer, Attempt: 1, NextAttempt: now.UnixMilli()}
	return send(ctx, a.queue, m, now)
}

func (a Publisher) publishSignUp(ctx context.Context, provider, customer string, delay time.Duration) error {
	now := a.now()
	m := message{
		Event:       eventSignUp,
		Provider:    provider,
		Customer:    customer,
		Attempt:     1,
		NextAttempt: now.Add(delay).UnixMilli(),
	}
	return send(ctx, a.queue, m, now)
}
