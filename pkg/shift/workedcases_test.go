package shift

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// midnight is where the minutes of the worked cases count from.
var midnight = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

func caseMinute(n int) time.Time { return midnight.Add(time.Duration(n) * time.Minute) }

// workedCase is one of the worked cases of docs/shift-rules.md.
type workedCase struct {
	Name     string
	Now      int
	Events   []workedEvent
	Shifts   [][3]any // start, end or null, how it ended or OPEN
	Outcomes []workedOutcome
	Names    [][2]int // of continued shifts: start, and the LOGIN that names it
	Consents [][2]*int
	number   string // of the customer who plays it
}

// workedEvent is a LOGIN or LOGOUT. Those with plans stand in the order in which they are accepted.
type workedEvent struct {
	minute  int
	kind    string
	planned *int
}

func (e *workedEvent) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.minute, &e.kind, &e.planned})
}

// workedOutcome is what an event did, or why it did nothing.
type workedOutcome struct {
	minute int
	kind   string
	effect string
}

func (o *workedOutcome) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&o.minute, &o.kind, &o.effect})
}

func workedCases(t *testing.T) []workedCase {
	t.Helper()
	b, err := os.ReadFile("../timeline/testdata/shifts.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []workedCase
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// TestWorkedCasesThroughHTTPQueueAndProcessor plays all cases at once, each by a customer of its own. The events of a
// case are accepted in its order, twice; then all that the queue has is delivered twice, in an order drawn over all the
// cases.
func TestWorkedCasesThroughHTTPQueueAndProcessor(t *testing.T) {
	fx := newFixture(t)
	for order := range uint64(3) {
		random := rand.New(rand.NewPCG(order, 0))
		cases := workedCases(t)
		var turns []*workedCase // whose next event is accepted
		for i := range cases {
			c := &cases[i]
			c.number = fmt.Sprintf("CASE%dORDER%d", i, order)
			c.createCustomer(fx)
			turns = append(turns, slices.Repeat([]*workedCase{c}, 2*len(c.Events))...)
		}
		random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		sent := map[*workedCase]int{}
		for _, c := range turns {
			c.send(fx, c.Events[sent[c]%len(c.Events)], sent[c])
			sent[c]++
		}
		deliveries := slices.Repeat(fx.queued(), 2)
		random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		for len(deliveries) > 0 {
			n := min(1+random.IntN(10), len(deliveries))
			fx.deliverBodies(deliveries[:n]...)
			deliveries = deliveries[n:]
		}
		for i := range cases {
			t.Run(fmt.Sprintf("%s, order %d", cases[i].Name, order), func(t *testing.T) { cases[i].check(t, fx) })
		}
	}
}

// createCustomer makes the customer who plays the case: matched long ago, and consented then unless the case says
// otherwise.
func (c *workedCase) createCustomer(fx *fixture) {
	long := midnight.AddDate(-1, 0, 0)
	entries := []timeline.Entry{timeline.Matched(long)}
	if c.Consents == nil {
		entries = append(entries, timeline.ConsentGiven(long))
	}
	for _, v := range c.Consents {
		entries = append(entries, timeline.ConsentGiven(caseMinute(*v[0])))
		if v[1] != nil {
			entries = append(entries, timeline.ConsentWithdrawn(caseMinute(*v[1])))
		}
	}
	fx.addPerson(courier, c.number, "", long, entries...)
}

// send sends an event, the nth of the case: through v1 at the case's own time, or with a planned end through v2, at the
// event's. Each is accepted a second after the one before.
func (c *workedCase) send(fx *fixture, e workedEvent, n int) {
	at := caseMinute(e.minute)
	if e.planned != nil {
		fx.clock = at.Add(time.Duration(n) * time.Second)
		fx.create(fmt.Sprintf(`{"customerNumber":%q}`, c.number), at, caseMinute(*e.planned))
		return
	}
	fx.clock = caseMinute(c.Now).Add(time.Duration(n) * time.Second)
	path := "/v1/shift/login/"
	if e.kind == "LOGOUT" {
		path = "/v1/shift/logout/"
	}
	fx.accept(path, fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, c.number, iso(at)))
}

// shares reports whether the customer shares at the case's time.
func (c *workedCase) shares() bool {
	n := len(c.Consents)
	return n == 0 || c.Consents[n-1][1] == nil
}

// id is that of an event of the case.
func (c *workedCase) id(fx *fixture, kind string, minute int) string {
	f := fact(timeline.Login, person.CustomerNumber, c.number, caseMinute(minute))
	if kind == "LOGOUT" {
		f.Kind = timeline.Logout
	}
	return EventID(fx.ids, courier, f)
}

// shiftID is that of the shift which begins at a minute: of the LOGIN that names it.
func (c *workedCase) shiftID(fx *fixture, start int) string {
	for _, name := range c.Names {
		if name[0] == start {
			start = name[1]
			break
		}
	}
	return c.id(fx, "LOGIN", start)
}

// check compares the stored records, the list, the outcomes and the shifts by id with the case.
func (c *workedCase) check(t *testing.T, fx *fixture) {
	fx.clock = caseMinute(c.Now)
	c.checkRecords(t, fx)
	c.checkList(t, fx)
	for _, o := range c.Outcomes {
		c.checkOutcome(t, fx, o)
	}
}

// checkRecords leaves out the continued shifts that have not begun, which records have and nobody is shown.
func (c *workedCase) checkRecords(t *testing.T, fx *fixture) {
	now := timeline.At(fx.clock)
	days := timeline.Days{First: timeline.At(midnight).Day() - 1, Last: now.Day() + 1}
	records, err := fx.timelines.Records(t.Context(), courier, c.number, days)
	if err != nil {
		t.Fatal(err)
	}
	stored := [][3]any{}
	names := [][2]int{}
	for _, r := range records {
		for _, s := range r.Shifts {
			if !s.Begun(now) {
				continue
			}
			if s.Continued() {
				minute := func(i timeline.Instant) int { return int(i.Time().Sub(midnight).Minutes()) }
				names = append(names, [2]int{minute(s.Start), minute(s.Login)})
			}
			if s.Open(now) {
				stored = append(stored, row(s.Start.Time(), nil, "OPEN"))
				continue
			}
			end := s.End.Time()
			stored = append(stored, row(s.Start.Time(), &end, s.EndedBy.String()))
		}
	}
	if got, want := fmt.Sprint(stored), fmt.Sprint(c.Shifts); got != want {
		t.Errorf("records: got %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(names), fmt.Sprint(c.Names); got != want {
		t.Errorf("names: got %s, want %s", got, want)
	}
}

func (c *workedCase) checkList(t *testing.T, fx *fixture) {
	a := fx.get("/v2/shift/?customerNumber=" + c.number)
	if !c.shares() {
		if a.status != 400 {
			t.Errorf("a list of somebody who shares no longer: %v", a)
		}
		return
	}
	var list struct {
		Shifts []struct {
			ID        string
			StartTime time.Time
			EndTime   *time.Time
			EndedBy   *string
		}
	}
	if err := json.Unmarshal([]byte(a.body), &list); err != nil || a.status != 200 {
		t.Fatalf("%v (%v)", a, err)
	}
	listed := [][3]any{}
	for _, s := range list.Shifts {
		if id := c.shiftID(fx, int(s.StartTime.Sub(midnight).Minutes())); s.ID != id {
			t.Errorf("list: the id of %s is %s, want %s", s.StartTime, s.ID, id)
		}
		if s.EndedBy == nil {
			listed = append(listed, row(s.StartTime, nil, "OPEN"))
			continue
		}
		listed = append(listed, row(s.StartTime, s.EndTime, *s.EndedBy))
	}
	if got, want := fmt.Sprint(listed), fmt.Sprint(c.Shifts); got != want {
		t.Errorf("list: got %s, want %s", got, want)
	}
}

// checkOutcome reads an event and, if it is a LOGIN that counts, the shift by its id.
func (c *workedCase) checkOutcome(t *testing.T, fx *fixture, o workedOutcome) {
	id := c.id(fx, o.kind, o.minute)
	shift := ""
	state := "APPLIED"
	effect := o.effect
	reason := ""
	switch o.effect {
	case "OPENED_SHIFT", "CONTINUED_SHIFT":
		shift = id
	case "CLOSED_SHIFT":
		shift = c.shiftID(fx,
			c.startOfShift(func(_ int, end *float64) bool { return end != nil && *end == float64(o.minute) }))
	case "UNMATCHED":
		state = "UNMATCHED"
		effect = ""
	case "BEFORE_CONSENT":
		state, effect, reason = "REJECTED", "", o.effect
	default:
		state, effect, reason = "NO_EFFECT", "", o.effect
	}
	if !c.shares() {
		shift = ""
	}
	fx.want(fmt.Sprint(o), fx.get("/v2/event/"+id), 200, eventJSON(id, state, effect, reason, shift,
		fmt.Sprintf(`"customerNumber":%q`, c.number), o.kind, caseMinute(o.minute)))
	if o.kind != "LOGIN" || !c.shares() || o.effect == "BEFORE_CONSENT" {
		return
	}
	var read struct{ ID string }
	fx.read("/v2/shift/"+id, &read)
	want := id
	if o.effect == "ALREADY_OPEN" { // the shift that holds it, which has begun
		want = c.shiftID(fx, c.startOfShift(func(start int, end *float64) bool {
			return start <= o.minute && (end == nil || float64(o.minute) < *end)
		}))
	}
	if read.ID != want {
		t.Errorf("the shift by the id of %v: got %s, want %s", o, read.ID, want)
	}
}

// startOfShift is the minute at which the first shift of the case begins that fits; -1 if there is none.
func (c *workedCase) startOfShift(fits func(start int, end *float64) bool) int {
	for _, s := range c.Shifts {
		start := int(s[0].(float64))
		var end *float64
		if minute, ok := s[1].(float64); ok {
			end = &minute
		}
		if fits(start, end) {
			return start
		}
	}
	return -1
}

// row is a shift as the cases write it.
func row(start time.Time, end *time.Time, by string) [3]any {
	r := [3]any{start.Sub(midnight).Minutes(), nil, by}
	if end != nil {
		r[1] = end.Sub(midnight).Minutes()
	}
	return r
}

// deliverBodies hands messages to the processor in one delivery, all of which it must take.
func (fx *fixture) deliverBodies(bodies ...string) {
	fx.t.Helper()
	var delivery events.SQSEvent
	for i, body := range bodies {
		delivery.Records = append(delivery.Records, events.SQSMessage{MessageId: fmt.Sprint(i), Body: body})
	}
	response, err := fx.process(fx.t.Context(), delivery)
	if err != nil || len(response.BatchItemFailures) > 0 {
		fx.t.Fatalf("%v, %v", response, err)
	}
}
