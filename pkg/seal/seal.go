// Package seal makes ids that tell their bearer nothing and us everything.
//
// The id of an event is the event itself, sealed: deterministic authenticated encryption (AES-SIV, RFC 5297), with the
// work provider as associated data. So accepting an event writes nothing but the queue message, one event has one id
// however often it is sent, an id in a log gives nothing away, and one that is forged, cut or another provider's cannot
// be told from one that is unknown.
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

// ErrUnknown is met when an id is none that these keys made for that purpose.
var ErrUnknown = errors.New("seal: unknown id")

// From reads the keys from EVENT_ID_KEYS: version:key, separated by commas, the one to seal with first. A version is a
// number from 1 to 255 that is never used again; a key is 64 random bytes in standard base64. They come with the
// deployment, so that a cold start makes no call for them.
func From(env *config.Env) *Sealer {
	const variable = "EVENT_ID_KEYS"
	s, err := New(env.Get(variable))
	if err != nil && env.Optional(variable, "") != "" {
		env.Reject(variable, err.Error())
	}
	return s
}

// New reads the keys in the same form.
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

// Seal is the id of plain for that purpose and work provider: letters, digits, '-' and '_', 4 for every 3 bytes of plain and the 17
// bytes more that a seal takes.
func (s *Sealer) Seal(purpose, provider string, plain []byte) string {
	k := s.keys[0]
	sealed, err := k.siv.EncryptDeterministically(plain, associated(purpose, provider))
	if err != nil {
		panic(err) // only for a plain text of gigabytes
	}
	return base64.RawURLEncoding.EncodeToString(append([]byte{k.version}, sealed...))
}

// Open is what Seal sealed; ErrUnknown for everything else.
func (s *Sealer) Open(purpose, provider, id string) ([]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(id)
	if err != nil || len(b) == 0 {
		return nil, ErrUnknown
	}
	for _, k := range s.keys {
		if k.version != b[0] {
			continue
		}
		if plain, err := k.siv.DecryptDeterministically(b[1:], associated(purpose, provider)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrUnknown
}

// associated ties an id to its purpose and provider; neither holds a zero byte.
func associated(purpose, provider string) []byte { return []byte(purpose + "\x00" + provider) }
