package shift

import (
	"context"
	"net/http"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// ReadEvents is GET /v2/event/{id} and GET /v2/batch/{id}: the outcomes of what was accepted. Nothing was written when
// it was, but the queue message: an id is the event itself, and reads PENDING until the event is in its set.
func ReadEvents(keys web.Authenticator, v Reader) http.Handler {
	return web.NewFunction("event-read", keys, map[string]web.Handler{
		"GET /v2/event/{id}": v.readEvent,
		"GET /v2/batch/{id}": v.readBatch,
	})
}

// maxParallelNames is how many names' facts are read at once for a batch.
const maxParallelNames = 32

// eventResponse is an event as it is read; what does not apply is null.
type eventResponse struct {
	ID                 string  `json:"id"`
	State              string  `json:"state"`
	Effect             *string `json:"effect"`
	Reason             *string `json:"reason"`
	ShiftID            *string `json:"shiftId"`
	CustomerNumber     string  `json:"customerNumber,omitempty"`
	WorkProviderUserID string  `json:"workProviderUserId,omitempty"`
	Kind               string  `json:"kind"`
	Timestamp          string  `json:"timestamp"`
	AcceptedAt         *string `json:"acceptedAt"`
}

// eventResponseFor puts an event and its outcome into the API's words.
func (v Reader) eventResponseFor(
	provider, id, kind string, name person.Name, at timeline.Instant, o timeline.Outcome,
) eventResponse {
	out := eventResponse{ID: id, State: o.State.String(), Kind: kind, Timestamp: web.FormatTime(at.Time())}
	if name.Kind == person.UserID {
		out.WorkProviderUserID = name.Value
	} else {
		out.CustomerNumber = name.Value
	}
	if o.Effect != 0 {
		effect := o.Effect.String()
		out.Effect = &effect
	}
	if o.Shift.Name.Value != "" {
		id := v.shiftID(provider, o.Shift)
		out.ShiftID = &id
	}
	if o.Reason != 0 {
		reason := o.Reason.String()
		out.Reason = &reason
	}
	out.AcceptedAt = formatAcceptance(o.Accepted)
	return out
}

// formatAcceptance returns when something was accepted, as the API tells it; nil if that is unknown.
func formatAcceptance(accepted timeline.Instant) *string {
	if accepted == 0 {
		return nil
	}
	text := web.FormatTime(accepted.Time())
	return &text
}

// factResponseFor does the same for a fact, which has an id of its own.
func (v Reader) factResponseFor(provider string, f timeline.Fact, o timeline.Outcome) eventResponse {
	return v.eventResponseFor(provider, EventID(v.ids, provider, f), f.Kind.String(), f.Name, f.At, o)
}

var (
	errNoEvent = fault.New(fault.NotFound, "No such event")
	errNoBatch = fault.New(fault.NotFound, "No such batch")
)

func (v Reader) readEvent(r *web.Request) (web.Response, error) {
	provider := r.Provider.ID
	f, match, ok := OpenEvent(v.ids, provider, r.PathValue)
	if !ok {
		return web.Response{}, errNoEvent
	}
	now := timeline.At(v.now())
	reader := timeline.NewOutcomeReader(v.storage, 1)
	if f.Kind == 0 {
		outcome, err := reader.MatchOutcome(r.Context(), provider, match, now)
		body := v.eventResponseFor(provider, r.PathValue, "MATCH", f.Name, f.At, outcome)
		return web.Response{Status: http.StatusOK, Body: body}, err
	}
	outcomes, err := reader.Outcomes(r.Context(), provider, []timeline.Fact{f}, now)
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{Status: http.StatusOK, Body: v.factResponseFor(provider, f, outcomes[0])}, nil
}

// batchSummary counts what became of a batch's events when they were applied.
type batchSummary struct {
	ID       string         `json:"id"`
	Count    int            `json:"count"`
	Outcomes map[string]int `json:"outcomes"`
}

// batchResponse is a batch as it is read once all of it has been processed: with its events as they are now, a page at
// a time.
type batchResponse struct {
	batchSummary
	Events []eventResponse `json:"events"`
	Next   *string         `json:"next"`
}

// readBatch costs what the page's events cost, however large the batch is: the counts were stored when each part of it
// was applied.
func (v Reader) readBatch(r *web.Request) (web.Response, error) {
	provider := r.Provider.ID
	b, ok := openBatch(v.ids, provider, r.PathValue)
	if !ok {
		return web.Response{}, errNoBatch
	}
	query, err := r.Query()
	if err != nil {
		return web.Response{}, err
	}
	from, err := v.decodeBatchCursor(provider, r.PathValue, query)
	if err != nil {
		return web.Response{}, err
	}
	tallies, err := v.storage.BatchTallies(r.Context(), provider, b.name())
	if err != nil {
		return web.Response{}, err
	}
	tallies = withoutOverlaps(tallies)
	body := batchResponse{batchSummary: summarise(r.PathValue, int(b.count), tallies), Events: []eventResponse{}}
	if body.Outcomes[timeline.Pending.String()] > 0 {
		return web.Response{Status: http.StatusOK, Body: body.batchSummary}, nil
	}
	facts, err := v.pageOfBatch(r.Context(), provider, b, tallies, from)
	if err != nil {
		return web.Response{}, err
	}
	reader := timeline.NewOutcomeReader(v.storage, maxParallelNames)
	outcomes, err := reader.Outcomes(r.Context(), provider, facts, timeline.At(v.now()))
	if err != nil {
		return web.Response{}, err
	}
	for i, f := range facts {
		body.Events = append(body.Events, v.factResponseFor(provider, f, outcomes[i]))
	}
	if end := from + len(facts); end < body.Count {
		next := v.encodeBatchCursor(provider, r.PathValue, end)
		body.Next = &next
	}
	return web.Response{Status: http.StatusOK, Body: body}, nil
}

// withoutOverlaps returns a batch's tallies, each event in one of them at the most. A batch that was sent again may
// have been split at other places, and then has parts that overlap those of the first time.
func withoutOverlaps(tallies []timeline.BatchTally) []timeline.BatchTally {
	var kept []timeline.BatchTally
	end := 0
	for _, t := range tallies {
		if t.Offset < end {
			continue
		}
		kept = append(kept, t)
		end = t.Offset
		for _, n := range t.ByState() {
			end += n
		}
	}
	return kept
}

// summarise adds up what became of a batch. What was not applied yet is pending.
func summarise(id string, count int, tallies []timeline.BatchTally) batchSummary {
	s := batchSummary{ID: id, Count: count, Outcomes: map[string]int{}}
	pending := count
	for _, t := range tallies {
		for state, n := range t.ByState() {
			s.Outcomes[state.String()] += n
			pending -= n
		}
	}
	if pending > 0 {
		s.Outcomes[timeline.Pending.String()] = pending
	}
	return s
}

// pageOfBatch reads the events of a page from the parts that hold them. The tallies tell where each part begins.
func (v Reader) pageOfBatch(
	ctx context.Context, provider string, b batch, tallies []timeline.BatchTally, from int,
) ([]timeline.Fact, error) {
	end := min(from+pageSize, int(b.count))
	if from >= end {
		return nil, nil
	}
	first := 0
	last := 0
	for _, t := range tallies {
		if t.Offset <= from {
			first = t.Offset
		}
		if t.Offset < end {
			last = t.Offset
		}
	}
	parts, err := v.storage.BatchParts(ctx, provider, b.name(), first, last)
	if err != nil {
		return nil, err
	}
	var facts []timeline.Fact
	for _, part := range parts {
		if part.Offset == first+len(facts) { // see withoutOverlaps
			facts = append(facts, part.Facts...)
		}
	}
	return facts[from-first : min(end-first, len(facts))], nil
}
