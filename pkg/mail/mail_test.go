package mail

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
)

func TestSending(t *testing.T) {
	env := emulator.NewTestEnv(t)
	if err := emulator.VerifySender(t.Context(), env.AWS()); err != nil {
		t.Fatal(err)
	}
	sent := Message{To: "ola@example.com", Subject: "Grüße", Text: "One\n\nTwo https://work.zego.example/x?y=1&z=2\n"}
	if err := NewSES(env).Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	mails, err := emulator.Outbox(t.Context(), *env.AWS().BaseEndpoint)
	if err != nil || len(mails) != 1 {
		t.Fatalf("%d mails, %v", len(mails), err)
	}
	got := mails[0]
	if len(got.To) != 1 || got.To[0] != sent.To || got.Subject != sent.Subject || got.Text != sent.Text ||
		got.Sent.IsZero() {
		t.Errorf("%+v", got)
	}
}

// SES's own words hold the addresses it refuses; ours do not.
func TestSendErrors(t *testing.T) {
	env := emulator.NewTestEnv(t)
	other := config.From(map[string]string{"MAIL_FROM": "stranger@elsewhere.example"})
	other.SetAWS(env.AWS())
	err := NewSES(other).Send(t.Context(), Message{To: "ola@example.com", Subject: "s", Text: "t"})
	if err == nil || fault.KindOf(err) != fault.Unavailable {
		t.Fatalf("%v", err)
	}
	if strings.Contains(err.Error(), "@") || !strings.Contains(err.Error(), "MessageRejected") {
		t.Errorf("the error is %v", err)
	}
}

// An address that SES rejects for good is the sender's to correct, and no failure of ours.
func TestRejectedAddress(t *testing.T) {
	ses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-ErrorType", "BadRequestException")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"message":"Local address contains control or whitespace: ola@example.com"}`))
	}))
	defer ses.Close()
	env := config.From(map[string]string{"MAIL_FROM": "zego@example.com"})
	cfg := emulator.NewTestEnv(t).AWS()
	cfg.BaseEndpoint = &ses.URL
	env.SetAWS(cfg)
	err := NewSES(env).Send(t.Context(), Message{To: "ola@example.com", Subject: "s", Text: "t"})
	if err == nil || fault.KindOf(err) != fault.InvalidData || strings.Contains(err.Error(), "ola") {
		t.Errorf("%v", err)
	}
}

func TestMissingAddress(t *testing.T) {
	env := config.From(nil)
	NewSES(env)
	if err := env.Err(); err == nil || !strings.Contains(err.Error(), "MAIL_FROM") {
		t.Errorf("%v", err)
	}
}
