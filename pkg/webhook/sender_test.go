package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

func TestSignUp(t *testing.T) {
	w := newFixture(t)
	w.clock = time.Now() // the verifier looks at the real clock
	w.wantStatus(dara, MatchNone)
	w.consent(dara)
	w.wantStatus(dara, MatchPending)
	w.step()
	if w.requestCount() != 1 {
		t.Fatalf("asked %d times", w.requestCount())
	}
	got := w.requests[0]
	if want := `{"customerNumber":"ABC123","email":"d&0@example.com","phoneNumber":"+442079460000"}`; got.body != want {
		t.Errorf("%s, want %s", got.body, want)
	}
	verifier := must(standardwebhooks.NewWebhook(string(w.secret)))
	if err := verifier.Verify([]byte(got.body), got.header); err != nil {
		t.Error(err)
	}
	if got.header.Get("X-ZEGO-SIGNATURE") != got.header.Get("webhook-signature") ||
		got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", got.header)
	}
	w.wantMatched(dara, true)
	w.wantStatus(dara, MatchFound)
	d := must(w.sender.Deliveries.List(t.Context(), courier, w.clock.UTC().Format("2006-01")))
	if len(d) != 1 || d[0].State != Matched || d[0].Attempts != 1 || d[0].Status != 204 || d[0].Problem != "" ||
		!d[0].NextAttempt.IsZero() ||
		d[0].ID != got.header.Get("webhook-id") {
		t.Errorf("%+v", d)
	}
	// The announcement made ahead comes half a minute later, and finds it done.
	w.drain()
	if w.requestCount() != 1 {
		t.Errorf("asked %d times", w.requestCount())
	}
}

// What each reply does, with the state of the delivery, whether the two are matched, and what the customer is told.
func TestReplies(t *testing.T) {
	long := strings.Repeat("x", maxReplyBytes+1)
	for _, c := range []struct {
		status   int
		body     string
		state    State
		userID   string // linked
		progress MatchStatus
		problem  string
	}{
		{204, "", Matched, "", MatchFound, ""},
		{200, `{"workProviderUserId":"77"}`, Matched, "77", MatchFound, ""},
		{200, ` {"name":"D. Driver","workProviderUserId":77} `, Matched, "77", MatchFound, ""},
		{200, `{"workProviderUserId":"taken"}`, NotMatched, "", MatchNotFound, problemTaken},
		{404, `{"error":"unknown"}`, NotMatched, "", MatchNotFound, ""},
		{202, "", Pending, "", MatchPending, problemAccepted},
		{200, "", Pending, "", MatchPending, problemBody},
		{200, "{}", Pending, "", MatchPending, problemBody},
		{200, "[]", Pending, "", MatchPending, problemBody},
		{200, "OK", Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":""}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":null}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":1.5}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":["77"]}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":"a","workProviderUserId":"b"}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":"` + "\xff" + `"}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":"` + strings.Repeat("7", 256) + `"}`, Pending, "", MatchPending, problemBody},
		{200, `{"workProviderUserId":"77","more":"` + long + `"}`, Pending, "", MatchPending, problemBody},
		{201, `{"workProviderUserId":"77"}`, Pending, "", MatchPending, "status 201"},
		{301, "", Pending, "", MatchPending, problemRedirect},
		{400, "", Pending, "", MatchPending, "status 400"},
		{401, "", Pending, "", MatchPending, "status 401"},
		{429, "", Pending, "", MatchPending, "status 429"},
		{500, "", Pending, "", MatchPending, "status 500"},
		{503, "", Pending, "", MatchPending, "status 503"},
		{410, "", Pending, "", MatchPending, problemGone},
	} {
		t.Run(fmt.Sprintf("%d %.50q", c.status, c.body), func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			w.ok(
				w.links.GrantConsent(
					t.Context(),
					link.Grant{Provider: courier, Customer: robin, UserID: "taken", Matched: true},
					noon,
				),
			)
			w.reply(c.status, c.body)
			w.clock = noon.Add(time.Minute)
			w.consent(dara)
			w.step()
			d := w.delivery(dara)
			if d.State != c.state || d.Status != c.status || d.Problem != c.problem || d.Attempts != 1 ||
				d.NextAttempt.IsZero() != (c.state != Pending) {
				t.Errorf("%+v", d)
			}
			w.wantMatched(dara, c.state == Matched)
			w.wantStatus(dara, c.progress)
			var want []string
			if c.userID != "" {
				want = []string{c.userID}
			}
			if got := w.history(dara).CurrentUserIDs(); !slices.Equal(got, want) {
				t.Errorf("linked %q, want %q", got, want)
			}
			if owner := must(w.sender.Timelines.OwnerNumber(t.Context(), courier, "taken")); owner != robin {
				t.Errorf("the other's id is %q's now", owner)
			}
		})
	}
}

