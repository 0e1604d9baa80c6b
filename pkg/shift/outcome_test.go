package shift

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// eventJSON is the body that reading an event must give; name is the member that identifies the customer, and an empty
// effect, reason or shift stands for null.
func eventJSON(id, state, effect, reason, shift, name, kind string, at time.Time) string {
	null := func(s string) string {
		if s == "" {
			return "null"
		}
		return `"` + s + `"`
	}
	return fmt.Sprintf(`{"id":%q,"state":%q,"effect":%s,"reason":%s,"shiftId":%s,%s,"kind":%q,"timestamp":%q}`,
		id, state, null(effect), null(reason), null(shift), name, kind, iso(at))
}

func TestReadEvent(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	const who = `"workProviderUserId":"12345"`
	send := func(kind string, at time.Time) string {
		return fx.accept("/v1/shift/"+kind, fmt.Sprintf(`{%s,"timestamp":%q}`, who, iso(at)))
	}
	in := send("login", minutes(-60))
	again := send("login", minutes(-50))
	out := send("logout", minutes(-40))
	late := send("logout", minutes(-30))

	fx.want("pending from the 202 on", fx.get("/v2/event/"+in), 200,
		eventJSON(in, "PENDING", "", "", "", who, "LOGIN", minutes(-60)))
	fx.drain()
	fx.want("opened", fx.get("/v2/event/"+in+"/"), 200,
		eventJSON(in, "APPLIED", "OPENED_SHIFT", "", in, who, "LOGIN", minutes(-60)))
	fx.want("already open", fx.get("/v2/event/"+again), 200,
		eventJSON(again, "NO_EFFECT", "", "ALREADY_OPEN", "", who, "LOGIN", minutes(-50)))
	fx.want("closed", fx.get("/v2/event/"+out), 200,
		eventJSON(out, "APPLIED", "CLOSED_SHIFT", "", in, who, "LOGOUT", minutes(-40)))
	fx.want("without a login", fx.get("/v2/event/"+late), 200,
		eventJSON(late, "NO_EFFECT", "", "LOGOUT_WITHOUT_LOGIN", "", who, "LOGOUT", minutes(-30)))

	send("login", minutes(-35))
	fx.drain()
	between := EventID(fx.ids, courier, fact(timeline.Login, person.UserID, "12345", minutes(-35)))
	fx.want("revived by a late login", fx.get("/v2/event/"+late), 200,
		eventJSON(late, "APPLIED", "CLOSED_SHIFT", "", between, who, "LOGOUT", minutes(-30)))
}

func TestUncountedEventReasons(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "")
	ask := func(number string, at time.Time) (id, who string) {
		who = fmt.Sprintf(`"customerNumber":%q`, number)
		id = fx.accept("/v1/shift/login", fmt.Sprintf(`{%s,"timestamp":%q}`, who, iso(at)))
		fx.drain()
		return id, who
	}
	year := noon.AddDate(-1, 0, -1)
	id, who := ask("ABC123", year)
	fx.want("before consent", fx.get("/v2/event/"+id), 200,
		eventJSON(id, "REJECTED", "", "BEFORE_CONSENT", "", who, "LOGIN", year))

	// Row 21: an unknown user is accepted, and the outcome tells what became of it.
	id, who = ask("ZZZ999", noon)
	fx.want("row 21: unknown", fx.get("/v2/event/"+id), 200, eventJSON(id, "UNMATCHED", "", "", "", who, "LOGIN", noon))
	fx.clock = noon.AddDate(0, 0, 30).Add(-time.Microsecond)
	fx.want("up to 30 days", fx.get("/v2/event/"+id), 200, eventJSON(id, "UNMATCHED", "", "", "", who, "LOGIN", noon))
	fx.clock = noon.AddDate(0, 0, 30)
	fx.want("then for good", fx.get("/v2/event/"+id), 200,
		eventJSON(id, "REJECTED", "", "UNMATCHED_TOO_LONG", "", who, "LOGIN", noon))
}

func TestReadMatch(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "")
	for number, state := range map[string]string{"ABC123": "APPLIED", "ZZZ999": "UNMATCHED"} {
		id := fx.accept("/v1/match", fmt.Sprintf(`{"customerNumber":%q,"success":true}`, number))
		who := fmt.Sprintf(`"customerNumber":%q`, number)
		fx.want("before it is processed", fx.get("/v2/event/"+id), 200,
			eventJSON(id, "PENDING", "", "", "", who, "MATCH", noon))
		fx.drain()
		fx.want("row 21: "+number, fx.get("/v2/event/"+id), 200, eventJSON(id, state, "", "", "", who, "MATCH", noon))
	}
}

