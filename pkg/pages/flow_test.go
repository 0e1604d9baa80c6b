package pages

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/fault"
)

const courierLink = "/v1/link-work-provider/?work_provider=Courier+Ltd&work_provider_user_id=77&email=ola%40example.com"

// The whole way: link, sign up, confirm, consent, linked; then a shift shows in the account.
func TestSignUpFlow(t *testing.T) {
	for _, base := range []string{"https://work.zego.example", "https://work.zego.example/live", "https://x.example/a/b"} {
		w := newFixture(t)
		b := w.browser()
		b.base = base
		b.open(courierLink).
			expectText(200, "<h1>Sign up</h1>", "Courier Ltd", `value="ola@example.com"`, "Vehicle registration")
		b.send(validSignUpFields("ola@example.com")...).expectText(200, "Check your mail")
		m, _ := w.lastMail()
		if m.To != "ola@example.com" || m.Subject != "Confirm your email" {
			t.Fatalf("%+v", m)
		}
		b.openMail().expectText(200, "Confirm your email")
		b.send("password", "another password").expectText(422, "This is not the password")
		b.send("password", testPassword).
			expectText(200, "Share with Courier Ltd?", "77", "ola@example.com", "will see", "will send us")
		if w.owner("courier-ltd", "77") != "" {
			t.Fatal("linked without a consent")
		}
		b.send("choice", "agree").
			expectText(200, "You are linked.", "Courier Ltd", "Linked. Your shifts count.", "AB12 CDE", "Third Party (TPO)")
		number := w.owner("courier-ltd", "77")
		if number == "" || !strings.Contains(b.body, number) {
			t.Fatalf("the id belongs to %q", number)
		}
		if got := strings.Join(w.webhooks.calls,
			", "); got != "expect courier-ltd "+number+", signed up courier-ltd "+number {
			t.Errorf("webhooks were told %s", got)
		}
		w.clock = w.clock.Add(3 * time.Hour)
		w.work("courier-ltd", "77", noon.Add(time.Hour), noon.Add(2*time.Hour+30*time.Minute))
		b.open("/account").
			expectText(200, "13:00 to 14:30", "1 h 30 min", "You logged out", `<rect class="shift" x="541"`,
				"Thu 12 Mar: 13:00 to 14:30")
	}
}

// In another tab, and on another device, the mail's link leads on to the consent that the sign-up was for.
func TestIntentInAnotherBrowser(t *testing.T) {
	w := newFixture(t)
	w.browser().open(courierLink).send(validSignUpFields("ola@example.com")...)
	other := w.browser()
	other.openMail().send("password", testPassword).expectText(200, "Share with Courier Ltd?")

	// And with a log-in between: a session ended, the link is still known.
	third := w.browser()
	third.openMail().expectText(410, "expired", "Sign in").open("/account/login?" + third.at.RawQuery)
	third.send("email", "ola@example.com", "password", testPassword).expectText(200, "Share with Courier Ltd?")
}

