package main

import (
	"context"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/timeline"
)

// burst is what became of many events that were queued at once.
type burst struct {
	Events   int     `json:"events"`
	Shifts   int     `json:"shifts"` // that came of them: half as many, if nothing was lost
	Seconds  float64 `json:"seconds"`
	PeakMB   float64 `json:"peakMB"`   // of this process's live and dead memory
	StoredMB float64 `json:"storedMB"` // of it, what the queue and the store in memory hold
}

func (b burst) lost() int      { return b.Events/2 - b.Shifts }
func (b burst) rate() float64  { return float64(b.Events) / b.Seconds }
func (b burst) extra() float64 { return b.PeakMB - b.StoredMB }

// heap is the memory that objects take, live or not yet collected, in megabytes.
func heap() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / 1e6
}

// watch notes the highest heap until it is stopped.
func watch() (stop func() float64) {
	done := make(chan struct{})
	peak := make(chan float64)
	go func() {
		highest := heap()
		for {
			select {
			case <-done:
				peak <- max(highest, heap())
				return
			case <-time.After(10 * time.Millisecond):
				highest = max(highest, heap())
			}
		}
	}()
	return func() float64 {
		close(done)
		return <-peak
	}
}

// shiftAt is when a person's n-th shift starts: all lie on one day, and none touches another.
func shiftAt(day time.Time, n int) time.Time { return day.Add(time.Duration(n) * 10 * time.Minute) }

// burstInMemory queues a million events of 10,000 people at once, a hundred of each in one day, and drains them.
func burstInMemory(ctx context.Context) (burst, error) {
	const people, shiftsEach = 10_000, 50
	b := burst{Events: 2 * people * shiftsEach}
	w, err := newMemoryWorld()
	if err != nil {
		return b, err
	}
	if err := w.welcome(ctx, 0, people); err != nil {
		return b, err
	}
	day := longAgo()
	var queued []string
	for from := 0; from < people; from += 1000 {
		for n := range shiftsEach {
			for kind, after := range map[string]time.Duration{"login": 0, "logout": 5 * time.Minute} {
				bodies, err := w.messages(ctx, kind, crowd(from, 1000, shiftAt(day, n).Add(after)))
				if err != nil {
					return b, err
				}
				queued = append(queued, bodies...)
			}
		}
	}
	runtime.GC()
	peak := watch()
	began := time.Now()
	err = w.apply(ctx, queued)
	b.Seconds = time.Since(began).Seconds()
	b.PeakMB = peak()
	if err != nil {
		return b, err
	}
	runtime.GC()
	b.StoredMB = heap()
	runtime.KeepAlive(queued)
	of := timeline.Days{First: timeline.At(day).Day(), Last: timeline.At(day).Day()}
	for i := range people {
		records, err := w.store.Records(ctx, "courier-ltd", customerOf(i), of)
		if err != nil {
			return b, err
		}
		b.Shifts += shiftsIn(records)
	}
	return b, nil
}

func shiftsIn(records []timeline.Record) (n int) {
	for _, r := range records {
		n += len(r.Shifts)
	}
	return n
}

// burstEmbedded queues 100,000 events of a thousand people on the embedded services, through the API, and has two
// processors drain them.
func burstEmbedded(ctx context.Context, server *emulator.Server) (burst, error) {
	const people, shiftsEach = 1000, 50
	b := burst{Events: 2 * people * shiftsEach}
	d, err := ours(ctx, server, people, 0)
	if err != nil {
		return b, err
	}
	day := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
	var u use
	for n := range shiftsEach {
		if err := d.request(ctx, &u, "login", shiftAt(day, n), 0, people); err != nil {
			return b, err
		}
		if err := d.request(ctx, &u, "logout", shiftAt(day, n).Add(5*time.Minute), 0, people); err != nil {
			return b, err
		}
	}
	progress("%d events are in the queue", b.Events)
	runtime.GC()
	before := heap()
	peak := watch()
	began := time.Now()
	var processors errgroup.Group
	for range 2 {
		processors.Go(func() error {
			var u use
			return d.drain(ctx, &u)
		})
	}
	err = processors.Wait()
	b.Seconds = time.Since(began).Seconds()
	b.PeakMB = peak()
	b.StoredMB = before
	if err != nil {
		return b, err
	}
	var shifts atomic.Int64
	of := timeline.Days{First: timeline.At(day).Day(), Last: timeline.At(day).Day()}
	err = inParallel(people, func(i int) error {
		found, err := d.shifts(ctx, customerOf(i), of)
		shifts.Add(int64(len(found)))
		return err
	})
	b.Shifts = int(shifts.Load())
	return b, err
}
