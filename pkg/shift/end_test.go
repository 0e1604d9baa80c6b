package shift

import (
	"fmt"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// These are what PUT can answer beside a 201.
var (
	putTooLong   = v2Field("endTime", "The maximum allowable shifts length is 14:00:00.")
	putEnded     = v2Field("endTime", "The shift has already ended at a different time.")
	putBeyond    = v2Field("endTime", "`endTime` must not be after the shift's end.")
	putTooEarly  = v2Field("endTime", "`endTime` must be after the shift's start.")
	putMissing   = v2Field("endTime", "`endTime` must be provided")
	putNoTime    = v2Field("endTime", "`endTime` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00")
	putNoString  = v2Field("endTime", "`endTime` must be a string")
	putBrokenOne = v2Field("body", "JSON decode error at line 1, column 2")
)

// putEnd asks to end a shift, minutes after noon.
func (fx *fixture) putEnd(id string, minute int) answer {
	return fx.put("/v2/shift/"+id, fmt.Sprintf(`{"endTime":%q}`, iso(minutes(minute))))
}

func ended(minute int) string { return fmt.Sprintf(`{"endTime":%q}`, iso(minutes(minute))) }

// TestEndShift plays rule 8's sentences about PUT, each step on the shift that the steps before have left. Every
// shift begins at noon.
func TestEndShift(t *testing.T) {
	fx := newCourierFixture(t)
	type step struct {
		clock  int // minutes after noon
		do     func(number, id string)
		put    int // minutes after noon
		status int
		body   string
	}
	none := func(string, string) {}
	const day = 14 * 60
	for i, c := range []struct {
		name    string
		planned int // 0: none
		steps   []step
		end     time.Time // of the shift afterwards, and how
		by      string
	}{
		{"now", 0, []step{{60, none, 60, 201, ended(60)}}, minutes(60), "LOGOUT"},
		{"in the past", 0, []step{{60, none, 1, 201, ended(1)}}, minutes(1), "LOGOUT"},
		{"the same again: 201, another end: 400", 0, []step{
			{60, none, 60, 201, ended(60)}, {61, none, 60, 201, ended(60)},
			{61, none, 59, 400, putEnded}, {61, none, 61, 400, putEnded}, {day, none, 60, 201, ended(60)},
		}, minutes(60), "LOGOUT"},
		{"not after its start", 0, []step{
			{60, none, 0, 400, putTooEarly}, {60, none, -1, 400, putTooEarly}, {60, none, -10_000, 400, putTooEarly},
		}, time.Time{}, ""},
		{"in the future, up to 14 hours", 0, []step{
			{0, none, day + 1, 400, putTooLong}, {0, none, 100_000, 400, putTooLong}, {0, none, day, 201, ended(day)},
			{1, none, day, 201, ended(day)},
		}, minutes(day), ""},
		{"in the future, then earlier", 0, []step{{0, none, 60, 201, ended(60)}, {1, none, 30, 201, ended(30)}},
			minutes(30), ""},
		{"in the future, then later, and back", 0, []step{
			{0, none, 60, 201, ended(60)}, {1, none, 90, 201, ended(90)}, {2, none, 60, 201, ended(60)},
			{2, none, 60, 201, ended(60)},
		}, minutes(60), ""},
		{"in the future, and it comes to pass", 0, []step{
			{0, none, 60, 201, ended(60)}, {70, none, 80, 400, putBeyond}, {70, none, 65, 400, putBeyond},
		}, minutes(60), "PLANNED"},
		{"in the future, then in the past", 0, []step{{0, none, 60, 201, ended(60)}, {70, none, 50, 201, ended(50)}},
			minutes(50), "LOGOUT"},
		{"in the future, after a LOGOUT", 0, []step{{30, none, 20, 201, ended(20)}, {30, none, 60, 400, putEnded}},
			minutes(20), "LOGOUT"},
		{"in the future, after AUTO", 0, []step{{day + 1, none, day + 2, 400, putTooLong}}, minutes(day), "AUTO"},
		{"in the future, while another LOGIN insures for longer", 0, []step{
			{20, func(number, _ string) { fx.login(number, minutes(10)) }, 60, 201, ended(60)},
		}, time.Time{}, ""},
		{"AUTO in the past does not forbid an earlier end", 0, []step{{day + 600, none, 60, 201, ended(60)}},
			minutes(60), "LOGOUT"},
		{"nor one exactly there", 0, []step{{day + 600, none, day, 201, ended(day)}}, minutes(day), "LOGOUT"},
		{"nor does a planned end", 120, []step{{180, none, 60, 201, ended(60)}}, minutes(60), "LOGOUT"},
		{"beyond the planned end", 120, []step{{60, none, 121, 201, ended(121)}, {180, none, 122, 400, putBeyond}},
			minutes(121), "PLANNED"},
		{"at the planned end", 120, []step{{60, none, 120, 201, ended(120)}, {180, none, 120, 201, ended(120)}},
			minutes(120), "LOGOUT"},
		{"more than 14 hours says so, planned or not", 120, []step{{60, none, day + 1, 400, putTooLong}},
			minutes(120), ""},
		{"closed by a LOGOUT of v1", 0, []step{
			{60, func(number, _ string) { fx.logout(number, minutes(40)) }, 50, 400, putEnded},
			{60, none, 30, 400, putEnded}, {60, none, 40, 201, ended(40)},
		}, minutes(40), "LOGOUT"},
		{"an earlier LOGOUT of v1 comes late", 0, []step{
			{60, none, 50, 201, ended(50)},
			{60, func(number, _ string) { fx.logout(number, minutes(40)) }, 50, 400, putEnded},
		}, minutes(40), "LOGOUT"},
		{"a later LOGIN does not matter", 0, []step{
			{60, func(number, _ string) { fx.login(number, minutes(50)) }, 40, 201, ended(40)},
			{60, none, 40, 201, ended(40)},
		}, minutes(40), "LOGOUT"},
		{"by the id of a LOGIN within it", 0, []step{{20, func(number, _ string) {
			within := fx.create(fmt.Sprintf(`{"customerNumber":%q}`, number), minutes(20), time.Time{})
			fx.want("at the LOGIN within", fx.putEnd(within, 0), 400, putTooEarly)
			fx.want("before that LOGIN", fx.putEnd(within, 10), 400, putTooEarly)
			fx.want("at that LOGIN", fx.putEnd(within, 20), 400, putTooEarly)
		}, 10, 201, ended(10)}}, minutes(10), "LOGOUT"},
		{"that LOGIN has its own shift then", 0, []step{{30, func(number, id string) {
			within := fx.create(fmt.Sprintf(`{"customerNumber":%q}`, number), minutes(20), time.Time{})
			fx.want("the first", fx.putEnd(id, 10), 201, ended(10))
			fx.want("its own", fx.get("/v2/shift/"+within), 200,
				shiftJSON(within, number, minutes(20), time.Time{}, "", 3))
			fx.want("its own is ended", fx.putEnd(within, 25), 201, ended(25))
		}, 10, 201, ended(10)}}, minutes(10), "LOGOUT"},
	} {
		number := fmt.Sprint("PERSON", i)
		fx.addCustomer(courier, number, "")
		fx.clock = noon
		var planned time.Time
		if c.planned > 0 {
			planned = minutes(c.planned)
		}
		id := fx.create(fmt.Sprintf(`{"customerNumber":%q}`, number), noon, planned)
		for j, s := range c.steps {
			fx.clock = minutes(s.clock)
			s.do(number, id)
			fx.want(fmt.Sprintf("%s, step %d", c.name, j), fx.putEnd(id, s.put), s.status, s.body)
			fx.drain()
		}
		var read struct{ EndTime, EndedBy *string }
		fx.read("/v2/shift/"+id, &read)
		got := fmt.Sprint(text(read.EndTime), text(read.EndedBy))
		if want := fmt.Sprint(textOf(c.end), c.by); got != want {
			t.Errorf("%s: at last %s, want %s", c.name, got, want)
		}
	}
}

func TestEndShiftErrors(t *testing.T) {
	fx := newCourierFixture(t)
	id := fx.create(abc, noon, time.Time{})
	fx.queued()
	fx.clock = minutes(60)
	for name, c := range map[string]struct{ body, want string }{
		"row 16: absent":         {`{}`, putMissing},
		"row 16: null":           {`{"endTime":null}`, putMissing},
		"row 16: empty":          {`{"endTime":""}`, putMissing},
		"row 11: trailing space": {`{"endTime ":"2026-03-14T12:30:00Z"}`, putMissing},
		"row 13: no time":        {`{"endTime":"soon"}`, putNoTime},
		"row 13: a number":       {`{"endTime":1}`, putNoString},
		"row 7: broken":          {`{x}`, putBrokenOne},
	} {
		// The body is judged before the id: so also for one that does not exist.
		for _, path := range []string{"/v2/shift/" + id, "/v2/shift/" + id + "/", "/v2/policy/" + id,
			"/v2/shift/none", "/v2/policy/none/"} {
			fx.want(path+": "+name, fx.put(path, c.body), 400, c.want)
		}
	}
	// And the id before the shift.
	tooEarly := ended(-60)
	for name, forged := range map[string]string{
		"no id": "none", "cut": id[:len(id)-1], "changed": "B" + id[1:], "longer": id + "A", "an escape": "%41%00",
		"not UTF-8":   "%ff",
		"of nobody":   EventID(fx.ids, courier, fact(timeline.Login, person.CustomerNumber, "ZZZ999", noon)),
		"never sent":  EventID(fx.ids, courier, fact(timeline.Login, person.CustomerNumber, "ABC123", eleven)),
		"of a LOGOUT": EventID(fx.ids, courier, fact(timeline.Logout, person.CustomerNumber, "ABC123", noon)),
		"another's":   EventID(fx.ids, parcels, fact(timeline.Login, person.CustomerNumber, "ABC123", noon)),
	} {
		fx.want("PUT, "+name, fx.put("/v2/shift/"+forged, tooEarly), 404, v2NoShift)
		fx.want("GET, "+name, fx.get("/v2/shift/"+forged), 404, v2NoShift)
	}
	fx.want("row 13: no timezone is UTC; row 12: the answer is in UTC",
		fx.put("/v2/policy/"+id+"/", `{"endTime":"2026-03-14 12:30:00.25"}`),
		201, `{"endTime":"2026-03-14T12:30:00.250000+00:00"}`)
	fx.want("row 17: another spelling of the same",
		fx.put("/v2/shift/"+id, `{"endTime":"2026-03-14T13:30:00.2500001+01","x":1}`),
		201, `{"endTime":"2026-03-14T12:30:00.250000+00:00"}`)
	fx.want("row 28: the id's escapes are decoded once", fx.get(fmt.Sprintf("/v2/shift/%%%02X%s", id[0], id[1:])), 200,
		shiftJSON(id, "ABC123", noon, minutes(30).Add(250*time.Millisecond), "LOGOUT", 2))
}

// TestAdjoiningShifts is rule 3: a LOGIN at the very end begins a shift of its own, and either can be read.
func TestAdjoiningShifts(t *testing.T) {
	fx := newCourierFixture(t)
	fx.clock = minutes(20)
	first := fx.create(abc, noon, time.Time{})
	fx.want("the end", fx.putEnd(first, 20), 201, ended(20))
	second := fx.create(abc, minutes(20), time.Time{})
	fx.want("the first", fx.get("/v2/shift/"+first), 200, shiftJSON(first, "ABC123", noon, minutes(20), "LOGOUT", 3))
	fx.want("the second", fx.get("/v2/shift/"+second), 200,
		shiftJSON(second, "ABC123", minutes(20), time.Time{}, "", 3))
	fx.want("again", fx.putEnd(first, 20), 201, ended(20))
	fx.want("a later end of the first", fx.putEnd(first, 21), 400, putEnded)
}
