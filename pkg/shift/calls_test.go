package shift

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// These tests count calls. How many there are depends on whether the facts are of the last week, so they are of the
// real yesterday: noon is long enough after one midnight and before the other.
var yesterday = time.Now().UTC().Truncate(24 * time.Hour).Add(-12 * time.Hour)

// newMeteredFixture is a fixture whose calls are counted, with ABC123, who is the courier's 12345, and ABC12, its 1686.
func newMeteredFixture(t *testing.T) (*fixture, *emulator.Meter) {
	env := emulator.NewTestEnv(t)
	meter := emulator.AttachMeter(env)
	fx := buildFixture(t, env, keys, immediateQueue{queue.NewEventsQueue(env)})
	fx.clock = time.Now()
	since := yesterday.AddDate(-2, 0, 0)
	for number, id := range map[string]string{"ABC123": "12345", "ABC12": "1686"} {
		fx.addPerson(courier, number, id, since, timeline.ConsentGiven(since), timeline.Matched(since))
	}
	return fx, meter
}

// run hands facts to the processor in one batch of at most so many messages.
func (fx *fixture) run(messages int, facts ...timeline.Fact) {
	fx.t.Helper()
	var event events.SQSEvent
	for i := range messages {
		part := facts[i*len(facts)/messages : (i+1)*len(facts)/messages]
		for _, body := range factMessages(courier, "", part) {
			event.Records = append(event.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
		}
	}
	response, err := fx.process(fx.t.Context(), event)
	if err != nil || len(response.BatchItemFailures) > 0 {
		fx.t.Fatalf("%v, %v", response, err)
	}
}

// workday is n facts, a minute each, LOGINs and LOGOUTs by turns, under the names by turns.
func workday(start time.Time, n int, names ...person.Name) []timeline.Fact {
	facts := make([]timeline.Fact, n)
	for i := range facts {
		name := names[i/2%len(names)]
		at := start.Add(time.Duration(i) * time.Minute)
		facts[i] = fact(timeline.Login+timeline.Kind(i%2), name.Kind, name.Value, at)
		facts[i].Accepted = timeline.AcceptedAt(at)
	}
	return facts
}

var (
	abc123 = person.Name{Kind: person.CustomerNumber, Value: "ABC123"}
	id123  = person.Name{Kind: person.UserID, Value: "12345"}
	abc12  = person.Name{Kind: person.CustomerNumber, Value: "ABC12"}
)

// TestProcessorCosts: one write for each fact row touched, and for each person at most four reads and one write for
// each day of the fold's window, whatever number of their events are in the batch, and however long they have been with
// us.
func TestProcessorCosts(t *testing.T) {
	fx, meter := newMeteredFixture(t)
	costs := func(what string, rows, gets, queries, days int) {
		t.Helper()
		want := map[string]int{"DynamoDB.UpdateItem": rows, "DynamoDB.GetItem": gets, "DynamoDB.Query": queries,
			"DynamoDB.PutItem": days}
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
				fx.run(messages, workday(yesterday, n, abc123)...)
				costs(what+" by number", 1, 0, 3, 1)
				fx.run(messages, workday(yesterday, n, id123)...)
				costs(what+" by id", 1, 1, 3, 1)
				if n > 2 {
					fx.run(messages, workday(yesterday, n, abc123, id123)...)
					costs(what+" by both", 2, 1, 3, 1)
				}
			}
		}
		fx.run(5, append(workday(yesterday, 10, abc123), workday(yesterday, 10, abc12)...)...)
		costs(when+", two people", 2, 0, 6, 2)
		fx.run(1, append(workday(yesterday, 2, abc123), workday(yesterday.AddDate(0, 0, -1), 2, abc123)...)...)
		costs(when+", two days", 2, 0, 3, 2)
		fx.run(1, append(workday(yesterday.Add(11*time.Hour), 1, abc123),
			workday(yesterday.Add(-22*time.Hour), 1, abc123)...)...)
		costs(when+", two days, night between", 2, 0, 3, 2)
		fx.run(1, fact(timeline.Logout, person.CustomerNumber, "ABC12", yesterday.Add(-5*time.Hour)))
		costs(when+", a LOGOUT that closes nothing", 1, 0, 3, 0)
		fx.run(1, fact(timeline.Login, person.UserID, "0", yesterday))
		costs(when+", an id that is nobody's", 1, 2, 0, 0) // asked for in earnest
		fx.run(1, fact(timeline.Login, person.CustomerNumber, "ZZZ999", yesterday))
		costs(when+", a number that is nobody's", 1, 0, 2, 0)
		long := yesterday.AddDate(0, -6, 0)
		fx.run(1, workday(long, 10, abc123)...)
		costs(when+", half a year late", 1, 0, 4, 1) // the history is not read along with those facts
	}
	suite("new")

	// The first year of ABC123: a shift each day, under both names, and a match confirmed each month.
	for i := range 365 {
		start := yesterday.AddDate(0, 0, -i)
		for _, f := range workday(start, 2, abc123) {
			fx.addFact(f)
		}
		for _, f := range workday(start.Add(time.Hour), 2, id123) {
			fx.addFact(f)
		}
		if i%30 == 0 {
			fx.addPerson(courier, "ABC123", "", start, timeline.Matched(start))
		}
	}
	suite("after a year")
}

