package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// anybody is an Authenticator that takes everybody for one work provider.
type anybody struct{}

func (anybody) Authenticate(context.Context, string) (provider.Provider, error) {
	return provider.Provider{ID: "courier-ltd", Name: "Courier Ltd"}, nil
}

// mailbox is a queue that keeps what is sent to it.
type mailbox struct{ bodies []string }

func (m *mailbox) Send(_ context.Context, _ string, _ time.Duration, bodies ...string) error {
	m.bodies = append(m.bodies, bodies...)
	return nil
}

// nowhere takes no dead letters: there must be none.
type nowhere struct{}

func (nowhere) Archive(context.Context, deadletter.DeadLetter) error {
	return errors.New("a message was not understood")
}

// memoryWorld is the processor on the store in memory, and the endpoints that make its messages.
type memoryWorld struct {
	store   *timeline.Memory
	process consumer.Func
	accept  map[string]accept // of batches, by "login" and "logout"
	queue   *mailbox
}

func newMemoryWorld() (*memoryWorld, error) {
	ids, err := seal.New(emulator.EventIDKeys)
	if err != nil {
		return nil, err
	}
	w := &memoryWorld{store: timeline.NewMemory(), queue: &mailbox{}}
	w.process = shift.Processor(timeline.NewApplier(w.store, parallelCalls), nowhere{}, time.Now)
	w.accept = map[string]accept{
		"login":  serve.Proxy(shift.BatchLogin(anybody{}, w.queue, ids, time.Now)),
		"logout": serve.Proxy(shift.BatchLogout(anybody{}, w.queue, ids, time.Now)),
	}
	return w, nil
}

// welcome makes people who have shared for years, under their customer numbers.
func (w *memoryWorld) welcome(ctx context.Context, from, people int) error {
	since := time.Now().AddDate(-3, 0, 0)
	for i := from; i < from+people; i++ {
		entries := []timeline.Entry{timeline.ConsentGiven(since), timeline.Matched(since)}
		if _, err := w.store.AddHistory(ctx, "courier-ltd", customerOf(i), entries); err != nil {
			return err
		}
	}
	return nil
}

// named is an event by customer number.
type numberItem struct {
	Customer  string `json:"customerNumber"`
	Timestamp string `json:"timestamp"`
}

// messages are the queue's messages for a batch, as its endpoint sends them.
func (w *memoryWorld) messages(ctx context.Context, kind string, items []numberItem) ([]string, error) {
	w.queue.bodies = nil
	path := "/v1/batch/" + kind
	err := accepted(w.accept[kind](ctx, gatewayEvent(path, "key", mustJSON(items))))
	return w.queue.bodies, err
}

// apply hands messages to the processor, ten at a time as Lambda does.
func (w *memoryWorld) apply(ctx context.Context, bodies []string) error {
	for ten := range slices.Chunk(bodies, 10) {
		var batch events.SQSEvent
		for i, body := range ten {
			batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
		}
		response, err := w.process(ctx, batch)
		if err != nil || len(response.BatchItemFailures) > 0 {
			return fmt.Errorf("%d messages failed (%w)", len(response.BatchItemFailures), err)
		}
	}
	return nil
}

// crowd is one event of each of so many people at a time.
func crowd(from, people int, at time.Time) []numberItem {
	items := make([]numberItem, people)
	for i := range items {
		items[i] = numberItem{customerOf(from + i), at.Format(time.RFC3339)}
	}
	return items
}

// workday is one login and, four hours later, one logout of so many people, each in a batch of its own.
func (w *memoryWorld) workday(
	ctx context.Context,
	from, people int,
	day time.Time,
	kinds ...string,
) (bodies []string, err error) {
	for i, kind := range kinds {
		more, err := w.messages(ctx, kind, crowd(from, people, day.Add(time.Duration(8+4*i)*time.Hour)))
		if err != nil {
			return nil, err
		}
		bodies = append(bodies, more...)
	}
	return bodies, nil
}

// oneByOne applies messages as invocations of their own, and answers the microseconds that took.
func (w *memoryWorld) oneByOne(ctx context.Context, bodies []string) (float64, error) {
	began := cpuMicros()
	for i := range bodies {
		if err := w.apply(ctx, bodies[i:i+1]); err != nil {
			return 0, err
		}
	}
	return cpuMicros() - began, nil
}

// point is a place on a curve: what one event costs the processor, in microseconds of one core.
type point struct {
	X      int    `json:"x"`
	Micros spread `json:"microseconds"`
}

// growth is what an event costs as things grow.
type growth struct {
	BatchSize []point `json:"byBatchSize"`    // logins and logouts apart
	FactsADay []point `json:"byFactsADay"`    // of a person, in batches of up to 2,000
	Shifts    []past  `json:"byDaysOfShifts"` // that lie behind the person
	Open      []past  `json:"byDaysOfLogins"` // likewise, without a LOGOUT
}

