package account

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/mail"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// Site is everything that the pages need.
type Site struct {
	store      *Store
	customers  *customer.Store
	providers  *apikey.Store
	timelines  *timeline.Store
	links      *link.Links
	mail       mail.Sender
	webhooks   Webhooks // nil in the function of the link, which asks nothing of them
	url        string   // where people reach the pages, without a slash at the end: for the links in mails
	host       string
	protection http.CrossOriginProtection
	now        func() time.Time
}

// NewSite puts the pages together. SITE_URL is where people reach them. The link's function needs no links, mails and webhooks.
func NewSite(env *config.Env, links *link.Links, mails mail.Sender, webhooks Webhooks, now func() time.Time) *Site {
	address := strings.TrimSuffix(env.Get("SITE_URL"), "/")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		env.Invalid("SITE_URL", "is no address such as https://work.example.com")
		u = &url.URL{}
	}
	return &Site{
		store: StoreFrom(env), customers: customer.StoreFrom(env), providers: apikey.NewStore(env),
		timelines: timeline.StoreFrom(env), links: links, mail: mails, webhooks: webhooks,
		url: address, host: u.Host, now: now,
	}
}

// Pages is the function of all pages but the link's.
func Pages(s *Site) http.Handler {
	return web.Pages("account", map[string]web.Handler{
		"GET /account":         s.visited(home),
		"GET /account/{page}":  s.byName(views),
		"POST /account/{page}": s.byName(actions),
	})
}

// page answers a request for a page, or fails with a problem that is told in its words, or with a failure of ours.
type page func(*visit) (web.Response, error)

// views are the pages that can be looked at, by the end of their address; actions are the forms that are sent.
var views = map[string]page{
	"style.css": style,
	"terms":     terms,
	"signup":    signUpForm,
	"sent":      sent,
	"verify":    verifyForm,
	"login":     logInForm,
	"forgot":    forgotForm,
	"reset":     resetForm,
	"consent":   consentForm,
	"remove":    removeForm,
}

var actions = map[string]page{
	"signup":  signUp,
	"verify":  verify,
	"login":   logIn,
	"logout":  logOut,
	"forgot":  forgot,
	"reset":   reset,
	"consent": consent,
	"remove":  remove,
}

// byName chooses the page by the end of the address.
func (s *Site) byName(pages map[string]page) web.Handler {
	return func(r *web.Request) (web.Response, error) {
		chosen := pages[r.PathValue]
		if chosen == nil {
			chosen = noPage
		}
		return s.visited(chosen)(r)
	}
}

func noPage(v *visit) (web.Response, error) {
	return web.Response{}, &problem{status: http.StatusNotFound, title: "There is no such page",
		Text: "The address is not one of ours. Perhaps a part of it was lost on the way."}
}

// problem is what a person is told who cannot go on: in plain words, with a 4xx.
type problem struct {
	status     int
	title      string
	Text       string
	Ways       []way // where to go instead
	retryAfter time.Duration
}

func (p *problem) Error() string { return p.title }

// way is a link to another page.
type way struct{ Page, Words string }

// toAccount is the way of somebody who has nowhere else to go.
var toAccount = []way{{"", "Go to your account"}}

// visit is one request of a person's browser.
type visit struct {
	*web.Request
	*Site
	root     string     // leads from this page to the root of the API, whatever is before it: "../"
	form     url.Values // the query, of a form that is sent the form
	link     string     // the token of the link that they followed; "" if none
	customer string     // who is signed in; "" if nobody is
	at       time.Time
}

// visited makes a handler of a page: it finds out who visits, keeps strangers' forms out, and tells what fails in words.
func (s *Site) visited(p page) web.Handler {
	return func(r *web.Request) (web.Response, error) {
		v := &visit{Request: r, Site: s, root: rootOf(r.URL.EscapedPath()), at: s.now()}
		response, err := v.answer(p)
		if err == nil {
			return response, nil
		}
		if told := (*problem)(nil); errors.As(err, &told) {
			response := v.render(told.status, told.title, problemContent(v, told))
			if told.retryAfter > 0 {
				response.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(told.retryAfter.Seconds()))))
			}
			return response, nil
		}
		trouble := &problem{status: http.StatusInternalServerError, title: "Something went wrong",
			Text: "That was our mistake. Please go back and try again."}
		if fault.Of(err) == fault.Unavailable {
			trouble.status, trouble.title = http.StatusServiceUnavailable, "Not just now"
			trouble.Text = "We cannot answer just now. Please go back and try again in a minute."
		}
		return v.render(trouble.status, trouble.title, problemContent(v, trouble)), err
	}
}

func (v *visit) answer(p page) (response web.Response, err error) {
	// Old browsers tell where a form comes from and nothing else. On Lambda a request has no host to compare that with, and
	// an empty one would be that of a page without origin.
	v.Host = v.host
	if err := v.protection.Check(v.Request.Request); err != nil {
		return response, &problem{status: http.StatusForbidden, title: "This form came from elsewhere",
			Text: "The form that was sent is not from one of our pages, so nothing was done."}
	}
	sent := v.URL.RawQuery
	if v.Method == http.MethodPost {
		sent = string(v.Body)
	}
	if v.form, err = url.ParseQuery(sent); err != nil || !validForm(v.form) {
		return response, &problem{status: http.StatusBadRequest, title: "This cannot be read",
			Text: "What your browser sent is not as it should be. Nothing was changed. Please go back and try again."}
	}
	v.link = v.form.Get("link")
	if cookie, err := v.Cookie(sessionCookie); err == nil {
		if v.customer, err = v.store.whose(v.Context(), cookie.Value, v.at); err != nil {
			return response, err
		}
	}
	return p(v)
}

