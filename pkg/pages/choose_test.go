package pages

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/table"
)

const parcelsLink = "/v1/link-work-provider/?work_provider=Parcels+%26+Co&work_provider_user_id=77" +
	"&email=ola%40example.com"

// twoEnrolments enrols one person at both work providers, as CCC1 and PPP1, and returns a browser on which they have
// just set their password.
func (w *fixture) twoEnrolments() *browser {
	w.Helper()
	w.enrol("CCC1", "Ola@example.com")
	w.share("courier-ltd", "CCC1", "c-1")
	w.enrol("PPP1", "ola@example.com")
	w.share("parcels-co", "PPP1", "p-1")
	w.browser().open("/account/forgot").send("email", "ola@example.com")
	return w.browser().openMail().send("password", testPassword)
}

// customersOf returns the numbers of an email's customers.
func (w *fixture) customersOf(email string) []string {
	w.Helper()
	known, err := w.site.accounts.ByEmail(w.Context(), email)
	w.ok(err)
	return known.Customers
}

// Whom two work providers enrolled reaches both customers, and chooses which to see.
func TestSeveralEnrolments(t *testing.T) {
	w := newFixture(t)
	b := w.twoEnrolments().expectText(200, "<h1>Your policies</h1>", "CCC1", "PPP1", "Courier Ltd", "Parcels &amp; Co")
	b.open("/account").expectText(200, "<h1>Your policies</h1>")
	choose := func(b *browser, number string) *browser {
		return b.post("/account/choose", url.Values{"customer": {number}})
	}
	choose(b, "PPP1").expectText(200, "<h1>Your account</h1>", `<dd class="id">PPP1</dd>`, "Remove Parcels",
		"Your other policies", "CCC1")
	if strings.Contains(b.body, "Remove Courier") {
		t.Error("the account page shows one customer's link as the other's")
	}
	choose(b, "CCC1").expectText(200, `<dd class="id">CCC1</dd>`, "Remove Courier Ltd")
	choose(b, "AAA1").expectText(200, "<h1>Your policies</h1>") // somebody else's
	w.browser().signIn("ola@example.com").expectText(200, `<dd class="id">CCC1</dd>`)
	w.browser().postFromForm("/account/choose", url.Values{"customer": {"CCC1"}}).expectText(200, "<h1>Sign in</h1>")
}

// postFromForm is post from a page of ours.
func (b *browser) postFromForm(to string, values url.Values) *browser {
	return b.open("/account/login").post(to, values)
}

// A link is for the customer whose id it has, or the only one who ever had to do with its work provider; else the page
// says for whom it is, and leads to a choice.
func TestLinkOfOneOfSeveral(t *testing.T) {
	w := newFixture(t)
	_, err := apikey.NewStore(w.env).Create(t.Context(), provider.Provider{Name: "Third"}, w.clock)
	w.ok(err)
	b := w.twoEnrolments()
	b.at = nil
	b.open(strings.Replace(parcelsLink, "=77", "=p-1", 1)).expectText(200, "You share with Parcels")
	b.open("/account").expectText(200, `<dd class="id">PPP1</dd>`)
	b.at = nil
	b.open(courierLink).expectText(200, "Share with Courier Ltd?",
		`You share as customer <strong class="id">CCC1</strong>`)
	b.send("choice", "agree").expectText(200, "You are linked.", `<dd class="id">CCC1</dd>`)
	b.at = nil
	third := strings.Replace(courierLink, "Courier+Ltd", "Third", 1)
	b.open(third).expectText(200, "Share with Third?", `<strong class="id">CCC1</strong>`)
	before := b.fields()
	address, _, _ := strings.Cut(b.body[strings.Index(b.body, "choose"):], `"`)
	b.open("/account/"+address).expectText(200, "<h1>Your policies</h1>")
	b.post("/account/choose", url.Values{"customer": {"PPP1"}, "link": before["link"]}).
		expectText(200, "Share with Third?", `<strong class="id">PPP1</strong>`)
	// The page of before, in another window, was for another customer.
	before.Set("choice", "agree")
	b.post("/account/consent", before).expectText(200, "Share with Third?", `<strong class="id">PPP1</strong>`)
	if owner := w.owner("third", "77"); owner != "" {
		t.Errorf("shares as %s", owner)
	}
	b.send("choice", "agree").expectText(200, "You are linked.")
	if owner := w.owner("third", "77"); owner != "PPP1" {
		t.Errorf("shares as %q", owner)
	}
}

