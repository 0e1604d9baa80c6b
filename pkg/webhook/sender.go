package webhook

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// Sender makes deliveries.
type Sender struct {
	Settings    *Store
	Deliveries  *Deliveries
	Customers   *customer.Store
	Timelines   *timeline.Store
	Links       *link.Links
	Queue       queue.Sender        // of webhooks, for retries
	DeadLetters deadletter.Archiver // for exhausted deliveries
	Rejections  Rejections
	Client      *Client
	Now         func() time.Time
}

// NewSender returns a sender with the tables and queues that the environment names. WEBHOOKS_TO_LOOPBACK=yes allows
// requests to this machine.
func NewSender(env *config.Env, refold link.RequestRecompute, rejections Rejections) *Sender {
	timelines := timeline.NewStore(env)
	return &Sender{
		Settings:    NewStore(env),
		Deliveries:  NewDeliveries(env, time.Now),
		Customers:   customer.NewStore(env),
		Timelines:   timelines,
		Links:       link.New(timelines, refold),
		Queue:       NewQueue(env),
		DeadLetters: deadletter.NewStore(env),
		Rejections:  rejections,
		Client:      NewClient(env.Optional("WEBHOOKS_TO_LOOPBACK", "") == "yes", time.Now),
		Now:         time.Now,
	}
}

// ReasonExhausted is the reason of the dead letter of an exhausted delivery.
const ReasonExhausted = "all delivery attempts failed; use `zegoctl webhook resend`"

// Consume is the consumer of the queue of webhooks. The messages of a batch are handled concurrently, so that an
// unresponsive receiver delays no other.
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
			consumer.Retry(&response, record)
		}
	}
	return response, nil
}

// job is a message whose time has come, as the queue delivered it, and the webhook it is for.
type job struct {
	message
	record   events.SQSMessage
	settings Settings
}

// consume handles one message. A malformed one is archived at once: retrying cannot help.
func (s *Sender) consume(ctx context.Context, record events.SQSMessage) error {
	m, err := parseMessage(record.Body)
	if err != nil {
		return s.DeadLetters.Archive(ctx, deadletter.FromSQS(record, deadletter.ReasonMalformed, s.Now()))
	}
	if now := s.Now(); m.NextAttempt > now.UnixMilli() {
		return send(ctx, s.Queue, m, now)
	}
	if m.Event == eventMatch {
		return s.Links.SettleClaims(ctx, m.Provider, m.Customer, s.Now())
	}
	settings, err := s.Settings.Get(ctx, m.Provider)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return nil // no webhook to deliver to
	}
	if err != nil {
		return err
	}
	if m.Event == eventRejected {
		return s.deliverRejected(ctx, job{m, record, settings})
	}
	return s.deliverSignUp(ctx, job{m, record, settings})
}

// loadDelivery returns the delivery of that id, started at an instant if it is new. It is false if there is nothing to
// do: another message made the attempt, or is making it; then this one is requeued for the end of the lease.
func (s *Sender) loadDelivery(ctx context.Context, e job, id string, begun time.Time) (Delivery, bool, error) {
	now := s.Now()
	d, met, err := s.Deliveries.load(ctx, e.Provider, id)
	if err != nil {
		return Delivery{}, false, err
	}
	if !met {
		d = Delivery{ID: id, Customer: e.Customer, State: Pending, CreatedAt: now, startedAt: begun}
	}
	if d.leasedUntil.After(now) && d.State == Pending && d.Attempts < e.Attempt {
		return d, false, s.requeueAtLeaseEnd(ctx, e, d.leasedUntil)
	}
	return d, d.State == Pending && d.Attempts < e.Attempt, nil
}

// leaseDuration is how long an attempt keeps other messages from making the same. It is longer than a function may run.
const leaseDuration = 45 * time.Second

// acquireLease acquires the lease of a delivery; false if another message was faster.
func (s *Sender) acquireLease(ctx context.Context, e job, d *Delivery) (bool, error) {
	d.leasedUntil = s.Now().Add(leaseDuration)
	err := s.Deliveries.put(ctx, e.Provider, d)
	if errors.Is(err, table.ErrConflict) {
		return false, s.requeueAtLeaseEnd(ctx, e, d.leasedUntil)
	}
	return err == nil, err
}

