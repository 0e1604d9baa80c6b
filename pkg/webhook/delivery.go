package webhook

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// State is the state of a delivery.
type State string

// The states of a delivery. All but Pending are final, until an operator sends it again.
const (
	Pending    State = "PENDING"     // to be attempted, or retried
	Matched    State = "MATCHED"     // by the reply
	NotMatched State = "NOT_MATCHED" // by the reply, or because it named an id of another customer
	Superseded State = "SUPERSEDED"  // the work provider sent the result to POST /v1/match/ instead
	Withdrawn  State = "WITHDRAWN"   // the customer withdrew consent: nothing may be sent
	Delivered  State = "DELIVERED"   // of rejected events: the receiver has them
	Exhausted  State = "EXHAUSTED"   // all attempts failed; it is among the dead letters
)

// Delivery is one notification and the state of its attempts. It holds no personal data beyond the customer number, and
// nothing of the request or the reply but the status.
type Delivery struct {
	// ID is the webhook-id: the same for every attempt. A sign-up's contains the customer and the consent, so however
	// often it is published it is one delivery.
	ID          string
	Customer    string // who signed up; "" for rejected events
	State       State
	Attempts    int
	Status      int       // of the last reply; 0 if there was none
	Problem     string    // of the last attempt; "" if it had none
	CreatedAt   time.Time // by the first message
	UpdatedAt   time.Time
	NextAttempt time.Time // zero unless it is pending

	startedAt      time.Time // the consent, or an operator's resend: a later match result supersedes it
	attemptsBefore int       // made before startedAt
	notFoundAt     time.Time // of the first 404 that did not count at once
	leasedUntil    time.Time // end of the lease of the attempt in progress
	version        int64
}

// partition returns the partition of the delivery of that id: by the month of the instant in the id, or, if it has
// none, one that is always empty.
func partition(provider, id string) string {
	micros := int64(0)
	if parts := strings.SplitN(id, "_", 3); len(parts) == 3 {
		micros, _ = strconv.ParseInt(parts[1], 10, 64)
	}
	return table.DeliveryPartition(provider, time.UnixMicro(micros).UTC().Format("2006-01"))
}

// Deliveries keeps deliveries in the table Timelines.
type Deliveries struct {
	table     dynamo.Table
	timelines *timeline.Store
	providers dynamo.Table
	now       func() time.Time
}

// NewDeliveries returns the deliveries in the table that TIMELINES_TABLE names, to the webhooks in PROVIDERS_TABLE,
// whose secrets it does not need.
func NewDeliveries(env *config.Env, now func() time.Time) *Deliveries {
	db := dynamo.New(env.AWS())
	return &Deliveries{
		db.Table(env.Get("TIMELINES_TABLE")),
		timeline.NewStore(env),
		db.Table(env.Get("PROVIDERS_TABLE")),
		now,
	}
}

type deliveryItem struct {
	PK             string    `dynamo:"pk,hash"`
	SK             string    `dynamo:"sk,range"`
	SchemaVersion  int       `dynamo:"v"`
	Version        int64     `dynamo:"n"`
	Customer       string    `dynamo:"customer,omitempty"`
	State          State     `dynamo:"state"`
	Attempts       int       `dynamo:"attempts"`
	Status         int       `dynamo:"status"`
	Problem        string    `dynamo:"problem,omitempty"`
	Created        time.Time `dynamo:"created"`
	Updated        time.Time `dynamo:"updated"`
	NextAttempt    time.Time `dynamo:"due,omitempty"`
	StartedAt      time.Time `dynamo:"begun"`
	AttemptsBefore int       `dynamo:"from"`
	LeasedUntil    time.Time `dynamo:"leased,omitempty"`
	NotFoundAt     time.Time `dynamo:"notFound,omitempty"`
}

const deliveryVersion = 1

func (r deliveryItem) delivery() Delivery {
	return Delivery{
		ID: r.SK, Customer: r.Customer, State: r.State, Attempts: r.Attempts, Status: r.Status, Problem: r.Problem,
		CreatedAt: r.Created, UpdatedAt: r.Updated, NextAttempt: r.NextAttempt,
		startedAt: r.StartedAt, attemptsBefore: r.AttemptsBefore, leasedUntil: r.LeasedUntil, version: r.Version,
		notFoundAt: r.NotFoundAt,
	}
}

// load returns the delivery of that id; false if there is none yet.
func (s *Deliveries) load(ctx context.Context, provider, id string) (Delivery, bool, error) {
	var item deliveryItem
	found, err := table.GetItem(ctx, s.table, partition(provider, id), id, &item)
	if err != nil || !found {
		return Delivery{}, false, err
	}
	return item.delivery(), true, nil
}

// write returns the write of the next version of a delivery, on condition that the stored version is the previous one.
func (s *Deliveries) write(provider string, d Delivery) *dynamo.Put {
	put := s.table.Put(deliveryItem{
		PK: partition(provider, d.ID), SK: d.ID, SchemaVersion: deliveryVersion, Version: d.version + 1,
		Customer: d.Customer, State: d.State, Attempts: d.Attempts, Status: d.Status, Problem: d.Problem,
		Created: d.CreatedAt.UTC(), Updated: s.now().UTC(), NextAttempt: d.NextAttempt.UTC(),
		StartedAt: d.startedAt.UTC(), AttemptsBefore: d.attemptsBefore, LeasedUntil: d.leasedUntil.UTC(),
		NotFoundAt: d.notFoundAt,
	})
	if d.version == 0 {
		return put.If("attribute_not_exists(pk)")
	}
	return put.If("'n' = ?", d.version)
}