func TestForeignIDs(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "")
	event := fx.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":"`+iso(noon)+`"}`)
	batch := fx.accept("/v1/batch/login", `[{"customerNumber":"ABC123","timestamp":"`+iso(noon)+`"}]`)
	const noEvent = `{"status":"NOK","error":"NOT_FOUND","detail":"No such event"}`
	const noBatch = `{"status":"NOK","error":"NOT_FOUND","detail":"No such batch"}`
	fx.want("forged", fx.get("/v2/event/"+event[:len(event)-1]+"A"), 404, noEvent)
	fx.want("foreign", fx.ask(parcels, "GET", "/v2/event/"+event, ""), 404, noEvent)
	fx.want("a batch's", fx.get("/v2/event/"+batch), 404, noEvent)
	fx.want("forged", fx.get("/v2/batch/1"), 404, noBatch)
	fx.want("foreign", fx.ask(parcels, "GET", "/v2/batch/"+batch, ""), 404, noBatch)
	fx.want("an event's", fx.get("/v2/batch/"+event), 404, noBatch)
}

func TestReadBatch(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "")
	const count = 2*pageSize + 5
	items := make([]string, count)
	for i := range items {
		items[i] = fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(-i)))
	}
	id := fx.accept("/v1/batch/login", "["+strings.Join(items, ",")+"]")
	fx.want("until processed", fx.get("/v2/batch/"+id), 200,
		fmt.Sprintf(`{"id":%q,"count":%d,"outcomes":{"PENDING":%d}}`, id, count, count))
	fx.drain()

	read := 0
	next := ""
	for page := range 3 {
		var body struct {
			Count    int
			Outcomes map[string]int
			Events   []struct{ Timestamp, State string }
			Next     *string
		}
		a := fx.get("/v2/batch/" + id + next)
		if err := json.Unmarshal([]byte(a.body), &body); err != nil || a.status != 200 {
			t.Fatal(a)
		}
		if body.Count != count || body.Outcomes["APPLIED"] != 1 || body.Outcomes["NO_EFFECT"] != count-1 {
			t.Errorf("page %d: %d events, %v", page, body.Count, body.Outcomes)
		}
		for _, e := range body.Events {
			if e.Timestamp != iso(minutes(-read)) {
				t.Fatalf("event %d is at %s: not the order sent", read, e.Timestamp)
			}
			read++
		}
		if (body.Next == nil) != (page == 2) {
			t.Fatalf("page %d: next is %v", page, body.Next)
		}
		if body.Next != nil {
			next = "?next=" + *body.Next
		}
	}
	if read != count {
		t.Errorf("%d of %d events were read", read, count)
	}
	other := fx.accept("/v1/batch/logout", "["+items[0]+"]")
	fx.want("another batch's next", fx.get("/v2/batch/"+other+next), 400,
		v2Field("next", "`next` must be the value from the previous page, with the same parameters."))
	empty := fx.accept("/v1/batch/login", "[]")
	fx.want("row 19: an empty batch", fx.get("/v2/batch/"+empty), 200,
		fmt.Sprintf(`{"id":%q,"count":0,"outcomes":{},"events":[],"next":null}`, empty))
}

// TestBatchOutcomes: a batch counts what its events were when they were applied, and tells of each what it
// is now.
func TestBatchOutcomes(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "")
	item := func(at time.Time) string { return fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(at)) }
	id := fx.accept("/v1/batch/logout", "["+item(minutes(-10))+","+item(minutes(-5))+"]")
	fx.drain()
	var batch struct {
		Outcomes map[string]int
		Events   []struct{ State string }
	}
	want := func(what, want string) {
		t.Helper()
		fx.read("/v2/batch/"+id, &batch)
		if got := fmt.Sprint(batch); got != want {
			t.Errorf("%s: got %s, want %s", what, got, want)
		}
	}
	want("as applied", "{map[NO_EFFECT:2] [{NO_EFFECT} {NO_EFFECT}]}")
	fx.login("ABC123", minutes(-20))
	want("after a late LOGIN", "{map[NO_EFFECT:2] [{APPLIED} {NO_EFFECT}]}")
	fx.addPerson(courier, "ABC123", "", noon, timeline.ConsentGiven(noon.AddDate(-2, 0, 0)),
		timeline.ConsentWithdrawn(minutes(-1)))
	want("after a withdrawal", "{map[NO_EFFECT:2] [{APPLIED} {NO_EFFECT}]}")
}

