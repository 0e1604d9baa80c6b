package account

import (
	"net/http"
	"net/url"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/web"
)

// formData is what a page with a short form shows.
type formData struct {
	Provider string // whose link they followed; "" if none's
	Wrong    string // what is wrong with the form as a whole
	Inputs   []*input
}

// Faults are the fields whose value is wrong; what is wrong with the form as a whole is said of the first.
func (d formData) Faults() []*input {
	faults := faulty(d.Inputs)
	if d.Wrong != "" {
		faults = append(faults, &input{Name: d.Inputs[0].Name, Wrong: d.Wrong})
	}
	return faults
}

func logInPage(provider, email, wrong string) formData {
	return formData{provider, wrong, []*input{
		{Name: "email", Label: "Email", Type: "email", Autocomplete: "username", Value: email},
		{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password"},
	}}
}

func logInForm(v *visit) (web.Response, error) {
	f, p, came, err := v.came()
	if err != nil {
		return web.Response{}, err
	}
	if v.customer != "" && came {
		return v.goTo("/consent", v.withLink())
	}
	if v.customer != "" {
		return v.goTo("", nil)
	}
	return v.render(http.StatusOK, "Log in", logInContent(v, logInPage(p.Name, f.email, ""))), nil
}

// logIn holds the password against that of the account, or against nobody's, so that the answer, the work and the time are
// the same.
func logIn(v *visit) (web.Response, error) {
	_, p, _, err := v.came()
	if err != nil {
		return web.Response{}, err
	}
	typed := v.form.Get("email")
	email := customer.NormaliseEmail(typed)
	if err := v.store.take(v.Context(), loginBySource, source(v.RemoteAddr), v.at); err != nil {
		return web.Response{}, err
	}
	if err := v.store.take(v.Context(), loginByEmail, email, v.at); err != nil {
		return web.Response{}, err
	}
	var k known
	if customer.IsEmail(email) {
		if k, err = v.store.byEmail(v.Context(), email); err != nil {
			return web.Response{}, err
		}
	}
	stored := k.password
	if stored == "" {
		stored = nobodysHash
	}
	if !samePassword(stored, v.form.Get("password")) || k.number == "" {
		page := logInPage(p.Name, typed, "The email or the password is wrong.")
		return v.render(http.StatusUnprocessableEntity, "Error: Log in", logInContent(v, page)), nil
	}
	return v.welcome(k.number)
}

// logOut ends the session of this browser. Once more it changes nothing.
func logOut(v *visit) (web.Response, error) {
	if err := v.signOut(); err != nil {
		return web.Response{}, err
	}
	return v.goTo("/login", v.withLink(), newCookie("", -1))
}

func forgotPage(email, wrong string) formData {
	return formData{"", "", []*input{{Name: "email", Label: "Email", Type: "email", Autocomplete: "email", Value: email, Wrong: wrong}}}
}

func forgotForm(v *visit) (web.Response, error) {
	f, _, _, err := v.came()
	if err != nil {
		return web.Response{}, err
	}
	return v.render(http.StatusOK, "Set a new password", forgotContent(v, forgotPage(f.email, ""))), nil
}

// forgot sends a mail, whether the email has an account or not: only who reads it learns which.
func forgot(v *visit) (web.Response, error) {
	typed := v.form.Get("email")
	email := customer.NormaliseEmail(typed)
	if !customer.IsEmail(email) {
		page := forgotPage(typed, "Enter an email like name@example.com.")
		return v.render(http.StatusUnprocessableEntity, "Error: Set a new password", forgotContent(v, page)), nil
	}
	if err := v.takeMail(email); err != nil {
		return web.Response{}, err
	}
	k, err := v.store.byEmail(v.Context(), email)
	if err != nil {
		return web.Response{}, err
	}
	m, letter := mailed{purpose: toReset, email: email, number: k.number}, resetLetter
	switch {
	case k.number != "":
	case len(k.numbers) > 0: // a work provider enrolled them, and this is their first password
		m.number = k.numbers[0]
	default:
		m.purpose, letter = toNowhere, strangerLetter
	}
	if err := v.send(email, m, letter); err != nil {
		return web.Response{}, err
	}
	return v.goTo("/sent", v.withLink())
}

func resetPage(token, wrong string) tokenData {
	return tokenData{token, []*input{{
		Name: "password", Label: "New password", Hint: passwordHint, Type: "password", Autocomplete: "new-password", Wrong: wrong,
	}}}
}

func resetForm(v *visit) (web.Response, error) {
	token := v.form.Get("token")
	if _, ok, err := v.store.mail(v.Context(), token, toReset, v.at); err != nil || !ok {
		return web.Response{}, orUsedUp(err, v)
	}
	return v.render(http.StatusOK, "Set a new password", resetContent(v, resetPage(token, ""))), nil
}

// reset sets the new password, ends every session there is, and begins one here.
func reset(v *visit) (web.Response, error) {
	if err := v.store.take(v.Context(), verifyBySource, source(v.RemoteAddr), v.at); err != nil {
		return web.Response{}, err
	}
	token := v.form.Get("token")
	m, ok, err := v.store.mail(v.Context(), token, toReset, v.at)
	if err != nil || !ok {
		return web.Response{}, orUsedUp(err, v)
	}
	password := v.form.Get("password")
	if wrong := weakPassword(password, m.email); wrong != "" {
		return v.render(http.StatusUnprocessableEntity, "Error: Set a new password", resetContent(v, resetPage(token, wrong))), nil
	}
	if err := v.store.setPassword(v.Context(), token, m, hashPassword(password), v.at); err != nil {
		return web.Response{}, orUsedUp(err, v)
	}
	return v.welcome(m.number)
}

// toLogIn leads somebody who is not signed in to where they can, and back to what they came for.
func (v *visit) toLogIn() (web.Response, error) {
	return v.goTo("/login", url.Values{"link": {v.link}})
}
