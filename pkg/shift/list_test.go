package shift

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/timeline"
)

// read asks for something that must be there, and unmarshals it.
func (fx *fixture) read(target string, into any) {
	fx.t.Helper()
	a := fx.get(target)
	if a.status != 200 {
		fx.t.Fatalf("GET %s: %v", target, a)
	}
	if err := json.Unmarshal([]byte(a.body), into); err != nil {
		fx.t.Fatal(err)
	}
}

// text is a string that may be null, textOf a time that may be none.
func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func textOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return iso(t)
}

// shiftList is a list as a client reads it.
type shiftList struct {
	Shifts []struct{ ID, StartTime string }
	Next   *string
}

func (l shiftList) starts() string {
	var starts []string
	for _, s := range l.Shifts {
		starts = append(starts, s.StartTime)
	}
	return strings.Join(starts, " ")
}

// addShifts sends shifts of ten minutes that begin at those times, in a batch each way, and processes them.
func (fx *fixture) addShifts(key, number string, starts ...time.Time) {
	fx.t.Helper()
	var logins, logouts []string
	for _, start := range starts {
		item := func(at time.Time) string {
			return fmt.Sprintf(`{"customerNumber":%q,"timestamp":%q}`, number,
				iso(at))
		}
		logins = append(logins, item(start))
		logouts = append(logouts, item(start.Add(10*time.Minute)))
	}
	fx.want("logins", fx.ask(key, "POST", "/v1/batch/login", "["+strings.Join(logins, ",")+"]"), 202, pendingBody)
	fx.want("logouts", fx.ask(key, "POST", "/v1/batch/logout", "["+strings.Join(logouts, ",")+"]"), 202, pendingBody)
	fx.drain()
}

const listPath = "/v2/shift/?customerNumber=ABC123"

func TestListPeriods(t *testing.T) {
	fx := newCourierFixture(t)
	starts := []time.Time{noon.AddDate(0, 0, -92), noon.AddDate(0, 0, -14).Add(-10 * time.Minute),
		noon.AddDate(0, 0, -14), noon.AddDate(0, 0, -1), minutes(-60), minutes(-30)}
	fx.addShifts(courier, "ABC123", starts...)
	ahead := fx.create(abc, minutes(30), time.Time{}) // as far ahead as a shift can be
	starts = append(starts, minutes(30))
	for name, c := range map[string]struct {
		query string
		want  []time.Time
	}{
		"the last 14 days, and no upper bound": {"", starts[2:]},
		"from, inclusive":                      {"&from=2026-03-14T11:00:00Z", starts[4:]},
		"from, exclusive of before":            {"&from=2026-03-14T11:00:00.000001Z", starts[5:]},
		"to, exclusive":                        {"&to=2026-03-14T11:30:00Z", starts[1:5]},
		"to, inclusive of before":              {"&to=2026-03-14T11:30:00.000001Z", starts[1:6]},
		"14 days before to":                    {"&to=2026-03-14T11:50:00Z", starts[1:6]},
		"14 days before to, exclusive":         {"&to=2026-03-14T11:50:01Z", starts[2:6]},
		"both":                                 {"&from=2026-03-13T12:00:00Z&to=2026-03-14T11:00:00Z", starts[3:4]},
		"92 days":                              {"&from=" + url.QueryEscape(iso(starts[0])), starts},
		"92 days before to":                    {"&from=2025-12-12T12:00:00Z&to=2026-03-14T12:00:00Z", starts[:6]},
		"nothing between":                      {"&from=2026-03-14T11:00:00Z&to=2026-03-14T11:00:00Z", nil},
		"from after to":                        {"&from=2026-03-14T12:00:00Z&to=2026-03-14T11:00:00Z", nil},
		"long ago":                             {"&from=2001-01-01T00:00:00Z&to=2001-03-01T00:00:00Z", nil},
		"the first year":                       {"&to=2000-01-01T00:00:00Z", nil},
		"the last year":                        {"&from=9999-12-01T00:00:00Z&to=9999-12-31T23:59:59Z", nil},
		"row 13: no timezone is UTC":           {"&from=2026-03-14T11:00", starts[4:]},
		"row 28: a plus became a space":        {"&from=2026-03-14T12:00:00+01:00", starts[4:]},
		"row 28: a space before the time":      {"&from=2026-03-14+11:00:00Z", starts[4:]},
		"row 1: repeated": {"&from=2026-03-14T11:00:00Z&from=2026-03-14T11:00:00Z" +
			"&customerNumber=abc123", starts[4:]},
		"row 1: empty is not sent":  {"&from=&to=&next=&workProviderUserId=", starts[2:]},
		"row 3: unknown parameters": {"&x=1&From=no", starts[2:]},
	} {
		want := []string{}
		for _, start := range c.want {
			want = append(want, iso(start))
		}
		var list shiftList
		fx.read(listPath+c.query, &list)
		if got := list.starts(); got != strings.Join(want, " ") || list.Next != nil {
			t.Errorf("%s:\ngot  %s, next %q\nwant %s", name, got, text(list.Next), want)
		}
	}
	want := `{"shifts":[` + shiftJSON(ahead, "ABC123", minutes(30), time.Time{}, "", 2) + `],"next":null}`
	for _, query := range []string{"customerNumber=ABC123", "policyId=%20abc123", "workProviderUserId=12345",
		"driverId=12345"} {
		for _, path := range []string{"/v2/shift", "/v2/shift/", "/v2/policy", "/v2/policy/"} {
			target := path + "?from=2026-03-14T12:30Z&" + query
			fx.want(target, fx.get(target), 200, want)
		}
	}
	fx.want("HEAD", fx.ask(courier, "HEAD", listPath, ""), 200, "")
}