// addFact stores a fact without folding anybody.
func (fx *fixture) addFact(f timeline.Fact) {
	fx.t.Helper()
	refused, err := fx.timelines.AddFacts(fx.t.Context(), courier, f.Name, f.At.Day(), []timeline.Fact{f})
	if err != nil || len(refused) > 0 {
		fx.t.Fatal(refused, err)
	}
}

// TestWriteUnits: an event costs a unit for its fact and a unit for its record, and 80 facts of one person's day no
// more for the facts.
func TestWriteUnits(t *testing.T) {
	emulator.Require(t, emulator.WriteCapacity)
	fx, meter := newMeteredFixture(t)
	for _, c := range []struct {
		facts int
		units float64
	}{{1, 2}, {2, 2}, {80, 2}, {140, 3}} { // 70 shifts of 12 bytes are no kilobyte
		meter.Reset()
		fx.run(1, workday(yesterday, c.facts, abc123)...)
		if got := meter.WriteUnits(); got != c.units {
			t.Errorf("%d facts: %v write units", c.facts, got)
		}
	}
}

// batchOfCustomers is the body of a batch of LOGINs: the first hundred of customers of their own, C0 to C99, and all
// others of ten more people.
func batchOfCustomers(n int) string {
	var b strings.Builder
	for i := range n {
		name := fmt.Sprint("C", i)
		if i >= pageSize {
			name = fmt.Sprint("MORE", i%10)
		}
		at := yesterday.Add(-time.Duration(i/10) * time.Second)
		fmt.Fprintf(&b, `,{"customerNumber":"%s","timestamp":"%s"}`, name, at.Format("2006-01-02T15:04:05Z"))
	}
	return "[" + b.String()[1:] + "]"
}

// TestBatchPageCosts: a page of a batch costs the query of its tallies, that of the one or two parts that hold it, and
// its events' people, however large the batch is.
func TestBatchPageCosts(t *testing.T) {
	fx, meter := newMeteredFixture(t)
	since := yesterday.AddDate(-1, 0, 0)
	for i := range pageSize {
		fx.addPerson(courier, fmt.Sprint("C", i), "", since, timeline.ConsentGiven(since), timeline.Matched(since))
	}
	for _, count := range []int{100, 1000, 20_000} {
		id := fx.accept("/v1/batch/login", batchOfCustomers(count))
		fx.deliverBodies(fx.queued()...)
		meter.Reset()
		if a := fx.get("/v2/batch/" + id); a.status != 200 || !strings.Contains(a.body, `"events":[{`) {
			t.Fatalf("%.300v", a)
		}
		if got, want := meter.Calls(), map[string]int{"DynamoDB.Query": 2 + 2*pageSize}; !maps.Equal(got, want) {
			t.Errorf("of %d events: %v, want %v", count, got, want)
		}
		// A unit for the tallies, two for each person, and at most 8 for each part: a message of 64 KiB takes half of
		// that as a part.
		if got, most := meter.ReadUnits(), float64(1+2*pageSize+2*8); got > most {
			t.Errorf("of %d events: %v units, at most %v", count, got, most)
		}
	}
}

