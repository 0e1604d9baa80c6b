package account

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"
	"golang.org/x/text/unicode/norm"

	"golang.org/x/crypto/argon2"
)

// A password is hashed by argon2id, at the parameters that OWASP's password storage cheat sheet recommends. They stand
// in every hash, so that they can be raised later: a hash made with others still verifies.
const (
	argonMemory  = 19 * 1024 // KiB
	argonTime    = 2
	argonThreads = 1
	argonSalt    = 16 // bytes
	argonKey     = 32 // bytes
)

// The shortest and the longest password, in characters. NIST SP 800-63B asks for length, and for no kinds of
// characters.
const (
	minPasswordLength = 12
	maxPasswordLength = 128
)

// CheckPasswordStrength returns what is wrong with a new password, as a sentence for its owner; "" if nothing is.
func CheckPasswordStrength(password, email string) string {
	password = normalisePassword(password)
	switch n := utf8.RuneCountInString(password); {
	case n == 0:
		return "Choose a password."
	case n < minPasswordLength:
		return fmt.Sprintf("Use at least %d characters. Three or four random words do well.", minPasswordLength)
	case n > maxPasswordLength:
		return fmt.Sprintf("Use at most %d characters.", maxPasswordLength)
	case strings.EqualFold(password, email),
		strings.Trim(password, password[:1]) == "",
		strings.Contains("12345678901234567890abcdefghijklmnopqrstuvwxyz", strings.ToLower(password)):
		return tooEasy
	case isCommon(password):
		return tooEasy
	}
	return ""
}

const tooEasy = "This password is too easy to guess. Try three or four random words."

// commonPasswords are the 30,000 most frequent ones of leaked lists, as zxcvbn has them.
var commonPasswords = sync.OnceValue(func() map[string]bool {
	common := make(map[string]bool)
	for _, password := range frequency.FrequencyLists["passwords"] {
		common[password] = true
	}
	return common
})

// isCommon reports whether a password is a common one, or a common one of four characters or more that is repeated, or
// that has digits and punctuation around it.
func isCommon(password string) bool {
	lower := strings.ToLower(password)
	for _, candidate := range []string{lower, strings.TrimFunc(lower, func(r rune) bool { return !unicode.IsLetter(r) })} {
		unit := candidate
		for length := 1; length <= len(candidate)/2; length++ {
			if strings.Repeat(candidate[:length], len(candidate)/length) == candidate {
				unit = candidate[:length]
				break
			}
		}
		if len(unit) >= 4 && commonPasswords()[unit] {
			return true
		}
	}
	return false
}

// normalisePassword returns the form of a password that is hashed: keyboards type the same letter as different code
// points (NIST SP 800-63B, section 5.1.1.2).
func normalisePassword(password string) string { return norm.NFKC.String(password) }

// HashPassword returns the hash of a password with a salt of its own, in the PHC string format.
func HashPassword(password string) string {
	salt := make([]byte, argonSalt)
	rand.Read(salt) // never fails: the runtime stops the program instead
	key := argon2.IDKey([]byte(normalisePassword(password)), salt, argonTime, argonMemory, argonThreads, argonKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// dummyHash is what a password is verified against where there is no account, so that it takes as long: no password has
// it.
var dummyHash = fmt.Sprintf(
	"$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonThreads,
	strings.Repeat("A", base64.RawStdEncoding.EncodedLen(argonSalt)),
	strings.Repeat("A", base64.RawStdEncoding.EncodedLen(argonKey)),
)

// VerifyPassword reports whether a hash is that of the password. No password has the hash "", which takes as long to
// verify as any other; a hash that cannot be read has none either.
func VerifyPassword(hash, password string) bool {
	if hash == "" {
		hash = dummyHash
	}
	var version int
	var memory, time uint32
	var threads uint8
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[1] != "argon2id" || len(password) > 4*maxPasswordLength {
		return false
	}
	if _, err := fmt.Sscanf(fields[2], "v=%d", &version); err != nil || version != argon2.Version {
		return false
	}
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &time, &threads); err != nil || time == 0 ||
		threads == 0 {
		return false
	}
	salt, errSalt := base64.RawStdEncoding.DecodeString(fields[4])
	key, errKey := base64.RawStdEncoding.DecodeString(fields[5])
	if errSalt != nil || errKey != nil || len(key) != argonKey {
		return false
	}
	return subtle.ConstantTimeCompare(
		key,
		argon2.IDKey([]byte(normalisePassword(password)), salt, time, memory, threads, argonKey),
	) == 1
}
