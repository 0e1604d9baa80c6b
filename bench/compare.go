package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
)

// spread is a figure as measured: the median of the rounds, and the quartiles on either side of it.
type spread struct {
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// spreadOf is the spread of values, of which there is at least one.
func spreadOf(values []float64) spread {
	sorted := slices.Sorted(slices.Values(values))
	at := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1)+0.5)] }
	return spread{at(0.5), at(0.25), at(0.75)}
}

// exactly is a figure that has no spread, because it is counted.
func exactly(v float64) spread { return spread{v, v, v} }

// contender is one side of a comparison. A round of it answers how long it took, in whatever unit all of them use.
type contender struct {
	name  string
	round func() (float64, error)
}

// compared is what came of a contender: its own figure, and the ratio to the first one's.
type compared struct {
	Cost  spread `json:"cost"`
	Ratio spread `json:"ratio"`
}

// warmRounds are run before those that count.
const warmRounds = 3

// compare runs the contenders by turns, so that whatever else the machine does falls on all of them, in an order drawn
// anew each time. Ratios are taken within a round and only then summed up: a slow moment of the machine spoils a round,
// and the median does not mind. The first rounds are dropped.
func compare(rounds int, contenders ...contender) (map[string]compared, error) {
	costs := make([][]float64, len(contenders))
	ratios := make([][]float64, len(contenders))
	for round := range rounds + warmRounds {
		took := make([]float64, len(contenders))
		for _, i := range rand.Perm(len(contenders)) {
			var err error
			if took[i], err = contenders[i].round(); err != nil {
				return nil, fmt.Errorf("%s: %w", contenders[i].name, err)
			}
		}
		if round < warmRounds {
			continue
		}
		for i := range contenders {
			costs[i] = append(costs[i], took[i])
			ratios[i] = append(ratios[i], took[i]/took[0])
		}
	}
	results := map[string]compared{}
	for i, c := range contenders {
		results[c.name] = compared{spreadOf(costs[i]), spreadOf(ratios[i])}
	}
	return results, nil
}

// cpuMicros is the processor time that this process has taken, in microseconds, all its threads together: the
// collector's, too. For what runs in this process it is the time to compare, because it does not grow while others have
// the processor.
func cpuMicros() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // only for a question that there is not
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1000
}
