package pages

import (
	"log/slog"
	"strings"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/mail"
)

// mailTemplate is what a mail says, and the page that its link leads to, or "" for a link without a token.
type mailTemplate struct{ subject, text, page string }

var (
	confirmMail = mailTemplate{"Confirm your email", `Hello,

you, or a person who typed your email, signed up for Zego. To confirm that this is your email, open this link within
24 hours and enter the password that you chose:

%s

If it was not you, do nothing: without the confirmation there is no account.

Zego
`, "/verify"}
	existingAccountMail = mailTemplate{"You already have an account", `Hello,

you, or a person who typed your email, signed up for Zego. You already have an account, so nothing was changed.
Sign in here:

%s

If you have forgotten your password, the page helps you to set a new one.

Zego
`, ""}
	enrolledMail = mailTemplate{"Confirm your email", `Hello,

you, or a person who typed your email, signed up for Zego. You are already our customer, because your work provider
enrolled you. To confirm that this is your email, open this link within 24 hours and enter the password that you chose:

%s

Your account then shows what your work provider enrolled you for, with the details that you typed.

If it was not you, do nothing: without the confirmation there is no account.

Zego
`, "/verify"}
	resetMail = mailTemplate{"Set a new password", `Hello,

you, or a person who typed your email, asked to set a new password at Zego. Open this link within 24 hours to do so:

%s

If it was not you, do nothing: your password stays as it is.

Zego
`, "/reset"}
	noAccountMail = mailTemplate{"There is no account", `Hello,

you, or a person who typed your email, asked to set a new password at Zego. There is no account with this email.
Perhaps you used another one. If you want an account, sign up here:

%s

If it was not you, do nothing.

Zego
`, "/signup"}
)

const (
	passwordChangedSubject = "Your password was changed"
	passwordChangedText    = `Hello,

the password of your Zego account was just set or changed, and you are signed out everywhere else.

If it was not you, set a new one now:

%s

Zego
`
)

// notifyPasswordChanged mails the owner of an account that its password was changed. If it fails, the password is
// changed all the same.
func (r *pageRequest) notifyPasswordChanged(email string) {
	known, err := r.accounts.ByEmail(r.Context(), email)
	if err == nil {
		err = r.mailer.Send(r.Context(), mail.Message{
			To:      known.Address,
			Subject: passwordChangedSubject,
			Text:    strings.Replace(passwordChangedText, "%s", r.url+"/account/forgot", 1),
		})
	}
	if err != nil {
		slog.ErrorContext(r.Context(), "could not mail a password change", "error", err)
	}
}

// undeliverable is the error of an email field whose address no mail can be sent to.
const undeliverable = "We cannot send mail to this address. Check it, or enter another."

// send stores what the link in a mail is for, and sends the mail.
func (r *pageRequest) send(to string, m account.MailToken, t mailTemplate) error {
	token, err := r.accounts.CreateMailToken(r.Context(), m, r.now)
	if err != nil {
		return err
	}
	query := r.linkQuery()
	page := t.page
	switch {
	case m.Purpose != account.PurposeDecoy:
		query.Set("token", token)
	case page == "":
		page = "/login"
	}
	address := r.url + "/account" + page + encodeQuery(query)
	text := strings.Replace(t.text, "%s", address, 1)
	return r.mailer.Send(r.Context(), mail.Message{To: to, Subject: t.subject, Text: text})
}

// allowMail counts a mail to an email, whether it has an account or not.
func (r *pageRequest) allowMail(email string) error {
	return r.allow(
		r.byNetwork(account.MailByNetwork),
		r.bySource(account.MailBySource, email),
		counter{account.MailByEmail, email},
	)
}
