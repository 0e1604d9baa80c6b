package heartbeat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/observe"
)

// api stands for the whole API: it accepts an event, which is pending for a number of reads.
type api struct {
	accept  int // the status of the login
	read    int // the status of reading the event
	pending int
}

func (a *api) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	switch {
	case r.Header.Get("Authorization") != "zego_live_key":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodPost && r.URL.Path == "/live/v1/shift/login/":
		var login struct{ WorkProviderUserID, Timestamp string }
		body, _ := io.ReadAll(r.Body)
		if err := json.Unmarshal(body, &login); err != nil || !strings.HasPrefix(login.WorkProviderUserID, "heartbeat-") ||
			login.Timestamp == "" {
			w.WriteHeader(http.StatusBadRequest)
			break
		}
		w.Header().Set("Location", "/v2/event/e1")
		w.WriteHeader(a.accept)
	case r.Method == http.MethodGet && r.URL.Path == "/live/v2/event/e1":
		w.WriteHeader(a.read)
		state := "UNMATCHED"
		if a.pending > 0 {
			a.pending--
			state = "PENDING"
		}
		_, _ = fmt.Fprintf(w, `{"id":"e1","state":%q}`, state)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

// A heartbeat is counted when its event was applied in time, and at no other time.
func TestRun(t *testing.T) {
	for name, test := range map[string]struct {
		api  api
		key  string
		want string // of the log line
	}{
		"applied at once":   {api{accept: 202, read: 200}, "zego_live_key", `"HeartbeatLatency":0`},
		"applied after 3 s": {api{accept: 202, read: 200, pending: 3}, "zego_live_key", `"HeartbeatLatency":3000`},
		"never applied":     {api{accept: 202, read: 200, pending: 1000}, "zego_live_key", errPending.Error()},
		"not accepted":      {api{accept: 503}, "zego_live_key", "POST /v1/shift/login/: status 503"},
		"not readable":      {api{accept: 202, read: 500}, "zego_live_key", "GET /v2/event/e1: status 500"},
		"no such key":       {api{}, "zego_live_other", "status 401"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			previous := slog.Default()
			slog.SetDefault(slog.New(observe.NewJSONHandler(&log)))
			defer slog.SetDefault(previous)
			synctest.Test(t, func(t *testing.T) {
				h := New(config.From(map[string]string{"SITE_URL": "https://api.example.com/live", "HEARTBEAT_KEY": test.key}))
				h.client.Transport = &test.api
				if err := h.Run(t.Context()); err != nil {
					t.Error(err)
				}
			})
			if !strings.Contains(log.String(), test.want) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("logged %s, want %s", &log, test.want)
			}
			if counted := strings.Contains(log.String(), observe.HeartbeatLatency); counted != strings.HasPrefix(
				name,
				"applied",
			) {
				t.Errorf("counted: %v", counted)
			}
			if strings.Contains(log.String(), test.key) {
				t.Errorf("the key is in the log: %s", &log)
			}
		})
	}
}
