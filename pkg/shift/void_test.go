package shift

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// takeBack asks to take an event back.
func (fx *fixture) takeBack(id, reason string) answer {
	body, err := json.Marshal(map[string]string{"reason": reason})
	if err != nil {
		fx.t.Fatal(err)
	}
	return fx.post("/v2/event/"+id+"/void", string(body))
}

func voidJSON(id string, at time.Time) string {
	return fmt.Sprintf(`{"id":%q,"state":"VOIDED","voidedAt":%q}`, id, iso(at))
}

// TestVoid: a LOGIN that was taken back does not count for ever, whether it comes before or after its void, and
// however often each of them is sent.
func TestVoid(t *testing.T) {
	fx := newCourierFixture(t)
	fx.clock = minutes(1)
	id := fx.accept("/v1/shift/login", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(noon)))
	fx.clock = minutes(2)
	fx.want("before it is applied", fx.takeBack(id, "Wrong rider"), 201, voidJSON(id, minutes(2)))
	voided := func(acceptedAt string) string {
		return fmt.Sprintf(`{"id":%q,"state":"VOIDED","effect":null,"reason":null,"shiftId":null,"customerNumber":"ABC123",`+
			`"kind":"LOGIN","timestamp":%q,"acceptedAt":%s}`, id, iso(noon), acceptedAt)
	}
	fx.want("before it is applied", fx.get("/v2/event/"+id), 200, voided("null"))
	fx.drain()
	acceptedAt := fmt.Sprintf("%q", iso(minutes(1)))
	fx.want("once it is applied", fx.get("/v2/event/"+id), 200, voided(acceptedAt))
	fx.clock = minutes(3)
	fx.want("again", fx.takeBack(id, "Another reason"), 201, voidJSON(id, minutes(2)))
	fx.login("ABC123", noon)
	fx.drain()
	fx.want("sent again", fx.get("/v2/event/"+id), 200, voided(acceptedAt))
	fx.wantShifts("none", "ABC123")
	fx.want("its shift", fx.get("/v2/shift/"+id), 404, noShift)
	fx.want("an end of its shift", fx.putEnd(id, 2), 404, noShift)
	fx.want("POST again", fx.post("/v2/shift", newShiftBody(abc, noon, time.Time{})), 400,
		v2Field("startTime", "The LOGIN of this `startTime` was taken back."))
	fx.clock = minutes(60 * 24 * 31)
	fx.want("when it is too old to be taken back", fx.takeBack(id, "Another reason"), 201, voidJSON(id, minutes(2)))

	day := timeline.Days{First: timeline.At(noon).Day(), Last: timeline.At(noon).Day()}
	name := person.Name{Kind: person.CustomerNumber, Value: "ABC123"}
	reasons, err := fx.timelines.VoidReasons(t.Context(), courier, name, day)
	if err != nil || len(reasons) != 1 || reasons[0].Reason != "Wrong rider" {
		t.Errorf("the reason of the first void is kept: %v, %v", reasons, err)
	}
}

// TestVoidV2Events: what v2 stored is taken back by the X-Event-Id of its 201.
func TestVoidV2Events(t *testing.T) {
	fx := newCourierFixture(t)
	fx.clock = noon
	id := fx.create(abc, noon, time.Time{})
	fx.clock = minutes(60)
	wrong := fx.putEnd(id, 20).header.Get("X-Event-Id")
	fx.wantRecord("a wrong end", "ABC123", 2, "0-20 LOGOUT")
	fx.want("a wrong end is taken back", fx.takeBack(wrong, "Typing error"), 201, voidJSON(wrong, minutes(60)))
	fx.wantRecord("no end", "ABC123", 3, "0-840 AUTO")
	fx.want("the wrong end again", fx.putEnd(id, 20), 400,
		v2Field("endTime", "The LOGOUT of this `endTime` was taken back."))
	fx.want("the right end", fx.putEnd(id, 50), 201, ended(50))
	fx.wantRecord("the right end", "ABC123", 4, "0-50 LOGOUT")
	fx.want("the whole shift", fx.takeBack(id, "Wrong rider"), 201, voidJSON(id, minutes(60)))
	fx.wantRecord("nothing", "ABC123", 5)
	fx.drain()
	fx.wantRecord("nothing, once the queue has delivered all", "ABC123", 5)
}

