package pages

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/phone"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/web"
)

// input is one field of a form.
type input struct {
	Name         string // also its id in the page
	Label        string
	Hint         string
	Type         string // HTML's: text, email, tel, date, password
	Autocomplete string // HTML's
	Value        string
	Parts        []datePart // of a date: its three fields
	Error        string     // what is wrong with the value; "" if nothing is
}

// kindDate is the kind of an input that has a field for day, month and year each: dates that people know by heart are
// typed faster than picked (GOV.UK design system, "date input").
const kindDate = "date"

// datePart is a field of a date.
type datePart struct {
	Name         string // also its id in the page
	Label        string
	Autocomplete string // HTML's
	Value        string
}

// dateParts returns the three fields of a date, as they were typed.
func dateParts(name string, typed url.Values) []datePart {
	return []datePart{
		{name + "-day", "Day", "bday-day", typed.Get(name + "-day")},
		{name + "-month", "Month", "bday-month", typed.Get(name + "-month")},
		{name + "-year", "Year", "bday-year", typed.Get(name + "-year")},
	}
}

// dateOf returns what was typed into the fields of a date as YYYY-MM-DD; "" if nothing was.
func dateOf(parts []datePart) string {
	typed := make([]string, len(parts))
	for i, p := range parts {
		typed[i] = strings.TrimSpace(p.Value)
	}
	day, month, year := typed[0], typed[1], typed[2]
	if day+month+year == "" {
		return ""
	}
	return fmt.Sprintf("%s-%s-%s", year, twoDigits(month), twoDigits(day))
}

// twoDigits returns a number of a date with the zero that people leave out.
func twoDigits(number string) string {
	if len(number) == 1 {
		return "0" + number
	}
	return number
}

// firstID returns the id of the field to which an error of the input leads.
func (i *input) firstID() string {
	if len(i.Parts) > 0 {
		return i.Parts[0].Name
	}
	return i.Name
}

// describedBy returns the ids of the field's hint and error; "" if it has neither.
func (i *input) describedBy() string {
	var ids []string
	if i.Hint != "" {
		ids = append(ids, i.Name+"-hint")
	}
	if i.Error != "" {
		ids = append(ids, i.Name+"-error")
	}
	return strings.Join(ids, " ")
}

// signUpData is what the page of a sign-up shows.
type signUpData struct {
	Provider   string // whose link was opened; "" if none was
	Inputs     []*input
	Agreed     bool
	TermsError string // what is wrong with the checkbox of the terms; "" if nothing is
}

// FieldErrors returns the fields whose value is wrong, for the summary above the form.
func (d *signUpData) FieldErrors() []*input {
	inputs := withErrors(d.Inputs)
	if d.TermsError != "" {
		inputs = append(inputs, &input{Name: "terms", Error: d.TermsError})
	}
	return inputs
}

// withErrors returns the fields whose value is wrong.
func withErrors(inputs []*input) []*input {
	var wrong []*input
	for _, i := range inputs {
		if i.Error != "" {
			wrong = append(wrong, i)
		}
	}
	return wrong
}

// detailInput is a form field for one of a customer's details. Its path in customer.Details is "customer." and the
// name.
type detailInput struct {
	name, label, hint, kind, autocomplete string
	missing                               string // the error if nothing was typed
	wrong                                 string // the error if it cannot be right
}

var detailInputs = []detailInput{
	{
		name: "email", label: "Email", kind: "email", autocomplete: "email",
		missing: "Enter your email.",
		wrong:   "Enter an email like name@example.com.",
	},
	{
		name: "givenNames", label: "First names", kind: "text", autocomplete: "given-name",
		missing: "Enter your first names.",
		wrong:   "Enter your first names, without special characters.",
	},
	{
		name: "lastName", label: "Last name", kind: "text", autocomplete: "family-name",
		missing: "Enter your last name.",
		wrong:   "Enter your last name, without special characters.",
	},
	{
		name: "dob", label: "Date of birth", hint: "For example 27 3 1984.", kind: kindDate, autocomplete: "bday",
		missing: "Enter your date of birth.",
		wrong:   "Enter your date of birth as day, month and year, like 27 3 1984. You must be 16 or older.",
	},
	{
		name: "address", label: "Address, first line", kind: "text", autocomplete: "address-line1",
		missing: "Enter the first line of your address.",
		wrong:   "Enter the first line of your address, in at most 200 characters.",
	},
	{
		name: "city", label: "Town or city", kind: "text", autocomplete: "address-level2",
		missing: "Enter your town or city.",
		wrong:   "Enter your town or city, in at most 200 characters.",
	},
	{
		name: "postCode", label: "Post code", kind: "text", autocomplete: "postal-code",
		missing: "Enter your post code.",
		wrong:   "Enter a post code like EC2A 4DS.",
	},
	{
		name: "phoneNumber", label: "Phone number", hint: "For example 07700 900123.", kind: "tel", autocomplete: "tel",
		missing: "Enter your phone number.",
		wrong:   "Enter a phone number like 07700 900123, or with its country like +48 512 345 678.",
	},
}

