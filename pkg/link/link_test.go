package link_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

var noon = testkit.Noon

// hours is a time so many hours after noon.
func hours(n int) time.Time { return noon.Add(time.Duration(n) * time.Hour) }

const (
	courier = testkit.Courier
	parcels = testkit.Parcels
)

// fixture is tables of its own, the changes of histories over them, and the processor of what they send.
type fixture struct {
	t         *testing.T
	clock     time.Time
	queue     *testkit.Queue
	timelines *timeline.Store
	links     *link.Links
	status    http.Handler
	process   consumer.Func
}

func newFixture(t *testing.T) *fixture {
	env := emulator.NewTestEnv(t)
	w := &fixture{t: t, clock: noon, queue: new(testkit.Queue), timelines: timeline.NewStore(env)}
	now := func() time.Time { return w.clock }
	w.links = link.New(w.timelines, shift.NewRecomputeRequester(w.queue))
	w.status = customer.Status(testkit.Keys(), customer.NewStore(env), w.timelines, now)
	w.process = shift.Processor(timeline.NewApplier(w.timelines, 4), deadletter.NewStore(env), now)
	return w
}

// drain processes what the queue holds.
func (w *fixture) drain() {
	w.t.Helper()
	response, err := w.process(w.t.Context(), testkit.Delivery(w.queue.Take()...))
	if err != nil || len(response.BatchItemFailures) > 0 {
		w.t.Fatal(response, err)
	}
}

// ok fails the test unless a change was made.
func (w *fixture) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *fixture) give(providerID, number, userID string, at time.Time) {
	w.t.Helper()
	w.ok(
		w.links.GrantConsent(
			w.t.Context(),
			link.Grant{Provider: providerID, Customer: number, UserID: userID, Matched: true},
			at,
		),
	)
}

// send applies events as the processor does, without a history that knows of them.
func (w *fixture) send(providerID string, facts ...timeline.Fact) {
	w.t.Helper()
	for _, r := range timeline.NewApplier(w.timelines, 4).Apply(w.t.Context(),
		[]timeline.MessageChanges{{Provider: providerID, Facts: facts}}, timeline.At(time.Now())) {
		w.ok(r.Err)
	}
}

// in and out are a LOGIN and a LOGOUT under an id.
func in(userID string, at time.Time) timeline.Fact { return fact(userID, timeline.Login, at) }

func out(userID string, at time.Time) timeline.Fact { return fact(userID, timeline.Logout, at) }

func fact(userID string, kind timeline.Kind, at time.Time) timeline.Fact {
	name := person.Name{Kind: person.UserID, Value: userID}
	return timeline.Fact{Name: name, Kind: kind, At: timeline.At(at), PlannedEnd: timeline.Never}
}

// shifts are the stored ones, as hours after noon: start, end and how it ended.
func (w *fixture) shifts(providerID, number string) []string {
	w.t.Helper()
	day := timeline.At(noon).Day()
	records, err := w.timelines.Records(
		w.t.Context(),
		providerID,
		number,
		timeline.Days{First: day - 400, Last: day + 400},
	)
	w.ok(err)
	var shown []string
	for _, r := range records {
		for _, s := range r.Shifts {
			shown = append(
				shown,
				fmt.Sprintf("%v-%v %s", s.Start.Time().Sub(noon).Hours(), s.End.Time().Sub(noon).Hours(), s.EndedBy),
			)
		}
	}
	return shown
}

func (w *fixture) wantShifts(what, number string, want ...string) {
	w.t.Helper()
	if got := w.shifts(courier, number); !slices.Equal(got, want) {
		w.t.Errorf("%s: the shifts of %s are %q, want %q", what, number, got, want)
	}
}

// wantOwner holds the two rows that tell whose an id is against each other.
func (w *fixture) wantOwner(userID, want string) {
	w.t.Helper()
	owner, err := w.timelines.OwnerNumber(w.t.Context(), courier, userID)
	w.ok(err)
	if owner != want {
		w.t.Errorf("%s is %q's, want %q", userID, owner, want)
	}
	for _, number := range []string{"ABC123", "ABC12"} {
		history, err := w.timelines.History(w.t.Context(), courier, number)
		w.ok(err)
		if owned := slices.Contains(history.CurrentUserIDs(), userID); owned != (number == want) {
			w.t.Errorf("by its history %s has %s: %v, but the owner is %q", number, userID, owned, owner)
		}
	}
}

