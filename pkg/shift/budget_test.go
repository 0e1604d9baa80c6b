package shift

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// These tests count calls. How many there are depends on whether the facts are of the last week, so they are of the real
// yesterday: noon is long enough after one midnight and before the other.
var yesterday = time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)

// measured is a world whose calls are counted, with ABC123, who is the courier's 12345, and ABC12, its 1686.
func measured(t *testing.T) (*world, *emulator.Meter) {
	env := emulator.NewTestEnv(t)
	meter := emulator.AttachMeter(env)
	w := buildWorld(t, env, keys, prompt{queue.NewEventsQueue(env)})
	w.clock = time.Now()
	since := yesterday.AddDate(-2, 0, 0)
	for number, id := range map[string]string{"ABC123": "12345", "ABC12": "1686"} {
		w.person(courier, number, id, since, timeline.ConsentGiven(since), timeline.Matched(since))
	}
	return w, meter
}

// run hands facts to the processor in one batch of at most so many messages.
func (w *world) run(messages int, facts ...timeline.Fact) {
	w.t.Helper()
	var event events.SQSEvent
	for i := range messages {
		part := facts[i*len(facts)/messages : (i+1)*len(facts)/messages]
		for _, body := range factMessages(courier, "", part) {
			event.Records = append(event.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
		}
	}
	response, err := w.process(w.t.Context(), event)
	if err != nil || len(response.BatchItemFailures) > 0 {
		w.t.Fatalf("%v, %v", response, err)
	}
}

// workday is n facts, a minute each, LOGINs and LOGOUTs by turns, under the names by turns.
func workday(start time.Time, n int, names ...person.Name) []timeline.Fact {
	facts := make([]timeline.Fact, n)
	for i := range facts {
		name := names[i/2%len(names)]
		facts[i] = fact(timeline.Login+timeline.Kind(i%2), name.Kind, name.Value, start.Add(time.Duration(i)*time.Minute))
	}
	return facts
}

var (
	abc123 = person.Name{Kind: person.CustomerNumber, Value: "ABC123"}
	id123  = person.Name{Kind: person.UserID, Value: "12345"}
	abc12  = person.Name{Kind: person.CustomerNumber, Value: "ABC12"}
)

// TestProcessorCosts: one write for each fact row touched, and for each person at most four reads and one write for each
// day of the fold's window, whatever number of their events are in the batch, and however long they have been with us.
func TestProcessorCosts(t *testing.T) {
	w, meter := measured(t)
	costs := func(what string, rows, gets, queries, days int) {
		t.Helper()
		want := map[string]int{"DynamoDB.UpdateItem": rows, "DynamoDB.GetItem": gets, "DynamoDB.Query": queries, "DynamoDB.PutItem": days}
		maps.DeleteFunc(want, func(_ string, n int) bool { return n == 0 })
		if got := meter.Calls(); !maps.Equal(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
		}
		meter.Reset()
	}
	suite := func(when string) {
		meter.Reset()
		for _, n := range []int{1, 10, 200} {
			for _, messages := range []int{1, min(5, n)} {
				what := fmt.Sprintf("%s, %d facts in %d messages", when, n, messages)
				w.run(messages, workday(yesterday, n, abc123)...)
				costs(what+" by number", 1, 0, 3, 1)
				w.run(messages, workday(yesterday, n, id123)...)
				costs(what+" by id", 1, 1, 3, 1)
				if n > 2 {
					w.run(messages, workday(yesterday, n, abc123, id123)...)
					costs(what+" by both", 2, 1, 3, 1)
				}
			}
		}
		w.run(5, append(workday(yesterday, 10, abc123), workday(yesterday, 10, abc12)...)...)
		costs(when+", two people", 2, 0, 6, 2)
		w.run(1, append(workday(yesterday, 2, abc123), workday(yesterday.AddDate(0, 0, -1), 2, abc123)...)...)
		costs(when+", two days", 2, 0, 3, 2)
		w.run(1, append(workday(yesterday.Add(11*time.Hour), 1, abc123), workday(yesterday.Add(-22*time.Hour), 1, abc123)...)...)
		costs(when+", two days, night between", 2, 0, 3, 2)
		w.run(1, fact(timeline.Logout, person.CustomerNumber, "ABC12", yesterday.Add(-5*time.Hour)))
		costs(when+", a LOGOUT that closes nothing", 1, 0, 3, 0)
		w.run(1, fact(timeline.Login, person.UserID, "0", yesterday))
		costs(when+", an id that is nobody's", 1, 2, 0, 0) // asked for in earnest
		w.run(1, fact(timeline.Login, person.CustomerNumber, "ZZZ999", yesterday))
		costs(when+", a number that is nobody's", 1, 0, 2, 0)
		long := yesterday.AddDate(0, -6, 0)
		w.run(1, workday(long, 10, abc123)...)
		costs(when+", half a year late", 1, 0, 4, 1) // the history is not read along with those facts
	}
	suite("new")

	// The first year of ABC123: a shift each day, under both names, and a match confirmed each month.
	for i := range 365 {
		start := yesterday.AddDate(0, 0, -i)
		for _, f := range workday(start, 2, abc123) {
			w.union(f)
		}
		for _, f := range workday(start.Add(time.Hour), 2, id123) {
			w.union(f)
		}
		if i%30 == 0 {
			w.person(courier, "ABC123", "", start, timeline.Matched(start))
		}
	}
	suite("after a year")
}

// union stores a fact without folding anybody.
func (w *world) union(f timeline.Fact) {
	w.t.Helper()
	refused, err := w.timelines.Union(w.t.Context(), courier, f.Name, f.At.Day(), []timeline.Fact{f})
	if err != nil || len(refused) > 0 {
		w.t.Fatal(refused, err)
	}
}

// TestWriteUnits: an event costs a unit for its fact and a unit for its record, and 160 facts of one person's day no more
// for the facts.
func TestWriteUnits(t *testing.T) {
	w, meter := measured(t)
	for _, c := range []struct {
		facts int
		units float64
	}{{1, 2}, {2, 2}, {140, 2}} { // 70 shifts of 12 bytes are no kilobyte either
		meter.Reset()
		w.run(1, workday(yesterday, c.facts, abc123)...)
		if got := meter.WriteUnits(); got != c.units {
			t.Errorf("%d facts: %v write units", c.facts, got)
		}
	}
}
