package shift

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

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
	Consents [][2]*int
	number   string // of the customer who plays it
}

type workedEvent struct {
	minute  int
	kind    string
	planned *int
}

func (e *workedEvent) UnmarshalJSON(b []byte) error {
	return json.Unmarshal(b, &[]any{&e.minute, &e.kind, &e.planned})
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

// TestWorkedCasesThroughHTTPQueueAndProcessor plays all cases at once, each by a customer of its own: every event is sent
// twice, in an order drawn over all the cases, and the processor takes some of the queue now and then.
func TestWorkedCasesThroughHTTPQueueAndProcessor(t *testing.T) {
	w := newWorld(t)
	for order := range uint64(3) {
		random := rand.New(rand.NewPCG(order, 0))
		cases := workedCases(t)
		var sent []func()
		for i := range cases {
			c := &cases[i]
			c.number = fmt.Sprintf("CASE%dORDER%d", i, order)
			c.cast(w)
			for _, e := range append(c.Events, c.Events...) {
				sent = append(sent, func() { c.send(w, e) })
			}
		}
		random.Shuffle(len(sent), func(i, j int) { sent[i], sent[j] = sent[j], sent[i] })
		for _, send := range sent {
			send()
			if random.IntN(15) == 0 {
				if messages := w.receive(); len(messages) > 0 && len(w.deliver(messages)) > 0 {
					t.Fatal("a message failed")
				}
			}
		}
		w.drain()
		for i := range cases {
			t.Run(fmt.Sprintf("%s, order %d", cases[i].Name, order), func(t *testing.T) { cases[i].check(t, w) })
		}
	}
}

// cast makes the customer who plays the case: matched long ago, and consented then unless the case says otherwise.
func (c *workedCase) cast(w *world) {
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
	w.person(courier, c.number, "", long, entries...)
}

// send sends an event: through v1 at the case's own time, or with a planned end through v2, at the event's.
func (c *workedCase) send(w *world, e workedEvent) {
	at := caseMinute(e.minute)
	if e.planned != nil {
		w.clock = at
		w.create(fmt.Sprintf(`{"customerNumber":%q}`, c.number), at, caseMinute(*e.planned))
		return
	}
	w.clock = caseMinute(c.Now)
	path := "/v1/shift/login/"
	if e.kind == "LOGOUT" {
		path = "/v1/shift/logout/"
	}
	w.accept(path, fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, c.number, iso(at)))
}

// check compares the stored records with the case and, of those who share now, the list.
func (c *workedCase) check(t *testing.T, w *world) {
	want, now := fmt.Sprint(c.Shifts), timeline.At(caseMinute(c.Now))
	days := timeline.Days{First: timeline.At(midnight).Day() - 1, Last: now.Day() + 1}
	records, err := w.timelines.Records(t.Context(), courier, c.number, days)
	if err != nil {
		t.Fatal(err)
	}
	stored := [][3]any{}
	for _, r := range records {
		for _, s := range r.Shifts {
			if s.Open(now) {
				stored = append(stored, row(s.Start.Time(), nil, "OPEN"))
				continue
			}
			end := s.End.Time()
			stored = append(stored, row(s.Start.Time(), &end, s.By.String()))
		}
	}
	if got := fmt.Sprint(stored); got != want {
		t.Errorf("records: got %s, want %s", got, want)
	}

	w.clock = caseMinute(c.Now)
	a := w.get("/v2/shift/?customerNumber=" + c.number)
	if n := len(c.Consents); n > 0 && c.Consents[n-1][1] != nil {
		if a.status != 400 {
			t.Errorf("a list of somebody who shares no longer: %v", a)
		}
		return
	}
	var list struct {
		Shifts []struct {
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
		if s.EndedBy == nil {
			listed = append(listed, row(s.StartTime, nil, "OPEN"))
			continue
		}
		listed = append(listed, row(s.StartTime, s.EndTime, *s.EndedBy))
	}
	if got := fmt.Sprint(listed); got != want {
		t.Errorf("list: got %s, want %s", got, want)
	}
}

// row is a shift as the cases write it.
func row(start time.Time, end *time.Time, by string) [3]any {
	r := [3]any{start.Sub(midnight).Minutes(), nil, by}
	if end != nil {
		r[1] = end.Sub(midnight).Minutes()
	}
	return r
}
