package pages

import (
	"html"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/timeline"
)

// Wherever a page stands, its way to the root ends there, and never leads out of the stage or off the host.
func TestRootOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stage := rapid.SampledFrom([]string{"", "/live", "/a/b"}).Draw(t, "stage")
		path := "/" + rapid.StringMatching(`([a-z%0-9.]{1,9}/){0,3}[a-z%0-9.]{0,9}/?`).Draw(t, "path")
		at, err := url.Parse("https://work.zego.example" + stage + path)
		if err != nil || strings.Contains(path, "//") || strings.Contains(path, "/.") {
			t.Skip()
		}
		to, err := at.Parse(rootOf(path) + "account/login")
		if err != nil || to.String() != "https://work.zego.example"+stage+"/account/login" {
			t.Fatalf("from %s to %v, %v", at, to, err)
		}
	})
}

// Whatever is sent to whatever page, the answer is one of ours: no failure of ours, and a redirect, if it is one, to a
// page below /account, with nothing in its address but tokens and words of ours.
func TestRedirectPaths(t *testing.T) {
	w := newFixture(t)
	w.createAccount("AAA1", "ann@example.com")
	cookie := w.browser().signIn("ann@example.com").cookie
	nasty := []string{
		"//evil.example",
		"https://evil.example/",
		"\\\\evil",
		"/\\evil",
		"javascript:alert(1)",
		"a@b.example",
		"%0d%0aSet-Cookie:x=y",
		"\r\nX: y",
		"../..",
		"",
	}
	names := []string{
		"link",
		"token",
		"next",
		"email",
		"provider",
		"work_provider",
		"work_provider_user_id",
		"wp",
		"wp_id",
		"choice",
		"password",
		"done",
	}
	ends := []string{
		"",
		"/",
		"signup",
		"login",
		"logout",
		"consent",
		"remove",
		"verify",
		"reset",
		"forgot",
		"sent",
		"terms",
		"//evil.example",
		"..%2f",
		"%2e%2e",
	}
	rapid.Check(t, func(t *rapid.T) {
		w.clock = w.clock.Add(time.Hour) // no throttle strikes
		form := url.Values{}
		for range rapid.IntRange(0, 4).Draw(t, "fields") {
			value := rapid.OneOf(rapid.SampledFrom(nasty),
				rapid.SampledFrom([]string{"Courier Ltd", "courier-ltd", "77", "agree"}), rapid.String()).
				Draw(t, "value")
			form.Set(rapid.SampledFrom(names).Draw(t, "name"), value)
		}
		path := rapid.SampledFrom([]string{"/account/", "/account/", "/link-work-provider/", "/v1/link-work-provider"}).
			Draw(t, "path")
		if path == "/account/" {
			path = strings.TrimSuffix(path+rapid.SampledFrom(ends).Draw(t, "end"), "//")
		}
		header := http.Header{"Sec-Fetch-Site": {"same-origin"}}
		if rapid.Bool().Draw(t, "signed in") {
			header.Set("Cookie", sessionCookie+"="+cookie)
		}
		method := http.MethodGet
		query := "?" + form.Encode()
		body := ""
		if rapid.Bool().Draw(t, "post") {
			method = http.MethodPost
			query = ""
			body = form.Encode()
		}
		answered := w.raw(method, path+query, body, header)
		if answered.Code >= 500 {
			t.Fatalf("%s %s: %d", method, path, answered.Code)
		}
		location := answered.Header().Get("Location")
		if location == "" {
			return
		}
		at, _ := url.Parse("https://work.zego.example/live" + path)
		to, err := at.Parse(location)
		if err != nil || to.Host != "work.zego.example" || !strings.HasPrefix(to.Path, "/live/account") {
			t.Fatalf("%s %s leads to %q", method, path+query, location)
		}
		for name, values := range to.Query() {
			if name != "link" && name != "done" && name != "chosen" || name == "done" && flashMessages[values[0]] == "" {
				t.Fatalf("%s %s leads to %q", method, path+query, location)
			}
		}
		ours := to.Query()
		ours.Del("link") // as it came
		if strings.Contains(to.Path, "@") || strings.Contains(ours.Encode(), "%40") {
			t.Fatalf("an email travels: %q", location)
		}
	})
}

// Whatever was typed, or came in an address, is shown as text.
func TestEscaping(t *testing.T) {
	w := newFixture(t)
	const typed = `"'><script>alert(1)</script>&amp;`
	b := w.browser().open("/account/signup").send("city", typed, "email", typed).expectText(422, html.EscapeString(typed))
	if fields := b.fields(); fields.Get("city") != typed || fields.Get("email") != typed {
		t.Errorf("%q", fields)
	}
	b.open("/account/sent?link="+url.QueryEscape(typed)).expectText(200, "link="+url.QueryEscape(typed))
	b.open("/account/reset?token=" + url.QueryEscape(typed)).expectText(410)
}

