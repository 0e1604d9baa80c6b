package shift

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// abc is a user as most requests here name one.
const abc = `{"customerNumber":"ABC123"}`

// newCourierFixture is a fixture with ABC123, who is the courier's 12345, and ABC12, its 1686.
func newCourierFixture(t *testing.T) *fixture {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	fx.addCustomer(courier, "ABC12", "1686")
	return fx
}

// v2Field is the body of a refusal by v2, v2NoShift that of an id which is unknown, forged or foreign.
func v2Field(field, detail string) string {
	return fmt.Sprintf(`{"status":"NOK","error":"INVALID_DATA","message":"Invalid data format","detail":{%q:%q}}`,
		field, detail)
}

const v2NoShift = `{"status":"NOK","error":"NOT_FOUND","detail":"No such shift"}`

func TestCreateShift(t *testing.T) {
	fx := newCourierFixture(t)
	number := func(n string) timeline.Fact { return fact(timeline.Login, person.CustomerNumber, n, noon) }
	for name, c := range map[string]struct {
		body string
		want timeline.Fact // whose id it gets
		echo string        // what follows the id
	}{
		"as documented": {
			`{"user":{"customerNumber":"ABC123"},"startTime":"2026-03-14T12:00:00+00:00",` +
				`"endTime":"2026-03-14T14:00:00+00:00"}`, number("ABC123"),
			`"user":{"customerNumber":"ABC123"},"startTime":"2026-03-14T12:00:00+00:00","endTime":"2026-03-14T14:00:00+00:00"}`,
		},
		"row 22: deprecated id, an integer": {
			`{"user":{"driverId":1686},"startTime":"2026-03-14T12:00:00Z","endTime":null}`,
			fact(timeline.Login, person.UserID, "1686", noon),
			`"user":{"workProviderUserId":"1686"},"startTime":"2026-03-14T12:00:00+00:00","endTime":null}`,
		},
		"row 22: deprecated number": {
			`{"user":{"policyId":" abc123 "},"startTime":"2026-03-14T12:00:00Z"}`, number("ABC123"),
			`"user":{"customerNumber":"ABC123"},"startTime":"2026-03-14T12:00:00+00:00","endTime":null}`,
		},
		"row 16: an empty end": {
			`{"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T12:00:00Z","endTime":""}`, number("ABC12"),
			`"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T12:00:00+00:00","endTime":null}`,
		},
		"row 13: no timezone is UTC": {
			`{"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14 12:00"}`, number("ABC12"),
			`"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T12:00:00+00:00","endTime":null}`,
		},
		"row 12: a fraction": {
			`{"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T13:00:00.5000009+01:00",` +
				`"endTime":"2026-03-14T12:00:00.500001Z"}`,
			fact(timeline.Login, person.CustomerNumber, "ABC12", noon.Add(500*time.Millisecond)),
			`"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T12:00:00.500000+00:00",` +
				`"endTime":"2026-03-14T12:00:00.500001+00:00"}`,
		},
		"row 15: 30 minutes before, 14 hours long": {
			`{"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T11:30:00Z","endTime":"2026-03-15T01:30:00Z"}`,
			fact(timeline.Login, person.CustomerNumber, "ABC12", minutes(-30)),
			`"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T11:30:00+00:00","endTime":"2026-03-15T01:30:00+00:00"}`,
		},
		"row 15: 30 minutes ahead": {
			`{"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T12:30:00Z"}`,
			fact(timeline.Login, person.CustomerNumber, "ABC12", minutes(30)),
			`"user":{"customerNumber":"ABC12"},"startTime":"2026-03-14T12:30:00+00:00","endTime":null}`,
		},
	} {
		// row 10, and row 17: sent again
		for _, path := range []string{"/v2/shift", "/v2/shift/", "/v2/policy", "/v2/policy/"} {
			fx.want(path+": "+name, fx.post(path, c.body), 201,
				fmt.Sprintf(`{"id":%q,`, EventID(fx.ids, courier, c.want))+c.echo)
		}
	}
}

// What is wrong with a user who may not be read, and with one for whom no shift may be created.
const (
	notShared  = "`user` must be a customer who shares their data with you."
	notMatched = "`user` must be a customer who shares their data with you and is matched."
)

