package link

import (
	"context"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// MatchReply is what a work provider replies to the question whether it knows a customer.
type MatchReply struct {
	Provider string
	Customer string // the customer number
	Claim    string // the workProviderUserId that the question named; "" if it named none
	Matched  bool
	UserID   string // by which it calls the customer, if it says so and is matched
}

// RecordMatchReply records a reply, and reports whether it matches the two: it does not if it names an id that
// cannot be linked, such as another customer's, which is recorded as no match. A match without an id confirms the one
// that the question named; anything else releases that one. A customer who is matched by another id of theirs stays so:
// the reply is about a further id. What extra adds to the transaction is written with it, or not at all.
func (l *Links) RecordMatchReply(
	ctx context.Context, reply MatchReply, now time.Time, extra func(tx *dynamo.WriteTx, matched bool),
) (matched bool, err error) {
	if reply.Matched && reply.UserID == "" {
		reply.UserID = reply.Claim
	}
	err = table.RetryConflicts(ctx, func() error {
		owned := map[string]timeline.Ownership{}
		for _, id := range []string{reply.UserID, reply.Claim} {
			if id == "" {
				continue
			}
			var err error
			if owned[id], err = l.timelines.Ownership(ctx, reply.Provider, id); err != nil {
				return err
			}
		}
		history, err := l.timelines.History(ctx, reply.Provider, reply.Customer)
		if err != nil {
			return err
		}
		prev := owned[reply.UserID]
		at := prev.NextInstant(history.NextInstant(now))
		since, consented := history.ConsentedSince(timeline.At(at))
		if !consented {
			return errNotSharing
		}
		isNew := reply.UserID != "" && prev.Owner != reply.Customer
		linkable := prev.Owner == "" && len(history.CurrentUserIDs()) < maxUserIDs && history.HasRoom(timeline.At(at))
		matched = reply.Matched && (!isNew || linkable)
		tx := l.timelines.WriteTx()
		change := historyChange{
			customer: reply.Customer,
			prev:     history,
			from:     max(since, timeline.At(at.Add(-timeline.MatchWindow))).Time(),
		}
		if reply.Claim != "" && (!matched || reply.UserID != reply.Claim) {
			change.entries = append(change.entries, l.refuse(tx, reply, owned[reply.Claim], at))
		}
		if matched {
			change.entries = append(change.entries, timeline.Matched(at))
		} else if !matchedByAnother(history, reply.Claim, at) {
			change.entries = append(change.entries, timeline.NotMatched(at))
		}
		if matched && isNew {
			link := l.timelines.AssignUserID(tx, reply.Provider, reply.UserID, prev, reply.Customer, at)
			change.entries = append(change.entries, link)
			change.from = min(timeline.At(change.from), linkedFrom(since, prev, at)).Time()
		}
		extra(tx, matched)
		return l.commit(ctx, tx, reply.Provider, change)
	})
	return matched, err
}

// refuse returns the entry that the id of a question is not the customer's, and releases it if it was linked since.
func (l *Links) refuse(tx *dynamo.WriteTx, reply MatchReply, owned timeline.Ownership, at time.Time) timeline.Entry {
	if owned.Owner == reply.Customer {
		return l.timelines.ReleaseUserID(tx, reply.Provider, reply.Claim, owned, at)
	}
	return timeline.Unlinked(at, reply.Claim)
}

// matchedByAnother reports whether a customer is matched by an id other than the one that is asked about.
func matchedByAnother(history timeline.History, claim string, at time.Time) bool {
	given, _ := history.ConsentGivenAt(timeline.At(at))
	return claim != "" && history.MatchedIn(given, timeline.At(at)) &&
		slices.ContainsFunc(history.CurrentUserIDs(), func(id string) bool { return id != claim })
}

// SettleClaims does to the claims of a customer what a match request asks for, once it is in the history. No match
// refuses them all. A match links the id of a customer who came with that one alone, unless it is another customer's by
// now. Of further ids a match request says nothing: they wait for the webhook's reply. Repeating it changes nothing.
func (l *Links) SettleClaims(ctx context.Context, provider, customer string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		history, err := l.timelines.History(ctx, provider, customer)
		if err != nil {
			return err
		}
		pending := history.PendingClaims()
		at := history.NextInstant(now)
		since, consented := history.ConsentedSince(timeline.At(at))
		if !consented || len(pending) == 0 {
			return nil
		}
		tx := l.timelines.WriteTx()
		change := historyChange{customer: customer, prev: history, from: at}
		for _, claim := range pending {
			matched, answered := history.VerdictSince(claim.At)
			if !answered || matched && !isFirst(history, claim, at) {
				continue
			}
			if !matched {
				change.entries = append(change.entries, timeline.Unlinked(at, claim.UserID))
				continue
			}
			owned, err := l.timelines.Ownership(ctx, provider, claim.UserID)
			if err != nil {
				return err
			}
			if owned.Owner != "" || !history.HasRoom(timeline.At(at)) {
				change.entries = append(change.entries, timeline.Unlinked(at, claim.UserID))
				continue
			}
			at := owned.NextInstant(at)
			change.entries = append(
				change.entries,
				l.timelines.AssignUserID(tx, provider, claim.UserID, owned, customer, at),
			)
			change.from = min(timeline.At(change.from), linkedFrom(since, owned, at)).Time()
		}
		if len(change.entries) == 0 {
			return nil
		}
		return l.commit(ctx, tx, provider, change)
	})
}

// isFirst reports whether a claim is the only one of a customer who has no id yet and was not matched when it was made.
func isFirst(history timeline.History, claim timeline.IDClaim, at time.Time) bool {
	given, _ := history.ConsentGivenAt(timeline.At(at))
	return len(history.PendingClaims()) == 1 && len(history.CurrentUserIDs()) == 0 &&
		!history.MatchedIn(given, claim.At)
}
