package shift

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// ReadEvents is GET /v2/event/{id} and GET /v2/batch/{id}: what became of what was accepted. Nothing was written when it
// was, but the queue message: an id is the event itself, and reads PENDING until the event is in its set.
func ReadEvents(keys web.Authenticator, v Reader) http.Handler {
	return web.NewFunction("event-read", keys, map[string]web.Handler{
		"GET /v2/event/{id}": v.readEvent,
		"GET /v2/batch/{id}": v.readBatch,
	})
}

// parallelNames is how many people's facts are read at once for a batch.
const parallelNames = 32

// told is an event as it is read; what does not apply is null.
type told struct {
	ID                 string  `json:"id"`
	State              string  `json:"state"`
	Effect             *string `json:"effect"`
	Reason             *string `json:"reason"`
	ShiftID            *string `json:"shiftId"`
	CustomerNumber     string  `json:"customerNumber,omitempty"`
	WorkProviderUserID string  `json:"workProviderUserId,omitempty"`
	Kind               string  `json:"kind"`
	Timestamp          string  `json:"timestamp"`
}

// tell puts an event and its outcome into words.
func (v Reader) tell(provider, id, kind string, name person.Name, at timeline.Instant, o timeline.Outcome) told {
	out := told{ID: id, State: o.State.String(), Kind: kind, Timestamp: web.FormatTime(at.Time())}
	if name.Kind == person.UserID {
		out.WorkProviderUserID = name.Value
	} else {
		out.CustomerNumber = name.Value
	}
	if o.Effect != 0 {
		effect := o.Effect.String()
		shift := EventID(v.ids, provider, timeline.Fact{Name: o.Shift.Name, Kind: timeline.Login, At: o.Shift.Start})
		out.Effect, out.ShiftID = &effect, &shift
	}
	if o.Reason != 0 {
		reason := o.Reason.String()
		out.Reason = &reason
	}
	return out
}

var (
	errNoEvent = fault.New(fault.NotFound, "There is no such event")
	errNoBatch = fault.New(fault.NotFound, "There is no such batch")
)

func (v Reader) readEvent(r *web.Request) (web.Response, error) {
	f, verdict, ok := OpenEvent(v.ids, r.Provider.ID, r.PathValue)
	if !ok {
		return web.Response{}, errNoEvent
	}
	now := timeline.At(v.now())
	observer := timeline.NewObserver(v.rows, 1)
	if f.Kind == 0 {
		outcome, err := observer.Verdict(r.Context(), r.Provider.ID, verdict, now)
		return web.Response{Status: http.StatusOK, Body: v.tell(r.Provider.ID, r.PathValue, "MATCH", f.Name, f.At, outcome)}, err
	}
	outcomes, err := observer.Outcomes(r.Context(), r.Provider.ID, []timeline.Fact{f}, now)
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{Status: http.StatusOK, Body: v.tell(r.Provider.ID, r.PathValue, f.Kind.String(), f.Name, f.At, outcomes[0])}, nil
}

// toldBatch is a batch as it is read; its events, and where the next page begins, only once all of it has been processed.
type toldBatch struct {
	ID       string         `json:"id"`
	Count    int            `json:"count"`
	Outcomes map[string]int `json:"outcomes"`
}

type toldEvents struct {
	toldBatch
	Events []told  `json:"events"`
	Next   *string `json:"next"`
}

func (v Reader) readBatch(r *web.Request) (web.Response, error) {
	b, ok := openBatch(v.ids, r.Provider.ID, r.PathValue)
	if !ok {
		return web.Response{}, errNoBatch
	}
	query, err := r.Query()
	if err != nil {
		return web.Response{}, err
	}
	from, err := v.batchPage(r.Provider.ID, r.PathValue, query["next"])
	if err != nil {
		return web.Response{}, err
	}
	facts, err := v.factsOf(r.Context(), r.Provider.ID, b)
	if err != nil {
		return web.Response{}, err
	}
	observer := timeline.NewObserver(v.rows, parallelNames)
	outcomes, err := observer.Outcomes(r.Context(), r.Provider.ID, facts, timeline.At(v.now()))
	if err != nil {
		return web.Response{}, err
	}
	answer := toldEvents{toldBatch: toldBatch{ID: r.PathValue, Count: int(b.count), Outcomes: map[string]int{}}, Events: []told{}}
	for _, o := range outcomes {
		answer.Outcomes[o.State.String()]++
	}
	if missing := int(b.count) - len(facts); missing > 0 {
		answer.Outcomes[timeline.Pending.String()] += missing
		return web.Response{Status: http.StatusOK, Body: answer.toldBatch}, nil
	}
	for i := from; i < len(facts); i++ {
		if i == from+pageSize {
			next := v.sealPage(r.Provider.ID, r.PathValue, i)
			answer.Next = &next
			break
		}
		f := facts[i]
		answer.Events = append(answer.Events, v.tell(r.Provider.ID, EventID(v.ids, r.Provider.ID, f), f.Kind.String(), f.Name, f.At, outcomes[i]))
	}
	return web.Response{Status: http.StatusOK, Body: answer}, nil
}

// factsOf is what of a batch has been processed.
func (v Reader) factsOf(ctx context.Context, provider string, b batch) ([]timeline.Fact, error) {
	if b.count == 0 {
		return nil, nil
	}
	parts, err := v.rows.Parts(ctx, provider, b.name())
	var facts []timeline.Fact
	for _, part := range parts {
		facts = append(facts, part.Facts...)
	}
	return facts, err
}

// sealPage is where the next page of a batch begins; batchPage opens it, for the same batch only.
func (v Reader) sealPage(provider, id string, from int) string {
	digest := sha256.Sum256([]byte(id))
	return v.ids.Seal(nextPurpose, provider, binary.BigEndian.AppendUint32(digest[:16:16], uint32(from)))
}

func (v Reader) batchPage(provider, id string, next []string) (int, error) {
	text, err := single("next", map[string][]string{"next": next})
	if err != nil || text == "" {
		return 0, err
	}
	b, err := v.ids.Open(nextPurpose, provider, text)
	digest := sha256.Sum256([]byte(id))
	if err != nil || len(b) != 20 || [16]byte(b) != [16]byte(digest[:]) {
		return 0, errNext
	}
	return int(binary.BigEndian.Uint32(b[16:])), nil
}
