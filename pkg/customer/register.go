package customer

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// Registrar creates customers: their own items and those of their timelines, in one transaction.
type Registrar struct {
	customers        *Store
	timelines        *timeline.Store
	requestRecompute link.RequestRecompute
}

// NewRegistrar returns a registrar that writes to both stores.
func NewRegistrar(customers *Store, timelines *timeline.Store, refold link.RequestRecompute) *Registrar {
	return &Registrar{customers: customers, timelines: timelines, requestRecompute: refold}
}

// NewCustomer is a customer to be created.
type NewCustomer struct {
	Number  string // "" to have one generated
	Details Details
	Policy  Policy
	Share   *InitialShare // nil for a customer who does not share yet
}

// InitialShare says that a customer consented to share with a work provider, and was matched there, at the same
// instant.
type InitialShare struct {
	Provider string // its id
	UserID   string // what it calls the customer: its workProviderUserId; "" if it only knows the number
	Since    time.Time
}

// The faults of a customer who cannot be created.
func numberTaken() error {
	return fault.InvalidField("customerNumber", "`customerNumber` belongs to another customer")
}

func userIDTaken() error {
	return fault.InvalidField(userIDPath, "`"+userIDPath+"` belongs to another customer")
}

// Create writes a new customer and returns the number. InvalidData names what is wrong: a detail, a number that is
// taken, a workProviderUserId that belongs to another customer.
func (r *Registrar) Create(ctx context.Context, n NewCustomer, now time.Time) (number string, err error) {
	if n.Details, err = n.Details.Normalise(now); err != nil {
		return "", err
	}
	if n.Number != "" {
		name, err := person.NewCustomerNumber(n.Number)
		if err != nil {
			return "", err
		}
		if !validNumber(name.Value) {
			return "", fault.InvalidField("customerNumber", "`customerNumber` must consist of A-Z and 0-9")
		}
		n.Number = name.Value
	}
	err = table.RetryConflicts(ctx, func() error {
		if n.Number != "" {
			if _, taken, err := r.customers.customerItem(ctx, n.Number); err != nil {
				return err
			} else if taken {
				return numberTaken()
			}
		}
		owned, err := r.ownership(ctx, n.Share)
		if err != nil {
			return err
		}
		if owned.Owner != "" {
			return userIDTaken()
		}
		number, err = r.createTx(ctx, n, owned, nil, now)
		return err
	})
	return number, err
}

// ownership returns the owner of the linked workProviderUserId: none if there is no id.
func (r *Registrar) ownership(ctx context.Context, share *InitialShare) (timeline.Ownership, error) {
	if share == nil || share.UserID == "" {
		return timeline.Ownership{}, nil
	}
	return r.timelines.Ownership(ctx, share.Provider, share.UserID)
}

// createTx writes all items of a new customer in one transaction, and with them the enrolment, if there is one, which
// gets the number. It fails with table.ErrConflict if the number, the workProviderUserId or the enrolment is taken by
// then.
func (r *Registrar) createTx(
	ctx context.Context,
	n NewCustomer,
	owned timeline.Ownership,
	e *enrolment,
	now time.Time,
) (number string, err error) {
	number = n.Number
	if number == "" {
		number = GenerateNumber()
	}
	tx := r.customers.db.WriteTx()
	r.customers.Add(tx, Customer{Number: number, Details: n.Details}, n.Policy, now)
	if e != nil {
		e.number = number
		r.customers.addEnrolment(tx, n.Share.Provider, n.Share.UserID, *e)
	}
	if l := n.Share; l != nil {
		entries := []timeline.Entry{timeline.ConsentGiven(l.Since), timeline.Matched(l.Since)}
		if l.UserID != "" {
			entries = append(entries, r.timelines.AssignUserID(tx, l.Provider, l.UserID, owned, number, l.Since))
		}
		r.timelines.AppendHistory(tx, l.Provider, number, entries...)
		if err := r.requestRecompute(ctx, l.Provider, number, l.Since); err != nil {
			return "", err
		}
	}
	if err := table.Commit(ctx, tx); err != nil {
		return "", err
	}
	return number, nil
}
