package timeline

import (
	"cmp"
	"context"
	"slices"
)

// Void is what a work provider, or an operator for it, says to take an event back (rule 11).
type Void struct {
	// Fact names the event, and says when the void was accepted.
	Fact Fact
	// Reason is why, in the words of who did it: up to 200 characters. It is evidence, and never logged.
	Reason string
}

// NewVoid takes back the event of a fact.
func NewVoid(event Fact, accepted Instant, reason string) Void {
	event.PlannedEnd = Never
	event.Accepted = accepted
	event.Void = true
	return Void{event, reason}
}

// VoidedAt reads when an event was first taken back; 0 if it was not.
func VoidedAt(ctx context.Context, storage Storage, provider string, event Fact) (Instant, error) {
	day := Days{event.At.Day(), event.At.Day()}
	facts, err := storage.Facts(ctx, provider, event.Name, day)
	if err != nil {
		return 0, err
	}
	_, voids := splitVoids(facts)
	return voidedAt(event, voids), nil
}

// compareVoids orders voids by what they take back.
func compareVoids(a, b Void) int {
	return cmp.Or(cmp.Compare(a.Fact.At, b.Fact.At), cmp.Compare(a.Fact.Kind, b.Fact.Kind))
}

// splitVoids separates what facts report from what they take back. Without a void, as nearly always, it returns the
// facts themselves.
func splitVoids(facts []Fact) (reports, voids []Fact) {
	if !slices.ContainsFunc(facts, func(f Fact) bool { return f.Void }) {
		return facts, nil
	}
	for _, f := range facts {
		if f.Void {
			voids = append(voids, f)
		} else {
			reports = append(reports, f)
		}
	}
	return reports, voids
}

// takenBack reports whether one of the voids takes an event back. In whichever order the two come, it does not count.
func takenBack(f Fact, voids []Fact) bool { return slices.ContainsFunc(voids, f.sameEvent) }

// voidedAt returns when an event was first taken back; 0 if it was not.
func voidedAt(f Fact, voids []Fact) Instant {
	var first Instant
	for _, v := range voids {
		if v.sameEvent(f) && (first == 0 || v.Accepted < first) {
			first = v.Accepted
		}
	}
	return first
}
