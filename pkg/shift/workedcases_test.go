package shift

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// midnight is where the minutes of the worked cases count from.
var midnight = time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)

// minuteOf is the minute of a case at which a time is.
func minuteOf(t time.Time) int { return int(t.Sub(midnight).Minutes()) }

func caseMinute(n int) time.Time { return midnight.Add(time.Duration(n) * time.Minute) }

// workedCase is a case, and the number of the customer who plays it.
type workedCase struct {
	testkit.Case
	number string
}

// TestWorkedCases plays all cases at once, each by a customer of its own. The events of a
// case are accepted in its order, twice, and then taken back, twice; then all that the queue has is delivered twice, in
// an order drawn over all the cases.
func TestWorkedCases(t *testing.T) {
	fx := newFixture(t)
	for order := range uint64(3) {
		random := rand.New(rand.NewPCG(order, 0))
		var cases []*workedCase
		var turns []*workedCase // whose next event is accepted
		for i, played := range testkit.Cases(t) {
			c := &workedCase{played, fmt.Sprintf("CASE%dORDER%d", i, order)}
			c.createCustomer(fx)
			cases = append(cases, c)
			turns = append(turns, slices.Repeat([]*workedCase{c}, 2*(len(c.Events)+len(c.Voided)))...)
		}
		random.Shuffle(len(turns), func(i, j int) { turns[i], turns[j] = turns[j], turns[i] })
		sent := map[*workedCase]int{}
		for _, c := range turns {
			if i := sent[c] % (len(c.Events) + len(c.Voided)); i < len(c.Events) {
				c.send(fx, c.Events[i], sent[c])
			} else {
				c.takeBack(fx, c.Voided[i-len(c.Events)])
			}
			sent[c]++
		}
		deliveries := slices.Repeat(fx.queued(), 2)
		random.Shuffle(len(deliveries), func(i, j int) { deliveries[i], deliveries[j] = deliveries[j], deliveries[i] })
		for len(deliveries) > 0 {
			n := min(1+random.IntN(10), len(deliveries))
			fx.deliverBodies(deliveries[:n]...)
			deliveries = deliveries[n:]
		}
		for _, c := range cases {
			t.Run(fmt.Sprintf("%s, order %d", c.Name, order), func(t *testing.T) { c.check(t, fx) })
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
func (c *workedCase) send(fx *fixture, e testkit.CaseEvent, n int) {
	at := caseMinute(e.Minute)
	if e.Planned != nil {
		fx.clock = at.Add(time.Duration(n) * time.Second)
		fx.create(fmt.Sprintf(`{"customerNumber":%q}`, c.number), at, caseMinute(*e.Planned))
		return
	}
	fx.clock = caseMinute(c.Now).Add(time.Duration(n) * time.Second)
	path := "/v1/shift/login/"
	if e.Kind == "LOGOUT" {
		path = "/v1/shift/logout/"
	}
	fx.accept(path, fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, c.number, iso(at)))
}

// takeBack takes an event of the case back, long before it is applied.
func (c *workedCase) takeBack(fx *fixture, e testkit.CaseEvent) {
	fx.clock = caseMinute(c.Now)
	if a := fx.takeBack(c.id(fx, e.Kind, e.Minute), "A mistake"); a.status != 201 {
		fx.t.Fatalf("%v: %v", e, a)
	}
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
	var stored []testkit.CaseShift
	var names [][2]int
	for _, r := range records {
		for _, s := range r.Shifts {
			if !s.Begun(now) {
				continue
			}
			if s.Continued() {
				names = append(names, [2]int{minuteOf(s.Start.Time()), minuteOf(s.Login.Time())})
			}
			if s.Open(now) {
				stored = append(stored, testkit.CaseShift{Start: minuteOf(s.Start.Time()), EndedBy: "OPEN"})
				continue
			}
			stored = append(stored, testkit.CaseShift{
				Start: minuteOf(s.Start.Time()), End: minuteOf(s.End.Time()), EndedBy: s.EndedBy.String(),
			})
		}
	}
	if !slices.Equal(stored, c.Shifts) {
		t.Errorf("records: got %v, want %v", stored, c.Shifts)
	}
	if !slices.Equal(names, c.Names) {
		t.Errorf("names: got %v, want %v", names, c.Names)
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
	var listed []testkit.CaseShift
	for _, s := range list.Shifts {
		if id := c.shiftID(fx, minuteOf(s.StartTime)); s.ID != id {
			t.Errorf("list: the id of %s is %s, want %s", s.StartTime, s.ID, id)
		}
		if s.EndedBy == nil {
			listed = append(listed, testkit.CaseShift{Start: minuteOf(s.StartTime), EndedBy: "OPEN"})
			continue
		}
		listed = append(listed, testkit.CaseShift{
			Start: minuteOf(s.StartTime), End: minuteOf(*s.EndTime), EndedBy: *s.EndedBy,
		})
	}
	if !slices.Equal(listed, c.Shifts) {
		t.Errorf("list: got %v, want %v", listed, c.Shifts)
	}
}

// checkOutcome reads an event and, if it is a LOGIN that counts, the shift by its id.
func (c *workedCase) checkOutcome(t *testing.T, fx *fixture, o testkit.CaseOutcome) {
	id := c.id(fx, o.Kind, o.Minute)
	shift := ""
	state := "APPLIED"
	effect := o.Result
	reason := ""
	switch o.Result {
	case "OPENED_SHIFT", "CONTINUED_SHIFT":
		shift = id
	case "CLOSED_SHIFT":
		shift = c.shiftID(fx, c.startOfShift(func(s testkit.CaseShift) bool {
			return s.EndedBy != "OPEN" && s.End == o.Minute
		}))
	case "UNMATCHED", "VOIDED":
		state = o.Result
		effect = ""
	case "BEFORE_CONSENT":
		state, effect, reason = "REJECTED", "", o.Result
	default:
		state, effect, reason = "NO_EFFECT", "", o.Result
	}
	if !c.shares() {
		shift = ""
	}
	fx.want(fmt.Sprint(o), fx.get("/v2/event/"+id), 200, eventJSON(id, state, effect, reason, shift,
		fmt.Sprintf(`"customerNumber":%q`, c.number), o.Kind, caseMinute(o.Minute)))
	if o.Kind != "LOGIN" || !c.shares() || o.Result == "BEFORE_CONSENT" {
		return
	}
	if o.Result == "VOIDED" {
		fx.want("the shift of a LOGIN that was taken back", fx.get("/v2/shift/"+id), 404, noShift)
		return
	}
	var read struct{ ID string }
	fx.read("/v2/shift/"+id, &read)
	want := id
	if o.Result == "ALREADY_OPEN" { // the shift that holds it, which has begun
		want = c.shiftID(fx, c.startOfShift(func(s testkit.CaseShift) bool {
			return s.Start <= o.Minute && (s.EndedBy == "OPEN" || o.Minute < s.End)
		}))
	}
	if read.ID != want {
		t.Errorf("the shift by the id of %v: got %s, want %s", o, read.ID, want)
	}
}

// startOfShift is the minute at which the first shift of the case begins that fits; -1 if there is none.
func (c *workedCase) startOfShift(fits func(testkit.CaseShift) bool) int {
	i := slices.IndexFunc(c.Shifts, fits)
	if i < 0 {
		return -1
	}
	return c.Shifts[i].Start
}

// deliverBodies hands messages to the processor in one delivery, all of which it must take.
func (fx *fixture) deliverBodies(bodies ...string) {
	fx.t.Helper()
	response, err := fx.process(fx.t.Context(), testkit.Delivery(bodies...))
	if err != nil || len(response.BatchItemFailures) > 0 {
		fx.t.Fatalf("%v, %v", response, err)
	}
}
