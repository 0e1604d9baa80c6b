package main

import (
	"fmt"
	"io"
	"slices"
)

// figure is one line of the table: what was measured, and what is to be reached.
type figure struct {
	What  string `json:"what"`
	Unit  string `json:"unit"` // "×" for a ratio
	Value spread `json:"value"`
	// Limit is what the median may be at most or, if AtLeast, has to be at least. Without one a figure is only told.
	Limit   float64 `json:"limit,omitempty"`
	AtLeast bool    `json:"atLeast,omitempty"`
}

// Mark says whether the figure is reached.
func (f figure) Mark() string {
	switch {
	case !f.limited():
		return ""
	case f.AtLeast == (f.Value.Median >= f.Limit) || f.Value.Median == f.Limit:
		return "ok"
	}
	return "MISSED"
}

// limited tells whether there is something to reach: of what must not be lost there may be none at all.
func (f figure) limited() bool { return f.Limit != 0 || f.Unit == unitLost }

const unitLost = "events lost"

// Reach is what is to be reached.
func (f figure) Reach() string {
	switch {
	case !f.limited():
		return ""
	case f.AtLeast:
		return "≥ " + f.show(f.Limit)
	}
	return "≤ " + f.show(f.Limit)
}

// Median, Low and High are the value for people.
func (f figure) Median() string { return f.show(f.Value.Median) }

// Spread is the quartiles, if there are any.
func (f figure) Spread() string {
	if f.Value.Low == f.Value.High {
		return ""
	}
	return f.show(f.Value.Low) + " … " + f.show(f.Value.High)
}

