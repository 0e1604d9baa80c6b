package pages

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/timeline"
)

// One address that types wrong passwords for another's account, and asks for its mails, shuts nobody out but itself.
func TestLockOutFromOneAddress(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	shared := w.browser() // behind the attacker's address, on a device that she signed in on before
	shared.from = "10.0.0.7"
	shared.signIn("ann@example.com").expectText(200, "Your account")
	shared.send() // sign out everywhere else; the last form of the page
	for range 45 {
		w.submit("login", "ann@example.com", 7)
		w.submit("forgot", "ann@example.com", 7)
	}
	w.browser().signIn("ann@example.com").expectText(200, "Your account")
	shared.cookie = ""
	shared.signIn("ann@example.com").expectText(200, "Your account")
	w.browser().open("/account/forgot").send("email", "ann@example.com").expectText(200, "Check your mail")
	stranger := w.browser()
	stranger.from = shared.from
	stranger.signIn("ann@example.com").expectText(429)
}

// Wrong passwords from many addresses shut the account to devices on which nobody signed in before, for an hour. The
// owner's own devices get in, and so does who reads the account's mail.
func TestLockOutFromManyAddresses(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	own := w.browser().signIn("ann@example.com").expectText(200)
	answer := ""
	for i := range account.SignInByAccount.MaxAttempts + 1 {
		answer, _ = w.submit("login", "ann@example.com", int(i))
	}
	if !strings.HasPrefix(answer, "429") {
		t.Errorf("as many tries as there are addresses: %.40s", answer)
	}
	w.browser().signIn("ann@example.com").expectText(429, "Set a new password by mail")
	own.cookie = ""
	own.signIn("ann@example.com").expectText(200, "Your account")
	b := w.browser().open("/account/forgot").send("email", "ann@example.com").openMail()
	b.send("password", "quite another one").expectText(200, "Your account")
	b.cookie = ""
	b.open("/account/login").send("email", "ann@example.com", "password", "quite another one").
		expectText(200, "Your account")
}

// Right passwords count against no limit, however many people sign in behind one address.
func TestRightPasswords(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	for range account.SignInBySource.MaxAttempts + 2 {
		b := w.browser()
		b.from = "10.0.0.0"
		b.signIn("ann@example.com").expectText(200, "Your account")
	}
	for range account.SignInBySource.MaxAttempts {
		answer, _ := w.submit("login", "ann@example.com", 0)
		if !strings.HasPrefix(answer, "422") {
			t.Fatalf("%.40s", answer)
		}
	}
}

// A device is known for the account that was signed in to on it, for its last ten devices, and until the password
// changes. What is tried on it counts, too.
func TestKnownDevices(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.createAccount("BBB1", "bob@example.com")
	known := func(email, device string) bool {
		k, err := w.site.accounts.ByEmail(t.Context(), email)
		w.ok(err)
		return k.KnowsDevice(device)
	}
	b := w.browser().signIn("ann@example.com")
	first := b.device
	if !known("ann@example.com", first) || known("bob@example.com", first) || known("ann@example.com", "") {
		t.Error("the device is known to the wrong account")
	}
	b.open("/account/forgot") // while she is signed in, the other signs in on the same device
	b.cookie = ""
	b.signIn("bob@example.com").expectText(200)
	if b.device != first || !known("ann@example.com", first) || !known("bob@example.com", first) {
		t.Error("a device is not known to the two who share it")
	}
	b.cookie = ""
	b.open("/account/login")
	for try := range account.SignInByDevice.MaxAttempts + 1 {
		status := 422
		if try == account.SignInByDevice.MaxAttempts {
			status = 429
		}
		form := url.Values{"email": {"ann@example.com"}, "password": {"this is not the one"}}
		b.post("/account/login", form).expectText(status)
	}
	for range 10 {
		w.browser().signIn("ann@example.com").expectText(200)
	}
	if known("ann@example.com", first) {
		t.Error("more than ten devices are known")
	}
	last := w.browser().signIn("ann@example.com").device
	w.clock = w.clock.Add(time.Minute)
	w.setPassword("ann@example.com")
	if known("ann@example.com", last) {
		t.Error("a device is known after the password was changed")
	}
}

// All the phones of a carrier open links behind one address. A link that is opened after very many others leads on, but
// no longer tells whether an email has an account, or an id a customer.
func TestLinksBehindOneAddress(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.share("courier-ltd", "AAA1", "1001")
	next := func(email, userID string) string {
		query := url.Values{"work_provider": {"Courier Ltd"}, "work_provider_user_id": {userID}, "email": {email}}
		answered := w.raw("GET", "/v1/link-work-provider?"+query.Encode(), "", nil)
		page, _, _ := strings.Cut(answered.Header().Get("Location"), "?")
		return fmt.Sprint(answered.Code, " ", page)
	}
	for i := range account.LinkByNetwork.MaxAttempts {
		if got := next("cyd@example.com", fmt.Sprint(i)); got != "302 ../account/signup" {
			t.Fatalf("link %d: %s", i, got)
		}
	}
	for _, c := range [][2]string{{"cyd@example.com", "7"}, {"ann@example.com", "7"}, {"cyd@example.com", "1001"}} {
		if got := next(c[0], c[1]); got != "302 ../account/login" {
			t.Errorf("%s, %s: %s", c[0], c[1], got)
		}
	}
}

// A customer who agrees and withdraws again and again is stopped, and with that the webhooks; withdrawing always works.
func TestConsentThrottling(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com").open(linkFor("77", ""))
	agreed := url.Values{"link": {b.fields().Get("link")}, "choice": {"agree"}}
	for range account.ConsentByCustomer.MaxAttempts {
		b.post("/account/consent", agreed).expectText(200, "You are linked")
		b.post("/account/remove", url.Values{"provider": {"courier-ltd"}}).expectText(200, "The link is removed")
	}
	b.post("/account/consent", agreed).expectText(429, "Too many attempts")
	if n := int64(len(w.webhooks.calls)); n != 2*account.ConsentByCustomer.MaxAttempts {
		t.Errorf("%d messages about consents", n)
	}
	w.clock = w.clock.Add(time.Hour)
	b.post("/account/consent", agreed).expectText(200, "You are linked")
	b.post("/account/consent", agreed).expectText(200, "You are linked") // which changes nothing
	b.post("/account/remove", url.Values{"provider": {"courier-ltd"}}).expectText(200, "The link is removed")
}

// A month full of consents says so, and sharing ends whenever it is asked to.
func TestConsentsOfAFullMonth(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	var before []timeline.Entry
	for n := range 499 {
		at := w.clock.Add(-time.Duration(n+1) * time.Minute)
		before = append(before, timeline.ConsentGiven(at), timeline.ConsentWithdrawn(at.Add(time.Second)))
	}
	_, err := w.timelines.AddHistory(t.Context(), "courier-ltd", "AAA1", before)
	w.ok(err)
	b := w.browser().signIn("ann@example.com").open(linkFor("77", ""))
	agreed := url.Values{"link": {b.fields().Get("link")}, "choice": {"agree"}}
	b.post("/account/consent", agreed).expectText(200, "You are linked")
	b.post("/account/remove", url.Values{"provider": {"courier-ltd"}}).expectText(200, "The link is removed")
	b.post("/account/consent", agreed).expectText(429, "Too many changes")
}
