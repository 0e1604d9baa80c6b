package repotest

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/observe"
)

// An incident produces metrics as AWS and the functions would, minute by minute, and the alarms that have to notice
// it fire within the time given. No other test shows that an alarm can fire at all.
func TestAlarmsFire(t *testing.T) {
	fires := map[string]bool{}
	for _, incident := range []struct {
		name   string
		run    func(*account)
		within time.Duration
		alarms []string
		silent []string // alarms that this incident does not concern, to show which one is needed
	}{
		{"DynamoDB denies the processor its table", func(a *account) {
			a.events.consume = failing
			a.heartbeatOK = false
		}, 10 * time.Minute, []string{"FailedMessages", "HeartbeatMissing"}, []string{"EventQueueAge", "FunctionErrors"}},
		{"one event an hour, and the table is denied", func(a *account) {
			a.events.perMinute = 0
			a.events.send(1)
			a.events.consume = failing
		}, 15 * time.Minute, []string{"FailedMessages"}, []string{"EventQueueAge", "FunctionErrors", "NewDeadLetters"}},
		{"the table is denied to the webhook sender", func(a *account) { a.webhooks.consume = failing },
			10 * time.Minute, []string{"FailedMessages"}, []string{"WebhookQueueAge", "FunctionErrors"}},
		{"the table is denied to the processor and to dead-letters", func(a *account) {
			a.events.consume = failing
			a.eventsDLQ.consume = failing
		}, time.Hour, []string{"EventDlqMessages"}, []string{"NewDeadLetters"}},
		{"dead letters of webhooks cannot be archived", func(a *account) {
			a.webhooks.consume = failing
			a.webhooksDLQ.consume = failing
		}, time.Hour, []string{"WebhookDlqMessages"}, nil},
		{"the trigger of dead-letters is disabled", func(a *account) {
			a.eventsDLQ.consume = nil
			a.webhooksDLQ.consume = nil
			a.eventsDLQ.send(1)
			a.webhooksDLQ.send(1)
		}, 20 * time.Minute, []string{"EventDlqMessages", "WebhookDlqMessages"}, nil},
		{"the triggers of the consumers are disabled", func(a *account) {
			a.events.consume = nil
			a.webhooks.consume = nil
			a.heartbeatOK = false
		}, time.Hour, []string{"EventQueueAge", "WebhookQueueAge", "HeartbeatMissing"}, []string{"FailedMessages"}},
		{"a message that nobody understands", func(a *account) { a.deadLettered = 1 },
			2 * time.Minute, []string{"NewDeadLetters"}, nil},
		{"the URL of a webhook is mistyped", func(a *account) { a.webhookNotFound = 1 },
			10 * time.Minute, []string{"WebhookNotFound"}, []string{"NewDeadLetters", "FailedMessages"}},
		{"a function crashes at every tenth invocation", func(a *account) { a.crashShare = 0.1 },
			5 * time.Minute, []string{"FunctionErrors"}, nil},
		{"2 % of requests fail", func(a *account) { a.failedShare = 0.02 }, 5 * time.Minute, []string{"ApiErrors"}, nil},
		{"the account's concurrency is used up", func(a *account) { a.throttledStarts = 100 },
			5 * time.Minute, []string{"FunctionsThrottled"}, nil},
		{"a client sends too much", func(a *account) { a.throttledRequests = 100 },
			5 * time.Minute, []string{"RequestsThrottled"}, nil},
		{"a third of one work provider's events does not count", func(a *account) { a.rejectedShare["courier-ltd"] = 33 },
			20 * time.Minute, []string{"RejectedShare"}, nil},
		{"one work provider sends a backlog of hours", func(a *account) { a.lateShare["parcels-co"] = 80 },
			20 * time.Minute, []string{"LateShare"}, []string{"RejectedShare"}},
	} {
		t.Run(incident.name, func(t *testing.T) {
			a := newAccount(t)
			a.pass(2 * time.Hour)
			if already := a.firing(); len(already) > 0 {
				t.Fatalf("after two calm hours %v fire", already)
			}
			incident.run(a)
			began := a.now
			fired := map[string]time.Duration{}
			for a.now.Sub(began) < incident.within {
				a.pass(time.Minute)
				for _, name := range a.firing() {
					if _, ok := fired[name]; !ok {
						fired[name] = a.now.Sub(began)
					}
				}
			}
			for _, name := range incident.alarms {
				if _, ok := fired[name]; !ok {
					t.Errorf("%s does not fire within %v", name, incident.within)
				}
				fires[name] = true
			}
			for _, name := range incident.silent {
				if after, ok := fired[name]; ok {
					t.Errorf("%s fires after %v: it would have been enough", name, after)
				}
			}
			t.Logf("fired after %v", fired)
		})
	}
	for _, name := range read(t).OfType("AWS::CloudWatch::Alarm") {
		if !fires[name] {
			t.Errorf("no incident makes %s fire: add one to TestAlarmsFire", name)
		}
	}
}

