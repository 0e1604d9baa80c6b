package shift

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// These benchmarks take the storage's time out: the processor works on the store in memory, and its log goes nowhere.
// `make bench` holds an event's time against that of only reading its message.

// customerNumbers are those of so many people.
func customerNumbers(n int) []string {
	numbers := make([]string, n)
	for i := range numbers {
		numbers[i] = fmt.Sprintf("ZEGO%06d", i)
	}
	return numbers
}

// seededStore is a store in memory in which these people have shared for years.
func seededStore(numbers []string, since time.Time) *timeline.Memory {
	m := timeline.NewMemory()
	for _, number := range numbers {
		entries := []timeline.Entry{timeline.ConsentGiven(since), timeline.Matched(since)}
		if _, err := m.AddHistory(context.Background(), courier, number, entries); err != nil {
			panic(err)
		}
	}
	return m
}

// delivery is a batch of messages for the processor, of so many facts each.
func delivery(facts []timeline.Fact, perMessage int) events.SQSEvent {
	var e events.SQSEvent
	for len(facts) > 0 {
		n := min(perMessage, len(facts))
		for _, body := range factMessages(courier, "", facts[:n]) {
			e.Records = append(e.Records, events.SQSMessage{MessageId: fmt.Sprint(len(e.Records)), Body: body})
		}
		facts = facts[n:]
	}
	return e
}

// reportPerEvent reports an event's time instead of an iteration's.
func reportPerEvent(b *testing.B, each int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*each), "ns/event")
	b.ReportMetric(0, "ns/op")
}

// deliver hands messages to the processor, all of which it must take.
func deliver(b *testing.B, process consumer.Func, e events.SQSEvent) {
	if response, err := process(context.Background(), e); err != nil || len(response.BatchItemFailures) > 0 {
		b.Fatal(response, err)
	}
}

// BenchmarkApart is a batch of LOGINs of so many people, and later a batch of their LOGOUTs: each event costs a fold
// and a record.
func BenchmarkApart(b *testing.B) {
	log := slog.Default()
	slog.SetDefault(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	b.Cleanup(func() { slog.SetDefault(log) })
	for _, n := range []int{1, 10, 100, 1000, 10000} {
		numbers := customerNumbers(n)
		deliveries := func(day int) (both []events.SQSEvent) {
			for hour, kind := range []timeline.Kind{timeline.Login, timeline.Logout} {
				facts := make([]timeline.Fact, n)
				for i, number := range numbers {
					facts[i] = fact(kind, person.CustomerNumber, number,
						noon.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour))
				}
				both = append(both, delivery(facts, 1000))
			}
			return both
		}
		b.Run(fmt.Sprint("decode/", n), func(b *testing.B) {
			both := deliveries(0)
			b.ReportAllocs()
			for b.Loop() {
				for _, e := range both {
					for _, m := range e.Records {
						if _, err := parseMessage(m.Body); err != nil {
							b.Fatal(err)
						}
					}
				}
			}
			reportPerEvent(b, 2*n)
		})
		b.Run(fmt.Sprint("process/", n), func(b *testing.B) {
			b.ReportAllocs()
			var process consumer.Func
			day := 0
			for b.Loop() {
				b.StopTimer()
				if day%30 == 0 {
					process = Processor(timeline.NewApplier(seededStore(numbers, noon.AddDate(-1, 0, 0)), 32),
						failingArchive{}, time.Now)
				}
				both := deliveries(day % 30)
				day++
				b.StartTimer()
				for _, e := range both {
					deliver(b, process, e)
				}
			}
			reportPerEvent(b, 2*n)
		})
	}
}
