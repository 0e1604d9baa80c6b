package link_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
)

// longID is a workProviderUserId of the longest kind.
func longID(n int) string { return fmt.Sprintf("%0255d", n) }

// A month whose history is as large as it can become takes no consent and no link more, but the withdrawal.
func TestWithdrawalFromAFullHistory(t *testing.T) {
	w := newFixture(t)
	// The largest: links that are released again, as many as a customer can have at the end, and matches.
	first := hours(0)
	for n := range 475 {
		tx := w.timelines.WriteTx()
		at := first.Add(time.Duration(n) * time.Second)
		linked := timeline.Entry{Kind: timeline.Link, At: timeline.At(at), UserID: longID(n)}
		unlinked := timeline.Unlinked(at.Add(time.Millisecond), longID(n))
		w.timelines.AppendHistory(tx, courier, "ABC123", linked, unlinked)
		w.ok(tx.Run(t.Context()))
	}
	now := hours(1)
	for n := range 49 {
		w.give(courier, "ABC123", longID(1000+n), now.Add(time.Duration(n)*time.Second))
	}
	matches := make([]timeline.Entry, 0, timeline.MaxFactsPerDay)
	for n := range timeline.MaxFactsPerDay {
		kind := timeline.Match
		if n%2 == 0 {
			kind = timeline.NoMatch
		}
		matches = append(matches, timeline.Entry{Kind: kind, At: timeline.At(hours(2)) + timeline.Instant(n)})
	}
	_, err := w.timelines.AddHistory(t.Context(), courier, "ABC123", matches)
	w.ok(err)

	now = hours(3)
	err = w.links.Assign(t.Context(), courier, "ABC123", "12345", now)
	if !errors.Is(err, link.ErrTooManyChanges) {
		t.Errorf("another link: %v", err)
	}
	err = w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123", UserID: "12345"}, now)
	if !errors.Is(err, link.ErrTooManyChanges) {
		t.Errorf("another link with a consent: %v", err)
	}
	reply := link.MatchReply{Provider: courier, Customer: "ABC123", Matched: true, UserID: "12345"}
	matched, err := w.links.RecordMatchReply(t.Context(), reply, now, func(*dynamo.WriteTx, bool) {})
	if err != nil || matched {
		t.Errorf("another link by a match: %v, %v", matched, err)
	}
	w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", now))
	history, err := w.timelines.History(t.Context(), courier, "ABC123")
	w.ok(err)
	if history.Consented(timeline.At(now.Add(time.Second))) || len(history.CurrentUserIDs()) > 0 {
		t.Errorf("still shares, with %d ids", len(history.CurrentUserIDs()))
	}
	grant := link.Grant{Provider: courier, Customer: "ABC123"}
	if err := w.links.GrantConsent(t.Context(), grant, now.Add(time.Second)); !errors.Is(err, link.ErrTooManyChanges) {
		t.Errorf("another consent: %v", err)
	}
	w.give(courier, "ABC123", "12345", noon.AddDate(0, 1, 0)) // in the next month
}

// However often a person agrees and withdraws in a month, a consent can be withdrawn.
func TestRoundsOfConsentAndWithdrawal(t *testing.T) {
	w := newFixture(t)
	var before []timeline.Entry
	for n := range 490 {
		at := noon.Add(time.Duration(n-1000) * time.Minute)
		before = append(before, timeline.ConsentGiven(at), timeline.ConsentWithdrawn(at.Add(time.Second)))
	}
	_, err := w.timelines.AddHistory(t.Context(), courier, "ABC123", before)
	w.ok(err)
	id := longID(0)
	grant := link.Grant{Provider: courier, Customer: "ABC123", UserID: id, Matched: true}
	rounds := 0
	for ; ; rounds++ {
		at := noon.Add(time.Duration(rounds) * time.Minute)
		err := w.links.GrantConsent(t.Context(), grant, at)
		if errors.Is(err, link.ErrTooManyChanges) {
			break
		}
		w.ok(err)
		w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", at.Add(time.Second)))
	}
	if rounds != 5 { // of four changes each
		t.Errorf("%d rounds", rounds)
	}
	w.wantOwner(id, "")
}
