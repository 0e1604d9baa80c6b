package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// benchmark is a line of `go test -bench`, with an event's nanoseconds.
var benchmark = regexp.MustCompile(`BenchmarkApart/(decode|process)/1000\S*\s.*?([0-9.]+) ns/event`)

// measureDecoding answers what applying a message costs to what decoding it does, in batches of 1,000, login and logout
// apart, on the store in memory and on one core. It runs the benchmarks of pkg/shift, which alone can decode a message
// without applying it: both in one process, and that so many times.
func measureDecoding(ctx context.Context, rounds int) (spread, error) {
	const program = "bin/bench/shift.test"
	output, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", program, "./pkg/shift").CombinedOutput()
	if err != nil {
		return spread{}, fmt.Errorf("go test -c: %w: %s", err, output)
	}
	var ratios []float64
	for range rounds {
		run := exec.CommandContext(
			ctx,
			program,
			"-test.run=^$",
			"-test.bench=^BenchmarkApart$/^(decode|process)$/^1000$",
			"-test.cpu=1",
			"-test.benchtime=0.1s",
		)
		output, err := run.Output()
		if err != nil {
			return spread{}, fmt.Errorf("%s: %w: %s", program, err, output)
		}
		took := map[string]float64{}
		for _, line := range benchmark.FindAllStringSubmatch(string(output), -1) {
			if took[line[1]], err = strconv.ParseFloat(line[2], 64); err != nil {
				return spread{}, err
			}
		}
		if took["decode"] == 0 || took["process"] == 0 {
			return spread{}, fmt.Errorf("%s reported no benchmarks of decoding and processing: %s", program, output)
		}
		ratios = append(ratios, took["process"]/took["decode"])
	}
	return spreadOf(ratios), nil
}
