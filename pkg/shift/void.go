package shift

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// MaxVoidAge is how long after its instant a work provider can take an event back; operators can at any time.
const MaxVoidAge = 30 * 24 * time.Hour

// maxReasonLength is the longest reason of a void, in characters.
const maxReasonLength = 200

// Void is POST /v2/event/{id}/void: a LOGIN or LOGOUT is taken back (rule 11).
func Void(keys web.Authenticator, w *Writer) http.Handler {
	return web.NewFunction("event-void", keys, map[string]web.Handler{"POST /v2/event/{id}/void": w.voidEvent})
}

// voidRequest is the body of a void.
type voidRequest struct {
	Reason string `json:"reason"`
}

// voidResponse is the body of its 201.
type voidResponse struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	VoidedAt string `json:"voidedAt"`
}

var (
	errVoidMatch = fault.InvalidField("id", "A match cannot be taken back. Send another one instead.")
	errVoidAge   = fault.InvalidField("id", "The event is older than 30 days. Ask us to take it back.")
	errVoidFull  = fault.InvalidField("id", "The event was rejected, because its user has too many events on that day.")
)

// voidEvent takes an event back. What was taken back is answered as it was the first time, however old it is by now.
func (w *Writer) voidEvent(r *web.Request) (web.Response, error) {
	var in voidRequest
	if err := web.Decode(r.Body, &in); err != nil {
		return web.Response{}, err
	}
	if err := CheckReason(in.Reason); err != nil {
		return web.Response{}, err
	}
	event, _, ok := OpenEvent(w.ids, r.Provider.ID, r.PathValue)
	if !ok {
		return web.Response{}, errNoEvent
	}
	if event.Kind == 0 {
		return web.Response{}, errVoidMatch
	}
	voidedAt, err := timeline.VoidedAt(r.Context(), w.storage, r.Provider.ID, event)
	if err == nil && voidedAt == 0 {
		if now := timeline.At(w.now()); now > event.At.Add(MaxVoidAge) {
			return web.Response{}, errVoidAge
		}
		voidedAt, err = w.Void(r.Context(), r.Provider.ID, event, in.Reason)
	}
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{
		Status: http.StatusCreated,
		Body:   voidResponse{r.PathValue, timeline.StateVoided.String(), web.FormatTime(voidedAt.Time())},
	}, nil
}

// CheckReason returns an error unless a reason has 1 to 200 characters, none of which controls a terminal.
func CheckReason(reason string) error {
	if n := utf8.RuneCountInString(reason); n == 0 || n > maxReasonLength {
		return fault.InvalidField("reason", "`reason` must be 1 to 200 characters long.")
	}
	if strings.ContainsFunc(reason, unicode.IsControl) {
		return fault.InvalidField("reason", "`reason` must not contain control characters.")
	}
	return nil
}

// Void takes an event back, whoever asks for it and however old it is, and returns since when it is taken back: since
// the first time.
func (w *Writer) Void(
	ctx context.Context, provider string, event timeline.Fact, reason string,
) (timeline.Instant, error) {
	return w.void(ctx, provider, event, timeline.AcceptedAt(w.now()), reason)
}

// void does the same as of an instant. The queue has the void first, as it has every fact of v2.
func (w *Writer) void(
	ctx context.Context, provider string, event timeline.Fact, accepted timeline.Instant, reason string,
) (timeline.Instant, error) {
	void := timeline.NewVoid(event, accepted, reason)
	if err := w.recoveryQueue.Send(ctx, provider, queue.RecoveryDelay, voidMessage(provider, void)); err != nil {
		return 0, err
	}
	result := w.apply(ctx, timeline.MessageChanges{Provider: provider, Voids: []timeline.Void{void}}, accepted)
	if result.Err != nil {
		return 0, result.Err
	}
	if result.Overflow {
		return 0, errVoidFull
	}
	return timeline.VoidedAt(ctx, w.storage, provider, event)
}
