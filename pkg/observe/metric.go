package observe

import (
	"context"
	"log/slog"
	"time"
)

// Namespace is the CloudWatch namespace of all metrics.
const Namespace = "WorkProviderApi"

// LateAfter is how long after its instant an event is accepted that counts as late.
const LateAfter = time.Hour

// The metrics. All but the shares have values without a dimension; some also by work provider.
const (
	Accepted  = "Accepted"  // events received from the queue for the first time; by Provider
	Applied   = "Applied"   // events that opened, extended or closed a shift
	NoEffect  = "NoEffect"  // events that count, but change nothing
	Unmatched = "Unmatched" // events that wait for the customer's match
	Rejected  = "Rejected"  // events that do not count; by Provider
	// RejectedShare is the percentage of events that do not count; only by Provider, for an alarm on its average.
	RejectedShare = "RejectedShare"
	Voided        = "Voided" // events that had been taken back when they were applied
	// LateShare is the percentage of events that were accepted more than LateAfter after their instant; only by Provider,
	// for an alarm on its average.
	LateShare = "LateShare"
	// Lateness is in seconds, from the instant of a message's oldest event to its acceptance; by Provider.
	Lateness     = "Lateness"
	Failed       = "Failed"          // messages that a consumer reported as failed, which are retried
	DeadLettered = "DeadLettered"    // messages archived as dead letters
	NotFound     = "WebhookNotFound" // 404 replies of a webhook whose last replies were all 404; by Provider
	EventLatency = "EventLatency"    // milliseconds from sending a message to the queue to applying it
	// HeartbeatLatency is in milliseconds, from 202 to applied. An event that is not applied in time has no value.
	HeartbeatLatency = "HeartbeatLatency"
	ClientErrors     = "ClientErrors" // invalid or forbidden requests; by Provider
	Deprecated       = "Deprecated"   // requests with a deprecated name or path; by Provider, and by Provider and Feature
)

// The dimensions.
const (
	Provider = "Provider" // the ID of a work provider
	Feature  = "Feature"  // the deprecated name or path, such as "driverId" or "/v1/status"
)

// Tally counts the outcomes of one work provider's events in one invocation.
type Tally struct {
	Provider                                         string
	Accepted, Applied, NoEffect, Unmatched, Rejected int
	Voided, Late                                     int
	Latencies                                        []time.Duration // of the messages that were applied
	Lateness                                         []time.Duration // of the oldest event of each message accepted
	// RejectedIDs are the event and batch IDs, as clients have them, with events that do not count.
	RejectedIDs []string
}

// Log writes the tally, in one line.
func (t Tally) Log(ctx context.Context) {
	line := metrics{dimensions: [][]string{{}}}
	line.count(Applied, t.Applied)
	line.count(NoEffect, t.NoEffect)
	line.count(Unmatched, t.Unmatched)
	line.count(Voided, t.Voided)
	line.durations(EventLatency, "Milliseconds", t.Latencies, time.Millisecond)
	line.next([]string{}, []string{Provider})
	line.count(Accepted, t.Accepted)
	line.count(Rejected, t.Rejected)
	line.durations(Lateness, "Seconds", t.Lateness, time.Second)
	line.next([]string{Provider})
	if total := t.Applied + t.NoEffect + t.Unmatched + t.Rejected + t.Voided; total > 0 {
		line.add(RejectedShare, "Percent", slog.Int(RejectedShare, 100*t.Rejected/total))
	}
	if t.Accepted > 0 {
		line.add(LateShare, "Percent", slog.Int(LateShare, 100*t.Late/t.Accepted))
	}
	attrs := []slog.Attr{slog.String(Provider, t.Provider)}
	if len(t.RejectedIDs) > 0 {
		attrs = append(attrs, slog.Any("rejectedIn", t.RejectedIDs))
	}
	line.log(ctx, slog.LevelInfo, "events applied", attrs...)
}

// DeadLetter logs that a message was archived as a dead letter.
func DeadLetter(ctx context.Context, messageID, reason string) {
	line := metrics{dimensions: [][]string{{}}}
	line.count(DeadLettered, 1)
	line.log(ctx, slog.LevelError, "message archived as a dead letter",
		slog.String("messageId", messageID), slog.String("reason", reason))
}

