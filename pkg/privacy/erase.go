package privacy

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// Erasure is what became of a person's data.
type Erasure struct {
	CustomerNumber string    `json:"customerNumber"`
	Erased         time.Time `json:"erased"`
	// WithdrawnFrom are the ids of the work providers with which the person shared until now.
	WithdrawnFrom []string `json:"withdrawnFrom"`
	// Enrolments is how many enrolments were forgotten.
	Enrolments int `json:"enrolments"`
	// Account is whether the person had one.
	HadAccount bool `json:"account"`
}

// Erase forgets a person (GDPR, article 17). Deleted are the details, the email's row, the account, the vehicle's
// registration and what is remembered of enrolments; consents end, and with them every id by which a work provider
// calls the person.
//
// What is kept is needed to establish, exercise or defend legal claims (article 17, 3 (e)): that somebody of this
// number had this cover, and when they were on shift. It says nothing of who that was.
//
// The identity is erased first, in one transaction that also ends the sessions and the links in mails; from then on no
// account, session, link or consent of the customer can be written. What follows may be interrupted: erasing the
// customer again finishes it. NotFound if there never was such a customer.
func (d *Service) Erase(ctx context.Context, number string, now time.Time) (Erasure, error) {
	e := Erasure{CustomerNumber: number, WithdrawnFrom: []string{}}
	if err := table.RetryConflicts(ctx, func() error { return d.erasePerson(ctx, &e, now) }); err != nil {
		return e, err
	}
	relations, err := d.providerHistories(ctx, number)
	if err != nil {
		return e, err
	}
	for _, r := range relations {
		if r.history.Consented(timeline.At(r.history.NextInstant(now))) {
			if err := d.links.WithdrawConsent(ctx, r.provider.ID, number, now); err != nil {
				return e, err
			}
			e.WithdrawnFrom = append(e.WithdrawnFrom, r.provider.ID)
		}
		ids, err := d.enrolledUserIDs(ctx, r, number)
		if err != nil {
			return e, err
		}
		for _, id := range ids {
			if err := d.customers.DeleteEnrolment(ctx, r.provider.ID, id); err != nil {
				return e, err
			}
			e.Enrolments++
		}
	}
	return e, nil
}

// erasePerson deletes who the person is, in one transaction, unless that was done.
func (d *Service) erasePerson(ctx context.Context, e *Erasure, now time.Time) error {
	c, ok, err := d.customers.Customer(ctx, e.CustomerNumber)
	if err != nil {
		return err
	}
	if !ok {
		e.Erased, err = d.customers.Erased(ctx, e.CustomerNumber)
		if err == nil && e.Erased.IsZero() {
			err = errNotFound
		}
		return err
	}
	p, err := d.customers.Policy(ctx, c.Number)
	if err != nil {
		return err
	}
	a, ok, err := d.accounts.Account(ctx, c.Email)
	if err != nil {
		return err
	}
	tx := d.timelines.WriteTx()
	d.customers.Erase(tx, c, p, now)
	d.accounts.RevokeAccess(tx, c.Email, c.Number, now)
	e.Erased = now.UTC()
	e.HadAccount = ok && a.Customer == c.Number
	if e.HadAccount {
		d.accounts.DeleteAccount(tx, c.Email, c.Number)
	}
	return table.Commit(ctx, tx)
}