func TestEventsBeforeConsent(t *testing.T) {
	w := newFixture(t)
	w.send(courier, in("12345", hours(1)), out("12345", hours(2)), in("12345", hours(5)), out("12345", hours(6)))
	steps := []func() error{
		func() error { return w.links.Assign(t.Context(), courier, "ABC123", "12345", hours(8)) },
		func() error {
			return w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123", Matched: true}, hours(9))
		},
	}
	// The consent comes first, because an id cannot be linked without it.
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123"}, hours(4)))
	w.drain()
	w.wantShifts("without a link and a match", "ABC123")
	for _, step := range steps {
		w.ok(step())
		w.drain()
	}
	w.wantShifts("with all three", "ABC123", "5-6 LOGOUT")
}

func TestMatchBeforeLink(t *testing.T) {
	w := newFixture(t)
	w.send(courier, in("12345", hours(5)), out("12345", hours(6)))
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123", Matched: true}, hours(4)))
	w.drain()
	w.wantShifts("without a link", "ABC123")
	w.ok(w.links.Assign(t.Context(), courier, "ABC123", "12345", hours(24*20)))
	w.drain()
	w.wantShifts("with one, weeks later", "ABC123", "5-6 LOGOUT")
}

func TestRenewedConsent(t *testing.T) {
	w := newFixture(t)
	w.give(courier, "ABC123", "12345", hours(-10))
	w.ok(w.links.Assign(t.Context(), courier, "ABC123", "another", hours(-9)))
	w.wantOwner("another", "ABC123")
	w.send(courier, in("12345", hours(-2)), in("12345", hours(1)), in("another", hours(3)))
	w.wantShifts("before", "ABC123", "-2-12 AUTO", "12-17 AUTO")

	w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", noon))
	w.drain()
	w.wantOwner("12345", "")
	w.wantOwner("another", "")
	w.wantShifts("after the withdrawal", "ABC123", "-2-0 WITHDRAWN")

	w.give(courier, "ABC123", "12345", hours(2))
	w.send(courier, in("12345", hours(4)), out("12345", hours(5)))
	w.drain()
	w.wantOwner("12345", "ABC123")
	w.wantOwner("another", "")
	w.wantShifts("after the new consent", "ABC123", "-2-0 WITHDRAWN", "4-5 LOGOUT")
	w.ok(w.links.Assign(t.Context(), courier, "ABC123", "another", hours(6)))
	w.drain()
	// What was sent under it since the new consent is now known to be theirs.
	w.wantShifts("after the other link", "ABC123", "-2-0 WITHDRAWN", "3-5 LOGOUT")
}

// TestMatchOfPreviousConsent: what was sent under a consent that was withdrawn since has waited, too.
func TestMatchOfPreviousConsent(t *testing.T) {
	w := newFixture(t)
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123", UserID: "12345"}, hours(-20)))
	w.send(courier, in("12345", hours(-18)), out("12345", hours(-16)))
	w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", hours(-10)))
	w.drain()
	w.wantShifts("unmatched", "ABC123")
	w.give(courier, "ABC123", "12345", hours(-5))
	w.drain()
	w.wantShifts("matched with the next consent", "ABC123", "-18--16 LOGOUT")
}

// All at the same instant of a clock: the changes still have the effect of the last one.
func TestChangeOrder(t *testing.T) {
	w := newFixture(t)
	for range 3 {
		w.give(courier, "ABC123", "12345", noon)
		w.wantOwner("12345", "ABC123")
		w.ok(w.links.Unlink(t.Context(), courier, "12345", noon))
		w.wantOwner("12345", "")
		w.ok(w.links.Assign(t.Context(), courier, "ABC123", "12345", noon.Add(-time.Minute)))
		w.wantOwner("12345", "ABC123")
		w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", noon))
		w.wantOwner("12345", "")
		history, err := w.timelines.History(t.Context(), courier, "ABC123")
		w.ok(err)
		if history.Consented(timeline.At(hours(1))) {
			t.Error("consented after the withdrawal")
		}
	}
	for range 3 { // and without an id
		w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC12", noon))
		w.give(courier, "ABC12", "", noon)
		history, err := w.timelines.History(t.Context(), courier, "ABC12")
		w.ok(err)
		if !history.Consented(timeline.At(hours(1))) {
			t.Error("not consented after the consent")
		}
	}
}