// A receiver that is not there, hangs up, does not end its reply, or takes its time.
func TestUnresponsiveReceivers(t *testing.T) {
	w := newFixture(t)
	w.sender.Client.clients["http"].Timeout = 200 * time.Millisecond
	w.consent(dara)
	for _, c := range []struct {
		problem string
		status  int
		reply   http.HandlerFunc
	}{
		{problemConnect, 0, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }},
		{problemTimeout, 0, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{problemTimeout, 200, func(rw http.ResponseWriter, r *http.Request) {
			rw.Write([]byte(`{"workProviderUserId":`))
			rw.(http.Flusher).Flush()
			<-r.Context().Done()
		}},
		{problemConnect, 0, func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("X", strings.Repeat("x", 2*maxHeaderBytes))
		}},
	} {
		w.replyWith(c.reply)
		w.clock = w.clock.Add(24 * time.Hour)
		w.step()
		if d := w.delivery(dara); d.State != Pending || d.Problem != c.problem || d.Status != c.status {
			t.Errorf("%+v, want %s", d, c.problem)
		}
	}
	w.wantStatus(dara, MatchPending)
}

// A delivery that is never answered is tried at least ten times over at least three days, less and less often, always
// under one id, and then filed with the dead letters.
func TestRetrySchedule(t *testing.T) {
	w := newFixture(t)
	var at []time.Time
	w.replyWith(func(rw http.ResponseWriter, _ *http.Request) { at = append(at, w.clock); rw.WriteHeader(500) })
	w.consent(dara)
	w.step()
	w.drain()
	if len(at) < 10 || at[len(at)-1].Sub(at[0]) < 72*time.Hour {
		t.Errorf("%d tries over %s", len(at), at[len(at)-1].Sub(at[0]))
	}
	t.Logf("%d tries over %s", len(at), at[len(at)-1].Sub(at[0]).Round(time.Minute))
	for i := 2; i < len(at); i++ {
		if at[i].Sub(at[i-1]) <= at[i-1].Sub(at[i-2]) {
			t.Errorf("try %d came %s after the one before, that one %s", i+1, at[i].Sub(at[i-1]), at[i-1].Sub(at[i-2]))
		}
	}
	for _, r := range w.requests {
		if r.header.Get("webhook-id") != w.requests[0].header.Get("webhook-id") {
			t.Errorf("another id: %s", r.header.Get("webhook-id"))
		}
	}
	if slices.Max(w.queue.delays) > maxDelay {
		t.Errorf("a message was to wait for %s", slices.Max(w.queue.delays))
	}
	if d := w.delivery(dara); d.State != Exhausted || d.Attempts != len(at) || d.Status != 500 {
		t.Errorf("%+v", d)
	}
	w.wantStatus(dara, MatchNoReply)
	letters := w.deadLetters()
	if len(letters) != 1 || letters[0].Reason != ReasonExhausted || !strings.Contains(string(letters[0].Body), dara) {
		t.Errorf("%+v", letters)
	}

	// An operator sends it again when the receiver is mended.
	w.reply(204, "")
	if _, err := w.sender.Deliveries.Resend(t.Context(), w.queue, courier, "signup_1_NOBODY"); fault.KindOf(
		err,
	) != fault.NotFound {
		t.Error(err)
	}
	must(w.sender.Deliveries.Resend(t.Context(), w.queue, courier, w.delivery(dara).ID))
	w.wantStatus(dara, MatchPending)
	w.drain()
	if d := w.delivery(dara); d.State != Matched || d.Attempts != len(at)+1 {
		t.Errorf("%+v", d)
	}
	w.wantStatus(dara, MatchFound)
}

