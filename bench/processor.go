package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// processorSpeed is what an event costs the processor on the store in memory and on one core, in batches of 1,000, login and
// logout apart, records included.
type processorSpeed struct {
	Process spread // microseconds an event
	Ratio   spread // to the time of decoding the messages alone
}

// benchmark is a line of `go test -bench`, with an event's nanoseconds.
var benchmark = regexp.MustCompile(`BenchmarkApart/(decode|process)/1000\S*\s.*?([0-9.]+) ns/event`)

// measureProcessor runs the benchmarks of pkg/shift, which alone can decode a message without applying it: both in one
// process, and that so many times.
func measureProcessor(ctx context.Context, rounds int) (processorSpeed, error) {
	const program = "bin/bench/shift.test"
	output, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./pkg/shift").CombinedOutput()
	if err != nil {
		return processorSpeed{}, fmt.Errorf("go test -c: %w: %s", err, output)
	}
	var process, ratio []float64
	for range rounds {
		run := exec.CommandContext(ctx, program, "-test.run=^$", "-test.bench=^BenchmarkApart$/^(decode|process)$/^1000$", "-test.cpu=1", "-test.benchtime=0.3s")
		output, err := run.Output()
		if err != nil {
			return processorSpeed{}, fmt.Errorf("%s: %w: %s", program, err, output)
		}
		took := map[string]float64{}
		for _, line := range benchmark.FindAllStringSubmatch(string(output), -1) {
			if took[line[1]], err = strconv.ParseFloat(line[2], 64); err != nil {
				return processorSpeed{}, err
			}
		}
		if took["decode"] == 0 || took["process"] == 0 {
			return processorSpeed{}, fmt.Errorf("%s reported no benchmarks of decoding and processing: %s", program, output)
		}
		process = append(process, took["process"]/1000)
		ratio = append(ratio, took["process"]/took["decode"])
	}
	return processorSpeed{spreadOf(process), spreadOf(ratio)}, nil
}
