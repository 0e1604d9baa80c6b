package account

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/mail"
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
	Wrong        string // what is wrong with the value; "" if nothing is
}

// describedBy are the ids of what is said about the field; "" if nothing is.
func (i *input) describedBy() string {
	var ids []string
	if i.Hint != "" {
		ids = append(ids, i.Name+"-hint")
	}
	if i.Wrong != "" {
		ids = append(ids, i.Name+"-fault")
	}
	return strings.Join(ids, " ")
}

// signUpData is what the page of a sign-up shows.
type signUpData struct {
	Provider  string // whose link they followed; "" if none's
	Inputs    []*input
	Agreed    bool
	Disagreed string // what is said if the terms were not agreed to
}

// Faults are the fields whose value is wrong, for the summary above the form.
func (d *signUpData) Faults() []*input {
	faults := faulty(d.Inputs)
	if d.Disagreed != "" {
		faults = append(faults, &input{Name: "terms", Wrong: d.Disagreed})
	}
	return faults
}

func faulty(inputs []*input) []*input {
	var faults []*input
	for _, i := range inputs {
		if i.Wrong != "" {
			faults = append(faults, i)
		}
	}
	return faults
}

// detailInputs are the fields for a customer's details, with what is said where nothing was typed, and where it cannot be
// right. The fault's path in customer.Details is "customer." and the name.
var detailInputs = []struct{ name, label, hint, kind, autocomplete, missing, wrong string }{
	{"email", "Email", "", "email", "email", "Enter your email.", "Enter an email like name@example.com."},
	{"givenNames", "First names", "", "text", "given-name", "Enter your first names.", "Enter your first names, without special signs."},
	{"lastName", "Last name", "", "text", "family-name", "Enter your last name.", "Enter your last name, without special signs."},
	{"dob", "Date of birth", "", "date", "bday", "Enter your date of birth.", "Enter your date of birth as year, month and day, like 1984-01-15."},
	{"address", "Address, first line", "", "text", "address-line1", "Enter the first line of your address.", "Enter the first line of your address, in at most 200 characters."},
	{"city", "Town or city", "", "text", "address-level2", "Enter your town or city.", "Enter your town or city, in at most 200 characters."},
	{"postCode", "Post code", "", "text", "postal-code", "Enter your post code.", "Enter a post code like EC2A 4DS."},
	{"phoneNumber", "Phone number", "For example 07700 900123.", "tel", "tel", "Enter your phone number.", "Enter a phone number like 07700 900123, or with its country like +48 512 345 678."},
}

const (
	passwordHint = "At least 12 characters. Three or four words in a row do well."
	vehicleHint  = "As on the number plate, for example AB12 CDE."
)

// signUpPage is the form, with whatever was typed before.
func signUpPage(typed url.Values, p provider.Provider, product customer.Product) *signUpData {
	d := &signUpData{Provider: p.Name, Agreed: typed.Get("terms") != ""}
	for _, i := range detailInputs {
		d.Inputs = append(d.Inputs, &input{
			Name: i.name, Label: i.label, Hint: i.hint, Type: i.kind, Autocomplete: i.autocomplete, Value: typed.Get(i.name),
		})
	}
	if product.Vehicle {
		d.Inputs = append(d.Inputs, &input{
			Name: "vehicle", Label: "Vehicle registration", Hint: vehicleHint, Type: "text", Autocomplete: "off", Value: typed.Get("vehicle"),
		})
	}
	d.Inputs = append(d.Inputs, &input{ // what was typed is not sent back
		Name: "password", Label: "Choose a password", Hint: passwordHint, Type: "password", Autocomplete: "new-password",
	})
	return d
}

// product is what those who come from a work provider are insured with; the zero value is nothing.
func (v *visit) product(p provider.Provider) (customer.Product, error) {
	if p.Product == "" {
		return customer.Product{}, nil
	}
	product, _, err := v.customers.Product(v.Context(), p.Product)
	return product, err
}

func signUpForm(v *visit) (web.Response, error) {
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
	product, err := v.product(p)
	if err != nil {
		return web.Response{}, err
	}
	return v.render(http.StatusOK, "Sign up", signUpContent(v, signUpPage(url.Values{"email": {f.email}}, p, product))), nil
}

