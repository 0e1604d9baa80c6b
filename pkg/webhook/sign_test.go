package webhook

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
)

// The vector that all official libraries of Standard Webhooks are tested with.
func TestSignOfficialVector(t *testing.T) {
	got := sign(
		"msg_p5jXN8AQM9LWM0D4loKWxJek",
		time.Unix(1614265330, 0),
		[]byte(`{"test": 2432232314}`),
		[]Secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"},
	)
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// The official Go library accepts what we sign, with each of the secrets and with no other, and nothing altered.
func TestOfficialVerifier(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secrets := []Secret{NewSecret(), NewSecret()}[:rapid.IntRange(1, 2).Draw(t, "secrets")]
		id := rapid.StringMatching(`[a-zA-Z0-9_-]{1,40}`).Draw(t, "id")
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0)
		header := func(id string) http.Header {
			return http.Header{
				"Webhook-Id":        {id},
				"Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
				"Webhook-Signature": {sign(id, at, body, secrets)},
			}
		}
		for _, secret := range secrets {
			verifier, err := standardwebhooks.NewWebhook(string(secret))
			if err != nil {
				t.Fatal(err)
			}
			if err := verifier.VerifyIgnoringTimestamp(body, header(id)); err != nil {
				t.Fatal(err)
			}
			if verifier.VerifyIgnoringTimestamp(append(body, 'x'), header(id)) == nil {
				t.Fatal("an altered body was accepted")
			}
			other := header(id)
			other.Set("Webhook-Id", id+"x")
			if verifier.VerifyIgnoringTimestamp(body, other) == nil {
				t.Fatal("another id was accepted")
			}
		}
		stranger, _ := standardwebhooks.NewWebhook(string(NewSecret()))
		if stranger.VerifyIgnoringTimestamp(body, header(id)) == nil {
			t.Fatal("a stranger's secret verifies")
		}
	})
}

func TestSecrets(t *testing.T) {
	drawn := NewSecret()
	if got, err := ParseSecret(" " + string(drawn) + "\n"); err != nil || got != drawn {
		t.Error(got, err)
	}
	for _, text := range []string{"", "whsec_", "whsec_MfKQ9r8GKYqrTwjUPD8=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_!", "whsec_" + strings.Repeat("AAAA", 22)} {
		_, err := ParseSecret(text)
		if err == nil || fault.KindOf(err) != fault.InvalidData ||
			text != "" && strings.Contains(err.Error(), text) && text != "whsec_" {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, verb := range []string{"%v", "%s", "%+v"} {
		shown := fmt.Sprintf(verb, Settings{Secrets: []SharedSecret{{Secret: drawn}}})
		if strings.Contains(shown, string(drawn)[6:]) {
			t.Errorf("%s shows the secret", verb)
		}
	}
}
