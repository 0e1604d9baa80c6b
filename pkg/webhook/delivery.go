package webhook

import (
	"context"
	"errors"
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

// State is how a delivery stands.
type State string

// The states of a delivery. All but Pending are final, until an operator sends it again.
const (
	Pending    State = "PENDING"     // to be tried, or tried again
	Matched    State = "MATCHED"     // the reply said so
	NotMatched State = "NOT_MATCHED" // the reply said so, or named an id that is another's
	Settled    State = "SETTLED"     // by itself: the work provider said through POST /v1/match/ what it could not say in a reply
	Withdrawn  State = "WITHDRAWN"   // the customer no longer shares: nothing may be sent
	Told       State = "TOLD"        // of rejected events: the receiver has them
	GaveUp     State = "GAVE_UP"     // every try was in vain; it is among the dead letters
)

// Delivery is how the telling of one thing stands. It holds no personal data beyond the customer number, and nothing of
// what was sent or replied but the status.
type Delivery struct {
	// ID is the webhook-id: the same for every try. A sign-up's names the customer and the consent, so however often it is
	// announced it is one delivery.
	ID       string
	Customer string // who signed up; "" if it tells of rejected events
	State    State
	Attempts int       // tries made
	Status   int       // of the last reply; 0 if none came
	Problem  string    // of the last try, in our words; "" if it had none
	Created  time.Time // when it was first met
	Updated  time.Time
	Due      time.Time // when it is tried next, while it is pending

	begun   time.Time // when the consent was given, or when an operator sent it again: what is answered later settles it
	from    int       // tries made before that
	leased  time.Time // until when somebody is trying it
	version int64
}

// partition is where the delivery of that id is: in the month of the instant that the id names, or, if it names none, in
// one that holds nothing.
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

// DeliveriesFrom are those in the table that TIMELINES_TABLE names, of the webhooks in PROVIDERS_TABLE, whose secrets they
// do not need.
func DeliveriesFrom(env *config.Env, now func() time.Time) *Deliveries {
	db := dynamo.New(env.AWS())
	return &Deliveries{db.Table(env.Get("TIMELINES_TABLE")), timeline.StoreFrom(env), db.Table(env.Get("PROVIDERS_TABLE")), now}
}

type deliveryRow struct {
	PK       string    `dynamo:"pk,hash"`
	SK       string    `dynamo:"sk,range"`
	Form     int       `dynamo:"v"`
	Version  int64     `dynamo:"n"`
	Customer string    `dynamo:"customer,omitempty"`
	State    State     `dynamo:"state"`
	Attempts int       `dynamo:"attempts"`
	Status   int       `dynamo:"status"`
	Problem  string    `dynamo:"problem,omitempty"`
	Created  time.Time `dynamo:"created"`
	Updated  time.Time `dynamo:"updated"`
	Due      time.Time `dynamo:"due,omitempty"`
	Begun    time.Time `dynamo:"begun"`
	From     int       `dynamo:"from"`
	Leased   time.Time `dynamo:"leased,omitempty"`
}

const formOfDeliveries = 1

func (r deliveryRow) delivery() Delivery {
	return Delivery{
		ID: r.SK, Customer: r.Customer, State: r.State, Attempts: r.Attempts, Status: r.Status, Problem: r.Problem,
		Created: r.Created, Updated: r.Updated, Due: r.Due, begun: r.Begun, from: r.From, leased: r.Leased, version: r.Version,
	}
}

// get is the delivery of that id; false if it has not been met yet.
func (s *Deliveries) get(ctx context.Context, provider, id string) (Delivery, bool, error) {
	var row deliveryRow
	err := s.table.Get(table.PK, partition(provider, id)).Range(table.SK, dynamo.Equal, id).Consistent(true).One(ctx, &row)
	if errors.Is(err, dynamo.ErrNotFound) {
		return Delivery{}, false, nil
	}
	return row.delivery(), err == nil, stored(err)
}

// errOvertaken is met when somebody else wrote the delivery meanwhile. The message comes again and sees what became of it.
var errOvertaken = fault.Wrap(fault.Unavailable, errors.New("webhook: the delivery was written by somebody else meanwhile"))

// write is the write of the next version of a delivery, on condition that the one before is the one stored.
func (s *Deliveries) write(provider string, d Delivery) *dynamo.Put {
	put := s.table.Put(deliveryRow{
		PK: partition(provider, d.ID), SK: d.ID, Form: formOfDeliveries, Version: d.version + 1,
		Customer: d.Customer, State: d.State, Attempts: d.Attempts, Status: d.Status, Problem: d.Problem,
		Created: d.Created.UTC(), Updated: s.now().UTC(), Due: d.Due.UTC(), Begun: d.begun.UTC(), From: d.from, Leased: d.leased.UTC(),
	})
	if d.version == 0 {
		return put.If("attribute_not_exists(pk)")
	}
	return put.If("'n' = ?", d.version)
}

// put writes the next version of a delivery. A transaction, though of one row: it has a token, so that the SDK may send it
// again when an answer was lost, without taking its own row for somebody else's.
func (s *Deliveries) put(ctx context.Context, provider string, d *Delivery) error {
	err := table.Commit(ctx, s.timelines.WriteTx().Put(s.write(provider, *d)))
	if errors.Is(err, table.ErrConflict) {
		return errOvertaken
	}
	d.version++
	d.Updated = s.now()
	return err
}

// List is a work provider's deliveries of the consents of a UTC month (YYYY-MM), oldest first.
func (s *Deliveries) List(ctx context.Context, provider, month string) ([]Delivery, error) {
	var rows []deliveryRow
	err := s.table.Get(table.PK, table.DeliveryPartition(provider, month)).Consistent(true).All(ctx, &rows)
	deliveries := make([]Delivery, len(rows))
	for i, row := range rows {
		deliveries[i] = row.delivery()
	}
	return deliveries, stored(err)
}

// Resend makes the delivery of a sign-up begin anew, whatever became of it: it is tried at once, and as often as the first time. The
// webhook-id stays, by which the receiver knows it again.
func (s *Deliveries) Resend(ctx context.Context, to queue.Sender, provider, id string) (Delivery, error) {
	if strings.HasPrefix(id, rejected+"_") {
		return Delivery{}, fault.InvalidField("delivery", "What was told of rejected events is not kept. GET /v2/event/{id} tells it.")
	}
	d, ok := Delivery{}, false
	if strings.HasPrefix(id, signedUp+"_") {
		var err error
		if d, ok, err = s.get(ctx, provider, id); err != nil {
			return Delivery{}, err
		}
	}
	if !ok {
		return Delivery{}, fault.New(fault.NotFound, "There is no such delivery.")
	}
	now := s.now()
	d.State, d.begun, d.from, d.Due, d.Problem = Pending, now, d.Attempts, now, ""
	if err := s.put(ctx, provider, &d); err != nil {
		return Delivery{}, err
	}
	m := message{Event: signedUp, Provider: provider, Customer: d.Customer, Delivery: id, Attempt: d.Attempts + 1, Due: now.UnixMilli()}
	return d, send(ctx, to, m, now)
}

// Progress is how far a work provider and a customer have come since the customer agreed to share, as the customer may
// be told.
type Progress uint8

// The steps.
const (
	NotAsked Progress = iota // the customer does not share, or there is no webhook to ask by
	Asking                   // the work provider is being asked
	Found                    // it knows the customer, whoever told us: shifts count
	NotFound                 // it does not
	NoAnswer                 // it was asked in vain, and may still answer by itself
)

// State is how far it has come, whether the webhook's reply said so or POST /v1/match/. Three reads at most.
func (s *Deliveries) State(ctx context.Context, provider, customer string) (Progress, error) {
	now := timeline.At(s.now())
	history, err := s.timelines.History(ctx, provider, customer)
	if err != nil {
		return NotAsked, err
	}
	consent, ok := history.ConsentedSince(now)
	if !ok {
		return NotAsked, nil
	}
	matched, answered := history.Answered(consent)
	switch {
	case answered && !matched:
		return NotFound, nil
	case answered || history.Matched(now): // or by the consent itself
		return Found, nil
	}
	d, ok, err := s.get(ctx, provider, signUpID(customer, consent))
	switch {
	case err != nil:
		return NotAsked, err
	case d.State == GaveUp:
		return NoAnswer, nil
	case ok:
		return Asking, nil
	}
	// The announcement may still be on its way.
	settings, err := settingsOf(ctx, s.providers, provider)
	switch {
	case err != nil && fault.KindOf(err) == fault.NotFound:
		return NotAsked, nil
	case err != nil || consent < timeline.At(settings.Since):
		return NotAsked, err
	}
	return Asking, nil
}
