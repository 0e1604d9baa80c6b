package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/webhook"
)

// openLink opens a link of Courier Ltd, and returns the token of what was opened.
func (v *visitor) openLink(userID, email string) string {
	v.t.Helper()
	query := url.Values{"work_provider": {"Courier Ltd"}, "work_provider_user_id": {userID}, "email": {email}}
	status, location, page := v.send("GET", "/v1/link-work-provider/?"+query.Encode(), nil)
	if status != http.StatusFound {
		v.t.Fatalf("%d %s", status, page)
	}
	_, token, _ := strings.Cut(location, "link=")
	return token
}

// eventually waits for something that happens behind queues.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !happened(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen", what)
		}
	}
}

// environmentOf is the environment of what runs with that state.
func environmentOf(t *testing.T, state string) *config.Env {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(state, "env"))
	if err != nil {
		t.Fatal(err)
	}
	variables := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		variables[name] = strings.Trim(value, "'")
	}
	return emulator.Env(variables)
}

// Whoever comes first with another's id does not get it: the work provider is asked with the id, says no, and the
// owner is linked.
func TestIDClaims(t *testing.T) {
	const id = "courier-77"
	var mu sync.Mutex
	received := map[string]string{} // the id that the receiver was told, by email
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var signUp struct{ Email, WorkProviderUserID string }
		if err := json.NewDecoder(r.Body).Decode(&signUp); err != nil {
			t.Error(err)
		}
		mu.Lock()
		received[signUp.Email] = signUp.WorkProviderUserID
		mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		if signUp.Email != "runner@example.com" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	at := options{root: "../..", state: t.TempDir(), port: "0"}
	serve(t, at, func(world demo.Data) {
		env := environmentOf(t, at.state)
		if _, err := webhook.NewStore(env).Set(t.Context(), "courier-ltd", receiver.URL, "", time.Now()); err != nil {
			t.Fatal(err)
		}
		key := world.WorkProviders[0].Key
		status := func() string {
			return call(t, key, "GET", world.URL+"/v1/user/status/?workProviderUserId="+id, "")
		}
		agree := func(email, address string) *visitor {
			v := newVisitor(t, world.URL, address)
			v.setPassword(email, "three words in a row")
			form := url.Values{"link": {v.openLink(id, email)}, "choice": {"agree"}}
			if status, _, page := v.send("POST", "/account/consent", form); status != http.StatusSeeOther {
				t.Fatalf("%d %s", status, page)
			}
			return v
		}
		agree("driver@example.com", "127.0.0.2")
		eventually(t, "the question about the attacker", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return received["driver@example.com"] == id
		})
		if got := status(); !strings.Contains(got, "INVALID_CUSTOMER") {
			t.Errorf("the attacker has the id: %s", got)
		}
		agree("runner@example.com", "127.0.0.3")
		eventually(t, "the link of the owner", func() bool { return strings.Contains(status(), "IT15K") })
	})
}