// deadLetters are the dead letters.
func (w *fixture) deadLetters() []deadletter.DeadLetter {
	w.t.Helper()
	var all []deadletter.DeadLetter
	store := deadletter.NewStore(w.env)
	for _, month := range []string{"1970-01", time.Now().UTC().Format("2006-01")} {
		all = append(all, must(store.List(w.t.Context(), month))...)
	}
	return all
}

func TestRetryAfter(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3600": time.Hour, "0": 0, "86400": 24 * time.Hour, "999999999": maxRetryAfter,
		noon.Add(2 * time.Hour).Format(http.TimeFormat): 2 * time.Hour,
		noon.Add(-time.Hour).Format(http.TimeFormat):    0, noon.AddDate(1, 0, 0).Format(http.TimeFormat): maxRetryAfter,
		"": 0, "soon": 0, "-5": 0, "1.5": 0, "99999999999999999999": 0,
	} {
		w := newFixture(t)
		w.reply(503, "", "Retry-After", text)
		w.consent(dara)
		w.step()
		d := w.delivery(dara)
		if wait := d.NextAttempt.Sub(noon); wait < max(want, retrySchedule[0]) || want == 0 && wait > 2*retrySchedule[0] ||
			want > 0 && wait > want {
			t.Errorf("%q: %s, want %s", text, wait, want)
		}
	}
}

// What the work provider says by POST /v1/match/ settles what it could not say in its reply, and ends the asking.
func TestSupersededDelivery(t *testing.T) {
	for _, success := range []bool{true, false} {
		w := newFixture(t)
		w.reply(202, "")
		w.consent(dara)
		w.step()
		entry := timeline.NotMatched(noon.Add(time.Second))
		progress := MatchNotFound
		if success {
			entry = timeline.Matched(noon.Add(time.Second))
			progress = MatchFound
		}
		if refused := must(w.sender.Timelines.AddHistory(t.Context(), courier, dara, []timeline.Entry{entry})); len(
			refused,
		) > 0 {
			t.Fatal(refused)
		}
		w.clock = noon.Add(2 * time.Second)
		w.wantStatus(dara, progress)
		w.drain()
		if d := w.delivery(dara); d.State != Superseded || w.requestCount() != 1 {
			t.Errorf("%+v, asked %d times", d, w.requestCount())
		}
		w.wantStatus(dara, progress)
	}
}