func TestListErrors(t *testing.T) {
	fx := newCourierFixture(t)
	fx.addCustomer(parcels, "ABC123", "12345")
	const notISO = "must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00"
	const tooLong = "The range `from`–`to` must not exceed 92 days."
	const badNext = "`next` must be the value from the previous page, with the same parameters."
	for name, c := range map[string]struct{ query, want string }{
		"row 1: nobody":     {"from=2026-03-14T11:00:00Z", v2Field("customerNumber", exactlyOne)},
		"row 1: both kinds": {"customerNumber=ABC123&driverId=12345", v2Field("driverId", exactlyOne)},
		"row 1: two values": {"customerNumber=ABC123&customerNumber=ABC12",
			v2Field("customerNumber", "`customerNumber` is repeated with different values")},
		"row 1: from twice": {"customerNumber=ABC123&from=2026-03-14T11:00:00Z&from=2026-03-14T11:00:01Z",
			v2Field("from", "`from` is repeated with different values.")},
		"row 13: from":       {"customerNumber=ABC123&from=yesterday", v2Field("from", "`from` "+notISO)},
		"row 13: to":         {"customerNumber=ABC123&to=2026-02-30T11:00:00Z", v2Field("to", "`to` "+notISO)},
		"92 days before now": {"customerNumber=ABC123&from=2025-12-12T11:59:59Z", v2Field("from", tooLong)},
		"92 days before to": {"customerNumber=ABC123&from=2025-12-12T11:59:59Z&to=2026-03-14T12:00:00Z",
			v2Field("from", tooLong)},
		"next that nobody gave":    {"customerNumber=ABC123&next=x", v2Field("next", badNext)},
		"row 22: unknown":          {"customerNumber=ZZZ999", v2Field("user", notShared)},
		"row 22: unknown id":       {"workProviderUserId=0", v2Field("user", notShared)},
		"parameters before person": {"customerNumber=ZZZ999&from=x", v2Field("from", "`from` "+notISO)},
		"row 26: not UTF-8":        {"customerNumber=%ff", v2Field("query", "The query must be UTF-8")},
		"row 28: a broken escape": {"customerNumber=%zz",
			v2Field("query", "Malformed query string")},
		"row 2: a control in an id": {"driverId=%00",
			v2Field("driverId", "`driverId` must not contain control characters")},
	} {
		fx.want(name, fx.get("/v2/shift/?"+c.query), 400, c.want)
	}
}

