package pages

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/webhook"
)

// linkFor is the address of a link of Courier Ltd.
func linkFor(userID, email string) string {
	query := url.Values{"work_provider": {"Courier Ltd"}, "work_provider_user_id": {userID}}
	if email != "" {
		query.Set("email", email)
	}
	return "/v1/link-work-provider?" + query.Encode()
}

// signedLink is the same, signed with a key until a time.
func (w *fixture) signedLink(key, userID, email string, expires time.Time) string {
	w.Helper()
	l := apikey.Link{WorkProvider: "Courier Ltd", UserID: userID, Email: email, Expires: expires.Unix()}
	keyID, signature, err := l.Sign(key)
	w.ok(err)
	query := url.Values{
		"expires": {strconv.FormatInt(l.Expires, 10)}, "key_id": {keyID}, "signature": {signature},
	}
	return linkFor(userID, email) + "&" + query.Encode()
}

// issueKey is a new key of Courier Ltd.
func (w *fixture) issueKey() string {
	w.Helper()
	key, _, err := apikey.NewStore(w.env).IssueKey(w.Context(), "courier-ltd", w.clock)
	w.ok(err)
	return key
}

// requireSignedLinks has links of Courier Ltd work only if they are signed.
func (w *fixture) requireSignedLinks() {
	w.Helper()
	_, err := apikey.NewStore(w.env).Update(w.Context(), "courier-ltd", apikey.Changes{SignedLinksOnly: new(true)})
	w.ok(err)
}

func (w *fixture) history(number string) timeline.History {
	w.Helper()
	history, err := w.timelines.History(w.Context(), "courier-ltd", number)
	w.ok(err)
	return history
}

// Where the work provider has a webhook, whoever opens a link with another's id takes nothing from them: the owner
// agrees as if nobody had been there, and nobody is matched before the reply.
func TestLinkOfAnotherID(t *testing.T) {
	w := newFixture(t)
	w.webhooks.configured = true
	w.webhooks.state = webhook.MatchPending
	w.createAccount("EVE1", "eve@example.com")
	w.createAccount("ANN1", "ann@example.com")
	for _, who := range []struct{ number, email string }{{"EVE1", "eve@example.com"}, {"ANN1", "ann@example.com"}} {
		b := w.browser().signIn(who.email)
		b.open(linkFor("77", who.email)).expectText(200, "Share with Courier Ltd?")
		again := b.at.String()
		b.send("choice", "agree").
			expectText(200, "You agreed to share.", "Shifts not yet counted.", "Not confirmed yet: <span class=\"id\">77</span>")
		b.open(again).expectText(200, "You already agreed to this. We are asking Courier Ltd")
		history := w.history(who.number)
		if claims := history.PendingClaims(); w.owner("courier-ltd", "77") != "" || len(claims) != 1 ||
			claims[0].UserID != "77" || history.Matched(timeline.At(w.clock)) {
			t.Errorf("%s: %+v", who.number, history.Entries())
		}
	}
}

// Without a webhook the link itself has to be trusted: it is signed, or the work provider allows others.
func TestSignedLinks(t *testing.T) {
	w := newFixture(t)
	w.createAccount("ANN1", "ann@example.com")
	key := w.issueKey()
	other := w.issueKey()
	b := w.browser().signIn("ann@example.com")
	good := w.signedLink(key, "77", "ann@example.com", noon.Add(time.Hour))
	forged := strings.Replace(good, "=77", "=78", 1)
	const refused = "it was not made by Courier Ltd"
	b.open(forged).expectText(400, refused, "Nothing was changed.")
	b.open(w.signedLink(key, "77", "", noon)).expectText(400, refused)
	b.open(good+"&signature=").expectText(200, "Share with") // the first of two counts, as everywhere
	b.open(linkFor("77", "")+"&signature=").expectText(400, refused)

	w.requireSignedLinks()
	b.open(linkFor("77", "ann@example.com")).expectText(400, refused, "Nothing was changed.")
	b.open(forged).expectText(400, refused)
	b.open(good).expectText(200, "Share with Courier Ltd?")
	b.send("choice", "agree").expectText(200, "You are linked.")
	if w.owner("courier-ltd", "77") != "ANN1" {
		t.Error("not linked")
	}
	history := w.history("ANN1")
	if !history.Matched(timeline.At(w.clock)) {
		t.Error("not matched")
	}
	// In an email with a plus, whichever way it is written, and with any live key.
	b.open(strings.Replace(w.signedLink(other, "79", "a+n@example.com", noon.Add(time.Hour)), "%2B", "+", 1)).
		expectText(200, "Share with Courier Ltd?")
}