func TestLinkTargets(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.enrol("BBB1", "bob@example.com")
	w.createAccount("CCC1", "cyd@example.com")
	w.share("courier-ltd", "CCC1", "cyd-7")
	signedIn := w.browser().signIn("ann@example.com").expectText(200, "Your account")
	for _, c := range []struct{ query, cookie, want string }{
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=new@example.com", "", "signup"},
		{"work_provider=Courier+Ltd&work_provider_user_id=1", "", "signup"},
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=nonsense", "", "signup"},
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=ann@example.com", "", "login"},
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=ANN@Example.com", "", "login"},
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=bob@example.com", "", "login"},
		// enrolled: sets a password there
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=ann@example.com", signedIn.cookie, "consent"},
		{"work_provider=Courier+Ltd&work_provider_user_id=1&email=new@example.com", signedIn.cookie, "consent"},
		{"work_provider=Courier+Ltd&work_provider_user_id=cyd-7", "", "login"}, // perhaps theirs
		{"work_provider=Courier+Ltd&work_provider_user_id=cyd-7&email=cyd@example.com", "", "login"},
		{"work_provider=Courier+Ltd&work_provider_user_id=cyd-7&email=new@example.com", "", "409"},
		{"work_provider=Courier+Ltd&work_provider_user_id=cyd-7", signedIn.cookie, "409"},
		{"work_provider=Parcels+%26+Co&work_provider_user_id=cyd-7&email=new@example.com", "", "signup"}, // another tenant's
		// Contract row 18: every spelling, and the newest wins.
		{"wp=Courier+Ltd&wp_id=1", "", "signup"},
		{"work_provider=Courier+Ltd&work_user_provider_id=1", "", "signup"},
		{"work_provider=Courier+Ltd&work_provider_id=1", "", "signup"},
		{"wp=Nobody&work_provider=Courier+Ltd&wp_id=cyd-7&work_provider_user_id=1&email=new@example.com", "", "signup"},
		{"wp=Courier+Ltd&work_provider=Nobody&wp_id=1", "", "400"},
		{"work_provider=Courier+Ltd&wp_id=1&work_provider_user_id=cyd-7&email=new@example.com", "", "409"},
		// What cannot be.
		{"", "", "400"},
		{"work_provider=Courier+Ltd", "", "400"},
		{"work_provider=Courier+Ltd&work_provider_user_id=", "", "400"},
		{"work_provider=Courier+Ltd&work_provider_user_id=" + strings.Repeat("x", 256), "", "400"},
		{"work_provider=Courier+Ltd&work_provider_user_id=a%00b", "", "400"},
		{"work_provider=Courier+Ltd&work_provider_user_id=%ff", "", "400"},
		{"work_provider=Courier+Ltd&work_provider_user_id=%zz", "", "400"},
		{"work_provider=Nobody+Ltd&work_provider_user_id=1", "", "400"},
		{"work_provider=%2F%2Fevil.example&work_provider_user_id=1", "", "400"},
		{"work_provider_user_id=1", "", "400"},
	} {
		for _, path := range []string{"/v1/link-work-provider", "/v1/link-work-provider/", "/link-work-provider",
			"/link-work-provider/"} {
			b := w.browser()
			b.cookie = c.cookie
			b.open(path + "?" + c.query)
			got := strings.Split(strings.TrimPrefix(b.at.Path, "/live/account/"), "/")[0]
			if len(b.redirects) == 0 {
				got = map[int]string{400: "400", 409: "409"}[b.status]
				b.expectText(b.status, "Nothing was changed.")
			}
			if got != c.want {
				t.Errorf("%s?%s leads to %q (%d), want %q", path, c.query, got, b.status, c.want)
			}
		}
		w.clock = w.clock.Add(time.Minute) // or the link's own throttle strikes
	}
}

func TestLinkRedirect(t *testing.T) {
	w := newFixture(t)
	answered := w.raw(http.MethodGet, courierLink, "", nil)
	if answered.Code != 302 || strings.Contains(answered.Header().Get("Location"), "ola") {
		t.Errorf("%d to %s", answered.Code, answered.Header().Get("Location"))
	}
	if head := w.raw(http.MethodHead, courierLink, "", nil); head.Code != 302 {
		t.Errorf("HEAD: %d", head.Code)
	}
	if posted := w.raw(http.MethodPost, courierLink, "", nil); posted.Code != 405 {
		t.Errorf("POST: %d", posted.Code)
	}
}

// Wrong turns.

func TestExpiredLink(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com")
	b.open(courierLink).expectText(200, "Share with Courier Ltd?")
	fields := b.fields()
	w.clock = w.clock.Add(account.LinkIntentTTL)
	b.cookie = w.browser().signIn("ann@example.com").cookie
	b.post("/account/consent", url.Values{"link": fields["link"], "choice": {"agree"}}).expectText(410, "expired")
	b.open("/account/login?link=" + fields.Get("link")).expectText(410)
	b.open("/account/signup?link=" + fields.Get("link")).expectText(410)
	b.open("/account/signup?link=MADEUP").expectText(410)
	if w.owner("courier-ltd", "77") != "" {
		t.Error("an old link was agreed to")
	}
}

func TestExpiredMail(t *testing.T) {
	w := newFixture(t)
	b := w.browser()
	b.open(courierLink).send(validSignUpFields("ola@example.com")...)
	w.clock = w.clock.Add(account.MailTokenTTL)
	b.openMail().expectText(410, "expired")
	k, err := w.site.accounts.ByEmail(t.Context(), "ola@example.com")
	if err != nil || k.Customer != "" || len(k.Customers) > 0 {
		t.Errorf("%+v, %v", k, err)
	}
}

