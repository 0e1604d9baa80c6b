// Package link changes what a customer shares with a work provider: consent given and withdrawn, and the
// workProviderUserIds by which the provider calls the customer, linked, unlinked and moved.
//
// Each change is one transaction over the customer's history and the rows that tell whose an id is, so that the two
// never disagree: an id is somebody's only while that customer shares, and whoever asks by it needs one read. A change
// that finds things as it would leave them does nothing, so that any may be asked for again.
package link

import (
	"context"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// RequestRecompute asks for a customer's shifts to be folded again from that instant on, because the history changes. It is called
// before the change is written: asked for afterwards, a crash between the two would leave shifts that nobody mends. So
// what it asks for must be done somewhat later than asked, and do no harm if nothing has changed.
type RequestRecompute func(ctx context.Context, provider, customerNumber string, from time.Time) error

// Links changes histories.
type Links struct {
	timelines        *timeline.Store
	requestRecompute RequestRecompute
}

// New changes the histories of that store.
func New(timelines *timeline.Store, refold RequestRecompute) *Links { return &Links{timelines, refold} }

// Grant is what a customer agrees to.
type Grant struct {
	Provider string // the id of the work provider to share with
	Customer string // the customer number
	UserID   string // by which the provider calls the customer; "" if it only knows the number
	Matched  bool   // the two are matched by this, too, as by the link flow; else a match has to come
}

// The refusals. An id is linked to somebody who shares only, because to the work provider it is nobody's otherwise.
var (
	errTaken      = fault.InvalidField("workProviderUserId", "`workProviderUserId` belongs to another customer")
	errTooMany    = fault.InvalidField("workProviderUserId", fmt.Sprintf("A customer can have %d ids at a work provider at the most", maxUserIDs))
	errNotSharing = fault.InvalidField("customerNumber", "The customer does not share with this work provider")
	errNotLinked  = fault.New(fault.NotFound, "This workProviderUserId belongs to nobody")
)

// maxUserIDs keeps a withdrawal, which gives up all ids at once, within the hundred rows of a transaction.
const maxUserIDs = 50

// historyChange is what a change does to one customer's history.
type historyChange struct {
	customer string
	prev     timeline.History
	from     time.Time // the fold may change from here on
	entries  []timeline.Entry
}

// commit writes amendments, with what else the transaction has; the guard goes first.
func (l *Links) commit(ctx context.Context, tx *dynamo.WriteTx, provider string, amendments ...historyChange) error {
	for _, a := range amendments {
		l.timelines.Amend(tx, provider, a.customer, a.prev, a.entries...)
		if err := l.requestRecompute(ctx, provider, a.customer, a.from); err != nil {
			return err
		}
	}
	return table.Commit(ctx, tx)
}

// GrantConsent records that the customer consents from now on, and is matched and called by an id if the agreement says so. It
// refuses an id that is somebody else's, and records nothing then.
func (l *Links) GrantConsent(ctx context.Context, grant Grant, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		history, err := l.timelines.History(ctx, grant.Provider, grant.Customer)
		if err != nil {
			return err
		}
		var prev timeline.Ownership
		if grant.UserID != "" {
			if prev, err = l.timelines.Ownership(ctx, grant.Provider, grant.UserID, false); err != nil {
				return err
			}
		}
		at := prev.After(history.After(now))
		tx := l.timelines.WriteTx()
		change := historyChange{customer: grant.Customer, prev: history, from: at}
		since, consented := history.ConsentedSince(timeline.At(at))
		if !consented {
			since = timeline.At(at)
			change.entries = append(change.entries, timeline.ConsentGiven(at))
		}
		if grant.Matched && !history.Matched(timeline.At(at)) {
			change.entries = append(change.entries, timeline.Matched(at))
			change.from = at.Add(-timeline.MatchWithin) // facts of an earlier consent have waited, too
		}
		if grant.UserID != "" && prev.Owner != grant.Customer {
			switch {
			case prev.Owner != "":
				return errTaken
			case len(history.Held()) >= maxUserIDs:
				return errTooMany
			}
			change.entries = append(change.entries, l.timelines.Claim(tx, grant.Provider, grant.UserID, prev, grant.Customer, at))
			change.from = min(timeline.At(change.from), max(since, prev.Freed)).Time()
		}
		if len(change.entries) == 0 {
			return nil
		}
		return l.commit(ctx, tx, grant.Provider, change)
	})
}

