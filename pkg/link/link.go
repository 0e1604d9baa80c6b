// Package link changes what a customer shares with a work provider: consent given and withdrawn, and the
// workProviderUserIds by which the provider calls the customer, claimed, linked, unlinked and moved.
//
// Each change is one transaction over the customer's history and the items that say whose an id is, so that the two
// never disagree: an id has an owner only while that customer shares, and looking it up takes one read. A change
// that finds things as it would leave them does nothing, so that any of them can be retried.
package link

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// RequestRecompute requests that a customer's shifts are folded again from that instant on, because the history
// changes. It is called before the change is written: called afterwards, a crash between the two would leave wrong
// shifts. So the recomputation must be delayed, and do no harm if nothing has changed.
type RequestRecompute func(ctx context.Context, provider, customerNumber string, from time.Time) error

// NoRecompute is a RequestRecompute for customers who are only being created: no event of theirs can have arrived yet.
func NoRecompute(context.Context, string, string, time.Time) error { return nil }

// Links changes histories.
type Links struct {
	timelines        *timeline.Store
	requestRecompute RequestRecompute
}

// New returns links that change the histories of that store.
func New(timelines *timeline.Store, refold RequestRecompute) *Links { return &Links{timelines, refold} }

// Grant is what a customer consents to.
type Grant struct {
	Provider string // the id of the work provider to share with
	Customer string // the customer number
	UserID   string // by which the provider calls the customer; "" if it only knows the number
	Matched  bool   // whether this matches the two; if not, a match has to follow
	Claimed  bool   // whether the id is only claimed: it is linked once the work provider confirms it
	// MaxUserIDs is how many ids the customer may have at the provider with this one, claimed ones included. 0 stands for
	// the most that there may be.
	MaxUserIDs int
	// Require adds to the transaction what must hold of the customer, and fails if it does not hold now: that the
	// customer is not erased, which only package customer knows. nil for nothing.
	Require func(ctx context.Context, tx *dynamo.WriteTx, customer string) error
}

// MaxLinkUserIDs is how many ids a customer may have at one work provider by opening links.
const MaxLinkUserIDs = 5

// The errors. An id is linked only to a customer who shares, because to the work provider it has no owner otherwise.
var (
	// ErrTaken means that the id belongs to another customer.
	ErrTaken = fault.InvalidField("workProviderUserId", "`workProviderUserId` belongs to another customer")
	// ErrTooMany means that the customer has as many ids as there may be.
	ErrTooMany = fault.InvalidField("workProviderUserId", "The customer has too many ids at this work provider")
	// ErrTooManyChanges means that the customer consented, or was linked, so often in this month that another time is
	// not recorded. A withdrawal always is.
	ErrTooManyChanges = fault.InvalidField(
		"customerNumber",
		"The customer's sharing with this work provider changed too often in this month",
	)
	errNotSharing = fault.InvalidField("customerNumber", "The customer does not share with this work provider")
	errNotLinked  = fault.New(fault.NotFound, "This workProviderUserId is not linked to any customer")
)

// maxUserIDs keeps a withdrawal, which unlinks all ids at once, within the hundred items of a transaction.
const maxUserIDs = 50

// historyChange is what changes in one customer's history.
type historyChange struct {
	customer string
	prev     timeline.History
	from     time.Time // the fold may change from here on
	entries  []timeline.Entry
}

// commit requests the recomputations, and then writes the changes with what else the transaction has. A change counts
// from the beginning of its second (rules 6 and 7), so shifts are recomputed from there.
func (l *Links) commit(ctx context.Context, tx *dynamo.WriteTx, provider string, changes ...historyChange) error {
	for _, c := range changes {
		l.timelines.UpdateHistory(tx, provider, c.customer, c.prev, c.entries...)
		if err := l.requestRecompute(ctx, provider, c.customer, c.from.Truncate(time.Second)); err != nil {
			return err
		}
	}
	return table.Commit(ctx, tx)
}

// GrantConsent records that the customer consents from now on, and is matched and called by an id if the grant says so.
// An id of another customer is InvalidData, and then nothing is recorded.
func (l *Links) GrantConsent(ctx context.Context, grant Grant, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		history, err := l.timelines.History(ctx, grant.Provider, grant.Customer)
		if err != nil {
			return err
		}
		var prev timeline.Ownership
		if grant.UserID != "" {
			if prev, err = l.timelines.Ownership(ctx, grant.Provider, grant.UserID); err != nil {
				return err
			}
		}
		at := prev.NextInstant(history.NextInstant(now))
		tx := l.timelines.WriteTx()
		if grant.Require != nil {
			if err := grant.Require(ctx, tx, grant.Customer); err != nil {
				return err
			}
		}
		change := historyChange{customer: grant.Customer, prev: history, from: at}
		since, consented := history.ConsentedSince(timeline.At(at))
		if !consented {
			since = timeline.At(at)
			change.entries = append(change.entries, timeline.ConsentGiven(at))
		}
		if grant.Matched && !history.Matched(timeline.At(at)) {
			change.entries = append(change.entries, timeline.Matched(at))
			change.from = at.Add(-timeline.MatchWindow) // facts of an earlier consent are unmatched, too
		}
		assigned := grant.UserID != "" && prev.Owner != grant.Customer
		if assigned {
			switch {
			case prev.Owner != "":
				return ErrTaken
			case countOtherUserIDs(history, grant.UserID) >= cmp.Or(grant.MaxUserIDs, maxUserIDs):
				return ErrTooMany
			case grant.Claimed && history.HasPendingClaim(grant.UserID):
			case grant.Claimed:
				change.entries = append(change.entries, timeline.Claimed(at, grant.UserID))
			default:
				change.entries = append(
					change.entries,
					l.timelines.AssignUserID(tx, grant.Provider, grant.UserID, prev, grant.Customer, at),
				)
				change.from = min(timeline.At(change.from), linkedFrom(since, prev, at)).Time()
			}
		}
		switch {
		case len(change.entries) == 0:
			return nil
		case (!consented || assigned) && !history.HasRoom(timeline.At(at)):
			return ErrTooManyChanges
		}
		return l.commit(ctx, tx, grant.Provider, change)
	})
}

