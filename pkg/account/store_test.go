package account

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

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

// However many confirm at once, one account is opened, by one of the mails.
func TestOneAccountIsOpened(t *testing.T) {
	w := newWorld(t)
	s := w.site.store
	m := mailed{purpose: toConfirm, email: "ola@example.com", details: details("ola@example.com"), password: "hash"}
	var tokens []string
	for range 3 {
		token, err := s.keepMail(t.Context(), m, noon)
		w.ok(err)
		tokens = append(tokens, token, token) // and each is clicked twice
	}
	var opened int
	for _, err := range atTheSameTime(len(tokens), func(i int) error {
		_, err := s.open(t.Context(), w.customers, tokens[i], m, noon)
		return err
	}) {
		switch {
		case err == nil:
			opened++
		case !errors.Is(err, errUsed):
			t.Error(err)
		}
	}
	k, err := s.byEmail(t.Context(), "ola@example.com")
	if err != nil || opened != 1 || len(k.numbers) != 1 || k.numbers[0] != k.number {
		t.Errorf("%d opened, %+v, %v", opened, k, err)
	}
	c, there, err := w.customers.Customer(t.Context(), k.number)
	if err != nil || !there || c.Details != m.details {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestOnePasswordIsSet(t *testing.T) {
	w := newWorld(t)
	w.open("AAA1", "ann@example.com")
	m := mailed{purpose: toReset, email: "ann@example.com", number: "AAA1"}
	token, err := w.site.store.keepMail(t.Context(), m, noon)
	w.ok(err)
	var set []string
	for i, err := range atTheSameTime(4, func(i int) error {
		return w.site.store.setPassword(t.Context(), token, m, fmt.Sprint("hash ", i), noon)
	}) {
		switch {
		case err == nil:
			set = append(set, fmt.Sprint("hash ", i))
		case !errors.Is(err, errUsed):
			t.Error(err)
		}
	}
	k, err := w.site.store.byEmail(t.Context(), "ann@example.com")
	if err != nil || len(set) != 1 || k.password != set[0] {
		t.Errorf("set %v, stored %+v, %v", set, k, err)
	}
}

// The link of a mail is good for its purpose only, for a day, and for ten wrong passwords.
func TestMails(t *testing.T) {
	w := newWorld(t)
	s := w.site.store
	token, err := s.keepMail(t.Context(), mailed{purpose: toConfirm, email: "ola@example.com"}, noon)
	w.ok(err)
	good := func(token, purpose string, at time.Time) bool {
		_, ok, err := s.mail(t.Context(), token, purpose, at)
		w.ok(err)
		return ok
	}
	if !good(token, toConfirm, noon) || !good(token, toConfirm, noon.Add(mailLife-time.Second)) {
		t.Error("not good while it should be")
	}
	if good(token, toReset, noon) || good(token, toNowhere, noon) || good(token, toConfirm, noon.Add(mailLife)) || good(token+"x", toConfirm, noon) || good("", toConfirm, noon) {
		t.Error("good for what it is not for")
	}
	for range mailTries {
		w.ok(s.countTry(t.Context(), token))
	}
	if good(token, toConfirm, noon) {
		t.Error("good for any number of guesses")
	}
	w.ok(s.countTry(t.Context(), "nobody's")) // makes no row
	if good("nobody's", toConfirm, noon) {
		t.Error("a guess made a mail")
	}
}

func TestSessions(t *testing.T) {
	w := newWorld(t)
	s := w.site.store
	ann, err := s.begin(t.Context(), "AAA1", noon)
	w.ok(err)
	bob, err := s.begin(t.Context(), "BBB1", noon)
	w.ok(err)
	whose := func(token string, at time.Time) string {
		number, err := s.whose(t.Context(), token, at)
		w.ok(err)
		return number
	}
	if ann == bob || whose(ann, noon) != "AAA1" || whose(bob, noon) != "BBB1" || whose("x", noon) != "" || whose(ann, noon.Add(sessionLife)) != "" {
		t.Error("sessions are mixed up")
	}
	w.ok(s.end(t.Context(), ann))
	w.ok(s.end(t.Context(), ann))
	if whose(ann, noon) != "" || whose(bob, noon) != "BBB1" {
		t.Error("the wrong session has ended")
	}
	// The tables know no token, only hashes of them.
	var rows []map[string]any
	w.ok(s.sessions.Scan().All(t.Context(), &rows))
	if text := fmt.Sprint(rows); len(rows) == 0 || strings.Contains(text, bob) {
		t.Errorf("%s", text)
	}
}

// Every row of Sessions, and every one that waits for a mail, has an end.
func TestEverythingEnds(t *testing.T) {
	w := newWorld(t)
	w.open("AAA1", "ann@example.com")
	b := w.browser().open(courierLink)
	b.send(signUpFields("ola@example.com")...)
	b.open("/account/forgot").send("email", "ann@example.com").mail().send("password", pass)
	var rows []struct {
		PK      string `dynamo:"pk"`
		Expires int64  `dynamo:"expires"`
	}
	w.ok(w.site.store.sessions.Scan().All(t.Context(), &rows))
	kinds := map[string]bool{}
	for _, r := range rows {
		kind, _, _ := strings.Cut(r.PK, "#")
		kinds[kind] = true
		if end := time.Unix(r.Expires, 0); end.Before(noon) || end.After(noon.Add(25*time.Hour)) {
			t.Errorf("%s ends %s", kind, end)
		}
	}
	if len(kinds) != 4 {
		t.Errorf("kinds of rows: %v", kinds)
	}
	rows = nil
	w.ok(w.site.store.customers.Scan().Filter("begins_with('"+table.PK+"', ?)", "mail#").All(t.Context(), &rows))
	for _, r := range rows {
		if r.Expires == 0 {
			t.Errorf("%s has no end", r.PK)
		}
	}
	if len(rows) != 1 {
		t.Errorf("%d mails are waited for", len(rows))
	}
}

// Tries that come together are each counted.
func TestTriesAreCounted(t *testing.T) {
	w := newWorld(t)
	l := limit{"test", 5, time.Hour}
	refused := 0
	for _, err := range atTheSameTime(8, func(int) error { return w.site.store.take(t.Context(), l, "somebody", noon) }) {
		if told := (*problem)(nil); errors.As(err, &told) {
			refused++
		} else {
			w.ok(err)
		}
	}
	if refused != 3 {
		t.Errorf("%d of 8 were refused", refused)
	}
	w.ok(w.site.store.take(t.Context(), l, "somebody else", noon))
	w.ok(w.site.store.take(t.Context(), l, "somebody", noon.Add(time.Hour)))
}

// Two customers who agree to the same id at the same moment: one of them is linked.
func TestOneOfTwoIsLinked(t *testing.T) {
	w := newWorld(t)
	numbers := []string{"AAA1", "BBB1"}
	browsers := make([]*browser, 2)
	for i, number := range numbers {
		email := strings.ToLower(number) + "@example.com"
		w.open(number, email)
		browsers[i] = w.browser().logIn(email).open(courierLink)
	}
	atTheSameTime(2, func(i int) error {
		browsers[i].post("/account/consent", url.Values{"link": browsers[i].fields()["link"], "choice": {"agree"}})
		return nil
	})
	if a, b := browsers[0].status, browsers[1].status; a+b != 200+409 {
		t.Errorf("%d and %d", a, b)
	}
	if owner := w.owner("courier-ltd", "77"); owner != numbers[map[bool]int{true: 0, false: 1}[browsers[0].status == 200]] {
		t.Errorf("it belongs to %s", owner)
	}
}

// A form that is not as it must be keeps what was typed, says what is wrong beside each field, and never gives the password back.
func TestMistakesAtSignUp(t *testing.T) {
	w := newWorld(t)
	b := w.browser().open(courierLink)
	b.send("givenNames", `Ola <b>"&'`, "phoneNumber", "12", "dob", "2199-01-01", "password", "short", "vehicle", "!!").sees(422,
		"<title>Error: Sign up", `value="Ola &lt;b&gt;&#34;&amp;&#39;"`, `value="12"`, `value="2199-01-01"`, `value="!!"`,
		`<a href="#lastName">Enter your last name.</a>`, `id="lastName-fault"`, `aria-describedby="phoneNumber-hint phoneNumber-fault"`,
		"Enter a registration like", "at least 12 characters", "Agree to the terms")
	if strings.Contains(b.body, "short") {
		t.Error("the password came back")
	}
	if len(w.letters.mails) > 0 {
		t.Error("a mail was sent")
	}
	b.send("email", strings.Repeat("x", maxField+1)).sees(400)
	// Without a link nobody is asked for a vehicle, and there is no cover yet.
	c := w.browser().open("/account/signup")
	if strings.Contains(c.body, "vehicle") {
		t.Error("a vehicle is asked for")
	}
	c.send(signUpFields("cyd@example.com")...).mail().send("password", pass).sees(200, "You have no cover yet")
}

func TestTelephoneNumbers(t *testing.T) {
	for typed, want := range map[string]string{
		"07700 900123": "+447700900123", "+48 512-345-678": "+48512345678", "0048 512 345 678": "+48512345678", "(020) 7946 0000": "+442079460000",
	} {
		d := details("ola@example.com")
		d.PhoneNumber = dialled(typed)
		got, err := d.Clean(noon)
		if err != nil || got.PhoneNumber != want {
			t.Errorf("%q is %q, %v", typed, got.PhoneNumber, err)
		}
	}
}

func TestStorageThatFails(t *testing.T) {
	w := newWorld(t)
	w.site.store.sessions = w.site.store.db.Table("nowhere")
	b := w.browser().open(courierLink).sees(503, "Not just now")
	b.cookie = "something"
	b.open("/account").sees(503)
	if _, err := w.site.store.byEmail(t.Context(), "x"); err != nil {
		t.Fatal(err)
	}
	_, err := w.site.store.begin(t.Context(), "AAA1", noon)
	if err == nil || fault.Of(err) != fault.Unavailable {
		t.Error(err)
	}
}