// A link's id travels to the work provider, whose reply links it, or does not. The request is as the contract has it,
// to the byte.
func TestClaimInRequest(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		body     string
		linked   []string
		state    State
		progress MatchStatus
	}{
		"204":                {204, "", []string{"77"}, Matched, MatchFound},
		"200 with that id":   {200, `{"workProviderUserId":"77"}`, []string{"77"}, Matched, MatchFound},
		"200 with another":   {200, `{"workProviderUserId":"78"}`, []string{"78"}, Matched, MatchFound},
		"200 with another's": {200, `{"workProviderUserId":"taken"}`, nil, NotMatched, MatchNotFound},
		"404":                {404, `{"error":"unknown"}`, nil, NotMatched, MatchNotFound},
		"202":                {202, "", nil, Pending, MatchPending},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			taken := link.Grant{Provider: courier, Customer: robin, UserID: "taken", Matched: true}
			w.ok(w.links.GrantConsent(t.Context(), taken, noon))
			w.reply(c.status, c.body)
			w.claim(dara, "77")
			w.wantStatus(dara, MatchPending)
			w.step()
			const want = `{"customerNumber":"ABC123","email":"d&0@example.com","phoneNumber":"+442079460000",` +
				`"workProviderUserId":"77"}`
			if w.requestCount() != 1 || w.requests[0].body != want {
				t.Errorf("asked %d times, %s", w.requestCount(), w.requests[0].body)
			}
			if d := w.delivery(dara); d.State != c.state {
				t.Errorf("%+v", d)
			}
			w.wantStatus(dara, c.progress)
			w.wantMatched(dara, c.state == Matched)
			if got := w.history(dara).CurrentUserIDs(); !slices.Equal(got, c.linked) {
				t.Errorf("linked %q, want %q", got, c.linked)
			}
			owner := must(w.sender.Timelines.OwnerNumber(t.Context(), courier, "77"))
			if linked := slices.Contains(c.linked, "77"); linked != (owner == dara) {
				t.Errorf("77 is %q's", owner)
			}
		})
	}
}

// Each id is asked about by a delivery of its own, also of a customer who is matched already, and again after a 404.
func TestFurtherClaims(t *testing.T) {
	w := newFixture(t)
	w.claim(dara, "77")
	w.drain()
	w.clock = w.clock.Add(time.Minute)
	w.reply(404, "{}", "Content-Type", "application/json")
	w.claim(dara, "78")
	w.wantStatus(dara, MatchFound)
	w.drain()
	w.wantStatus(dara, MatchFound) // a further id is not known, the customer is
	w.clock = w.clock.Add(time.Minute)
	w.reply(204, "")
	w.claim(dara, "78")
	w.drain()
	if got := w.history(dara).CurrentUserIDs(); !slices.Equal(got, []string{"77", "78"}) {
		t.Errorf("%q", got)
	}
	if w.requestCount() != 3 || !strings.Contains(w.requests[2].body, `"workProviderUserId":"78"`) {
		t.Errorf("asked %d times", w.requestCount())
	}
}

// A match request settles the claim of a sign-up, and the webhook is asked no more.
func TestClaimSettledByMatchRequest(t *testing.T) {
	for _, success := range []bool{true, false} {
		w := newFixture(t)
		w.reply(202, "")
		w.claim(dara, "77")
		w.step()
		entry := timeline.NotMatched(noon.Add(time.Second))
		progress := MatchNotFound
		var linked []string
		if success {
			entry = timeline.Matched(noon.Add(time.Second))
			progress = MatchFound
			linked = []string{"77"}
		}
		must(w.sender.Timelines.AddHistory(t.Context(), courier, dara, []timeline.Entry{entry}))
		w.clock = noon.Add(2 * time.Second)
		w.ok(w.announcer.PublishMatch(t.Context(), courier, dara))
		w.step()
		w.drain()
		w.wantStatus(dara, progress)
		if got := w.history(dara).CurrentUserIDs(); !slices.Equal(got, linked) {
			t.Errorf("linked %q, want %q", got, linked)
		}
		if d := w.delivery(dara); d.State != Superseded || w.requestCount() != 1 {
			t.Errorf("%+v, asked %d times", d, w.requestCount())
		}
	}
}