// A link that was opened before the work provider asked for signatures is not agreed to afterwards.
func TestConsentSignature(t *testing.T) {
	w := newFixture(t)
	w.createAccount("ANN1", "ann@example.com")
	b := w.browser().signIn("ann@example.com").open(linkFor("77", "")).expectText(200, "Share with Courier Ltd?")
	w.requireSignedLinks()
	b.send("choice", "agree").expectText(400, "Nothing was changed.")
	if w.owner("courier-ltd", "77") != "" {
		t.Error("linked")
	}
}

// A link that was made for another email asks whose the account is.
func TestLinkOfAnotherEmail(t *testing.T) {
	w := newFixture(t)
	w.createAccount("ANN1", "ann@example.com")
	b := w.browser().signIn("ann@example.com").open(linkFor("77", "bob@example.com")).
		expectText(200, "The link was made for another email", "bob@example.com", "The Courier Ltd account 77 is mine")
	b.send("choice", "agree").expectText(422, "There is a problem", "Confirm that the account is yours, or decline.")
	if w.owner("courier-ltd", "77") != "" {
		t.Error("linked without an answer")
	}
	b.send("choice", "agree", "mine", "yes").expectText(200, "You are linked.")
	if w.owner("courier-ltd", "77") != "ANN1" {
		t.Error("not linked")
	}
	for _, same := range []string{"", "ann@example.com", "ANN@EXAMPLE.com"} {
		b.open(linkFor("78", same))
		if strings.Contains(b.body, "another email") {
			t.Errorf("%q is asked about", same)
		}
	}
}

func TestIDsByLinks(t *testing.T) {
	for _, configured := range []bool{true, false} {
		w := newFixture(t)
		w.webhooks.configured = configured
		w.createAccount("ANN1", "ann@example.com")
		b := w.browser().signIn("ann@example.com")
		for i := range link.MaxLinkUserIDs {
			b.open(linkFor(fmt.Sprint(i), "")).send("choice", "agree").expectText(200, "Your account")
			w.clock = w.clock.Add(time.Minute)
		}
		b.open(linkFor("one more", "")).send("choice", "agree").
			expectText(409, "at most 5 accounts of Courier Ltd", "Nothing was changed.")
		history := w.history("ANN1")
		var ids []string
		for _, claim := range history.PendingClaims() {
			ids = append(ids, claim.UserID)
		}
		if got := slices.Concat(history.CurrentUserIDs(), ids); len(got) != link.MaxLinkUserIDs {
			t.Errorf("%q", got)
		}
	}
}

// The page of an id that is another customer's says what its owner can do.
func TestLinkedElsewhere(t *testing.T) {
	w := newFixture(t)
	w.createAccount("EVE1", "eve@example.com")
	w.share("courier-ltd", "EVE1", "77")
	w.createAccount("ANN1", "ann@example.com")
	const wayOut = "If not, and the account is yours, tell Courier Ltd: they confirm to us whose it is"
	w.browser().open(linkFor("77", "new@example.com")).expectText(409, wayOut, "sign in with the email", "Sign in")
	w.browser().signIn("ann@example.com").open(linkFor("77", "")).expectText(409, wayOut, "sign out above and sign in")
}
