package link

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// MatchReply is what a work provider replies when it is asked whether it knows a customer.
type MatchReply struct {
	Provider string
	Customer string // the customer number
	Matched  bool
	UserID   string // by which it calls the customer, if it says so and is matched
}

// RecordMatchReply records an answer, and tells whether the two are matched by it: not if it names an id that is somebody else's,
// which is recorded as no match. What also puts into the transaction is written with it, or not at all.
func (l *Links) RecordMatchReply(ctx context.Context, a MatchReply, now time.Time, extra func(tx *dynamo.WriteTx, matched bool)) (matched bool, err error) {
	err = table.RetryConflicts(ctx, func() error {
		var prev timeline.Ownership
		if a.UserID != "" {
			var err error
			if prev, err = l.timelines.Ownership(ctx, a.Provider, a.UserID, false); err != nil {
				return err
			}
		}
		history, err := l.timelines.History(ctx, a.Provider, a.Customer)
		if err != nil {
			return err
		}
		at := prev.After(history.After(now))
		since, consented := history.ConsentedSince(timeline.At(at))
		if !consented {
			return errNotSharing
		}
		isNew := a.UserID != "" && prev.Owner != a.Customer
		matched = a.Matched && (!isNew || prev.Owner == "" && len(history.Held()) < maxUserIDs)
		tx := l.timelines.WriteTx()
		change := historyChange{customer: a.Customer, prev: history, from: max(since, timeline.At(at.Add(-timeline.MatchWithin))).Time()}
		if !matched {
			change.entries = append(change.entries, timeline.NotMatched(at))
		} else {
			change.entries = append(change.entries, timeline.Matched(at))
		}
		if matched && isNew {
			change.entries = append(change.entries, l.timelines.Claim(tx, a.Provider, a.UserID, prev, a.Customer, at))
			change.from = min(timeline.At(change.from), max(since, prev.Freed)).Time()
		}
		extra(tx, matched)
		return l.commit(ctx, tx, a.Provider, change)
	})
	return matched, err
}
