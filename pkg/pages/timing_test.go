package pages

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/account"
)

var soak = flag.Bool("soak", false, "run what takes minutes: the times of existing and unknown emails")

// submit is all that an answer shows, but the id of the request and the email itself.
func (w *fixture) submit(page, email string, from int) (string, time.Duration) {
	form := url.Values{"email": {email}, "password": {"this is not the one"}}
	if page == "signup" {
		fields := validSignUpFields(email)
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
	}
	header := http.Header{"Sec-Fetch-Site": {"same-origin"}}
	request := w.request(http.MethodPost, "/account/"+page, form.Encode(), header)
	request.RemoteAddr = fmt.Sprintf("10.%d.%d.%d", from>>16&255, from>>8&255, from&255)
	recorder := httptest.NewRecorder()
	began := time.Now()
	w.pages.ServeHTTP(recorder, request)
	took := time.Since(began)
	h := recorder.Header().Clone()
	h.Del("X-Request-Id")
	names := make([]string, 0, len(h))
	for name, values := range h {
		names = append(names, name+": "+strings.Join(values, ","))
	}
	slices.Sort(names)
	return strings.ReplaceAll(fmt.Sprint(recorder.Code, names, recorder.Body), email, "EMAIL"), took
}

// On log-in, a forgotten password and sign-up, an email with an account, one that a work provider enrolled, and one
// that nobody has are answered alike, to the byte, and each of them gets one mail where one is sent.
func TestAccountEnumeration(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	w.enrol("BBB1", "bob@example.com")
	for _, page := range []string{"login", "forgot", "signup"} {
		want, _ := w.submit(page, "cyd@example.com", 1)
		for i, email := range []string{"ann@example.com", "bob@example.com"} {
			sent := len(w.mailer.mails)
			if got, _ := w.submit(page, email, 2+i); got != want {
				t.Errorf("%s of %s:\n%s\nof a stranger:\n%s", page, email, got, want)
			}
			if got := len(w.mailer.mails) - sent; page != "login" && got != 1 || page == "login" && got != 0 {
				t.Errorf("%s of %s: %d mails", page, email, got)
			}
		}
	}
}

// The throttles strike existing and unknown emails at the same try, and let everybody in again later.
func TestThrottles(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	for _, c := range []struct {
		page  string
		tries int64
	}{{"login", account.SignInBySource.MaxAttempts}, {"forgot", account.MailBySource.MaxAttempts}} {
		for who, email := range []string{"ann@example.com", "nobody@example.com"} {
			for try := range c.tries + 1 {
				answer, _ := w.submit(c.page, email, 1000*who)
				if refused := strings.HasPrefix(answer, "429"); refused != (try == c.tries) {
					t.Fatalf("%s of %s, try %d: %.40s", c.page, email, try, answer)
				}
			}
			answer, _ := w.submit(c.page, email, 1000*who)
			if !strings.Contains(answer, "Retry-After: ") || !strings.Contains(answer, "too many attempts") {
				t.Errorf("%s", answer)
			}
		}
	}
	// From there the right password does not help before the window is over, or guessing on would pay.
	b := w.browser()
	b.from = "10.0.0.0"
	b.signIn("ann@example.com").expectText(429, "Set a new password by mail")
	w.clock = w.clock.Add(account.SignInBySource.Window)
	b.signIn("ann@example.com").expectText(200, "Your account")
	// By network: many emails from one place.
	var refused bool
	for i := range account.SignInByNetwork.MaxAttempts + 1 {
		answer, _ := w.submit("login", fmt.Sprintf("%d@example.com", i), 4711)
		refused = strings.HasPrefix(answer, "429")
	}
	if !refused {
		t.Error("one network tries as many emails as it likes")
	}
}

// The figures: 2,000 shuffled pairs of an email with an account and one without, on each page.
func TestSoakTiming(t *testing.T) {
	if !*soak {
		t.Skip("a matter of minutes: make soak")
	}
	const pairs = 2000
	w := newFixture(t)
	for i := range pairs {
		email := fmt.Sprintf("known-%04d@example.com", i)
		number := fmt.Sprintf("K%04d", i)
		w.createAccount(number, email)
	}
	type try struct {
		email string
		known bool
	}
	var tries []try
	for i := range pairs {
		tries = append(
			tries,
			try{fmt.Sprintf("known-%04d@example.com", i), true},
			try{fmt.Sprintf("blank-%04d@example.com", i), false},
		)
	}
	for _, page := range []string{"login", "forgot"} {
		rand.Shuffle(len(tries), func(i, j int) { tries[i], tries[j] = tries[j], tries[i] })
		var known, unknown []float64
		answers := map[string]int{}
		for i, one := range tries {
			answer, took := w.submit(page, one.email, i)
			answers[answer]++
			if one.known {
				known = append(known, took.Seconds())
			} else {
				unknown = append(unknown, took.Seconds())
			}
		}
		score := welch(known, unknown)
		t.Logf("%s: Welch's t is %.2f over %d pairs; %d kinds of answers", page, score, pairs, len(answers))
		if score < -4.5 || score > 4.5 {
			t.Errorf("%s: the times tell existing from unknown emails: t is %.2f", page, score)
		}
		if len(answers) != 1 {
			t.Errorf("%s: %d kinds of answers", page, len(answers))
		}
	}
}