func TestCreateShiftErrors(t *testing.T) {
	fx := newCourierFixture(t)
	recent := minutes(-10)
	fx.addPerson(courier, "RECENT", "", recent, timeline.ConsentGiven(recent),
		timeline.Matched(recent.AddDate(-1, 0, 0)))
	start := func(s string) string { return `{"user":` + abc + `,"startTime":"` + s + `"}` }
	end := func(s string) string {
		return `{"user":` + abc + `,"startTime":"2026-03-14T12:00:00Z","endTime":"` + s + `"}`
	}
	user := func(s string) string { return `{"user":` + s + `,"startTime":"2026-03-14T12:00:00Z"}` }
	const notISO = "must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00"
	for name, c := range map[string]struct{ body, want string }{
		"row 7: as documented": {`{x}`, v2Field("body", "JSON decode error at line 1, column 2")},
		"row 11: a trailing comma": {`{"user":` + abc + `,}`,
			v2Field("body", "JSON decode error at line 1, column 37")},
		"row 11: a trailing space": {`{"user":` + abc + `,"startTime ":"2026-03-14T12:00:00Z"}`,
			v2Field("startTime", "`startTime` must be provided")},
		"row 3: a key twice": {`{"user":` + abc + `,"user":{}}`,
			v2Field("body", "Duplicate key at line 1, column 37")},
		"an array": {`[]`, v2Field("body", "The body must be a JSON object")},
		"nobody": {`{"startTime":"2026-03-14T12:00:00Z"}`,
			v2Field("user", "`user` must be provided.")},
		"user null":            {user(`null`), v2Field("user", "`user` must be provided.")},
		"user a string":        {user(`"ABC123"`), v2Field("user", "`user` must be an object")},
		"row 1: an empty user": {user(`{}`), v2Field("user.customerNumber", exactlyOne)},
		"row 1: both kinds": {user(`{"customerNumber":"ABC123","workProviderUserId":"12345"}`),
			v2Field("user.workProviderUserId", exactlyOne)},
		"row 1: deprecated differs": {user(`{"workProviderUserId":"12345","driverId":"1686"}`),
			v2Field("user.driverId", "`driverId` must have the same value as `workProviderUserId`, or be omitted")},
		"row 2: 1.0": {user(`{"customerNumber":1.0}`),
			v2Field("user.customerNumber", "`user.customerNumber` must be a string or an integer")},
		"row 13: no start": {`{"user":` + abc + `}`, v2Field("startTime", "`startTime` must be provided")},
		"row 13: start null": {`{"user":` + abc + `,"startTime":null}`,
			v2Field("startTime", "`startTime` must be provided")},
		"row 13: no time":     {start("now"), v2Field("startTime", "`startTime` "+notISO)},
		"row 13: end no time": {end("later"), v2Field("endTime", "`endTime` "+notISO)},
		"row 15: too early": {start("2026-03-14T11:29:59.999999Z"),
			v2Field("startTime", "`startTime` must be within 30 minutes from now.")},
		"row 15: too late": {start("2026-03-14T12:30:00.000001Z"),
			v2Field("startTime", "`startTime` must be within 30 minutes from now.")},
		"row 15: end at the start": {end("2026-03-14T12:00:00Z"),
			v2Field("endTime", "`endTime` must be after `startTime`.")},
		"row 15: end before the start": {end("2026-03-14T11:59:00Z"),
			v2Field("endTime", "`endTime` must be after `startTime`.")},
		"row 15: over 14 hours": {end("2026-03-15T02:00:00.000001Z"),
			v2Field("endTime", "The maximum allowable shifts length is 14:00:00.")},
		"row 22: unknown":    {user(`{"customerNumber":"ZZZ999"}`), v2Field("user", notMatched)},
		"row 22: unknown id": {user(`{"workProviderUserId":"ABC123"}`), v2Field("user", notMatched)},
		"row 22: before the consent": {`{"user":{"customerNumber":"RECENT"},"startTime":"2026-03-14T11:49:59.999999Z"}`,
			v2Field("startTime", "`startTime` must not be before the user's consent.")},
		"400 by itself before user": {`{"user":{"customerNumber":"ZZZ999"},"startTime":"2026-03-14T11:00:00Z"}`,
			v2Field("startTime", "`startTime` must be within 30 minutes from now.")},
	} {
		for _, path := range []string{"/v2/shift/", "/v2/policy"} {
			fx.want(path+": "+name, fx.post(path, c.body), 400, c.want)
		}
	}
	fx.want("row 22: at the consent",
		fx.post("/v2/shift", newShiftBody(`{"customerNumber":"RECENT"}`, recent, time.Time{})), 201,
		fmt.Sprintf(`{"id":%q,"user":{"customerNumber":"RECENT"},"startTime":%q,"endTime":null}`,
			EventID(fx.ids, courier, fact(timeline.Login, person.CustomerNumber, "RECENT", recent)), iso(recent)))
	if bodies := fx.queued(); len(bodies) != 1 {
		t.Errorf("the recovery message of one creation, and nothing of a refused one, must be queued: %q", bodies)
	}
}

