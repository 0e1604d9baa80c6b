// Package provider knows the work providers: the companies whose people we insure, and the API keys they call us with.
//
//	provider.go  what a work provider is, and how its id comes from its name
//	key.go       the form of an API key
//	store.go     the rows of providers and keys
//	keys.go      whose key a request carries, asked at most once in 45 seconds
package provider

import "strings"

// Provider is a work provider.
type Provider struct {
	// ID is the slug of the name, such as "courier-ltd": lower-case letters, digits and dashes. It leads every key of
	// what is stored for the provider, and never changes.
	ID string
	// Name is what people read, such as "Courier Ltd".
	Name string
	// MayEnrol is whether the provider may create customers (contract row 24).
	MayEnrol bool
	// Product is the code of the product that people are insured with who sign up on their way from the provider; "" if that
	// is arranged otherwise.
	Product string
	// TellRejected is whether the provider wants its webhook told of events that do not count.
	TellRejected bool
}

// Slug is the id of the work provider of that name: its ASCII letters in lower case and its digits, with one dash for
// every run of anything else in between. It is empty for a name that has neither letters nor digits.
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