func (f figure) show(v float64) string {
	switch {
	case f.Unit == "$":
		return fmt.Sprintf("$%.3f", v)
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v < 0.1 && v > 0:
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// results are everything that a run measured.
type results struct {
	Machine string           `json:"machine"`
	Figures []figure         `json:"figures"`
	Costs   []bills          `json:"costs"`
	Growth  *growth          `json:"growth"`
	Bursts  map[string]burst `json:"bursts"`
	Starts  *starts          `json:"starts"`

	Latency  latencies            `json:"latency"`
	Backlogs map[string]simulated `json:"backlogs"`
}

func (r *results) add(what, unit string, value spread, limit float64) {
	r.Figures = append(r.Figures, figure{What: what, Unit: unit, Value: value, Limit: limit})
}

func (r *results) addAtLeast(what, unit string, value spread, limit float64) {
	r.Figures = append(r.Figures, figure{What: what, Unit: unit, Value: value, Limit: limit, AtLeast: true})
}

// addStarts adds the figures of starting.
func (r *results) addStarts(s *starts) {
	r.Starts = s
	pages := []string{"account", "link-work-provider"}
	slowest := ""
	for name, start := range s.Functions {
		if name == "shift-login" || name == "python" || slices.Contains(pages, name) {
			continue
		}
		if slowest == "" || start.Ratio.Median > s.Functions[slowest].Ratio.Median {
			slowest = name
		}
	}
	r.add("start to first response: v1 login, relative to a bare hello world", "×", s.Functions["shift-login"].Ratio, 1.6)
	r.add("… the slowest other function except the pages ("+slowest+")", "×", s.Functions[slowest].Ratio, 1.8)
	for _, name := range pages {
		r.add("… the pages of "+name, "×", s.Functions[name].Ratio, 1.8)
	}
	r.add("… v1 login, relative to Python with Powertools", "×", s.Versus, 0.017)
	r.add("start to first 202, with services that respond immediately: v1 login", "ms", s.Accepted["login"].Cost, 0)
	r.add("… the same in Python with Powertools", "ms", s.Accepted["python"].Cost, 0)
}

// addOverhead adds the figures of warm calls.
func (r *results) addOverhead(single, thousand map[string]compared, more float64) {
	r.add("warm v1 login, relative to the bare adapter", "×", single["login"].Ratio, 3)
	r.add("… additional allocations", "allocations", exactly(more), 60)
	r.add("accepting a batch of 1,000, relative to decoding its body", "×", thousand["batch"].Ratio, 2.5)
}

// addCosts adds the figures of calls and costs.
func (r *results) addCosts(all []bills, year float64) {
	r.Costs = all
	first := all[0]
	last := all[len(all)-1]
	r.add(
		"service calls of an accepted event",
		"calls",
		exactly(float64(first.Apart.AcceptCalls)/float64(first.Apart.Requests)),
		1.05, // one in 20 requests of a busy work provider counts them (ADR 33)
	)
	r.add(
		"… of an accepted batch of 1,000",
		"calls",
		exactly(float64(last.Apart.AcceptCalls)/float64(last.Apart.Requests)),
		1,
	)
	r.add("cost of a million events, batches of 1,000, login and logout apart", "$", exactly(last.Apart.Services()), 1.75)
	r.add("… of which facts", "$", exactly(last.Apart.Facts()), 0.70)
	r.add("… login and logout together", "$", exactly(last.Together.Services()), 0.90)
	r.add("cost of an event with a year of shifts, relative to an empty history", "×", exactly(year), 1.1)
	for _, b := range all {
		limit := map[int]float64{1: 1 / 1.2, 100: 1 / 1.8, 1000: 1 / 1.8}[b.Size]
		r.add(
			fmt.Sprintf("cost relative to the naive design, requests of %d", b.Size),
			"×",
			exactly(b.Apart.Services()/b.Naive.Services()),
			limit,
		)
	}
}

// addProcessor adds the figures of the processor.
func (r *results) addProcessor(toDecoding spread, g *growth) {
	r.Growth = g
	perSecond := func(micros float64) float64 { return 1e6 / micros }
	for _, p := range g.BatchSize {
		if p.X == 1000 {
			rate := spread{perSecond(p.Micros.Median), perSecond(p.Micros.High), perSecond(p.Micros.Low)}
			r.addAtLeast("processor in memory, records included, per second of one core", "events", rate, 50_000)
		}
	}
	r.add("… relative to decoding only", "×", toDecoding, 10)
	r.add(
		"time of an event with a year of shifts, relative to an empty history",
		"×",
		g.Shifts[len(g.Shifts)-1].Ratio,
		1.1,
	)
	r.add("… with a year of LOGINs without a LOGOUT, relative to an empty history", "×", g.Open[len(g.Open)-1].Ratio, 1.1)
}

// addBurst adds the figures of a burst.
func (r *results) addBurst(where string, b burst) {
	if r.Bursts == nil {
		r.Bursts = map[string]burst{}
	}
	r.Bursts[where] = b
	what := fmt.Sprintf("a burst of %d events, %s", b.Events, where)
	r.add(what, unitLost, exactly(float64(b.lost())), 0)
	r.add("… memory in addition to what is queued and stored", "MB", exactly(b.extra()), 256)
	r.add("… rate", "events/s", exactly(b.rate()), 0)
}

// addLatency adds the figures of the time from a 202 to an applied event, as measured on the embedded services.
func (r *results) addLatency(l latencies) {
	r.Latency = l
	r.add("from 202 to applied, embedded, batching window of 1 s included: median", "s", exactly(l.Alone.P50), 1)
	r.add("… 99th percentile", "s", exactly(l.Alone.P99), 3)
	r.add("… beside another work provider's flood of 10,000: median", "s", exactly(l.Flooded.P50), 0)
	r.add("… … 99th percentile", "s", exactly(l.Flooded.P99), 5)
}

// addBacklogs adds what is simulated with the calls that batches of 1,000 were measured to make.
func (r *results) addBacklogs() {
	apart := r.Costs[len(r.Costs)-1].Apart
	calls := (apart.WaitedCalls - float64(apart.AcceptCalls)) * parallelCalls
	w := workload{eventsPerMessage: 1000, callsPerEvent: calls / float64(apart.Events)}
	for _, p := range r.Growth.BatchSize {
		if p.X == 1000 {
			w.secondsPerEvent = p.Micros.Median / 1e6
		}
	}
	fair := simulateBacklog(w, fairOrder)
	byAge := simulateBacklog(w, ageOrder)
	r.Backlogs = map[string]simulated{"fair": fair, "by age": byAge}
	r.add("a million queued events, 20 processors, 5 ms per call, simulated", "s", exactly(fair.Seconds), 0)
	r.add("… from 202 to applied for another work provider, fair queue: median", "s", exactly(fair.Quiet.P50), 0)
	r.add("… … 99th percentile", "s", exactly(fair.Quiet.P99), 5)
	r.add("… … 99th percentile without fair queues", "s", exactly(byAge.Quiet.P99), 0)
}

// print writes the table.
func (r *results) print(w io.Writer) {
	for _, f := range r.Figures {
		fmt.Fprintf(w, "%-7s %-78s %9s %-12s %-10s %s\n", f.Mark(), f.What, f.Median(), f.Unit, f.Reach(), f.Spread())
	}
}