// rootOf is the way from a path of ours to the root. Every address on our pages is relative, because the same pages stand
// below a stage such as /live and at the root of a domain, and a function is not told which.
func rootOf(path string) string {
	up := strings.Repeat("../", strings.Count(strings.TrimPrefix(path, "/"), "/"))
	if up == "" {
		return "./"
	}
	return up
}

// sessionCookie is the name of the cookie that says whose browser it is. By its prefix a browser takes it only from a
// secure origin, for this host alone and all of it. (To browsers 127.0.0.1 is a secure origin, as `make run` needs.)
const sessionCookie = "__Host-session"

// signIn begins a session in place of the one that there may be, so that nobody can have prepared it.
func (v *visit) signIn(customer string, at time.Time) (*http.Cookie, error) {
	if err := v.signOut(); err != nil {
		return nil, err
	}
	token, err := v.store.begin(v.Context(), customer, at)
	return newCookie(token, int(sessionLife/time.Second)), err
}

// signOut ends the session of this browser.
func (v *visit) signOut() error {
	cookie, err := v.Cookie(sessionCookie)
	if err != nil {
		return nil // there is none
	}
	return v.store.end(v.Context(), cookie.Value)
}

func newCookie(value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: sessionCookie, Value: value, Path: "/", MaxAge: maxAge, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// goTo leads to another of our pages: page is what comes after "account", with a slash before it, or nothing. Whatever else the
// address needs are tokens and words of ours.
func (v *visit) goTo(page string, query url.Values, cookies ...*http.Cookie) (web.Response, error) {
	header := headers()
	header.Set("Location", v.address(page, query))
	for _, c := range cookies {
		header.Add("Set-Cookie", c.String())
	}
	return web.Response{Status: http.StatusSeeOther, Header: header}, nil
}

func (v *visit) address(page string, query url.Values) string {
	return v.root + "account" + page + queryText(query)
}

// queryText is a query with its question mark, if there is anything in it.
func queryText(query url.Values) string {
	for name, values := range query {
		if len(values) == 1 && values[0] == "" {
			delete(query, name)
		}
	}
	if len(query) == 0 {
		return ""
	}
	return "?" + query.Encode()
}

// withLink is the query that passes the followed link on.
func (v *visit) withLink() url.Values { return url.Values{"link": {v.link}} }

// headers are those of every answer: nothing is kept, nothing from elsewhere is loaded, nobody frames it.
func headers() http.Header {
	return http.Header{
		"Cache-Control":                {"no-store"},
		"Content-Security-Policy":      {"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"},
		"Cross-Origin-Opener-Policy":   {"same-origin"},
		"Cross-Origin-Resource-Policy": {"same-origin"},
		"Permissions-Policy":           {"camera=(), geolocation=(), microphone=()"},
		// Other sites learn nothing. Without any, old browsers could not say that a form is ours.
		"Referrer-Policy":           {"same-origin"},
		"Strict-Transport-Security": {"max-age=31536000"},
		"X-Content-Type-Options":    {"nosniff"},
		"X-Frame-Options":           {"DENY"},
	}
}

// stylesheet is the one there is, and its address has its hash, so that browsers may keep it.
var (
	//go:embed style.css
	stylesheet     []byte
	stylesheetHash = hash(string(stylesheet))[:12]
)

func style(*visit) (web.Response, error) {
	header := headers()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	return web.Response{Status: http.StatusOK, Header: header, Body: web.Raw{ContentType: "text/css; charset=utf-8", Bytes: stylesheet}}, nil
}

func terms(v *visit) (web.Response, error) {
	return v.render(http.StatusOK, "Terms", termsContent()), nil
}

// render makes a page around its content. One that fails is a mistake of ours, and the tests render all of them.
func (v *visit) render(status int, title string, content templ.Component) web.Response {
	var text bytes.Buffer
	// Rendering waits for nothing, so it is not given up when the browser goes away.
	if err := layout(v, title, content).Render(context.WithoutCancel(v.Context()), &text); err != nil {
		panic(fmt.Errorf("account: page %q: %w", title, err))
	}
	header := headers()
	if status == http.StatusUnprocessableEntity {
		// A form with mistakes is what a browser cannot ask for again: without a copy of its own, the back button would show an
		// error in its place.
		header.Set("Cache-Control", "private, no-cache")
	}
	return web.Response{Status: status, Header: header, Body: web.Raw{ContentType: "text/html; charset=utf-8", Bytes: text.Bytes()}}
}

// maxField is the longest field that a form may have, in bytes.
const maxField = 2000

// validForm tells whether a form is one that a browser can have sent.
func validForm(form url.Values) bool {
	for name, values := range form {
		for _, value := range values {
			if !utf8.ValidString(name) || !utf8.ValidString(value) || len(value) > maxField {
				return false
			}
		}
	}
	return true
}

// came is what the visitor came for by a work provider's link: the work provider, and what else the link said. It is false if
// they came by none. A link that was followed too long ago, or is made up, is a problem.
func (v *visit) came() (followed, provider.Provider, bool, error) {
	if v.link == "" {
		return followed{}, provider.Provider{}, false, nil
	}
	f, ok, err := v.store.link(v.Context(), v.link, v.at)
	if err != nil {
		return followed{}, provider.Provider{}, false, err
	}
	if !ok {
		v.link = ""
		return followed{}, provider.Provider{}, false, &problem{status: http.StatusGone, title: "This link is no longer good",
			Text: "It was opened too long ago. Nothing was changed. Please open the link in your work provider's app again.",
			Ways: toAccount}
	}
	p, err := v.providers.Get(v.Context(), f.provider)
	return f, p, err == nil, err
}