// RecordFailures logs how many messages of a batch a consumer reported as failed. Lambda counts no error for them, and
// SQS excludes a message that was received three times from the age of the oldest message.
func RecordFailures(ctx context.Context, n int) {
	line := metrics{dimensions: [][]string{{}}}
	line.count(Failed, n)
	line.log(ctx, slog.LevelWarn, "messages failed, will be retried")
}

// RecordHeartbeat logs the time from a heartbeat's acceptance to its application.
func RecordHeartbeat(ctx context.Context, latency time.Duration) {
	line := metrics{dimensions: [][]string{{}}}
	line.add(HeartbeatLatency, "Milliseconds", slog.Int64(HeartbeatLatency, latency.Milliseconds()))
	line.log(ctx, slog.LevelInfo, "heartbeat applied")
}

// WebhookNotFound logs that a work provider's webhook replied 404 to its last requests, so many times.
func WebhookNotFound(ctx context.Context, provider string, times int) {
	line := metrics{dimensions: [][]string{{}, {Provider}}}
	line.count(NotFound, 1)
	line.log(ctx, slog.LevelWarn, "webhook replies 404 to everything",
		slog.String(Provider, provider), slog.Int("times", times))
}

// ClientError logs that a work provider's request was invalid or forbidden: the code of the error, and the invalid
// field.
func ClientError(ctx context.Context, provider, route, code, field string) {
	line := metrics{dimensions: [][]string{{}, {Provider}}}
	line.count(ClientErrors, 1)
	line.log(ctx, slog.LevelInfo, "request rejected", slog.String("route", route), slog.String("code", code),
		slog.String("field", field), slog.String(Provider, provider))
}

// Deprecation logs that a work provider used a deprecated name or path. The provider is "" on pages, which need no key.
func Deprecation(ctx context.Context, provider, feature string) {
	line := metrics{dimensions: [][]string{{}}}
	attrs := []slog.Attr{slog.String(Feature, feature)}
	if provider != "" {
		line.dimensions = [][]string{{}, {Provider}, {Provider, Feature}}
		attrs = append(attrs, slog.String(Provider, provider))
	}
	line.count(Deprecated, 1)
	line.log(ctx, slog.LevelInfo, "deprecated name or path", attrs...)
}

// directiveKey is the attribute that describes the metrics of a line (embedded metric format).
const directiveKey = "_aws"

type directive struct {
	Timestamp         int64 // milliseconds since the epoch
	CloudWatchMetrics []metricGroup
}

type metricGroup struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricName
}

type metricName struct{ Name, Unit string }

// metrics collects the metrics of one line.
type metrics struct {
	groups     []metricGroup
	dimensions [][]string // of the metrics that are added next
	names      []metricName
	values     []slog.Attr
}

// count adds a count, unless it is 0.
func (m *metrics) count(name string, n int) {
	if n > 0 {
		m.add(name, "Count", slog.Int(name, n))
	}
}

// durations adds the values of a metric, in whole units; none is not worth a word.
func (m *metrics) durations(name, unit string, values []time.Duration, length time.Duration) {
	if len(values) == 0 {
		return
	}
	counts := make([]int64, len(values))
	for i, v := range values {
		counts[i] = int64(v / length)
	}
	m.add(name, unit, slog.Any(name, counts))
}

func (m *metrics) add(name, unit string, value slog.Attr) {
	m.names = append(m.names, metricName{name, unit})
	m.values = append(m.values, value)
}

// next starts a group of metrics with other dimensions.
func (m *metrics) next(dimensions ...[]string) {
	if len(m.names) > 0 {
		m.groups = append(m.groups, metricGroup{Namespace, m.dimensions, m.names})
	}
	m.dimensions = dimensions
	m.names = nil
}

// log writes the line, unless it has no metric.
func (m *metrics) log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	m.next()
	log := slog.Default()
	if len(m.groups) == 0 || !log.Enabled(ctx, level) {
		return
	}
	attrs = append(attrs, m.values...)
	attrs = append(attrs, slog.Any(directiveKey, directive{time.Now().UnixMilli(), m.groups}))
	log.LogAttrs(ctx, level, message, attrs...)
}
