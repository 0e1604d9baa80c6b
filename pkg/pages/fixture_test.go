package pages

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/mail"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// noon is when the tests' worlds begin.
var noon = time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)

// memoryMailer is a Sender that keeps what it is given.
type memoryMailer struct {
	mu    sync.Mutex
	mails []mail.Message
	err   error // what Send returns instead
}

func (l *memoryMailer) Send(_ context.Context, m mail.Message) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	l.mails = append(l.mails, m)
	return nil
}

// fakeWebhooks is Webhooks that note what they are told; the state they answer is the test's.
type fakeWebhooks struct {
	mu         sync.Mutex
	calls      []string
	state      webhook.MatchStatus
	configured bool // whether the work providers have one
	failing    bool
}

func (a *fakeWebhooks) PublishPendingSignUp(_ context.Context, providerID, number string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failing {
		return fault.New(fault.Unavailable, "")
	}
	a.calls = append(a.calls, "expect "+providerID+" "+number)
	return nil
}

func (a *fakeWebhooks) PublishSignUp(_ context.Context, providerID, number string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, "signed up "+providerID+" "+number)
	return nil
}

func (a *fakeWebhooks) MatchStatus(context.Context, string, string) (webhook.MatchStatus, error) {
	return a.state, nil
}

func (a *fakeWebhooks) HasWebhook(context.Context, string) (bool, error) { return a.configured, nil }

// fixture is tables of its own with two work providers, and the pages over them.
type fixture struct {
	*testing.T
	env       *config.Env
	clock     time.Time
	mailer    *memoryMailer
	webhooks  *fakeWebhooks
	customers *customer.Store
	timelines *timeline.Store
	site      *Site
	pages     http.Handler
}

func newFixture(t *testing.T) *fixture {
	env := emulator.NewTestEnv(t)
	w := &fixture{T: t, env: env, clock: noon, mailer: &memoryMailer{}, webhooks: &fakeWebhooks{state: webhook.MatchFound}}
	w.customers = customer.NewStore(env)
	w.timelines = timeline.NewStore(env)
	links := link.New(w.timelines, func(context.Context, string, string, time.Time) error { return nil })
	w.site = NewSite(env, links, w.mailer, w.webhooks, func() time.Time { return w.clock })
	w.pages = contract.Checked(
		t,
		web.Router(map[string]http.Handler{"account": Account(w.site), "link-work-provider": Link(w.site)}),
	)
	providers := apikey.NewStore(env)
	for _, name := range []string{"Courier Ltd", "Parcels & Co"} {
		product := map[string]string{"Courier Ltd": "MOT"}[name]
		_, err := providers.Create(t.Context(), provider.Provider{Name: name, Product: product}, w.clock)
		w.ok(err)
	}
	w.ok(w.customers.PutProduct(t.Context(), customer.Product{
		Code: "MOT", CoverLevel: "Third Party (TPO)", ClassOfUse: "Carriage of Goods", Vehicle: true,
	}))
	return w
}

func (w *fixture) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// lastMail is the newest mail, and the link in it.
func (w *fixture) lastMail() (mail.Message, string) {
	w.Helper()
	if len(w.mailer.mails) == 0 {
		w.Fatal("no mail was sent")
	}
	m := w.mailer.mails[len(w.mailer.mails)-1]
	return m, regexp.MustCompile(`https?://\S+`).FindString(m.Text)
}

// enrol makes a customer without an account, as a work provider does.
func (w *fixture) enrol(number, email string) {
	w.Helper()
	register := customer.NewRegistrar(
		w.customers,
		w.timelines,
		func(context.Context, string, string, time.Time) error { return nil },
	)
	_, err := register.Create(w.Context(), customer.NewCustomer{Number: number, Details: details(email)}, w.clock)
	w.ok(err)
}

func details(email string) customer.Details {
	return customer.Details{
		GivenNames: "Ola", LastName: "Nowak", Address: "1 Long Lane", City: "London", PostCode: "EC1A 9HF", DOB: "1990-05-17",
		Email: email, PhoneNumber: "+447700900123",
	}
}

// testPassword is the tests' password. Hashing it is slow, so those that need many accounts hash it once.
const testPassword = "three words in a row"

var testPasswordHash = sync.OnceValue(func() string { return account.HashPassword(testPassword) })

// createAccount makes a customer with an account.
func (w *fixture) createAccount(number, email string) {
	w.Helper()
	w.enrol(number, email)
	w.setPassword(email)
}

// setPassword gives the email an account with the tests' password.
func (w *fixture) setPassword(email string) {
	w.Helper()
	m := account.MailToken{Purpose: account.PurposeReset, Email: customer.NormaliseEmail(email)}
	token, err := w.site.accounts.CreateMailToken(w.Context(), m, w.clock)
	w.ok(err)
	err = w.site.accounts.SetPassword(w.Context(), token, testPasswordHash(), w.clock)
	w.ok(err)
}

