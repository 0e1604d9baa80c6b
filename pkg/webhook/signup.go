package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
)

// eventSignUp is the notification that a customer consented to sharing with the work provider.
const eventSignUp = "signup"

// eventMatch is a match request that was applied. It notifies nobody: the ids that the customer claims are settled.
const eventMatch = "match"

// signUpBody is the body of a sign-up, its keys in the documented order. It is built from the customer's current
// details when it is sent, and never stored.
type signUpBody struct {
	CustomerNumber string `json:"customerNumber"`
	Email          string `json:"email"`
	PhoneNumber    string `json:"phoneNumber"`
	// WorkProviderUserID is the id that the link named by which the customer came.
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
}

// signUpID returns the id of the delivery of a consent, or of the claim of an id, by the instant of either.
func signUpID(customer string, at timeline.Instant) string {
	return fmt.Sprintf("%s_%016d_%s", eventSignUp, int64(at), customer)
}

// question is what a work provider is asked about a customer who shares with it.
type question struct {
	id      string           // of the delivery
	askedAt timeline.Instant // the consent, or the claim: later answers are answers to it
	claim   timeline.IDClaim // that it is about; the zero value if it is about the customer alone
}

// questions returns those about a customer at an instant: one for each claim of an id and, unless a claim came with the
// consent, one about the customer alone. There are none if the customer does not share.
func questions(history *timeline.History, customer string, now timeline.Instant) []question {
	consent, sharing := history.ConsentedSince(now)
	if !sharing {
		return nil
	}
	given, _ := history.ConsentGivenAt(now)
	var list []question
	for _, claim := range history.Claims() {
		list = append(list, question{signUpID(customer, claim.At), claim.At, claim})
	}
	if len(list) == 0 || list[0].askedAt != given {
		// A match in the same second, by the consent itself, is no answer to what was not asked yet.
		list = append(list, question{id: signUpID(customer, consent), askedAt: given})
	}
	return list
}

// answered reports whether a question needs no answer any more since a time: the id was linked or refused, or there is
// a match result. A match result alone says nothing of an id.
func (q question) answered(history *timeline.History, since timeline.Instant) bool {
	if q.claim.UserID != "" && q.claim.SettledAt == 0 {
		return false
	}
	_, matched := history.VerdictSince(since)
	return matched || q.claim.SettledAt > since
}

// deliverSignUp attempts to deliver a sign-up, unless there is a match result already or no consent.
func (s *Sender) deliverSignUp(ctx context.Context, e job) error {
	history, err := s.Timelines.History(ctx, e.Provider, e.Customer)
	if err != nil {
		return err
	}
	list := questions(&history, e.Customer, timeline.At(s.Now()))
	if e.Delivery == "" { // published; there is nothing to ask if the customer never consented
		for i, q := range list {
			if i > 0 && q.claim.UserID == "" {
				continue // the consent is older than the claims: it was asked about when it was given, if at all
			}
			if err := s.ask(ctx, e, &history, q); err != nil {
				return err
			}
		}
		return nil
	}
	i := slices.IndexFunc(list, func(q question) bool { return q.id == e.Delivery })
	if i >= 0 {
		return s.ask(ctx, e, &history, list[i])
	}
	d, ok, err := s.loadDelivery(ctx, e, e.Delivery, s.Now())
	if err != nil || !ok {
		return err
	}
	return s.complete(ctx, e, d, Withdrawn)
}

// ask attempts to deliver one question.
func (s *Sender) ask(ctx context.Context, e job, history *timeline.History, q question) error {
	d, ok, err := s.loadDelivery(ctx, e, q.id, q.askedAt.Time())
	if err != nil || !ok {
		return err
	}
	if q.answered(history, timeline.At(d.startedAt)) {
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
	reply := s.doubt(e, &d, s.attempt(ctx, e, &d, signUpBody{
		CustomerNumber:     recipient.Number,
		Email:              recipient.Email,
		PhoneNumber:        recipient.PhoneNumber,
		WorkProviderUserID: q.claim.UserID,
	}))
	if reply.kind == replyMatched || reply.kind == replyNotMatched {
		return s.recordAnswer(ctx, e, d, q, reply)
	}
	return s.scheduleRetry(ctx, e, d, reply)
}

// recordAnswer records the reply in the customer's history, and completes the delivery, in one transaction.
func (s *Sender) recordAnswer(ctx context.Context, e job, d Delivery, q question, reply Reply) error {
	answer := link.MatchReply{
		Provider: e.Provider,
		Customer: e.Customer,
		Claim:    q.claim.UserID,
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
