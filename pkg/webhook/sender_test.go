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

func TestASignUpIsToldSignedAndMatched(t *testing.T) {
	w := newWorld(t)
	w.clock = time.Now() // the verifier looks at the real clock
	w.progress(dara, NotAsked)
	w.agrees(dara)
	w.progress(dara, Asking)
	w.step()
	if w.asked() != 1 {
		t.Fatalf("asked %d times", w.asked())
	}
	got := w.requests[0]
	if want := `{"customerNumber":"ABC123","email":"d&0@example.com","phoneNumber":"+442079460000"}`; got.body != want {
		t.Errorf("%s, want %s", got.body, want)
	}
	verifier := must(standardwebhooks.NewWebhook(string(w.secret)))
	if err := verifier.Verify([]byte(got.body), got.header); err != nil {
		t.Error(err)
	}
	if got.header.Get("X-ZEGO-SIGNATURE") != got.header.Get("webhook-signature") || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v", got.header)
	}
	w.matched(dara, true)
	w.progress(dara, Found)
	d := must(w.sender.Deliveries.List(t.Context(), courier, w.clock.UTC().Format("2006-01")))
	if len(d) != 1 || d[0].State != Matched || d[0].Attempts != 1 || d[0].Status != 204 || d[0].Problem != "" || !d[0].Due.IsZero() || d[0].ID != got.header.Get("webhook-id") {
		t.Errorf("%+v", d)
	}
	// The announcement made ahead comes half a minute later, and finds it done.
	w.settle()
	if w.asked() != 1 {
		t.Errorf("asked %d times", w.asked())
	}
}

// What each reply does, with the state of the delivery, whether the two are matched, and what the customer is told.
func TestReplies(t *testing.T) {
	long := strings.Repeat("x", maxReply+1)
	for _, c := range []struct {
		status   int
		body     string
		state    State
		userID   string // linked
		progress Progress
		problem  string
	}{
		{204, "", Matched, "", Found, ""},
		{200, `{"workProviderUserId":"77"}`, Matched, "77", Found, ""},
		{200, ` {"name":"D. Driver","workProviderUserId":77} `, Matched, "77", Found, ""},
		{200, `{"workProviderUserId":"taken"}`, NotMatched, "", NotFound, problemTaken},
		{404, `{"error":"unknown"}`, NotMatched, "", NotFound, ""},
		{202, "", Pending, "", Asking, problemAccepted},
		{200, "", Pending, "", Asking, problemBody},
		{200, "{}", Pending, "", Asking, problemBody},
		{200, "[]", Pending, "", Asking, problemBody},
		{200, "OK", Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":""}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":null}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":1.5}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":["77"]}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":"a","workProviderUserId":"b"}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":"` + "\xff" + `"}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":"` + strings.Repeat("7", 256) + `"}`, Pending, "", Asking, problemBody},
		{200, `{"workProviderUserId":"77","more":"` + long + `"}`, Pending, "", Asking, problemBody},
		{201, `{"workProviderUserId":"77"}`, Pending, "", Asking, "the reply is 201"},
		{301, "", Pending, "", Asking, problemRedirect},
		{400, "", Pending, "", Asking, "the reply is 400"},
		{401, "", Pending, "", Asking, "the reply is 401"},
		{429, "", Pending, "", Asking, "the reply is 429"},
		{500, "", Pending, "", Asking, "the reply is 500"},
		{503, "", Pending, "", Asking, "the reply is 503"},
		{410, "", Pending, "", Asking, problemGone},
	} {
		t.Run(fmt.Sprintf("%d %.50q", c.status, c.body), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: robin, UserID: "taken", Matched: true}, noon))
			w.answers(c.status, c.body)
			w.clock = noon.Add(time.Minute)
			w.agrees(dara)
			w.step()
			d := w.delivery(dara)
			if d.State != c.state || d.Status != c.status || d.Problem != c.problem || d.Attempts != 1 || d.Due.IsZero() != (c.state != Pending) {
				t.Errorf("%+v", d)
			}
			w.matched(dara, c.state == Matched)
			w.progress(dara, c.progress)
			var want []string
			if c.userID != "" {
				want = []string{c.userID}
			}
			if got := w.history(dara).Held(); !slices.Equal(got, want) {
				t.Errorf("linked %q, want %q", got, want)
			}
			if owner := must(w.sender.Timelines.Owner(t.Context(), courier, "taken")); owner != robin {
				t.Errorf("the other's id is %q's now", owner)
			}
		})
	}
}