// TestVoidReach: what a LOGIN that is taken back had kept from naming a shift names one, on a day of its
// own, too.
func TestVoidReach(t *testing.T) {
	fx := newCourierFixture(t)
	evening := fx.sendAt("login", byNumber, at(0, 20, 0))
	fx.sendAt("login", byNumber, at(1, 9, 0))
	fx.sendAt("logout", byNumber, at(1, 9, 30))
	fx.wantShifts("one shift", "ABC123", "Mon 20:00–Tue 09:30 LOGOUT")
	fx.clock = at(1, 12, 0)
	fx.takeBack(evening, "Wrong rider")
	fx.wantShifts("the second LOGIN's own", "ABC123", "Tue 09:00–Tue 09:30 LOGOUT")
	diffs, err := timeline.DiffRecords(t.Context(), fx.timelines, courier, "ABC123")
	if err != nil || len(diffs) > 0 {
		t.Errorf("the records differ from the facts: %v, %v", diffs, err)
	}
}

var noShift = `{"status":"NOK","error":"NOT_FOUND","detail":"No such shift"}`

// TestRow29: what a void can be refused for.
func TestRow29(t *testing.T) {
	fx := newCourierFixture(t)
	fx.addCustomer(parcels, "NX42Z", "")
	id := fx.accept("/v1/shift/login", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(noon)))
	match := fx.accept("/v1/match", `{"customerNumber":"ABC123","success":true}`)
	foreign := EventID(fx.ids, parcels, fact(timeline.Login, person.CustomerNumber, "NX42Z", noon))
	noEvent := `{"status":"NOK","error":"NOT_FOUND","detail":"No such event"}`
	length := v2Field("reason", "`reason` must be 1 to 200 characters long.")
	long := strings.Repeat("é", 201)
	for name, c := range map[string]struct {
		id, body string
		status   int
		want     string
	}{
		"an id that is none": {"x", `{"reason":"A mistake"}`, 404, noEvent},
		"another's id":       {foreign, `{"reason":"A mistake"}`, 404, noEvent},
		"a match": {match, `{"reason":"A mistake"}`, 400,
			v2Field("id", "A match cannot be taken back. Send another one instead.")},
		"no reason":       {id, `{}`, 400, length},
		"null":            {id, `{"reason":null}`, 400, length},
		"an empty reason": {id, `{"reason":""}`, 400, length},
		"201 characters":  {id, fmt.Sprintf(`{"reason":%q}`, long), 400, length},
		"a reason of a line feed": {id, `{"reason":"a\nb"}`, 400,
			v2Field("reason", "`reason` must not contain control characters.")},
		"a number":               {id, `{"reason":1}`, 400, v2Field("reason", "`reason` must be a string")},
		"no JSON":                {id, `{`, 400, v2Field("body", "JSON decode error at line 1, column 2")},
		"the body before the id": {"x", `{}`, 400, length},
	} {
		fx.want(name, fx.post("/v2/event/"+c.id+"/void", c.body), c.status, c.want)
	}
	fx.clock = noon.Add(30*24*time.Hour + time.Microsecond)
	fx.want("older than 30 days", fx.takeBack(id, "A mistake"), 400,
		v2Field("id", "The event is older than 30 days. Ask us to take it back."))
	fx.clock = noon.Add(30 * 24 * time.Hour)
	fx.want("of 30 days", fx.takeBack(id, long[:400]), 201, voidJSON(id, fx.clock))
	if got := fx.ask(parcels, "POST", "/v2/event/"+id+"/void", `{"reason":"A mistake"}`); got.status != 404 {
		t.Errorf("by another work provider: %v", got)
	}
}