// put writes the next version of a delivery; table.ErrConflict if another message wrote it meanwhile. It is a
// transaction, though of one item: its token lets the SDK retry it when a response was lost, without a conflict with
// its own item.
func (s *Deliveries) put(ctx context.Context, provider string, d *Delivery) error {
	if err := table.Commit(ctx, s.timelines.WriteTx().Put(s.write(provider, *d))); err != nil {
		return err
	}
	d.version++
	d.UpdatedAt = s.now()
	return nil
}

// List returns a work provider's deliveries of the consents of a UTC month (YYYY-MM), oldest first.
func (s *Deliveries) List(ctx context.Context, provider, month string) ([]Delivery, error) {
	var items []deliveryItem
	err := s.table.Get(table.PK, table.DeliveryPartition(provider, month)).Consistent(true).All(ctx, &items)
	if err != nil {
		return nil, table.Unavailable("webhook deliveries", err)
	}
	deliveries := make([]Delivery, len(items))
	for i, item := range items {
		deliveries[i] = item.delivery()
	}
	return deliveries, nil
}

// Resend restarts the delivery of a sign-up, whatever its state: it is attempted at once, and as often as the first
// time. The webhook-id stays the same, so the receiver can tell that it is a repeat.
func (s *Deliveries) Resend(ctx context.Context, to queue.Sender, provider, id string) (Delivery, error) {
	if strings.HasPrefix(id, eventRejected+"_") {
		return Delivery{}, fault.InvalidField("delivery", "Rejected-event deliveries are not stored; use GET /v2/event/{id}.")
	}
	d := Delivery{}
	ok := false
	if strings.HasPrefix(id, eventSignUp+"_") {
		var err error
		if d, ok, err = s.load(ctx, provider, id); err != nil {
			return Delivery{}, err
		}
	}
	if !ok {
		return Delivery{}, fault.New(fault.NotFound, "No such delivery.")
	}
	now := s.now()
	d.State = Pending
	d.startedAt = now
	d.attemptsBefore = d.Attempts
	d.notFoundAt = time.Time{}
	d.NextAttempt = now
	d.Problem = ""
	if err := s.put(ctx, provider, &d); err != nil {
		return Delivery{}, err
	}
	m := message{
		Event:       eventSignUp,
		Provider:    provider,
		Customer:    d.Customer,
		Delivery:    id,
		Attempt:     d.Attempts + 1,
		NextAttempt: now.UnixMilli(),
	}
	return d, send(ctx, to, m, now)
}

// MatchStatus is the state of the match of a customer at a work provider since the customer consented, as it is shown
// to the customer.
type MatchStatus uint8

// The match statuses.
const (
	MatchNone     MatchStatus = iota // no consent, or no webhook to ask
	MatchPending                     // the work provider is being asked
	MatchFound                       // by a reply or a match request: shifts count
	MatchNotFound                    // by a reply or a match request
	MatchNoReply                     // all attempts failed; it can still send a match request
)

// MatchStatus returns the match status of a customer, whether the result came by the webhook's reply or by POST
// /v1/match/. It makes at most three reads.
func (s *Deliveries) MatchStatus(ctx context.Context, provider, customer string) (MatchStatus, error) {
	now := timeline.At(s.now())
	history, err := s.timelines.History(ctx, provider, customer)
	if err != nil {
		return MatchNone, err
	}
	list := questions(&history, customer, now)
	if len(list) == 0 {
		return MatchNone, nil
	}
	given, _ := history.ConsentGivenAt(now)
	matched, answered := history.VerdictSince(given)
	open := slices.DeleteFunc(list, func(q question) bool { return q.answered(&history, q.askedAt) })
	switch {
	case answered && matched || !answered && history.Matched(now): // or by the consent itself
		return MatchFound, nil
	case len(open) == 0:
		return MatchNotFound, nil
	}
	last := slices.MaxFunc(open, func(a, b question) int { return cmp.Compare(a.askedAt, b.askedAt) })
	d, ok, err := s.load(ctx, provider, last.id)
	switch {
	case err != nil:
		return MatchNone, err
	case d.State == Exhausted:
		return MatchNoReply, nil
	case ok:
		return MatchPending, nil
	}
	// The message may still be in the queue.
	settings, err := loadSettings(ctx, s.providers, provider)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return MatchNone, nil
	case err != nil || last.askedAt < timeline.At(settings.ConfiguredAt):
		return MatchNone, err
	}
	return MatchPending, nil
}

// HasWebhook reports whether the work provider has a webhook, and so is asked about those who sign up, even if the
// webhook is disabled at the moment. One read.
func (s *Deliveries) HasWebhook(ctx context.Context, provider string) (bool, error) {
	_, err := loadSettings(ctx, s.providers, provider)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return false, nil
	}
	return err == nil, err
}