// signUp stores a sign-up and asks its email to be confirmed. Whether the email has an account or not, the answer, the work
// and the number of mails are the same; what the mail says is not.
func signUp(v *visit) (web.Response, error) {
	_, p, _, err := v.came()
	if err != nil {
		return web.Response{}, err
	}
	product, err := v.product(p)
	if err != nil {
		return web.Response{}, err
	}
	page := signUpPage(v.form, p, product)
	details, policy := v.check(page, product)
	if len(page.Faults()) > 0 {
		return v.render(http.StatusUnprocessableEntity, "Error: Sign up", signUpContent(v, page)), nil
	}
	email := customer.NormaliseEmail(details.Email)
	if err := v.takeMail(email); err != nil {
		return web.Response{}, err
	}
	k, err := v.store.byEmail(v.Context(), email)
	if err != nil {
		return web.Response{}, err
	}
	m := mailed{purpose: toConfirm, email: email, details: details, policy: policy, password: hashPassword(v.form.Get("password"))}
	letter := confirmLetter
	switch {
	case k.number != "":
		m.purpose, letter = toNowhere, knownLetter
	case len(k.numbers) > 0: // a work provider enrolled them: they are customers, and only lack a password
		m, letter = mailed{purpose: toReset, email: email, number: k.numbers[0]}, enrolledLetter
	}
	if err := v.send(details.Email, m, letter); err != nil {
		return web.Response{}, err
	}
	return v.goTo("/sent", v.withLink())
}

// check finds what is wrong with what was typed, and notes it in the page.
func (v *visit) check(page *signUpData, product customer.Product) (customer.Details, customer.Policy) {
	typed := map[string]string{}
	for _, i := range page.Inputs {
		typed[i.Name] = i.Value
	}
	details, faults := customer.Details{
		GivenNames: typed["givenNames"], LastName: typed["lastName"], Address: typed["address"], City: typed["city"],
		PostCode: typed["postCode"], DOB: typed["dob"], Email: typed["email"], PhoneNumber: dialled(typed["phoneNumber"]),
	}.Check(v.at)
	wrong := map[string]bool{}
	for _, f := range faults {
		wrong[strings.TrimPrefix(f.Field, "customer.")] = true
	}
	for n, i := range detailInputs {
		switch {
		case wrong[i.name] && strings.TrimSpace(page.Inputs[n].Value) == "":
			page.Inputs[n].Wrong = i.missing
		case wrong[i.name]:
			page.Inputs[n].Wrong = i.wrong
		}
	}
	policy := customer.Policy{}
	if product.Code != "" {
		policy, _ = product.Policy(nil) // nobody is asked for occupations, and none cannot be wrong
	}
	for _, i := range page.Inputs[len(detailInputs):] {
		switch i.Name {
		case "password":
			i.Wrong = weakPassword(v.form.Get("password"), details.Email)
		case "vehicle":
			policy.VehicleRegistration, i.Wrong = registration(i.Value)
		}
	}
	if !page.Agreed {
		page.Disagreed = "Agree to the terms to sign up."
	}
	return details, policy
}

// dialled is a telephone number with its country. One that begins with a single nought is of this country.
func dialled(number string) string {
	number = strings.TrimLeft(number, " (")
	if strings.HasPrefix(number, "0") && !strings.HasPrefix(number, "00") {
		return "+44" + number[1:]
	}
	return number
}

// registration is a number plate as it is written, or what is wrong with it.
func registration(s string) (plate, wrong string) {
	plate = strings.ToUpper(strings.Join(strings.Fields(s), " "))
	strange := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != ' ' && r != '-' }
	switch {
	case plate == "":
		return "", "Enter the registration of your vehicle."
	case utf8.RuneCountInString(plate) > 15 || strings.ContainsFunc(plate, strange):
		return "", "Enter a registration like AB12 CDE."
	}
	return plate, ""
}

// takeMail counts a mail to an email, whether it has an account or not.
func (v *visit) takeMail(email string) error {
	if err := v.store.take(v.Context(), mailBySource, source(v.RemoteAddr), v.at); err != nil {
		return err
	}
	return v.store.take(v.Context(), mailByEmail, email, v.at)
}

// letter is a mail: what it says, and the page that its link leads to, or "" for a link without a token.
type letter struct{ subject, text, page string }

var (
	confirmLetter = letter{"Confirm your email", `Hello,

you, or somebody who typed your email, signed up for Zego. To confirm that this is your email, open this link within
24 hours and enter the password that you chose:

%s

If it was not you, do nothing: without the confirmation there is no account.

Zego
`, "/verify"}
	knownLetter = letter{"You have an account already", `Hello,

you, or somebody who typed your email, signed up for Zego. You have an account already, so nothing was changed.
Log in here:

%s

If you do not know your password any more, the page helps you to set a new one.

Zego
`, ""}
	enrolledLetter = letter{"You are insured with us already", `Hello,

you, or somebody who typed your email, signed up for Zego. You are our customer already, because your work provider
enrolled you, so nothing was changed. To see your account, open this link within 24 hours and set a password:

%s

If it was not you, do nothing.

Zego
`, "/reset"}
	resetLetter = letter{"Set a new password", `Hello,

you, or somebody who typed your email, asked to set a new password at Zego. Open this link within 24 hours to do so:

%s

If it was not you, do nothing: your password stays as it is.

Zego
`, "/reset"}
	strangerLetter = letter{"There is no account", `Hello,

you, or somebody who typed your email, asked to set a new password at Zego. There is no account with this email.
Perhaps you used another one. If you want an account, sign up here:

%s

If it was not you, do nothing.

Zego
`, "/signup"}
)

