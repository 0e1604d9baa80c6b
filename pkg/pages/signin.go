package pages

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/web"
)

// formData is what a page with a short form shows.
type formData struct {
	Provider string // whose link was opened; "" if none was
	Error    string // what is wrong with the form as a whole
	Inputs   []*input
}

// FieldErrors returns the fields whose value is wrong; what is wrong with the form as a whole is said of the first.
func (d formData) FieldErrors() []*input {
	inputs := withErrors(d.Inputs)
	if d.Error != "" {
		inputs = append(inputs, &input{Name: d.Inputs[0].Name, Error: d.Error})
	}
	return inputs
}

func signInPage(provider, email, wrong string) formData {
	return formData{provider, wrong, []*input{
		{Name: "email", Label: "Email", Type: "email", Autocomplete: "username", Value: email},
		{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password"},
	}}
}

func signInForm(r *pageRequest) (web.Response, error) {
	intent, p, cameByLink, err := r.linkIntent()
	if err != nil {
		return web.Response{}, err
	}
	if r.isSignedIn() && cameByLink {
		return r.redirect("/consent", r.linkQuery())
	}
	if r.isSignedIn() {
		return r.redirect("", nil)
	}
	return r.render(http.StatusOK, "Sign in", signInContent(r, signInPage(p.Name, intent.Email, ""))), nil
}

// signInCounters returns what a try to sign in counts against. A device on which the owner signed in before counts for
// itself, so that it gets through whatever others try.
func (r *pageRequest) signInCounters(email string, owner account.EmailAccount) []counter {
	if token := r.cookieValue(deviceCookie); owner.KnowsDevice(token) {
		return []counter{{account.SignInByDevice, email + " " + token}}
	}
	return []counter{
		r.byNetwork(account.SignInByNetwork),
		r.bySource(account.SignInBySource, email),
		{account.SignInByAccount, email},
	}
}

// signIn verifies the password against that of the account, or against a hash that no password has, so that the
// response, the work and the time are the same. A try is counted before its password is verified, because many may come
// at once, and a right one is taken back.
func signIn(r *pageRequest) (web.Response, error) {
	_, p, _, err := r.linkIntent()
	if err != nil {
		return web.Response{}, err
	}
	typed := r.form.Get("email")
	email := customer.NormaliseEmail(typed)
	var owner account.EmailAccount
	if customer.IsEmail(email) {
		if owner, err = r.accounts.ByEmail(r.Context(), email); err != nil {
			return web.Response{}, err
		}
	}
	counters := r.signInCounters(email, owner)
	if err := r.allow(counters...); err != nil {
		return web.Response{}, withLinks(err, pageLink{"/forgot", "Set a new password by mail"})
	}
	if !account.VerifyPassword(owner.PasswordHash, r.form.Get("password")) {
		page := signInPage(p.Name, typed, "The email or the password is wrong.")
		return r.render(http.StatusUnprocessableEntity, "Error: Sign in", signInContent(r, page)), nil
	}
	if err := r.release(counters...); err != nil {
		return web.Response{}, err
	}
	return r.signInAndRedirect(email, owner)
}

// withLinks returns an error with links to what else a person can do, if it is shown to them.
func withLinks(err error, links ...pageLink) error {
	var pageErr *pageError
	if errors.As(err, &pageErr) {
		pageErr.Links = links
	}
	return err
}

// signInByMail signs in whoever used the link in a mail to an email.
func (r *pageRequest) signInByMail(email string) (web.Response, error) {
	owner, err := r.accounts.ByEmail(r.Context(), email)
	if err != nil {
		return web.Response{}, err
	}
	return r.signInAndRedirect(email, owner)
}

// signInAndRedirect signs the owner of an account in, remembers the device, and leads to what they came for.
func (r *pageRequest) signInAndRedirect(email string, owner account.EmailAccount) (web.Response, error) {
	device, err := r.accounts.RememberDevice(r.Context(), email, owner, r.cookieValue(deviceCookie))
	if err != nil {
		return web.Response{}, err
	}
	session, err := r.startSession(email, owner.Session())
	if err != nil {
		return web.Response{}, err
	}
	cookies := []*http.Cookie{session, newCookie(deviceCookie, device, int(account.DeviceTTL/time.Second))}
	if r.linkToken != "" {
		return r.redirect("/consent", r.linkQuery(), cookies...)
	}
	return r.redirect("", nil, cookies...)
}

// signOut ends the session of this browser. Once more it changes nothing.
func signOut(r *pageRequest) (web.Response, error) { return r.endAndRedirect() }

func forgotPage(email, wrong string) formData {
	return formData{Inputs: []*input{
		{Name: "email", Label: "Email", Type: "email", Autocomplete: "email", Value: email, Error: wrong},
	}}
}

func forgotForm(r *pageRequest) (web.Response, error) {
	intent, _, _, err := r.linkIntent()
	if err != nil {
		return web.Response{}, err
	}
	return r.render(http.StatusOK, "Set a new password", forgotContent(r, forgotPage(intent.Email, ""))), nil
}

// forgot sends a mail, whether the email has an account or not: only who reads it learns which.
func forgot(r *pageRequest) (web.Response, error) {
	typed := r.form.Get("email")
	email := customer.NormaliseEmail(typed)
	if !customer.IsEmail(email) {
		page := forgotPage(typed, "Enter an email like name@example.com.")
		return r.render(http.StatusUnprocessableEntity, "Error: Set a new password", forgotContent(r, page)), nil
	}
	if err := r.allowMail(email); err != nil {
		return web.Response{}, err
	}
	owner, err := r.accounts.ByEmail(r.Context(), email)
	if err != nil {
		return web.Response{}, err
	}
	token := account.MailToken{Purpose: account.PurposeReset, Email: email}
	template := resetMail
	if len(owner.Customers) == 0 {
		token.Purpose = account.PurposeDecoy
		template = noAccountMail
	}
	err = r.send(owner.Address, token, template)
	if err != nil && fault.KindOf(err) == fault.InvalidData {
		page := forgotPage(typed, undeliverable)
		return r.render(http.StatusUnprocessableEntity, "Error: Set a new password", forgotContent(r, page)), nil
	}
	if err != nil {
		return web.Response{}, err
	}
	return r.redirect("/sent", r.linkQuery())
}

func resetPage(token, email, wrong string) tokenData {
	return tokenData{token, email, []*input{{
		Name:         "password",
		Label:        "New password",
		Hint:         passwordHint,
		Type:         "password",
		Autocomplete: "new-password",
		Error:        wrong,
	}}}
}

func resetForm(r *pageRequest) (web.Response, error) {
	token := r.form.Get("token")
	m, ok, err := r.accounts.MailToken(r.Context(), token, account.PurposeReset, r.now)
	if err != nil || !ok {
		return web.Response{}, errOrExpired(err, r)
	}
	return r.render(http.StatusOK, "Set a new password", resetContent(r, resetPage(token, m.Email, ""))), nil
}

// reset sets the new password, ends every session there is, and starts one here.
func reset(r *pageRequest) (web.Response, error) {
	token := r.form.Get("token")
	m, ok, err := r.accounts.MailToken(r.Context(), token, account.PurposeReset, r.now)
	if err != nil || !ok {
		return r.repeatedOrExpired(token, err)
	}
	password := r.form.Get("password")
	if wrong := account.CheckPasswordStrength(password, m.Email); wrong != "" {
		page := resetPage(token, m.Email, wrong)
		return r.render(http.StatusUnprocessableEntity, "Error: Set a new password", resetContent(r, page)), nil
	}
	if err := r.accounts.SetPassword(r.Context(), token, account.HashPassword(password), r.now); err != nil {
		return r.repeatedOrExpired(token, err)
	}
	r.notifyPasswordChanged(m.Email)
	return r.signInByMail(m.Email)
}

// signOutOthers ends every session of the account but that of this browser.
func signOutOthers(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	c, ok, err := r.customers.Customer(r.Context(), r.customer)
	if err != nil {
		return web.Response{}, err
	}
	if !ok {
		return r.endAndRedirect()
	}
	if err := r.accounts.RevokeSessions(r.Context(), r.session, r.now); err != nil {
		return web.Response{}, err
	}
	cookie, err := r.startSession(c.Email, r.session)
	if err != nil {
		return web.Response{}, err
	}
	return r.redirect("", url.Values{"done": {"others-signed-out"}}, cookie)
}
