package shift

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// newRecordingFixture is a fixture whose queue only records.
func newRecordingFixture(t *testing.T) (*fixture, *testkit.Queue) {
	sender := new(testkit.Queue)
	return buildFixture(t, emulator.NewTestEnv(t), keys, sender), sender
}

const pendingBody = `{"status":"PENDING"}`

// wantPending fails the test unless an answer is the 202 of an event or batch with that id, to the last header.
func (fx *fixture) wantPending(what string, a answer, header, location, id string) {
	fx.t.Helper()
	fx.want(what, a, 202, pendingBody)
	want := http.Header{
		"Content-Type": {
			"application/json",
		}, header: {id}, "Location": {location + id}, "X-Request-Id": a.header["X-Request-Id"],
	}
	for _, name := range []string{"Deprecation", "Link"} { // which TestDeprecationHeaders is about
		if values := a.header[name]; values != nil {
			want[name] = values
		}
	}
	if fmt.Sprint(a.header) != fmt.Sprint(want) {
		fx.t.Errorf("%s: headers\ngot  %v\nwant %v", what, a.header, want)
	}
}

// eleven is the instant of most events here.
var eleven = time.Date(2026, 3, 14, 11, 0, 0, 0, time.UTC)

func fact(kind timeline.Kind, nameKind person.Kind, name string, at time.Time) timeline.Fact {
	return timeline.Fact{Name: person.Name{Kind: nameKind, Value: name}, Kind: kind, At: timeline.At(at),
		PlannedEnd: timeline.Never}
}

// accepted returns a fact as it is when it was accepted at noon.
func accepted(f timeline.Fact) timeline.Fact {
	f.Accepted = timeline.AcceptedAt(noon)
	return f
}

// v1Events are the two endpoints of events.
var v1Events = []struct {
	path   string
	kind   timeline.Kind
	letter string // in a message
}{
	{"/v1/shift/login", timeline.Login, "I"},
	{"/v1/shift/logout", timeline.Logout, "O"},
}

