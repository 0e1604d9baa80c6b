package observe

import (
	"context"
	"log/slog"
	"time"
)

// Namespace is where CloudWatch keeps the metrics.
const Namespace = "WorkProviderApi"

// The metrics. All are counted without a dimension; some by work provider, too.
const (
	Accepted      = "Accepted"         // events taken from the queue for the first time; by Provider
	Applied       = "Applied"          // events that opened, extended or closed a shift
	NoEffect      = "NoEffect"         // events that count, but change nothing
	Unmatched     = "Unmatched"        // events that wait for the customer's match
	Rejected      = "Rejected"         // events that do not count; by Provider
	RejectedShare = "RejectedShare"    // of a hundred events, how many do not count; by Provider alone, for an alarm on its average
	Failed        = "Failed"           // messages that a consumer reported as failed, and that are retried
	DeadLettered  = "DeadLettered"     // messages filed as dead letters
	EventLatency  = "AgeAtApplication" // milliseconds from the queue's taking a message to its being applied
	// HeartbeatLatency is in milliseconds, from 202 to applied; there is none for an event that is not applied in time.
	HeartbeatLatency = "HeartbeatLatency"
	Refused          = "Refused"    // requests with something to mend in them, or not permitted; by Provider
	Deprecated       = "Deprecated" // requests by an old name or path; by Provider, and by Provider and Use
)

// The dimensions.
const (
	Provider = "Provider" // the id of a work provider
	Feature  = "Use"      // the deprecated name or path, such as "driverId" or "/v1/status"
)

// Tally is what became, in one invocation, of the events of one work provider.
type Tally struct {
	Provider                                         string
	Accepted, Applied, NoEffect, Unmatched, Rejected int
	Latencies                                        []time.Duration // of the messages that were applied
	RejectedIDs                                      []string        // ids that clients were given, whose events do not all count
}

// Log writes the tally, in one line.
func (t Tally) Log(ctx context.Context) {
	line := metrics{dimensions: [][]string{{}}}
	line.count(Applied, t.Applied)
	line.count(NoEffect, t.NoEffect)
	line.count(Unmatched, t.Unmatched)
	if len(t.Latencies) > 0 {
		ages := make([]int64, len(t.Latencies))
		for i, age := range t.Latencies {
			ages[i] = age.Milliseconds()
		}
		line.add(EventLatency, "Milliseconds", slog.Any(EventLatency, ages))
	}
	line.next([]string{}, []string{Provider})
	line.count(Accepted, t.Accepted)
	line.count(Rejected, t.Rejected)
	if known := t.Applied + t.NoEffect + t.Unmatched + t.Rejected; known > 0 {
		line.next([]string{Provider})
		line.add(RejectedShare, "Percent", slog.Int(RejectedShare, 100*t.Rejected/known))
	}
	attrs := []slog.Attr{slog.String(Provider, t.Provider)}
	if len(t.RejectedIDs) > 0 {
		attrs = append(attrs, slog.Any("rejectedIn", t.RejectedIDs))
	}
	line.log(ctx, slog.LevelInfo, "events applied", attrs...)
}

// DeadLetter notes that a message was filed as a dead letter.
func DeadLetter(ctx context.Context, messageID, reason string) {
	line := metrics{dimensions: [][]string{{}}}
	line.count(DeadLettered, 1)
	line.log(
		ctx,
		slog.LevelError,
		"message archived as a dead letter",
		slog.String("messageId", messageID),
		slog.String("reason", reason),
	)
}

// RecordFailures counts the messages of a delivery that a consumer reported as failed. Lambda counts no error for
// them, and SQS leaves a message that was received three times out of the age of the oldest.
func RecordFailures(ctx context.Context, n int) {
	line := metrics{dimensions: [][]string{{}}}
	line.count(Failed, n)
	line.log(ctx, slog.LevelWarn, "messages failed, will be retried")
}

// RecordHeartbeat reports the time from a heartbeat's acceptance to its application.
func RecordHeartbeat(ctx context.Context, latency time.Duration) {
	line := metrics{dimensions: [][]string{{}}}
	line.add(HeartbeatLatency, "Milliseconds", slog.Int64(HeartbeatLatency, latency.Milliseconds()))
	line.log(ctx, slog.LevelInfo, "heartbeat applied")
}

// Refusal notes that a work provider's request was refused, with which code, and what has to be mended.
func Refusal(ctx context.Context, provider, route, code, field string) {
	line := metrics{dimensions: [][]string{{}, {Provider}}}
	line.count(Refused, 1)
	line.log(ctx, slog.LevelInfo, "request refused", slog.String("route", route), slog.String("code", code),
		slog.String("field", field), slog.String(Provider, provider))
}

// Deprecation notes that a work provider used an old name or path. The provider is "" on pages, which take no key.
func Deprecation(ctx context.Context, provider, use string) {
	line := metrics{dimensions: [][]string{{}}}
	attrs := []slog.Attr{slog.String(Feature, use)}
	if provider != "" {
		line.dimensions = [][]string{{}, {Provider}, {Provider, Feature}}
		attrs = append(attrs, slog.String(Provider, provider))
	}
	line.count(Deprecated, 1)
	line.log(ctx, slog.LevelInfo, "deprecated name or path", attrs...)
}

// directiveKey is where CloudWatch looks for what in a line of NewJSONHandler is a metric (the embedded metric format).
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

// metrics gathers the metrics of one line.
type metrics struct {
	groups     []metricGroup
	dimensions [][]string // of what is added next
	names      []metricName
	values     []slog.Attr
}

// count adds a number of something; none of it is not worth a word.
func (m *metrics) count(name string, n int) {
	if n > 0 {
		m.add(name, "Count", slog.Int(name, n))
	}
}

func (m *metrics) add(name, unit string, value slog.Attr) {
	m.names = append(m.names, metricName{name, unit})
	m.values = append(m.values, value)
}

// next begins a group of metrics with other dimensions.
func (m *metrics) next(dimensions ...[]string) {
	if len(m.names) > 0 {
		m.groups = append(m.groups, metricGroup{Namespace, m.dimensions, m.names})
	}
	m.dimensions = dimensions
	m.names = nil
}

// log writes the line, if it has a metric.
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
