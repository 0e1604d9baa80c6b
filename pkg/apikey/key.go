// Package apikey keeps the work providers and their API keys, and finds the work provider whose key a request carries.
//
//	key.go            the format of an API key
//	store.go          the items of work providers and keys, as operators change them
//	lookup.go         the work provider of a key, as the API's functions read it
//	cache.go          the same, read at most once per key in 45 seconds
//	request_limit.go  how many requests a work provider can send
//	link.go           links that are signed with a key
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash/crc32"
	"math/big"
	"strings"
)

// An API key reads
//
//	zego_live_  1DkrZAp3M0x8vQq5cWbTnE7gUyR  2fJ9sK
//	prefix      160 random bits              CRC-32 of all before it
//
// both numbers in base 62 and of fixed width. A sandbox's begins with zego_test_ instead: neither side accepts the
// other's, whatever is stored. The prefix lets secret scanners find a key that was published by mistake. The checksum
// tells a mistyped or invented key without reading the storage; it protects nothing else.
const (
	livePrefix    = "zego_live_"
	testPrefix    = "zego_test_" // as long as the other
	randomBytes   = 20
	randomWidth   = 27 // 62^27 > 2^160
	checksumWidth = 6  // 62^6 > 2^32
	keyLength     = len(livePrefix) + randomWidth + checksumWidth
)

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// generateKey returns a new random key.
func generateKey(prefix string) string {
	var random [randomBytes]byte
	rand.Read(random[:]) // never fails: the runtime stops the program instead
	head := prefix + inBase62(new(big.Int).SetBytes(random[:]), randomWidth)
	return head + checksum(head)
}

// wellFormed reports whether the text can be a key: all that is known of it without reading the storage.
func wellFormed(prefix, key string) bool {
	if len(key) != keyLength || !strings.HasPrefix(key, prefix) {
		return false
	}
	head := key[:keyLength-checksumWidth]
	sum := key[keyLength-checksumWidth:]
	return sum == checksum(head)
}

func checksum(head string) string {
	sum := crc32.ChecksumIEEE([]byte(head))
	var digits [checksumWidth]byte
	for i := checksumWidth - 1; i >= 0; i-- {
		digits[i] = base62[sum%uint32(len(base62))]
		sum /= uint32(len(base62))
	}
	return string(digits[:])
}

// inBase62 writes n with leading zeros to width digits. (big.Int.Text(62) has its letters in another order, and no
// width.)
func inBase62(n *big.Int, width int) string {
	digits := make([]byte, width)
	base := big.NewInt(int64(len(base62)))
	digit := new(big.Int)
	n = new(big.Int).Set(n)
	for i := width - 1; i >= 0; i-- {
		n.DivMod(n, base, digit)
		digits[i] = base62[digit.Int64()]
	}
	return string(digits)
}

// hashKey returns what a key is stored and found by: its SHA-256 in hexadecimal. A plain hash is enough for a secret of
// 160 random bits, which cannot be guessed.
func hashKey(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// keyIDLength is how much of the hash names a key to operators: enough to tell one provider's keys apart, and of no use
// for finding the key.
const keyIDLength = 8

func keyIDOf(hash string) string { return hash[:keyIDLength] }
