package link_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
)

// claim has a customer come by a link that names an id.
func (w *fixture) claim(number, userID string, at time.Time) error {
	return w.links.GrantConsent(w.t.Context(), link.Grant{
		Provider:   courier,
		Customer:   number,
		UserID:     userID,
		Claimed:    true,
		MaxUserIDs: link.MaxLinkUserIDs,
	}, at)
}

// reply records what the webhook replied to the question about a customer and an id.
func (w *fixture) reply(number, claim string, matched bool, userID string, at time.Time) bool {
	w.t.Helper()
	reply := link.MatchReply{Provider: courier, Customer: number, Claim: claim, Matched: matched, UserID: userID}
	got, err := w.links.RecordMatchReply(w.t.Context(), reply, at, func(*dynamo.WriteTx, bool) {})
	w.ok(err)
	return got
}

// requestMatch records a match request, and settles the customer's claims, as the processor does.
func (w *fixture) requestMatch(number string, entry timeline.Entry, at time.Time) {
	w.t.Helper()
	_, err := w.timelines.AddHistory(w.t.Context(), courier, number, []timeline.Entry{entry})
	w.ok(err)
	w.ok(w.links.SettleClaims(w.t.Context(), courier, number, at))
}

func (w *fixture) history(number string) *timeline.History {
	w.t.Helper()
	history, err := w.timelines.History(w.t.Context(), courier, number)
	w.ok(err)
	return &history
}

// wantPending compares the ids that a customer claims.
func (w *fixture) wantPending(number string, want ...string) {
	w.t.Helper()
	var got []string
	for _, claim := range w.history(number).PendingClaims() {
		got = append(got, claim.UserID)
	}
	if !slices.Equal(got, want) {
		w.t.Errorf("%s claims %q, want %q", number, got, want)
	}
}

// A claim takes nothing from anybody; what was sent under the id counts for whom the work provider confirms.
func TestClaimConfirmed(t *testing.T) {
	w := newFixture(t)
	w.ok(w.claim("ABC123", "12345", hours(0)))
	w.ok(w.claim("ABC12", "12345", hours(0)))
	w.send(courier, in("12345", hours(1)), out("12345", hours(2)))
	w.drain()
	w.wantOwner("12345", "")
	w.wantPending("ABC123", "12345")
	if !w.reply("ABC12", "12345", true, "", hours(3)) {
		t.Error("not matched")
	}
	w.drain()
	w.wantOwner("12345", "ABC12")
	w.wantPending("ABC12")
	w.wantShifts("confirmed", "ABC12", "1-2 LOGOUT")
	w.wantShifts("not confirmed", "ABC123")
	// A reply that confirms it for the other one, too, is no match.
	if w.reply("ABC123", "12345", true, "", hours(4)) {
		t.Error("another's id was matched")
	}
	w.wantOwner("12345", "ABC12")
	w.wantPending("ABC123")
}

// A 404 releases the id: nobody is kept from it, and the customer may claim it again.
func TestClaimReleased(t *testing.T) {
	w := newFixture(t)
	w.ok(w.claim("ABC123", "12345", hours(0)))
	if w.reply("ABC123", "12345", false, "", hours(1)) {
		t.Error("matched")
	}
	w.wantPending("ABC123")
	w.give(courier, "ABC12", "12345", hours(2))
	w.wantOwner("12345", "ABC12")
	if err := w.claim("ABC123", "12345", hours(3)); !errors.Is(err, link.ErrTaken) {
		t.Error(err)
	}
	w.ok(w.links.Unlink(t.Context(), courier, "12345", hours(4)))
	w.ok(w.claim("ABC123", "12345", hours(5)))
	w.wantPending("ABC123", "12345")
	// Asked again about an id that was linked meanwhile, a 404 releases it as well.
	w.reply("ABC123", "12345", true, "", hours(6))
	w.wantOwner("12345", "ABC123")
	w.reply("ABC123", "12345", false, "", hours(7))
	w.wantOwner("12345", "")
}

// The id in the reply counts, not the one in the link.
func TestReplyWithAnotherID(t *testing.T) {
	w := newFixture(t)
	w.ok(w.claim("ABC123", "12345", hours(0)))
	w.reply("ABC123", "12345", true, "777", hours(1))
	w.wantOwner("777", "ABC123")
	w.wantOwner("12345", "")
	w.wantPending("ABC123")
}

