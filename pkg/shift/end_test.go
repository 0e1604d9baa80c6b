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
	putEnded     = v2Field("endTime", "The shift has ended at another time already.")
	putBeyond    = v2Field("endTime", "`endTime` must not be after the shift's end.")
	putTooEarly  = v2Field("endTime", "`endTime` must be after the shift's start.")
	putMissing   = v2Field("endTime", "`endTime` must be provided")
	putNoTime    = v2Field("endTime", "`endTime` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00")
	putNoString  = v2Field("endTime", "`endTime` must be a string")
	putBrokenOne = v2Field("body", "JSON decode error at line 1, column 2")
)

// end asks to end a shift, minutes after noon.
func (w *world) end(id string, minute int) answer {
	return w.put("/v2/shift/"+id, fmt.Sprintf(`{"endTime":%q}`, iso(minutes(minute))))
}

func ended(minute int) string { return fmt.Sprintf(`{"endTime":%q}`, iso(minutes(minute))) }

// TestAShiftIsEnded plays rule 8's sentences about PUT, each step on the shift that the steps before have left. Every shift
// begins at noon.
func TestAShiftIsEnded(t *testing.T) {
	w := couriers(t)
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
		{"not after its start", 0, []step{{60, none, 0, 400, putTooEarly}, {60, none, -1, 400, putTooEarly}, {60, none, -10_000, 400, putTooEarly}}, time.Time{}, ""},
		{"in the future, up to 14 hours", 0, []step{
			{0, none, day + 1, 400, putTooLong}, {0, none, 100_000, 400, putTooLong}, {0, none, day, 201, ended(day)}, {1, none, day, 201, ended(day)},
		}, minutes(day), ""},
		{"in the future, then earlier", 0, []step{{0, none, 60, 201, ended(60)}, {1, none, 30, 400, putEnded}}, minutes(60), ""},
		{"AUTO in the past does not forbid an earlier end", 0, []step{{day + 600, none, 60, 201, ended(60)}}, minutes(60), "LOGOUT"},
		{"nor one exactly there", 0, []step{{day + 600, none, day, 201, ended(day)}}, minutes(day), "LOGOUT"},
		{"nor does a planned end", 120, []step{{180, none, 60, 201, ended(60)}}, minutes(60), "LOGOUT"},
		{"beyond the planned end", 120, []step{{60, none, 121, 400, putBeyond}, {180, none, 121, 400, putBeyond}}, minutes(120), "PLANNED"},
		{"at the planned end", 120, []step{{60, none, 120, 201, ended(120)}, {180, none, 120, 201, ended(120)}}, minutes(120), "LOGOUT"},
		{"more than 14 hours says so, planned or not", 120, []step{{60, none, day + 1, 400, putTooLong}}, minutes(120), ""},
		{"closed by a LOGOUT of v1", 0, []step{
			{60, func(number, _ string) { w.logout(number, minutes(40)) }, 50, 400, putEnded}, {60, none, 30, 400, putEnded}, {60, none, 40, 201, ended(40)},
		}, minutes(40), "LOGOUT"},
		{"an earlier LOGOUT of v1 comes late", 0, []step{
			{60, none, 50, 201, ended(50)}, {60, func(number, _ string) { w.logout(number, minutes(40)) }, 50, 400, putEnded},
		}, minutes(40), "LOGOUT"},
		{"a later LOGIN does not matter", 0, []step{
			{60, func(number, _ string) { w.login(number, minutes(50)) }, 40, 201, ended(40)}, {60, none, 40, 201, ended(40)},
		}, minutes(40), "LOGOUT"},
		{"by the id of a LOGIN within it", 0, []step{{20, func(number, _ string) {
			within := w.create(fmt.Sprintf(`{"customerNumber":%q}`, number), minutes(20), time.Time{})
			w.want("at the LOGIN within", w.end(within, 0), 400, putTooEarly)
			w.want("before that LOGIN", w.end(within, 10), 201, ended(10))
			w.want("that LOGIN has its own shift now", w.get("/v2/shift/"+within), 200, shiftJSON(within, number, minutes(20), time.Time{}, "", 2))
		}, 10, 201, ended(10)}}, minutes(10), "LOGOUT"},
	} {
		number := fmt.Sprint("PERSON", i)
		w.customer(courier, number, "")
		w.clock = noon
		var planned time.Time
		if c.planned > 0 {
			planned = minutes(c.planned)
		}
		id := w.create(fmt.Sprintf(`{"customerNumber":%q}`, number), noon, planned)
		for j, s := range c.steps {
			w.clock = minutes(s.clock)
			s.do(number, id)
			w.want(fmt.Sprintf("%s, step %d", c.name, j), w.end(id, s.put), s.status, s.body)
			w.drain()
		}
		var read struct{ EndTime, EndedBy *string }
		w.read("/v2/shift/"+id, &read)
		if got, want := fmt.Sprint(text(read.EndTime), text(read.EndedBy)), fmt.Sprint(textOf(c.end), c.by); got != want {
			t.Errorf("%s: at last %s, want %s", c.name, got, want)
		}
	}
}