// WithdrawConsent records that the customer shares no longer, and gives up every id that the provider calls them by.
func (l *Links) WithdrawConsent(ctx context.Context, provider, customer string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		history, err := l.timelines.History(ctx, provider, customer)
		if err != nil {
			return err
		}
		at := history.After(now)
		if !history.Consented(timeline.At(at)) {
			return nil
		}
		tx := l.timelines.WriteTx()
		change := historyChange{customer: customer, prev: history, from: at, entries: []timeline.Entry{timeline.ConsentWithdrawn(at)}}
		for _, id := range history.Held() {
			prev, err := l.timelines.Ownership(ctx, provider, id, false)
			if err != nil {
				return err
			}
			if prev.Owner != customer {
				return table.ErrConflict // it went to another since the history was read
			}
			change.entries = append(change.entries, l.timelines.Release(tx, provider, id, prev, at))
		}
		return l.commit(ctx, tx, provider, change)
	})
}

// Assign records that the provider calls the customer by an id, which must be nobody else's.
func (l *Links) Assign(ctx context.Context, provider, customer, userID string, now time.Time) error {
	return l.assign(ctx, provider, customer, userID, false, now)
}

// Move is Link, but takes the id from whoever has it. The facts sent under it before stay theirs.
func (l *Links) Move(ctx context.Context, provider, customer, userID string, now time.Time) error {
	return l.assign(ctx, provider, customer, userID, true, now)
}

func (l *Links) assign(ctx context.Context, provider, customer, userID string, force bool, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		prev, err := l.timelines.Ownership(ctx, provider, userID, false)
		if err != nil {
			return err
		}
		history, err := l.timelines.History(ctx, provider, customer)
		if err != nil {
			return err
		}
		at := prev.After(history.After(now))
		since, consented := history.ConsentedSince(timeline.At(at))
		tx := l.timelines.WriteTx()
		var changes []historyChange
		switch {
		case !consented:
			return errNotSharing
		case prev.Owner == customer:
			return nil
		case prev.Owner != "" && !force:
			return errTaken
		case len(history.Held()) >= maxUserIDs:
			return errTooMany
		case prev.Owner != "":
			previousOwner, err := l.timelines.History(ctx, provider, prev.Owner)
			if err != nil {
				return err
			}
			at = previousOwner.After(at)
			entry := timeline.Unlinked(at, userID)
			changes = append(changes, historyChange{customer: prev.Owner, prev: previousOwner, from: at, entries: []timeline.Entry{entry}})
			prev = prev.FreedAt(at)
		}
		link := l.timelines.Claim(tx, provider, userID, prev, customer, at)
		from := max(since, prev.Freed).Time()
		changes = append(changes, historyChange{customer: customer, prev: history, from: from, entries: []timeline.Entry{link}})
		return l.commit(ctx, tx, provider, changes...)
	})
}

// Unlink records that an id is no longer of whose it is.
func (l *Links) Unlink(ctx context.Context, provider, userID string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		prev, err := l.timelines.Ownership(ctx, provider, userID, false)
		if err != nil {
			return err
		}
		if prev.Owner == "" {
			return errNotLinked
		}
		history, err := l.timelines.History(ctx, provider, prev.Owner)
		if err != nil {
			return err
		}
		at := history.After(now)
		tx := l.timelines.WriteTx()
		entry := l.timelines.Release(tx, provider, userID, prev, at)
		return l.commit(ctx, tx, provider, historyChange{customer: prev.Owner, prev: history, from: at, entries: []timeline.Entry{entry}})
	})
}