// past is what an event costs after so many days, as a ratio to what it costs after none.
type past struct {
	Days  int    `json:"days"`
	Ratio spread `json:"ratio"`
}

// longAgo is a day that no clock's edge is near.
func longAgo() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(-2, 0, 0) }

// measureGrowth runs the processor on the store in memory and on one core.
func measureGrowth(ctx context.Context) (*growth, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var g growth
	for _, n := range []int{1, 10, 100, 1000, 10_000} {
		p, err := byBatchSize(ctx, n)
		if err != nil {
			return nil, err
		}
		g.BatchSize = append(g.BatchSize, p)
	}
	for _, n := range []int{1, 2, 10, 100, 500, 1000, 2000} {
		p, err := byFactsADay(ctx, n)
		if err != nil {
			return nil, err
		}
		g.FactsADay = append(g.FactsADay, p)
	}
	var err error
	g.Shifts, g.Open, err = byHistory(ctx)
	return &g, err
}

func byBatchSize(ctx context.Context, n int) (point, error) {
	w, err := newMemoryWorld()
	if err != nil {
		return point{}, err
	}
	if err := w.welcome(ctx, 0, n); err != nil {
		return point{}, err
	}
	var took []float64
	for round := range max(5, min(200, 20_000/n)) {
		bodies, err := w.workday(ctx, 0, n, longAgo().AddDate(0, 0, round), "login", "logout")
		if err != nil {
			return point{}, err
		}
		micros, err := w.oneByOne(ctx, bodies)
		if err != nil {
			return point{}, err
		}
		took = append(took, micros/float64(2*n))
	}
	return point{n, spreadOf(took)}, nil
}

func byFactsADay(ctx context.Context, n int) (point, error) {
	w, err := newMemoryWorld()
	if err != nil {
		return point{}, err
	}
	people := max(1, 2000/n)
	if err := w.welcome(ctx, 0, people); err != nil {
		return point{}, err
	}
	var took []float64
	for round := range 10 {
		var bodies []string
		for kind, name := range []string{"login", "logout"} {
			var items []numberItem
			for fact := kind; fact < n; fact += 2 {
				at := longAgo().AddDate(0, 0, 2*round).Add(time.Duration(fact) * 40 * time.Second)
				items = append(items, crowd(0, people, at)...)
			}
			if len(items) == 0 {
				continue // one fact a day is a LOGIN
			}
			more, err := w.messages(ctx, name, items)
			if err != nil {
				return point{}, err
			}
			bodies = append(bodies, more...)
		}
		began := cpuMicros()
		if err := w.apply(ctx, bodies); err != nil {
			return point{}, err
		}
		took = append(took, (cpuMicros()-began)/float64(n*people))
	}
	return point{n, spreadOf(took)}, nil
}

// byHistory has a hundred people work another day, who have days behind them, or LOGINs alone, or nothing.
func byHistory(ctx context.Context) (shifts, open []past, err error) {
	const people, rounds = 100, 60
	day := longAgo()
	contend := func(name string, days int, kinds ...string) (contender, error) {
		w, err := newMemoryWorld()
		if err != nil {
			return contender{}, err
		}
		// Who has nothing behind them is somebody else in each round, known as long as the others are.
		if err := w.welcome(ctx, 0, people*(rounds+warmRounds)); err != nil {
			return contender{}, err
		}
		for i := range days {
			bodies, err := w.workday(ctx, 0, people, day.AddDate(0, 0, 365-days+i), kinds...)
			if err != nil {
				return contender{}, err
			}
			if err := w.apply(ctx, bodies); err != nil {
				return contender{}, err
			}
		}
		round := 0
		return contender{name, func() (float64, error) {
			from := 0
			if days == 0 {
				from = round * people
			}
			round++
			bodies, err := w.workday(ctx, from, people, day.AddDate(0, 0, 365+round), "login", "logout")
			if err != nil {
				return 0, err
			}
			return w.oneByOne(ctx, bodies)
		}}, nil
	}
	none, err := contend("none", 0)
	if err != nil {
		return nil, nil, err
	}
	contenders := []contender{none}
	for _, days := range daysBehind {
		before, err := contend(fmt.Sprint("shifts", days), days, "login", "logout")
		if err != nil {
			return nil, nil, err
		}
		logins, err := contend(fmt.Sprint("logins", days), days, "login")
		if err != nil {
			return nil, nil, err
		}
		contenders = append(contenders, before, logins)
	}
	results, err := compare(rounds, contenders...)
	for _, days := range daysBehind {
		shifts = append(shifts, past{days, results[fmt.Sprint("shifts", days)].Ratio})
		open = append(open, past{days, results[fmt.Sprint("logins", days)].Ratio})
	}
	return shifts, open, err
}

// daysBehind are the histories that are compared with none; the last is a year.
var daysBehind = []int{7, 30, 120, 365}
