package shift

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// How long a time a list covers.
const (
	defaultPeriod = 14 * 24 * time.Hour
	maxPeriod     = 92 * 24 * time.Hour
)

// Reader is where v2 reads timelines.
type Reader struct {
	storage timeline.Storage
	ids     *seal.Sealer
	now     func() time.Time
}

// NewReader reads storage, whose shifts have these ids.
func NewReader(storage timeline.Storage, ids *seal.Sealer, now func() time.Time) Reader {
	return Reader{storage, ids, now}
}

// Read is GET /v2/shift/{id} and GET /v2/shift.
func Read(keys web.Authenticator, v Reader) http.Handler {
	return web.NewFunction("shift-read", keys, map[string]web.Handler{
		"GET /v2/shift/{id}": v.read,
		"GET /v2/shift":      v.list,
	})
}

// The same for a user who is unknown and for one who has not consented (contract rows 22 and 23). A shift is created
// for a matched user only.
var (
	errUser        = fault.InvalidField("user", "`user` must be a customer who shares their data with you.")
	errMatchedUser = fault.InvalidField("user", "`user` must be a customer who shares their data with you and is matched.")
)

// errNoShift is the same for an id that is forged, foreign, or of a LOGIN that does not count.
var errNoShift = fault.New(fault.NotFound, "No such shift")

// shiftByID finds the shift that the path's id names.
func (v Reader) shiftByID(r *web.Request) (timeline.FoundShift, error) {
	login, ok := openLogin(v.ids, r.Provider.ID, r.PathValue)
	if !ok {
		return timeline.FoundShift{}, errNoShift
	}
	found, ok, err := timeline.FindShift(r.Context(), v.storage, r.Provider.ID, login, timeline.At(v.now()))
	if err == nil && !ok {
		err = errNoShift
	}
	return found, err
}

// shiftResponse is a shift as it is read: under its customer number, and the id of the LOGIN that names it, whichever
// it was asked by.
type shiftResponse struct {
	ID              string  `json:"id"`
	User            user    `json:"user"`
	StartTime       string  `json:"startTime"`
	EndTime         *string `json:"endTime"`
	EndedBy         *string `json:"endedBy"`
	StartAcceptedAt *string `json:"startAcceptedAt"`
	EndAcceptedAt   *string `json:"endAcceptedAt"`
	Revision        int64   `json:"revision"`
}

// shiftID returns the id by which a work provider knows a shift: that of the LOGIN that names it.
func (v Reader) shiftID(provider string, s timeline.Shift) string {
	return EventID(v.ids, provider, timeline.Fact{Name: s.Name, Kind: timeline.Login, At: s.Login})
}

// shiftResponseFor tells a shift as the clock has it: while it is open `endedBy` is null, and `endTime` is the end that
// was planned or sent ahead of time, if any.
func (v Reader) shiftResponseFor(
	provider, customer string, s timeline.ListedShift, now timeline.Instant,
) shiftResponse {
	out := shiftResponse{
		ID:              v.shiftID(provider, s.Shift),
		User:            user{CustomerNumber: customer},
		StartTime:       web.FormatTime(s.Start.Time()),
		StartAcceptedAt: formatAcceptance(s.StartAccepted),
		EndAcceptedAt:   formatAcceptance(s.EndAccepted),
		Revision:        s.Revision,
	}
	open := s.Open(now)
	if !open || s.EndedBy == timeline.EndPlanned || s.EndedBy == timeline.EndLogout {
		end := web.FormatTime(s.End.Time())
		out.EndTime = &end
	}
	if !open {
		by := s.EndedBy.String()
		out.EndedBy = &by
	}
	return out
}

// read returns the shift that the id's LOGIN names or, if it names none, the one that holds it, folded from the facts
// at this moment or, with `asKnownAt`, from those of an earlier one.
func (v Reader) read(r *web.Request) (web.Response, error) {
	query, err := r.Query()
	if err != nil {
		return web.Response{}, err
	}
	at, err := v.parseAsKnownAt(query)
	if err != nil {
		return web.Response{}, err
	}
	if at != 0 {
		return v.readAsKnownAt(r, at)
	}
	found, err := v.shiftByID(r)
	if err != nil {
		return web.Response{}, err
	}
	revision, err := found.Customer.Revision(r.Context(), v.storage, found.Shift)
	if err != nil {
		return web.Response{}, err
	}
	listed := timeline.ListedShift{ReportedShift: found.ReportedShift, Revision: revision}
	body := v.shiftResponseFor(r.Provider.ID, found.Customer.Number, listed, timeline.At(v.now()))
	return web.Response{Status: http.StatusOK, Body: body}, nil
}

// parseAsKnownAt reads `asKnownAt`, which must not lie ahead; 0 if it was not sent.
func (v Reader) parseAsKnownAt(query url.Values) (timeline.Instant, error) {
	value, err := singleValue("asKnownAt", query)
	if err != nil || value == "" {
		return 0, err
	}
	at, err := web.ParseQueryTime("asKnownAt", value)
	if err != nil {
		return 0, err
	}
	if at.After(v.now()) {
		return 0, fault.InvalidField("asKnownAt", "`asKnownAt` must not be in the future.")
	}
	return timeline.At(at), nil
}