// TestLongHistoryCosts: one more event costs the same whatever lies behind its person: at most four record writes, and
// one query of the days around it for each of the person's names. So do a shift by its id and a page of a list.
func TestLongHistoryCosts(t *testing.T) {
	for name, daily := range map[string]func(day time.Time) []timeline.Fact{
		"LOGINs an hour apart, without a LOGOUT": func(day time.Time) []timeline.Fact {
			return factsOfDay(day, 24, time.Hour)
		},
		"days as full of LOGINs as can be": func(day time.Time) []timeline.Fact {
			return factsOfDay(day, timeline.MaxFactsPerDay-101, 40*time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			fx, meter := newMeteredFixture(t)
			midnight := yesterday.Truncate(24 * time.Hour)
			for i := range 365 {
				day := midnight.AddDate(0, 0, -i)
				overflow, err := fx.timelines.AddFacts(t.Context(), courier, abc123, timeline.At(day).Day(), daily(day))
				if err != nil || len(overflow) > 0 {
					t.Fatal(overflow, err)
				}
			}
			middle := midnight.AddDate(0, 0, -180).Add(10*time.Hour + 30*time.Minute + time.Second)
			for what, f := range map[string]timeline.Fact{
				"a LOGIN":  fact(timeline.Login, abc123.Kind, abc123.Value, middle),
				"a LOGOUT": fact(timeline.Logout, abc123.Kind, abc123.Value, middle.Add(time.Second)),
			} {
				meter.Reset()
				fx.run(1, f)
				calls := meter.Calls()
				if n := calls["DynamoDB.PutItem"]; n < 1 || n > 4 {
					t.Errorf("%s: %d record writes", what, n)
				}
				delete(calls, "DynamoDB.PutItem")
				if want := map[string]int{"DynamoDB.UpdateItem": 1, "DynamoDB.Query": 4}; !maps.Equal(calls, want) {
					t.Errorf("%s: besides, %v, want %v", what, calls, want)
				}
			}
			from := middle.AddDate(0, 0, -1).Format("2006-01-02T15:04:05Z")
			to := middle.Format("2006-01-02T15:04:05Z")
			for target, queries := range map[string]int{
				// The LOGIN's fact, the history, the facts under both names, and the record.
				"/v2/shift/" + EventID(fx.ids, courier, fact(timeline.Login, abc123.Kind, abc123.Value, middle)): 5,
				// The history, the facts under both names of one day and of the next two, and the records.
				"/v2/shift?customerNumber=ABC123&from=" + from + "&to=" + to: 6,
			} {
				meter.Reset()
				if a := fx.get(target); a.status != 200 || !strings.Contains(a.body, `"startTime"`) {
					t.Fatalf("%s: %v", target, a)
				}
				if got, want := meter.Calls(), map[string]int{"DynamoDB.Query": queries}; !maps.Equal(got, want) {
					t.Errorf("%s: %v, want %v", target, got, want)
				}
			}
		})
	}
}

// factsOfDay is n LOGINs of ABC123's from the beginning of a day, so far apart.
func factsOfDay(day time.Time, n int, apart time.Duration) []timeline.Fact {
	facts := make([]timeline.Fact, n)
	for i := range facts {
		at := day.Add(time.Duration(i) * apart)
		facts[i] = fact(timeline.Login, abc123.Kind, abc123.Value, at)
		facts[i].Accepted = timeline.AcceptedAt(at)
	}
	return facts
}