// TestReadBatchOf60000 reads the largest batch that fits a body, page by page, and finds each of its events in its
// place.
func TestReadBatchOf60000(t *testing.T) {
	const count, perPerson = 60_000, 300
	fx := newFixture(t)
	when := func(i int) time.Time { return noon.Add(time.Duration(i%perPerson-perPerson) * time.Second) }
	var body strings.Builder
	for i := range count {
		fmt.Fprintf(&body, `,{"driverId":"%d","timestamp":"%s"}`, i/perPerson, when(i).Format("2006-01-02T15:04:05Z"))
	}
	for p := range count / perPerson {
		if p%2 == 0 { // the others are unmatched
			fx.addCustomer(courier, fmt.Sprint("PERSON", p), fmt.Sprint(p))
		}
	}
	id := fx.accept("/v1/batch/login", "["+body.String()[1:]+"]")
	fx.want("until all of it is processed", fx.get("/v2/batch/"+id), 200,
		fmt.Sprintf(`{"id":%q,"count":%d,"outcomes":{"PENDING":%d}}`, id, count, count))
	messages := fx.queued()
	fx.deliverBodies(messages[1:]...)
	var part struct {
		Outcomes map[string]int
		Events   []struct{}
	}
	fx.read("/v2/batch/"+id, &part)
	if part.Outcomes["PENDING"] == 0 || part.Outcomes["UNMATCHED"] == 0 || part.Events != nil {
		t.Errorf("with one message to come: %v", part)
	}
	fx.deliverBodies(messages[0])

	read := 0
	for next := ""; ; {
		var page struct {
			Outcomes map[string]int
			Events   []struct{ WorkProviderUserID, Timestamp, State string }
			Next     *string
		}
		fx.read("/v2/batch/"+id+"?next="+next, &page)
		if got := fmt.Sprint(page.Outcomes); got != "map[APPLIED:100 NO_EFFECT:29900 UNMATCHED:30000]" {
			t.Fatalf("at %d: %s", read, got)
		}
		for _, e := range page.Events {
			state := "UNMATCHED"
			if i := read / perPerson; i%2 == 0 && read%perPerson == 0 {
				state = "APPLIED"
			} else if i%2 == 0 {
				state = "NO_EFFECT"
			}
			if e.WorkProviderUserID != fmt.Sprint(read/perPerson) || e.Timestamp != iso(when(read)) ||
				e.State != state {
				t.Fatalf("event %d is %v, want %s", read, e, state)
			}
			read++
		}
		if page.Next == nil {
			break
		}
		next = *page.Next
	}
	if read != count {
		t.Errorf("%d of %d events were read", read, count)
	}
}

// TestBatchRepeatedInOtherParts: the same batch may be split at other places when it is sent again, because what its
// messages say besides has changed. It is still one batch.
func TestBatchRepeatedInOtherParts(t *testing.T) {
	const count = 3000
	env := emulator.NewTestEnv(t)
	key := testkit.Keyring{courier: {ID: courier, Name: "Courier Ltd"}}
	fx := buildFixture(t, env, key, immediateQueue{queue.NewEventsQueue(env)})
	name := func(i int) string { return fmt.Sprint("a-courier-", i%3) }
	var offsets []int
	var id string
	for _, notify := range []bool{false, true} {
		key[courier] = provider.Provider{ID: courier, Name: "Courier Ltd", NotifyRejected: notify}
		id = fx.accept("/v1/batch/login", batchBody(count, name))
		messages := fx.queued()
		c, err := parseMessage(messages[1])
		if err != nil || len(messages) != 2 {
			t.Fatal(len(messages), err)
		}
		offsets = append(offsets, c.Offset)
		fx.deliverBodies(messages...)
	}
	if offsets[0] == offsets[1] {
		t.Fatalf("the two are split alike, at %d: the test needs other names", offsets[0])
	}
	read := 0
	for next := ""; ; {
		var page struct {
			Outcomes map[string]int
			Events   []struct{ WorkProviderUserID string }
			Next     *string
		}
		fx.read("/v2/batch/"+id+"?next="+next, &page)
		if page.Outcomes["UNMATCHED"] != count || len(page.Outcomes) != 1 {
			t.Fatalf("at %d: %v", read, page.Outcomes)
		}
		for _, e := range page.Events {
			if e.WorkProviderUserID != name(read) {
				t.Fatalf("event %d is %v", read, e)
			}
			read++
		}
		if page.Next == nil {
			break
		}
		next = *page.Next
	}
	if read != count {
		t.Errorf("%d of %d events were read", read, count)
	}
}
