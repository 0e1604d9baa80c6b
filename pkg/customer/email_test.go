package customer

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseEmail(t *testing.T) {
	for typed, want := range map[string]string{
		"ann@example.com":                        "ann@example.com",
		" Ann@Example.com\u00a0":                 "Ann@Example.com",
		"a+b.c-d_e@b.c.example":                  "a+b.c-d_e@b.c.example",
		"o'neill@example.com":                    "o'neill@example.com",
		"ann@bücher.example":                     "ann@xn--bcher-kva.example",
		"ann@xn--bcher-kva.example":              "ann@xn--bcher-kva.example",
		strings.Repeat("x", 64) + "@example.com": strings.Repeat("x", 64) + "@example.com",
	} {
		if got, ok := ParseEmail(typed); !ok || got != want {
			t.Errorf("%q is %q, %t", typed, got, ok)
		}
	}
	for _, typed := range []string{
		"", "ann", "ann@", "@example.com", "ann@example", "ann@-a.example", "ann@a..example", "ann@example.com.",
		"v0<victim@x.example>", "<victim@x.example>", "mailto:ann@example.com", "ann@example.com;bob@example.com",
		"ann@example.com,bob@example.com", `"ann"@example.com`, "an\u200bn@example.com", "ann@exam\u200bple.com\u200b.",
		"an n@example.com", "ann@exa mple.com", "\u212aate@example.com", "\u0130da@example.com", "ola(x)@example.com",
		"ann\r\nBcc:x@example.com", "żółw@example.com", strings.Repeat("x", 65) + "@example.com",
		"a@" + strings.Repeat("x.", 130) + "example", "a@b@example.com", "ann@[127.0.0.1]",
	} {
		if got, ok := ParseEmail(typed); ok {
			t.Errorf("%q is taken for %q", typed, got)
		}
	}
}

// Only ASCII's letters have two cases: the Kelvin sign is no k, and a dotted capital I no i.
func TestEmailASCII(t *testing.T) {
	for a, b := range map[string]string{
		"Kate@Example.COM": "kate@example.com", "ann@BÜCHER.example": "ANN@bücher.example", " x@y.example": "X@Y.example",
	} {
		if NormaliseEmail(a) != NormaliseEmail(b) {
			t.Errorf("%q and %q differ", a, b)
		}
	}
	for a, b := range map[string]string{
		"\u212aate@example.com": "kate@example.com", "\u0130da@example.com": "ida@example.com",
		"ſ@example.com": "s@example.com",
		"ß@example.com": "ss@example.com",
	} {
		if NormaliseEmail(a) == NormaliseEmail(b) {
			t.Errorf("%q and %q are one", a, b)
		}
	}
}

func TestParseEmailIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		typed := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,9}@[a-zü.-]{0,20}`)).Draw(t, "typed")
		email, ok := ParseEmail(typed)
		if !ok {
			return
		}
		if again, ok := ParseEmail(email); !ok || again != email || !isASCII(email) ||
			strings.ContainsAny(email, " <>,;:\"()[]\\") {
			t.Fatalf("%q is %q, then %q", typed, email, again)
		}
		if NormaliseEmail(NormaliseEmail(typed)) != NormaliseEmail(typed) {
			t.Fatalf("%q is not normalised", NormaliseEmail(typed))
		}
	})
}
