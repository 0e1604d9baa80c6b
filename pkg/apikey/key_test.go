package apikey

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestGenerateKey(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		key := generateKey(livePrefix)
		if !wellFormed(livePrefix, key) || !strings.HasPrefix(key, "zego_live_") || len(key) != 43 {
			t.Fatalf("a minted key of %d characters is not well formed", len(key))
		}
		if seen[key] {
			t.Fatal("the same key was drawn twice")
		}
		seen[key] = true
	}
}

// keyOf is a well-formed key of the given random number.
func keyOf(random []byte) string {
	head := livePrefix + inBase62(new(big.Int).SetBytes(random), randomWidth)
	return head + checksum(head)
}

func drawKey(t *rapid.T) string {
	return keyOf(rapid.SliceOfN(rapid.Byte(), randomBytes, randomBytes).Draw(t, "random"))
}

func TestKeyFormatProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		if key := drawKey(t); !wellFormed(livePrefix, key) {
			t.Fatalf("%s is refused", key)
		}
	})
}

func TestKeyEntropy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		random := rapid.SliceOfN(rapid.Byte(), randomBytes, randomBytes).Draw(t, "random")
		back := new(big.Int)
		for _, digit := range strings.TrimPrefix(keyOf(random), livePrefix)[:randomWidth] {
			back.Mul(back, big.NewInt(62)).Add(back, big.NewInt(int64(strings.IndexRune(base62, digit))))
		}
		if want := new(big.Int).SetBytes(random); back.Cmp(want) != 0 {
			t.Fatalf("%x became %x", want, back)
		}
	})
}

// CRC-32 finds every error of at most 32 neighbouring bits, so neither of the two usual slips can pass.
func TestKeyChecksumSubstitution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := []byte(drawKey(t))
		i := rapid.IntRange(0, len(key)-1).Draw(t, "place")
		other := rapid.SampledFrom([]byte(base62+"_- ")).Filter(func(b byte) bool { return b != key[i] }).Draw(t, "character")
		key[i] = other
		if wellFormed(livePrefix, string(key)) {
			t.Fatalf("%s is taken", key)
		}
	})
}

func TestKeyChecksumTransposition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := []byte(drawKey(t))
		border := len(key) - checksumWidth - 1 // a swap across it changes both the number and the checksum
		i := rapid.IntRange(0, len(key)-2).
			Filter(func(i int) bool { return i != border && key[i] != key[i+1] }).
			Draw(t, "place")
		key[i], key[i+1] = key[i+1], key[i]
		if wellFormed(livePrefix, string(key)) {
			t.Fatalf("%s is taken", key)
		}
	})
}

func TestKeyCase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := drawKey(t)
		if lower := strings.ToLower(key); lower != key && wellFormed(livePrefix, lower) {
			t.Fatalf("%s is taken in lower case", key)
		}
		if wellFormed(livePrefix, strings.ToUpper(key)) {
			t.Fatalf("%s is taken in upper case", key)
		}
	})
}

func TestMalformedKeys(t *testing.T) {
	good := keyOf(make([]byte, randomBytes))
	for name, text := range map[string]string{
		"empty":            "",
		"the prefix alone": livePrefix,
		"cut short":        good[:len(good)-1],
		"one more":         good + "0",
		"another prefix":   "zego_test_" + good[len(livePrefix):],
		"a long one":       strings.Repeat(good, 1000),
	} {
		if wellFormed(livePrefix, text) {
			t.Errorf("%s: taken", name)
		}
	}
}

// Keys are kept by work providers for years: what was issued once must stay well formed.
func TestKeyFormat(t *testing.T) {
	if !wellFormed(livePrefix, "zego_live_0123456789ABCDEFGHIJKLMNOPQ"+"10urED") {
		t.Error("a key that was issued before is refused")
	}
}
