package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
)

// eventSignUp is the notification that a customer consented to sharing with the work provider.
const eventSignUp = "signup"

// signUpBody is the body of a sign-up, its keys in the documented order. It is built from the customer's current
// details when it is sent, and never stored.
type signUpBody struct {
	CustomerNumber string `json:"customerNumber"`
	Email          string `json:"email"`
	PhoneNumber    string `json:"phoneNumber"`
}

// signUpID returns the id of the delivery of a consent.
func signUpID(customer string, consent timeline.Instant) string {
	return fmt.Sprintf("%s_%016d_%s", eventSignUp, int64(consent), customer)
}

// deliverSignUp attempts to deliver a sign-up, unless there is a match result already or no consent.
func (s *Sender) deliverSignUp(ctx context.Context, e job) error {
	history, err := s.Timelines.History(ctx, e.Provider, e.Customer)
	if err != nil {
		return err
	}
	consent, sharing := history.ConsentedSince(timeline.At(s.Now()))
	id := e.Delivery
	if id == "" {
		if !sharing {
			return nil // published, but the customer never consented
		}
		id = signUpID(e.Customer, consent)
	}
	// A match in the same second, by the consent itself, is no answer to what was not asked yet.
	given, _ := history.ConsentGivenAt(timeline.At(s.Now()))
	d, ok, err := s.loadDelivery(ctx, e, id, given.Time())
	if err != nil || !ok {
		return err
	}
	if !sharing || id != signUpID(e.Customer, consent) {
		return s.complete(ctx, e, d, Withdrawn)
	}
	if _, answered := history.VerdictSince(timeline.At(d.startedAt)); answered {
		return s.complete(ctx, e, d, Superseded)
	}
	if ok, err := s.acquireLease(ctx, e, &d); err != nil || !ok {
		return err
	}
	recipient, known, err := s.Customers.Customer(ctx, e.Customer)
	if err == nil && !known {
		err = errors.New("webhook: no such customer")
	}
	if err != nil {
		return err
	}
	reply := s.attempt(
		ctx,
		e,
		&d,
		signUpBody{CustomerNumber: recipient.Number, Email: recipient.Email, PhoneNumber: recipient.PhoneNumber},
	)
	if reply.kind == replyMatched || reply.kind == replyNotMatched {
		return s.recordReply(ctx, e, d, reply)
	}
	return s.scheduleRetry(ctx, e, d, reply)
}

// recordReply records the reply in the customer's history, and completes the delivery, in one transaction.
func (s *Sender) recordReply(ctx context.Context, e job, d Delivery, reply Reply) error {
	answer := link.MatchReply{
		Provider: e.Provider,
		Customer: e.Customer,
		Matched:  reply.kind == replyMatched,
		UserID:   reply.userID,
	}
	_, err := s.Links.RecordMatchReply(ctx, answer, s.Now(), func(tx *dynamo.WriteTx, isMatched bool) {
		done := d
		done.State = NotMatched
		done.NextAttempt = time.Time{}
		if isMatched {
			done.State = Matched
		} else if answer.Matched {
			done.Problem = problemTaken
		}
		tx.Put(s.Deliveries.write(e.Provider, done))
	})
	return err
}