// Facts sent while the answer was open count by themselves once it is there (rule 7).
func TestFactsBeforeReply(t *testing.T) {
	w := newFixture(t)
	w.reply(503, "")
	w.consent(dara)
	w.step()
	login := timeline.Fact{
		Name:       person.Name{Kind: person.UserID, Value: "77"},
		Kind:       timeline.Login,
		At:         timeline.At(noon.Add(time.Hour)),
		PlannedEnd: timeline.Never,
	}
	applier := timeline.NewApplier(w.sender.Timelines, 4)
	for _, r := range applier.Apply(t.Context(),
		[]timeline.MessageChanges{{Provider: courier, Facts: []timeline.Fact{login}}}, timeline.At(time.Now())) {
		w.ok(r.Err)
	}
	observer := timeline.NewOutcomeReader(w.sender.Timelines, 1)
	outcome := func() timeline.State {
		return must(observer.Outcomes(t.Context(), courier, []timeline.Fact{login}, timeline.At(w.clock)))[0].State
	}
	if got := outcome(); got != timeline.StateUnmatched {
		t.Errorf("%s", got)
	}
	w.clock = noon.Add(2 * time.Hour)
	w.reply(200, `{"workProviderUserId":"77"}`)
	w.drain()
	if got := outcome(); got != timeline.Applied {
		t.Errorf("%s", got)
	}
	records := must(
		w.sender.Timelines.Records(t.Context(), courier, dara, timeline.Days{First: login.At.Day(), Last: login.At.Day()}),
	)
	if len(records) != 1 || len(records[0].Shifts) != 1 || records[0].Shifts[0].Start != login.At {
		t.Errorf("the record was not folded: %+v", records)
	}
}

func TestNoDeliveryWithoutConsent(t *testing.T) {
	w := newFixture(t)
	// Announced, but the consent was never stored.
	w.ok(w.announcer.PublishPendingSignUp(t.Context(), courier, dara))
	w.drain()
	if n := len(must(w.sender.Deliveries.List(t.Context(), courier, "2026-03"))); n != 0 || w.requestCount() != 0 {
		t.Errorf("%d deliveries, asked %d times", n, w.requestCount())
	}
	// Given, and withdrawn before a try.
	w.reply(500, "")
	w.consent(dara)
	w.step()
	w.ok(w.links.WithdrawConsent(t.Context(), courier, dara, w.clock.Add(time.Second)))
	w.clock = w.clock.Add(2 * time.Second)
	w.drain()
	if d := w.delivery(dara); d.State != Withdrawn || w.requestCount() != 1 {
		t.Errorf("%+v, asked %d times", d, w.requestCount())
	}
	w.wantStatus(dara, MatchNone)
	// Given again: that is another delivery.
	w.reply(204, "")
	w.consent(dara)
	w.drain()
	if all := must(w.sender.Deliveries.List(t.Context(), courier, "2026-03")); len(all) != 2 || all[1].State != Matched {
		t.Errorf("%+v", all)
	}
	w.wantStatus(dara, MatchFound)
}

// An old message about a consent that was withdrawn and given again does not send anything under the old id.
func TestRenewedConsent(t *testing.T) {
	w := newFixture(t)
	w.reply(500, "")
	w.consent(dara)
	w.step()
	old := w.delivery(dara)
	w.ok(w.links.WithdrawConsent(t.Context(), courier, dara, w.clock.Add(time.Second)))
	w.clock = w.clock.Add(2 * time.Second)
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: dara}, w.clock))
	w.drain()
	d, _, err := w.sender.Deliveries.load(t.Context(), courier, old.ID)
	if err != nil || d.State != Withdrawn {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestNoDeliveryWithoutWebhook(t *testing.T) {
	w := newFixture(t)
	for _, provider := range []string{"parcels-co", "nobody"} {
		w.ok(w.announcer.PublishSignUp(t.Context(), provider, dara))
		w.drain()
		if got := must(w.sender.Deliveries.MatchStatus(t.Context(), provider, dara)); got != MatchNone ||
			w.requestCount() != 0 {
			t.Errorf("%d, asked %d times", got, w.requestCount())
		}
	}
	// Somebody who shared before there was a webhook was not announced.
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: robin}, noon.AddDate(-1, 0, 0)))
	w.wantStatus(robin, MatchNone)
}