const (
	passwordHint = "At least 12 characters. Three or four random words do well."
	vehicleHint  = "As on the number plate, for example AB12 CDE."
)

// signUpPage is the form, with whatever was typed before.
func signUpPage(typed url.Values, p provider.Provider, product customer.Product) *signUpData {
	d := &signUpData{Provider: p.Name, Agreed: typed.Get("terms") != ""}
	for _, i := range detailInputs {
		field := &input{
			Name:         i.name,
			Label:        i.label,
			Hint:         i.hint,
			Type:         i.kind,
			Autocomplete: i.autocomplete,
			Value:        typed.Get(i.name),
		}
		if i.kind == kindDate {
			field.Parts = dateParts(i.name, typed)
			field.Value = dateOf(field.Parts)
		}
		d.Inputs = append(d.Inputs, field)
	}
	if product.Vehicle {
		d.Inputs = append(d.Inputs, &input{
			Name:         "vehicle",
			Label:        "Vehicle registration",
			Hint:         vehicleHint,
			Type:         "text",
			Autocomplete: "off",
			Value:        typed.Get("vehicle"),
		})
	}
	d.Inputs = append(d.Inputs, &input{ // what was typed is not sent back
		Name:         "password",
		Label:        "Choose a password",
		Hint:         passwordHint,
		Type:         "password",
		Autocomplete: "new-password",
	})
	return d
}

// product returns what those who come from a work provider are insured with; the zero value is nothing.
func (r *pageRequest) product(p provider.Provider) (customer.Product, error) {
	if p.Product == "" {
		return customer.Product{}, nil
	}
	product, _, err := r.customers.Product(r.Context(), p.Product)
	return product, err
}

func signUpForm(r *pageRequest) (web.Response, error) {
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
	product, err := r.product(p)
	if err != nil {
		return web.Response{}, err
	}
	page := signUpPage(url.Values{"email": {intent.Email}}, p, product)
	return r.render(http.StatusOK, "Sign up", signUpContent(r, page)), nil
}

// signUp stores a sign-up and asks its email to be confirmed. Whether the email has an account or not, the response,
// the work and the number of mails are the same; what the mail says is not.
func signUp(r *pageRequest) (web.Response, error) {
	intent, p, _, err := r.linkIntent()
	if err != nil {
		return web.Response{}, err
	}
	product, err := r.product(p)
	if err != nil {
		return web.Response{}, err
	}
	page := signUpPage(r.form, p, product)
	details, policy := r.validateSignUp(page, product)
	if len(page.FieldErrors()) > 0 {
		return r.render(http.StatusUnprocessableEntity, "Error: Sign up", signUpContent(r, page)), nil
	}
	email := customer.NormaliseEmail(details.Email)
	if err := r.allowMail(email); err != nil {
		return web.Response{}, err
	}
	owner, err := r.accounts.ByEmail(r.Context(), email)
	if err != nil {
		return web.Response{}, err
	}
	token := account.MailToken{
		Purpose:      account.PurposeConfirm,
		Email:        email,
		Details:      details,
		Policy:       policy,
		PasswordHash: account.HashPassword(r.form.Get("password")),
		Provider:     intent.Provider,
	}
	template := confirmMail
	switch {
	case owner.Exists:
		token.Purpose = account.PurposeDecoy
		template = existingAccountMail
	case len(owner.Customers) > 0:
		template = enrolledMail
	}
	to := details.Email
	if len(owner.Customers) > 0 {
		to = owner.Address
	}
	err = r.send(to, token, template)
	if err != nil && fault.KindOf(err) == fault.InvalidData {
		page.Inputs[0].Error = undeliverable // the email is the first field
		return r.render(http.StatusUnprocessableEntity, "Error: Sign up", signUpContent(r, page)), nil
	}
	if err != nil {
		return web.Response{}, err
	}
	return r.redirect("/sent", r.linkQuery())
}

// validateSignUp finds what is wrong with what was typed, and sets it as the errors of the page's fields.
func (r *pageRequest) validateSignUp(page *signUpData, product customer.Product) (customer.Details, customer.Policy) {
	typed := map[string]string{}
	for _, i := range page.Inputs {
		typed[i.Name] = i.Value
	}
	details, faults := customer.Details{
		GivenNames:  typed["givenNames"],
		LastName:    typed["lastName"],
		Address:     typed["address"],
		City:        typed["city"],
		PostCode:    typed["postCode"],
		DOB:         typed["dob"],
		Email:       typed["email"],
		PhoneNumber: phone.NormaliseLocal(typed["phoneNumber"]),
	}.Validate(r.now)
	wrong := map[string]bool{}
	for _, f := range faults {
		wrong[strings.TrimPrefix(f.Field, "customer.")] = true
	}
	for n, i := range detailInputs {
		switch {
		case wrong[i.name] && strings.TrimSpace(page.Inputs[n].Value) == "":
			page.Inputs[n].Error = i.missing
		case wrong[i.name]:
			page.Inputs[n].Error = i.wrong
		}
	}
	policy := customer.Policy{}
	if product.Code != "" {
		policy, _ = product.Policy(nil) // the form does not ask for occupations, and none cannot be wrong
	}
	for _, i := range page.Inputs[len(detailInputs):] {
		switch i.Name {
		case "password":
			i.Error = account.CheckPasswordStrength(r.form.Get("password"), details.Email)
		case "vehicle":
			policy.VehicleRegistration, i.Error = parseRegistration(i.Value)
		}
	}
	if !page.Agreed {
		page.TermsError = "Agree to the terms to sign up."
	}
	return details, policy
}

