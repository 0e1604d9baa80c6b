package apikey

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
)

func TestSignedLinks(t *testing.T) {
	s := created(t)
	if _, err := s.Create(t.Context(), provider.Provider{Name: "Parcels & Co"}, noon); err != nil {
		t.Fatal(err)
	}
	text, key, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := s.IssueKey(t.Context(), "parcels-co", noon)
	if err != nil {
		t.Fatal(err)
	}
	link := Link{"Courier Ltd", "77", "ola@example.com", noon.Add(time.Hour).Unix()}
	keyID, signature, err := link.Sign(text)
	if err != nil || keyID != key.ID {
		t.Fatalf("signed with the key %s (%v), not %s", keyID, err, key.ID)
	}
	// As any client computes it.
	secret := sha256.Sum256([]byte(text))
	mac := hmac.New(sha256.New, secret[:])
	fmt.Fprintf(mac, "zego-link-1\nCourier Ltd\n77\nola@example.com\n%d", link.Expires)
	if want := hex.EncodeToString(mac.Sum(nil)); signature != want {
		t.Errorf("the signature is %s, want %s", signature, want)
	}
	wrong := link
	wrong.UserID = "78"
	foreignID, foreign, err := link.Sign(other)
	if err != nil {
		t.Fatal(err)
	}
	late := link
	late.Expires = noon.Add(MaxLinkLifetime + time.Second).Unix()
	_, lateSignature, err := late.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	split := Link{"Courier Ltd", "-", "77\nola@example.com", link.Expires}
	_, splitSignature, err := split.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		link             Link
		keyID, signature string
		now              time.Time
		want             bool
	}{
		"as signed":                   {link, keyID, signature, noon, true},
		"in capitals":                 {link, keyID, strings.ToUpper(signature), noon, true},
		"just before it expires":      {link, keyID, signature, noon.Add(time.Hour - 1), true},
		"expired":                     {link, keyID, signature, noon.Add(time.Hour), false},
		"of another id":               {wrong, keyID, signature, noon, false},
		"valid for too long":          {late, keyID, lateSignature, noon, false},
		"no signature":                {link, keyID, "", noon, false},
		"half a signature":            {link, keyID, signature[:32], noon, false},
		"not hexadecimal":             {link, keyID, strings.Repeat("z", 64), noon, false},
		"no key":                      {link, "", signature, noon, false},
		"an unknown key":              {link, "00000000", signature, noon, false},
		"another work provider's key": {link, foreignID, foreign, noon, false},
		"a line feed in the email":    {split, keyID, splitSignature, noon, false},
	} {
		got, err := s.VerifyLink(t.Context(), "courier-ltd", c.link, c.keyID, c.signature, c.now)
		if err != nil || got != c.want {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
	if err := s.RevokeKey(t.Context(), "courier-ltd", key.ID, noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	ok, err := s.VerifyLink(t.Context(), "courier-ltd", link, keyID, signature, noon.Add(time.Minute))
	if ok || err != nil {
		t.Errorf("after the key was revoked: %t, %v", ok, err)
	}
	if _, _, err := link.Sign("zego_live_made_up"); fault.KindOf(err) != fault.InvalidKey {
		t.Error(err)
	}
}

// No change of a link keeps its signature.
func TestLinkSignature(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.StringMatching(`[A-Za-z0-9 &@.+-]{0,12}`)
		draw := func(name string) Link {
			return Link{
				WorkProvider: value.Draw(t, name+" work provider"),
				UserID:       value.Draw(t, name+" id"),
				Email:        value.Draw(t, name+" email"),
				Expires:      rapid.Int64Range(0, 3).Draw(t, name+" expires"),
			}
		}
		a := draw("first")
		b := draw("second")
		hash := hashKey("a key")
		one, err := a.signature(hash)
		if err != nil {
			t.Fatal(err)
		}
		two, err := b.signature(hash)
		if err != nil {
			t.Fatal(err)
		}
		if hmac.Equal(one, two) != (a == b) {
			t.Errorf("%+v and %+v: one signature, two links", a, b)
		}
	})
}