// The same message twice, one after the other or many at a time, asks once and changes once.
func TestDuplicateMessages(t *testing.T) {
	w := newFixture(t)
	w.reply(200, `{"workProviderUserId":"77"}`)
	w.consent(dara)
	event := w.receive("WEBHOOKS_QUEUE_URL")
	w.clock = noon.Add(time.Minute)
	event.Records = slices.Concat(event.Records, event.Records, event.Records, event.Records, event.Records)
	failed := w.deliver(event) // those overtaken come again
	w.clock = w.clock.Add(leaseDuration)
	w.deliver(event)
	w.drain()
	if w.requestCount() != 1 {
		t.Errorf("asked %d times (%d messages had to come again)", w.requestCount(), failed)
	}
	if d := w.delivery(dara); d.State != Matched || d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
	if got := w.history(dara).CurrentUserIDs(); !slices.Equal(got, []string{"77"}) {
		t.Errorf("%q", got)
	}
}

// While one is trying a delivery, another message waits, and after a crash it does what the first one could not.
func TestCrashAfterReply(t *testing.T) {
	w := newFixture(t)
	w.consent(dara)
	event := w.receive("WEBHOOKS_QUEUE_URL")
	links := w.sender.Links
	w.sender.Links = link.New(
		w.sender.Timelines,
		func(context.Context, string, string, time.Time) error { return fault.New(fault.Unavailable, "") },
	)
	if failed := w.deliver(events.SQSEvent{Records: event.Records[1:]}); failed != 1 || w.requestCount() != 1 {
		t.Fatalf("%d failed, asked %d times", failed, w.requestCount())
	}
	if d := w.delivery(dara); d.State != Pending || d.Attempts != 0 {
		t.Errorf("%+v", d)
	}
	w.wantMatched(dara, false)
	w.sender.Links = links
	if failed := w.deliver(events.SQSEvent{Records: event.Records[1:]}); failed != 0 || w.requestCount() != 1 {
		t.Errorf("%d failed, asked %d times: it did not wait for the other", failed, w.requestCount())
	}
	w.drain()
	if d := w.delivery(dara); d.State != Matched || w.requestCount() != 2 ||
		w.requests[0].header.Get("webhook-id") != w.requests[1].header.Get("webhook-id") {
		t.Errorf("%+v, asked %d times", d, w.requestCount())
	}
	w.wantMatched(dara, true)
}

// A crash between the message for the next try and the row's write makes two messages for one try.
func TestCrashBetweenRetryMessageAndItem(t *testing.T) {
	w := newFixture(t)
	w.reply(500, "")
	w.consent(dara)
	first := w.receive("WEBHOOKS_QUEUE_URL")
	w.clock = noon.Add(time.Minute)
	w.deliver(events.SQSEvent{Records: first.Records[:1]})
	next := w.receive("WEBHOOKS_QUEUE_URL")
	// The row as if it had not been written, and the first message again.
	d := w.delivery(dara)
	d.Attempts = 0
	d.NextAttempt = time.Time{}
	d.leasedUntil = time.Time{}
	w.ok(w.sender.Deliveries.put(t.Context(), courier, &d))
	w.deliver(events.SQSEvent{Records: first.Records[:1]})
	w.clock = w.clock.Add(time.Minute)
	w.deliver(next)
	w.step()
	if d := w.delivery(dara); d.Attempts != 2 || w.requestCount() != 3 {
		t.Errorf("%+v, asked %d times", d, w.requestCount())
	}
}

