package privacy

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// Erasure is the result of an erasure.
type Erasure struct {
	CustomerNumber string    `json:"customerNumber"`
	Erased         time.Time `json:"erased"`
	// WithdrawnFrom has the IDs of the work providers whose consents were withdrawn.
	WithdrawnFrom []string `json:"withdrawnFrom"`
	// Enrolments is the number of enrolment digests that were deleted.
	Enrolments int `json:"enrolments"`
	// VoidReasons is the number of texts that were erased which said why an event was taken back.
	VoidReasons int `json:"voidReasons"`
	// HadAccount is whether an account was deleted: one that opened this customer alone.
	HadAccount bool `json:"account"`
}

// Erase erases a customer's personal data (GDPR, article 17): the details, the item of the email address, the account,
// the vehicle's registration, the digests of enrolments and the reasons for which events were taken back. Consents end,
// and with them the IDs at work providers.
//
// The cover and the shifts are kept under the customer number, without personal data: they are needed to establish,
// exercise or defend legal claims (article 17 (3) (e)).
//
// The identity is erased first, in one transaction that also revokes sessions and links in mails. After it, no account,
// session, link or consent of the customer can be written. If the rest is interrupted, erasing again completes it. The
// error is NotFound for a number that was never used.
func (s *Service) Erase(ctx context.Context, number string, now time.Time) (Erasure, error) {
	e := Erasure{CustomerNumber: number, WithdrawnFrom: []string{}}
	if err := table.RetryConflicts(ctx, func() error { return s.erasePerson(ctx, &e, now) }); err != nil {
		return e, err
	}
	histories, err := s.providerHistories(ctx, number)
	if err != nil {
		return e, err
	}
	for _, r := range histories {
		if r.history.Consented(timeline.At(r.history.NextInstant(now))) {
			if err := s.links.WithdrawConsent(ctx, r.provider.ID, number, now); err != nil {
				return e, err
			}
			e.WithdrawnFrom = append(e.WithdrawnFrom, r.provider.ID)
		}
		ids, err := s.enrolledUserIDs(ctx, r, number)
		if err != nil {
			return e, err
		}
		for _, id := range ids {
			if err := s.customers.DeleteEnrolment(ctx, r.provider.ID, id); err != nil {
				return e, err
			}
			e.Enrolments++
		}
		if err := s.eraseVoidReasons(ctx, &e, r.provider.ID); err != nil {
			return e, err
		}
	}
	return e, nil
}

// eraseVoidReasons erases why events of the customer were taken back: a text that anybody may have written anything in.
func (s *Service) eraseVoidReasons(ctx context.Context, e *Erasure, provider string) error {
	_, events, err := timeline.CustomerEvents(ctx, s.timelines, provider, e.CustomerNumber, timeline.AllDays())
	if err != nil {
		return err
	}
	for _, event := range events {
		if event.VoidReason == "" {
			continue
		}
		if err := s.timelines.EraseVoidReason(ctx, provider, event.Fact); err != nil {
			return err
		}
		e.VoidReasons++
	}
	return nil
}

// erasePerson erases the identity in one transaction, unless it has been erased already.
func (s *Service) erasePerson(ctx context.Context, e *Erasure, now time.Time) error {
	c, ok, err := s.customers.Customer(ctx, e.CustomerNumber)
	if err != nil {
		return err
	}
	if !ok {
		e.Erased, err = s.customers.Erased(ctx, e.CustomerNumber)
		if err == nil && e.Erased.IsZero() {
			err = errNotFound
		}
		return err
	}
	p, err := s.customers.Policy(ctx, c.Number)
	if err != nil {
		return err
	}
	known, err := s.accounts.ByEmail(ctx, customer.NormaliseEmail(c.Email))
	if err != nil {
		return err
	}
	tx := s.timelines.WriteTx()
	s.customers.Erase(tx, c, p, now)
	s.accounts.RevokeAccess(tx, c.Email, now)
	e.Erased = now.UTC()
	e.HadAccount = s.accounts.CloseAccount(tx, known, c.Email, c.Number)
	return table.Commit(ctx, tx)
}
