package main

import (
	"math"
	"testing"

	"zego.com/workprovider/pkg/emulator"
)

// services are embedded ones of the test's own; the working folder becomes the project's, as that of `make bench` is.
func services(t *testing.T) *emulator.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the embedded services")
	}
	t.Chdir("..")
	server, err := emulator.Start(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	return server
}

// TestWarmLoginAllocations no more than 60 times above the bare adapter, and a batch not for each of its events beyond
// what decoding it takes.
func TestWarmLoginAllocations(t *testing.T) {
	w, err := newWarmCalls(t.Context(), services(t))
	if err != nil {
		t.Fatal(err)
	}
	count := func(call func() error) float64 {
		return testing.AllocsPerRun(200, func() {
			if err := call(); err != nil {
				t.Fatal(err)
			}
		})
	}
	if bare, ours := count(w.adapter), count(w.login); ours > bare+60 {
		t.Errorf("a login allocates %v times, the bare adapter %v", ours, bare)
	}
	if decoding, ours := count(w.decode), count(w.batch); ours > decoding+150 {
		t.Errorf("a batch of 1,000 allocates %v times, decoding it alone %v", ours, decoding)
	}
}

// TestBudgets: what batches of a hundred may take of the services, event by event. Both designs have to come to the
// same shifts.
func TestBudgets(t *testing.T) {
	server := services(t)
	const people = 100
	bill := func(order sequence) use {
		t.Helper()
		d, err := ours(t.Context(), server, people, 0)
		if err != nil {
			t.Fatal(err)
		}
		u, err := d.bill(t.Context(), people, people, order)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	apart := bill(loginsFirst)
	together := bill(interleaved)
	for _, c := range []struct {
		what       string
		got, limit float64
	}{
		{"requests", float64(apart.Requests), 2},
		{"calls to accept them", float64(apart.AcceptCalls), 2},
		{"invocations", float64(apart.Invocations), 4},
		{"SQS requests", float64(apart.Queue), 6}, // send, receive, delete, twice
		{"records written apart", float64(apart.Records), 200},
		{"records written together", float64(together.Records), 100},
		{"write units an event, apart", apart.WritesEach(), 2.05},
		// a fact, a record, and a share of what the batch asked for
		{"read units an event, apart", apart.ReadsEach(), 3.55},
		{"write units an event, together", together.WritesEach(), 1.05},
		{"read units an event, together", together.ReadsEach(), 1.8},
	} {
		if c.got > c.limit {
			t.Errorf("%s: %v, at most %v", c.what, c.got, c.limit)
		}
	}
	n, err := naively(t.Context(), server, people, 0)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := n.bill(t.Context(), people, people, loginsFirst); err != nil || u.Services() < 1.8*apart.Services() {
		t.Errorf(
			"the naive design costs %s a million events, ours %s (%v)",
			dollars(u.Services()),
			dollars(apart.Services()),
			err,
		)
	}
}

func TestPrices(t *testing.T) {
	u := use{
		Events: 1000, Requests: 1, Invocations: 2, Queue: 3, Writes: 2000, Reads: 3000, Records: 1000,
		WaitedCalls: 100, LogBytes: 300,
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-9 {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	near("services", u.Services(), 0.0035+0.0004+0.0012+1.25+0.375)
	near("facts", u.Facts(), 0.0035+0.0004+0.0012+0.625)
	near("duration", u.Duration(), 100*0.005*0.5/1000*13.3334)
	near("logs", u.Logs(), 0.0005) // a kilobyte for a thousand events: a gigabyte for a billion
}

func TestCompare(t *testing.T) {
	fast := 0
	slow := 0
	results, err := compare(5,
		contender{"fast", func() (float64, error) { fast++; return float64(fast), nil }},
		contender{"slow", func() (float64, error) { slow++; return 3 * float64(slow), nil }},
	)
	if err != nil || fast != 8 || slow != 8 {
		t.Fatalf("%d and %d rounds of 5 and 3 to warm up, %v", fast, slow, err)
	}
	if got := results["slow"].Ratio; got != (spread{3, 3, 3}) {
		t.Errorf("the ratio of a round is not that of a moment: %v", got)
	}
	if got := results["fast"].Cost; got != (spread{6, 5, 7}) { // of 4 to 8
		t.Errorf("the median and quartiles are %v", got)
	}
}

func TestMarks(t *testing.T) {
	for _, c := range []struct {
		f    figure
		want string
	}{
		{figure{Value: exactly(1), Limit: 1}, "ok"},
		{figure{Value: exactly(1.1), Limit: 1}, "MISSED"},
		{figure{Value: exactly(9), Limit: 10, AtLeast: true}, "MISSED"},
		{figure{Value: exactly(10), Limit: 10, AtLeast: true}, "ok"},
		{figure{Value: exactly(10)}, ""},
		{figure{Value: exactly(0), Unit: unitLost}, "ok"},
		{figure{Value: exactly(1), Unit: unitLost}, "MISSED"},
	} {
		if got := c.f.Mark(); got != c.want {
			t.Errorf("%+v is marked %q, want %q", c.f, got, c.want)
		}
	}
}
