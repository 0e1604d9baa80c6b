package shift

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// guardDelay is after when the processor does again what v2 did at once. It is longer than a function may run.
const guardDelay = 30 * time.Second

// Ledger is where v2 adds to timelines, and reads them before.
type Ledger struct {
	Reader
	applier *timeline.Applier
	guard   queue.Sender
}

// NewLedger adds where the reader reads. The guard is the queue of the processor.
func NewLedger(reader Reader, guard queue.Sender) *Ledger {
	return &Ledger{Reader: reader, applier: timeline.NewApplier(reader.rows, 1), guard: guard}
}

// Create is POST /v2/shift.
func Create(keys web.Authenticator, l *Ledger) http.Handler {
	return web.NewFunction("shift-create", keys, map[string]web.Handler{"POST /v2/shift": l.create})
}

// End is PUT /v2/shift/{id}.
func End(keys web.Authenticator, l *Ledger) http.Handler {
	return web.NewFunction("shift-end", keys, map[string]web.Handler{"PUT /v2/shift/{id}": l.end})
}

// newShift is the body of a POST.
type newShift struct {
	User      *person.PersonRef `json:"user"`
	StartTime string            `json:"startTime"`
	EndTime   string            `json:"endTime"` // null and absent are the same (row 16)
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

// created is the body of a 201: the request, and the id.
type created struct {
	ID        string  `json:"id"`
	User      user    `json:"user"`
	StartTime string  `json:"startTime"`
	EndTime   *string `json:"endTime"`
}

const tooLong = "The maximum allowable shifts length is 14:00:00."

// create stores a LOGIN, with the end as its plan if there is one (rule 8), and answers when it is stored and folded.
func (l *Ledger) create(r *web.Request) (web.Response, error) {
	login, err := parseNewShift(r, l.now())
	if err != nil {
		return web.Response{}, err
	}
	known, err := l.known(r.Context(), r.Provider.ID, login.Name)
	if err != nil {
		return web.Response{}, err
	}
	if !known.History.Counts(login) {
		return web.Response{}, fault.InvalidField("startTime", "`startTime` must not be before the user's consent.")
	}
	if err := l.put(r.Context(), r.Provider.ID, login, "startTime"); err != nil {
		return web.Response{}, err
	}
	answer := created{ID: EventID(l.ids, r.Provider.ID, login), User: userOf(login.Name), StartTime: web.FormatTime(login.At.Time())}
	if login.PlannedEnd != timeline.Never {
		end := web.FormatTime(login.PlannedEnd.Time())
		answer.EndTime = &end
	}
	return web.Response{Status: http.StatusCreated, Body: answer}, nil
}

// parseNewShift checks a body by itself (rows 1, 2, 13, 15 and 16).
func parseNewShift(r *web.Request, now time.Time) (timeline.Fact, error) {
	var in newShift
	if err := web.Decode(r.Body, &in); err != nil {
		return timeline.Fact{}, err
	}
	if in.User == nil {
		return timeline.Fact{}, fault.InvalidField("user", "`user` must be provided.")
	}
	in.User.ReportDeprecated(r.NoteDeprecated)
	name, err := in.User.Name()
	if err != nil {
		return timeline.Fact{}, within("user", err)
	}
	start, err := web.ParseTime("startTime", in.StartTime, web.ZoneOptional)
	if err != nil {
		return timeline.Fact{}, err
	}
	if start.Before(now.Add(-tolerance)) || start.After(now.Add(tolerance)) {
		return timeline.Fact{}, fault.InvalidField("startTime", "`startTime` must be within 30 minutes from now.")
	}
	login := timeline.Fact{Name: name, Kind: timeline.Login, At: timeline.At(start), PlannedEnd: timeline.Never}
	if in.EndTime == "" {
		return login, nil
	}
	end, err := web.ParseTime("endTime", in.EndTime, web.ZoneOptional)
	switch {
	case err != nil:
		return timeline.Fact{}, err
	case !end.After(start):
		return timeline.Fact{}, fault.InvalidField("endTime", "`endTime` must be after `startTime`.")
	case end.After(start.Add(timeline.MaxShift)):
		return timeline.Fact{}, fault.InvalidField("endTime", tooLong)
	}
	login.PlannedEnd = timeline.At(end)
	return login, nil
}

// within puts a fault's field under the one that holds it.
func within(parent string, err error) error {
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	inner := *f
	inner.Field = parent + "." + f.Field
	return &inner
}

// put stores a fact and folds its person. The queue has the fact first, to be applied a little later: so if we do not get
// to the end, the processor does, and if we do, it finds nothing to do.
func (l *Ledger) put(ctx context.Context, provider string, f timeline.Fact, field string) error {
	facts := []timeline.Fact{f}
	if err := l.guard.Send(ctx, guardDelay, factMessages(provider, "", facts)...); err != nil {
		return err
	}
	result := l.applier.Apply(ctx, []timeline.Changes{{Provider: provider, Facts: facts}})[0]
	if result.Err == nil && result.Full {
		return fault.InvalidField(field, fmt.Sprintf("`%s` lies on a day with %d events of this user already.", field, timeline.MaxFactsPerDay))
	}
	return result.Err
}

// newEnd is the body of a PUT, and of its answer.
type newEnd struct {
	EndTime string `json:"endTime"`
}

// end stores a LOGOUT, judged against the shift that the id's LOGIN is in (rule 8).
func (l *Ledger) end(r *web.Request) (web.Response, error) {
	var in newEnd
	if err := web.Decode(r.Body, &in); err != nil {
		return web.Response{}, err
	}
	at, err := web.ParseTime("endTime", in.EndTime, web.ZoneOptional)
	if err != nil {
		return web.Response{}, err
	}
	login, _, held, err := l.held(r)
	if err != nil {
		return web.Response{}, err
	}
	end := timeline.At(at)
	logout := timeline.Fact{Name: login.Name, Kind: timeline.Logout, At: end, PlannedEnd: timeline.Never}
	switch {
	case end <= held.Start:
		err = fault.InvalidField("endTime", "`endTime` must be after the shift's start.")
	case end > held.Start.Add(timeline.MaxShift):
		err = fault.InvalidField("endTime", tooLong)
	case held.By == timeline.ByLogout && end != held.End:
		err = fault.InvalidField("endTime", "The shift has ended at another time already.")
	case end > held.End:
		err = fault.InvalidField("endTime", "`endTime` must not be after the shift's end.")
	default:
		err = l.put(r.Context(), r.Provider.ID, logout, "endTime")
	}
	if err != nil {
		return web.Response{}, err
	}
	return web.Response{Status: http.StatusCreated, Body: newEnd{web.FormatTime(at)}}, nil
}
