package phone

import (
	"testing"

	"pgregory.net/rapid"
)

func TestNormalise(t *testing.T) {
	const mobile = "+447700900123"
	for written, want := range map[string]string{
		"+44 (0)7700 900123": mobile, "0044 (0)7700 900123": mobile, "+44\u00a07700\u202f900\u00a0123": mobile,
		"\u202a+447700900123\u202c": mobile, "\u200e+44 7700 900 123": mobile, "tel:+44-7700-900123": mobile,
		" +44.7700.900123 ": mobile, "+４４ ７７００ ９００１２３": mobile, mobile: mobile,
		"+48 512-345-678": "+48512345678", "0048 512 345 678": "+48512345678", "+2908123": "+2908123",
		// No number of this length exists; the documents' own sample is one.
		"+44012314323423": "+44012314323423", "+12": "+12", "none": "none", "": "", "07700 900123": "07700 900123",
	} {
		if got := Normalise(written); got != want {
			t.Errorf("%q is %q, want %q", written, got, want)
		}
	}
	for written, want := range map[string]string{
		"07700 900123": mobile, "(020) 7946 0000": "+442079460000", "+48 512 345 678": "+48512345678", "12": "12",
	} {
		if got := NormaliseLocal(written); got != want {
			t.Errorf("%q in the United Kingdom is %q, want %q", written, got, want)
		}
	}
}

// What was normalised stays as it is.
func TestNormaliseTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		written := rapid.OneOf(rapid.String(), rapid.StringMatching(`(\+|00|tel:\+)?[0-9 ().-]{0,20}`)).Draw(t, "written")
		for _, normalise := range []func(string) string{Normalise, NormaliseLocal} {
			once := normalise(written)
			if twice := normalise(once); twice != once {
				t.Fatalf("%q is %q, and then %q", written, once, twice)
			}
		}
	})
}
