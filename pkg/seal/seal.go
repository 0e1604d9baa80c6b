// Package seal makes ids that are opaque to clients and hold the data themselves.
//
// The id of an event is the event itself, encrypted: deterministic authenticated encryption (AES-SIV, RFC 5297), with
// the work provider as associated data. So accepting an event writes nothing but the queue message, one event has one
// id however often it is sent, an id in a log reveals nothing, and one that is forged, truncated or another provider's
// is indistinguishable from an unknown one.
package seal

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"

	"github.com/tink-crypto/tink-go/v2/daead/subtle"

	"zego.com/workprovider/pkg/config"
)

// Sealer seals with the newest key, and opens with all of them, so that a key can be rotated without a moment in which
// an id is unknown: first every reader gets the new key at the end of its list, then it moves to the front.
type Sealer struct {
	keys []key
}

// key is one version of the key.
type key struct {
	version byte
	siv     *subtle.AESSIV
}

// ErrUnknown means that an id was not made with these keys for that purpose and work provider.
var ErrUnknown = errors.New("seal: unknown id")

// NewFromEnv returns a sealer with the keys in EVENT_ID_KEYS: version:key, separated by commas, the one to seal with
// first. A version is a number from 1 to 255 that is never reused; a key is 64 random bytes in standard base64. They
// come with the deployment, so that a cold start makes no call for them.
func NewFromEnv(env *config.Env) *Sealer {
	const variable = "EVENT_ID_KEYS"
	s, err := New(env.Get(variable))
	if err != nil && env.Optional(variable, "") != "" {
		env.Invalid(variable, err.Error())
	}
	return s
}

// New returns a sealer with keys in the format of EVENT_ID_KEYS.
func New(keys string) (*Sealer, error) {
	var s Sealer
	for _, item := range strings.Split(keys, ",") {
		version, encoded, _ := strings.Cut(strings.TrimSpace(item), ":")
		n, err := strconv.ParseUint(version, 10, 8)
		if err != nil || n == 0 {
			return nil, errors.New("must be a list of version:key with versions from 1 to 255")
		}
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, errors.New("has a key that is not base64")
		}
		siv, err := subtle.NewAESSIV(secret)
		if err != nil {
			return nil, errors.New("has a key that is not 64 bytes long")
		}
		s.keys = append(s.keys, key{byte(n), siv})
	}
	return &s, nil
}

// Seal returns the id of plain for that purpose and work provider: letters, digits, '-' and '_', 4 per 3 bytes of plain
// and of the 17 bytes that are added to it.
func (s *Sealer) Seal(purpose, provider string, plain []byte) string {
	k := s.keys[0]
	sealed, err := k.siv.EncryptDeterministically(plain, associatedData(purpose, provider))
	if err != nil {
		panic(err) // only for a plain text of gigabytes
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte{k.version}, sealed...))
}

// Open returns what Seal sealed; ErrUnknown for everything else.
func (s *Sealer) Open(purpose, provider, id string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(b) == 0 {
		return nil, ErrUnknown
	}
	for _, k := range s.keys {
		if k.version != b[0] {
			continue
		}
		if plain, err := k.siv.DecryptDeterministically(b[1:], associatedData(purpose, provider)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrUnknown
}

// associatedData binds an id to its purpose and provider; neither contains a zero byte.
func associatedData(purpose, provider string) []byte { return []byte(purpose + "\x00" + provider) }