// A day's line holds every shift's part of it, also on the days that the clocks change.
func TestShiftHistory(t *testing.T) {
	at := func(s string) time.Time {
		parsed, err := time.ParseInLocation("2006-01-02 15:04", s, london)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	shift := func(from, to string, by timeline.EndReason) timeline.ListedShift {
		return timeline.ListedShift{ReportedShift: timeline.ReportedShift{
			Shift: timeline.Shift{Start: timeline.At(at(from)), End: timeline.At(at(to)), EndedBy: by},
		}}
	}
	w := recentShifts(at("2026-03-30 12:00")) // the clocks went forward on the 29th, a day of 23 hours
	w.add("Courier Ltd", []timeline.ListedShift{
		shift("2026-03-16 23:00", "2026-03-17 01:00", timeline.EndLogout), // a night into the first day
		shift("2026-03-16 10:00", "2026-03-16 12:00", timeline.EndLogout), // before it
		shift("2026-03-28 22:00", "2026-03-29 06:30", timeline.EndAuto),   // 7.5 hours
		shift("2026-03-30 11:00", "2026-03-31 01:00", timeline.EndAuto),   // open
	})
	days := w.days()
	if len(days) != 14 || days[0].Summary != "Mon 30 Mar: 11:00 to 12:00" ||
		days[1].Summary != "Sun 29 Mar: 00:00 GMT to 06:30 BST" ||
		days[2].Summary != "Sat 28 Mar: 22:00 to 24:00" ||
		days[3].Summary != "Fri 27 Mar: no shift" ||
		days[13].Summary != "Tue 17 Mar: 00:00 to 01:00" {
		t.Errorf("%+v", days)
	}
	if got := days[1].Bars[0]; got.X != 0 || got.Width != 1000*11/46 { // 5.5 of 23 hours
		t.Errorf("%+v", got)
	}
	bars := w.rows()
	if len(bars) != 3 || bars[0].To != "now" || bars[0].Ended != "Still on shift" || bars[0].Length != "1 h 00 min" ||
		bars[1].To != "06:30 BST" || !bars[1].NextDay || bars[0].NextDay || bars[1].Length != "7 h 30 min" ||
		bars[1].Ended != "Automatically, after 14 hours" {
		t.Errorf("%+v", bars)
	}
}

func listedShift(start, end time.Time) timeline.ListedShift {
	shift := timeline.Shift{Start: timeline.At(start), End: timeline.At(end), EndedBy: timeline.EndLogout}
	return timeline.ListedShift{ReportedShift: timeline.ReportedShift{Shift: shift}}
}

// On the night on which an hour comes twice, the zone tells the first from the second.
func TestClockChanges(t *testing.T) {
	first := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)  // 01:30 BST
	second := time.Date(2026, 10, 25, 1, 30, 0, 0, time.UTC) // 01:30 GMT
	h := recentShifts(time.Date(2026, 10, 26, 12, 0, 0, 0, time.UTC))
	h.add("Courier Ltd", []timeline.ListedShift{
		listedShift(first, second),
		listedShift(second.Add(8*time.Hour), second.Add(32*time.Hour)),
	})
	rows := h.rows()
	if len(rows) != 2 || rows[1].From != "01:30 BST" || rows[1].To != "01:30 GMT" || rows[1].Length != "1 h 00 min" {
		t.Errorf("%+v", rows)
	}
	if rows[0].From != "09:30 GMT" || rows[0].To != "09:30" {
		t.Errorf("%+v", rows[0])
	}
	if summary := h.days()[1].Summary; summary != "Sun 25 Oct: 01:30 BST to 01:30 GMT, 09:30 GMT to 24:00" {
		t.Error(summary)
	}
}

func TestBarBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(rapid.Int64Range(1.7e9, 1.9e9).Draw(t, "now"), 0)
		w := recentShifts(now)
		for range rapid.IntRange(0, 9).Draw(t, "shifts") {
			start := now.Add(-time.Duration(rapid.Int64Range(0, int64(16*24*time.Hour)).Draw(t, "ago")))
			end := start.Add(time.Duration(rapid.Int64Range(1, int64(timeline.MaxShift)).Draw(t, "long")))
			w.add("p", []timeline.ListedShift{listedShift(start, end)})
		}
		for _, d := range w.days() {
			for _, b := range d.Bars {
				if b.X < 0 || b.Width < 1 || b.X+b.Width > chartWidth {
					t.Fatalf("%s: %+v", d.Name, b)
				}
			}
		}
	})
}

// welch is the statistic of Welch's test: how many standard errors the means of two samples are apart.
func welch(a, b []float64) float64 {
	mean := func(s []float64) (m, v float64) {
		for _, x := range s {
			m += x / float64(len(s))
		}
		for _, x := range s {
			v += (x - m) * (x - m) / float64(len(s)-1)
		}
		return m, v
	}
	ma, va := mean(a)
	mb, vb := mean(b)
	return (ma - mb) / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}
