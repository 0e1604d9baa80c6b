// Command bench measures what the system's start, calls, cost and growth are, beside what people would use instead and
// the physical limit: `make bench`. Every figure of time is a ratio taken within one run and interleaved, so that a
// busy machine makes it no worse, only less exact.
//
// It prints a table with a mark at every figure that has something to reach, and writes docs/performance.md, its
// pictures, and docs/performance/results.json. It needs the project's folder as its working folder.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/observe"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	slog.SetDefault(slog.New(observe.NewJSONHandler(io.Discard))) // as costly as on Lambda, and out of the way
	server, err := emulator.Start(emulator.Options{})
	if err != nil {
		return err
	}
	defer server.Stop()

	r := &results{Machine: machine()}
	for i, step := range []struct {
		what string
		do   func() error
	}{
		{"building every function as it is deployed", func() error { return build(ctx) }},
		{"start-up: every function by turns with a hello world, then with Python",
			func() error { return r.starts(ctx, server) }},
		{"warm calls, with the queue faked", func() error { return r.overhead(ctx, server) }},
		{"the processor, on the store in memory", func() error { return r.processor(ctx) }},
		{"a burst of a million events, on the store in memory",
			func() error { return r.burst("in memory", func() (burst, error) { return burstInMemory(ctx) }) }},
		{"calls and cost, on the embedded services", func() error { return r.costs(ctx, server) }},
		{"a burst of 100,000 events, on the embedded services",
			func() error { return r.burst("embedded", func() (burst, error) { return burstEmbedded(ctx, server) }) }},
		{"from 202 to applied, alone and beside a flood, on the embedded services",
			func() error { return r.latency(ctx, server) }},
	} {
		fmt.Fprintf(os.Stderr, "[%d/8] %s ...\n", i+1, step.what)
		if err := step.do(); err != nil {
			return err
		}
	}
	r.print(os.Stdout)
	return r.write("docs")
}

func (r *results) starts(ctx context.Context, server *emulator.Server) error {
	s, err := measureStarts(ctx, server, 60)
	if err != nil {
		return err
	}
	r.addStarts(s)
	return nil
}

func (r *results) overhead(ctx context.Context, server *emulator.Server) error {
	w, err := newWarmCalls(ctx, server)
	if err != nil {
		return err
	}
	single, err := compare(300, contender{"adapter", timed(1500, w.adapter)}, contender{"login", timed(600, w.login)})
	if err != nil {
		return err
	}
	thousand, err := compare(300, contender{"decode", timed(10, w.decode)}, contender{"batch", timed(5, w.batch)})
	if err != nil {
		return err
	}
	bare, err := allocations(w.adapter)
	if err != nil {
		return err
	}
	ours, err := allocations(w.login)
	if err != nil {
		return err
	}
	r.addOverhead(single, thousand, ours-bare)
	return nil
}

func (r *results) processor(ctx context.Context) error {
	toDecoding, err := measureDecoding(ctx, 45)
	if err != nil {
		return err
	}
	g, err := measureGrowth(ctx)
	if err != nil {
		return err
	}
	r.addProcessor(toDecoding, g)
	return nil
}

func (r *results) costs(ctx context.Context, server *emulator.Server) error {
	all, err := meterCosts(ctx, server)
	if err != nil {
		return err
	}
	progress("people with a year behind them")
	year, err := meterHistory(ctx, server)
	if err != nil {
		return err
	}
	r.addCosts(all, year)
	return nil
}

func (r *results) latency(ctx context.Context, server *emulator.Server) error {
	l, err := measureLatency(ctx, server)
	if err != nil {
		return err
	}
	r.addLatency(l)
	r.addBacklogs()
	return nil
}

func (r *results) burst(where string, measure func() (burst, error)) error {
	b, err := measure()
	if err != nil {
		return err
	}
	r.addBurst(where, b)
	return nil
}