func TestGone(t *testing.T) {
	w := newFixture(t)
	w.reply(410, "")
	w.consent(dara)
	w.step()
	s := must(w.sender.Settings.Get(t.Context(), courier))
	if s.DisabledAt.IsZero() || s.Reason == "" || s.URL != w.url || len(s.Secrets) != 1 {
		t.Errorf("%+v", s)
	}
	w.clock = noon.Add(time.Hour)
	w.step()
	if d := w.delivery(dara); d.State != Pending || d.Problem != problemDisabled || w.requestCount() != 1 {
		t.Errorf("%+v, asked %d times", d, w.requestCount())
	}
	// Enabled again, what waited goes on by itself.
	w.ok(w.sender.Settings.Enable(t.Context(), courier))
	w.reply(204, "")
	w.drain()
	if d := w.delivery(dara); d.State != Matched || w.requestCount() != 2 {
		t.Errorf("%+v, asked %d times", d, w.requestCount())
	}
	// A late 410 of a URL that has been replaced means nothing.
	must(w.sender.Settings.Set(t.Context(), courier, "https://hooks.example.com/", "", noon))
	w.ok(w.sender.Settings.disableGone(t.Context(), courier, w.url, noon))
	if s := must(w.sender.Settings.Get(t.Context(), courier)); !s.DisabledAt.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestSecretRotationOverlap(t *testing.T) {
	w := newFixture(t)
	fresh := must(w.sender.Settings.Rotate(t.Context(), courier, time.Hour, noon))
	verify := func(secret Secret, r request) error {
		return must(standardwebhooks.NewWebhook(string(secret))).VerifyIgnoringTimestamp([]byte(r.body), r.header)
	}
	w.consent(dara)
	w.step()
	if got := strings.Fields(w.requests[0].header.Get("webhook-signature")); len(got) != 2 ||
		w.requests[0].header.Get("X-ZEGO-SIGNATURE") != strings.Join(got, " ") {
		t.Errorf("%q", got)
	}
	if verify(fresh, w.requests[0]) != nil || verify(w.secret, w.requests[0]) != nil {
		t.Error("during the overlap both secrets verify")
	}
	w.clock = noon.Add(time.Hour)
	w.consent(robin)
	w.step()
	if verify(fresh, w.requests[1]) != nil || verify(w.secret, w.requests[1]) == nil {
		t.Error("after the overlap only the new secret verifies")
	}
	// At once, and in turn.
	third := must(w.sender.Settings.Rotate(t.Context(), courier, 0, w.clock))
	if s := must(w.sender.Settings.Get(t.Context(), courier)); !slices.Equal(s.activeSecrets(w.clock), []Secret{third}) {
		t.Errorf("%d secrets", len(s.activeSecrets(w.clock)))
	}
	for _, overlap := range []time.Duration{-1, MaxOverlap + 1} {
		if _, err := w.sender.Settings.Rotate(t.Context(), courier, overlap, noon); fault.KindOf(err) != fault.InvalidData {
			t.Error(err)
		}
	}
	if _, err := w.sender.Settings.Rotate(t.Context(), "nobody", 0, noon); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// A consent counts from the beginning of its second, but a match that came with it, later in that second, is no answer
// of the work provider's: the sign-up is delivered all the same.
func TestSignUpWithMatch(t *testing.T) {
	w := newFixture(t)
	w.clock = noon.Add(300 * time.Millisecond)
	grant := link.Grant{Provider: courier, Customer: dara, UserID: "77", Matched: true}
	w.ok(w.links.GrantConsent(t.Context(), grant, w.clock))
	w.ok(w.announcer.PublishSignUp(t.Context(), courier, dara))
	w.drain()
	if d := w.delivery(dara); w.requestCount() != 1 || d.State != Matched {
		t.Errorf("%d requests, %+v", w.requestCount(), d)
	}
}

// A message that cannot be understood is filed, and its neighbours are not touched by it.
func TestMalformedMessage(t *testing.T) {
	w := newFixture(t)
	w.consent(dara)
	event := w.receive("WEBHOOKS_QUEUE_URL")
	for i, body := range []string{"", "{", `{"v":2}`,
		`{"v":1,"event":"signup","provider":"","customer":"ABC123","attempt":1,"due":0}`} {
		event.Records = append(event.Records, events.SQSMessage{MessageId: fmt.Sprint("poison-", i), Body: body})
	}
	if failed := w.deliver(event); failed != 0 {
		t.Errorf("%d failed", failed)
	}
	letters := w.deadLetters()
	if len(letters) != 4 || letters[0].Reason != deadletter.ReasonMalformed {
		t.Errorf("%+v", letters)
	}
	w.wantMatched(dara, true)
}

// While the queue cannot be reached, messages come again, and nothing is lost.
func TestQueueUnavailable(t *testing.T) {
	w := newFixture(t)
	w.reply(500, "")
	w.consent(dara)
	event := w.receive("WEBHOOKS_QUEUE_URL")
	w.queue.broken = true
	w.clock = noon.Add(time.Minute)
	if failed := w.deliver(events.SQSEvent{Records: event.Records[:1]}); failed != 1 {
		t.Errorf("%d failed", failed)
	}
	w.queue.broken = false
	w.clock = w.clock.Add(leaseDuration)
	w.reply(204, "")
	w.deliver(events.SQSEvent{Records: event.Records[:1]})
	w.wantMatched(dara, true)
}

// No personal data stands in the queue, in the rows that are written, or in a dead letter.
func TestPersonalDataInRequest(t *testing.T) {
	w := newFixture(t)
	w.reply(500, "d&0@example.com")
	w.consent(dara)
	var seen strings.Builder
	for range 20 {
		event := w.receive("WEBHOOKS_QUEUE_URL")
		for _, r := range event.Records {
			seen.WriteString(r.Body)
		}
		w.clock = w.clock.Add(25 * time.Hour)
		w.deliver(event)
	}
	if len(w.deadLetters()) != 1 {
		t.Errorf("%d dead letters", len(w.deadLetters()))
	}
	for _, name := range []string{"TIMELINES_TABLE", "PROVIDERS_TABLE"} {
		out := must(
			dynamodb.NewFromConfig(w.env.AWS()).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(w.env.Get(name))}),
		)
		text := must(json.Marshal(out.Items))
		seen.Write(text)
	}
	if !strings.Contains(seen.String(), dara) {
		t.Error("nothing was seen")
	}
	for _, detail := range []string{"example.com", "2079460", "Dara", "Driver", "Luke", "EC2A"} {
		if strings.Contains(seen.String(), detail) {
			t.Errorf("%s was stored or queued", detail)
		}
	}
}

