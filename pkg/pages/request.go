package pages

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
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

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/web"
)

// pageError is what a person is shown who cannot go on: in plain words, with a 4xx.
type pageError struct {
	status     int
	title      string
	Text       string
	Links      []pageLink // where to go instead
	retryAfter time.Duration
}

func (e *pageError) Error() string { return e.title }

// pageLink is a link to another page.
type pageLink struct {
	Page string // what comes after "account" in its path
	Text string
}

// accountLink is where a person goes who has nowhere else to go.
var accountLink = []pageLink{{"", "Go to your account"}}

// pageRequest is one request of a person's browser.
type pageRequest struct {
	*web.Request
	*Site
	root      string          // leads from this page to the root of the API, whatever is before it: "../"
	form      url.Values      // the query, of a form that is sent the form
	linkToken string          // of the work provider's link that was opened; "" if none was
	session   account.Session // of who is signed in
	hasChoice bool            // whether they have several customers, as far as the page asks
	customer  string          // which of their customers is shown; "" if nobody is signed in, or one is still to be chosen
	now       time.Time
}

// handle makes a handler of a page: it finds out who is signed in, rejects forms from other sites, and shows errors in
// plain words.
func (s *Site) handle(page pageFunc) web.Handler {
	return func(request *web.Request) (web.Response, error) {
		r := &pageRequest{Request: request, Site: s, root: rootOf(request.URL.EscapedPath()), now: s.clock()}
		response, err := r.respond(page)
		if err == nil {
			return response, nil
		}
		var pageErr *pageError
		if errors.As(err, &pageErr) {
			response := r.renderError(pageErr)
			if pageErr.retryAfter > 0 {
				response.Header.Set("Retry-After", strconv.Itoa(int(math.Ceil(pageErr.retryAfter.Seconds()))))
			}
			return response, nil
		}
		if fault.KindOf(err) == fault.Unavailable {
			return r.renderError(&pageError{
				status: http.StatusServiceUnavailable,
				title:  "Temporarily unavailable",
				Text:   "We cannot answer at the moment. Please go back and try again in a minute.",
			}), err
		}
		return r.renderError(&pageError{
			status: http.StatusInternalServerError,
			title:  "Something went wrong",
			Text:   "That was our mistake. Please go back and try again.",
		}), err
	}
}

func (r *pageRequest) respond(page pageFunc) (response web.Response, err error) {
	// Old browsers send where a form comes from and nothing else. On Lambda a request has no host to compare that with,
	// and an empty one would be that of a page without origin.
	r.Host = r.host
	if err := r.protection.Check(r.Request.Request); err != nil {
		return response, &pageError{
			status: http.StatusForbidden,
			title:  "Form rejected",
			Text:   "The form that was sent is not from one of our pages, so nothing was done.",
		}
	}
	sent := r.URL.RawQuery
	if r.Method == http.MethodPost {
		sent = string(r.Body)
	}
	if r.form, err = web.ParseQuery(sent); err != nil || !validForm(r.form) {
		return response, &pageError{
			status: http.StatusBadRequest,
			title:  "Invalid request",
			Text:   "What your browser sent is not valid. Nothing was changed. Please go back and try again.",
		}
	}
	if r.Method == http.MethodGet {
		web.RepairAmpersands(r.form)
	}
	r.linkToken = r.form.Get("link")
	if token := r.cookieValue(sessionCookie); token != "" {
		if r.session, err = r.accounts.Session(r.Context(), token, r.now); err != nil {
			return response, err
		}
		if r.session.Chosen {
			r.customer = r.session.Customer
		}
	}
	return page(r)
}

// rootOf returns the way from a path of ours to the root. Every address on our pages is relative, because the same
// pages stand below a stage such as /live and at the root of a domain, and a function is not told which.
func rootOf(path string) string {
	up := strings.Repeat("../", strings.Count(strings.TrimPrefix(path, "/"), "/"))
	if up == "" {
		return "./"
	}
	return up
}

