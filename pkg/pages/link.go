package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/web"
)

// The names of the link's parameters, the newest first (contract row 18).
var (
	providerParams = []string{"work_provider", "wp"}
	userIDParams   = []string{"work_provider_user_id", "work_user_provider_id", "work_provider_id", "wp_id"}
)

// firstParam returns the value of the newest name that was sent.
func firstParam(query url.Values, names []string) string {
	for _, name := range names {
		if value := query.Get(name); value != "" {
			return value
		}
	}
	return ""
}

func openLink(r *pageRequest) (web.Response, error) {
	for _, older := range slices.Concat(providerParams[1:], userIDParams[1:]) {
		if r.form.Has(older) {
			r.NoteDeprecated(older)
		}
	}
	r.linkToken = "" // what a work provider's app may have put there is none of our tokens
	intent, p, err := r.parseLink()
	if err != nil {
		return web.Response{}, err
	}
	owned, err := r.timelines.Ownership(r.Context(), intent.Provider, intent.UserID)
	if err != nil {
		return web.Response{}, err
	}
	owner, err := r.accounts.ByEmail(r.Context(), intent.Email)
	if err != nil {
		return web.Response{}, err
	}
	byNetwork := account.ClientNetwork(r.RemoteAddr)
	retryAfter, err := r.accounts.Allow(r.Context(), account.LinkByNetwork, byNetwork, r.now)
	if err != nil {
		return web.Response{}, err
	}
	next := "/signup"
	switch {
	case r.isSignedIn():
		if own, err := r.owns(owned.Owner); err != nil || owned.Owner != "" && !own {
			return web.Response{}, cmp.Or(err, r.linkedElsewhere(p))
		}
		next = "/consent"
	case retryAfter > 0: // no longer tells what is known of ids and emails
		next = "/login"
	case owned.Owner != "" && intent.Email != "" && !slices.Contains(owner.Customers, owned.Owner):
		return web.Response{}, r.linkedElsewhere(p)
	case owned.Owner != "" || len(owner.Customers) > 0:
		next = "/login"
	}
	if r.linkToken, err = r.accounts.SaveLinkIntent(r.Context(), intent, r.now); err != nil {
		return web.Response{}, err
	}
	response, err := r.redirect(next, r.linkQuery())
	response.Status = http.StatusFound // by the contract
	return response, err
}

// parseLink returns what a work provider's link asks for. A link that names no work provider fails at once.
func (r *pageRequest) parseLink() (account.LinkIntent, provider.Provider, error) {
	intent := account.LinkIntent{
		Provider: provider.Slug(firstParam(r.form, providerParams)),
		Email:    customer.NormaliseEmail(web.RepairQueryEmail(r.form.Get("email"))),
	}
	if intent.Provider == "" {
		return intent, provider.Provider{}, badLink("The link does not say which work provider it is from.")
	}
	p, err := r.providers.Get(r.Context(), intent.Provider)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return intent, p, badLink("The link names a work provider that we do not know.")
	}
	if err != nil {
		return intent, p, err
	}
	name, err := person.NewUserID(firstParam(r.form, userIDParams))
	if err != nil {
		return intent, p, badLink("The link does not say who you are at " + p.Name + ", so we cannot link you.")
	}
	intent.UserID = name.Value
	if err := r.checkSignature(&intent, p); err != nil {
		return intent, p, err
	}
	if !customer.IsEmail(intent.Email) {
		intent.Email = "" // it only saves some typing
	}
	return intent, p, nil
}

// checkSignature notes whether the work provider signed its link. A signature that is wrong, or has expired, is an
// error, and so is none where the provider's links have to have one.
func (r *pageRequest) checkSignature(intent *account.LinkIntent, p provider.Provider) error {
	if !r.form.Has("signature") && !p.SignedLinksOnly {
		return nil
	}
	expires, _ := strconv.ParseInt(r.form.Get("expires"), 10, 64) // 0 has expired
	link := apikey.Link{
		WorkProvider: firstParam(r.form, providerParams),
		UserID:       intent.UserID,
		Email:        web.RepairQueryEmail(r.form.Get("email")),
		Expires:      expires,
	}
	signed, err := r.providers.VerifyLink(
		r.Context(), p.ID, link, r.form.Get("key_id"), r.form.Get("signature"), r.now)
	if err != nil {
		return err
	}
	if !signed {
		return &pageError{
			status: http.StatusBadRequest,
			title:  "This link does not work",
			Text: "The link is too old, or it was not made by " + p.Name + ". Nothing was changed. " +
				"Please open the link in the app of " + p.Name + " again. If that does not help, tell " + p.Name + ".",
		}
	}
	intent.Signed = true
	return nil
}

func badLink(text string) error {
	return &pageError{
		status: http.StatusBadRequest,
		title:  "This link does not work",
		Text:   text + " Nothing was changed. Please tell your work provider.",
	}
}

// linkedElsewhere returns the error of an id that belongs to another customer, with what its owner can do.
func (r *pageRequest) linkedElsewhere(p provider.Provider) error {
	signIn := "sign in"
	links := []pageLink{{"/login", "Sign in"}}
	if r.customer != "" {
		signIn = "sign out above and sign in"
		links = accountLink
	}
	return &pageError{
		status: http.StatusConflict,
		title:  "Already linked to another customer",
		Text: "This " + p.Name + " account is linked to another Zego customer. Nothing was changed. " +
			"If that other customer is you, " + signIn + " with the email that you used then. " +
			"If not, and the account is yours, tell " + p.Name + ": they confirm to us whose it is, and we move it to you.",
		Links: links,
	}
}
