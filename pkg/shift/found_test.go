package shift

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// These are the cases that were found by use, each with the smallest history that shows it.

// monday is the midnight before a week in March.
var monday = time.Date(2026, 3, 9, 0, 0, 0, 0, time.UTC)

// at is a time of a day, counted from monday.
func at(day, hour, minute int) time.Time {
	return monday.AddDate(0, 0, day).Add(time.Duration(hour*60+minute) * time.Minute)
}

// wantShifts fails the test unless these are the customer's shifts of the 60 days before the clock: "Mon 18:00–Tue
// 08:00 AUTO", with nothing for an end that is not known.
func (fx *fixture) wantShifts(what, number string, want ...string) {
	fx.t.Helper()
	var list struct {
		Shifts []struct {
			StartTime time.Time
			EndTime   *time.Time
			EndedBy   *string
		}
	}
	from := fx.clock.AddDate(0, 0, -60).Format("2006-01-02T15:04:05Z")
	fx.read("/v2/shift/?customerNumber="+number+"&from="+from, &list)
	const layout = "Mon 15:04"
	got := []string{}
	for _, s := range list.Shifts {
		shift := s.StartTime.Format(layout) + "–"
		if s.EndTime != nil {
			shift += s.EndTime.Format(layout)
		}
		got = append(got, strings.TrimSpace(shift+" "+text(s.EndedBy)))
	}
	if !slices.Equal(got, want) {
		fx.t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

// outcome is what has become of an event: its state, and its effect or reason.
func (fx *fixture) outcome(id string) string {
	fx.t.Helper()
	var event struct {
		State          string
		Effect, Reason *string
	}
	fx.read("/v2/event/"+id, &event)
	return strings.TrimSpace(event.State + " " + text(event.Effect) + text(event.Reason))
}

func (fx *fixture) wantOutcome(what, id, want string) {
	fx.t.Helper()
	if got := fx.outcome(id); got != want {
		fx.t.Errorf("%s: got %s, want %s", what, got, want)
	}
}

// sendAt accepts a v1 event at its own time and processes it. Its id is returned.
func (fx *fixture) sendAt(kind, name string, at time.Time) string {
	fx.t.Helper()
	fx.clock = at
	id := fx.accept("/v1/shift/"+kind, fmt.Sprintf(`{%s,"timestamp":%q}`, name, iso(at)))
	fx.drain()
	return id
}

// putAt asks at a time to end a shift.
func (fx *fixture) putAt(clock time.Time, id string, end time.Time) answer {
	fx.clock = clock
	return fx.put("/v2/shift/"+id, endBody(end))
}

func endBody(end time.Time) string { return fmt.Sprintf(`{"endTime":%q}`, iso(end)) }

// unlink takes a workProviderUserId from whose it is and, unless number is empty, links it to that customer.
func (fx *fixture) unlink(userID, number string) {
	fx.t.Helper()
	owner, err := fx.timelines.Ownership(fx.t.Context(), courier, userID)
	if err != nil {
		fx.t.Fatal(err)
	}
	tx := fx.timelines.WriteTx()
	was := owner.Owner
	if number == "" {
		fx.timelines.AppendHistory(tx, courier, was, fx.timelines.ReleaseUserID(tx, courier, userID, owner, fx.clock))
	} else {
		fx.timelines.AppendHistory(tx, courier, was, timeline.Unlinked(fx.clock, userID))
		link := fx.timelines.AssignUserID(tx, courier, userID, owner.Released(fx.clock), number, fx.clock)
		fx.timelines.AppendHistory(tx, courier, number, link)
	}
	if err := tx.Run(fx.t.Context()); err != nil {
		fx.t.Fatal(err)
	}
	fx.recompute(was, fx.clock)
	if number != "" {
		fx.recompute(number, fx.clock)
	}
}

// recompute has the processor fold a customer anew, as each change of a history does.
func (fx *fixture) recompute(number string, from time.Time) {
	fx.t.Helper()
	request := NewRecomputeRequester(immediateQueue{queue.NewEventsQueue(fx.env)})
	if err := request(fx.t.Context(), courier, number, from); err != nil {
		fx.t.Fatal(err)
	}
	fx.drain()
}

const byNumber = `"customerNumber":"ABC123"`

// TestForgottenLogout: who forgets to log out is insured on the next day's shift, and both v1 and v2 can end it.
func TestForgottenLogout(t *testing.T) {
	fx := newCourierFixture(t)
	fx.sendAt("login", byNumber, at(0, 18, 0))
	second := fx.sendAt("login", byNumber, at(1, 7, 30))
	fx.wantOutcome("before the cut", second, "NO_EFFECT ALREADY_OPEN")
	fx.wantShifts("before the cut", "ABC123", "Mon 18:00–")
	fx.clock = at(1, 8, 0)
	fx.wantOutcome("from the cut on", second, "APPLIED CONTINUED_SHIFT")
	fx.wantShifts("from the cut on", "ABC123", "Mon 18:00–Tue 08:00 AUTO", "Tue 08:00–")
	logout := fx.sendAt("logout", byNumber, at(1, 15, 0))
	fx.wantOutcome("the LOGOUT", logout, "APPLIED CLOSED_SHIFT")
	fx.wantShifts("at last", "ABC123", "Mon 18:00–Tue 08:00 AUTO", "Tue 08:00–Tue 15:00 LOGOUT")

	// The same by v2.
	const user = `{"customerNumber":"ABC12"}`
	fx.clock = at(0, 18, 0)
	first := fx.create(user, fx.clock, time.Time{})
	fx.clock = at(1, 7, 30)
	next := fx.create(user, fx.clock, time.Time{})
	fx.clock = at(1, 8, 0)
	fx.want("by the id of the second", fx.get("/v2/shift/"+next), 200,
		shiftJSON(next, "ABC12", at(1, 8, 0), time.Time{}, "", 1))
	fx.want("PUT", fx.putAt(at(1, 15, 0), next, at(1, 15, 0)), 201, endBody(at(1, 15, 0)))
	fx.wantShifts("by v2", "ABC12", "Mon 18:00–Tue 08:00 AUTO", "Tue 08:00–Tue 15:00 LOGOUT")
	fx.want("PUT of the first, too late for it", fx.put("/v2/shift/"+first, endBody(at(1, 15, 0))), 400, putTooLong)
}

// TestIDsSurviveUnlinkAndMove: an id that was handed out finds its shift after the workProviderUserId that it was
// created under has gone, to nobody or to somebody else.
func TestIDsSurviveUnlinkAndMove(t *testing.T) {
	for _, c := range []struct {
		name, newOwner string
		logout         string // what becomes of a LOGOUT that comes under the id afterwards
	}{
		{"unlinked", "", "UNMATCHED"},
		{"moved", "ABC12", "NO_EFFECT LOGOUT_WITHOUT_LOGIN"},
	} {
		for _, end := range []string{"v1", "v2"} {
			t.Run(c.name+", ended by "+end, func(t *testing.T) {
				fx := newCourierFixture(t)
				fx.clock = at(0, 9, 0)
				id := fx.create(`{"workProviderUserId":"12345"}`, fx.clock, time.Time{})
				fx.clock = at(0, 10, 0)
				fx.unlink("12345", c.newOwner)
				fx.want("GET", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", at(0, 9, 0), time.Time{}, "", 1))
				fx.want("GET under the list's id", fx.get("/v2/shift/?customerNumber=ABC123"), 200,
					`{"shifts":[`+shiftJSON(id, "ABC123", at(0, 9, 0), time.Time{}, "", 1)+`],"next":null}`)
				fx.wantOutcome("the LOGIN", id, "APPLIED OPENED_SHIFT")
				logout := fx.sendAt("logout", `"workProviderUserId":"12345"`, at(0, 11, 0))
				fx.wantOutcome("a LOGOUT under the id", logout, c.logout)
				fx.wantShifts("which is not the customer's any more", "ABC123", "Mon 09:00–")
				if end == "v1" {
					fx.sendAt("logout", byNumber, at(0, 11, 0))
				} else {
					fx.want("PUT", fx.putAt(at(0, 11, 30), id, at(0, 11, 0)), 201, endBody(at(0, 11, 0)))
					fx.want("PUT again", fx.put("/v2/shift/"+id, endBody(at(0, 11, 0))), 201, endBody(at(0, 11, 0)))
				}
				fx.want("GET", fx.get("/v2/shift/"+id), 200,
					shiftJSON(id, "ABC123", at(0, 9, 0), at(0, 11, 0), "LOGOUT", 2))
				fx.wantShifts("of the other", "ABC12")
			})
		}
	}
}

// TestEndBeforeItsLogin: the end has to lie after the LOGIN that the id names, not after the shift's start.
func TestEndBeforeItsLogin(t *testing.T) {
	fx := newCourierFixture(t)
	fx.sendAt("login", byNumber, at(0, 9, 0))
	fx.clock = at(0, 10, 0)
	id := fx.create(abc, fx.clock, time.Time{})
	fx.wantOutcome("the second LOGIN", id, "NO_EFFECT ALREADY_OPEN")
	for range 2 {
		fx.want("PUT", fx.putAt(at(0, 10, 30), id, at(0, 9, 30)), 400, putTooEarly)
	}
	fx.wantShifts("nothing happened", "ABC123", "Mon 09:00–")
}

// TestLateLink: what waited for more than 30 days stays rejected when its id is linked.
func TestLateLink(t *testing.T) {
	const unknown = `"workProviderUserId":"late"`
	for _, c := range []struct {
		name      string
		consent   time.Time
		link      time.Time
		outcome   string // of the LOGINs
		logout    string // of the LOGOUTs
		shiftList []string
	}{
		{"after 40 days", at(-1, 0, 0), at(40, 0, 0), "REJECTED UNMATCHED_TOO_LONG", "REJECTED UNMATCHED_TOO_LONG",
			nil},
		{"consented only then", at(40, 0, 0), at(40, 0, 0), "REJECTED BEFORE_CONSENT", "REJECTED BEFORE_CONSENT", nil},
		{"after 20 days", at(-1, 0, 0), at(20, 0, 0), "APPLIED OPENED_SHIFT", "APPLIED CLOSED_SHIFT", []string{
			"Mon 09:00–Mon 17:00 LOGOUT", "Tue 09:00–Tue 17:00 LOGOUT", "Wed 09:00–Wed 17:00 LOGOUT",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			fx := newFixture(t)
			var logins, logouts []string
			for day := range 3 {
				logins = append(logins, fx.sendAt("login", unknown, at(day, 9, 0)))
				logouts = append(logouts, fx.sendAt("logout", unknown, at(day, 17, 0)))
			}
			fx.clock = c.link
			fx.addPerson(courier, "LINKED", "late", c.link, timeline.ConsentGiven(c.consent),
				timeline.Matched(c.consent))
			fx.recompute("LINKED", c.link.AddDate(0, 0, -30))
			for i := range logins {
				fx.wantOutcome("LOGIN", logins[i], c.outcome)
				fx.wantOutcome("LOGOUT", logouts[i], c.logout)
			}
			fx.wantShifts("the list", "LINKED", c.shiftList...)
		})
	}
}

// TestCreateAtALogout: a shift that is created at the instant of a LOGOUT is open from then on.
func TestCreateAtALogout(t *testing.T) {
	fx := newCourierFixture(t)
	fx.sendAt("logout", byNumber, at(0, 9, 58))
	logout := fx.sendAt("logout", byNumber, at(0, 10, 0))
	id := fx.create(abc, at(0, 10, 0), time.Time{})
	fx.want("GET", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", at(0, 10, 0), time.Time{}, "", 1))
	fx.wantOutcome("the LOGIN", id, "APPLIED OPENED_SHIFT")
	fx.wantOutcome("the LOGOUT", logout, "NO_EFFECT LOGOUT_WITHOUT_LOGIN")
	fx.want("PUT", fx.putAt(at(0, 11, 0), id, at(0, 11, 0)), 201, endBody(at(0, 11, 0)))
	fx.want("GET", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", at(0, 10, 0), at(0, 11, 0), "LOGOUT", 2))
}

// TestMovedPlannedEnd: an end that lies in the future can be put earlier and later, and ends no other shift.
func TestMovedPlannedEnd(t *testing.T) {
	for name, order := range map[string][]time.Time{
		"earlier": {at(0, 17, 0), at(0, 12, 0)},
		"later":   {at(0, 12, 0), at(0, 17, 0)},
		"back":    {at(0, 12, 0), at(0, 17, 0), at(0, 12, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			fx := newCourierFixture(t)
			fx.clock = at(0, 9, 0)
			id := fx.create(abc, fx.clock, time.Time{})
			for i, end := range order {
				a := fx.putAt(at(0, 10+i/2, i%2), id, end)
				fx.want("PUT", a, 201, endBody(end))
				if got := a.header.Get("X-Event-Id"); got != id {
					t.Errorf("a plan is no event of its own: %s, want %s", got, id)
				}
				fx.want("GET", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", at(0, 9, 0), end, "", i+2))
			}
			fx.drain() // the recovery messages change nothing
			last := order[len(order)-1]
			fx.want("GET", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", at(0, 9, 0), last, "", len(order)+1))
			fx.sendAt("login", byNumber, at(0, 14, 0))
			fx.sendAt("logout", byNumber, at(0, 19, 0))
			if last.Equal(at(0, 17, 0)) { // the second LOGIN comes within the first one's cover
				fx.wantShifts("at last", "ABC123", "Mon 09:00–Mon 19:00 LOGOUT")
			} else {
				fx.wantShifts("at last", "ABC123", "Mon 09:00–Mon 12:00 PLANNED", "Mon 14:00–Mon 19:00 LOGOUT")
			}
		})
	}
}

// TestEndOfAContinuedShift: the end is judged by the LOGIN that the id names and the end of cover, not by the end of
// the shift that holds it.
func TestEndOfAContinuedShift(t *testing.T) {
	fx := newCourierFixture(t)
	fx.sendAt("login", byNumber, at(0, 0, 0))
	fx.clock = at(0, 10, 0)
	id := fx.create(abc, fx.clock, time.Time{})
	fx.clock = at(0, 12, 0)
	fx.login("ABC123", at(0, 11, 40))
	fx.want("PUT", fx.putAt(at(0, 17, 0), id, at(0, 16, 40)), 201, endBody(at(0, 16, 40)))
	fx.want("PUT again", fx.put("/v2/shift/"+id, endBody(at(0, 16, 40))), 201, endBody(at(0, 16, 40)))
	fx.want("another end", fx.put("/v2/shift/"+id, endBody(at(0, 16, 41))), 400, putEnded)
	fx.wantShifts("cover ends there", "ABC123", "Mon 00:00–Mon 14:00 AUTO", "Mon 14:00–Mon 16:40 LOGOUT")
	var read struct{ StartTime string }
	fx.read("/v2/shift/"+id, &read)
	if read.StartTime != iso(at(0, 0, 0)) {
		t.Errorf("the id finds the shift that holds its LOGIN, which names none: %s", read.StartTime)
	}
}

// TestConsentWithinASecond: a consent counts from the beginning of its second, but not from before a withdrawal.
func TestConsentWithinASecond(t *testing.T) {
	second := time.Date(2026, 3, 9, 5, 24, 51, 0, time.UTC)
	ms := func(n int) time.Time { return second.Add(time.Duration(n) * time.Millisecond) }
	year := second.AddDate(-1, 0, 0)

	fx := newFixture(t)
	fx.clock = ms(500)
	fx.addPerson(courier, "ABC123", "", second, timeline.Matched(year), timeline.ConsentGiven(ms(146)))
	login := fx.sendAt("login", byNumber, second)
	fx.clock = ms(500)
	fx.wantOutcome("a LOGIN of the consent's second", login, "APPLIED OPENED_SHIFT")
	before := fx.accept("/v1/shift/login", `{"customerNumber":"ABC123","timestamp":"2026-03-09T05:24:50.999Z"}`)
	fx.drain()
	fx.wantOutcome("of the second before", before, "REJECTED BEFORE_CONSENT")

	fx.addPerson(courier, "ABC12", "", second, timeline.Matched(year), timeline.ConsentGiven(ms(146)))
	fx.want("POST of the consent's second",
		fx.post("/v2/shift", newShiftBody(`{"customerNumber":"ABC12"}`, second, time.Time{})), 201,
		fmt.Sprintf(`{"id":%q,"user":{"customerNumber":"ABC12"},"startTime":%q,"endTime":null}`,
			EventID(fx.ids, courier, fact(timeline.Login, person.CustomerNumber, "ABC12", second)), iso(second)))

	fx.addPerson(courier, "AGAIN", "", second, timeline.Matched(year), timeline.ConsentGiven(year),
		timeline.ConsentWithdrawn(ms(50)), timeline.ConsentGiven(ms(146)))
	for _, c := range []struct {
		ms      int
		outcome string
	}{
		{20, "APPLIED OPENED_SHIFT"}, // of the first consent
		{100, "APPLIED OPENED_SHIFT"},
		{120, "NO_EFFECT ALREADY_OPEN"},
	} {
		fx.clock = ms(500)
		id := fx.accept("/v1/shift/login", fmt.Sprintf(`{"customerNumber":"AGAIN","timestamp":%q}`, iso(ms(c.ms))))
		fx.drain()
		fx.wantOutcome(fmt.Sprint(c.ms), id, c.outcome)
	}
	var list struct {
		Shifts []struct{ StartTime, EndTime, EndedBy string }
	}
	fx.read("/v2/shift?customerNumber=AGAIN", &list)
	want := fmt.Sprintf("[{%s %s WITHDRAWN} {%s  }]", iso(ms(20)), iso(ms(50)), iso(ms(100)))
	if got := fmt.Sprint(list.Shifts); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestForgottenEvenings: in cover of 14 hours the first LOGIN of a day opens a shift.
func TestForgottenEvenings(t *testing.T) {
	fx := newCourierFixture(t)
	fx.sendAt("login", byNumber, at(0, 20, 30))
	fx.sendAt("login", byNumber, at(0, 23, 50))
	first := fx.sendAt("login", byNumber, at(1, 12, 0))
	fx.sendAt("logout", byNumber, at(2, 0, 10))
	fx.wantShifts("three shifts", "ABC123", "Mon 20:30–Tue 10:30 AUTO", "Tue 10:30–Tue 12:00 AUTO",
		"Tue 12:00–Wed 00:10 LOGOUT")
	fx.wantOutcome("the first LOGIN of the day", first, "APPLIED OPENED_SHIFT")
}

// TestPagesDuringChange: page 2 begins after the last shift of page 1, so that a shift which begins earlier by then
// is on it.
func TestPagesDuringChange(t *testing.T) {
	fx := newCourierFixture(t)
	starts := make([]time.Time, 150)
	for i := range starts {
		starts[i] = noon.Add(time.Duration(i-151) * time.Hour)
	}
	fx.addShifts(courier, "ABC123", starts...)
	var first, second shiftList
	fx.read(listPath, &first)
	if len(first.Shifts) != 100 || first.Next == nil {
		t.Fatalf("page 1: %d shifts", len(first.Shifts))
	}
	starts[100] = starts[100].Add(-2 * time.Minute)
	fx.login("ABC123", starts[100])
	fx.read(listPath+"&next="+*first.Next, &second)
	want := []string{}
	for _, start := range starts {
		want = append(want, iso(start))
	}
	if got := first.starts() + " " + second.starts(); got != strings.Join(want, " ") || second.Next != nil {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// hookedQueue calls a function before each message that it takes.
type hookedQueue struct {
	queue.Sender
	before func()
}

func (q *hookedQueue) Send(ctx context.Context, group string, _ time.Duration, bodies ...string) error {
	if q.before != nil {
		q.before()
	}
	return q.Sender.Send(ctx, group, 0, bodies...)
}

// barrier returns a function that returns once it was called n times.
func barrier(n int) func() {
	var all sync.WaitGroup
	all.Add(n)
	return func() {
		all.Done()
		all.Wait()
	}
}

// TestTwoEndsAtOnce: of two PUTs of different past ends, both judged before either is stored, exactly one is a 201: the
// one whose end is that of the cover period. The other stores nothing.
func TestTwoEndsAtOnce(t *testing.T) {
	env := emulator.NewTestEnv(t)
	sender := &hookedQueue{Sender: queue.NewEventsQueue(env)}
	fx := buildFixture(t, env, keys, sender)
	meet := func() {}
	storage := timeline.Intercept(fx.timelines, func(c timeline.Call, call func() error) error {
		if c.Op == "AddFactIf" {
			meet()
		}
		return call()
	})
	reader := NewReader(storage, fx.ids, func() time.Time { return fx.clock })
	end := End(keys, NewWriter(reader, sender))
	for race := range 20 {
		number := fmt.Sprint("RACE", race)
		fx.addCustomer(courier, number, "")
		fx.clock = noon
		id := fx.create(fmt.Sprintf(`{"customerNumber":%q}`, number), noon, time.Time{})
		fx.clock = minutes(60)
		sender.before = barrier(2)
		meet = barrier(2)
		answers := make([]answer, 2)
		var both sync.WaitGroup
		for i := range answers {
			both.Go(func() { answers[i] = askHandler(end, courier, "PUT", "/v2/shift/"+id, ended(10*(i+1))) })
		}
		both.Wait()
		sender.before = nil
		first := slices.IndexFunc(answers, func(a answer) bool { return a.status == 201 })
		if first < 0 {
			t.Fatalf("neither end was accepted: %v", answers)
		}
		fx.want("the first end", answers[first], 201, ended(10*(first+1)))
		fx.want("the other end", answers[1-first], 400, putEnded)
		for range 2 {
			fx.want("GET", fx.get("/v2/shift/"+id), 200,
				shiftJSON(id, number, noon, minutes(10*(first+1)), "LOGOUT", 2))
			fx.drain()
		}
	}
}

// TestRefusedEnd: a PUT is refused if a LOGOUT of v1 ends the cover just before it is folded, and its own
// LOGOUT is taken back: it ends nothing later. If the same LOGOUT had come by itself before, it stays.
func TestRefusedEnd(t *testing.T) {
	for _, c := range []struct {
		alreadySent bool
		state       string
		revision    int64
		records     []string // after a late LOGIN
	}{
		{false, "VOIDED", 3, []string{"0-10 LOGOUT", "15-855 AUTO"}},
		{true, "APPLIED CLOSED_SHIFT", 4, []string{"0-10 LOGOUT", "15-20 LOGOUT"}},
	} {
		fx := newCourierFixture(t)
		id := fx.create(abc, noon, time.Time{})
		fx.clock = minutes(60)
		if c.alreadySent {
			fx.logout("ABC123", minutes(20))
		}
		fx.clock = minutes(61)
		between := func() {}
		storage := timeline.Intercept(fx.timelines, func(c timeline.Call, call func() error) error {
			err := call()
			if c.Op == "AddFactIf" {
				between()
			}
			return err
		})
		between = func() { fx.logout("ABC123", minutes(10)) }
		reader := NewReader(storage, fx.ids, func() time.Time { return fx.clock })
		end := End(keys, NewWriter(reader, queue.NewEventsQueue(fx.env)))
		fx.want("the end", askHandler(end, courier, "PUT", "/v2/shift/"+id, ended(20)), 400, putEnded)
		fx.drain()
		fx.login("ABC123", minutes(15))
		fx.wantRecord("a late LOGIN", "ABC123", c.revision, c.records...)
		logout := EventID(fx.ids, courier, fact(timeline.Logout, person.CustomerNumber, "ABC123", minutes(20)))
		fx.wantOutcome("the refused LOGOUT", logout, c.state)
	}
}

// TestConcurrentEnds: a PUT that was judged before another one was stored, and is stored after the other was
// answered, is refused, whichever end is the earlier; and ends nothing later.
func TestConcurrentEnds(t *testing.T) {
	for _, c := range []struct {
		accepted, refused int
		revision          int64
		afterLateLogin    []string
	}{
		{10, 20, 3, []string{"0-10 LOGOUT", "15-855 AUTO"}},
		{20, 10, 2, []string{"0-20 LOGOUT"}},
	} {
		env := emulator.NewTestEnv(t)
		sender := &hookedQueue{Sender: queue.NewEventsQueue(env)}
		fx := buildFixture(t, env, keys, sender)
		fx.addCustomer(courier, "ABC123", "")
		id := fx.create(abc, noon, time.Time{})
		fx.clock = minutes(60)
		sender.before = func() { // between judging and storing
			sender.before = nil
			fx.want("the other", fx.put("/v2/shift/"+id, ended(c.accepted)), 201, ended(c.accepted))
		}
		fx.want("the one that was judged first", fx.put("/v2/shift/"+id, ended(c.refused)), 400, putEnded)
		fx.wantRecord("the end that was accepted", "ABC123", 2, fmt.Sprintf("0-%d LOGOUT", c.accepted))
		fx.drain()
		fx.login("ABC123", minutes(15))
		fx.wantRecord("a late LOGIN between the ends", "ABC123", c.revision, c.afterLateLogin...)
	}
}

// TestEventIDsOfV2: the 201 of a POST and of a PUT carry the id of the event that they stored.
func TestEventIDsOfV2(t *testing.T) {
	fx := newCourierFixture(t)
	created := fx.post("/v2/shift", newShiftBody(`{"workProviderUserId":"12345"}`, noon, time.Time{}))
	login := created.header.Get("X-Event-Id")
	id := fx.idIn(created)
	if login != id {
		t.Errorf("the event of a POST is the shift's LOGIN: %s, want %s", login, id)
	}
	fx.want("the LOGIN", fx.get("/v2/event/"+login), 200,
		eventJSON(login, "APPLIED", "OPENED_SHIFT", "", id, `"workProviderUserId":"12345"`, "LOGIN", noon))
	fx.clock = minutes(30)
	planned := fx.put("/v2/shift/"+id, ended(60))
	if got := planned.header.Get("X-Event-Id"); got != login {
		t.Errorf("a planned end is the LOGIN's: %s, want %s", got, login)
	}
	for range 2 {
		put := fx.put("/v2/shift/"+id, ended(20))
		logout := put.header.Get("X-Event-Id")
		if want := EventID(fx.ids, courier,
			fact(timeline.Logout, person.CustomerNumber, "ABC123", minutes(20))); logout != want {
			t.Errorf("%v: the event is %s, want %s", put, logout, want)
		}
		fx.want("the LOGOUT", fx.get("/v2/event/"+logout), 200,
			eventJSON(logout, "APPLIED", "CLOSED_SHIFT", "", id, `"customerNumber":"ABC123"`, "LOGOUT", minutes(20)))
	}
	if refused := fx.put("/v2/shift/"+id, ended(10)); refused.header.Get("X-Event-Id") != "" {
		t.Errorf("a refusal carries %v", refused.header)
	}
}

// TestEventAfterWithdrawal: an event keeps its state when its customer shares no longer, but names no shift.
func TestEventAfterWithdrawal(t *testing.T) {
	fx := newCourierFixture(t)
	login := fx.sendAt("login", byNumber, minutes(0))
	again := fx.sendAt("login", byNumber, minutes(5))
	logout := fx.sendAt("logout", byNumber, minutes(10))
	want := func(shift string) {
		t.Helper()
		fx.want("LOGIN", fx.get("/v2/event/"+login), 200,
			eventJSON(login, "APPLIED", "OPENED_SHIFT", "", shift, byNumber, "LOGIN", noon))
		fx.want("again", fx.get("/v2/event/"+again), 200,
			eventJSON(again, "NO_EFFECT", "", "ALREADY_OPEN", "", byNumber, "LOGIN", minutes(5)))
		fx.want("LOGOUT", fx.get("/v2/event/"+logout), 200,
			eventJSON(logout, "APPLIED", "CLOSED_SHIFT", "", shift, byNumber, "LOGOUT", minutes(10)))
	}
	want(login)
	fx.clock = minutes(20)
	fx.addPerson(courier, "ABC123", "", noon, timeline.ConsentWithdrawn(fx.clock))
	want("")
	fx.want("GET of the shift", fx.get("/v2/shift/"+login), 404, v2NoShift)
	fx.want("PUT of the shift", fx.putAt(minutes(20), login, minutes(10)), 404, v2NoShift)
	fx.want("the list", fx.get(listPath), 400, v2Field("user", notShared))
}

// TestReadAndEndUnmatched: reading and ending need the consent alone, creating needs the match.
func TestReadAndEndUnmatched(t *testing.T) {
	fx := newCourierFixture(t)
	id := fx.create(abc, noon, time.Time{})
	fx.clock = minutes(30)
	fx.accept("/v1/match", `{"customerNumber":"ABC123","success":false}`)
	fx.drain()
	want := shiftJSON(id, "ABC123", noon, time.Time{}, "", 1)
	fx.want("GET", fx.get("/v2/shift/"+id), 200, want)
	fx.want("the list", fx.get(listPath), 200, `{"shifts":[`+want+`],"next":null}`)
	fx.want("POST", fx.post("/v2/shift", newShiftBody(abc, minutes(30), time.Time{})), 400, v2Field("user", notMatched))
	fx.want("PUT", fx.putEnd(id, 20), 201, ended(20))
	fx.want("GET", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC123", noon, minutes(20), "LOGOUT", 2))
}

// TestCreateBeforeTheLink: a LOGIN that would be another customer's cannot count, and is refused.
func TestCreateBeforeTheLink(t *testing.T) {
	const user = `{"workProviderUserId":"12345"}`
	fx := newCourierFixture(t)
	fx.clock = minutes(0)
	fx.unlink("12345", "ABC12")
	fx.clock = minutes(10)
	fx.want("while it was another's", fx.post("/v2/shift", newShiftBody(user, minutes(-1), time.Time{})), 400,
		v2Field("startTime", "`startTime` must not be before the user's consent."))
	id := fx.create(user, minutes(0), time.Time{})
	fx.want("from the link on", fx.get("/v2/shift/"+id), 200, shiftJSON(id, "ABC12", minutes(0), time.Time{}, "", 1))
	fx.wantShifts("of the other", "ABC123")
}
