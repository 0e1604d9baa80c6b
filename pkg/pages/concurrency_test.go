package pages

import (
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// atTheSameTime runs something several times at the same moment and returns the errors.
func atTheSameTime(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

// Every row of Sessions, and every one that waits for a mail, has an end.
func TestErasureEndsSessions(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser().open(linkFor("77", ""))
	b.send(validSignUpFields("ola@example.com")...)
	b.open("/account/forgot").send("email", "ann@example.com").openMail().send("password", testPassword)
	var rows []struct {
		PK      string `dynamo:"pk"`
		Expires int64  `dynamo:"expires"`
	}
	w.ok(w.table("SESSIONS_TABLE").Scan().All(t.Context(), &rows))
	kinds := map[string]bool{}
	for _, r := range rows {
		kind, _, _ := strings.Cut(r.PK, "#")
		kinds[kind] = true
		if end := time.Unix(r.Expires, 0); end.Before(noon) || end.After(noon.Add(25*time.Hour)) {
			t.Errorf("%s ends %s", kind, end)
		}
	}
	if len(kinds) != 5 {
		t.Errorf("kinds of rows: %v", kinds)
	}
	rows = nil
	w.ok(w.table("CUSTOMERS_TABLE").Scan().Filter("begins_with('"+table.PK+"', ?)", "mail#").All(t.Context(), &rows))
	for _, r := range rows {
		if r.Expires == 0 {
			t.Errorf("%s has no end", r.PK)
		}
	}
	if len(rows) != 3 { // one is waited for, and two were used a moment ago
		t.Errorf("%d mails are stored", len(rows))
	}
}

// Two customers who agree to the same id at the same moment: one of them is linked.
func TestConcurrentConsents(t *testing.T) {
	w := newFixture(t)
	numbers := []string{"AAA1", "BBB1"}
	browsers := make([]*browser, 2)
	for i, number := range numbers {
		email := strings.ToLower(number) + "@example.com"
		w.createAccount(number, email)
		browsers[i] = w.browser().signIn(email).open(linkFor("77", ""))
	}
	atTheSameTime(2, func(i int) error {
		browsers[i].post("/account/consent", url.Values{"link": browsers[i].fields()["link"], "choice": {"agree"}})
		return nil
	})
	if a, b := browsers[0].status, browsers[1].status; a+b != 200+409 {
		t.Errorf("%d and %d", a, b)
	}
	if owner := w.owner("courier-ltd",
		"77"); owner != numbers[map[bool]int{true: 0, false: 1}[browsers[0].status == 200]] {
		t.Errorf("it belongs to %s", owner)
	}
}

// A form that is not as it must be keeps what was typed, says what is wrong beside each field, and never gives the
// password back.
func TestSignUpErrors(t *testing.T) {
	w := newFixture(t)
	b := w.browser().open(linkFor("77", ""))
	b.send("givenNames", `Ola <b>"&'`, "phoneNumber", "12", "dob-day", "1", "dob-month", "1",
		"dob-year", "2199", "password", "short", "vehicle", "!!").
		expectText(422,
			"<title>Error: Sign up", `value="Ola &lt;b&gt;&#34;&amp;&#39;"`, `value="12"`, `value="2199"`,
			`<a href="#dob-day">`, `value="!!"`,
			`<a href="#lastName">Enter your last name.</a>`, `id="lastName-error"`,
			`aria-describedby="phoneNumber-hint phoneNumber-error"`,
			"Enter a registration like", "at least 12 characters", "Agree to the terms")
	if strings.Contains(b.body, "short") {
		t.Error("the password came back")
	}
	if len(w.mailer.mails) > 0 {
		t.Error("a mail was sent")
	}
	b.send("email", strings.Repeat("x", maxField+1)).expectText(400)
	// Without a link nobody is asked for a vehicle, and there is no cover yet.
	c := w.browser().open("/account/signup")
	if strings.Contains(c.body, "vehicle") {
		t.Error("a vehicle is asked for")
	}
	c.send(validSignUpFields("cyd@example.com")...).
		openMail().
		send("password", testPassword).
		expectText(200, "You have no cover yet")
}

func TestUnavailableStorage(t *testing.T) {
	w := newFixture(t)
	broken := config.From(map[string]string{"CUSTOMERS_TABLE": w.env.Get("CUSTOMERS_TABLE"), "SESSIONS_TABLE": "nowhere"})
	broken.SetAWS(w.env.AWS())
	w.site.accounts = account.NewStore(broken)
	b := w.browser().open(linkFor("77", "")).expectText(503, "Temporarily unavailable")
	b.cookie = "something"
	b.open("/account").expectText(503)
	if _, err := w.site.accounts.ByEmail(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	_, err := w.site.accounts.CreateSession(t.Context(), "ann@example.com", account.Session{Customer: "AAA1"}, noon)
	if err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
}
