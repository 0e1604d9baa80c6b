package shift

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/timeline"
)

// askConcurrently sends the same request fifty times at once. All must get the same answer, which it returns.
func (fx *fixture) askConcurrently(method, target, body string) answer {
	fx.t.Helper()
	answers := make([]answer, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() { answers[i] = fx.ask(courier, method, target, body) })
	}
	all.Wait()
	for i, a := range answers {
		for _, header := range []string{"X-Event-Id", "X-Batch-Id", "Location"} {
			if got, want := a.header.Get(header), answers[0].header.Get(header); got != want {
				fx.t.Errorf("answer %d: %s is %q, want %q", i, header, got, want)
			}
		}
		if a.String() != answers[0].String() {
			fx.t.Fatalf("%s %s\nanswer 0:  %v\nanswer %d: %v", method, target, answers[0], i, a)
		}
	}
	return answers[0]
}

// wantRecord fails the test unless the customer has these shifts, in a record that was changed so often.
func (fx *fixture) wantRecord(what, number string, revision int64, want ...string) {
	fx.t.Helper()
	day := timeline.At(noon).Day()
	records, err := fx.timelines.Records(fx.t.Context(), courier, number, timeline.Days{First: day, Last: day})
	if err != nil || len(records) != 1 {
		fx.t.Fatalf("%s: %v, %v", what, records, err)
	}
	var got []string
	for _, s := range records[0].Shifts {
		got = append(got,
			fmt.Sprintf("%v-%v %s", s.Start.Time().Sub(noon).Minutes(), s.End.Time().Sub(noon).Minutes(), s.EndedBy))
	}
	if records[0].Revision != revision || strings.Join(got, ", ") != strings.Join(want, ", ") {
		fx.t.Errorf("%s: revision %d of %q, want %d of %q", what, records[0].Revision, got, revision, want)
	}
}

func TestSameEventConcurrently(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	login := fmt.Sprintf(`{"workProviderUserId":"12345","timestamp":%q}`, iso(minutes(-10)))
	first := fx.askConcurrently("POST", "/v1/shift/login/", login)
	fx.want("the answer", first, 202, `{"status":"PENDING"}`)
	fx.drain()
	fx.wantRecord("one LOGIN", "ABC123", 1, "-10-830 AUTO")
	logout := fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(-5)))
	fx.askConcurrently("POST", "/v1/shift/logout/", logout)
	fx.drain()
	fx.wantRecord("one LOGOUT", "ABC123", 2, "-10--5 LOGOUT")

	fx.clock = noon.AddDate(0, 2, 0) // after which a queue would have forgotten
	again := fx.askConcurrently("POST", "/v1/shift/login/", login)
	if again.header.Get("X-Event-Id") != first.header.Get("X-Event-Id") {
		t.Error("another id, months later")
	}
	fx.drain()
	fx.wantRecord("months later", "ABC123", 2, "-10--5 LOGOUT")
}

func TestSameBatchConcurrently(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	body := fmt.Sprintf(`[{"workProviderUserId":"12345","timestamp":%q},{"customerNumber":"ABC123","timestamp":%q}]`,
		iso(minutes(-10)), iso(minutes(-9)))
	a := fx.askConcurrently("POST", "/v1/batch/login/", body)
	fx.want("the answer", a, 202, `{"status":"PENDING"}`)
	fx.drain()
	fx.wantRecord("one shift, which is continued", "ABC123", 1, "-10-830 AUTO", "830-831 AUTO")
	batch := fx.get(a.header.Get("Location"))
	if batch.status != 200 || !strings.Contains(batch.body, `"count":2,"outcomes":{"APPLIED":1,"NO_EFFECT":1}`) {
		t.Errorf("the batch: %v", batch)
	}
}

func TestSameMatchConcurrently(t *testing.T) {
	fx := newFixture(t)
	fx.addPerson(courier, "ABC123", "12345", noon.AddDate(0, 0, -1), timeline.ConsentGiven(noon.AddDate(0, 0, -1)))
	fx.login("ABC123", minutes(-10))
	const match = `{"customerNumber":"ABC123","success":true}`
	fx.want("the answer", fx.askConcurrently("POST", "/v1/match/", match), 202, `{"status":"PENDING"}`)
	fx.drain()
	fx.wantRecord("one shift", "ABC123", 1, "-10-830 AUTO")
	fx.clock = minutes(60) // the same said again is another event, which changes nothing
	fx.askConcurrently("POST", "/v1/match/", match)
	fx.drain()
	fx.wantRecord("said again", "ABC123", 1, "-10-830 AUTO")
}

func TestSameV2ShiftConcurrently(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	created := fx.askConcurrently("POST", "/v2/shift/",
		newShiftBody(`{"workProviderUserId":"12345"}`, minutes(-10), time.Time{}))
	id := fx.idIn(created)
	if created.status != 201 {
		t.Fatal(created)
	}
	fx.wantRecord("before the queue is read", "ABC123", 1, "-10-830 AUTO")
	fx.drain()
	fx.wantRecord("after", "ABC123", 1, "-10-830 AUTO")
	end := fmt.Sprintf(`{"endTime":%q}`, iso(minutes(-5)))
	fx.want("the end", fx.askConcurrently("PUT", "/v2/shift/"+id+"/", end), 201, end)
	fx.drain()
	fx.wantRecord("ended", "ABC123", 2, "-10--5 LOGOUT")
}