// counter is what an attempt counts against: a limit, and whose attempts it limits.
type counter struct {
	account.Limit
	key string
}

// byNetwork returns the counter of a limit by the network that the request came from.
func (r *pageRequest) byNetwork(limit account.Limit) counter {
	return counter{limit, account.ClientNetwork(r.RemoteAddr)}
}

// bySource returns the counter of a limit by an email and the site that the request came from.
func (r *pageRequest) bySource(limit account.Limit, email string) counter {
	return counter{limit, email + " " + account.ClientSite(r.RemoteAddr)}
}

// allow counts an attempt against limits, one after the other, and fails with a pageError at the first of which there
// were too many.
func (r *pageRequest) allow(counters ...counter) error {
	for _, c := range counters {
		retryAfter, err := r.accounts.Allow(r.Context(), c.Limit, c.key, r.now)
		if err != nil {
			return err
		}
		if retryAfter > 0 {
			return &pageError{
				status:     http.StatusTooManyRequests,
				title:      "Too many attempts",
				Text:       "There were too many attempts. Please wait a while, then try again.",
				retryAfter: retryAfter,
			}
		}
	}
	return nil
}

// countFailures returns a page for the link in a mail that counts by network how often it is sent to no avail.
func countFailures(page pageFunc) pageFunc {
	return func(r *pageRequest) (web.Response, error) {
		tries := r.byNetwork(account.VerifyByNetwork)
		if err := r.allow(tries); err != nil {
			return web.Response{}, err
		}
		response, err := page(r)
		if err == nil && response.Status == http.StatusSeeOther {
			err = r.release(tries)
		}
		return response, err
	}
}

// release takes back what allow counted.
func (r *pageRequest) release(counters ...counter) error {
	for _, c := range counters {
		if err := r.accounts.Release(r.Context(), c.Limit, c.key, r.now); err != nil {
			return err
		}
	}
	return nil
}

// The names of the cookies. By their prefix a browser takes them only from a secure origin, for this host alone and all
// of it. (To browsers 127.0.0.1 is a secure origin, as `make run` needs.)
const (
	sessionCookie = "__Host-session" // says who is signed in
	deviceCookie  = "__Host-device"  // says where the account's owner signed in before
)

// cookieValue returns the value of a cookie; "" if the browser did not send it.
func (r *pageRequest) cookieValue(name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return cookie.Value
}

// isSignedIn reports whether somebody is signed in.
func (r *pageRequest) isSignedIn() bool { return r.session.Customer != "" }

// startSession starts a session of an email's account in place of the one that there may be, so that it cannot have
// been prepared.
func (r *pageRequest) startSession(email string, session account.Session) (*http.Cookie, error) {
	if err := r.endSession(); err != nil {
		return nil, err
	}
	token, err := r.accounts.CreateSession(r.Context(), email, session, r.now)
	return newCookie(sessionCookie, token, int(account.SessionTTL/time.Second)), err
}

// endSession ends the session of this browser.
func (r *pageRequest) endSession() error {
	token := r.cookieValue(sessionCookie)
	if token == "" {
		return nil
	}
	return r.accounts.DeleteSession(r.Context(), token)
}

// newCookie returns a cookie that the browser keeps for so many seconds; -1 deletes it.
func newCookie(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name:     name,
		Value:    value,
		Path:     "/",
		MaxAge:   maxAge,
		Secure:   true,
		HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}

// redirect leads to another of our pages: page is what comes after "account", with a slash before it, or nothing.
// Whatever else the address needs are tokens and words of ours.
func (r *pageRequest) redirect(page string, query url.Values, cookies ...*http.Cookie) (web.Response, error) {
	header := headers()
	header.Set("Location", r.address(page, query))
	for _, c := range cookies {
		header.Add("Set-Cookie", c.String())
	}
	return web.Response{Status: http.StatusSeeOther, Header: header}, nil
}