// table is the table that a variable of the environment names.
func (w *fixture) table(variable string) dynamo.Table {
	return dynamo.New(w.env.AWS()).Table(w.env.Get(variable))
}

// share makes the customer share with a work provider that calls them by an id.
func (w *fixture) share(providerID, number, userID string) {
	w.Helper()
	w.ok(
		w.site.links.GrantConsent(
			w.Context(),
			link.Grant{Provider: providerID, Customer: number, UserID: userID, Matched: true},
			w.clock,
		),
	)
}

// owner is whose the id is.
func (w *fixture) owner(providerID, userID string) string {
	w.Helper()
	owner, err := w.timelines.OwnerNumber(w.Context(), providerID, userID)
	w.ok(err)
	return owner
}

// work processes a LOGIN and a LOGOUT of a customer.
func (w *fixture) work(providerID, userID string, from, to time.Time) {
	w.Helper()
	name := person.Name{Kind: person.UserID, Value: userID}
	facts := []timeline.Fact{{Name: name, Kind: timeline.Login, At: timeline.At(from)}}
	if !to.IsZero() {
		facts = append(facts, timeline.Fact{Name: name, Kind: timeline.Logout, At: timeline.At(to)})
	}
	for _, r := range timeline.NewApplier(w.timelines, 4).Apply(w.Context(),
		[]timeline.MessageChanges{{Provider: providerID, Facts: facts}}, timeline.At(time.Now())) {
		w.ok(r.Err)
	}
}

// browser is what a person holds: it keeps cookies, follows where it is sent, and knows how the forms of a page are
// filled in. All addresses are below a base, as they are below a stage.
type browser struct {
	w         *fixture
	base      string   // such as "https://work.zego.example/live"
	from      string   // its network address
	cookie    string   // of the session
	device    string   // of the device
	at        *url.URL // of the page shown
	status    int
	header    http.Header
	body      string
	redirects []string // the addresses that it was sent to on the way to the page
}

func (w *fixture) browser() *browser {
	return &browser{w: w, base: "https://work.zego.example/live", from: "203.0.113.7"}
}

// open shows the page at an address relative to the page shown, or at a path below the base if none is shown yet.
func (b *browser) open(address string) *browser {
	b.w.Helper()
	b.redirects = nil
	return b.follow(http.MethodGet, b.resolve(address), "", nil)
}

func (b *browser) resolve(address string) *url.URL {
	b.w.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.base + address
	}
	u, err := url.Parse(address)
	b.w.ok(err)
	if b.at != nil {
		u = b.at.ResolveReference(u)
	}
	return u
}

func (b *browser) follow(method string, u *url.URL, body string, header http.Header) *browser {
	b.w.Helper()
	path, below := strings.CutPrefix(u.Scheme+"://"+u.Host+u.EscapedPath(), b.base)
	if !below {
		b.w.Fatalf("%s leads away from %s", u, b.base)
	}
	request := b.w.request(method, path+"?"+u.RawQuery, body, nil)
	request.RemoteAddr = b.from
	for name, value := range map[string]string{sessionCookie: b.cookie, deviceCookie: b.device} {
		if value != "" {
			request.AddCookie(&http.Cookie{Name: name, Value: value})
		}
	}
	if method == http.MethodPost {
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, values := range header {
		request.Header[name] = values
	}
	recorder := httptest.NewRecorder()
	b.w.pages.ServeHTTP(recorder, request)
	response := recorder.Result()
	for _, c := range response.Cookies() {
		b.w.checkCookie(c)
		switch c.Name {
		case sessionCookie:
			b.cookie = c.Value
		case deviceCookie:
			b.device = c.Value
		}
	}
	b.status = response.StatusCode
	b.header = response.Header
	b.body = recorder.Body.String()
	b.at = u
	b.w.checkAnswer(b)
	if location := b.header.Get("Location"); location != "" {
		if len(b.redirects) > 5 {
			b.w.Fatalf("sent round and round: %v", b.redirects)
		}
		next := b.resolve(location)
		b.redirects = append(b.redirects, location)
		return b.follow(http.MethodGet, next, "", nil)
	}
	return b
}

// checkCookie holds every cookie against what a session's must be.
func (w *fixture) checkCookie(c *http.Cookie) {
	w.Helper()
	if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode ||
		c.Path != "/" ||
		c.Domain != "" {
		w.Errorf("cookie %v", c)
	}
}

var (
	address = regexp.MustCompile(`(?:href|action|src)="([^"]*)"`)
	field   = regexp.MustCompile(`<input ([^>]*)>`)
	attr    = regexp.MustCompile(`([a-z-]+)="([^"]*)"`)
)

// checkAnswer holds every answer against what all of them must be: headers, relative addresses, nothing personal in
// them.
func (w *fixture) checkAnswer(b *browser) {
	w.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
		"Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; " +
			"frame-ancestors 'none'",
	} {
		if got := b.header.Get(name); got != want {
			w.Errorf("%s: %s is %q", b.at, name, got)
		}
	}
	addresses := []string{b.header.Get("Location")}
	for _, found := range address.FindAllStringSubmatch(b.body, -1) {
		addresses = append(addresses, found[1])
	}
	for _, a := range addresses {
		if a == "" || strings.HasPrefix(a, "#") {
			continue
		}
		if u, err := url.Parse(a); err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(a, "/") {
			w.Errorf("%s: the address %q is not relative", b.at, a)
		}
		if strings.Contains(a, "%40") || strings.Contains(a, "@") {
			w.Errorf("%s: the address %q holds an email", b.at, a)
		}
	}
	if strings.Contains(b.body, "<script") || strings.Contains(b.body, "style=") ||
		strings.Contains(b.body, string(templ.FailedSanitizationURL)) {
		w.Errorf("%s has a script, a style of its own, or an address that a template would not print", b.at)
	}
}