func TestMove(t *testing.T) {
	w := newFixture(t)
	w.give(courier, "ABC123", "12345", hours(-10))
	w.give(courier, "ABC12", "", hours(-10))
	w.send(courier, in("12345", hours(-8)), out("12345", hours(-7)), in("12345", hours(-1)), out("12345", hours(2)))
	w.wantShifts("before", "ABC123", "-8--7 LOGOUT", "-1-2 LOGOUT")
	w.drain()

	w.ok(w.links.Move(t.Context(), courier, "ABC12", "12345", noon))
	w.drain()
	w.wantOwner("12345", "ABC12")
	w.wantShifts("what was sent before stays", "ABC123", "-8--7 LOGOUT", "-1-13 AUTO")
	w.wantShifts("a LOGOUT alone is nothing", "ABC12")
	w.send(courier, in("12345", hours(3)), out("12345", hours(4)))
	w.wantShifts("what comes now is the other's", "ABC12", "3-4 LOGOUT")

	w.ok(w.links.Move(t.Context(), courier, "ABC123", "12345", hours(5)))
	w.drain()
	w.wantOwner("12345", "ABC123")
	w.wantShifts("back again", "ABC12", "3-4 LOGOUT")
	w.wantShifts("back again", "ABC123", "-8--7 LOGOUT", "-1-13 AUTO")
	w.ok(w.links.Move(t.Context(), courier, "ABC123", "12345", hours(6))) // as it is
	if n := len(w.queue.Take()); n != 0 {
		t.Errorf("%d messages for a change that is none", n)
	}
	w.ok(w.links.Unlink(t.Context(), courier, "12345", hours(7)))
	w.ok(w.links.Move(t.Context(), courier, "ABC12", "12345", hours(8))) // from nobody
	w.wantOwner("12345", "ABC12")
}

func TestErrors(t *testing.T) {
	w := newFixture(t)
	ctx := t.Context()
	w.give(courier, "ABC123", "12345", hours(-10))
	w.give(courier, "ABC12", "", hours(-10))
	w.drain()
	for name, c := range map[string]struct {
		err   error
		kind  fault.Kind
		field string
	}{
		"an id of another": {w.links.Assign(ctx, courier, "ABC12", "12345", noon), fault.InvalidData,
			"workProviderUserId"},
		"an agreement to it": {w.links.GrantConsent(ctx,
			link.Grant{Provider: courier, Customer: "NX42Z", UserID: "12345"}, noon), fault.InvalidData, "workProviderUserId"},
		"no consent": {w.links.Assign(ctx, courier, "NX42Z", "1", noon), fault.InvalidData, "customerNumber"},
		"no consent to move to": {w.links.Move(ctx, courier, "NX42Z", "12345", noon), fault.InvalidData,
			"customerNumber"},
		"no consent with the other": {w.links.Assign(ctx, parcels, "ABC123", "1", noon), fault.InvalidData, "customerNumber"},
		"nobody's":                  {w.links.Unlink(ctx, courier, "1", noon), fault.NotFound, ""},
	} {
		var f *fault.Error
		if !errors.As(c.err, &f) || f.Kind != c.kind || f.Field != c.field {
			t.Errorf("%s: %v", name, c.err)
		}
	}
	history, err := w.timelines.History(ctx, courier, "NX42Z")
	w.ok(err)
	if history.Consented(timeline.At(hours(1))) {
		t.Error("a refused agreement counts as consent")
	}
	w.ok(w.links.WithdrawConsent(ctx, courier, "NX42Z", noon)) // who never shared
	w.give(courier, "ABC123", "12345", noon)                   // as it is
	if n := len(w.queue.Take()); n != 0 {
		t.Errorf("%d messages for changes that are none", n)
	}
	w.wantOwner("12345", "ABC123")
}

