package customer

import "crypto/rand"

// Customer numbers are read out on the telephone and copied by hand, so generated ones have no look-alikes (0 O, 1 I
// L, 2 Z, 5 S, 6 G, 8 B) and no vowels, which would spell words. 20 characters in 8 places make 25,600 million
// numbers: with a million of them taken, one of 25,600 new ones exists already, and is then generated again.
const (
	numberAlphabet = "3479CDFHJKMNPQRTVWXY"
	numberLength   = 8
)

// GenerateNumber returns a random customer number. Whether it is free is known by writing it.
func GenerateNumber() string {
	// A byte is used only if it lies below the greatest multiple of the alphabet's size, so that every character is
	// equally likely.
	const fair = 256 / len(numberAlphabet) * len(numberAlphabet)
	number := make([]byte, 0, numberLength)
	for random := make([]byte, 1); len(number) < numberLength; {
		rand.Read(random) // never fails: the runtime stops the program instead
		if int(random[0]) < fair {
			number = append(number, numberAlphabet[int(random[0])%len(numberAlphabet)])
		}
	}
	return string(number)
}

// validNumber reports whether a normalised customer number can be one: A-Z0-9. Imported numbers may have any of them.
func validNumber(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'A' || 'Z' < c) && (c < '0' || '9' < c) {
			return false
		}
	}
	return s != ""
}
