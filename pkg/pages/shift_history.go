package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // for london

	"zego.com/workprovider/pkg/timeline"
)

// daysShown is how many days of shifts an account shows, today included.
const daysShown = 14

// london is the time zone in which customers read their shifts. A function has no time zones but those of time/tzdata.
var london = func() *time.Location {
	l, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err) // time/tzdata is embedded
	}
	return l
}()

// shiftHistory is the shifts of the last daysShown days.
type shiftHistory struct {
	now    time.Time
	shifts []workedShift // by start
}

// workedShift is one shift at a work provider, its end not later than now.
type workedShift struct {
	provider   string
	start, end time.Time
	open       bool
	endedBy    timeline.EndReason
}

// recentShifts returns a history without shifts yet, whose last day is that of now.
func recentShifts(now time.Time) *shiftHistory { return &shiftHistory{now: now.In(london)} }

// first returns the start of the first day.
func (h *shiftHistory) first() time.Time { return midnight(h.now, 1-daysShown) }

// midnight returns the start of the day that many days after that of t. Not every day has 24 hours.
func midnight(t time.Time, days int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+days, 0, 0, 0, 0, london)
}

// add adds shifts at a work provider; those that ended before the first day are left out.
func (h *shiftHistory) add(provider string, shifts []timeline.ListedShift) {
	for _, s := range shifts {
		shift := workedShift{
			provider: provider,
			start:    s.Start.Time().In(london),
			end:      s.End.Time().In(london),
			endedBy:  s.EndedBy,
			open:     s.Open(timeline.At(h.now)),
		}
		if shift.open {
			shift.end = h.now
		}
		if shift.end.After(h.first()) && shift.start.Before(h.now) {
			h.shifts = append(h.shifts, shift)
		}
	}
	slices.SortStableFunc(h.shifts, func(a, b workedShift) int {
		return cmp.Or(a.start.Compare(b.start), cmp.Compare(a.provider, b.provider))
	})
}

// day is one line of the chart.
type day struct {
	Name    string // Mon 9 Nov
	Bars    []bar
	Summary string // the same in words
}

// bar is the part of a shift on a day, in thousandths of the day's length.
type bar struct{ X, Width int }

// chartWidth is the width of a day in the chart.
const chartWidth = 1000

// days returns the lines of the chart, the newest first.
func (h *shiftHistory) days() []day {
	var all []day
	for i := range daysShown {
		from := midnight(h.now, -i)
		to := midnight(h.now, 1-i)
		d := day{Name: from.Format("Mon 2 Jan")}
		var times []string
		for _, s := range h.shifts {
			start := latest(s.start, from)
			end := earliest(s.end, to)
			if !start.Before(end) {
				continue
			}
			x := int(chartWidth * start.Sub(from) / to.Sub(from))
			width := max(4, int(chartWidth*end.Sub(start)/to.Sub(from))) // a short one is visible too
			d.Bars = append(d.Bars, bar{min(x, chartWidth-width), width})
			times = append(times, fmt.Sprintf("%s to %s", clock(start, from), clock(end, from)))
		}
		d.Summary = d.Name + ": " + cmp.Or(strings.Join(times, ", "), "no shift")
		all = append(all, d)
	}
	return all
}

// clock formats a time on the day that begins at from; its end is 24:00.
func clock(t, from time.Time) string {
	if t.Equal(midnight(from, 1)) {
		return "24:00"
	}
	return formatTime(t)
}

// formatTime formats a time of day: 15:04, or 15:04 GMT on the two days of a year on which the clocks change, when the
// time alone is ambiguous and lengths do not follow from it.
func formatTime(t time.Time) string {
	_, before := midnight(t, 0).Zone()
	_, after := midnight(t, 1).Zone()
	if before != after {
		return t.Format("15:04 MST")
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

// shiftRow is one line of the table: one shift.
type shiftRow struct {
	Day, From, To, Length, Provider, Ended string
	NextDay                                bool // whether To is on the day after
}

// endReasons say how a shift ended.
var endReasons = map[timeline.EndReason]string{
	timeline.EndLogout:    "You logged out",
	timeline.EndPlanned:   "As planned",
	timeline.EndAuto:      "Automatically, after 14 hours",
	timeline.EndWithdrawn: "You removed the link",
}

// rows returns the lines of the table, the newest first.
func (h *shiftHistory) rows() []shiftRow {
	var all []shiftRow
	for _, s := range slices.Backward(h.shifts) {
		row := shiftRow{
			Day:      s.start.Format("Mon 2 Jan"),
			From:     formatTime(s.start),
			To:       formatTime(s.end),
			Length:   length(s.end.Sub(s.start)),
			Provider: s.provider,
			Ended:    endReasons[s.endedBy],
		}
		switch {
		case s.open:
			row.To = "now"
			row.Ended = "Still on shift"
		case !s.end.Before(midnight(s.start, 1)):
			row.NextDay = true
		}
		all = append(all, row)
	}
	return all
}

// length formats how long a shift was, in hours and minutes.
func length(d time.Duration) string {
	minutes := int(d.Round(time.Minute) / time.Minute)
	if minutes < 60 {
		return fmt.Sprintf("%d min", minutes)
	}
	return fmt.Sprintf("%d h %02d min", minutes/60, minutes%60)
}