// readAsKnownAt returns what read would have returned at an instant, to whom the customer shares with now. Of revisions
// nothing is known then.
func (v Reader) readAsKnownAt(r *web.Request, at timeline.Instant) (web.Response, error) {
	past := v
	past.storage = timeline.KnownAt(v.storage, at)
	past.now = at.Time
	found, err := past.shiftByID(r)
	if err != nil {
		return web.Response{}, err
	}
	number := person.Name{Kind: person.CustomerNumber, Value: found.Customer.Number}
	_, ok, err := timeline.FindConsented(r.Context(), v.storage, r.Provider.ID, number, timeline.At(v.now()))
	if err == nil && !ok {
		err = errNoShift
	}
	listed := timeline.ListedShift{ReportedShift: found.ReportedShift}
	return web.Response{
		Status: http.StatusOK, Body: v.shiftResponseFor(r.Provider.ID, found.Customer.Number, listed, at),
	}, err
}

// shiftListResponse is the body of a list.
type shiftListResponse struct {
	Shifts []shiftResponse `json:"shifts"`
	Next   *string         `json:"next"`
}

// list returns a customer's shifts by start, folded from the facts at this moment.
func (v Reader) list(r *web.Request) (web.Response, error) {
	query, err := r.Query()
	if err != nil {
		return web.Response{}, err
	}
	person.ReportDeprecatedQuery(query, r.NoteDeprecated)
	name, err := person.FromQuery(query)
	if err != nil {
		return web.Response{}, err
	}
	params, err := v.parseList(r.Provider.ID, name, query)
	if err != nil {
		return web.Response{}, err
	}
	customer, err := v.consentedCustomer(r.Context(), r.Provider.ID, name)
	if err != nil {
		return web.Response{}, err
	}
	shifts, more, err := customer.List(r.Context(), v.storage, params.ListQuery)
	if err != nil {
		return web.Response{}, err
	}
	body := shiftListResponse{Shifts: []shiftResponse{}}
	for _, s := range shifts {
		body.Shifts = append(body.Shifts, v.shiftResponseFor(r.Provider.ID, customer.Number, s, timeline.At(v.now())))
	}
	if more {
		last := shifts[len(shifts)-1]
		cursor := shiftCursor{timeline.Position{Start: last.Start, Login: last.Login}, params.To}
		next := v.encodeCursor(r.Provider.ID, cursor, params.params)
		body.Next = &next
	}
	return web.Response{Status: http.StatusOK, Body: body}, nil
}

// consentedCustomer returns the customer whom a name stands for. Whether the two are matched does not matter to a
// reader.
func (v Reader) consentedCustomer(
	ctx context.Context, provider string, name person.Name,
) (timeline.ConsentedCustomer, error) {
	customer, ok, err := timeline.FindConsented(ctx, v.storage, provider, name, timeline.At(v.now()))
	if err == nil && !ok {
		err = errUser
	}
	return customer, err
}

// listRequest is what a page is asked for by, and a digest of the parameters.
type listRequest struct {
	timeline.ListQuery
	params digest
}

// parseList reads `from`, `to` and `next`. What `next` says, it says for the same other parameters only.
func (v Reader) parseList(provider string, name person.Name, query url.Values) (listRequest, error) {
	var values [3]string
	for i, parameter := range []string{"from", "to", "next"} {
		var err error
		if values[i], err = singleValue(parameter, query); err != nil {
			return listRequest{}, err
		}
	}
	from, to, err := v.parsePeriod(values[0], values[1])
	if err != nil {
		return listRequest{}, err
	}
	now := timeline.At(v.now())
	list := listRequest{
		ListQuery: timeline.ListQuery{From: from, To: to, Count: pageSize, Now: now},
		params:    listDigest(name, values[0], values[1]),
	}
	if next := values[2]; next != "" {
		cursor, err := v.decodeCursor(provider, next, list.params)
		if err != nil {
			return listRequest{}, err
		}
		list.From = cursor.after.Start
		list.To = cursor.to
		list.After = &cursor.after
		return list, nil // the period was judged with the first page; the clock has gone on since
	}
	last := now
	if to != timeline.Never {
		last = to
	}
	if last.Time().Sub(from.Time()) > maxPeriod {
		return listRequest{}, fault.InvalidField("from", "The range `from`–`to` must not exceed 92 days.")
	}
	return list, nil
}

// parsePeriod reads the period of a list: without an end it has none, without a start it begins 14 days before its end
// or now.
func (v Reader) parsePeriod(from, to string) (first, end timeline.Instant, err error) {
	end = timeline.Never
	last := v.now()
	if to != "" {
		if last, err = web.ParseQueryTime("to", to); err != nil {
			return 0, 0, err
		}
		end = timeline.At(last)
	}
	start := last.Add(-defaultPeriod)
	if from != "" {
		if start, err = web.ParseQueryTime("from", from); err != nil {
			return 0, 0, err
		}
	}
	return timeline.At(start), end, nil
}
