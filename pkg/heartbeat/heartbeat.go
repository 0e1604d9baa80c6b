// Package heartbeat sends an event of Zego's own work provider through the whole API, and measures the time from its
// acceptance (202) to its application. It detects failures that no metric of a single service shows: a queue whose
// messages all fail looks empty, and a function that reports failed messages has no errors.
//
// The event is a login with an ID that no customer has, so it insures no one. Each hour has its own ID, which keeps the
// items of the table small.
package heartbeat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/observe"
)

const (
	requestTimeout = 10 * time.Second
	pollInterval   = time.Second
	// maxLatency is how long an event may stay pending. The function that waits for it may run ten seconds longer.
	maxLatency = 50 * time.Second
)

var errPending = errors.New("the event was still pending")

// Heartbeat calls one API with one key.
type Heartbeat struct {
	client   *http.Client
	url, key string
}

// New returns the heartbeat of the API at SITE_URL, with the API key HEARTBEAT_KEY.
func New(env *config.Env) *Heartbeat {
	return &Heartbeat{
		client: &http.Client{Timeout: requestTimeout},
		url:    env.Get("SITE_URL"),
		key:    env.Get("HEARTBEAT_KEY"),
	}
}

// Run sends one event, waits until it is applied and reports its latency as the metric observe.HeartbeatLatency. A
// failure is logged and sends no value, which triggers the alarm.
func (h *Heartbeat) Run(ctx context.Context) error {
	latency, err := h.Beat(ctx)
	if err != nil {
		slog.ErrorContext(ctx, "heartbeat failed", "error", err)
		return nil
	}
	observe.RecordHeartbeat(ctx, latency)
	return nil
}

// Beat sends one event and returns the time from its acceptance to its application.
func (h *Heartbeat) Beat(ctx context.Context) (time.Duration, error) {
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"workProviderUserId":"heartbeat-%s","timestamp":"%s"}`,
		now.Format("2006-01-02T15"), now.Format(time.RFC3339))
	response, err := h.call(ctx, http.MethodPost, "/v1/shift/login/", body, http.StatusAccepted, nil)
	if err != nil {
		return 0, err
	}
	accepted := time.Now()
	deadline, cancel := context.WithDeadlineCause(ctx, accepted.Add(maxLatency), errPending)
	defer cancel()
	for {
		var event struct{ State string }
		location := response.Header.Get("Location")
		if _, err := h.call(deadline, http.MethodGet, location, "", http.StatusOK, &event); err != nil {
			return 0, errors.Join(err, context.Cause(deadline))
		}
		if event.State != "PENDING" {
			return time.Since(accepted), nil
		}
		select {
		case <-deadline.Done():
			return 0, context.Cause(deadline)
		case <-time.After(pollInterval):
		}
	}
}

// call makes one request and reads its JSON body into the given value, unless that is nil. Another status is an error.
func (h *Heartbeat) call(ctx context.Context, method, path, body string, status int, into any) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, h.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", h.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := h.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != status {
		return nil, fmt.Errorf("%s %s: status %d", method, path, response.StatusCode)
	}
	if into == nil {
		return response, nil
	}
	return response, json.NewDecoder(response.Body).Decode(into)
}