// send keeps what a mail is good for, and sends it.
func (v *visit) send(to string, m mailed, l letter) error {
	token, err := v.store.keepMail(v.Context(), m, v.at)
	if err != nil {
		return err
	}
	query := v.withLink()
	page := l.page
	switch {
	case m.purpose != toNowhere:
		query.Set("token", token)
	case page == "":
		page = "/login"
	}
	address := v.url + "/account" + page + queryText(query)
	return v.mail.Send(v.Context(), mail.Message{To: to, Subject: l.subject, Text: strings.Replace(l.text, "%s", address, 1)})
}

func sent(v *visit) (web.Response, error) {
	return v.render(http.StatusOK, "Check your mail", sentContent(v)), nil
}

// tokenData is what a page shows that is reached by the link in a mail.
type tokenData struct {
	Token  string
	Inputs []*input
}

// Faults are the fields whose value is wrong.
func (d tokenData) Faults() []*input { return faulty(d.Inputs) }

// usedUp is the problem of a link in a mail that is good for nothing, or no longer.
func (v *visit) usedUp() error {
	told := &problem{status: http.StatusGone, title: "This link is no longer good",
		Text: "The link in the mail was used already, or it is older than 24 hours. If you have confirmed your email, log in. If not, sign up again.",
		Ways: []way{{"/login", "Log in"}, {"/signup", "Sign up"}}}
	if v.customer != "" {
		told.Text = "The link in the mail was used already, or it is older than 24 hours. You are signed in."
		told.Ways = toAccount
	}
	return told
}

func verifyPage(token, wrong string) tokenData {
	return tokenData{token, []*input{{
		Name: "password", Label: "Your password", Hint: "The one that you chose when you signed up.", Type: "password", Autocomplete: "current-password", Wrong: wrong,
	}}}
}

// verifyForm asks for the password. Without it, whoever types other people's emails would get them to open accounts that
// they know the password of. And programs that follow the links in mails would use them up.
func verifyForm(v *visit) (web.Response, error) {
	token := v.form.Get("token")
	if _, ok, err := v.store.mail(v.Context(), token, toConfirm, v.at); err != nil || !ok {
		return web.Response{}, orUsedUp(err, v)
	}
	return v.render(http.StatusOK, "Confirm your email", verifyContent(v, verifyPage(token, ""))), nil
}

// orUsedUp is the failure, or if there was none, that the link is good for nothing.
func orUsedUp(err error, v *visit) error {
	if err != nil && !errors.Is(err, errUsed) {
		return err
	}
	return v.usedUp()
}

// verify opens the account.
func verify(v *visit) (web.Response, error) {
	if err := v.store.take(v.Context(), verifyBySource, source(v.RemoteAddr), v.at); err != nil {
		return web.Response{}, err
	}
	token := v.form.Get("token")
	m, ok, err := v.store.mail(v.Context(), token, toConfirm, v.at)
	if err != nil || !ok {
		return web.Response{}, orUsedUp(err, v)
	}
	if !samePassword(m.password, v.form.Get("password")) {
		if err := v.store.countTry(v.Context(), token); err != nil {
			return web.Response{}, err
		}
		page := verifyPage(token, "This is not the password that you chose when you signed up.")
		return v.render(http.StatusUnprocessableEntity, "Error: Confirm your email", verifyContent(v, page)), nil
	}
	// The browser may go away now; the account is opened all the same, and whole.
	number, err := v.store.open(context.WithoutCancel(v.Context()), v.customers, token, m, v.at)
	if err != nil {
		return web.Response{}, orUsedUp(err, v)
	}
	return v.welcome(number)
}

// welcome signs the customer in and leads to what they came for.
func (v *visit) welcome(number string) (web.Response, error) {
	cookie, err := v.signIn(number, v.at)
	if err != nil {
		return web.Response{}, err
	}
	if v.link != "" {
		return v.goTo("/consent", v.withLink(), cookie)
	}
	return v.goTo("", nil, cookie)
}