// A single failure that a retry fixes fires no alarm.
func TestAlarmsStayOK(t *testing.T) {
	a := newAccount(t)
	a.pass(10 * time.Minute) // until there is data
	for hour := range 24 {
		a.events.failOnce = hour%6 == 0
		for range 60 {
			a.pass(time.Minute)
			if firing := a.firing(); len(firing) > 0 {
				t.Fatalf("at %v %v fire", a.now, firing)
			}
		}
	}
}

// account is an AWS account with the deployed stack, as far as its metrics go.
type account struct {
	now                     time.Time
	samples                 map[string]map[time.Time][]float64 // of a metric, in the minute that begins then
	alarms                  map[string]template.Resource
	events, webhooks        *sqsQueue
	eventsDLQ, webhooksDLQ  *sqsQueue
	heartbeatOK             bool
	deadLettered            int
	webhookNotFound         int
	crashShare, failedShare float64
	throttledStarts         int
	throttledRequests       int
	rejectedShare           map[string]float64 // percent, by work provider
	lateShare               map[string]float64
}

func newAccount(t *testing.T) *account {
	t.Helper()
	tree := read(t)
	a := &account{
		now:           time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC),
		samples:       map[string]map[time.Time][]float64{},
		alarms:        map[string]template.Resource{},
		heartbeatOK:   true,
		rejectedShare: map[string]float64{"courier-ltd": 3, "parcels-co": 0},
		lateShare:     map[string]float64{"courier-ltd": 5, "parcels-co": 1},
	}
	for _, name := range tree.OfType("AWS::CloudWatch::Alarm") {
		a.alarms[name] = tree.Resources[name]
	}
	a.eventsDLQ = &sqsQueue{account: a, name: "EventsDeadLetterQueue", consume: succeeding, visibility: 120 * time.Second}
	a.webhooksDLQ = &sqsQueue{
		account:    a,
		name:       "WebhooksDeadLetterQueue",
		consume:    succeeding,
		visibility: 120 * time.Second,
	}
	a.events = &sqsQueue{
		account:   a,
		name:      "EventsQueue",
		perMinute: 30,
		consume:   succeeding,
		backoff:   true,
		dlq:       a.eventsDLQ,
	}
	a.webhooks = &sqsQueue{
		account:   a,
		name:      "WebhooksQueue",
		perMinute: 2,
		consume:   succeeding,
		backoff:   true,
		dlq:       a.webhooksDLQ,
	}
	return a
}

// pass lets time pass, a minute at a time, and publishes each minute's metrics.
func (a *account) pass(d time.Duration) {
	for range int(d / time.Minute) {
		for _, q := range []*sqsQueue{a.events, a.webhooks, a.eventsDLQ, a.webhooksDLQ} {
			q.minute()
		}
		const requests, invocations = 600, 600
		for i := range requests {
			a.put("AWS/ApiGateway 5XXError ApiName=AWS::StackName Stage=live", flag(i < int(a.failedShare*requests)))
		}
		for i := range invocations { // by function, and of all: the account's metric has no dimension
			a.put("AWS/Lambda Errors", flag(i < int(a.crashShare*invocations)))
		}
		for range a.throttledStarts {
			a.put("AWS/Lambda Throttles", 1)
		}
		// The metric filter's default value is published for each log event that does not match.
		a.put(observe.Namespace+" Throttled", 0)
		for range a.throttledRequests {
			a.put(observe.Namespace+" Throttled", 1)
		}
		for range a.deadLettered {
			a.put(observe.Namespace+" "+observe.DeadLettered, 1)
		}
		a.deadLettered = 0
		for range a.webhookNotFound {
			a.put(observe.Namespace+" "+observe.NotFound, 1)
		}
		a.webhookNotFound = 0
		if a.heartbeatOK {
			a.put(observe.Namespace+" "+observe.HeartbeatLatency, 1200)
		}
		for provider, share := range a.rejectedShare {
			a.put(observe.Namespace+" "+observe.RejectedShare+" "+observe.Provider+"="+provider, share)
		}
		for provider, share := range a.lateShare {
			a.put(observe.Namespace+" "+observe.LateShare+" "+observe.Provider+"="+provider, share)
		}
		a.now = a.now.Add(time.Minute)
	}
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

func (a *account) put(metric string, value float64) {
	if a.samples[metric] == nil {
		a.samples[metric] = map[time.Time][]float64{}
	}
	minute := a.now.Truncate(time.Minute)
	a.samples[metric][minute] = append(a.samples[metric][minute], value)
}

// sqsQueue is a queue with its consumer on Lambda, and a dead-letter queue after five receives.
type sqsQueue struct {
	account    *account
	name       string
	perMinute  int
	consume    func(received int) bool // whether the nth receipt of a message succeeds; nil: the trigger is disabled
	failOnce   bool                    // the next message fails at its first receive
	backoff    bool                    // failed messages are retried after the delays of pkg/queue
	visibility time.Duration
	messages   []*message
	dlq        *sqsQueue
}

type message struct {
	sent, visible time.Time
	received      int
}

func succeeding(int) bool { return true }
func failing(int) bool    { return false }

func (q *sqsQueue) send(n int) {
	for range n {
		q.messages = append(q.messages, &message{sent: q.account.now, visible: q.account.now})
	}
}

// delays are those of pkg/queue's backoff.
var delays = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 15 * time.Minute}

