package webhook

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
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
	Queue      queue.Sender     // of webhooks, for what is to be done later
	Letters    deadletter.Filer // for what came to nothing
	Client     *Client
	Now        func() time.Time
}

// SenderFrom is a sender on what the environment names. WEBHOOKS_TO_LOOPBACK=yes lets requests go to one's own machine.
func SenderFrom(env *config.Env, refold link.Refold) *Sender {
	timelines := timeline.StoreFrom(env)
	return &Sender{
		Settings:   StoreFrom(env),
		Deliveries: DeliveriesFrom(env, time.Now),
		Customers:  customer.StoreFrom(env),
		Timelines:  timelines,
		Links:      link.New(timelines, refold),
		Queue:      QueueFrom(env),
		Letters:    deadletter.StoreFrom(env),
		Client:     NewClient(env.Optional("WEBHOOKS_TO_LOOPBACK", "") == "yes", time.Now),
		Now:        time.Now,
	}
}

// GaveUpReason is what the dead letter of a delivery says.
const GaveUpReason = "the work provider's webhook answered no try: send it again with zegoctl webhook resend"

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

// consume handles one message. One that cannot be understood will not be by waiting: it is filed at once.
func (s *Sender) consume(ctx context.Context, record events.SQSMessage) error {
	m, err := parseMessage(record.Body)
	if err != nil {
		return s.Letters.File(ctx, deadletter.Of(record, deadletter.NotUnderstood, s.Now()))
	}
	if now := s.Now(); m.Due > now.UnixMilli() {
		return send(ctx, s.Queue, m, now)
	}
	settings, err := s.Settings.Get(ctx, m.Provider)
	if err != nil && fault.Of(err) == fault.NotFound {
		return nil // there is nobody to tell
	}
	if err != nil {
		return err
	}
	return s.attempt(ctx, m, settings, record)
}

// attempt tries a delivery, unless somebody has done that already, or does it now, or it is no longer to be made.
func (s *Sender) attempt(ctx context.Context, m message, to Settings, record events.SQSMessage) error {
	now := s.Now()
	history, err := s.Timelines.History(ctx, m.Provider, m.Customer)
	if err != nil {
		return err
	}
	consent, sharing := history.ConsentedSince(timeline.At(now))
	id := m.Delivery
	if id == "" {
		if !sharing {
			return nil // announced, but never agreed
		}
		id = signUpID(m.Customer, consent)
	}
	d, met, err := s.Deliveries.get(ctx, m.Provider, id)
	if err != nil {
		return err
	}
	if !met {
		d = Delivery{ID: id, Customer: m.Customer, State: Pending, Created: now, begun: consent.Time()}
	}
	switch {
	case d.State != Pending || d.Attempts >= m.Attempt:
		return nil // another message has done it
	case d.leased.After(now):
		return s.standBy(ctx, m, d.leased)
	case !sharing || id != signUpID(m.Customer, consent):
		return s.finish(ctx, m.Provider, d, Withdrawn)
	}
	if _, answered := history.Answered(timeline.At(d.begun)); answered {
		return s.finish(ctx, m.Provider, d, Settled)
	}
	d.leased = now.Add(lease)
	if err := s.Deliveries.put(ctx, m.Provider, &d); errors.Is(err, errOvertaken) {
		return s.standBy(ctx, m, d.leased)
	} else if err != nil {
		return err
	}
	reply, err := s.ask(ctx, to, d)
	if err != nil {
		return err
	}
	d.Attempts, d.Status, d.Problem, d.leased = m.Attempt, reply.Status, reply.Problem, time.Time{}
	switch reply.means {
	case matched, unknown:
		return s.settle(ctx, m.Provider, d, reply)
	case gone:
		if err := s.Settings.gone(ctx, m.Provider, to.URL, now); err != nil {
			return err
		}
	}
	return s.postpone(ctx, m.Provider, d, reply, record)
}

// lease is how long a try keeps others from trying the same. It is longer than a function may run.
const lease = 45 * time.Second

// standBy has the message come again when the lease of whoever is doing the same ends: should that one crash, this one
// does it.
func (s *Sender) standBy(ctx context.Context, m message, until time.Time) error {
	m.Due = until.UnixMilli()
	return send(ctx, s.Queue, m, s.Now())
}

// ask sends the request, if the webhook is enabled.
func (s *Sender) ask(ctx context.Context, to Settings, d Delivery) (Reply, error) {
	if !to.Disabled.IsZero() {
		return Reply{Problem: problemDisabled}, nil
	}
	who, ok, err := s.Customers.Customer(ctx, d.Customer)
	if err == nil && !ok {
		err = errors.New("webhook: there is no such customer")
	}
	if err != nil {
		return Reply{}, err
	}
	return s.Client.post(ctx, to, d.ID, payload{CustomerNumber: who.Number, Email: who.Email, PhoneNumber: who.PhoneNumber}), nil
}

// finish ends a delivery that needs no request.
func (s *Sender) finish(ctx context.Context, provider string, d Delivery, state State) error {
	d.State, d.Due, d.leased = state, time.Time{}, time.Time{}
	return s.Deliveries.put(ctx, provider, &d)
}

// postpone has the delivery tried again, or gives it up. The message for the next try is sent first: if the row is not
// written after it, this message comes again, and of two messages for one try only one does anything.
func (s *Sender) postpone(ctx context.Context, provider string, d Delivery, reply Reply, record events.SQSMessage) error {
	now := s.Now()
	delay, again := wait(d.Attempts-d.from, reply.after)
	if !again {
		slog.WarnContext(ctx, "webhook delivery given up", "provider", provider, "delivery", d.ID)
		if err := s.Letters.File(ctx, deadletter.Of(record, GaveUpReason, now)); err != nil {
			return err
		}
		return s.finish(ctx, provider, d, GaveUp)
	}
	d.Due = now.Add(delay)
	if err := send(ctx, s.Queue, d.message(provider), now); err != nil {
		return err
	}
	return s.Deliveries.put(ctx, provider, &d)
}

// settle records the reply in the person's history, and that the delivery is done, in one transaction.
func (s *Sender) settle(ctx context.Context, provider string, d Delivery, reply Reply) error {
	d.Due = time.Time{}
	answer := link.Answer{Provider: provider, Customer: d.Customer, Matched: reply.means == matched, UserID: reply.userID}
	_, err := s.Links.Answer(ctx, answer, s.Now(), func(tx *dynamo.WriteTx, isMatched bool) {
		done := d
		switch {
		case isMatched:
			done.State = Matched
		case answer.Matched:
			done.State, done.Problem = NotMatched, problemTaken
		default:
			done.State = NotMatched
		}
		tx.Put(s.Deliveries.write(provider, done))
	})
	return err
}
