package main

import (
	"math"
	"slices"
)

// The backlog that is simulated: a million events of one work provider in batches of 1,000, while another one reports
// an event per interval. Processors are as template.yaml has them.
const (
	backlogEvents   = 1_000_000
	processors      = 20
	messagesPerCall = 10   // BatchSize
	batchingWindow  = 1.0  // seconds, MaximumBatchingWindowInSeconds
	quietInterval   = 0.05 // seconds
)

// workload is what the processor was measured to take for the messages of batches of 1,000.
type workload struct {
	eventsPerMessage float64
	callsPerEvent    float64 // to DynamoDB
	secondsPerEvent  float64 // of processor time
}

// seconds is how long an invocation takes for some events.
func (w workload) seconds(events float64) float64 {
	calls := math.Ceil(events * w.callsPerEvent / parallelCalls)
	return calls*callMilliseconds/1000 + events*w.secondsPerEvent
}

// simulated is what became of a backlog.
type simulated struct {
	Seconds float64     `json:"seconds"` // until all of it was applied
	Quiet   percentiles `json:"quiet"`   // of the other work provider's events in that time
}

// queueOrder is the order in which a queue delivers messages.
type queueOrder int

const (
	fairOrder queueOrder = iota // of quiet groups first, while another group has most of those in flight (SQS fair queues)
	ageOrder
)

// simulateBacklog simulates processors that work off the backlog. Lambda
// starts with five invocations at a time and adds up to 300 per minute ("Configuring scaling behavior for SQS event
// source mappings"). The processor applies small messages before large ones.
func simulateBacklog(w workload, order queueOrder) simulated {
	loud := int(math.Ceil(backlogEvents / w.eventsPerMessage))
	free := make([]float64, processors) // when each is free
	for i := range free {
		free[i] = float64(max(0, i-4)) / 5
	}
	var waiting []float64 // quiet messages, by arrival
	var latency []float64
	next := 0.0 // the next quiet message arrives
	var end float64
	for loud > 0 {
		p := 0
		for i := range free {
			if free[i] < free[p] {
				p = i
			}
		}
		now := free[p]
		for ; next <= now; next += quietInterval {
			waiting = append(waiting, next)
		}
		quiet := 0
		if order == fairOrder {
			quiet = min(len(waiting), messagesPerCall)
		}
		taken := min(loud, messagesPerCall-quiet)
		loud -= taken
		done := now + w.seconds(float64(taken)*w.eventsPerMessage+float64(quiet))
		for _, arrived := range waiting[:quiet] {
			latency = append(latency, now-arrived+w.seconds(float64(quiet)))
		}
		waiting = slices.Delete(waiting, 0, quiet)
		free[p] = done
		end = max(end, done)
	}
	for _, arrived := range waiting { // delivered after the backlog
		latency = append(latency, end-arrived+batchingWindow)
	}
	return simulated{Seconds: end, Quiet: percentilesOf(latency)}
}