func TestAnEndIsRefusedByItself(t *testing.T) {
	w := couriers(t)
	id := w.create(abc, noon, time.Time{})
	w.queued()
	w.clock = minutes(60)
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
		for _, path := range []string{"/v2/shift/" + id, "/v2/shift/" + id + "/", "/v2/policy/" + id, "/v2/shift/none", "/v2/policy/none/"} {
			w.want(path+": "+name, w.put(path, c.body), 400, c.want)
		}
	}
	// And the id before the shift.
	tooEarly := ended(-60)
	for name, forged := range map[string]string{
		"no id": "none", "cut": id[:len(id)-1], "changed": "B" + id[1:], "longer": id + "A", "an escape": "%41%00", "not UTF-8": "%ff",
		"of nobody":   EventID(w.ids, courier, fact(timeline.Login, person.CustomerNumber, "ZZZ999", noon)),
		"never sent":  EventID(w.ids, courier, fact(timeline.Login, person.CustomerNumber, "ABC123", eleven)),
		"of a LOGOUT": EventID(w.ids, courier, fact(timeline.Logout, person.CustomerNumber, "ABC123", noon)),
		"another's":   EventID(w.ids, parcels, fact(timeline.Login, person.CustomerNumber, "ABC123", noon)),
	} {
		w.want("PUT, "+name, w.put("/v2/shift/"+forged, tooEarly), 404, v2NoShift)
		w.want("GET, "+name, w.get("/v2/shift/"+forged), 404, v2NoShift)
	}
	w.want("row 13: no timezone is UTC; row 12: the answer is in UTC", w.put("/v2/policy/"+id+"/", `{"endTime":"2026-03-14 12:30:00.25"}`),
		201, `{"endTime":"2026-03-14T12:30:00.250000+00:00"}`)
	w.want("row 17: another spelling of the same", w.put("/v2/shift/"+id, `{"endTime":"2026-03-14T13:30:00.2500001+01","x":1}`),
		201, `{"endTime":"2026-03-14T12:30:00.250000+00:00"}`)
	w.want("row 28: the id's escapes are decoded once", w.get(fmt.Sprintf("/v2/shift/%%%02X%s", id[0], id[1:])), 200,
		shiftJSON(id, "ABC123", noon, minutes(30).Add(250*time.Millisecond), "LOGOUT", 2))
}

// TestAdjoiningShifts is rule 3: a LOGIN at the very end begins a shift of its own, and either can be read.
func TestAdjoiningShifts(t *testing.T) {
	w := couriers(t)
	w.clock = minutes(20)
	first := w.create(abc, noon, time.Time{})
	w.want("the end", w.end(first, 20), 201, ended(20))
	second := w.create(abc, minutes(20), time.Time{})
	w.want("the first", w.get("/v2/shift/"+first), 200, shiftJSON(first, "ABC123", noon, minutes(20), "LOGOUT", 3))
	w.want("the second", w.get("/v2/shift/"+second), 200, shiftJSON(second, "ABC123", minutes(20), time.Time{}, "", 3))
	w.want("again", w.end(first, 20), 201, ended(20))
	w.want("a later end of the first", w.end(first, 21), 400, putEnded)
}
