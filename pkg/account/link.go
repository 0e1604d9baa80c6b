package account

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/web"
)

// Link is the function of GET /v1/link-work-provider, which a work provider's app opens in a person's browser. It leads
// to the right next step: consent, log in, or sign up ("The link flow" in the contract).
func Link(s *Site) http.Handler {
	return web.Pages("link-work-provider", map[string]web.Handler{
		"GET /v1/link-work-provider": s.visited(followLink),
	})
}

// The spellings of the parameters, the newest first (contract row 18).
var (
	providerSpellings = []string{"work_provider", "wp"}
	userIDSpellings   = []string{"work_provider_user_id", "work_user_provider_id", "work_provider_id", "wp_id"}
)

// spelled is the value of the newest spelling that was sent.
func spelled(query url.Values, spellings []string) string {
	for _, spelling := range spellings {
		if value := query.Get(spelling); value != "" {
			return value
		}
	}
	return ""
}

func followLink(v *visit) (web.Response, error) {
	for _, older := range slices.Concat(providerSpellings[1:], userIDSpellings[1:]) {
		if v.form.Has(older) {
			v.Deprecated(older)
		}
	}
	v.link = "" // what a work provider's app may have put there is none of our tokens
	f, p, err := v.asked()
	if err != nil {
		return web.Response{}, err
	}
	owned, err := v.timelines.Ownership(v.Context(), f.provider, f.userID, false)
	if err != nil {
		return web.Response{}, err
	}
	k, err := v.store.byEmail(v.Context(), f.email)
	if err != nil {
		return web.Response{}, err
	}
	next := "/signup"
	switch {
	case v.customer != "":
		if owned.Owner != "" && owned.Owner != v.customer {
			return web.Response{}, v.anothers(p)
		}
		next = "/consent"
	case owned.Owner != "" && f.email != "" && !slices.Contains(k.numbers, owned.Owner):
		return web.Response{}, v.anothers(p)
	case owned.Owner != "" || len(k.numbers) > 0:
		next = "/login"
	}
	if v.link, err = v.store.keepLink(v.Context(), f, v.at); err != nil {
		return web.Response{}, err
	}
	response, err := v.goTo(next, v.withLink())
	response.Status = http.StatusFound // by the contract
	return response, err
}

// asked is what a work provider's link asks for. A link from nobody is refused at once; others are counted, because they are
// looked up.
func (v *visit) asked() (followed, provider.Provider, error) {
	f := followed{email: customer.NormaliseEmail(web.QueryEmail(v.form.Get("email")))}
	f.provider = provider.Slug(spelled(v.form, providerSpellings))
	if f.provider == "" {
		return f, provider.Provider{}, badLink("The link does not say which work provider it is from.")
	}
	if err := v.store.take(v.Context(), linkBySource, source(v.RemoteAddr), v.at); err != nil {
		return f, provider.Provider{}, err
	}
	p, err := v.providers.Get(v.Context(), f.provider)
	if err != nil && fault.Of(err) == fault.NotFound {
		return f, p, badLink("The link names a work provider that we do not know.")
	}
	if err != nil {
		return f, p, err
	}
	name, err := person.NewUserID(spelled(v.form, userIDSpellings))
	if err != nil {
		return f, p, badLink("The link does not say who you are at " + p.Name + ", so we cannot link you.")
	}
	f.userID = name.Value
	if !customer.IsEmail(f.email) {
		f.email = "" // it only saves some typing, or does not
	}
	return f, p, nil
}

func badLink(text string) error {
	return &problem{status: http.StatusBadRequest, title: "This link does not work",
		Text: text + " Nothing was changed. Please tell your work provider."}
}

// anothers is the refusal of an id that belongs to somebody else.
func (v *visit) anothers(p provider.Provider) error {
	told := &problem{status: http.StatusConflict, title: "Linked to somebody else",
		Text: "This " + p.Name + " account is linked to another Zego customer. Nothing was changed. " +
			"If that other customer is you, log in with the email that you used then. If not, please tell " + p.Name + ".",
		Ways: []way{{"/login", "Log in"}}}
	if v.customer != "" {
		told.Text = strings.Replace(told.Text, "log in with", "sign out above and log in with", 1)
		told.Ways = toAccount
	}
	return told
}
