// Package pages is what people see: the link that a work provider sends them, sign-up and sign-in, the consent to share
// with a work provider, and their account.
//
//	pages.go          what the pages are made from, and which page is at which address
//	request.go        how a page comes about: headers, cookies, relative addresses, errors in plain words
//	link.go           GET /v1/link-work-provider
//	signup.go         sign up, confirm the email
//	signin.go         sign in, sign out, a forgotten password
//	choose.go         which of the customers of an account is shown, or meant by a link
//	consent.go        agree to share with a work provider, or not
//	home.go           your account: cover, work providers and their removal
//	shift_history.go  your shifts of the last 14 days, as a chart and a table
//	mail.go           the mails that are sent
//	*.templ           what the pages look like, each beside what they do; style.css is for all of them
//
// scripts/templ compiles the templates to Go (home_templ.go from home.templ), so nothing is parsed when a function
// starts.
//
// What is stored of accounts is in package account. Nothing but the link flow, by the contract, tells whether an email
// has an account: pages, statuses, headers and the work done are the same. No address of ours holds anything personal:
// what has to travel from page to page is stored, and the address holds a random token.
package pages

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/mail"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// Site is everything that the pages need.
type Site struct {
	accounts   *account.Store
	customers  *customer.Store
	providers  *apikey.Store
	timelines  *timeline.Store
	links      *link.Links
	mailer     mail.Sender
	webhooks   Webhooks // nil in the function of the link, which does not use them
	url        string   // where people reach the pages, without a slash at the end: for the links in mails
	host       string
	protection http.CrossOriginProtection
	clock      func() time.Time
}

// NewSite returns the site whose address is in SITE_URL. The link's function needs no links, mailer and webhooks.
func NewSite(env *config.Env, links *link.Links, mailer mail.Sender, webhooks Webhooks, clock func() time.Time) *Site {
	address := strings.TrimSuffix(env.Get("SITE_URL"), "/")
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		env.Invalid("SITE_URL", "is no address such as https://work.example.com")
		u = &url.URL{}
	}
	return &Site{
		accounts:  account.NewStore(env),
		customers: customer.NewStore(env),
		providers: apikey.NewStore(env),
		timelines: timeline.NewStore(env),
		links:     links,
		mailer:    mailer,
		webhooks:  webhooks,
		url:       address,
		host:      u.Host,
		clock:     clock,
	}
}

// Account is the function of all pages but the link's.
func Account(s *Site) http.Handler {
	return web.NewPublicFunction("account", map[string]web.Handler{
		"GET /account":         s.handle(home),
		"GET /account/{page}":  s.dispatch(getPages),
		"POST /account/{page}": s.dispatch(postPages),
	})
}

// Link is the function of GET /v1/link-work-provider, which a work provider's app opens in a person's browser. It leads
// to the right next step: consent, sign in, or sign up ("The link flow" in the contract).
func Link(s *Site) http.Handler {
	return web.NewPublicFunction("link-work-provider", map[string]web.Handler{
		"GET /v1/link-work-provider": s.handle(openLink),
	})
}

// pageFunc responds to a request for a page, or fails with a pageError, whose text is shown, or with any other error.
type pageFunc func(*pageRequest) (web.Response, error)

// getPages are the pages that can be looked at, by the end of their address; postPages are the forms that are sent.
var getPages = map[string]pageFunc{
	"style.css": style,
	"terms":     terms,
	"signup":    signUpForm,
	"sent":      sent,
	"verify":    verifyForm,
	"login":     signInForm,
	"forgot":    forgotForm,
	"reset":     resetForm,
	"choose":    chooseForm,
	"consent":   forLink(consentForm),
	"remove":    removeForm,
}

var postPages = map[string]pageFunc{
	"signup":  signUp,
	"verify":  countFailures(verify),
	"login":   signIn,
	"logout":  signOut,
	"forgot":  forgot,
	"reset":   countFailures(reset),
	"choose":  choose,
	"consent": asShown(consent),
	"remove":  remove,

	"sign-out-others": signOutOthers,
}

// dispatch chooses the page by the end of the address.
func (s *Site) dispatch(pages map[string]pageFunc) web.Handler {
	return func(r *web.Request) (web.Response, error) {
		page := pages[r.PathValue]
		if page == nil {
			page = notFoundPage
		}
		return s.handle(page)(r)
	}
}

func notFoundPage(*pageRequest) (web.Response, error) {
	return web.Response{}, &pageError{
		status: http.StatusNotFound,
		title:  "There is no such page",
		Text:   "The address is not one of ours. Perhaps a part of it was lost on the way.",
	}
}

func terms(r *pageRequest) (web.Response, error) {
	return r.render(http.StatusOK, "Terms", termsContent()), nil
}
