package timeline

import (
	"cmp"
	"slices"
)

// The first and last day that any accepted timestamp lies in; there is nothing beyond them to read.
const (
	firstDay = Day(-719162) // 0001-01-01
	lastDay  = Day(2932896) // 9999-12-31
)

// Days is a run of UTC days, both ends included.
type Days struct{ First, Last Day }

// AllDays returns the days from the year 1 to the year 9999.
func AllDays() Days { return Days{firstDay, lastDay} }

// has reports whether the day is one of them.
func (d Days) has(day Day) bool { return d.First <= day && day <= d.Last }

// extend returns the days with so many more before and after them.
func (d Days) extend(before, after Day) Days {
	return Days{max(firstDay, d.First-before), min(lastDay, d.Last+after)}
}

// The shifts named by the LOGINs of day D are a function of the facts of days D−2 to D+1, whatever lies around them
// (rule 10): a shift named on D ends on D+1 at the latest, and the first LOGIN of D−1 or of D in cover of 14 hours
// opens a shift whatever was before. So nothing ever has to read further.

// factDays returns the days whose facts tell the shifts that are named on these.
func (d Days) factDays() Days { return d.extend(2, 1) }

// shiftDays returns the days on which the shifts are named that touch these: a shift ends 14 hours into the day after
// its naming at the latest.
func (d Days) shiftDays() Days { return d.extend(1, 0) }

// changedDays returns the days whose shifts a change of facts on these may change.
func (d Days) changedDays() Days { return d.extend(1, 2) }

// days returns the days that the interval touches; its end is included.
func (v interval) days() Days {
	return Days{max(firstDay, v.from.Day()), min(lastDay, v.to.Day())}
}

// runs merges intervals whose days, with what a fold around them reads, touch each other. They are sorted.
func runs(intervals []interval) []interval {
	if len(intervals) == 1 {
		return intervals
	}
	slices.SortFunc(intervals, func(a, b interval) int { return cmp.Compare(a.from, b.from) })
	var merged []interval
	for _, v := range intervals {
		last := len(merged) - 1
		if last >= 0 && v.days().changedDays().factDays().First <= merged[last].days().changedDays().factDays().Last {
			merged[last].to = max(merged[last].to, v.to)
		} else {
			merged = append(merged, v)
		}
	}
	return merged
}

// A change does not reach beyond a starting point, where no shift can be open (rule 10): just after a LOGOUT without a
// LOGIN at its own instant, and just before any t with no LOGIN in [t − 14 h, t). Only facts that count are looked at,
// because only they open and close shifts.

// pointsBeforeVoids returns the timepoints as they were before LOGINs were taken back. A void is a change, too: it
// reaches as far as the LOGIN that it takes back insured. A LOGOUT that was taken back is left out: it keeps nothing
// from being looked at.
func (r *foldResult) pointsBeforeVoids() []timepoint {
	if len(r.voids) == 0 {
		return r.points
	}
	reports, _ := splitVoids(r.facts)
	reports = slices.DeleteFunc(reports, func(f Fact) bool { return f.Kind == Logout && takenBack(f, r.voids) })
	return groupByInstant(r.history.countedFacts(reports))
}

// startBefore returns the last starting point at or before t that the timepoints show. Those before the first of them
// do not matter: the caller has read as far back as a change reaches.
func startBefore(points []timepoint, t Instant) Instant {
	for _, p := range slices.Backward(points) {
		if p.at >= t {
			continue
		}
		if !p.login || p.at < t.Add(-MaxShift) {
			return t // since p no LOGIN came, and p leaves nothing open at t
		}
		t = p.at
	}
	return t
}

// startAfter returns the first starting point after t that was one before any of the facts up to t came, too. So a
// LOGOUT at or before t, which may be as new as the change at t, does not keep what a LOGIN before it reaches from
// being looked at; a later LOGOUT is itself a change that reaches further.
func startAfter(points []timepoint, t Instant) Instant {
	idleFrom := t + 1 // the first instant after t that no LOGIN so far reaches
	for _, p := range points {
		switch {
		case p.at > t && idleFrom <= p.at:
			return idleFrom
		case p.login:
			idleFrom = max(idleFrom, p.at.Add(MaxShift)+1)
		case p.at > t:
			return p.at + 1
		}
	}
	return idleFrom
}