// TestEventAccepted: however an event is spelled, it is the same one: same message, same id.
func TestEventAccepted(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	byID := func(at time.Time) timeline.Fact { return fact(timeline.Login, person.UserID, "1686", at) }
	byNumber := fact(timeline.Login, person.CustomerNumber, "ABC123", eleven)
	long := strings.Repeat("é", 127) + "x" // 255 bytes
	for name, c := range map[string]struct {
		body string
		want timeline.Fact
	}{
		"as documented": {`{"workProviderUserId":"1686","timestamp":"2026-03-14T11:00:00+00:00"}`,
			byID(eleven)},
		"by number": {`{"customerNumber":"ABC123","timestamp":"2026-03-14T11:00:00Z"}`,
			byNumber},
		"row 1: deprecated number": {`{"policyId":"ABC123","timestamp":"2026-03-14T11:00:00Z"}`, byNumber},
		"row 1: deprecated id":     {`{"driverId":"1686","timestamp":"2026-03-14T11:00:00Z"}`, byID(eleven)},
		"row 1: deprecated beside new": {
			`{"policyId":"abc123","customerNumber":"ABC123","timestamp":"2026-03-14T11:00:00Z"}`, byNumber,
		},
		"row 1: null and empty not sent": {
			`{"customerNumber":null,"policyId":"","driverId":"1686","timestamp":"2026-03-14T11:00:00Z"}`, byID(eleven),
		},
		"row 2: an integer": {`{"workProviderUserId":1686,"timestamp":"2026-03-14T11:00:00Z"}`,
			byID(eleven)},
		"row 2: a negative integer": {`{"workProviderUserId":-0,"timestamp":"2026-03-14T11:00:00Z"}`,
			fact(timeline.Login, person.UserID, "-0", eleven)},
		"row 2: number trimmed, upper": {`{"customerNumber":" abc123 ","timestamp":"2026-03-14T11:00:00Z"}`,
			byNumber},
		"row 2: id is opaque": {`{"workProviderUserId":" a\"\\b ","timestamp":"2026-03-14T11:00:00Z"}`,
			fact(timeline.Login, person.UserID, ` a"\b `, eleven)},
		"row 2: 255 bytes": {`{"workProviderUserId":"` + long + `","timestamp":"2026-03-14T11:00:00Z"}`,
			fact(timeline.Login, person.UserID, long, eleven)},
		"row 3: unknown keys": {`{"driverId":"1686","DriverId":"9","x":{"y":[1]},"timestamp":"2026-03-14T11:00:00Z"}`,
			byID(eleven)},
		"row 7: white space around it": {" \r\n\t{\"driverId\":\"1686\",\"timestamp\":\"2026-03-14T11:00:00Z\"}\n",
			byID(eleven)},
		"row 13: another zone": {`{"driverId":"1686","timestamp":"2026-03-14T12:00:00+01:00"}`,
			byID(eleven)},
		"row 13: over midnight": {`{"driverId":"1686","timestamp":"2026-03-13T21:30:00-13:30"}`,
			byID(eleven)},
		"row 13: offset without colon": {`{"driverId":"1686","timestamp":"2026-03-14T12:00:00+0100"}`,
			byID(eleven)},
		"row 13: offset of hours": {`{"driverId":"1686","timestamp":"2026-03-14T12:00:00+01"}`, byID(eleven)},
		"row 13: lower case":      {`{"driverId":"1686","timestamp":"2026-03-14t11:00:00z"}`, byID(eleven)},
		"row 13: a space":         {`{"driverId":"1686","timestamp":"2026-03-14 11:00:00Z"}`, byID(eleven)},
		"row 13: no seconds":      {`{"driverId":"1686","timestamp":"2026-03-14T11:00Z"}`, byID(eleven)},
		"row 13: cut to the microsecond": {`{"driverId":"1686","timestamp":"2026-03-14T11:00:00.1234569Z"}`,
			byID(eleven.Add(123456 * time.Microsecond))},
		"row 14: exactly 30 minutes ahead": {`{"driverId":"1686","timestamp":"2026-03-14T12:30:00Z"}`,
			byID(minutes(30))},
		"row 14: the past has no limit but 2000": {`{"driverId":"1686","timestamp":"2000-01-01T00:00:00Z"}`,
			byID(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC))},
	} {
		for _, endpoint := range v1Events {
			want := c.want
			want.Kind = endpoint.kind
			for _, slash := range []string{"", "/"} {
				a := fx.post(endpoint.path+slash, c.body)
				fx.wantPending(endpoint.path+slash+": "+name, a, "X-Event-Id", "/v2/event/",
					EventID(fx.ids, courier, want))
				message := fmt.Sprintf(`{"v":1,"provider":"courier-ltd","id":%q,"accepted":%d,"facts":[[%q,"%c",%s,%d]]}`,
					EventID(fx.ids, courier,
						want), timeline.AcceptedAt(noon), endpoint.letter, want.Name.Kind, appendQuoted(nil, want.Name.Value), want.At)
				if sent := queue.Take(); !slices.Equal(sent, []string{message}) {
					t.Errorf("%s: %s: sent %q, want %q", endpoint.path, name, sent, message)
				}
			}
		}
	}
}

// v1Field is the body of a refusal that names a field, v1Detail of one that does not.
func v1Field(field, detail string) string {
	return fmt.Sprintf(`{"error":"INVALID_DATA","detail":%q,"field":%q}`, detail, field)
}

func v1Detail(detail string) string {
	return fmt.Sprintf(`{"error":"INVALID_DATA","detail":%q}`, detail)
}

const exactlyOne = "Exactly one of customerNumber or workProviderUserId must be provided"