// minute passes in steps of ten seconds, after which the metrics are published.
func (q *sqsQueue) minute() {
	a := q.account
	q.send(q.perMinute)
	failed := 0
	for step := range 6 {
		now := a.now.Add(time.Duration(step) * 10 * time.Second)
		var left []*message
		for _, m := range q.messages {
			if q.consume == nil || m.visible.After(now) {
				left = append(left, m)
				continue
			}
			if m.received == len(delays) && q.dlq != nil { // maxReceiveCount
				q.dlq.send(1)
				continue
			}
			m.received++
			fails := !q.consume(m.received) || q.failOnce
			q.failOnce = false
			if !fails {
				if q.dlq == nil {
					a.deadLettered++ // it is archived
				}
				continue
			}
			failed++
			m.visible = now.Add(q.visibility)
			if q.backoff {
				m.visible = now.Add(delays[m.received-1])
			}
			left = append(left, m)
		}
		q.messages = left
	}
	if failed > 0 {
		a.put(observe.Namespace+" "+observe.Failed, float64(failed))
	}
	q.publish()
}

// publish writes what SQS says of a queue each minute: "Available CloudWatch metrics for Amazon SQS". A message that
// was received three times and not deleted is left out of the age of the oldest.
func (q *sqsQueue) publish() {
	now := q.account.now.Add(time.Minute)
	var age, visible, invisible float64
	for _, m := range q.messages {
		if m.received < 3 {
			age = max(age, now.Sub(m.sent).Seconds())
		}
		if m.visible.After(now) {
			invisible++
		} else {
			visible++
		}
	}
	dimension := " QueueName=" + q.name + ".QueueName"
	q.account.put("AWS/SQS ApproximateAgeOfOldestMessage"+dimension, age)
	q.account.put("AWS/SQS ApproximateNumberOfMessagesVisible"+dimension, visible)
	q.account.put("AWS/SQS ApproximateNumberOfMessagesNotVisible"+dimension, invisible)
}