func TestManyIDs(t *testing.T) {
	w := newFixture(t)
	w.give(courier, "ABC123", "id 0", noon)
	for i := 1; i < 50; i++ {
		w.ok(w.links.Assign(t.Context(), courier, "ABC123", fmt.Sprint("id ", i), noon))
	}
	if err := w.links.Assign(t.Context(), courier, "ABC123", "one more", noon); err == nil ||
		fault.KindOf(err) != fault.InvalidData {
		t.Error(err)
	}
	if err := w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC123", UserID: "one more"},
		noon); err == nil {
		t.Error("one more by agreement")
	}
	w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", noon))
	for i := range 50 {
		w.wantOwner(fmt.Sprint("id ", i), "")
	}
}

// Nothing is changed unless the guard has been taken.
func TestRecoveryMessageFirst(t *testing.T) {
	w := newFixture(t)
	w.give(courier, "ABC123", "12345", hours(-10))
	w.queue.Err = fault.New(fault.Unavailable, "")
	for name, err := range map[string]error{
		"withdraw": w.links.WithdrawConsent(t.Context(), courier, "ABC123", noon),
		"unlink":   w.links.Unlink(t.Context(), courier, "12345", noon),
		"link":     w.links.Assign(t.Context(), courier, "ABC123", "1", noon),
		"give":     w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: "ABC12"}, noon),
	} {
		if err == nil || fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.wantOwner("12345", "ABC123")
	w.wantOwner("1", "")
}

func TestConcurrentLinks(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	w := newFixture(t)
	w.give(courier, "ABC123", "", hours(-10))
	w.give(courier, "ABC12", "", hours(-10))
	for round := range 10 {
		id := fmt.Sprint("id ", round)
		var errs [2]error
		var both sync.WaitGroup
		for i, number := range []string{"ABC123", "ABC12"} {
			both.Go(func() { errs[i] = w.links.Assign(t.Context(), courier, number, id, noon) })
		}
		both.Wait()
		winner := "ABC123"
		lost := errs[1]
		if errs[0] != nil {
			winner = "ABC12"
			lost = errs[0]
		}
		if (errs[0] == nil) == (errs[1] == nil) || fault.KindOf(lost) != fault.InvalidData {
			t.Fatal(errs)
		}
		w.wantOwner(id, winner)
	}
}

// Whichever comes first, nobody has an id without sharing.
func TestConcurrentWithdrawal(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	w := newFixture(t)
	for round := range 10 {
		w.give(courier, "ABC123", "", noon)
		var linked, withdrawn error
		var both sync.WaitGroup
		both.Go(func() { linked = w.links.Assign(t.Context(), courier, "ABC123", "12345", noon) })
		both.Go(func() { withdrawn = w.links.WithdrawConsent(t.Context(), courier, "ABC123", noon) })
		both.Wait()
		if withdrawn != nil || linked != nil && fault.KindOf(linked) != fault.InvalidData {
			t.Fatal(round, linked, withdrawn)
		}
		w.wantOwner("12345", "")
	}
}

// Contract row 23: to a work provider that somebody shared with, and shares with no longer, they are like nobody at
// all, byte for byte and header for header, while another provider sees them as before.
func TestWithdrawnCustomer(t *testing.T) {
	w := newFixture(t)
	w.give(courier, "ABC123", "12345", hours(-10))
	w.give(parcels, "ABC123", "12345", hours(-10))
	paths := map[string]string{
		"?workProviderUserId=12345": "?workProviderUserId=nobody",
		"?customerNumber=ABC123":    "?customerNumber=NOBODY",
	}
	ask := func(key, query string) string {
		r := httptest.NewRequest(http.MethodGet, "/v1/user/status/"+query, nil)
		r.Header.Set("Authorization", key)
		recorder := httptest.NewRecorder()
		w.status.ServeHTTP(recorder, r)
		recorder.Header().Del("X-Request-Id")
		return fmt.Sprint(recorder.Code, recorder.Header(), recorder.Body)
	}
	insured := map[string]string{}
	for path, nobody := range paths {
		insured[path] = ask(courier, path)
		if insured[path] == ask(courier, nobody) {
			t.Fatal("who shares is like nobody", insured[path])
		}
	}
	w.ok(w.links.WithdrawConsent(t.Context(), courier, "ABC123", hours(-1)))
	for path, nobody := range paths {
		if got, want := ask(courier, path), ask(courier, nobody); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", path, got, want)
		}
		if got, want := ask(parcels, path), insured[path]; got != want {
			t.Errorf("the other provider, %s\ngot  %s\nwant %s", path, got, want)
		}
	}
}
