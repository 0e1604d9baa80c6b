package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// Sender makes deliveries.
type Sender struct {
	Settings   *Store
	Deliveries *Deliveries
	Customers  *customer.Store
	Timelines  *timeline.Store
	Links      *link.Links
	Queue      queue.Sender        // of webhooks, for what is to be done later
	Letters    deadletter.Archiver // for what came to nothing
	Rejections Rejections
	Client     *Client
	Now        func() time.Time
}

// SenderFrom is a sender on what the environment names. WEBHOOKS_TO_LOOPBACK=yes lets requests go to one's own machine.
func SenderFrom(env *config.Env, refold link.RequestRecompute, rejections Rejections) *Sender {
	timelines := timeline.StoreFrom(env)
	return &Sender{
		Settings:   StoreFrom(env),
		Deliveries: DeliveriesFrom(env, time.Now),
		Customers:  customer.NewStore(env),
		Timelines:  timelines,
		Links:      link.New(timelines, refold),
		Queue:      QueueFrom(env),
		Letters:    deadletter.NewStore(env),
		Rejections: rejections,
		Client:     NewClient(env.Optional("WEBHOOKS_TO_LOOPBACK", "") == "yes", time.Now),
		Now:        time.Now,
	}
}

// GaveUpReason is what the dead letter of a delivery says.
const GaveUpReason = "every try to deliver to the webhook was in vain: zegoctl webhook resend begins anew"

// Consume consumes the queue of webhooks. The messages of a batch are handled side by side, so that a receiver which does
// not answer holds up no other.
func (s *Sender) Consume(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	failed := make([]bool, len(batch.Records))
	var working sync.WaitGroup
	for i, record := range batch.Records {
		working.Go(func() {
			if err := s.consume(ctx, record); err != nil {
				slog.ErrorContext(ctx, "webhook message failed", "messageId", record.MessageId, "error", err)
				failed[i] = true
			}
		})
	}
	working.Wait()
	response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for i, record := range batch.Records {
		if failed[i] {
			response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
		}
	}
	return response, nil
}

// errand is a message that is due, as the queue delivered it, and where it leads.
type errand struct {
	message
	record events.SQSMessage
	to     Settings
}

// consume handles one message. One that cannot be understood will not be by waiting: it is filed at once.
func (s *Sender) consume(ctx context.Context, record events.SQSMessage) error {
	m, err := parseMessage(record.Body)
	if err != nil {
		return s.Letters.Archive(ctx, deadletter.FromSQS(record, deadletter.ReasonMalformed, s.Now()))
	}
	if now := s.Now(); m.Due > now.UnixMilli() {
		return send(ctx, s.Queue, m, now)
	}
	settings, err := s.Settings.Get(ctx, m.Provider)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return nil // there is nobody to tell
	}
	if err != nil {
		return err
	}
	if m.Event == rejected {
		return s.tellRejected(ctx, errand{m, record, settings})
	}
	return s.tellSignUp(ctx, errand{m, record, settings})
}

// open is the delivery of that id, begun at an instant if it is new. It is false if there is nothing to do: another message
// has done it, or does it now; then this one stands by.
func (s *Sender) open(ctx context.Context, e errand, id string, begun time.Time) (Delivery, bool, error) {
	now := s.Now()
	d, met, err := s.Deliveries.get(ctx, e.Provider, id)
	if err != nil {
		return Delivery{}, false, err
	}
	if !met {
		d = Delivery{ID: id, Customer: e.Customer, State: Pending, Created: now, begun: begun}
	}
	if d.leased.After(now) && d.State == Pending && d.Attempts < e.Attempt {
		return d, false, s.standBy(ctx, e, d.leased)
	}
	return d, d.State == Pending && d.Attempts < e.Attempt, nil
}

// lease is how long a try keeps others from trying the same. It is longer than a function may run.
const lease = 45 * time.Second

// claim takes the lease of a delivery; false if another message was faster.
func (s *Sender) claim(ctx context.Context, e errand, d *Delivery) (bool, error) {
	d.leased = s.Now().Add(lease)
	err := s.Deliveries.put(ctx, e.Provider, d)
	if errors.Is(err, errOvertaken) {
		return false, s.standBy(ctx, e, d.leased)
	}
	return err == nil, err
}

// standBy has the message come again when the lease of whoever is doing the same ends: should that one crash, this one
// does it.
func (s *Sender) standBy(ctx context.Context, e errand, until time.Time) error {
	e.Due = until.UnixMilli()
	return send(ctx, s.Queue, e.message, s.Now())
}

// try sends the request, if the webhook is enabled, and notes in the delivery what came of it.
func (s *Sender) try(ctx context.Context, e errand, d *Delivery, payload any) Reply {
	reply := Reply{Problem: problemDisabled}
	if e.to.Disabled.IsZero() {
		reply = s.Client.post(ctx, e.to, d.ID, payload)
	}
	d.Attempts, d.Status, d.Problem, d.leased = e.Attempt, reply.Status, reply.Problem, time.Time{}
	return reply
}

// finish ends a delivery.
func (s *Sender) finish(ctx context.Context, e errand, d Delivery, state State) error {
	d.State, d.Due, d.leased = state, time.Time{}, time.Time{}
	return s.Deliveries.put(ctx, e.Provider, &d)
}

// postpone has the delivery tried again, or gives it up. The message for the next try is sent first: if the row is not
// written after it, this message comes again, and of two messages for one try only one does anything.
func (s *Sender) postpone(ctx context.Context, e errand, d Delivery, reply Reply) error {
	now := s.Now()
	if reply.means == gone {
		if err := s.Settings.gone(ctx, e.Provider, e.to.URL, now); err != nil {
			return err
		}
	}
	delay, again := wait(d.Attempts-d.from, reply.after)
	if !again {
		slog.WarnContext(ctx, "webhook delivery given up", observe.Provider, e.Provider, "attempts", d.Attempts)
		if err := s.Letters.Archive(ctx, deadletter.FromSQS(e.record, GaveUpReason, now)); err != nil {
			return err
		}
		return s.finish(ctx, e, d, GaveUp)
	}
	d.Due = now.Add(delay)
	e.Delivery, e.Attempt, e.Due = d.ID, d.Attempts+1, d.Due.UnixMilli()
	if err := send(ctx, s.Queue, e.message, now); err != nil {
		return err
	}
	return s.Deliveries.put(ctx, e.Provider, &d)
}