// firing lists the alarms that are in the state ALARM now, sorted.
func (a *account) firing() []string {
	var names []string
	for name, alarm := range a.alarms {
		for _, series := range a.series(name, alarm.Properties) {
			if inAlarm(alarm.Properties, series) {
				names = append(names, name)
				break
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// inAlarm evaluates an alarm over its latest datapoints, the newest first; NaN is one that is missing. CloudWatch,
// "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data": it looks at somewhat more periods
// than it evaluates, takes the latest that exist, and fills up with TreatMissingData only if there are too few.
func inAlarm(alarm map[string]any, series []float64) bool {
	evaluated := number(alarm["EvaluationPeriods"])
	needed := evaluated
	if n, ok := alarm["DatapointsToAlarm"]; ok {
		needed = number(n)
	}
	var existing []float64
	for _, value := range series {
		if !math.IsNaN(value) && len(existing) < int(evaluated) {
			existing = append(existing, value)
		}
	}
	breaching := 0
	for _, value := range existing {
		if breaches(alarm, value) {
			breaching++
		}
	}
	if alarm["TreatMissingData"] == "breaching" {
		breaching += int(evaluated) - len(existing)
	}
	return breaching >= int(needed)
}

func breaches(alarm map[string]any, value float64) bool {
	threshold := number(alarm["Threshold"])
	switch alarm["ComparisonOperator"] {
	case "GreaterThanThreshold":
		return value > threshold
	case "LessThanThreshold":
		return value < threshold
	}
	panic(fmt.Sprint("teach internal/repotest the operator ", alarm["ComparisonOperator"]))
}

// extraPeriods is how many periods CloudWatch looks at beyond those that it evaluates, in the examples of its
// documentation.
const extraPeriods = 2

// series returns the datapoints of an alarm, the newest first: one series, or one for each contributor of a query.
func (a *account) series(name string, alarm map[string]any) map[string][]float64 {
	periods := int(number(alarm["EvaluationPeriods"])) + extraPeriods
	if alarm["MetricName"] != nil {
		return map[string][]float64{name: a.datapoints(alarm, alarm["Statistic"], alarm["Period"], periods)}
	}
	metrics := list(alarm["Metrics"])
	operands := map[string][]float64{}
	for _, m := range metrics {
		if stat := object(m["MetricStat"]); stat != nil {
			operands[m["Id"].(string)] = a.datapoints(object(stat["Metric"]), stat["Stat"], stat["Period"], periods)
		}
	}
	returned := slices.IndexFunc(metrics, func(m map[string]any) bool {
		returned, _ := m["ReturnData"].(bool)
		return returned
	})
	expression := metrics[returned]["Expression"].(string)
	if found := regexp.MustCompile(`^(\w+) \+ (\w+)$`).FindStringSubmatch(expression); found != nil {
		sums := make([]float64, periods)
		for i := range sums {
			sums[i] = operands[found[1]][i] + operands[found[2]][i] // NaN if one is missing, as in metric math
		}
		return map[string][]float64{name: sums}
	}
	query := regexp.MustCompile(`^SELECT AVG\((\w+)\) FROM SCHEMA\((\w+), (\w+)\) GROUP BY (\w+)$`).
		FindStringSubmatch(expression)
	if query == nil {
		panic("teach internal/repotest the expression " + expression)
	}
	all := map[string][]float64{}
	for metric := range a.samples {
		prefix := query[2] + " " + query[1] + " " + query[3] + "="
		if strings.HasPrefix(metric, prefix) {
			all[metric] = a.aggregate(metric, "Average", number(metrics[returned]["Period"]), periods)
		}
	}
	return all
}

func (a *account) datapoints(metric map[string]any, statistic, period any, periods int) []float64 {
	name := fmt.Sprint(metric["Namespace"], " ", metric["MetricName"])
	for _, dimension := range list(metric["Dimensions"]) {
		value := fmt.Sprint(dimension["Value"])
		if of, ok := dimension["Value"].(template.GetAtt); ok {
			value = of.Resource + "." + of.Attribute
		}
		name += fmt.Sprint(" ", dimension["Name"], "=", value)
	}
	return a.aggregate(name, fmt.Sprint(statistic), number(period), periods)
}

// aggregate returns a metric's last periods that are over, the newest first.
func (a *account) aggregate(metric, statistic string, period float64, periods int) []float64 {
	length := time.Duration(period) * time.Second
	points := make([]float64, periods)
	for i := range points {
		end := a.now.Truncate(length).Add(-time.Duration(i) * length)
		var values []float64
		for minute := end.Add(-length); minute.Before(end); minute = minute.Add(time.Minute) {
			values = append(values, a.samples[metric][minute]...)
		}
		points[i] = summarize(statistic, values)
	}
	return points
}

func summarize(statistic string, values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	var sum float64
	for _, v := range values {
		sum += v
	}
	switch statistic {
	case "Sum":
		return sum
	case "Average":
		return sum / float64(len(values))
	case "Maximum":
		return slices.Max(values)
	case "SampleCount":
		return float64(len(values))
	}
	panic("teach internal/repotest the statistic " + statistic)
}

func number(v any) float64 {
	switch n := v.(type) {
	case int:
		return float64(n)
	case float64:
		return n
	}
	panic(fmt.Sprintf("%v is no number", v))
}

// The evaluator is that of the documentation: the table of "Configuring how CloudWatch alarms treat missing data",
// for three periods of which all must breach, the newest last, where 0 is within the threshold, X breaches and - is
// missing.
func TestMissingData(t *testing.T) {
	for points, want := range map[string]map[string]bool{
		"0 - X - X": {"breaching": false, "notBreaching": false},
		"0 - - - -": {"breaching": false, "notBreaching": false},
		"- - - - -": {"breaching": true, "notBreaching": false},
		"0 X X - X": {"breaching": true, "notBreaching": true},
		"- - X - -": {"breaching": true, "notBreaching": false},
	} {
		var series []float64
		for _, point := range slices.Backward(strings.Fields(points)) {
			series = append(series, map[string]float64{"0": 0, "X": 1, "-": math.NaN()}[point])
		}
		for _, treatment := range slices.Sorted(maps.Keys(want)) {
			alarm := map[string]any{
				"EvaluationPeriods":  3,
				"Threshold":          0,
				"ComparisonOperator": "GreaterThanThreshold",
				"TreatMissingData":   treatment,
			}
			if got := inAlarm(alarm, series); got != want[treatment] {
				t.Errorf("%s, %s: %v", points, treatment, got)
			}
		}
	}
}
