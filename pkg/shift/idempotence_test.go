package shift

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/timeline"
)

// fiftyAtOnce sends the same request fifty times at once. All must get the same answer, which it returns.
func (w *world) fiftyAtOnce(method, target, body string) answer {
	w.t.Helper()
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = w.ask(courier, method, target, body) })
	}
	all.Wait()
	for i, a := range answers {
		for _, header := range []string{"X-Event-Id", "X-Batch-Id", "Location"} {
			if got, want := a.header.Get(header), answers[0].header.Get(header); got != want {
				w.t.Errorf("answer %d: %s is %q, want %q", i, header, got, want)
			}
		}
		if a.String() != answers[0].String() {
			w.t.Fatalf("%s %s\nanswer 0:  %v\nanswer %d: %v", method, target, answers[0], i, a)
		}
	}
	return answers[0]
}

// wantOne fails the test unless the customer has these shifts, in a record that was changed so often.
func (w *world) wantRecord(what, number string, revision int64, want ...string) {
	w.t.Helper()
	day := timeline.At(noon).Day()
	records, err := w.timelines.Records(w.t.Context(), courier, number, timeline.Days{First: day, Last: day})
	if err != nil || len(records) != 1 {
		w.t.Fatalf("%s: %v, %v", what, records, err)
	}
	var got []string
	for _, s := range records[0].Shifts {
		got = append(got, fmt.Sprintf("%v-%v %s", s.Start.Time().Sub(noon).Minutes(), s.End.Time().Sub(noon).Minutes(), s.By))
	}
	if records[0].Revision != revision || strings.Join(got, ", ") != strings.Join(want, ", ") {
		w.t.Errorf("%s: revision %d of %q, want %d of %q", what, records[0].Revision, got, revision, want)
	}
}

func TestTheSameEventFiftyTimesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "12345")
	login := fmt.Sprintf(`{"workProviderUserId":"12345","timestamp":%q}`, iso(minutes(-10)))
	first := w.fiftyAtOnce("POST", "/v1/shift/login/", login)
	w.want("the answer", first, 202, `{"status":"PENDING"}`)
	w.drain()
	w.wantRecord("one LOGIN", "ABC123", 1, "-10-830 AUTO")
	logout := fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(-5)))
	w.fiftyAtOnce("POST", "/v1/shift/logout/", logout)
	w.drain()
	w.wantRecord("one LOGOUT", "ABC123", 2, "-10--5 LOGOUT")

	w.clock = noon.AddDate(0, 2, 0) // after which a queue would have forgotten
	again := w.fiftyAtOnce("POST", "/v1/shift/login/", login)
	if again.header.Get("X-Event-Id") != first.header.Get("X-Event-Id") {
		t.Error("another id, months later")
	}
	w.drain()
	w.wantRecord("months later", "ABC123", 2, "-10--5 LOGOUT")
}

func TestTheSameBatchFiftyTimesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "12345")
	body := fmt.Sprintf(`[{"workProviderUserId":"12345","timestamp":%q},{"customerNumber":"ABC123","timestamp":%q}]`, iso(minutes(-10)), iso(minutes(-9)))
	a := w.fiftyAtOnce("POST", "/v1/batch/login/", body)
	w.want("the answer", a, 202, `{"status":"PENDING"}`)
	w.drain()
	w.wantRecord("one shift", "ABC123", 1, "-10-830 AUTO")
	batch := w.get(a.header.Get("Location"))
	if batch.status != 200 || !strings.Contains(batch.body, `"count":2,"outcomes":{"APPLIED":1,"NO_EFFECT":1}`) {
		t.Errorf("the batch: %v", batch)
	}
}

func TestTheSameMatchFiftyTimesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.person(courier, "ABC123", "12345", noon.AddDate(0, 0, -1), timeline.ConsentGiven(noon.AddDate(0, 0, -1)))
	w.login("ABC123", minutes(-10))
	const match = `{"customerNumber":"ABC123","success":true}`
	w.want("the answer", w.fiftyAtOnce("POST", "/v1/match/", match), 202, `{"status":"PENDING"}`)
	w.drain()
	w.wantRecord("one shift", "ABC123", 1, "-10-830 AUTO")
	w.clock = minutes(60) // the same said again is another event, which changes nothing
	w.fiftyAtOnce("POST", "/v1/match/", match)
	w.drain()
	w.wantRecord("said again", "ABC123", 1, "-10-830 AUTO")
}

func TestTheSameV2ShiftFiftyTimesAtOnce(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "12345")
	created := w.fiftyAtOnce("POST", "/v2/shift/", newShiftBody(`{"workProviderUserId":"12345"}`, minutes(-10), time.Time{}))
	id := w.idIn(created)
	if created.status != 201 {
		t.Fatal(created)
	}
	w.wantRecord("before the queue is read", "ABC123", 1, "-10-830 AUTO")
	w.drain()
	w.wantRecord("after", "ABC123", 1, "-10-830 AUTO")
	end := fmt.Sprintf(`{"endTime":%q}`, iso(minutes(-5)))
	w.want("the end", w.fiftyAtOnce("PUT", "/v2/shift/"+id+"/", end), 201, end)
	w.drain()
	w.wantRecord("ended", "ABC123", 2, "-10--5 LOGOUT")
}
