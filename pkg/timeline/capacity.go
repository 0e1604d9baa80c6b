package timeline

import (
	"cmp"
	"slices"
)

// How many facts one name may have on one UTC day (rule 9): a heartbeat per minute fits. The last of them are kept for
// LOGOUTs, because it must be possible to end cover. A month of a history has room for as many entries.
const (
	MaxFactsPerDay  = 2000
	maxLoginsPerDay = MaxFactsPerDay - 100
)

// maxSharingChanges is how many consents, withdrawals, links and unlinks a month of a history has before no consent and
// no link fits any more. The rest is kept for withdrawals and unlinks, because it must be possible to end sharing:
// 1,000 changes of at most 272 bytes, the end of all sharing, and MaxFactsPerDay matches fit the 400 KB of an item.
const maxSharingChanges = 1000

// HasRoom reports whether the month of an instant has room for another consent or link.
func (h *History) HasRoom(at Instant) bool {
	changes := 0
	for _, e := range h.entries {
		if e.At.month() == at.month() && e.Kind != Match && e.Kind != NoMatch {
			changes++
		}
	}
	return changes < maxSharingChanges
}

// capacity returns how many events a day must have before one more of that kind does not fit.
func (k Kind) capacity() int {
	if k == Login {
		return maxLoginsPerDay
	}
	return MaxFactsPerDay
}

// event identifies an event among the facts of one name.
type event struct {
	kind Kind
	at   Instant
}

func (f Fact) event() event { return event{f.Kind, f.At} }

// admit returns what a name's day holds once facts have come to those stored on it, and those for which there is no
// room. An event takes one place, however often it is reported or taken back: see needed. A void that comes before its
// event takes the place that the event will have.
func admit(stored, facts []Fact) (next, overflow []Fact) {
	known := make(map[Fact]bool, len(stored)+len(facts))
	repeats := make(map[event][]Fact, len(stored)+len(facts))
	for _, f := range stored {
		known[f] = true
		repeats[f.event()] = append(repeats[f.event()], f)
	}
	next = slices.Clone(stored)
	for _, f := range facts {
		e := f.event()
		switch {
		case known[f]:
		case repeats[e] == nil && len(repeats) >= f.Kind.capacity():
			overflow = append(overflow, f)
		default:
			known[f] = true
			repeats[e] = append(repeats[e], f)
			next = append(next, f)
		}
	}
	next = slices.DeleteFunc(next, func(f Fact) bool { return !needed(f, repeats[f.event()]) })
	return next, overflow
}

// admitOne does the same for one fact, and leaves out nothing that is stored as long as the day is not full.
func admitOne(stored []Fact, f Fact) (next []Fact, ok bool) {
	if len(stored) < f.Kind.capacity() {
		return dedupe(append(slices.Clone(stored), f)), true
	}
	next, overflow := admit(stored, []Fact{f})
	return next, len(overflow) == 0
}

// needed reports whether a fact is one that must be kept of all facts of its event: the first and the last accepted,
// the last with a planned end, and the first void. Facts only grow, so what lies between will never be needed again
// (rule 12).
func needed(f Fact, repeats []Fact) bool {
	reports, voids := splitVoids(repeats)
	if f.Void {
		return f == slices.MinFunc(voids, compareFirst)
	}
	if f == slices.MinFunc(reports, compareFirst) || f == slices.MaxFunc(reports, compareAcceptance) {
		return true
	}
	return f.PlannedEnd != Never && !slices.ContainsFunc(reports, func(g Fact) bool {
		return g.PlannedEnd != Never && compareAcceptance(g, f) > 0
	})
}

// compareAcceptance orders the facts of one event for the question which planned end counts (rule 4).
func compareAcceptance(a, b Fact) int {
	return cmp.Or(cmp.Compare(a.acceptance(), b.acceptance()), cmp.Compare(a.PlannedEnd, b.PlannedEnd))
}

// sortFacts puts facts in the order in which a fold looks at them: by instant, LOGOUTs first (rule 3); those of one
// event by when they were accepted.
func sortFacts(facts []Fact) {
	slices.SortFunc(facts, func(a, b Fact) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(b.Kind, a.Kind), compareNames(a.Name, b.Name),
			compareAcceptance(a, b))
	})
}

// merge returns the event with a repeat that was accepted no earlier.
func (f Fact) merge(repeat Fact) Fact {
	if repeat.acceptedBefore(f.Accepted) {
		f.Accepted = repeat.Accepted
	}
	if repeat.PlannedEnd != Never {
		f.PlannedEnd = repeat.PlannedEnd
	}
	return f
}

// mergeRepeats returns each event of sorted facts once: as it was accepted first, with the planned end that counts.
// Voids are left out.
func mergeRepeats(facts []Fact) []Fact {
	facts, _ = splitVoids(facts)
	var merged []Fact
	for _, f := range facts {
		if last := len(merged) - 1; last < 0 || !merged[last].sameEvent(f) {
			merged = append(merged, f)
		} else {
			merged[last] = merged[last].merge(f)
		}
	}
	return merged
}