// A double click on sign-up sends two mails. Either opens the account, the other then does not, and there is one
// customer.
func TestDoubleSignUp(t *testing.T) {
	w := newFixture(t)
	b := w.browser().open(courierLink)
	first := b.send(validSignUpFields("ola@example.com")...)
	_, one := w.lastMail()
	b.at = nil
	b.open(courierLink).send(validSignUpFields("ola@example.com")...)
	_, two := w.lastMail()
	if one == two || first.status != 200 {
		t.Fatal("one mail")
	}
	b.openMail().send("password", testPassword).expectText(200, "Share with")
	path := strings.TrimPrefix(one, w.site.url)
	b.at = nil
	b.open(path).send("password", testPassword).expectText(410, "already used")
	k, err := w.site.accounts.ByEmail(t.Context(), "ola@example.com")
	if err != nil || len(k.Customers) != 1 || k.Customers[0] != k.Customer {
		t.Errorf("%+v, %v", k, err)
	}
}

func TestDoubleConsent(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com").open(linkFor("77", ""))
	link := b.fields().Get("link")
	b.send("choice", "agree").expectText(200, "You are linked.")
	b.post("/account/consent", url.Values{"link": {link}, "choice": {"agree"}}).expectText(200, "You are linked.")
	// The back button, too.
	b.open("/account/consent?link="+link).expectText(200, "You share with Courier Ltd")
	history, err := w.timelines.History(t.Context(), "courier-ltd", "AAA1")
	if err != nil || len(history.CurrentUserIDs()) != 1 || len(w.webhooks.calls) != 2 {
		t.Errorf("%v, %v, %v", history.CurrentUserIDs(), w.webhooks.calls, err)
	}
}

func TestDecline(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com").open(linkFor("77", ""))
	link := b.fields().Get("link")
	b.send("choice", "decline").expectText(200, "nothing is shared", "None. To link one")
	b.post("/account/consent", url.Values{"link": {link}}).expectText(200, "nothing is shared") // no choice is no consent
	if w.owner("courier-ltd", "77") != "" || len(w.webhooks.calls) > 0 {
		t.Error("something was shared")
	}
	// Who changes their mind goes back.
	b.open("/account/consent?link="+link).send("choice", "agree").expectText(200, "You are linked.")
}

func TestRemove(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.share("courier-ltd", "AAA1", "77")
	w.share("parcels-co", "AAA1", "p-1")
	w.clock = w.clock.Add(time.Hour)
	w.work("courier-ltd", "77", noon.Add(time.Minute), time.Time{})
	b := w.browser().signIn("ann@example.com").expectText(200, "Courier Ltd", "Parcels &amp; Co", "p-1", "Still on shift")
	b.open("/account/remove?provider=courier-ltd").expectText(200, "Remove Courier Ltd?", "not insured")
	b.send().expectText(200, "The link is removed.", "Parcels &amp; Co")
	if strings.Contains(b.body, "remove?provider=courier-ltd") {
		t.Error("it is still shown")
	}
	if w.owner("courier-ltd", "77") != "" || w.owner("parcels-co", "p-1") != "AAA1" {
		t.Error("the wrong one was removed")
	}
	// Double click, and the back button.
	b.post("/account/remove", url.Values{"provider": {"courier-ltd"}}).expectText(200, "The link is removed.")
	b.open("/account/remove?provider=courier-ltd").expectText(200, "Your account")
	b.open("/account/remove?provider=nobody").expectText(404, "Nothing was changed.")
	// Now the id is free for whom it belongs to, also for herself again.
	w.clock = w.clock.Add(time.Hour)
	b.open(linkFor("77", "")).send("choice", "agree").expectText(200, "You are linked.")
	if w.owner("courier-ltd", "77") != "AAA1" {
		t.Error("not linked again")
	}
}

func TestTwoProviders(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com")
	b.open(linkFor("77", "")).send("choice", "agree").expectText(200, "You are linked.")
	b.open("/link-work-provider?work_provider=Parcels+%26+Co&work_provider_user_id=77").
		expectText(200, "Share with Parcels &amp; Co?")
	b.send("choice", "agree").expectText(200, "Courier Ltd", "Parcels &amp; Co")
}

// Two people follow links with the same id: the second is told, and the first stays linked.
func TestUserIDOfAnotherCustomer(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.createAccount("BBB1", "bob@example.com")
	ann := w.browser().
		signIn("ann@example.com").
		open(linkFor("77", ""))
	bob := w.browser().
		signIn("bob@example.com").
		open(linkFor("77", ""))
	ann.send("choice", "agree").expectText(200, "You are linked.")
	bob.send("choice", "agree").expectText(409, "another Zego customer", "Nothing was changed.")
	bob.open("/account").expectText(200, "None. To link one")
	if w.owner("courier-ltd", "77") != "AAA1" {
		t.Error("it was taken away")
	}
}

