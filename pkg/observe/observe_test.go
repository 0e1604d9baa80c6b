package observe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
)

// captureLog returns a buffer of the log until the test ends.
func captureLog(t *testing.T) *bytes.Buffer {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(NewJSONHandler(&log)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

// embedded is a log line by the specification of the embedded metric format.
type embedded struct {
	AWS struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []struct{ Name, Unit string }
		}
	} `json:"_aws"`
}

// extractMetrics returns the metrics of a line like CloudWatch, by names such as "Accepted{Provider=courier-ltd}".
func extractMetrics(t *testing.T, line []byte) map[string]string {
	t.Helper()
	var e embedded
	var members map[string]any
	if err := errors.Join(json.Unmarshal(line, &e), json.Unmarshal(line, &members)); err != nil {
		t.Fatal(err)
	}
	if age := time.Since(time.UnixMilli(e.AWS.Timestamp)); age < 0 || age > time.Hour {
		t.Errorf("the timestamp is %d", e.AWS.Timestamp)
	}
	values := map[string]string{}
	for _, group := range e.AWS.CloudWatchMetrics {
		for _, metric := range group.Metrics {
			for _, dimensions := range group.Dimensions {
				name := metric.Name
				for _, d := range dimensions {
					if value, ok := members[d].(string); !ok || value == "" {
						t.Errorf("the dimension %s has no value in %s", d, line)
					}
					name += fmt.Sprintf("{%s=%v}", d, members[d])
				}
				if members[metric.Name] == nil || group.Namespace != Namespace {
					t.Errorf("%s in %s has no value", metric.Name, group.Namespace)
				}
				values[name] = fmt.Sprint(members[metric.Name], " ", metric.Unit)
			}
		}
	}
	return values
}

func TestMetrics(t *testing.T) {
	for name, test := range map[string]struct {
		log  func(context.Context)
		want map[string]string
	}{
		"a tally": {Tally{Provider: "courier-ltd", Accepted: 7, Applied: 3, NoEffect: 2, Unmatched: 1, Rejected: 1,
			Voided: 1, Late: 2, Lateness: []time.Duration{2 * time.Hour, time.Second},
			Latencies: []time.Duration{1500 * time.Millisecond, time.Second}}.Log,
			map[string]string{
				"Applied": "3 Count", "NoEffect": "2 Count", "Unmatched": "1 Count", "EventLatency": "[1500 1000] Milliseconds",
				"Accepted": "7 Count", "Accepted{Provider=courier-ltd}": "7 Count",
				"Rejected": "1 Count", "Rejected{Provider=courier-ltd}": "1 Count",
				"Voided": "1 Count", "RejectedShare{Provider=courier-ltd}": "12 Percent",
				"LateShare{Provider=courier-ltd}": "28 Percent", "Lateness": "[7200 1] Seconds",
				"Lateness{Provider=courier-ltd}": "[7200 1] Seconds",
			}},
		"zero counts": {Tally{Provider: "courier-ltd", Accepted: 1}.Log,
			map[string]string{"Accepted": "1 Count", "Accepted{Provider=courier-ltd}": "1 Count",
				"LateShare{Provider=courier-ltd}": "0 Percent"}},
		"a webhook without a receiver": {func(ctx context.Context) { WebhookNotFound(ctx, "courier-ltd", 5) },
			map[string]string{"WebhookNotFound": "1 Count", "WebhookNotFound{Provider=courier-ltd}": "1 Count"}},
		"a dead letter": {func(ctx context.Context) { DeadLetter(ctx, "m-1", "retries exhausted") },
			map[string]string{"DeadLettered": "1 Count"}},
		"failed messages": {func(ctx context.Context) { RecordFailures(ctx, 3) },
			map[string]string{"Failed": "3 Count"}},
		"a heartbeat": {func(ctx context.Context) { RecordHeartbeat(ctx, 1500*time.Millisecond) },
			map[string]string{"HeartbeatLatency": "1500 Milliseconds"}},
		"a deprecated name": {func(ctx context.Context) { Deprecation(ctx, "courier-ltd", "driverId") },
			map[string]string{"Deprecated": "1 Count", "Deprecated{Provider=courier-ltd}": "1 Count",
				"Deprecated{Provider=courier-ltd}{Feature=driverId}": "1 Count"}},
		"a deprecated name on a page": {func(ctx context.Context) { Deprecation(ctx, "", "wp") },
			map[string]string{"Deprecated": "1 Count"}},
	} {
		t.Run(name, func(t *testing.T) {
			log := captureLog(t)
			test.log(WithRequestID(t.Context(), "r-1"))
			if got := extractMetrics(t, log.Bytes()); fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got %v\nwant %v", got, test.want)
			}
			if !strings.Contains(log.String(), `"requestId":"r-1"`) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// Without a count, and with a discarding handler, nothing is logged.
func TestEmptyTally(t *testing.T) {
	log := captureLog(t)
	Tally{Provider: "courier-ltd"}.Log(t.Context())
	RecordFailures(t.Context(), 0)
	slog.SetDefault(slog.New(slog.DiscardHandler))
	Tally{Provider: "courier-ltd", Accepted: 1}.Log(t.Context())
	if log.Len() > 0 {
		t.Errorf("logged %s", log)
	}
}

// apiError is an error as the services' clients return it.
type apiError struct{ code, message string }

func (e apiError) Error() string        { return "api error " + e.code + ": " + e.message }
func (e apiError) ErrorCode() string    { return e.code }
func (e apiError) ErrorMessage() string { return e.message }

// Messages of services may quote the request.
func TestRedaction(t *testing.T) {
	failure := fmt.Errorf("operation DynamoDB: GetItem: %w", apiError{"ValidationException", "no key driver@example.com"})
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"JSON": func(b *bytes.Buffer) slog.Handler { return NewJSONHandler(b) },
		"text": func(b *bytes.Buffer) slog.Handler { return NewTextHandler(b) },
	} {
		var log bytes.Buffer
		slog.New(handler(&log)).
			With("function", "f").
			WithGroup("g").
			Error("failed", "error", failure, "other", errors.New("plain"), "none", apiError{code: "Silent"})
		for _, want := range []string{"operation DynamoDB: GetItem: api error ValidationException: …", "plain", "Silent",
			"function"} {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: %q is not in %s", name, want, &log)
			}
		}
		if strings.Contains(log.String(), "driver@") || strings.Contains(log.String(), "requestId") {
			t.Errorf("%s: logged %s", name, &log)
		}
	}
}

// On one's own machine a tally is for people.
func TestTextHandler(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	defer slog.SetDefault(before)
	slog.SetDefault(slog.New(NewTextHandler(&log)))
	Tally{Provider: "courier-ltd", Accepted: 2, Applied: 2}.Log(t.Context())
	words := strings.Fields(log.String())
	if !slices.Contains(words, "Accepted=2") || strings.Contains(log.String(), "_aws") {
		t.Errorf("logged %s", &log)
	}
}
