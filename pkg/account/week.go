package account

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"time"

	"zego.com/workprovider/pkg/timeline"
)

// daysShown is how many days of shifts an account shows, today included.
const daysShown = 14

// london is where those whom we insure work, by whose clock they read their shifts. A function has no zones but those that it
// brings, and time/tzdata brings all of them, in 450 KB. This is the one file, out of Go's own:
//
//	unzip -p "$(go env GOROOT)/lib/time/zoneinfo.zip" Europe/London >pkg/account/london.tzif
var (
	//go:embed london.tzif
	londonZone []byte
	london     = func() *time.Location {
		l, err := time.LoadLocationFromTZData("Europe/London", londonZone)
		if err != nil {
			panic(err) // it is built in
		}
		return l
	}()
)

// weeks gathers the shifts of the last days.
type weeks struct {
	now  time.Time
	list []worked
}

// worked is one shift at a work provider, its end not later than now.
type worked struct {
	provider   string
	start, end time.Time
	open       bool
	by         timeline.Ending
}

// lastDays are the days that end with that instant's.
func lastDays(now time.Time) *weeks { return &weeks{now: now.In(london)} }

// first is the start of the first day.
func (w *weeks) first() time.Time { return midnight(w.now, 1-daysShown) }

// midnight is the start of the day so many days after that of t. Not every day has 24 hours.
func midnight(t time.Time, days int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+days, 0, 0, 0, 0, london)
}

// add adds shifts at a work provider; those that ended before the first day are left out.
func (w *weeks) add(provider string, shifts []timeline.Listed) {
	for _, s := range shifts {
		one := worked{provider: provider, start: s.Start.Time().In(london), end: s.End.Time().In(london), by: s.By, open: s.Open(timeline.At(w.now))}
		if one.open {
			one.end = w.now
		}
		if one.end.After(w.first()) && one.start.Before(w.now) {
			w.list = append(w.list, one)
		}
	}
	slices.SortStableFunc(w.list, func(a, b worked) int { return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.provider, b.provider)) })
}

// day is one line of the picture.
type day struct {
	Name  string // Mon 9 Nov
	Bars  []rect
	Words string // the same in words
}

// rect is the part of a shift on a day, in thousandths of the day's length.
type rect struct{ X, Width int }

// perDay is the width of a day in the picture.
const perDay = 1000

// days are the lines of the picture, the newest first.
func (w *weeks) days() []day {
	var all []day
	for i := range daysShown {
		from, to := midnight(w.now, -i), midnight(w.now, 1-i)
		d := day{Name: from.Format("Mon 2 Jan")}
		var words []string
		for _, s := range w.list {
			start, end := latest(s.start, from), earliest(s.end, to)
			if !start.Before(end) {
				continue
			}
			x := int(perDay * start.Sub(from) / to.Sub(from))
			width := max(4, int(perDay*end.Sub(start)/to.Sub(from))) // a short one can be seen too
			d.Bars = append(d.Bars, rect{min(x, perDay-width), width})
			words = append(words, fmt.Sprintf("%s to %s", clock(start, from), clock(end, from)))
		}
		d.Words = d.Name + ": " + cmp.Or(strings.Join(words, ", "), "no shift")
		all = append(all, d)
	}
	return all
}

// clock is a time on the day that begins at from; its end is 24:00.
func clock(t, from time.Time) string {
	if t.Equal(midnight(from, 1)) {
		return "24:00"
	}
	return t.Format("15:04")
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// bar is one line of the table: one shift.
type bar struct {
	Day, From, To, Length, Provider, Ended string
	NextDay                                bool // whether To is on the day after
}

// endings are the words for how a shift ended.
var endings = map[timeline.Ending]string{
	timeline.ByLogout:     "You logged out",
	timeline.ByPlan:       "As planned",
	timeline.ByItself:     "By itself, after 14 hours",
	timeline.ByWithdrawal: "You removed the link",
}

// bars are the lines of the table, the newest first.
func (w *weeks) bars() []bar {
	var all []bar
	for _, s := range slices.Backward(w.list) {
		b := bar{
			Day: s.start.Format("Mon 2 Jan"), From: s.start.Format("15:04"), To: s.end.Format("15:04"),
			Length: length(s.end.Sub(s.start)), Provider: s.provider, Ended: endings[s.by],
		}
		if s.open {
			b.To, b.Ended = "now", "Still on shift"
		} else if !s.end.Before(midnight(s.start, 1)) {
			b.NextDay = true
		}
		all = append(all, b)
	}
	return all
}

// length is how long a shift was, in hours and minutes.
func length(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	if minutes < 60 {
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d h %02d min", minutes/60, minutes%60)
}
