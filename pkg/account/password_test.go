package account

import (
	"encoding/base64"
	"strings"
	"testing"

	"golang.org/x/crypto/argon2"
)

// testPassword is a password that is strong enough.
const testPassword = "three words in a row"

func TestPasswords(t *testing.T) {
	h := HashPassword(testPassword)
	if !strings.HasPrefix(h, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash %s", h)
	}
	if !VerifyPassword(h, testPassword) || VerifyPassword(h, testPassword+" ") || VerifyPassword(h, "") {
		t.Error("a password is held against the wrong hash")
	}
	if h == HashPassword(testPassword) {
		t.Error("two hashes have one salt")
	}
	for _, broken := range []string{"", "x", "$argon2i$v=19$m=19456,t=2,p=1$AAAA$AAAA",
		"$argon2id$v=18$m=8,t=1,p=1$AAAA$AAAA",
		"$argon2id$v=19$m=8,t=0,p=1$AAAA$AAAA", "$argon2id$v=19$m=8,t=1,p=0$AAAA$AAAA", "$argon2id$v=19$m=8,t=1,p=1$!$!",
		dummyHash} {
		if VerifyPassword(broken, "") || VerifyPassword(broken, testPassword) {
			t.Errorf("%q is somebody's", broken)
		}
	}
	// A hash made with other parameters verifies by those.
	weaker := "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + base64.RawStdEncoding.EncodeToString(
		argon2.IDKey([]byte(testPassword), make([]byte, 16), 1, 64, 1, 32),
	)
	if !VerifyPassword(weaker, testPassword) {
		t.Error("an older hash does not verify")
	}
}

func TestWeakPasswords(t *testing.T) {
	for password, weak := range map[string]bool{
		"": true, "short": true, "elevenchars": true, "twelve chars": false, "żółwżółwżółw": false, "aaaaaaaaaaaaaaaa": true,
		"123456789012": true, "ola@example.com": true, "OLA@example.com": true, strings.Repeat("long ", 26): true,
		testPassword: false,
	} {
		if got := CheckPasswordStrength(password, "ola@example.com") != ""; got != weak {
			t.Errorf("%q: weak is %t", password, got)
		}
	}
}

func TestClientNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "203.0.113.7:4711": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "[2001:db8:1:2::9]:80": "2001:db8:1:2::/64", "": "", "odd": "odd",
	} {
		if got := ClientNetwork(address); got != want {
			t.Errorf("ClientNetwork(%q) is %q, want %q", address, got, want)
		}
	}
}

// Common passwords are refused, however often they are repeated and whatever digits stand around them.
func TestCommonPasswords(t *testing.T) {
	for _, password := range []string{
		"1qaz2wsx3edc", "Q1W2E3R4T5Y6", "passwordpassword", "Password2024!!", "!!!!football1", "qwertyuiop12",
		"dragondragondragon", "123456123456",
	} {
		if CheckPasswordStrength(password, "ola@example.com") == "" {
			t.Errorf("%q is accepted", password)
		}
	}
	for _, password := range []string{testPassword, "twelve chars", "quite another one", "correct horse battery",
		"żółwżółwżółw"} {
		if wrong := CheckPasswordStrength(password, "ola@example.com"); wrong != "" {
			t.Errorf("%q: %s", password, wrong)
		}
	}
}

// The same letters typed as other code points are the same password.
func TestPasswordNormalisation(t *testing.T) {
	const composed, decomposed, wide = "żółw i żaba ą", "z\u0307o\u0301\u0142w i z\u0307aba a\u0328", "ｚｅｇｏ ｚｅｇｏ ｚｅｇｏ"
	if !VerifyPassword(HashPassword(composed), decomposed) || !VerifyPassword(HashPassword(decomposed), composed) ||
		!VerifyPassword(HashPassword(wide), "zego zego zego") {
		t.Error("the same password is another")
	}
	if VerifyPassword(HashPassword(composed), "zolw i zaba a") {
		t.Error("another password is the same")
	}
}