func TestV2Authentication(t *testing.T) {
	fx := newCourierFixture(t)
	id := fx.create(abc, noon, time.Time{})
	for _, c := range [][2]string{
		{"POST", "/v2/shift"}, {"POST", "/v2/policy/"}, {"PUT", "/v2/shift/" + id}, {"PUT", "/v2/policy/none/"},
		{"GET", "/v2/shift/" + id}, {"GET", "/v2/policy/none"}, {"GET", "/v2/shift/?customerNumber=ABC123"},
	} {
		fx.want(fmt.Sprint(c), fx.ask("", c[0], c[1], "{x}"), 401,
			`{"status":"NOK","error":"MISSING_AUTH","detail":"Authorization header missing"}`)
		fx.want(fmt.Sprint(c), fx.ask("nobody", c[0], c[1], "{x}"), 401,
			`{"status":"NOK","error":"INVALID_KEY","detail":"Invalid API key"}`)
	}
	for path, allow := range map[string]string{"/v2/shift": "GET, HEAD, POST",
		"/v2/policy/" + id + "/": "GET, HEAD, PUT"} {
		a := fx.ask(courier, "DELETE", path, "")
		fx.want("row 27: "+path, a, 405,
			`{"status":"NOK","error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`)
		if got := a.header.Get("Allow"); got != allow {
			t.Errorf("row 27: %s: Allow: %s", path, got)
		}
	}
}

// TestReadShift tells all the ways in which a shift can end, and what it looks like before.
func TestReadShift(t *testing.T) {
	fx := newCourierFixture(t)
	open := fx.create(abc, noon, time.Time{})
	read := func(what, id string, want string) {
		t.Helper()
		for _, path := range []string{"/v2/shift/", "/v2/policy/"} {
			for _, slash := range []string{"", "/"} {
				fx.want(what, fx.get(path+id+slash), 200, want)
			}
		}
		head := fx.ask(courier, "HEAD", "/v2/shift/"+id, "")
		fx.want(what+", HEAD", head, 200, "")
	}
	read("open", open, shiftJSON(open, "ABC123", noon, time.Time{}, "", 1))
	fx.clock = minutes(14*60 - 1)
	read("a minute before 14 hours", open, shiftJSON(open, "ABC123", noon, time.Time{}, "", 1))
	fx.clock = minutes(14 * 60)
	read("AUTO", open, shiftJSON(open, "ABC123", noon, fx.clock, "AUTO", 1))

	fx.clock = noon
	planned := fx.create(`{"workProviderUserId":"1686"}`, noon, minutes(90))
	read("planned", planned, shiftJSON(planned, "ABC12", noon, minutes(90), "", 1))
	fx.clock = minutes(90)
	read("PLANNED", planned, shiftJSON(planned, "ABC12", noon, minutes(90), "PLANNED", 1))
	fx.logout("ABC12", minutes(80))
	read("LOGOUT", planned, shiftJSON(planned, "ABC12", noon, minutes(80), "LOGOUT", 2))
	fx.logout("ABC12", minutes(0))
	read("rule 3: a LOGOUT at the LOGIN's instant comes first", planned,
		shiftJSON(planned, "ABC12", noon, minutes(80), "LOGOUT", 2))
	fx.want("listed", fx.get("/v2/shift?customerNumber=ABC12"), 200,
		`{"shifts":[`+shiftJSON(planned, "ABC12", noon, minutes(80), "LOGOUT", 2)+`],"next":null}`)

	// One who withdraws consent is nobody, until they give it again.
	fx.clock = noon
	fx.addCustomer(courier, "GONE12", "")
	gone := fx.create(`{"customerNumber":"GONE12"}`, noon, time.Time{})
	fx.addPerson(courier, "GONE12", "", noon, timeline.ConsentWithdrawn(minutes(20)),
		timeline.ConsentGiven(minutes(40)))
	fx.clock = minutes(20)
	fx.want("withdrawn", fx.get("/v2/shift/"+gone), 404, v2NoShift)
	fx.clock = minutes(40)
	read("WITHDRAWN", gone, shiftJSON(gone, "GONE12", noon, minutes(20), "WITHDRAWN", 1))
}