// A sender understands every form of message that was ever sent.
func TestMessageSamples(t *testing.T) {
	want := map[string]message{
		"announcement.json": {1, "signup", courier, dara, "", "", 1, 1792682100000},
		"match.json":        {1, "match", courier, dara, "", "", 1, 1792682100000},
		"delivery.json":     {1, "signup", courier, dara, "", "signup_1792682100000000_ABC123", 3, 1792682400000},
	}
	want["rejected.json"] = message{
		1,
		"rejected",
		courier,
		"",
		`{"v":1,"provider":"courier-ltd","notify":true,"facts":[["I","U","12345",1792682100000000]]}`,
		"rejected_1792682101000000_00112233445566778899aabb",
		1,
		1792682100000,
	}
	for name, m := range want {
		text := must(os.ReadFile("testdata/" + name))
		if got, err := parseMessage(string(text)); err != nil || got != m {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	f.Add(`{"v":1,"event":"signup","provider":"courier-ltd","customer":"ABC123","attempt":1,"due":0}`)
	f.Fuzz(func(t *testing.T, body string) {
		if m, err := parseMessage(body); err == nil && (m.Provider == "" || m.Customer+m.Message == "" || m.Attempt < 1) {
			t.Errorf("%+v", m)
		}
	})
}

func FuzzReadUserID(f *testing.F) {
	f.Add(`{"workProviderUserId":"77"}`)
	f.Fuzz(func(t *testing.T, body string) {
		if id, problem := readUserID(strings.NewReader(body)); (id == "") != (problem != "") || len(id) > 255 {
			t.Errorf("%q, %q", id, problem)
		}
	})
}
