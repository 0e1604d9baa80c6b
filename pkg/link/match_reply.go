package link

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// MatchReply is what a work provider replies to the question whether it knows a customer.
type MatchReply struct {
	Provider string
	Customer string // the customer number
	Matched  bool
	UserID   string // by which it calls the customer, if it says so and is matched
}

// RecordMatchReply records a reply, and reports whether it matches the two: it does not if it names an id that
// cannot be linked, such as another customer's, which is recorded as no match. What extra adds to the transaction is
// written with it, or not at all.
func (l *Links) RecordMatchReply(
	ctx context.Context, reply MatchReply, now time.Time, extra func(tx *dynamo.WriteTx, matched bool),
) (matched bool, err error) {
	err = table.RetryConflicts(ctx, func() error {
		var prev timeline.Ownership
		if reply.UserID != "" {
			var err error
			if prev, err = l.timelines.Ownership(ctx, reply.Provider, reply.UserID); err != nil {
				return err
			}
		}
		history, err := l.timelines.History(ctx, reply.Provider, reply.Customer)
		if err != nil {
			return err
		}
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
		if !matched {
			change.entries = append(change.entries, timeline.NotMatched(at))
		} else {
			change.entries = append(change.entries, timeline.Matched(at))
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
