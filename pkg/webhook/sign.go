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

// Secret is the secret with which a work provider verifies our signatures: "whsec_" and base64. It is stored as plain
// text, because signing needs it, but shown only once.
type Secret string

const secretPrefix = "whsec_"

// Lengths of secrets in bytes: the limits of Standard Webhooks, and that of a generated one.
const (
	minSecretLen       = 24
	maxSecretLen       = 64
	generatedSecretLen = 32
)

// NewSecret generates a secret.
func NewSecret() Secret {
	key := make([]byte, generatedSecretLen)
	rand.Read(key) // never fails: the runtime stops the program instead
	return Secret(secretPrefix + base64.StdEncoding.EncodeToString(key))
}

// ParseSecret parses a secret that was generated elsewhere. The fault does not contain it.
func ParseSecret(text string) (Secret, error) {
	s := Secret(strings.TrimSpace(text))
	key, err := s.key()
	if err != nil || len(key) < minSecretLen || len(key) > maxSecretLen {
		return "", fault.InvalidField("secret", "A secret must be `whsec_` followed by the base64 of 24 to 64 random bytes.")
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

// sign returns the value of the header webhook-signature (Standard Webhooks 1.0): one signature per secret, so that a
// receiver with any of them can verify it.
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