// A receiver that is not there, hangs up, does not end its reply, or takes its time.
func TestReceiversThatDoNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.sender.Client.clients["http"].Timeout = 200 * time.Millisecond
	w.agrees(dara)
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
		{problemConnect, 0, func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("X", strings.Repeat("x", 2*maxHeaders)) }},
	} {
		w.replies(c.reply)
		w.clock = w.clock.Add(24 * time.Hour)
		w.step()
		if d := w.delivery(dara); d.State != Pending || d.Problem != c.problem || d.Status != c.status {
			t.Errorf("%+v, want %s", d, c.problem)
		}
	}
	w.progress(dara, Asking)
}

// A delivery that is never answered is tried at least ten times over at least three days, less and less often, always
// under one id, and then filed with the dead letters.
func TestTriesGrowRarerAndEndInADeadLetter(t *testing.T) {
	w := newWorld(t)
	var at []time.Time
	w.replies(func(rw http.ResponseWriter, _ *http.Request) { at = append(at, w.clock); rw.WriteHeader(500) })
	w.agrees(dara)
	w.step()
	w.settle()
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
	if d := w.delivery(dara); d.State != GaveUp || d.Attempts != len(at) || d.Status != 500 {
		t.Errorf("%+v", d)
	}
	w.progress(dara, NoAnswer)
	letters := w.letters()
	if len(letters) != 1 || letters[0].Reason != GaveUpReason || !strings.Contains(string(letters[0].Body), dara) {
		t.Errorf("%+v", letters)
	}

	// An operator sends it again when the receiver is mended.
	w.answers(204, "")
	if _, err := w.sender.Deliveries.Resend(t.Context(), w.queue, courier, "signup_1_NOBODY"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
	must(w.sender.Deliveries.Resend(t.Context(), w.queue, courier, w.delivery(dara).ID))
	w.progress(dara, Asking)
	w.settle()
	if d := w.delivery(dara); d.State != Matched || d.Attempts != len(at)+1 {
		t.Errorf("%+v", d)
	}
	w.progress(dara, Found)
}

// letters are the dead letters.
func (w *world) letters() []deadletter.DeadLetter {
	w.t.Helper()
	var all []deadletter.DeadLetter
	store := deadletter.NewStore(w.env)
	for _, month := range []string{"1970-01", time.Now().UTC().Format("2006-01")} {
		all = append(all, must(store.List(w.t.Context(), month))...)
	}
	return all
}

func TestRetryAfterIsHeeded(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"3600": time.Hour, "0": 0, "86400": 24 * time.Hour, "999999999": maxRetryAfter, noon.Add(2 * time.Hour).Format(http.TimeFormat): 2 * time.Hour,
		noon.Add(-time.Hour).Format(http.TimeFormat): 0, noon.AddDate(1, 0, 0).Format(http.TimeFormat): maxRetryAfter,
		"": 0, "soon": 0, "-5": 0, "1.5": 0, "99999999999999999999": 0,
	} {
		w := newWorld(t)
		w.answers(503, "", "Retry-After", text)
		w.agrees(dara)
		w.step()
		d := w.delivery(dara)
		if wait := d.Due.Sub(noon); wait < max(want, delays[0]) || want == 0 && wait > 2*delays[0] || want > 0 && wait > want {
			t.Errorf("%q: %s, want %s", text, wait, want)
		}
	}
}

// What the work provider says by POST /v1/match/ settles what it could not say in its reply, and ends the asking.
func TestAMatchSettlesIt(t *testing.T) {
	for _, success := range []bool{true, false} {
		w := newWorld(t)
		w.answers(202, "")
		w.agrees(dara)
		w.step()
		entry, progress := timeline.NotMatched(noon.Add(time.Second)), NotFound
		if success {
			entry, progress = timeline.Matched(noon.Add(time.Second)), Found
		}
		if refused := must(w.sender.Timelines.Append(t.Context(), courier, dara, []timeline.Entry{entry})); len(refused) > 0 {
			t.Fatal(refused)
		}
		w.clock = noon.Add(2 * time.Second)
		w.progress(dara, progress)
		w.settle()
		if d := w.delivery(dara); d.State != Settled || w.asked() != 1 {
			t.Errorf("%+v, asked %d times", d, w.asked())
		}
		w.progress(dara, progress)
	}
}

