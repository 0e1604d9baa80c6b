package pages

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/privacy"
	"zego.com/workprovider/pkg/webhook"
)

// erase erases a customer, as an operator does.
func (w *fixture) erase(number string) {
	w.Helper()
	noRecompute := func(context.Context, string, string, time.Time) error { return nil }
	deliveries := webhook.NewDeliveries(w.env, func() time.Time { return w.clock })
	_, err := privacy.NewService(w.env, deliveries, noRecompute).Erase(w.Context(), number, w.clock)
	w.ok(err)
}

// A link that was mailed, a session that was started and a consent page that was opened before an erasure change
// nothing after it, and lead somewhere.
func TestErasure(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.clock = w.clock.Add(time.Minute)
	phone := w.browser().signIn("ann@example.com").open(linkFor("77", "")).expectText(200, "Share with Courier Ltd?")
	form := phone.fields()
	w.browser().open("/account/forgot").send("email", "ann@example.com")
	_, reset := w.lastMail()
	cookie := phone.cookie
	w.clock = w.clock.Add(time.Minute)
	w.erase("AAA1")
	w.clock = w.clock.Add(time.Minute)

	path := strings.TrimPrefix(reset, w.site.url)
	w.browser().open(path).expectText(410, "expired")
	token := w.browser().open(path).at.Query().Get("token")
	values := url.Values{"token": {token}, "password": {testPassword}}
	w.browser().open("/account/login").post("/account/reset", values).expectText(410, "expired")
	w.browser().signIn("ann@example.com").expectText(422, "wrong")

	phone.post("/account/consent", url.Values{"link": form["link"], "choice": {"agree"}}).
		expectText(200, "<h1>Sign in</h1>")
	for _, page := range []string{"/account", "/account/login", "/account/signup", linkFor("77", "")} {
		b := w.browser()
		b.cookie = cookie
		b.open(page).expectText(200)
	}
	if w.owner("courier-ltd", "77") != "" {
		t.Error("the erased customer is linked")
	}

	// Who was erased is a stranger, and can sign up.
	b := w.browser().open(linkFor("77", "")).expectText(200, "<h1>Sign up</h1>")
	b.send(validSignUpFields("ann@example.com")...).openMail().send("password", testPassword)
	b.expectText(200, "Share with Courier Ltd?").send("choice", "agree").expectText(200, "You are linked.")
	if owner := w.owner("courier-ltd", "77"); owner == "" || owner == "AAA1" {
		t.Errorf("the id belongs to %q", owner)
	}
}

// A session can outlive the customer by the moment in which both are written. It ends without a circle of redirects,
// and no consent is written.
func TestSessionOfAnErasedCustomer(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.erase("AAA1")
	for _, path := range []string{"/account", "/account/consent", linkFor("77", "")} {
		b := w.browser()
		session := account.Session{Customer: "AAA1", Chosen: true}
		token, err := w.site.accounts.CreateSession(t.Context(), "ann@example.com", session, w.clock)
		w.ok(err)
		b.cookie = token
		b.open(path)
		if strings.Contains(b.body, "Your account") || strings.Contains(b.body, "Share with") {
			t.Errorf("%s: %s", path, b.body)
		}
	}
	grant := link.Grant{Provider: "courier-ltd", Customer: "AAA1", UserID: "77", Matched: true}
	grant.Require = w.customers.RequireActive
	if err := w.site.links.GrantConsent(t.Context(), grant, w.clock); err == nil || w.owner("courier-ltd", "77") != "" {
		t.Errorf("an erased customer consents: %v", err)
	}
}
