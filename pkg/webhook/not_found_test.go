package webhook

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/observe"
)

// A 404 may be a web server's that knows nothing of webhooks: as a web page, or from a URL that never replied
// otherwise, it counts only after a day. From a known receiver it counts at once.
func TestNotFoundInDoubt(t *testing.T) {
	const page, api = "text/html; charset=utf-8", "application/json"
	for name, c := range map[string]struct {
		known       bool
		contentType string
		doubted     bool
		problem     string
	}{
		"a known receiver":             {true, api, false, ""},
		"a known receiver, no type":    {true, "", false, ""},
		"a web page of a known URL":    {true, page, true, problemPage},
		"in another spelling":          {true, "TEXT/HTML", true, problemPage},
		"an unknown URL":               {false, api, true, problemNoReply},
		"a web page of an unknown URL": {false, page, true, problemPage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFixture(t)
			if !c.known {
				must(w.sender.Settings.Set(t.Context(), courier, w.url+"/mistyped", "", noon))
			}
			var at []time.Time
			w.replyWith(func(rw http.ResponseWriter, _ *http.Request) {
				at = append(at, w.clock)
				rw.Header()["Content-Type"] = []string{c.contentType}
				rw.WriteHeader(http.StatusNotFound)
			})
			w.claim(dara, "77")
			w.step()
			if d := w.delivery(dara); (d.State == Pending) != c.doubted || d.Problem != c.problem || d.Status != 404 {
				t.Errorf("%+v", d)
			}
			if c.doubted {
				w.wantStatus(dara, MatchPending)
			}
			w.drain()
			// In the end it counts, after a day to the second, and neither earlier nor never.
			w.wantStatus(dara, MatchNotFound)
			if d := w.delivery(dara); d.State != NotMatched || d.Problem != "" {
				t.Errorf("%+v", d)
			}
			if lasted := at[len(at)-1].Sub(at[0]); c.doubted && lasted != 24*time.Hour || !c.doubted && lasted != 0 {
				t.Errorf("it counted after %s, %d attempts", lasted, len(at))
			}
		})
	}
}

// A mistyped URL that is corrected within the day has cost nothing: the person is matched, from the consent on.
func TestMistypedURL(t *testing.T) {
	w := newFixture(t)
	right := w.url
	must(w.sender.Settings.Set(t.Context(), courier, right+"/mistyped", "", noon))
	w.reply(404, "<html>Not found</html>", "Content-Type", "text/html")
	w.claim(dara, "77")
	w.step()
	must(w.sender.Settings.Set(t.Context(), courier, right, "", noon))
	w.reply(204, "")
	w.drain()
	w.wantStatus(dara, MatchFound)
	if got := w.history(dara).CurrentUserIDs(); !slices.Equal(got, []string{"77"}) {
		t.Errorf("%q", got)
	}
	// The corrected URL has replied by now, so it is believed when it does not know the next one.
	w.reply(404, "{}", "Content-Type", "application/json")
	w.clock = w.clock.Add(time.Minute)
	w.consent(robin)
	w.step()
	w.wantStatus(robin, MatchNotFound)
}

// What makes a URL a receiver's: 200, 202 or 204 to a delivery or a test, unless it is a web page.
func TestKnownReceivers(t *testing.T) {
	for _, c := range []struct {
		status      int
		contentType string
		known       bool
	}{
		{200, "application/json", true}, {202, "", true}, {204, "", true}, {200, "text/html", false},
		{201, "application/json", false}, {404, "application/json", false}, {500, "", false}, {301, "", false},
	} {
		w := newFixture(t)
		must(w.sender.Settings.Set(t.Context(), courier, w.url+"/new", "", noon))
		w.reply(c.status, `{"workProviderUserId":"77"}`, "Content-Type", c.contentType)
		settings := must(w.sender.Settings.Get(t.Context(), courier))
		if !settings.AnsweredAt.IsZero() {
			t.Fatal("a new URL is known")
		}
		reply := w.sender.Client.Test(t.Context(), settings)
		must(w.sender.Settings.RecordReply(t.Context(), courier, settings, reply, noon))
		after := must(w.sender.Settings.Get(t.Context(), courier))
		if known := !after.AnsweredAt.IsZero(); known != c.known {
			t.Errorf("%d %s: known is %t", c.status, c.contentType, known)
		}
		// The same URL set again stays known, another one is not.
		must(w.sender.Settings.Set(t.Context(), courier, w.url+"/new", "", noon))
		if same := must(w.sender.Settings.Get(t.Context(), courier)); same.AnsweredAt.IsZero() == c.known {
			t.Errorf("%d: set again, it is known since %s", c.status, same.AnsweredAt)
		}
		// A late reply of a URL that was replaced shows nothing of the new one.
		must(w.sender.Settings.Set(t.Context(), courier, w.url+"/newer", "", noon))
		must(w.sender.Settings.RecordReply(t.Context(), courier, settings, reply, noon))
		if newer := must(w.sender.Settings.Get(t.Context(), courier)); !newer.AnsweredAt.IsZero() || newer.NotFound > 0 {
			t.Errorf("%+v", newer)
		}
	}
}

// The alarm sounds when a webhook replies 404 to everything, and not while it knows somebody.
func TestNotFoundAlarm(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(observe.NewJSONHandler(&log)))
	t.Cleanup(func() { slog.SetDefault(before) })
	for _, c := range []struct {
		statuses []int
		alarm    bool
	}{
		{[]int{404, 404, 404, 404}, false},
		{[]int{404, 404, 404, 404, 404}, true},
		{[]int{404, 404, 404, 204, 404, 404, 404, 404}, false},
		{[]int{404, 404, 500, 404, 404, 404}, true},
	} {
		log.Reset()
		w := newFixture(t)
		for i, status := range c.statuses {
			w.reply(status, "", "Content-Type", "application/json")
			w.clock = w.clock.Add(time.Minute)
			w.claim(dara, fmt.Sprint(i))
			w.clock = w.clock.Add(time.Second)
			w.step()
			must(0, w.links.WithdrawConsent(t.Context(), courier, dara, w.clock))
		}
		if got := strings.Contains(log.String(), observe.NotFound); got != c.alarm {
			t.Errorf("%v: alarm %t", c.statuses, got)
		}
	}
}
