package seal

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/config"
)

// keyOf is a key list of one key of 64 equal bytes.
func keyOf(version int, fill byte) string {
	return fmt.Sprintf("%d:%s", version, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, 64)))
}

func sealer(t testing.TB, keys ...string) *Sealer {
	t.Helper()
	s, err := New(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealOpen(t *testing.T) {
	s := sealer(t, keyOf(1, 7))
	rapid.Check(t, func(t *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(t, "plain")
		id := s.Seal("event", "courier-ltd", plain)
		if again := s.Seal("event", "courier-ltd", plain); again != id {
			t.Fatal("one event has two ids")
		}
		got, err := s.Open("event", "courier-ltd", id)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %x, %v", got, err)
		}
		if strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("%q would have to be escaped in a path", id)
		}
	})
}

func TestForgedIDs(t *testing.T) {
	s := sealer(t, keyOf(1, 7))
	id := s.Seal("event", "courier-ltd", []byte("a fact"))
	flipped := []byte(id)
	for i := range flipped {
		flipped[i] ^= 1
		if _, err := s.Open("event", "courier-ltd", string(flipped)); err != ErrUnknown {
			t.Errorf("character %d changed: %v", i, err)
		}
		flipped[i] ^= 1
	}
	for name, open := range map[string]func() ([]byte, error){
		"another provider": func() ([]byte, error) { return s.Open("event", "parcels-co", id) },
		"another purpose":  func() ([]byte, error) { return s.Open("batch", "courier-ltd", id) },
		"cut":              func() ([]byte, error) { return s.Open("event", "courier-ltd", id[:len(id)-1]) },
		"empty":            func() ([]byte, error) { return s.Open("event", "courier-ltd", "") },
		"not base64":       func() ([]byte, error) { return s.Open("event", "courier-ltd", "1%") },
		"another key":      func() ([]byte, error) { return sealer(t, keyOf(1, 8)).Open("event", "courier-ltd", id) },
	} {
		if _, err := open(); err != ErrUnknown {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	old := keyOf(1, 7)
	fresh := keyOf(2, 9)
	before := sealer(t, old)
	during := sealer(t, old, fresh)
	after := sealer(t, fresh, old)
	for _, writer := range []*Sealer{before, during, after} {
		id := writer.Seal("event", "courier-ltd", []byte("a fact"))
		for i, reader := range []*Sealer{during, after} {
			if _, err := reader.Open("event", "courier-ltd", id); err != nil {
				t.Errorf("reader %d: %v", i, err)
			}
		}
	}
}

func TestMalformedKeyList(t *testing.T) {
	for _, keys := range []string{"x", "0:" + keyOf(1, 1)[2:], "256:AAAA", "1:AAAA", "1:no base64", keyOf(1, 1) + ",",
		"1"} {
		env := config.From(map[string]string{"EVENT_ID_KEYS": keys})
		NewFromEnv(env)
		err := env.Err()
		if err == nil || !strings.Contains(err.Error(), "EVENT_ID_KEYS") || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%q: %v", keys, err)
		}
	}
	env := config.From(nil)
	NewFromEnv(env)
	if err := env.Err(); err == nil || strings.Count(err.Error(), "EVENT_ID_KEYS") != 1 {
		t.Errorf("a missing list: %v", err)
	}
}