// requeueAtLeaseEnd sends the message again for the end of the other message's lease: should that attempt crash, this
// one makes it.
func (s *Sender) requeueAtLeaseEnd(ctx context.Context, e job, until time.Time) error {
	e.NextAttempt = until.UnixMilli()
	return send(ctx, s.Queue, e.message, s.Now())
}

// attempt sends the request, if the webhook is enabled, and records the result in the delivery.
func (s *Sender) attempt(ctx context.Context, e job, d *Delivery, payload any) Reply {
	reply := Reply{Problem: problemDisabled}
	if e.settings.DisabledAt.IsZero() {
		reply = s.Client.post(ctx, e.settings, d.ID, payload)
		s.recordReply(ctx, e, reply)
	}
	d.Attempts = e.Attempt
	d.Status = reply.Status
	d.Problem = reply.Problem
	d.leasedUntil = time.Time{}
	return reply
}

// notFoundAlarm is the number of 404 replies in a row of which operators are told: nothing else was answered.
const notFoundAlarm = 5

// recordReply records what the reply shows of the URL. If it fails, the next reply is as good.
func (s *Sender) recordReply(ctx context.Context, e job, reply Reply) {
	notFound, err := s.Settings.RecordReply(ctx, e.Provider, e.settings, reply, s.Now())
	if err != nil {
		slog.WarnContext(ctx, "could not record a webhook's reply", observe.Provider, e.Provider, "error", err)
		return
	}
	if reply.Status == http.StatusNotFound && notFound >= notFoundAlarm {
		observe.WebhookNotFound(ctx, e.Provider, notFound)
	}
}

// notFoundDelay is how long a 404 is retried that may be a web server's which knows nothing of webhooks.
const notFoundDelay = 24 * time.Hour

// doubt returns a reply that is to be retried in place of a 404 that may not be a receiver's: a web page, or from a URL
// that never replied otherwise. A wrong URL would end the cover of everybody who signs up. After a day it counts.
func (s *Sender) doubt(e job, d *Delivery, reply Reply) Reply {
	if reply.kind != replyNotMatched || !reply.isPage && !e.settings.AnsweredAt.IsZero() {
		return reply
	}
	now := s.Now()
	if d.notFoundAt.IsZero() {
		d.notFoundAt = now.UTC()
	}
	settlesAt := d.notFoundAt.Add(notFoundDelay)
	if !now.Before(settlesAt) {
		return reply
	}
	reply.kind = replyRetry
	reply.settlesAt = settlesAt
	reply.Problem = problemNoReply
	if reply.isPage {
		reply.Problem = problemPage
	}
	d.Problem = reply.Problem
	return reply
}

// complete ends a delivery in a final state.
func (s *Sender) complete(ctx context.Context, e job, d Delivery, state State) error {
	d.State = state
	d.NextAttempt = time.Time{}
	d.leasedUntil = time.Time{}
	return s.Deliveries.put(ctx, e.Provider, &d)
}

// scheduleRetry schedules the next attempt, or ends the delivery as exhausted. The message for the next attempt is sent
// first: if the item is not written after it, this message is retried, and of two messages for one attempt only one has
// an effect.
func (s *Sender) scheduleRetry(ctx context.Context, e job, d Delivery, reply Reply) error {
	now := s.Now()
	if reply.kind == replyGone {
		if err := s.Settings.disableGone(ctx, e.Provider, e.settings.URL, now); err != nil {
			return err
		}
	}
	delay, ok := nextDelay(d.Attempts-d.attemptsBefore, reply.retryAfter)
	if !ok {
		slog.WarnContext(ctx, "webhook delivery exhausted", observe.Provider, e.Provider, "attempts", d.Attempts)
		if err := s.DeadLetters.Archive(ctx, deadletter.FromSQS(e.record, ReasonExhausted, now)); err != nil {
			return err
		}
		return s.complete(ctx, e, d, Exhausted)
	}
	d.NextAttempt = now.Add(delay)
	if !reply.settlesAt.IsZero() && d.NextAttempt.After(reply.settlesAt) {
		d.NextAttempt = reply.settlesAt
	}
	e.Delivery = d.ID
	e.Attempt = d.Attempts + 1
	e.NextAttempt = d.NextAttempt.UnixMilli()
	if err := send(ctx, s.Queue, e.message, now); err != nil {
		return err
	}
	return s.Deliveries.put(ctx, e.Provider, &d)
}