func TestFormFromAnotherSite(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com")
	for name, header := range map[string]http.Header{
		"another site":          {"Sec-Fetch-Site": {"cross-site"}},
		"a neighbour":           {"Sec-Fetch-Site": {"same-site"}},
		"an old browser":        {"Origin": {"https://evil.example"}},
		"a page without origin": {"Origin": {"null"}},
	} {
		header.Set("Cookie", sessionCookie+"="+b.cookie)
		answered := w.raw(http.MethodPost, "/account/logout", "", header)
		if answered.Code != 403 || !strings.Contains(answered.Body.String(), "nothing was done") {
			t.Errorf("%s: %d", name, answered.Code)
		}
	}
	old := http.Header{"Origin": {"https://work.zego.example"}, "Cookie": {sessionCookie + "=" + b.cookie}}
	if answered := w.raw(http.MethodPost, "/account/logout", "", old); answered.Code != 303 {
		t.Errorf("an old browser on our page: %d", answered.Code)
	}
}

func TestSignOut(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com")
	before := b.cookie
	b.post("/account/logout", url.Values{}).expectText(200, "<h1>Sign in</h1>")
	if b.cookie != "" {
		t.Errorf("the cookie is %q", b.cookie)
	}
	b.cookie = before // as if somebody had kept it
	b.open("/account").expectText(200, "<h1>Sign in</h1>")
	b.post("/account/remove", url.Values{"provider": {"courier-ltd"}}).expectText(200, "<h1>Sign in</h1>")
	b.post("/account/logout", url.Values{}).expectText(200, "<h1>Sign in</h1>")
}

func TestPasswordReset(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	phone := w.browser().signIn("ann@example.com").expectText(200, "Your account")
	thief := w.browser().signIn("ann@example.com").expectText(200, "Your account")
	w.clock = w.clock.Add(time.Minute)
	phone.open("/account/forgot").send("email", " ANN@example.com ").expectText(200, "Check your mail")
	_, link := w.lastMail()
	phone.openMail().
		expectText(200, "Set a new password").
		send("password", "short").
		expectText(422, "at least 12 characters")
	const newPass = "quite another one"
	phone.send("password", newPass).expectText(200, "Your account")
	thief.open("/account").expectText(200, "<h1>Sign in</h1>")
	w.browser().signIn("ann@example.com").expectText(422, "The email or the password is wrong.")
	w.browser().
		open("/account/login").
		send("email", "ann@example.com", "password", newPass).
		expectText(200, "Your account")
	w.browser().open(strings.TrimPrefix(link, w.site.url)).expectText(410, "already used")
}

// Who was enrolled by a work provider has no password: the same mail lets them set their first.
func TestFirstPassword(t *testing.T) {
	w := newFixture(t)
	w.enrol("BBB1", "bob@example.com")
	b := w.browser().signIn("bob@example.com").expectText(422, "wrong")
	b.open("/account/forgot").
		send("email", "bob@example.com").
		openMail().
		send("password", testPassword).
		expectText(200, "Your account", "BBB1")

}

func TestSessionExpiry(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com")
	first := b.cookie
	b.open("/account/login").expectText(200, "Your account")
	w.browser().signIn("ann@example.com")
	again := w.browser()
	again.cookie = "made-up"
	again.open("/account").expectText(200, "<h1>Sign in</h1>")
	again.send("email", "ann@example.com", "password", testPassword)
	if again.cookie == first || again.cookie == "made-up" {
		t.Error("the session was not renewed")
	}
	w.clock = w.clock.Add(account.SessionTTL)
	b.open("/account").expectText(200, "<h1>Sign in</h1>")
}

// When something of ours fails, a page says so, and nothing is half done.
func TestServerErrors(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().signIn("ann@example.com").open(linkFor("77", ""))
	w.webhooks.failing = true
	b.send("choice", "agree").expectText(503, "Temporarily unavailable")
	if w.owner("courier-ltd", "77") != "" {
		t.Error("half done")
	}
	w.mailer.err = fault.New(fault.Unavailable, "")
	w.browser().open("/account/forgot").send("email", "ann@example.com").expectText(503, "Temporarily unavailable")
}

func TestUnknownPages(t *testing.T) {
	w := newFixture(t)
	w.browser().open("/account/nothing").expectText(404, "There is no such page")
	if post := w.raw(http.MethodPost, "/account/terms", "",
		http.Header{"Sec-Fetch-Site": {"same-origin"}}); post.Code != 404 {
		t.Errorf("%d", post.Code)
	}
	if post := w.raw(http.MethodPost, "/account", "", nil); post.Code != 405 {
		t.Errorf("%d", post.Code)
	}
}
