package apikey

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// MaxLinkLifetime is how far ahead a signed link may expire.
const MaxLinkLifetime = 7 * 24 * time.Hour

// Link is what a work provider's link says of a person, as it stands in the link's query once that is decoded.
type Link struct {
	WorkProvider string // the name, in the spelling of the query
	UserID       string // the workProviderUserId
	Email        string // "" if the link has none
	Expires      int64  // seconds since the Unix epoch
}

// text returns what is signed: the four values, a line feed before each. None of them has one, so no two links have the
// same text.
func (l Link) text() []byte {
	return fmt.Appendf(nil, "zego-link-1\n%s\n%s\n%s\n%d", l.WorkProvider, l.UserID, l.Email, l.Expires)
}

// signature returns the HMAC-SHA256 of the link under the SHA-256 of an API key, which is all that is stored of the key
// (ADR 34).
func (l Link) signature(keyHash string) ([]byte, error) {
	secret, err := hex.DecodeString(keyHash)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(l.text())
	return mac.Sum(nil), nil
}

// Sign returns the id of an API key, and the link's signature with it in hexadecimal. A text that is no key is
// InvalidKey.
func (l Link) Sign(key string) (keyID, signature string, err error) {
	if !wellFormed(livePrefix, key) && !wellFormed(testPrefix, key) {
		return "", "", fault.New(fault.InvalidKey, "The key is not well-formed")
	}
	hash := hashKey(key)
	mac, err := l.signature(hash)
	return keyIDOf(hash), hex.EncodeToString(mac), err
}

// VerifyLink reports whether a link of the work provider was signed with its key of that id, which still works, and has
// not expired. One read. Error: Unavailable.
func (l keyLookup) VerifyLink(
	ctx context.Context, providerID string, link Link, keyID, signature string, now time.Time,
) (bool, error) {
	expires := time.Unix(link.Expires, 0)
	given, err := hex.DecodeString(signature)
	if err != nil || len(keyID) != keyIDLength || strings.Contains(link.WorkProvider+link.Email, "\n") ||
		!now.Before(expires) || expires.Sub(now) > MaxLinkLifetime {
		return false, nil
	}
	var key providerKeyItem
	partition := table.ProviderPartition(providerID)
	found, err := table.GetItem(ctx, l.table, partition, table.ProviderKeySort(keyID), &key)
	if err != nil || !found || !live(key.Revoked, now) {
		return false, err
	}
	want, err := link.signature(key.Hash)
	return err == nil && hmac.Equal(given, want), nil
}
