package shift

import (
	"slices"

	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
)

// What operators ask to find the way of one event.

// OpenEvent is the fact that an event's id names at a work provider or, if the fact has no kind, the verdict; false if the
// id is none of that provider's.
func OpenEvent(ids *seal.Sealer, provider, id string) (timeline.Fact, timeline.Verdict, bool) {
	return openEvent(ids, provider, id)
}

// EventID is the id that a work provider knows a fact by; of a shift's earliest LOGIN it is the shift's.
func EventID(ids *seal.Sealer, provider string, f timeline.Fact) string {
	return eventID(ids, provider, f)
}

// Carries tells whether the body of a message asks a processor to take in that fact of a work provider, or that verdict.
func Carries(body, provider string, f timeline.Fact, v timeline.Verdict) bool {
	c, err := parseMessage(body)
	if err != nil || c.Provider != provider {
		return false
	}
	if f.Kind == 0 {
		return slices.Contains(c.Verdicts, v)
	}
	return slices.ContainsFunc(c.Facts, func(g timeline.Fact) bool { return g.Kind == f.Kind && g.At == f.At && g.Name == f.Name })
}
