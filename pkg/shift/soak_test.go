package shift

import (
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/queue"
)

// soak runs the tests of this file, which take minutes: `make soak`.
var soak = flag.Bool("soak", false, "run the tests that take minutes")

func newSoakFixture(t *testing.T) *fixture {
	t.Helper()
	if !*soak {
		t.Skip("takes minutes: make soak")
	}
	log := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(log) })
	env := emulator.NewTestEnv(t)
	return buildFixture(t, env, keys, immediateQueue{queue.NewEventsQueue(env)})
}

// mappedMemory is the memory that the Go runtime of this process has mapped, in MiB: the whole of what a processor
// needs, and what the test needs on top.
func mappedMemory() float64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return float64(sample[0].Value.Uint64()) / (1 << 20)
}

// TestSoakBacklog drains a backlog of 200,000 events with one poison message in every hundred: every event is accounted
// for by the id of its batch, none is lost and none counts twice, and the memory stays under 128 MiB.
func TestSoakBacklog(t *testing.T) {
	const batches, perBatch, perPoison = 10_000, 20, 100
	fx := newSoakFixture(t)
	var ids []string
	for b := range batches {
		number := fmt.Sprintf("S%d", b%2000)
		if b < 2000 {
			fx.addCustomer(courier, number, "")
		}
		// A day of ten shifts of ten minutes, another day for each batch of the customer.
		day := minutes(-24 * 60 * (1 + b/2000))
		var logins, logouts []string
		for i := range perBatch / 2 {
			at := day.Add(time.Duration(i) * 20 * time.Minute)
			logins = append(logins, fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, number, iso(at)))
			logouts = append(logouts,
				fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, number, iso(at.Add(10*time.Minute))))
		}
		ids = append(ids, fx.accept("/v1/batch/login", "["+strings.Join(logins, ",")+"]"))
		ids = append(ids, fx.accept("/v1/batch/logout", "["+strings.Join(logouts, ",")+"]"))
		if b%(perPoison/2) == 0 { // a batch is two messages
			fx.poison(fmt.Sprintf("poison %d", b))
		}
	}
	most := 0.0
	began := time.Now()
	for fx.step() {
		most = max(most, mappedMemory())
	}
	t.Logf("%d events in %v, at most %.0f MiB", batches*perBatch, time.Since(began).Round(time.Second), most)
	if most > 128 {
		t.Errorf("the memory grew to %.0f MiB", most)
	}
	applied := 0
	for b, id := range ids {
		var batch struct{ Events []struct{ State string } }
		fx.read("/v2/batch/"+id, &batch)
		if len(batch.Events) != perBatch/2 {
			t.Fatalf("batch %d: %v", b, batch)
		}
		for _, e := range batch.Events {
			if e.State == "APPLIED" {
				applied++
			}
		}
	}
	shifts := 0
	for c := range 2000 {
		a := fx.get(fmt.Sprintf("/v2/shift?customerNumber=S%d", c))
		shifts += strings.Count(a.body, `"endedBy":"LOGOUT"`)
	}
	if applied != batches*perBatch || shifts != batches*perBatch/2 {
		t.Errorf("%d events applied and %d shifts ended, want %d and half of it", applied, shifts, batches*perBatch)
	}
	letters, err := deadletter.NewStore(fx.env).List(t.Context(), time.Now().UTC().Format("2006-01"))
	if err != nil || len(letters) != batches/(perPoison/2) {
		t.Errorf("%d dead letters, want %d (%v)", len(letters), batches/(perPoison/2), err)
	}
}

// TestSoakFlood floods one customer with 10,000 events of one day, and measures how long other customers' events take
// beside it and without it. What does not fit the day is refused, and nothing comes again.
func TestSoakFlood(t *testing.T) {
	fx := newSoakFixture(t)
	fx.addCustomer(courier, "FLOODED", "")
	others := func(from int) time.Duration {
		for c := from; c < from+100; c++ {
			number := fmt.Sprintf("O%d", c)
			fx.addCustomer(courier, number, "")
			fx.accept("/v1/shift/login", fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, number, iso(noon)))
		}
		began := time.Now()
		for fx.step() {
			continue
		}
		return time.Since(began)
	}
	alone := others(0)
	var flood []string
	for b := range 1000 {
		var items []string
		for i := range 10 {
			at := minutes(-24 * 60).Add(time.Duration(b*10+i) * time.Second)
			items = append(items, fmt.Sprintf(`{"customerNumber":"FLOODED","timestamp":%q}`, iso(at)))
		}
		flood = append(flood, fx.accept("/v1/batch/login", "["+strings.Join(items, ",")+"]"))
	}
	beside := others(100)
	t.Logf("100 events of other customers: %v alone, %v behind 10,000 events of one customer",
		alone.Round(time.Millisecond), beside.Round(time.Millisecond))
	states := map[string]int{}
	for _, id := range flood {
		var body struct{ Outcomes map[string]int }
		if err := json.Unmarshal([]byte(fx.get("/v2/batch/"+id).body), &body); err != nil {
			t.Fatal(err)
		}
		for state, n := range body.Outcomes {
			states[state] += n
		}
	}
	// The last hundred places of the day are kept for LOGOUTs (rule 9).
	if states["REJECTED"] != 8100 || states["APPLIED"]+states["NO_EFFECT"] != 1900 {
		t.Errorf("the flood became %v", states)
	}
}

// step delivers the next messages, none of which may fail; false when there are none.
func (fx *fixture) step() bool {
	fx.t.Helper()
	messages := fx.receive()
	if failed := fx.deliver(messages); len(failed) > 0 {
		fx.t.Fatalf("failed: %s", *failed[0].Body)
	}
	return len(messages) > 0
}

// poison puts a message into the queue that nobody understands.
func (fx *fixture) poison(body string) {
	fx.t.Helper()
	_, err := fx.sqs.SendMessage(fx.t.Context(),
		&sqs.SendMessageInput{QueueUrl: aws.String(fx.env.Get("EVENTS_QUEUE_URL")), MessageBody: &body})
	if err != nil {
		fx.t.Fatal(err)
	}
}
