package provider

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"Courier Ltd":       "courier-ltd",
		"Parcels & Co":      "parcels-co",
		"  2 Fast -- Bikes": "2-fast-bikes",
		"#provider#":        "provider",
		"Žižka":             "i-ka",
		"&&&":               "",
		"":                  "",
	} {
		if got := Slug(name); got != want {
			t.Errorf("Slug(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestSlugIdempotent(t *testing.T) {
	form := regexp.MustCompile(`^([a-z0-9]+(-[a-z0-9]+)*)?$`)
	rapid.Check(t, func(t *rapid.T) {
		slug := Slug(rapid.String().Draw(t, "name"))
		if !form.MatchString(slug) {
			t.Fatalf("%q is no slug", slug)
		}
		if again := Slug(slug); again != slug {
			t.Fatalf("%q became %q", slug, again)
		}
	})
}