// countOtherUserIDs returns how many ids the customer has or has claimed, that one aside.
func countOtherUserIDs(history timeline.History, userID string) int {
	ids := history.CurrentUserIDs()
	for _, claim := range history.PendingClaims() {
		ids = append(ids, claim.UserID)
	}
	slices.Sort(ids)
	return len(slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == userID }))
}

// WithdrawConsent records that the customer no longer shares, and unlinks every id that the provider calls them by.
func (l *Links) WithdrawConsent(ctx context.Context, provider, customer string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		history, err := l.timelines.History(ctx, provider, customer)
		if err != nil {
			return err
		}
		at := history.NextInstant(now)
		if !history.Consented(timeline.At(at)) {
			return nil
		}
		tx := l.timelines.WriteTx()
		change := historyChange{
			customer: customer,
			prev:     history,
			from:     at,
			entries:  []timeline.Entry{timeline.ConsentWithdrawn(at)},
		}
		for _, id := range history.CurrentUserIDs() {
			prev, err := l.timelines.Ownership(ctx, provider, id)
			if err != nil {
				return err
			}
			if prev.Owner != customer {
				return table.ErrConflict // it was moved to another customer since the history was read
			}
			change.entries = append(change.entries, l.timelines.ReleaseUserID(tx, provider, id, prev, at))
		}
		return l.commit(ctx, tx, provider, change)
	})
}

// Assign records that the provider calls the customer by an id, which must not belong to another customer.
func (l *Links) Assign(ctx context.Context, provider, customer, userID string, now time.Time) error {
	return l.assign(ctx, provider, customer, userID, keepOwner, now)
}

// Move is Assign, but takes the id from the customer who has it. The facts sent under it before stay that customer's.
func (l *Links) Move(ctx context.Context, provider, customer, userID string, now time.Time) error {
	return l.assign(ctx, provider, customer, userID, replaceOwner, now)
}

// ownerPolicy says what happens to an id that has an owner.
type ownerPolicy bool

const (
	keepOwner    ownerPolicy = false
	replaceOwner ownerPolicy = true
)

func (l *Links) assign(
	ctx context.Context, provider, customer, userID string, policy ownerPolicy, now time.Time,
) error {
	return table.RetryConflicts(ctx, func() error {
		prev, err := l.timelines.Ownership(ctx, provider, userID)
		if err != nil {
			return err
		}
		history, err := l.timelines.History(ctx, provider, customer)
		if err != nil {
			return err
		}
		at := prev.NextInstant(history.NextInstant(now))
		since, consented := history.ConsentedSince(timeline.At(at))
		switch {
		case !consented:
			return errNotSharing
		case prev.Owner == customer:
			return nil
		case prev.Owner != "" && policy == keepOwner:
			return ErrTaken
		case len(history.CurrentUserIDs()) >= maxUserIDs:
			return ErrTooMany
		case !history.HasRoom(timeline.At(at)):
			return ErrTooManyChanges
		}
		tx := l.timelines.WriteTx()
		change := historyChange{customer: customer, prev: history, from: linkedFrom(since, prev, at).Time()}
		if prev.Owner == "" {
			change.entries = []timeline.Entry{l.timelines.AssignUserID(tx, provider, userID, prev, customer, at)}
			return l.commit(ctx, tx, provider, change)
		}
		loss := historyChange{customer: prev.Owner}
		if loss.prev, err = l.timelines.History(ctx, provider, prev.Owner); err != nil {
			return err
		}
		at = loss.prev.NextInstant(at)
		loss.from = at
		unlink, link := l.timelines.MoveUserID(tx, provider, userID, prev, customer, at)
		loss.entries = []timeline.Entry{unlink}
		change.entries = []timeline.Entry{link}
		return l.commit(ctx, tx, provider, loss, change)
	})
}

// linkedFrom returns the instant from which facts under an id become the customer's by a link at an instant (rule 6).
func linkedFrom(consent timeline.Instant, prev timeline.Ownership, at time.Time) timeline.Instant {
	return max(consent, prev.ReleasedAt, timeline.At(at.Add(-timeline.MatchWindow)))
}

// Unlink records that an id no longer belongs to its owner.
func (l *Links) Unlink(ctx context.Context, provider, userID string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		prev, err := l.timelines.Ownership(ctx, provider, userID)
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
		at := history.NextInstant(now)
		tx := l.timelines.WriteTx()
		entry := l.timelines.ReleaseUserID(tx, provider, userID, prev, at)
		return l.commit(ctx, tx, provider, historyChange{
			customer: prev.Owner,
			prev:     history,
			from:     at,
			entries:  []timeline.Entry{entry},
		})
	})
}
