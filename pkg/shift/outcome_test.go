package shift

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// eventJSON is the body that reading an event must give; person is the member that names who it is about, and an empty
// effect, reason or shift stands for null.
func eventJSON(id, state, effect, reason, shift, person, kind string, at time.Time) string {
	null := func(s string) string {
		if s == "" {
			return "null"
		}
		return `"` + s + `"`
	}
	return fmt.Sprintf(`{"id":%q,"state":%q,"effect":%s,"reason":%s,"shiftId":%s,%s,"kind":%q,"timestamp":%q}`,
		id, state, null(effect), null(reason), null(shift), person, kind, iso(at))
}

func TestAnEventIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "12345")
	const who = `"workProviderUserId":"12345"`
	send := func(kind string, at time.Time) string {
		return w.accept("/v1/shift/"+kind, fmt.Sprintf(`{%s,"timestamp":%q}`, who, iso(at)))
	}
	in, again, out, late := send("login", minutes(-60)), send("login", minutes(-50)), send("logout", minutes(-40)), send("logout", minutes(-30))

	w.want("pending from the 202 on", w.get("/v2/event/"+in), 200, eventJSON(in, "PENDING", "", "", "", who, "LOGIN", minutes(-60)))
	w.drain()
	w.want("opened", w.get("/v2/event/"+in+"/"), 200, eventJSON(in, "APPLIED", "OPENED_SHIFT", "", in, who, "LOGIN", minutes(-60)))
	w.want("already open", w.get("/v2/event/"+again), 200, eventJSON(again, "NO_EFFECT", "", "ALREADY_OPEN", "", who, "LOGIN", minutes(-50)))
	w.want("closed", w.get("/v2/event/"+out), 200, eventJSON(out, "APPLIED", "CLOSED_SHIFT", "", in, who, "LOGOUT", minutes(-40)))
	w.want("without a login", w.get("/v2/event/"+late), 200, eventJSON(late, "NO_EFFECT", "", "LOGOUT_WITHOUT_LOGIN", "", who, "LOGOUT", minutes(-30)))

	send("login", minutes(-35))
	w.drain()
	between := EventID(w.ids, courier, fact(timeline.Login, person.UserID, "12345", minutes(-35)))
	w.want("revived by a late login", w.get("/v2/event/"+late), 200, eventJSON(late, "APPLIED", "CLOSED_SHIFT", "", between, who, "LOGOUT", minutes(-30)))
}

func TestAnEventThatDoesNotCountSaysWhy(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "")
	ask := func(number string, at time.Time) (id, who string) {
		who = fmt.Sprintf(`"customerNumber":%q`, number)
		id = w.accept("/v1/shift/login", fmt.Sprintf(`{%s,"timestamp":%q}`, who, iso(at)))
		w.drain()
		return id, who
	}
	year := noon.AddDate(-1, 0, -1)
	id, who := ask("ABC123", year)
	w.want("before consent", w.get("/v2/event/"+id), 200, eventJSON(id, "REJECTED", "", "BEFORE_CONSENT", "", who, "LOGIN", year))

	// Row 21: an unknown user is accepted, and the outcome tells what became of it.
	id, who = ask("ZZZ999", noon)
	w.want("row 21: unknown", w.get("/v2/event/"+id), 200, eventJSON(id, "UNMATCHED", "", "", "", who, "LOGIN", noon))
	w.clock = noon.AddDate(0, 0, 30).Add(-time.Microsecond)
	w.want("up to 30 days", w.get("/v2/event/"+id), 200, eventJSON(id, "UNMATCHED", "", "", "", who, "LOGIN", noon))
	w.clock = noon.AddDate(0, 0, 30)
	w.want("then for good", w.get("/v2/event/"+id), 200, eventJSON(id, "REJECTED", "", "UNMATCHED_TOO_LONG", "", who, "LOGIN", noon))
}

func TestAMatchIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "")
	for number, state := range map[string]string{"ABC123": "APPLIED", "ZZZ999": "UNMATCHED"} {
		id := w.accept("/v1/match", fmt.Sprintf(`{"customerNumber":%q,"success":true}`, number))
		who := fmt.Sprintf(`"customerNumber":%q`, number)
		w.want("before it is processed", w.get("/v2/event/"+id), 200, eventJSON(id, "PENDING", "", "", "", who, "MATCH", noon))
		w.drain()
		w.want("row 21: "+number, w.get("/v2/event/"+id), 200, eventJSON(id, state, "", "", "", who, "MATCH", noon))
	}
}

func TestAnIDThatIsNotTheCallersIsUnknown(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "")
	event := w.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":"`+iso(noon)+`"}`)
	batch := w.accept("/v1/batch/login", `[{"customerNumber":"ABC123","timestamp":"`+iso(noon)+`"}]`)
	const noEvent = `{"status":"NOK","error":"NOT_FOUND","detail":"There is no such event"}`
	const noBatch = `{"status":"NOK","error":"NOT_FOUND","detail":"There is no such batch"}`
	w.want("forged", w.get("/v2/event/"+event[:len(event)-1]+"A"), 404, noEvent)
	w.want("foreign", w.ask(parcels, "GET", "/v2/event/"+event, ""), 404, noEvent)
	w.want("a batch's", w.get("/v2/event/"+batch), 404, noEvent)
	w.want("forged", w.get("/v2/batch/1"), 404, noBatch)
	w.want("foreign", w.ask(parcels, "GET", "/v2/batch/"+batch, ""), 404, noBatch)
	w.want("an event's", w.get("/v2/batch/"+event), 404, noBatch)
}

func TestABatchIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	w.customer(courier, "ABC123", "")
	const count = 2*pageSize + 5
	items := make([]string, count)
	for i := range items {
		items[i] = fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(-i)))
	}
	id := w.accept("/v1/batch/login", "["+strings.Join(items, ",")+"]")
	w.want("until processed", w.get("/v2/batch/"+id), 200, fmt.Sprintf(`{"id":%q,"count":%d,"outcomes":{"PENDING":%d}}`, id, count, count))
	w.drain()

	seen, next := 0, ""
	for page := range 3 {
		var told struct {
			Count    int
			Outcomes map[string]int
			Events   []struct{ Timestamp, State string }
			Next     *string
		}
		a := w.get("/v2/batch/" + id + next)
		if err := json.Unmarshal([]byte(a.body), &told); err != nil || a.status != 200 {
			t.Fatal(a)
		}
		if told.Count != count || told.Outcomes["APPLIED"] != 1 || told.Outcomes["NO_EFFECT"] != count-1 {
			t.Errorf("page %d: %d events, %v", page, told.Count, told.Outcomes)
		}
		for _, e := range told.Events {
			if e.Timestamp != iso(minutes(-seen)) {
				t.Fatalf("event %d is at %s: not the order sent", seen, e.Timestamp)
			}
			seen++
		}
		if (told.Next == nil) != (page == 2) {
			t.Fatalf("page %d: next is %v", page, told.Next)
		}
		if told.Next != nil {
			next = "?next=" + *told.Next
		}
	}
	if seen != count {
		t.Errorf("%d of %d events were told", seen, count)
	}
	other := w.accept("/v1/batch/logout", "["+items[0]+"]")
	w.want("another batch's next", w.get("/v2/batch/"+other+next), 400,
		v2Field("next", "`next` must be the one of the page before, sent with the same other parameters."))
	empty := w.accept("/v1/batch/login", "[]")
	w.want("row 19: an empty batch", w.get("/v2/batch/"+empty), 200, fmt.Sprintf(`{"id":%q,"count":0,"outcomes":{},"events":[],"next":null}`, empty))
}