// v1Refused are bodies of one event that are refused, with the answers to them. In them T stands for a timestamp.
var v1Refused = map[string]struct{ body, want string }{
	"row 1: nobody": {`{"timestamp":T}`, v1Field("customerNumber", exactlyOne)},
	"row 1: empty and null": {`{"customerNumber":"","driverId":null,"timestamp":T}`,
		v1Field("customerNumber", exactlyOne)},
	"row 1: both kinds": {`{"customerNumber":"ABC123","workProviderUserId":"1","timestamp":T}`,
		v1Field("workProviderUserId", exactlyOne)},
	"row 1: both kinds, old": {`{"policyId":"ABC123","driverId":"1","timestamp":T}`,
		v1Field("driverId", exactlyOne)},
	"row 1: deprecated differs": {`{"customerNumber":"ABC123","policyId":"ABC12","timestamp":T}`,
		v1Field("policyId", "`policyId` must have the same value as `customerNumber`, or be omitted")},
	"row 1: deprecated id differs": {`{"workProviderUserId":"a","driverId":"A","timestamp":T}`,
		v1Field("driverId", "`driverId` must have the same value as `workProviderUserId`, or be omitted")},
	"row 2: 256 bytes": {`{"driverId":"` + strings.Repeat("é", 128) + `","timestamp":T}`,
		v1Field("driverId", "`driverId` must be 1 to 255 bytes long")},
	"row 2: blank number": {`{"customerNumber":"  ","timestamp":T}`,
		v1Field("customerNumber", "`customerNumber` must be 1 to 255 bytes long")},
	"row 2: a control character": {`{"workProviderUserId":"a\u0000b","timestamp":T}`,
		v1Field("workProviderUserId", "`workProviderUserId` must not contain control characters")},
	"row 2: 1.0": {`{"workProviderUserId":1.0,"timestamp":T}`,
		v1Field("workProviderUserId", "`workProviderUserId` must be a string or an integer")},
	"row 2: 1e3": {`{"policyId":1e3,"timestamp":T}`,
		v1Field("policyId", "`policyId` must be a string or an integer")},
	"row 2: true": {`{"customerNumber":true,"timestamp":T}`,
		v1Field("customerNumber", "`customerNumber` must be a string or an integer")},
	"row 3: another case": {`{"CustomerNumber":"ABC123","timestamp":T}`,
		v1Field("customerNumber", exactlyOne)},
	"row 13: no timezone": {`{"driverId":"1","timestamp":"2026-03-14T11:00:00"}`,
		v1Field("timestamp", "`timestamp` must include a timezone")},
	"row 13: no timestamp": {`{"driverId":"1"}`, v1Field("timestamp", "`timestamp` must be provided")},
	"row 13: null": {`{"driverId":"1","timestamp":null}`,
		v1Field("timestamp", "`timestamp` must be provided")},
	"row 13: a number": {`{"driverId":"1","timestamp":1773486000}`,
		v1Field("timestamp", "`timestamp` must be a string")},
	"row 13: no time": {`{"driverId":"1","timestamp":"2026-03-14"}`,
		v1Field("timestamp", "`timestamp` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00")},
	"row 13: the 30th of February": {`{"driverId":"1","timestamp":"2026-02-30T11:00:00Z"}`,
		v1Field("timestamp", "`timestamp` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00")},
	"row 13: before 2000": {`{"driverId":"1","timestamp":"1970-01-01T00:00:00Z"}`,
		v1Field("timestamp", "`timestamp` must not be before the year 2000")},
	"row 14: in the future": {`{"driverId":"1","timestamp":"2026-03-14T12:30:00.000001Z"}`,
		v1Field("timestamp", "`timestamp` must not be more than 30 minutes in the future")},
}

const someTime = `"2026-03-14T11:00:00Z"`

// withTimestamp puts a timestamp for T.
func withTimestamp(body string) string {
	return strings.ReplaceAll(body, `"timestamp":T`, `"timestamp":`+someTime)
}