// TestVoidFullDay: an event that a full day rejected cannot be taken back, and voids of others fit.
func TestVoidFullDay(t *testing.T) {
	fx := newCourierFixture(t)
	name := person.Name{Kind: person.CustomerNumber, Value: "ABC123"}
	facts := make([]timeline.Fact, 1900)
	for i := range facts {
		facts[i] = fact(timeline.Login, name.Kind, name.Value, noon.Add(time.Duration(i)*time.Second))
	}
	day := timeline.At(noon).Day()
	if _, err := fx.timelines.AddFacts(t.Context(), courier, name, day, facts); err != nil {
		t.Fatal(err)
	}
	fx.clock = minutes(60)
	full := fact(timeline.Login, name.Kind, name.Value, noon.Add(time.Microsecond))
	fx.want("of what found no room", fx.takeBack(EventID(fx.ids, courier, full), "A mistake"), 400,
		v2Field("id", "The event was rejected, because its user has too many events on that day."))
	for _, i := range []int{0, 1, 1899} {
		id := EventID(fx.ids, courier, facts[i])
		fx.want("of what is there", fx.takeBack(id, "A mistake"), 201, voidJSON(id, fx.clock))
	}
	fx.drain()
	logout := fx.accept("/v1/shift/logout", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(50))))
	fx.drain()
	fx.wantOutcome("a LOGOUT", logout, "APPLIED CLOSED_SHIFT")
}

// TestAcceptedAt: events and shifts have the instant of their first acceptance; redeliveries and repeats keep it.
func TestAcceptedAt(t *testing.T) {
	fx := newCourierFixture(t)
	accepted := noon.Add(40*time.Minute + 123_456*time.Microsecond)
	fx.clock = accepted
	login := fx.accept("/v1/shift/login", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(noon)))
	bodies := fx.queued()
	fx.clock = minutes(50)
	fx.accept("/v1/shift/login", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(noon)))
	fx.drain()
	fx.clock = minutes(60)
	fx.deliverBodies(bodies...) // the first comes last, as if redriven
	fx.clock = minutes(61)
	logout := fx.accept("/v1/shift/logout", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(30))))
	fx.drain()
	millisecond := `"2026-03-14T12:40:00.123000+00:00"`
	event := eventJSON(login, "APPLIED", "OPENED_SHIFT", "", login, `"customerNumber":"ABC123"`, "LOGIN", noon)
	fx.want("the LOGIN", fx.get("/v2/event/"+login), 200,
		strings.TrimSuffix(event, "}")+`,"acceptedAt":`+millisecond+`}`)
	shift := fmt.Sprintf(`{"id":%q,"user":{"customerNumber":"ABC123"},"startTime":%q,"endTime":%q,"endedBy":"LOGOUT",`+
		`"startAcceptedAt":%s,"endAcceptedAt":%q,"revision":%%d}`,
		login, iso(noon), iso(minutes(30)), millisecond, iso(minutes(61)))
	fx.want("the shift", fx.get("/v2/shift/"+login), 200, fmt.Sprintf(shift, 2))
	fx.want("the list", fx.get("/v2/shift?customerNumber=ABC123"), 200,
		`{"shifts":[`+fmt.Sprintf(shift, 2)+`],"next":null}`)

	asKnownAt := func(at time.Time) answer {
		return fx.get("/v2/shift/" + login + "?asKnownAt=" + url.QueryEscape(at.Format(time.RFC3339Nano)))
	}
	fx.want("before it was accepted", asKnownAt(accepted.Add(-time.Millisecond)), 404, noShift)
	open := fmt.Sprintf(`{"id":%q,"user":{"customerNumber":"ABC123"},"startTime":%q,"endTime":null,"endedBy":null,`+
		`"startAcceptedAt":%s,"endAcceptedAt":null,"revision":0}`, login, iso(noon), millisecond)
	fx.want("once the LOGIN was accepted", asKnownAt(accepted), 200, open)
	fx.want("just before the LOGOUT was accepted", asKnownAt(minutes(61).Add(-time.Microsecond)), 200, open)
	fx.want("once the LOGOUT was accepted", asKnownAt(minutes(61)), 200, fmt.Sprintf(shift, 0))
	fx.clock = minutes(90)
	fx.takeBack(logout, "A mistake")
	fx.clock = minutes(100)
	fx.want("before it was taken back", asKnownAt(minutes(89)), 200, fmt.Sprintf(shift, 0))
	fx.want("once it was", asKnownAt(minutes(90)), 200, open)
	fx.takeBack(login, "A mistake")
	fx.want("now", fx.get("/v2/shift/"+login), 404, noShift)
	fx.want("before the LOGIN was taken back", asKnownAt(minutes(99)), 200, open)
	fx.clock = minutes(100 + 14*60)
	fx.want("long after its end, with the clock at that instant", asKnownAt(minutes(99)), 200, open)
}

