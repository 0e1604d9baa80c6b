package pages

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/fault"
)

// A form that is sent twice, by a double click, succeeds twice; with another password, or later, it does not.
func TestDoubleConfirmation(t *testing.T) {
	w := newFixture(t)
	b := w.browser().open(courierLink).send(validSignUpFields("ola@example.com")...)
	b.openMail()
	form := b.fields()
	link := b.fields().Get("link")
	values := url.Values{"token": form["token"], "link": {link}, "password": {testPassword}}
	b.post("/account/verify", values).expectText(200, "Share with Courier Ltd?")
	b.post("/account/verify", values).expectText(200, "Share with Courier Ltd?")
	owner, err := w.site.accounts.ByEmail(t.Context(), "ola@example.com")
	if err != nil || len(owner.Customers) != 1 {
		t.Errorf("%+v, %v", owner, err)
	}
	other := url.Values{"token": form["token"], "password": {"another password"}}
	w.browser().open("/account/login").post("/account/verify", other).expectText(410, "already used")
	w.clock = w.clock.Add(10 * time.Minute)
	w.browser().open("/account/login").post("/account/verify", values).expectText(410, "already used")

	w.browser().open("/account/forgot").send("email", "ola@example.com")
	b = w.browser().openMail()
	values = url.Values{"token": b.fields()["token"], "password": {"quite another one"}}
	b.post("/account/reset", values).expectText(200, "Your account")
	b.post("/account/reset", values).expectText(200, "Your account")
	values.Set("password", "yet another password")
	w.browser().open("/account/login").post("/account/reset", values).expectText(410, "already used")
}

// The owner of an account reads of each change of its password. That the mail fails does not undo the change.
func TestPasswordChangeMail(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "Ann@example.com")
	w.clock = w.clock.Add(time.Minute)
	b := w.browser().open("/account/forgot").send("email", "ann@example.com").openMail()
	b.expectText(200, `autocomplete="username"`, `value="ann@example.com"`)
	b.send("password", "quite another one").expectText(200, "Your account")
	m, link := w.lastMail()
	if m.To != "Ann@example.com" || m.Subject != "Your password was changed" ||
		!strings.HasSuffix(link, "/account/forgot") {
		t.Errorf("%+v", m)
	}
	w.clock = w.clock.Add(time.Minute)
	b = w.browser().open("/account/forgot").send("email", "ann@example.com").openMail()
	w.mailer.err = fault.New(fault.Unavailable, "")
	b.send("password", "yet another password").expectText(200, "Your account")
}

func TestSignOutElsewhere(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	here := w.browser().signIn("ann@example.com")
	there := w.browser().signIn("ann@example.com")
	w.clock = w.clock.Add(time.Minute)
	here.open("/account").expectText(200, "Sign out everywhere else").send().expectText(200, "signed out everywhere else")
	here.open("/account").expectText(200, "Your account")
	there.open("/account").expectText(200, "<h1>Sign in</h1>")
	there.post("/account/sign-out-others", url.Values{}).expectText(200, "<h1>Sign in</h1>")
	here.open("/account").expectText(200, "Your account")
}