func TestEventErrors(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	cases := map[string]struct{ body, want string }{
		"row 3: a key twice": {`{"driverId":"1","driverId":"1","timestamp":T}`,
			v1Detail("Duplicate key at line 1, column 17")},
		"row 3: an unknown key twice": {`{"driverId":"1","timestamp":T,"x":{"y":1,"y":2}}`,
			v1Detail("Duplicate key at line 1, column 63")},
		"row 6: form-encoded": {"workProviderUserId=1686&timestamp=2026", `{"error":"INVALID_DATA",` +
			`"detail":"JSON decode error at line 1, column 1","hint":"The body looks form-encoded: send it as JSON"}`},
		"row 7: as documented":         {`{x}`, v1Detail("JSON decode error at line 1, column 2")},
		"row 7: empty":                 {``, v1Detail("JSON decode error at line 1, column 1")},
		"row 7: truncated":             {`{"driverId":`, v1Detail("JSON decode error at line 1, column 13")},
		"row 7: characters, not bytes": {`{"é":tru}`, v1Detail("JSON decode error at line 1, column 9")},
		"row 7: the second line":       {"{\n\"a\":1,}", v1Detail("JSON decode error at line 2, column 7")},
		"row 7: text after it":         {`{} x`, v1Detail("JSON decode error at line 1, column 4")},
		"row 7: before a wrong type": {`{"driverId":true,"timestamp":T`,
			v1Detail("JSON decode error at line 1, column 52")},
		"row 19: an array": {`[{"driverId":"1","timestamp":T}]`,
			v1Detail("The body must be a JSON object")},
		"row 26: wrong UTF-8": {"{\"driverId\":\"\xff\",\"timestamp\":T}",
			v1Detail("JSON decode error at line 1, column 14")},
		"row 26: NaN": {`{"driverId":NaN,"timestamp":T}`,
			v1Detail("JSON decode error at line 1, column 13")},
		"row 26: null": {`null`, v1Detail("The body must be a JSON object")},
	}
	for name, c := range v1Refused {
		cases[name] = c
	}
	for name, c := range cases {
		for _, endpoint := range v1Events {
			fx.want(endpoint.path+": "+name, fx.post(endpoint.path+"/", withTimestamp(c.body)), 400, c.want)
		}
	}
	deep := fx.post("/v1/shift/login", strings.Repeat("[", 1_000_000))
	if deep.status != 400 {
		t.Errorf("row 26: deep nesting: %v", deep)
	}
	for _, size := range []int{4 << 20, 4<<20 + 1} {
		body := `{"driverId":"1","timestamp":` + someTime + `,"x":"`
		body += strings.Repeat("x", size-len(body)-2) + `"}`
		a := fx.post("/v1/shift/login", body)
		if size <= 4<<20 {
			fx.want("row 26: 4 MiB", a, 202, pendingBody)
			queue.Take()
		} else {
			fx.want("row 26: over 4 MiB", a, 413,
				`{"error":"REQUEST_TOO_LARGE","detail":"The body must not be larger than 4 MiB"}`)
		}
	}
	if sent := queue.Take(); len(sent) > 0 {
		t.Errorf("something that was refused was sent: %q", sent)
	}
}

