package timeline

import (
	"math"
	"slices"
)

// The first and last day that any accepted timestamp lies in; there is nothing beyond them to read.
const (
	firstDay = Day(-719162) // 0001-01-01
	lastDay  = Day(2932896) // 9999-12-31
)

// Days is a run of UTC days, both ends included.
type Days struct{ First, Last Day }

// has tells whether the day is one of them.
func (d Days) has(day Day) bool { return d.First <= day && day <= d.Last }

// around is the days whose facts mostly show all that matters to an interval: a shift that it touches began at most 14
// hours before it, on the day before, and that day's record wants the shift before known.
func around(v interval) Days {
	return Days{max(firstDay, v.from.Day()-2), min(lastDay, v.to.Day()+1)}
}

// widen is a longer run around the same days, for when the facts read do not show where folding may start or stop. It
// grows eightfold, so that a year of LOGINs without a LOGOUT takes a handful of readings.
func (d Days) widen(before, after bool) Days {
	more := Day(math.Min(8*float64(d.Last-d.First+1), float64(lastDay-firstDay)))
	if before {
		d.First = max(firstDay, d.First-more)
	}
	if after {
		d.Last = min(lastDay, d.Last+more)
	}
	return d
}

// Folding may start where no shift can be open (rule 10): just after a LOGOUT without a LOGIN at its own instant, and
// just before any t with no LOGIN in [t − 14 h, t). Only facts that count are looked at, because only they open and close
// shifts. A state carried from day to day would save the reading back, and lose more in races than that is worth.

// starts are the last starting point at or before an interval and the first after it; before and after tell that the
// facts read do not reach far enough to know.
func (d Days) starts(ms []moment, in interval) (start, stop Instant, before, after bool) {
	start, back := d.startBefore(ms, in.from)
	stop, on := d.startAfter(ms, start, in.to)
	return start, stop, !back, !on
}

// startBefore is the last starting point at or before t, given the moments of the days read; false if the facts read
// do not reach back to one.
func (d Days) startBefore(ms []moment, t Instant) (Instant, bool) {
	for _, m := range slices.Backward(ms) {
		if m.at >= t {
			continue
		}
		if !m.login || m.at < t.Add(-MaxShift) {
			return t, true // since m no LOGIN came, and m leaves nothing open at t
		}
		t = m.at
	}
	return t, d.First == firstDay || d.First.Start() <= t.Add(-MaxShift)
}

// startAfter is the first starting point after t that was one before the facts up to t came, too; start is a starting
// point before them. False if the facts read do not reach that far.
func (d Days) startAfter(ms []moment, start, t Instant) (Instant, bool) {
	quiet := t + 1 // the first instant after t that no LOGIN so far reaches
	for _, m := range ms {
		switch {
		case m.at < start:
		case m.at > t && quiet <= m.at:
			return quiet, true
		case m.login:
			quiet = max(quiet, m.at.Add(MaxShift)+1)
		case m.at > t:
			return m.at + 1, true
		}
	}
	return quiet, d.Last == lastDay || quiet <= d.Last.End()
}
