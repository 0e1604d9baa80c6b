package webhook

import (
	"context"
	"errors"
	"time"

	"github.com/go-json-experiment/json"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/queue"
)

// message is JSON on the queue of webhooks. It refers to people by the names that work providers call them by, and holds
// nothing else of them. Messages live for days, so a sender understands every form that was ever sent; a sample of each
// stays in testdata.
type message struct {
	Form     int    `json:"v"`
	Event    string `json:"event"` // signedUp or rejected
	Provider string `json:"provider"`
	// Customer is who signed up.
	Customer string `json:"customer,omitempty"`
	// Message is a message of the queue of events, in which something may have been rejected. It is text, not JSON within
	// JSON, so that what was escaped for the queue's sake stays so.
	Message string `json:"message,omitempty"`
	// Delivery is its id; empty in the announcement of a sign-up, which is made before the consent is stored that the id
	// comes from.
	Delivery string `json:"delivery,omitempty"`
	// Attempt counts the tries of the delivery; this message asks for the one of that number, from 1.
	Attempt int `json:"attempt"`
	// Due is when to try, in milliseconds since the Unix epoch.
	Due int64 `json:"due"`
}

const formOfMessages = 1

var errMessage = errors.New("webhook: a message that cannot be understood")

func parseMessage(body string) (message, error) {
	var m message
	err := json.Unmarshal([]byte(body), &m)
	if err != nil || m.Form != formOfMessages || m.Provider == "" || m.Attempt < 1 {
		return message{}, errMessage
	}
	if m.Event == signedUp && m.Customer != "" || m.Event == rejected && m.Message != "" && m.Delivery != "" {
		return m, nil
	}
	return message{}, errMessage
}

// IsMessage tells a message of the queue of webhooks from those of other queues.
func IsMessage(body string) bool {
	_, err := parseMessage(body)
	return err == nil
}

// maxDelay is the longest that SQS keeps a message back. A message that is due later comes, is sent again, and so waits
// for days, at the price of three calls each quarter of an hour.
const maxDelay = 15 * time.Minute

// send puts a message into the queue, to be delivered when it is due or as late as the queue can.
func send(ctx context.Context, sender queue.Sender, m message, now time.Time) error {
	m.Form = formOfMessages
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	delay := time.UnixMilli(m.Due).Sub(now)
	delay = (max(delay, 0) + time.Second - 1).Truncate(time.Second) // the queue counts seconds: not one too early
	return sender.Send(ctx, min(delay, maxDelay), string(body))
}

// Announcer says that there is something to tell. Whether the work provider has a webhook at all is the sender's to find out.
type Announcer struct {
	queue queue.Sender
	now   func() time.Time
}

// AnnouncerFrom announces in the queue that WEBHOOKS_QUEUE_URL names.
func AnnouncerFrom(env *config.Env) Announcer { return NewAnnouncer(QueueFrom(env), time.Now) }

// NewAnnouncer announces in that queue.
func NewAnnouncer(queue queue.Sender, now func() time.Time) Announcer { return Announcer{queue, now} }

// QueueFrom is the queue of webhooks that the environment names.
func QueueFrom(env *config.Env) *queue.SQS { return queue.NewSQS(env, "WEBHOOKS_QUEUE_URL") }

// guardDelay is after when an announcement made ahead is looked at. It is longer than a function may run.
const guardDelay = 30 * time.Second

// Expect announces that a customer is about to agree to share with a work provider. It is called before the consent is
// stored: a message sent only afterwards could be lost to a crash between the two. If there is no consent by the time it
// is looked at, nothing happens.
func (a Announcer) Expect(ctx context.Context, provider, customer string) error {
	return a.announce(ctx, provider, customer, guardDelay)
}

// SignedUp announces that the consent is stored. It only saves the customer the wait after Expect: of the two, whichever
// comes first makes the delivery, and the other finds it made. So its error may be ignored.
func (a Announcer) SignedUp(ctx context.Context, provider, customer string) error {
	return a.announce(ctx, provider, customer, 0)
}

func (a Announcer) announce(ctx context.Context, provider, customer string, delay time.Duration) error {
	now := a.now()
	m := message{Event: signedUp, Provider: provider, Customer: customer, Attempt: 1, Due: now.Add(delay).UnixMilli()}
	return send(ctx, a.queue, m, now)
}