// Who is signed in without having chosen a customer comes to the choice by a link that does not tell.
func TestLinkBeforeTheChoice(t *testing.T) {
	w := newFixture(t)
	_, err := apikey.NewStore(w.env).Create(t.Context(), provider.Provider{Name: "Third"}, w.clock)
	w.ok(err)
	b := w.twoEnrolments()
	b.at = nil
	b.open(strings.Replace(courierLink, "Courier+Ltd", "Third", 1)).expectText(200, "<h1>Your policies</h1>")
	b.send("customer", "PPP1").expectText(200, "Share with Third?", `<strong class="id">PPP1</strong>`)
}

// Who was enrolled and signs up gets an account by the password that they chose, and what they typed is kept: as the
// details of the customer whom the link's work provider enrolled, or as a customer of their own.
func TestSignUpOfTheEnrolled(t *testing.T) {
	w := newFixture(t)
	w.enrol("CCC1", "ola@example.com")
	w.share("courier-ltd", "CCC1", "c-1")
	typed := append(validSignUpFields("ola@example.com"), "city", "Leeds", "givenNames", "Aleksandra")
	b := w.browser()
	b.open(strings.Replace(courierLink, "=77", "=c-1", 1)).expectText(200, "<h1>Sign in</h1>")
	b.open(strings.Replace(b.at.String(), "login", "signup", 1)).expectText(200, "<h1>Sign up</h1>")
	b.send(typed...).openMail().send("password", testPassword).expectText(200, "You share with Courier Ltd")
	if got := w.customersOf("ola@example.com"); !slices.Equal(got, []string{"CCC1"}) {
		t.Errorf("customers %v", got)
	}
	c, _, err := w.customers.Customer(t.Context(), "CCC1")
	w.ok(err)
	p, err := w.customers.Policy(t.Context(), "CCC1")
	w.ok(err)
	if c.City != "Leeds" || c.GivenNames != "Aleksandra" || p.VehicleRegistration != "AB12 CDE" {
		t.Errorf("%+v, %+v", c, p)
	}
	w.enrol("PPP1", "cyd@example.com")
	w.share("parcels-co", "PPP1", "p-1")
	b = w.browser().open(strings.Replace(courierLink, "ola", "new", 1))
	b.send(validSignUpFields("cyd@example.com")...).openMail().send("password", testPassword)
	b.expectText(200, "Share with Courier Ltd?").send("choice", "agree", "mine", "yes").expectText(200, "AB12 CDE", "PPP1")
	if got := w.customersOf("cyd@example.com"); len(got) != 2 || w.owner("courier-ltd", "77") == "PPP1" {
		t.Errorf("customers %v", got)
	}
	w.enrol("EEE1", "eve@example.com")
	b = w.browser().open("/account/signup").send(validSignUpFields("eve@example.com")...).openMail()
	b.send("password", testPassword).expectText(200, `<dd class="id">EEE1</dd>`)
}

// Of several customers one is erased: the account opens the other.
func TestErasureOfOneOfSeveral(t *testing.T) {
	w := newFixture(t)
	b := w.twoEnrolments().postFromForm("/account/choose", url.Values{"customer": {"CCC1"}})
	w.erase("CCC1")
	b.open("/account").expectText(200, "<h1>Sign in</h1>")
	w.browser().signIn("ola@example.com").expectText(200, `<dd class="id">PPP1</dd>`)
	w.erase("PPP1")
	w.browser().signIn("ola@example.com").expectText(422)
}

// Two customers of one email are erased at the same moment: nothing is left of the account.
func TestErasuresAtOnce(t *testing.T) {
	w := newFixture(t)
	w.twoEnrolments()
	atTheSameTime(2, func(i int) error { w.erase([]string{"CCC1", "PPP1"}[i]); return nil })
	known, err := w.site.accounts.ByEmail(t.Context(), "ola@example.com")
	if err != nil || known.Exists || len(known.Customers) > 0 {
		t.Errorf("%+v, %v", known, err)
	}
}

// A session of form 1 was a customer's: it goes on, and ends with the account's.
func TestSessionOfForm1(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	b := w.browser()
	b.cookie = "TOKEN"
	w.ok(w.table("SESSIONS_TABLE").Put(map[string]any{
		table.PK: table.SessionPartition(hashOf([]byte("TOKEN"))), table.SK: "session", "v": 1, "number": "AAA1",
		"expires": noon.Unix() + 3600, "began": noon.UnixMicro() + 1,
	}).Run(t.Context()))
	b.open("/account").expectText(200, `<dd class="id">AAA1</dd>`)
	w.clock = w.clock.Add(time.Minute)
	w.setPassword("ann@example.com")
	b.open("/account").expectText(200, "<h1>Sign in</h1>")
}