func TestV1Authentication(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	for _, path := range []string{"/v1/shift/login", "/v1/shift/logout/", "/v1/batch/login", "/v1/batch/logout/",
		"/v1/match"} {
		fx.want(path, fx.ask("", "POST", path, `{x}`), 401,
			`{"error":"MISSING_AUTH","detail":"Authorization header missing"}`)
		fx.want(path, fx.ask("nobody", "POST", path, `{x}`), 401,
			`{"error":"INVALID_KEY","detail":"Authorization key is invalid"}`)
		refused := fx.ask(courier, "GET", path, "")
		fx.want("row 27: "+path, refused, 405,
			`{"error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`)
		if allow := refused.header.Get("Allow"); allow != "POST" {
			t.Errorf("row 27: %s: Allow: %q", path, allow)
		}
	}
	if sent := queue.Take(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

// TestContentType is row 5: the body is JSON, whatever is said about it.
func TestContentType(t *testing.T) {
	fx, _ := newRecordingFixture(t)
	for _, contentType := range []string{"", "text/plain", "application/x-www-form-urlencoded",
		"application/json; charset=latin1"} {
		r := httptest.NewRequest("POST", "/v1/shift/login/",
			strings.NewReader(`{"driverId":"1686","timestamp":`+someTime+`}`))
		r.Header.Set("Authorization", courier)
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		recorder := httptest.NewRecorder()
		fx.api.ServeHTTP(recorder, r)
		fx.want("row 5: "+contentType, answer{recorder.Code, recorder.Header(), recorder.Body.String()}, 202,
			pendingBody)
	}
}

// TestQueueUnavailable is promise 5: when the queue fails, so does the request, in a way that invites another.
func TestQueueUnavailable(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	queue.Err = fault.Wrap(fault.Unavailable, errors.New("down"))
	event := `{"driverId":"1686","timestamp":` + someTime + `}`
	for path, body := range map[string]string{
		"/v1/shift/login": event, "/v1/shift/logout": event, "/v1/batch/login": "[" + event + "]",
		"/v1/batch/logout": "[" + event + "]",
		"/v1/match":        `{"customerNumber":"ABC123","success":true}`,
	} {
		a := fx.post(path, body)
		fx.want(path, a, 503,
			`{"error":"UNAVAILABLE","detail":"Service temporarily unavailable; retry later"}`)
		if a.header.Get("Retry-After") != "5" ||
			a.header.Get("X-Event-Id")+a.header.Get("X-Batch-Id")+a.header.Get("Location") != "" {
			t.Errorf("%s: headers %v", path, a.header)
		}
	}
}

func TestMatchAccepted(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	fx.clock = noon.Add(123456789 * time.Nanosecond)
	for name, c := range map[string]struct {
		body  string
		entry timeline.Entry
	}{
		"success":           {`{"customerNumber":"ABC123","success":true}`, timeline.Matched(fx.clock)},
		"no success":        {`{"customerNumber":"ABC123","success":false}`, timeline.NotMatched(fx.clock)},
		"row 1: deprecated": {`{"policyId":" abc123","success":true}`, timeline.Matched(fx.clock)},
		"row 1: both": {`{"policyId":"abc123","customerNumber":"ABC123","success":true}`,
			timeline.Matched(fx.clock)},
		"row 3: other ids ignored": {`{"customerNumber":"ABC123","workProviderUserId":"1","driverId":2,"success":true}`,
			timeline.Matched(fx.clock)},
	} {
		for _, path := range []string{"/v1/match", "/v1/match/"} {
			want := timeline.MatchResult{Customer: "ABC123", Entry: c.entry}
			fx.wantPending(path+": "+name, fx.post(path, c.body), "X-Event-Id", "/v2/event/",
				matchID(fx.ids, courier, want))
			message := fmt.Sprintf(`{"v":1,"provider":"courier-ltd","id":%q,"matches":[["ABC123",%t,%d]]}`,
				matchID(fx.ids, courier, want), c.entry.Kind == timeline.Match, timeline.At(fx.clock))
			if sent := queue.Take(); !slices.Equal(sent, []string{message}) {
				t.Errorf("%s: sent %q, want %q", name, sent, message)
			}
		}
	}
}

func TestMatchErrors(t *testing.T) {
	fx, queue := newRecordingFixture(t)
	for name, c := range map[string]struct{ body, want string }{
		"row 3: id alone": {`{"workProviderUserId":"1","success":true}`,
			v1Field("customerNumber", "`customerNumber` must be provided")},
		"row 3: deprecated id": {`{"driverId":"1","success":true}`,
			v1Field("customerNumber", "`customerNumber` must be provided")},
		"row 1: empty": {`{"customerNumber":"","success":true}`,
			v1Field("customerNumber", "`customerNumber` must be provided")},
		"row 1: deprecated differs": {`{"customerNumber":"A","policyId":"B","success":true}`,
			v1Field("policyId", "`policyId` must have the same value as `customerNumber`, or be omitted")},
		"row 2: 1.0": {`{"customerNumber":1.0,"success":true}`,
			v1Field("customerNumber", "`customerNumber` must be a string or an integer")},
		"no success": {`{"customerNumber":"ABC123"}`,
			v1Field("success", "`success` must be true or false")},
		"null": {`{"customerNumber":"ABC123","success":null}`,
			v1Field("success", "`success` must be true or false")},
		"a string": {`{"customerNumber":"ABC123","success":"true"}`,
			v1Field("success", "`success` must be true or false")},
		"row 7": {`{"customerNumber":"ABC123","success":tru}`,
			v1Detail("JSON decode error at line 1, column 41")},
	} {
		fx.want(name, fx.post("/v1/match/", c.body), 400, c.want)
	}
	if sent := queue.Take(); len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

// TestIDsOfEvents: two events share an id exactly if they are the same event of the same work provider.
func TestIDsOfEvents(t *testing.T) {
	fx, _ := newRecordingFixture(t)
	seen := map[string]string{}
	for _, key := range []string{courier, parcels} {
		for _, path := range []string{"/v1/shift/login", "/v1/shift/logout"} {
			for _, name := range []string{`"customerNumber":"1686"`, `"workProviderUserId":"1686"`,
				`"workProviderUserId":"1687"`} {
				for _, at := range []string{"11:00:00Z", "11:00:00.000001Z"} {
					event := fmt.Sprintf(`{%s,"timestamp":"2026-03-14T%s"}`, name, at)
					what := key + path + event
					for range 2 {
						id := fx.ask(key, "POST", path, event).header.Get("X-Event-Id")
						if before := seen[id]; id == "" || before != "" && before != what {
							t.Errorf("%s and %s share the id %q", what, before, id)
						}
						seen[id] = what
					}
				}
			}
		}
	}
	if len(seen) != 24 {
		t.Errorf("%d ids for 24 events", len(seen))
	}
}