// TestAsKnownAtConsent: a past answer is given to whom the customer shares with now, and is that of then.
func TestAsKnownAtConsent(t *testing.T) {
	fx := newFixture(t)
	year := noon.AddDate(-1, 0, 0)
	fx.addPerson(courier, "ABC123", "", year, timeline.ConsentGiven(year), timeline.Matched(year))
	fx.clock = minutes(1)
	fx.login("ABC123", noon)
	id := EventID(fx.ids, courier, fact(timeline.Login, person.CustomerNumber, "ABC123", noon))
	at := func(minute int) answer {
		return fx.get("/v2/shift/" + id + "?asKnownAt=" + url.QueryEscape(iso(minutes(minute))))
	}
	fx.clock = minutes(10)
	if got := at(5); got.status != 200 {
		t.Errorf("while the customer shares: %v", got)
	}
	fx.addPerson(courier, "ABC123", "", year, timeline.ConsentWithdrawn(minutes(20)))
	fx.clock = minutes(30)
	fx.want("after the withdrawal", at(5), 404, noShift)
	fx.addPerson(courier, "ABC123", "", year, timeline.ConsentGiven(minutes(40)))
	fx.clock = minutes(50)
	if got := at(5); got.status != 200 {
		t.Errorf("once the customer shares again: %v", got)
	}
	fx.want("as it was meanwhile", at(30), 404, noShift)
	field := func(text string) string { return v2Field("asKnownAt", text) }
	for query, want := range map[string]string{
		"?asKnownAt=yesterday": field(
			"`asKnownAt` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00"),
		"?asKnownAt=" + url.QueryEscape(iso(minutes(51))):          field("`asKnownAt` must not be in the future."),
		"?asKnownAt=2026-03-14T12:00:00Z&asKnownAt=2026-03-14T12Z": field("`asKnownAt` is repeated with different values."),
		"?asKnownAt=%ff": v2Field("query", "The query must be UTF-8"),
	} {
		fx.want(query, fx.get("/v2/shift/"+id+query), 400, want)
	}
	if got := fx.get("/v2/shift/" + id + "?asKnownAt="); got.status != 200 {
		t.Errorf("an empty value counts as not sent: %v", got)
	}
}

// TestUnknownAcceptance: what was stored before acceptances were reads null, and counts as accepted at its instant.
func TestUnknownAcceptance(t *testing.T) {
	fx := newCourierFixture(t)
	fx.clock = minutes(60)
	fx.deliverBodies(fmt.Sprintf(`{"v":1,"provider":%q,"facts":[["I","C","ABC123",%d],["O","C","ABC123",%d]]}`,
		courier, noon.UnixMicro(), minutes(30).UnixMicro()))
	id := EventID(fx.ids, courier, fact(timeline.Login, person.CustomerNumber, "ABC123", noon))
	want := func(end, by string) string {
		return fmt.Sprintf(`{"id":%q,"user":{"customerNumber":"ABC123"},"startTime":%q,"endTime":%s,"endedBy":%s,`+
			`"startAcceptedAt":null,"endAcceptedAt":null,"revision":0}`, id, iso(noon), end, by)
	}
	at := func(minute int) answer {
		return fx.get("/v2/shift/" + id + "?asKnownAt=" + url.QueryEscape(iso(minutes(minute))))
	}
	fx.want("at the LOGIN", at(0), 200, want("null", "null"))
	fx.want("before the LOGOUT", at(29), 200, want("null", "null"))
	fx.want("at the LOGOUT", at(30), 200, want(fmt.Sprintf("%q", iso(minutes(30))), `"LOGOUT"`))
	fx.want("before the LOGIN", at(-1), 404, noShift)
}