// parseRegistration returns a number plate as it is written, or what is wrong with it.
func parseRegistration(s string) (plate, wrong string) {
	plate, ok := customer.NormaliseRegistration(s)
	switch {
	case strings.TrimSpace(s) == "":
		return "", "Enter the registration of your vehicle."
	case !ok:
		return "", "Enter a registration like AB12 CDE."
	}
	return plate, ""
}

func sent(r *pageRequest) (web.Response, error) {
	return r.render(http.StatusOK, "Check your mail", sentContent(r)), nil
}

// tokenData is what a page shows that is reached by the link in a mail.
type tokenData struct {
	Token  string
	Email  string // for programs that keep passwords
	Inputs []*input
}

// FieldErrors returns the fields whose value is wrong.
func (d tokenData) FieldErrors() []*input { return withErrors(d.Inputs) }

// expiredLink returns the error of a link in a mail that was used or has expired.
func (r *pageRequest) expiredLink() error {
	const reason = "The link in the mail was already used, or it is older than 24 hours. "
	if r.customer != "" {
		return &pageError{
			status: http.StatusGone,
			title:  "This link has expired",
			Text:   reason + "You are signed in.",
			Links:  accountLink,
		}
	}
	return &pageError{
		status: http.StatusGone,
		title:  "This link has expired",
		Text:   reason + "If you have confirmed your email, sign in. If not, sign up again.",
		Links:  []pageLink{{"/login", "Sign in"}, {"/signup", "Sign up"}},
	}
}

// errOrExpired returns the error, or, if there is none or the token was used, that the link has expired.
func errOrExpired(err error, r *pageRequest) error {
	if err != nil && !errors.Is(err, account.ErrTokenUsed) {
		return err
	}
	return r.expiredLink()
}

// repeatedOrExpired is errOrExpired for a form that may be sent twice by a double click: with the same password it
// succeeds twice.
func (r *pageRequest) repeatedOrExpired(token string, err error) (web.Response, error) {
	if err != nil && !errors.Is(err, account.ErrTokenUsed) {
		return web.Response{}, err
	}
	email, err := r.accounts.RepeatedUse(r.Context(), token, r.form.Get("password"), r.now)
	if err != nil || email == "" {
		return web.Response{}, errOrExpired(err, r)
	}
	return r.signInByMail(email)
}

func verifyPage(token, email, wrong string) tokenData {
	return tokenData{token, email, []*input{{
		Name:         "password",
		Label:        "Your password",
		Hint:         "The one that you chose when you signed up.",
		Type:         "password",
		Autocomplete: "current-password",
		Error:        wrong,
	}}}
}

// verifyForm asks for the password. Without it, a person who types other people's emails would get them to open
// accounts whose password that person knows. And programs that follow the links in mails would use them up.
func verifyForm(r *pageRequest) (web.Response, error) {
	token := r.form.Get("token")
	m, ok, err := r.accounts.MailToken(r.Context(), token, account.PurposeConfirm, r.now)
	if err != nil || !ok {
		return web.Response{}, errOrExpired(err, r)
	}
	return r.render(http.StatusOK, "Confirm your email", verifyContent(r, verifyPage(token, m.Email, ""))), nil
}

// verify creates the account.
func verify(r *pageRequest) (web.Response, error) {
	token := r.form.Get("token")
	m, ok, err := r.accounts.MailToken(r.Context(), token, account.PurposeConfirm, r.now)
	if err != nil || !ok {
		return r.repeatedOrExpired(token, err)
	}
	if !account.VerifyPassword(m.PasswordHash, r.form.Get("password")) {
		if err := r.accounts.RecordFailedAttempt(r.Context(), token); err != nil {
			return web.Response{}, err
		}
		page := verifyPage(token, m.Email, "This is not the password that you chose when you signed up.")
		return r.render(http.StatusUnprocessableEntity, "Error: Confirm your email", verifyContent(r, page)), nil
	}
	enrolled, err := r.enrolledCustomer(m)
	if err != nil {
		return web.Response{}, err
	}
	// The browser may go away now; the account is created all the same, and whole.
	err = r.accounts.CreateAccount(context.WithoutCancel(r.Context()), token, enrolled, r.now)
	if err != nil {
		return r.repeatedOrExpired(token, err)
	}
	return r.signInByMail(m.Email)
}
