package customer

import (
	"regexp"
	"strings"

	"golang.org/x/net/idna"
)

// maxEmail is the longest email address, in bytes (RFC 5321, errata 1690).
const maxEmail = 254

// emailShape is what HTML takes for a valid email address ("valid e-mail address" in the HTML standard), with a dot in
// its domain: ASCII alone, without quotes, comments and lists, so that a mail goes to one mailbox.
var emailShape = regexp.MustCompile("^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@" +
	"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+$")

// ParseEmail returns an email address as it is stored and written to: trimmed, with its domain in Punycode if that has
// other letters than ASCII's. It is false if the text is no email address (see emailShape).
func ParseEmail(s string) (string, bool) {
	email := strings.TrimSpace(s)
	if at := strings.LastIndexByte(email, '@'); at >= 0 && !isASCII(email[at:]) {
		domain, err := idna.Lookup.ToASCII(email[at+1:])
		if err != nil {
			return "", false
		}
		email = email[:at+1] + domain
	}
	if len(email) > maxEmail || !emailShape.MatchString(email) {
		return "", false
	}
	return email, true
}

// NormaliseEmail returns the form in which emails are compared: that of ParseEmail, with ASCII's capitals in lower case
// and nothing else folded, because two addresses that differ in more may be two mailboxes.
func NormaliseEmail(s string) string {
	email, ok := ParseEmail(s)
	if !ok {
		email = strings.TrimSpace(s)
	}
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, email)
}

// IsEmail reports whether a text is an email address.
func IsEmail(s string) bool {
	_, ok := ParseEmail(s)
	return ok
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 127 })
}