// TestShiftIDs is rule 8: whichever of a shift's LOGINs an id names, under whichever of the person's names,
// it finds the shift, and the shift has the id of its earliest LOGIN.
func TestShiftIDs(t *testing.T) {
	fx := newCourierFixture(t)
	first := fx.create(abc, noon, time.Time{})
	second := fx.create(abc, minutes(10), time.Time{})                             // ALREADY_OPEN
	other := fx.create(`{"workProviderUserId":"12345"}`, minutes(20), time.Time{}) // the other name
	// both names at one instant
	twin := fx.create(`{"workProviderUserId":"12345"}`, noon, time.Time{})
	third := fx.accept("/v1/shift/login", `{"driverId":"12345","timestamp":"2026-03-14T12:30:00Z"}`) // by v1
	fx.drain()
	ids := []string{first, second, other, twin, third}
	// Each of the three later instants makes cover reach further, and so changes the record: it has the shift that will
	// continue this one.
	want := shiftJSON(first, "ABC123", noon, time.Time{}, "", 4)
	for i, id := range ids {
		fx.want(fmt.Sprint("id ", i), fx.get("/v2/shift/"+id), 200, want)
		for _, before := range ids[:i] {
			if id == before {
				t.Errorf("two of the ids are %s", id)
			}
		}
	}
	early := fx.accept("/v1/shift/login", `{"driverId":"12345","timestamp":"2026-03-14T11:00:00Z"}`)
	fx.drain()
	for i, id := range append(ids, early) {
		fx.want(fmt.Sprint("an earlier LOGIN came late: id ", i), fx.get("/v2/shift/"+id), 200,
			shiftJSON(early, "ABC123", eleven, time.Time{}, "", 5))
	}
	fx.want("the list", fx.get("/v2/shift/?workProviderUserId=12345"), 200,
		`{"shifts":[`+shiftJSON(early, "ABC123", eleven, time.Time{}, "", 5)+`],"next":null}`)
	for name, id := range map[string]string{
		"a LOGOUT's": fx.accept("/v1/shift/logout", `{"driverId":"12345","timestamp":"2026-03-14T11:00:00Z"}`),
		"a match's":  fx.accept("/v1/match", `{"customerNumber":"ABC123","success":true}`),
		"a batch's":  fx.accept("/v1/batch/login", `[{"driverId":"12345","timestamp":"2026-03-14T11:00:00Z"}]`),
	} {
		fx.want(name+" id is no shift's", fx.get("/v2/shift/"+id), 404, v2NoShift)
	}
}

// TestRepeatedPost is row 17: the same id. Of two planned ends the one accepted last counts, and any beats none.
func TestRepeatedPost(t *testing.T) {
	fx := newCourierFixture(t)
	id := fx.create(abc, noon, minutes(60))
	for _, c := range []struct {
		planned, end time.Time
		revision     int
	}{
		{minutes(60), minutes(60), 1},
		{minutes(90), minutes(90), 2},
		{minutes(30), minutes(30), 3},
		{time.Time{}, minutes(30), 3},
		{minutes(120), minutes(120), 4},
		{minutes(60), minutes(60), 5}, // back to where it was
	} {
		fx.clock = fx.clock.Add(time.Second)
		if again := fx.create(abc, noon, c.planned); again != id {
			t.Errorf("another id: %s, then %s", id, again)
		}
		fx.want("after "+iso(c.planned), fx.get("/v2/shift/"+id), 200,
			shiftJSON(id, "ABC123", noon, c.end, "", c.revision))
		fx.drain() // the recovery messages find nothing to do
		fx.want("after its recovery message", fx.get("/v2/shift/"+id), 200,
			shiftJSON(id, "ABC123", noon, c.end, "", c.revision))
	}
	other := fx.create(`{"driverId":"12345"}`, noon, time.Time{})
	if other == id {
		t.Error("under the other name the id is the same")
	}
	fx.want("under the other name", fx.get("/v2/shift/"+other), 200, shiftJSON(id, "ABC123", noon, minutes(60), "", 5))
}