// TestPages reads a list of 250 shifts page by page, while an earlier and a later one come in.
func TestPages(t *testing.T) {
	fx := newCourierFixture(t)
	fx.addCustomer(parcels, "ABC123", "12345")
	var starts []time.Time
	for i := range 250 {
		starts = append(starts, noon.Add(time.Duration(i-260)*time.Hour))
	}
	fx.addShifts(courier, "ABC123", starts...)
	fx.addShifts(parcels, "ABC123", starts...)

	from := "&from=" + url.QueryEscape(iso(noon.AddDate(0, 0, -92)))
	var got []string
	var nexts []string
	next := ""
	for range 3 {
		var page shiftList
		fx.read(listPath+from+"&next="+next, &page)
		for _, s := range page.Shifts {
			got = append(got, s.StartTime)
		}
		next = text(page.Next)
		nexts = append(nexts, next)
		fx.clock = fx.clock.Add(time.Minute) // `from` is more than 92 days ago now, but the pages belong together
		fx.addShifts(courier, "ABC123", starts[0].Add(-time.Duration(len(got))*time.Hour))
	}
	var want []string
	for _, start := range starts {
		want = append(want, iso(start))
	}
	if !slices.Equal(got, want) || next != "" {
		t.Errorf("%d shifts, then next %q:\n%s", len(got), next, got)
	}

	first := nexts[0]
	flipped := []byte(first)
	flipped[len(flipped)/2] ^= 1
	fact := fx.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":`+someTime+`}`)
	for name, a := range map[string]answer{
		"tampered":              fx.get(listPath + from + "&next=" + string(flipped)),
		"cut":                   fx.get(listPath + from + "&next=" + first[1:]),
		"an event's id":         fx.get(listPath + from + "&next=" + fact),
		"two of them":           fx.get(listPath + from + "&next=" + first + "&next=" + nexts[1]),
		"without from":          fx.get(listPath + "&next=" + first),
		"with to":               fx.get(listPath + from + "&to=2026-03-14T12:00:00Z&next=" + first),
		"another spelling":      fx.get(listPath + "&from=2025-12-12T12:00:00Z&next=" + first),
		"another person":        fx.get("/v2/shift?customerNumber=ABC12" + from + "&next=" + first),
		"the person's other id": fx.get("/v2/shift?workProviderUserId=12345" + from + "&next=" + first),
		"another work provider": fx.ask(parcels, "GET", listPath+from+"&next="+first, ""),
	} {
		if a.status != 400 || !strings.Contains(a.body, `"detail":{"next":"`) {
			t.Errorf("%s: %.200v", name, a)
		}
	}
	var page shiftList
	fx.read("/v2/policy?policyId=abc123"+from+"&next="+first, &page)
	if len(page.Shifts) != 100 {
		t.Errorf("the same person by another spelling of the number: %d shifts", len(page.Shifts))
	}
}

// TestPageSize: a page of exactly a hundred has no next.
func TestPageSize(t *testing.T) {
	fx := newCourierFixture(t)
	var starts []time.Time
	for i := range pageSize {
		starts = append(starts, noon.Add(time.Duration(i-200)*time.Hour))
	}
	fx.addShifts(courier, "ABC123", starts...)
	var page shiftList
	fx.read(listPath, &page)
	if len(page.Shifts) != pageSize || page.Next != nil {
		t.Errorf("%d shifts, next %q", len(page.Shifts), text(page.Next))
	}
	fx.addShifts(courier, "ABC123", minutes(-60))
	fx.read(listPath, &page)
	if len(page.Shifts) != pageSize || page.Next == nil {
		t.Errorf("%d shifts, next %q", len(page.Shifts), text(page.Next))
	}
	fx.read(listPath+"&next="+text(page.Next), &page)
	if page.starts() != iso(minutes(-60)) || page.Next != nil {
		t.Errorf("the second page: %s, next %q", page.starts(), text(page.Next))
	}
}

// TestMatchThroughTheAPI: shifts wait for the match and are there as soon as it is (rule 7); after a false, LOGINs wait
// again. Reading needs no match, creating does (rule 8).
func TestMatchThroughTheAPI(t *testing.T) {
	fx := newFixture(t)
	since := noon.AddDate(0, 0, -10)
	fx.addPerson(courier, "ABC123", "12345", since, timeline.ConsentGiven(since))
	fx.addShifts(courier, "ABC123", minutes(-60))
	fx.want("before the match", fx.get(listPath), 200, `{"shifts":[],"next":null}`)
	fx.want("POST before the match", fx.post("/v2/shift", newShiftBody(abc, noon, time.Time{})), 400,
		v2Field("user", notMatched))
	match := func(success bool) {
		fx.accept("/v1/match", fmt.Sprintf(`{"customerNumber":"abc123","success":%t}`, success))
		fx.drain()
	}
	match(true)
	var list shiftList
	fx.read(listPath, &list)
	if list.starts() != iso(minutes(-60)) {
		t.Errorf("after the match: %s", list.starts())
	}
	fx.clock = minutes(10)
	match(false)
	fx.addShifts(courier, "ABC123", minutes(15))
	fx.read(listPath, &list)
	if list.starts() != iso(minutes(-60)) {
		t.Errorf("after a false: %s", list.starts())
	}
	fx.want("POST after a false", fx.post("/v2/shift", newShiftBody(abc, minutes(10), time.Time{})), 400,
		v2Field("user", notMatched))
	fx.clock = minutes(20)
	match(true)
	fx.read(listPath, &list)
	if list.starts() != iso(minutes(-60))+" "+iso(minutes(15)) {
		t.Errorf("after the next true: %s", list.starts())
	}
}
