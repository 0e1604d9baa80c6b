// Package phone reads telephone numbers as people write them. It is apart from package customer because its library
// takes some 5 ms to load at the start of a function, which those that only read customers need not pay.
package phone

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"
)

// Normalise returns a telephone number as +, country and digits (E.164), however it was written: with a trunk zero in
// brackets, with 00 for the +, with spaces of any kind, with marks of the direction of writing, or as a tel: link. What
// has no country, or cannot be a number by its length, is returned as it is, without marks: whoever takes it decides.
func Normalise(s string) string { return normalise(s, "ZZ") }

// NormaliseLocal is Normalise for numbers that may be written without their country, which is the United Kingdom then.
func NormaliseLocal(s string) string { return normalise(s, "GB") }

func normalise(s, region string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s))
	written := s
	if strings.HasPrefix(written, "00") {
		written = "+" + written[2:]
	}
	number, err := phonenumbers.Parse(written, region)
	if err != nil || !phonenumbers.IsPossibleNumber(number) {
		return s
	}
	return phonenumbers.Format(number, phonenumbers.E164)
}
