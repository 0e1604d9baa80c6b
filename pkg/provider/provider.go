// Package provider says what a work provider is: a company whose couriers we insure. What is stored of it, and the API
// keys it calls us with, are in package apikey; every package that acts for a work provider knows it by this type.
package provider

import "strings"

// Provider is a work provider.
type Provider struct {
	// ID is the slug of the name, such as "courier-ltd": lower-case letters, digits and dashes. It leads every key of
	// what is stored for the provider, and never changes.
	ID string
	// Name is the name that people read, such as "Courier Ltd".
	Name string
	// CanEnrol reports whether the provider may create customers (contract row 24).
	CanEnrol bool
	// Product is the code of the product that people are insured with who sign up through the provider's link; "" if
	// that is arranged otherwise.
	Product string
	// NotifyRejected reports whether the provider's webhook is notified of rejected events.
	NotifyRejected bool
	// SignedLinksOnly reports whether only signed links of the provider work. Otherwise whoever opens a link is believed
	// to be the person whom it names.
	SignedLinksOnly bool
	// RequestsPerSecond limits the provider's requests, on average over ten seconds; 0 is the limit of all providers.
	RequestsPerSecond int64
}

// Slug returns the id of the work provider of that name: its ASCII letters in lower case and its digits, with one dash
// for every run of anything else in between. It is empty for a name that has neither letters nor digits.
func Slug(name string) string {
	var slug strings.Builder
	for _, r := range strings.ToLower(name) {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			slug.WriteRune(r)
		case slug.Len() > 0 && !strings.HasSuffix(slug.String(), "-"):
			slug.WriteByte('-')
		}
	}
	return strings.TrimSuffix(slug.String(), "-")
}
