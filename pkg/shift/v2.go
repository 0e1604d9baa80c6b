package shift

import (
	"context"
	"errors"
	"net/http"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// Writer is where v2 adds to timelines, and reads them before.
type Writer struct {
	Reader
	applier       *timeline.Applier
	recoveryQueue queue.Sender
}

// NewWriter adds where the reader reads. The recovery queue is the one of the processor.
func NewWriter(reader Reader, recoveryQueue queue.Sender) *Writer {
	applier := timeline.NewApplier(reader.storage, 1)
	return &Writer{Reader: reader, applier: applier, recoveryQueue: recoveryQueue}
}

// Create is POST /v2/shift.
func Create(keys web.Authenticator, w *Writer) http.Handler {
	return web.NewFunction("shift-create", keys, map[string]web.Handler{"POST /v2/shift": w.create})
}

// End is PUT /v2/shift/{id}.
func End(keys web.Authenticator, w *Writer) http.Handler {
	return web.NewFunction("shift-end", keys, map[string]web.Handler{"PUT /v2/shift/{id}": w.end})
}

// createShiftRequest is the body of a POST.
type createShiftRequest struct {
	User      *person.PersonRef `json:"user"`
	StartTime string            `json:"startTime"`
	EndTime   string            `json:"endTime"` // null and absent are the same (contract row 16)
}

// user is how a shift names its person; the one that was not used is left out.
type user struct {
	CustomerNumber     string `json:"customerNumber,omitempty"`
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
}

func userOf(name person.Name) user {
	if name.Kind == person.UserID {
		return user{WorkProviderUserID: name.Value}
	}
	return user{CustomerNumber: name.Value}
}

// createShiftResponse is the body of a 201: the request, and the id.
type createShiftResponse struct {
	ID        string  `json:"id"`
	User      user    `json:"user"`
	StartTime string  `json:"startTime"`
	EndTime   *string `json:"endTime"`
}

// eventIDHeader carries the id of the LOGIN or LOGOUT that a request stored.
const eventIDHeader = "X-Event-Id"

// create stores a LOGIN, with the end as its plan if there is one (rule 8), and returns when it is stored and folded.
func (w *Writer) create(r *web.Request) (web.Response, error) {
	now := w.now()
	login, err := parseCreateShift(r, now)
	if err != nil {
		return web.Response{}, err
	}
	customer, ok, err := timeline.FindConsented(r.Context(), w.storage, r.Provider.ID, login.Name, timeline.At(now))
	if err == nil && (!ok || !customer.History.Matched(timeline.At(now))) {
		err = errMatchedUser
	}
	if err != nil {
		return web.Response{}, err
	}
	if !customer.History.Counts(login) {
		return web.Response{}, fault.InvalidField("startTime", "`startTime` must not be before the user's consent.")
	}
	tally, err := w.applyNow(r.Context(), r.Provider.ID, login, "startTime")
	if err == nil && tally.Voided > 0 {
		err = fault.InvalidField("startTime", "The LOGIN of this `startTime` was taken back.")
	}
	if err != nil {
		return web.Response{}, err
	}
	body := createShiftResponse{
		ID: EventID(w.ids, r.Provider.ID, login), User: userOf(login.Name), StartTime: web.FormatTime(login.At.Time()),
	}
	if login.PlannedEnd != timeline.Never {
		end := web.FormatTime(login.PlannedEnd.Time())
		body.EndTime = &end
	}
	return web.Response{Status: http.StatusCreated, Header: http.Header{eventIDHeader: {body.ID}}, Body: body}, nil
}

// parseCreateShift checks a body by itself (contract rows 1, 2, 13, 15 and 16).
func parseCreateShift(r *web.Request, now time.Time) (timeline.Fact, error) {
	var in createShiftRequest
	if err := web.Decode(r.Body, &in); err != nil {
		return timeline.Fact{}, err
	}
	if in.User == nil {
		return timeline.Fact{}, fault.InvalidField("user", "`user` must be provided.")
	}
	in.User.ReportDeprecated(r.NoteDeprecated)
	name, err := in.User.Name()
	if err != nil {
		return timeline.Fact{}, prefixField("user", err)
	}
	start, err := web.ParseTime("startTime", in.StartTime, web.ZoneOptional)
	if err != nil {
		return timeline.Fact{}, err
	}
	if start.Before(now.Add(-maxClockSkew)) || start.After(now.Add(maxClockSkew)) {
		return timeline.Fact{}, fault.InvalidField("startTime", "`startTime` must be within 30 minutes from now.")
	}
	login := timeline.Fact{
		Name: name, Kind: timeline.Login, At: timeline.At(start), PlannedEnd: timeline.Never,
		Accepted: timeline.AcceptedAt(now),
	}
	if in.EndTime == "" {
		return login, nil
	}
	end, err := web.ParseTime("endTime", in.EndTime, web.ZoneOptional)
	if err != nil {
		return timeline.Fact{}, err
	}
	login.PlannedEnd = timeline.At(end)
	if login.PlannedEnd <= login.At {
		return timeline.Fact{}, fault.InvalidField("endTime", "`endTime` must be after `startTime`.")
	}
	return login, checkLength(login, login.PlannedEnd)
}

// checkLength returns an error if an end lies too long after a LOGIN.
func checkLength(login timeline.Fact, end timeline.Instant) error {
	if end > login.At.Add(timeline.MaxShift) {
		return fault.InvalidField("endTime", "The maximum allowable shifts length is 14:00:00.")
	}
	return nil
}

// prefixField puts an error's field under the one that holds it.
func prefixField(parent string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	inner := *f
	inner.Field = parent + "." + f.Field
	return &inner
}

// applyNow stores a fact and folds its person, and returns what became of it. The queue has the fact first, to be
// applied a little later: so if we do not get to the end, the processor does, and if we do, it finds nothing to do
// (ADR 8). The field is the one that an error names.
func (w *Writer) applyNow(
	ctx context.Context, provider string, f timeline.Fact, field string,
) (timeline.Tally, error) {
	messages := factMessages(provider, "", []timeline.Fact{f})
	if err := w.recoveryQueue.Send(ctx, provider, queue.RecoveryDelay, messages...); err != nil {
		return timeline.Tally{}, err
	}
	result := w.apply(ctx, timeline.MessageChanges{Provider: provider, Facts: []timeline.Fact{f}}, f.Accepted)
	if result.Err == nil && result.Overflow {
		result.Err = tooManyEvents(field)
	}
	return result.Tally, result.Err
}

// apply applies the changes of one request.
func (w *Writer) apply(ctx context.Context, changes timeline.MessageChanges, now timeline.Instant) timeline.Result {
	return w.applier.Apply(ctx, []timeline.MessageChanges{changes}, now)[0]
}

func tooManyEvents(field string) error {
	return fault.InvalidField(field, "This user has too many events on that day.")
}

// endShiftRequest is the body of a PUT, and of its response.
type endShiftRequest struct {
	EndTime string `json:"endTime"`
}

var (
	errEndedOtherwise = fault.InvalidField("endTime", "The shift has already ended at a different time.")
	errEndBeforeStart = fault.InvalidField("endTime", "`endTime` must be after the shift's start.")
	errEndAfterEnd    = fault.InvalidField("endTime", "`endTime` must not be after the shift's end.")
	errEndTakenBack   = fault.InvalidField("endTime", "The LOGOUT of this `endTime` was taken back.")

	errEndContended = fault.Wrap(fault.Unavailable, errors.New("shift: the end of a shift was contended for"))
)

// maxEndAttempts is how often an end is judged anew because the customer's facts changed meanwhile.
const maxEndAttempts = 30

// refusedEndReason is the reason of the void by which a refused end is taken back.
const refusedEndReason = "The request that sent it was refused: the shift ended otherwise."

// end ends the cover of the LOGIN that the id names (rule 8): with a LOGOUT or, if the end is still to come, with
// another planned end.
func (w *Writer) end(r *web.Request) (web.Response, error) {
	var in endShiftRequest
	if err := web.Decode(r.Body, &in); err != nil {
		return web.Response{}, err
	}
	at, err := web.ParseTime("endTime", in.EndTime, web.ZoneOptional)
	if err != nil {
		return web.Response{}, err
	}
	found, err := w.shiftByID(r)
	if err != nil {
		return web.Response{}, err
	}
	end := timeline.At(at)
	now := w.now()
	if end <= found.Login.At {
		return web.Response{}, errEndBeforeStart
	}
	if err := checkLength(found.Login, end); err != nil {
		return web.Response{}, err
	}
	var stored timeline.Fact
	if at.After(now) {
		stored, err = w.planEnd(r, found, end, now)
	} else {
		stored, err = w.logOut(r, found, end, now)
	}
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{
		Status: http.StatusCreated,
		Header: http.Header{eventIDHeader: {EventID(w.ids, r.Provider.ID, stored)}},
		Body:   endShiftRequest{web.FormatTime(at)},
	}, nil
}

// planEnd gives the LOGIN another planned end, while its cover period is open. The one accepted last counts, so it is
// accepted after every other.
func (w *Writer) planEnd(
	r *web.Request, found timeline.FoundShift, end timeline.Instant, now time.Time,
) (timeline.Fact, error) {
	isOver := found.CoverEnd <= timeline.At(now)
	if isOver && found.CoverEndedBy == timeline.EndLogout {
		return timeline.Fact{}, errEndedOtherwise
	}
	if isOver {
		return timeline.Fact{}, errEndAfterEnd
	}
	login := found.Login
	login.PlannedEnd = end
	login.Accepted = max(timeline.AcceptedAt(now), login.Accepted.Add(time.Millisecond))
	_, err := w.applyNow(r.Context(), r.Provider.ID, login, "endTime")
	return login, err
}

// logOut ends the cover period with a LOGOUT under the customer's number. The queue has no more of it beforehand than
// that the person is to be folded: a LOGOUT in it would end the cover even if this request is refused. If the period
// turns out to have ended otherwise the LOGOUT is taken back: it must not end anything later.
func (w *Writer) logOut(
	r *web.Request, found timeline.FoundShift, end timeline.Instant, now time.Time,
) (timeline.Fact, error) {
	logout := timeline.Fact{
		Name: person.Name{Kind: person.CustomerNumber, Value: found.Customer.Number}, Kind: timeline.Logout, At: end,
		PlannedEnd: timeline.Never, Accepted: timeline.AcceptedAt(now),
	}
	if err := checkLogout(found, end); err != nil {
		return logout, err
	}
	message := recomputeMessage(r.Provider.ID, timeline.Recompute{Customer: found.Customer.Number, From: end})
	if err := w.recoveryQueue.Send(r.Context(), r.Provider.ID, queue.RecoveryDelay, message); err != nil {
		return logout, err
	}
	isNew, err := w.storeLogout(r, found, logout)
	if err != nil {
		return logout, err
	}
	err = w.foldLogout(r, logout)
	if err == nil || fault.KindOf(err).Retryable() || !isNew {
		return logout, err
	}
	if _, voidErr := w.void(r.Context(), r.Provider.ID, logout, logout.Accepted, refusedEndReason); voidErr != nil {
		return logout, voidErr
	}
	return logout, err
}

// checkLogout returns an error if a LOGOUT cannot end the cover of the shift that was found.
func checkLogout(found timeline.FoundShift, end timeline.Instant) error {
	switch {
	case found.EndTakenBack(end):
		return errEndTakenBack
	case found.CoverEndedBy == timeline.EndLogout && end != found.CoverEnd:
		return errEndedOtherwise
	case end > found.CoverEnd:
		return errEndAfterEnd
	}
	return nil
}

// storeLogout stores a LOGOUT, on condition that the shift is still the one that was found: of two ends that come at
// once, the second finds the first, and is judged anew. It reports whether nobody had sent that LOGOUT before, so that
// it can be taken back if this request is refused.
func (w *Writer) storeLogout(
	r *web.Request, found timeline.FoundShift, logout timeline.Fact,
) (isNew bool, err error) {
	for range maxEndAttempts {
		isNew = !found.HasLogout(logout)
		result, err := found.StoreLogout(r.Context(), w.storage, logout)
		switch {
		case err != nil || result == timeline.LogoutStored:
			return isNew, err
		case result == timeline.DayFull:
			return false, tooManyEvents("endTime")
		}
		if found, err = w.shiftByID(r); err != nil {
			return isNew, err
		}
		if err := checkLogout(found, logout.At); err != nil {
			return isNew, err
		}
	}
	return isNew, errEndContended
}

// foldLogout folds the person of a LOGOUT that is stored, and returns an error if it does not end the cover, because
// another LOGOUT came at the same moment.
func (w *Writer) foldLogout(r *web.Request, logout timeline.Fact) error {
	changes := timeline.MessageChanges{Provider: r.Provider.ID, Facts: []timeline.Fact{logout}}
	if result := w.apply(r.Context(), changes, logout.Accepted); result.Err != nil {
		return result.Err
	}
	after, err := w.shiftByID(r)
	if err == nil && (after.CoverEnd != logout.At || after.CoverEndedBy != timeline.EndLogout) {
		err = errEndedOtherwise
	}
	return err
}
