package pages

import (
	"strings"
	"testing"

	"zego.com/workprovider/pkg/fault"
)

// Emails that only look like that of another get neither the other's account nor a mail to it, and mails go to the
// address that is stored.
func TestEmailsOfOthers(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "Kate@Example.com")
	for _, typed := range []string{
		"\u212aate@example.com", "v0<kate@example.com>", "kate@example.com;eve@example.com", "mailto:kate@example.com",
		"ka\u200bte@example.com", `"kate"@example.com`,
	} {
		w.browser().open("/account/forgot").send("email", typed).expectText(422, "Enter an email like")
		fields := append(validSignUpFields("x@example.com"), "email", typed)
		w.browser().open("/account/signup").send(fields...).expectText(422, "Enter an email like")
	}
	if len(w.mailer.mails) > 0 {
		t.Errorf("%+v", w.mailer.mails)
	}
	w.browser().open("/account/forgot").send("email", "kate@EXAMPLE.com").expectText(200, "Check your mail")
	if m, _ := w.lastMail(); m.To != "Kate@Example.com" {
		t.Errorf("the mail went to %s", m.To)
	}
	w.browser().open("/account/signup").send(validSignUpFields("KATE@example.com")...).expectText(200, "Check your mail")
	if m, _ := w.lastMail(); m.To != "Kate@Example.com" {
		t.Errorf("the mail went to %s", m.To)
	}
	b := w.browser().open("/account/signup").send(validSignUpFields("ola@bücher.example")...)
	b.expectText(200, "Check your mail")
	if m, _ := w.lastMail(); m.To != "ola@xn--bcher-kva.example" {
		t.Errorf("the mail went to %s", m.To)
	}
}

// An address that the mail service rejects for good is an error of the field, on every page that sends mail.
func TestUndeliverableEmail(t *testing.T) {
	w := newFixture(t)
	w.mailer.err = fault.InvalidField("email", "rejected")
	w.browser().open("/account/forgot").send("email", "ola@example.com").expectText(422, "cannot send mail")
	b := w.browser().open("/account/signup").send(validSignUpFields("ola@example.com")...)
	b.expectText(422, "cannot send mail", `id="email-error"`)
	if strings.Contains(b.body, testPassword) {
		t.Error("the password came back")
	}
}
