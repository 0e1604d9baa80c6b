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

// signedUp is the event that a customer agreed to share with the work provider.
const signedUp = "signup"

// signUp is the body of a sign-up, its keys in the documented order. It is made when it is sent, of what the customer's
// details are then, and stored nowhere.
type signUp struct {
	CustomerNumber string `json:"customerNumber"`
	Email          string `json:"email"`
	PhoneNumber    string `json:"phoneNumber"`
}

// signUpID is the id of the delivery that tells of a consent.
func signUpID(customer string, consent timeline.Instant) string {
	return fmt.Sprintf("%s_%016d_%s", signedUp, int64(consent), customer)
}

// tellSignUp tries to tell of a sign-up, unless it is settled already or there is no consent to tell anything.
func (s *Sender) tellSignUp(ctx context.Context, e errand) error {
	history, err := s.Timelines.History(ctx, e.Provider, e.Customer)
	if err != nil {
		return err
	}
	consent, sharing := history.ConsentedSince(timeline.At(s.Now()))
	id := e.Delivery
	if id == "" {
		if !sharing {
			return nil // announced, but never agreed
		}
		id = signUpID(e.Customer, consent)
	}
	d, ok, err := s.open(ctx, e, id, consent.Time())
	if err != nil || !ok {
		return err
	}
	if !sharing || id != signUpID(e.Customer, consent) {
		return s.finish(ctx, e, d, Withdrawn)
	}
	if _, answered := history.Answered(timeline.At(d.begun)); answered {
		return s.finish(ctx, e, d, Settled)
	}
	if ok, err := s.claim(ctx, e, &d); err != nil || !ok {
		return err
	}
	who, known, err := s.Customers.Customer(ctx, e.Customer)
	if err == nil && !known {
		err = errors.New("webhook: there is no such customer")
	}
	if err != nil {
		return err
	}
	reply := s.try(ctx, e, &d, signUp{CustomerNumber: who.Number, Email: who.Email, PhoneNumber: who.PhoneNumber})
	if reply.means == matched || reply.means == unknown {
		return s.settle(ctx, e, d, reply)
	}
	return s.postpone(ctx, e, d, reply)
}

// settle records the reply in the person's history, and that the delivery is done, in one transaction.
func (s *Sender) settle(ctx context.Context, e errand, d Delivery, reply Reply) error {
	answer := link.MatchReply{Provider: e.Provider, Customer: e.Customer, Matched: reply.means == matched, UserID: reply.userID}
	_, err := s.Links.RecordMatchReply(ctx, answer, s.Now(), func(tx *dynamo.WriteTx, isMatched bool) {
		done := d
		done.State, done.Due = NotMatched, time.Time{}
		if isMatched {
			done.State = Matched
		} else if answer.Matched {
			done.Problem = problemTaken
		}
		tx.Put(s.Deliveries.write(e.Provider, done))
	})
	return err
}