// redirectToSignIn leads a person who is not signed in to where they can, or one who is to where they choose a
// customer, and back to what they came for.
func (r *pageRequest) redirectToSignIn() (web.Response, error) {
	if r.isSignedIn() {
		return r.redirect("/choose", r.linkQuery())
	}
	return r.redirect("/login", r.linkQuery())
}

// endAndRedirect ends the session of this browser, if there is one, and leads to the sign-in page.
func (r *pageRequest) endAndRedirect() (web.Response, error) {
	if err := r.endSession(); err != nil {
		return web.Response{}, err
	}
	return r.redirect("/login", r.linkQuery(), newCookie(sessionCookie, "", -1))
}

func (r *pageRequest) address(page string, query url.Values) string {
	return r.root + "account" + page + encodeQuery(query)
}

// encodeQuery returns a query with its question mark, if there is anything in it.
func encodeQuery(query url.Values) string {
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

// linkQuery returns the query that passes the opened link on.
func (r *pageRequest) linkQuery() url.Values { return url.Values{"link": {r.linkToken}} }

// headers are those of every response: it is not stored, nothing from elsewhere is loaded, and it cannot be framed.
func headers() http.Header {
	return http.Header{
		"Cache-Control": {"no-store"},
		"Content-Security-Policy": {
			"default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		},
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

// stylesheet is the only one. Its address has its hash, so that browsers may cache it.
var (
	//go:embed style.css
	stylesheet     []byte
	stylesheetHash = hashOf(stylesheet)[:12]
)

func hashOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func style(*pageRequest) (web.Response, error) {
	header := headers()
	header.Set("Cache-Control", "public, max-age=31536000, immutable")
	body := web.RawBody{ContentType: "text/css; charset=utf-8", Bytes: stylesheet}
	return web.Response{Status: http.StatusOK, Header: header, Body: body}, nil
}

// render makes a page around its content. A page that cannot be rendered is a mistake of ours, and the tests render all
// of them.
func (r *pageRequest) render(status int, title string, content templ.Component) web.Response {
	var text bytes.Buffer
	// Rendering waits for nothing, so it is not cancelled when the browser goes away.
	if err := layout(r, title, content).Render(context.WithoutCancel(r.Context()), &text); err != nil {
		panic(fmt.Errorf("pages: page %q: %w", title, err))
	}
	body := web.RawBody{ContentType: "text/html; charset=utf-8", Bytes: text.Bytes()}
	return web.Response{Status: status, Header: headers(), Body: body}
}

func (r *pageRequest) renderError(e *pageError) web.Response {
	return r.render(e.status, e.title, errorContent(r, e))
}

// maxField is the longest field that a form may have, in bytes.
const maxField = 2000

// validForm reports whether a form is one that a browser can have sent.
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

// linkIntent returns what the person came for by a work provider's link: what the link said, and the work provider. It
// is false if they did not come by a link. A link that was opened too long ago, or is made up, is a pageError.
func (r *pageRequest) linkIntent() (account.LinkIntent, provider.Provider, bool, error) {
	if r.linkToken == "" {
		return account.LinkIntent{}, provider.Provider{}, false, nil
	}
	intent, ok, err := r.accounts.LinkIntent(r.Context(), r.linkToken, r.now)
	if err != nil {
		return account.LinkIntent{}, provider.Provider{}, false, err
	}
	if !ok {
		r.linkToken = ""
		return account.LinkIntent{}, provider.Provider{}, false, &pageError{
			status: http.StatusGone,
			title:  "This link has expired",
			Text: "It was opened too long ago. Nothing was changed. Please open the link in your work provider's app " +
				"again.",
			Links: accountLink,
		}
	}
	p, err := r.providers.Get(r.Context(), intent.Provider)
	return intent, p, err == nil, err
}
