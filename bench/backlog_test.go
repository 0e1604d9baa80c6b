package main

import "testing"

// The million is applied as fast as 20 processors can, whoever else reports. A quiet work provider waits for a free
// processor in a fair queue, and for the whole backlog in any other.
func TestSimulateBacklog(t *testing.T) {
	w := workload{eventsPerMessage: 1000, callsPerEvent: 6, secondsPerEvent: 15e-6}
	fair := simulateBacklog(w, fairOrder)
	unfair := simulateBacklog(w, ageOrder)
	t.Log(fair, unfair)
	least := backlogEvents * w.seconds(1000) / 1000 / processors
	if fair.Seconds < least || fair.Seconds > 1.5*least {
		t.Errorf("the backlog takes %.1f s, at least %.1f s are needed", fair.Seconds, least)
	}
	if fair.Quiet.P99 > w.seconds(messagesPerCall*w.eventsPerMessage) {
		t.Errorf("in a fair queue a quiet event waits %.1f s: longer than an invocation", fair.Quiet.P99)
	}
	if unfair.Quiet.P50 < unfair.Seconds/4 {
		t.Errorf("by age, half the quiet events wait at most %.1f s of %.1f s", unfair.Quiet.P50, unfair.Seconds)
	}
}