// TestCreateQueueUnavailable: without the recovery message in the queue nothing is stored, and the answer invites
// another try.
func TestCreateQueueUnavailable(t *testing.T) {
	sender := new(testkit.Queue)
	fx := buildFixture(t, emulator.NewTestEnv(t), keys, sender)
	fx.addCustomer(courier, "ABC123", "12345")
	id := fx.create(abc, noon, time.Time{})
	sender.Err = fault.Wrap(fault.Unavailable, errors.New("down"))
	const unavailable = `{"status":"NOK","error":"UNAVAILABLE","detail":"Service temporarily unavailable; retry later"}`
	for what, a := range map[string]answer{
		"POST": fx.post("/v2/shift", newShiftBody(abc, minutes(-20), time.Time{})),
		"PUT":  fx.put("/v2/shift/"+id, `{"endTime":"2026-03-14T12:10:00Z"}`),
	} {
		fx.want(what, a, 503, unavailable)
		if a.header.Get("Retry-After") != "5" {
			t.Errorf("%s: headers %v", what, a.header)
		}
	}
	fx.want("nothing happened", fx.get("/v2/shift?customerNumber=ABC123"), 200,
		`{"shifts":[`+shiftJSON(id, "ABC123", noon, time.Time{}, "", 1)+`],"next":null}`)
}

// TestFullDay is rule 9 through v2: what does not fit is refused, what is there already is not. A planned end takes no
// place.
func TestFullDay(t *testing.T) {
	fx := newCourierFixture(t)
	id := fx.create(abc, noon, time.Time{})
	var body strings.Builder
	for i := range timeline.MaxFactsPerDay - 1 {
		fmt.Fprintf(&body, `,{"customerNumber":"ABC123","timestamp":"2026-03-14T00:%02d:%02dZ"}`, i/60, i%60)
	}
	fx.accept("/v1/batch/logout", "["+body.String()[1:]+"]")
	fx.drain()
	fx.clock = minutes(20)
	tooMany := func(field string) string { return v2Field(field, "This user has too many events on that day.") }
	fx.want("one more", fx.post("/v2/shift", newShiftBody(abc, minutes(1), time.Time{})), 400, tooMany("startTime"))
	fx.want("one more end", fx.put("/v2/shift/"+id, ended(10)), 400, tooMany("endTime"))
	if again := fx.create(abc, noon, time.Time{}); again != id {
		t.Errorf("the one that is there: %s", again)
	}
	fx.drain()
	fx.want("the shift", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", noon, time.Time{}, "", 1))
	fx.want("a planned end", fx.put("/v2/shift/"+id, ended(30)), 201, ended(30))
	fx.want("it counts", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", noon, minutes(30), "", 2))
}

// TestDayFullOfLogins: the last 100 places of a day are kept for LOGOUTs, so that cover can be ended (rule 9).
func TestDayFullOfLogins(t *testing.T) {
	const places = timeline.MaxFactsPerDay - 100
	fx := newCourierFixture(t)
	var body strings.Builder
	for i := range places {
		fmt.Fprintf(&body, `,{"customerNumber":"ABC123","timestamp":"2026-03-14T00:%02d:%02dZ"}`, i/60, i%60)
	}
	fx.accept("/v1/batch/login", "["+body.String()[1:]+"]")
	fx.drain()
	refused := fx.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":"2026-03-14T11:00:00Z"}`)
	fx.drain()
	fx.want("a LOGIN more", fx.get("/v2/event/"+refused), 200,
		eventJSON(refused, "REJECTED", "", "TOO_MANY_FACTS", "", `"customerNumber":"ABC123"`, "LOGIN", eleven))
	fx.want("a POST", fx.post("/v2/shift", newShiftBody(abc, noon, time.Time{})), 400,
		v2Field("startTime", "This user has too many events on that day."))
	for i := range 100 {
		fx.accept("/v1/shift/logout",
			fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(eleven.Add(time.Duration(i)*time.Second))))
	}
	late := fx.accept("/v1/shift/logout", fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(1))))
	fx.drain()
	fx.want("the LOGOUT after the last place", fx.get("/v2/event/"+late), 200,
		eventJSON(late, "REJECTED", "", "TOO_MANY_FACTS", "", `"customerNumber":"ABC123"`, "LOGOUT", minutes(1)))
	var list struct {
		Shifts []struct{ StartTime, EndTime, EndedBy string }
	}
	fx.read(listPath, &list)
	want := "[{2026-03-14T00:00:00+00:00 2026-03-14T11:00:00+00:00 LOGOUT}]"
	if got := fmt.Sprint(list.Shifts); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
