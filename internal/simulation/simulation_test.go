package simulation

import (
	"flag"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	seeds = flag.Int("seeds", 5000, "how many seeds TestSimulation runs")
	first = flag.Uint64("first", 0, "the first of them")
	seed  = flag.Int64("seed", -1, "the one seed that TestSimulation runs; with -v as a log")
)

// TestMain keeps what the processor says of every failure to itself.
func TestMain(m *testing.M) {
	flag.Parse()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// TestSimulation runs seed after seed.
func TestSimulation(t *testing.T) {
	if *seed >= 0 {
		var log []string
		w := simulation(uint64(*seed), &log)
		t.Log("\n" + strings.Join(log, "\n"))
		if len(w.violations) > 0 {
			t.Errorf("\n%s", w.report())
		}
		return
	}
	var next, calls atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for !t.Failed() {
				n := next.Add(1) - 1
				if n >= int64(*seeds) {
					return
				}
				s := *first + uint64(n)
				w := simulation(s, nil)
				calls.Add(int64(w.calls))
				if len(w.violations) > 0 {
					t.Errorf("seed %d:\n%s\nAgain, step by step:\n  "+
						"go test ./internal/simulation -run 'TestSimulation$' -seed=%d -v",
						s, w.report(), s)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d seeds from %d on, with %d calls to services", min(next.Load(), int64(*seeds)), *first, calls.Load())
}

// TestSeedDeterminism runs seeds twice and compares the logs.
func TestSeedDeterminism(t *testing.T) {
	for s := range uint64(50) {
		var one, other []string
		simulation(s, &one)
		simulation(s, &other)
		if !slices.Equal(one, other) {
			for i := range one {
				if i >= len(other) || one[i] != other[i] {
					t.Fatalf("seed %d, line %d:\n%s\n%v", s, i, one[i], other[i:min(i+1, len(other))])
				}
			}
			t.Fatalf("seed %d: one run went on", s)
		}
	}
}

// simulation is the run that a seed stands for.
func simulation(seed uint64, log *[]string) *world {
	w := newWorld(rand.New(rand.NewPCG(seed, 1)))
	w.log = log
	w.run()
	return w
}

// run is everything, as the seed has it.
func (w *world) run() {
	random := w.random
	left := 3 + random.IntN(10)
	next := w.anything
	switch random.IntN(9) {
	case 0, 1, 2:
		left = 1
		next = w.burst()
	case 3:
		left = 2 + random.IntN(2)
		next = w.endsAtOnce()
	default:
		w.setup()
	}
	w.injectFailures(random.IntN(6), pick(w, 5, 20, 60))
	w.maxReceives = pick(w, 1, 2, templateMaxReceives, templateMaxReceives)
	begin := func() bool {
		if left == 0 {
			return false
		}
		left--
		next()
		return true
	}
	for w.turn(begin) {
	}
	if random.IntN(3) == 0 { // once all is applied, answers are kept, and more happens
		w.keepAnswers()
		left = 1 + random.IntN(4)
		next = w.anything
		for w.turn(begin) {
		}
	}
	w.keepAnswers()
	w.checkEarly()
	if random.IntN(3) == 0 {
		w.onePersonIsFolded()
	}
	// Weeks later the dead letters are sent again, and old messages are delivered once more.
	if random.IntN(3) == 0 {
		w.advance(random.Int64N(35) * day)
		w.injectFailures(random.IntN(3), 20)
		for range random.IntN(3) {
			w.redeliver()
		}
		w.redrive()
		w.drain()
	}
	w.clearFailures()
	w.maxReceives = templateMaxReceives
	for w.redrive() {
		w.drain()
	}
	w.checkEarly()
	w.recordsAreTheModels()
	w.checkV2()
	w.check()
	if _, ok := w.backend.(simulated); ok && random.IntN(4) == 0 {
		w.checkIsolation(pick(w, tenants...))
	}
}