// A customer who is matched already claims the id of somebody else. Until the reply nothing under it counts for them,
// and a 404 does not end the cover that they have.
func TestClaimOfAFurtherID(t *testing.T) {
	w := newFixture(t)
	w.give(courier, "ABC123", "1", hours(0))
	w.ok(w.claim("ABC123", "2", hours(1)))
	w.send(courier, in("2", hours(2)), out("2", hours(3)), in("1", hours(4)), out("1", hours(5)))
	w.drain()
	w.wantShifts("pending", "ABC123", "4-5 LOGOUT")
	// Match requests, as some send them every night, confirm the customer, and not the claim.
	w.requestMatch("ABC123", timeline.Matched(hours(6)), hours(6))
	w.wantOwner("2", "")
	w.wantPending("ABC123", "2")
	w.reply("ABC123", "2", false, "", hours(7))
	w.send(courier, in("1", hours(8)), out("1", hours(9)))
	w.drain()
	w.wantShifts("refused", "ABC123", "4-5 LOGOUT", "8-9 LOGOUT")
	w.wantOwner("1", "ABC123")
	w.wantOwner("2", "")
	// One that is theirs counts from the consent, as soon as it is confirmed.
	w.ok(w.claim("ABC123", "3", hours(10)))
	w.send(courier, in("3", hours(11)), out("3", hours(12)))
	w.reply("ABC123", "3", true, "", hours(13))
	w.drain()
	w.wantShifts("confirmed", "ABC123", "4-5 LOGOUT", "8-9 LOGOUT", "11-12 LOGOUT")
}

func TestClaimsAndMatchRequests(t *testing.T) {
	for name, c := range map[string]struct {
		claims  []string
		matched bool
		linked  string
		pending []string
	}{
		"a match of the only claim": {[]string{"1"}, true, "1", nil},
		"a match, of which of two?": {[]string{"1", "2"}, true, "", []string{"1", "2"}},
		"no match":                  {[]string{"1", "2"}, false, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFixture(t)
			for i, id := range c.claims {
				w.ok(w.claim("ABC123", id, hours(i)))
			}
			w.send(courier, in("1", hours(1)), out("1", hours(2)))
			entry := timeline.NotMatched(hours(4))
			if c.matched {
				entry = timeline.Matched(hours(4))
			}
			for range 2 { // the message is delivered twice
				w.requestMatch("ABC123", entry, hours(4))
			}
			w.drain()
			w.wantPending("ABC123", c.pending...)
			for _, id := range c.claims {
				owner := ""
				if id == c.linked {
					owner = "ABC123"
				}
				w.wantOwner(id, owner)
			}
			if c.linked != "" {
				w.wantShifts("matched", "ABC123", "1-2 LOGOUT")
			}
		})
	}
}

// A match request for one whose claimed id was confirmed for another meanwhile.
func TestMatchRequestForATakenClaim(t *testing.T) {
	w := newFixture(t)
	w.ok(w.claim("ABC123", "1", hours(0)))
	w.give(courier, "ABC12", "1", hours(1))
	w.requestMatch("ABC123", timeline.Matched(hours(2)), hours(2))
	w.wantOwner("1", "ABC12")
	w.wantPending("ABC123")
}

// A claim counts under the consent that it was made under.
func TestWithdrawalEndsClaims(t *testing.T) {
	w := newFixture(t)
	w.ok(w.claim("ABC123", "1", hours(0)))
	w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", hours(1)))
	w.ok(w.links.SettleClaims(t.Context(), courier, "ABC123", hours(2)))
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123"}, hours(3)))
	w.wantPending("ABC123")
	w.requestMatch("ABC123", timeline.Matched(hours(4)), hours(4))
	w.wantOwner("1", "")
}

// By links a customer has five ids at a work provider, claimed and linked together; operators may link more.
func TestIDsPerCustomerByLinks(t *testing.T) {
	w := newFixture(t)
	grant := link.Grant{Provider: courier, Customer: "ABC123", Matched: true, MaxUserIDs: link.MaxLinkUserIDs}
	for i := range link.MaxLinkUserIDs {
		id := fmt.Sprint(i)
		if i%2 == 0 {
			w.ok(w.claim("ABC123", id, hours(i)))
			w.ok(w.claim("ABC123", id, hours(i))) // opened twice
		} else {
			grant.UserID = id
			w.ok(w.links.GrantConsent(t.Context(), grant, hours(i)))
		}
	}
	grant.UserID = "one more"
	if err := w.links.GrantConsent(t.Context(), grant, hours(9)); !errors.Is(err, link.ErrTooMany) {
		t.Error(err)
	}
	if err := w.claim("ABC123", "one more", hours(9)); !errors.Is(err, link.ErrTooMany) {
		t.Error(err)
	}
	grant.UserID = "0" // claimed already
	w.ok(w.links.GrantConsent(t.Context(), grant, hours(9)))
	w.give(courier, "ABC123", "one more", hours(10))
	w.wantOwner("one more", "ABC123")
}