// Facts sent while the answer was open count by themselves once it is there (rule 7).
func TestFactsSentMeanwhileCount(t *testing.T) {
	w := newWorld(t)
	w.answers(503, "")
	w.agrees(dara)
	w.step()
	login := timeline.Fact{Name: person.Name{Kind: person.UserID, Value: "77"}, Kind: timeline.Login, At: timeline.At(noon.Add(time.Hour)), PlannedEnd: timeline.Never}
	applier := timeline.NewApplier(w.sender.Timelines, 4)
	for _, r := range applier.Apply(t.Context(), []timeline.Changes{{Provider: courier, Facts: []timeline.Fact{login}}}) {
		w.ok(r.Err)
	}
	observer := timeline.NewObserver(w.sender.Timelines, 1)
	outcome := func() timeline.State {
		return must(observer.Outcomes(t.Context(), courier, []timeline.Fact{login}, timeline.At(w.clock)))[0].State
	}
	if got := outcome(); got != timeline.Waiting {
		t.Errorf("%s", got)
	}
	w.clock = noon.Add(2 * time.Hour)
	w.answers(200, `{"workProviderUserId":"77"}`)
	w.settle()
	if got := outcome(); got != timeline.Applied {
		t.Errorf("%s", got)
	}
	records := must(w.sender.Timelines.Records(t.Context(), courier, dara, timeline.Days{First: login.At.Day(), Last: login.At.Day()}))
	if len(records) != 1 || len(records[0].Shifts) != 1 || records[0].Shifts[0].Start != login.At {
		t.Errorf("the record was not folded: %+v", records)
	}
}

func TestNothingIsSentWithoutConsent(t *testing.T) {
	w := newWorld(t)
	// Announced, but the consent was never stored.
	w.ok(w.announcer.Expect(t.Context(), courier, dara))
	w.settle()
	if n := len(must(w.sender.Deliveries.List(t.Context(), courier, "2026-03"))); n != 0 || w.asked() != 0 {
		t.Errorf("%d deliveries, asked %d times", n, w.asked())
	}
	// Given, and withdrawn before a try.
	w.answers(500, "")
	w.agrees(dara)
	w.step()
	w.ok(w.links.WithdrawConsent(t.Context(), courier, dara, w.clock.Add(time.Second)))
	w.clock = w.clock.Add(2 * time.Second)
	w.settle()
	if d := w.delivery(dara); d.State != Withdrawn || w.asked() != 1 {
		t.Errorf("%+v, asked %d times", d, w.asked())
	}
	w.progress(dara, NotAsked)
	// Given again: that is another delivery.
	w.answers(204, "")
	w.agrees(dara)
	w.settle()
	if all := must(w.sender.Deliveries.List(t.Context(), courier, "2026-03")); len(all) != 2 || all[1].State != Matched {
		t.Errorf("%+v", all)
	}
	w.progress(dara, Found)
}