// fields are the values of the fields of the page's last form, hidden ones too.
func (b *browser) fields() url.Values {
	form := b.body[strings.LastIndex(b.body, "<form"):]
	values := url.Values{}
	for _, f := range field.FindAllStringSubmatch(form, -1) {
		attributes := map[string]string{}
		for _, a := range attr.FindAllStringSubmatch(f[1], -1) {
			attributes[a[1]] = strings.NewReplacer("&#43;", "+", "&amp;", "&", "&#39;", "'", "&lt;", "<", "&gt;", ">", "&#34;",
				`"`).
				Replace(a[2])
		}
		if attributes["type"] != "checkbox" || strings.Contains(f[1], " checked") {
			values.Set(attributes["name"], attributes["value"])
		}
	}
	return values
}

// send fills in the page's last form and sends it; alternating names and values are typed over what is there.
func (b *browser) send(typed ...string) *browser {
	b.w.Helper()
	values := b.fields()
	for i := 0; i < len(typed); i += 2 {
		values.Set(typed[i], typed[i+1])
	}
	form := b.body[strings.LastIndex(b.body, "<form"):]
	return b.post(address.FindStringSubmatch(form)[1], values)
}

func (b *browser) post(to string, values url.Values) *browser {
	b.w.Helper()
	b.redirects = nil
	return b.follow(http.MethodPost, b.resolve(to), values.Encode(), nil)
}

// expectText fails the test unless the page has that status, and those words.
func (b *browser) expectText(status int, words ...string) *browser {
	b.w.Helper()
	if b.status != status {
		b.w.Fatalf("%s: status %d, want %d\n%s", b.at, b.status, status, b.body)
	}
	for _, word := range words {
		if !strings.Contains(b.body, word) {
			b.w.Fatalf("%s does not say %q:\n%s", b.at, word, b.body)
		}
	}
	return b
}

// openMail opens the link in the newest mail, which leads to where SITE_URL says the pages are.
func (b *browser) openMail() *browser {
	b.w.Helper()
	_, target := b.w.lastMail()
	path, ok := strings.CutPrefix(target, b.w.site.url)
	if !ok {
		b.w.Fatalf("the mail leads to %s", target)
	}
	b.at = nil
	return b.open(path)
}

// startSession logs in with the tests' password.
func (b *browser) signIn(email string) *browser {
	b.w.Helper()
	b.at = nil
	return b.open("/account/login").send("email", email, "password", testPassword)
}

// validSignUpFields are those of a sign-up that nothing is wrong with.
func validSignUpFields(email string) []string {
	return []string{
		"email", email, "givenNames", "Ola", "lastName", "Nowak", "dob-day", "17", "dob-month", "5",
		"dob-year", "1990", "address", "1 Long Lane", "city",
		"London",
		"postCode", "EC1A 9HF", "phoneNumber", "07700 900123", "vehicle", "ab12 cde", "password", testPassword, "terms",
		"yes",
	}
}

// raw is one request, whose answer is not followed.
func (w *fixture) raw(method, target, body string, header http.Header) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	w.pages.ServeHTTP(recorder, w.request(method, target, body, header))
	return recorder
}

// request is one as it comes to a function on Lambda: without a host.
func (w *fixture) request(method, target, body string, header http.Header) *http.Request {
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	request.Host = ""
	request.RemoteAddr = "203.0.113.7"
	for name, values := range header {
		request.Header[name] = values
	}
	return request
}
