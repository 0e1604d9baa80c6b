package webhook

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"zego.com/workprovider/pkg/fault"
)

// Secret is what a work provider shares with us to verify our signatures: "whsec_" and base64. It is stored, as it has
// to be, but shown once only.
type Secret string

const secretPrefix = "whsec_"

// How many bytes a secret may have, as Standard Webhooks asks, and how many a drawn one has.
const (
	minSecret   = 24
	maxSecret   = 64
	drawnSecret = 32
)

// NewSecret draws a secret.
func NewSecret() Secret {
	key := make([]byte, drawnSecret)
	rand.Read(key) // never fails: the runtime stops the program instead
	return Secret(secretPrefix + base64.StdEncoding.EncodeToString(key))
}

// ParseSecret reads a secret that somebody else drew. The fault does not repeat it.
func ParseSecret(text string) (Secret, error) {
	s := Secret(strings.TrimSpace(text))
	key, err := s.key()
	if err != nil || len(key) < minSecret || len(key) > maxSecret {
		return "", fault.InvalidField("secret", "A secret must be whsec_ and the base64 of 24 to 64 random bytes.")
	}
	return s, nil
}

func (s Secret) key() ([]byte, error) {
	text, ok := strings.CutPrefix(string(s), secretPrefix)
	if !ok {
		return nil, fault.New(fault.InvalidData, "no secret")
	}
	return base64.StdEncoding.DecodeString(text)
}

// String keeps a secret out of logs and errors.
func (Secret) String() string { return "whsec_…" }

// sign is the value of the header webhook-signature (Standard Webhooks 1.0): one signature for each secret, so that a
// receiver which knows any of them can verify it.
func sign(id string, at time.Time, body []byte, secrets []Secret) string {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		key, _ := secret.key() // was checked before it was stored
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", id, at.Unix(), body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}