// An old message about a consent that was withdrawn and given again does not send anything under the old id.
func TestAConsentGivenAgainIsNotTheOldOne(t *testing.T) {
	w := newWorld(t)
	w.answers(500, "")
	w.agrees(dara)
	w.step()
	old := w.delivery(dara)
	w.ok(w.links.WithdrawConsent(t.Context(), courier, dara, w.clock.Add(time.Second)))
	w.clock = w.clock.Add(2 * time.Second)
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: dara}, w.clock))
	w.settle()
	d, _, err := w.sender.Deliveries.get(t.Context(), courier, old.ID)
	if err != nil || d.State != Withdrawn {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestWithoutAWebhookNothingHappens(t *testing.T) {
	w := newWorld(t)
	for _, provider := range []string{"parcels-co", "nobody"} {
		w.ok(w.announcer.SignedUp(t.Context(), provider, dara))
		w.settle()
		if got := must(w.sender.Deliveries.State(t.Context(), provider, dara)); got != NotAsked || w.asked() != 0 {
			t.Errorf("%d, asked %d times", got, w.asked())
		}
	}
	// Somebody who shared before there was a webhook was not announced.
	w.ok(w.links.GrantConsent(t.Context(), link.Grant{Provider: courier, Customer: robin}, noon.AddDate(-1, 0, 0)))
	w.progress(robin, NotAsked)
}

// The same message twice, one after the other or many at a time, asks once and changes once.
func TestDuplicatesHaveOneEffect(t *testing.T) {
	w := newWorld(t)
	w.answers(200, `{"workProviderUserId":"77"}`)
	w.agrees(dara)
	event := w.take("WEBHOOKS_QUEUE_URL")
	w.clock = noon.Add(time.Minute)
	event.Records = slices.Concat(event.Records, event.Records, event.Records, event.Records, event.Records)
	failed := w.deliver(event) // those overtaken come again
	w.clock = w.clock.Add(lease)
	w.deliver(event)
	w.settle()
	if w.asked() != 1 {
		t.Errorf("asked %d times (%d messages had to come again)", w.asked(), failed)
	}
	if d := w.delivery(dara); d.State != Matched || d.Attempts != 1 {
		t.Errorf("%+v", d)
	}
	if got := w.history(dara).Held(); !slices.Equal(got, []string{"77"}) {
		t.Errorf("%q", got)
	}
}

// While one is trying a delivery, another message waits, and after a crash it does what the first one could not.
func TestACrashAfterTheReply(t *testing.T) {
	w := newWorld(t)
	w.agrees(dara)
	event := w.take("WEBHOOKS_QUEUE_URL")
	links := w.sender.Links
	w.sender.Links = link.New(w.sender.Timelines, func(context.Context, string, string, time.Time) error { return fault.New(fault.Unavailable, "") })
	if failed := w.deliver(events.SQSEvent{Records: event.Records[1:]}); failed != 1 || w.asked() != 1 {
		t.Fatalf("%d failed, asked %d times", failed, w.asked())
	}
	if d := w.delivery(dara); d.State != Pending || d.Attempts != 0 {
		t.Errorf("%+v", d)
	}
	w.matched(dara, false)
	w.sender.Links = links
	if failed := w.deliver(events.SQSEvent{Records: event.Records[1:]}); failed != 0 || w.asked() != 1 {
		t.Errorf("%d failed, asked %d times: it did not wait for the other", failed, w.asked())
	}
	w.settle()
	if d := w.delivery(dara); d.State != Matched || w.asked() != 2 || w.requests[0].header.Get("webhook-id") != w.requests[1].header.Get("webhook-id") {
		t.Errorf("%+v, asked %d times", d, w.asked())
	}
	w.matched(dara, true)
}

// A crash between the message for the next try and the row's write makes two messages for one try.
func TestACrashBetweenTheNextMessageAndTheRow(t *testing.T) {
	w := newWorld(t)
	w.answers(500, "")
	w.agrees(dara)
	first := w.take("WEBHOOKS_QUEUE_URL")
	w.clock = noon.Add(time.Minute)
	w.deliver(events.SQSEvent{Records: first.Records[:1]})
	next := w.take("WEBHOOKS_QUEUE_URL")
	// The row as if it had not been written, and the first message again.
	d := w.delivery(dara)
	d.Attempts, d.Due, d.leased = 0, time.Time{}, time.Time{}
	w.ok(w.sender.Deliveries.put(t.Context(), courier, &d))
	w.deliver(events.SQSEvent{Records: first.Records[:1]})
	w.clock = w.clock.Add(time.Minute)
	w.deliver(next)
	w.step()
	if d := w.delivery(dara); d.Attempts != 2 || w.asked() != 3 {
		t.Errorf("%+v, asked %d times", d, w.asked())
	}
}

func TestGoneDisables(t *testing.T) {
	w := newWorld(t)
	w.answers(410, "")
	w.agrees(dara)
	w.step()
	s := must(w.sender.Settings.Get(t.Context(), courier))
	if s.Disabled.IsZero() || s.Reason == "" || s.URL != w.url || len(s.Secrets) != 1 {
		t.Errorf("%+v", s)
	}
	w.clock = noon.Add(time.Hour)
	w.step()
	if d := w.delivery(dara); d.State != Pending || d.Problem != problemDisabled || w.asked() != 1 {
		t.Errorf("%+v, asked %d times", d, w.asked())
	}
	// Enabled again, what waited goes on by itself.
	w.ok(w.sender.Settings.Enable(t.Context(), courier))
	w.answers(204, "")
	w.settle()
	if d := w.delivery(dara); d.State != Matched || w.asked() != 2 {
		t.Errorf("%+v, asked %d times", d, w.asked())
	}
	// A late 410 of a URL that has been replaced means nothing.
	must(w.sender.Settings.Set(t.Context(), courier, "https://hooks.example.com/", "", noon))
	w.ok(w.sender.Settings.gone(t.Context(), courier, w.url, noon))
	if s := must(w.sender.Settings.Get(t.Context(), courier)); !s.Disabled.IsZero() {
		t.Errorf("%+v", s)
	}
}

func TestRotationOverlaps(t *testing.T) {
	w := newWorld(t)
	fresh := must(w.sender.Settings.Rotate(t.Context(), courier, time.Hour, noon))
	verify := func(secret Secret, r request) error {
		return must(standardwebhooks.NewWebhook(string(secret))).VerifyIgnoringTimestamp([]byte(r.body), r.header)
	}
	w.agrees(dara)
	w.step()
	if got := strings.Fields(w.requests[0].header.Get("webhook-signature")); len(got) != 2 || w.requests[0].header.Get("X-ZEGO-SIGNATURE") != strings.Join(got, " ") {
		t.Errorf("%q", got)
	}
	if verify(fresh, w.requests[0]) != nil || verify(w.secret, w.requests[0]) != nil {
		t.Error("during the overlap both secrets verify")
	}
	w.clock = noon.Add(time.Hour)
	w.agrees(robin)
	w.step()
	if verify(fresh, w.requests[1]) != nil || verify(w.secret, w.requests[1]) == nil {
		t.Error("after the overlap only the new secret verifies")
	}
	// At once, and in turn.
	third := must(w.sender.Settings.Rotate(t.Context(), courier, 0, w.clock))
	if s := must(w.sender.Settings.Get(t.Context(), courier)); !slices.Equal(s.secrets(w.clock), []Secret{third}) {
		t.Errorf("%d secrets", len(s.secrets(w.clock)))
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

// A message that cannot be understood is filed, and its neighbours are not touched by it.
func TestAPoisonMessage(t *testing.T) {
	w := newWorld(t)
	w.agrees(dara)
	event := w.take("WEBHOOKS_QUEUE_URL")
	for i, body := range []string{"", "{", `{"v":2}`, `{"v":1,"event":"signup","provider":"","customer":"ABC123","attempt":1,"due":0}`} {
		event.Records = append(event.Records, events.SQSMessage{MessageId: fmt.Sprint("poison-", i), Body: body})
	}
	if failed := w.deliver(event); failed != 0 {
		t.Errorf("%d failed", failed)
	}
	letters := w.letters()
	if len(letters) != 4 || letters[0].Reason != deadletter.ReasonMalformed {
		t.Errorf("%+v", letters)
	}
	w.matched(dara, true)
}

// While the queue cannot be reached, messages come again, and nothing is lost.
func TestABrokenQueue(t *testing.T) {
	w := newWorld(t)
	w.answers(500, "")
	w.agrees(dara)
	event := w.take("WEBHOOKS_QUEUE_URL")
	w.queue.broken = true
	w.clock = noon.Add(time.Minute)
	if failed := w.deliver(events.SQSEvent{Records: event.Records[:1]}); failed != 1 {
		t.Errorf("%d failed", failed)
	}
	w.queue.broken = false
	w.clock = w.clock.Add(lease)
	w.answers(204, "")
	w.deliver(events.SQSEvent{Records: event.Records[:1]})
	w.matched(dara, true)
}

// No personal data stands in the queue, in the rows that are written, or in a dead letter.
func TestPersonalDataIsOnlyInTheRequest(t *testing.T) {
	w := newWorld(t)
	w.answers(500, "d&0@example.com")
	w.agrees(dara)
	var seen strings.Builder
	for range 20 {
		event := w.take("WEBHOOKS_QUEUE_URL")
		for _, r := range event.Records {
			seen.WriteString(r.Body)
		}
		w.clock = w.clock.Add(25 * time.Hour)
		w.deliver(event)
	}
	if len(w.letters()) != 1 {
		t.Errorf("%d dead letters", len(w.letters()))
	}
	for _, name := range []string{"TIMELINES_TABLE", "PROVIDERS_TABLE"} {
		out := must(dynamodb.NewFromConfig(w.env.AWS()).Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(w.env.Get(name))}))
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
func TestSamplesOfMessages(t *testing.T) {
	want := map[string]message{
		"announcement.json": {1, "signup", courier, dara, "", "", 1, 1792682100000},
		"delivery.json":     {1, "signup", courier, dara, "", "signup_1792682100000000_ABC123", 3, 1792682400000},
	}
	want["rejected.json"] = message{1, "rejected", courier, "", `{"v":1,"provider":"courier-ltd","tell":true,"facts":[["I","U","12345",1792682100000000]]}`,
		"rejected_1792682101000000_00112233445566778899aabb", 1, 1792682100000}
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
