package shift

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"net/url"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// What a list holds at the most, and how long a time it covers.
const (
	pageSize    = 100
	usualPeriod = 14 * 24 * time.Hour
	maxPeriod   = 92 * 24 * time.Hour
)

// Reader is where v2 reads timelines.
type Reader struct {
	rows timeline.Rows
	ids  *seal.Sealer
	now  func() time.Time
}

// NewReader reads rows, whose shifts have these ids.
func NewReader(rows timeline.Rows, ids *seal.Sealer, now func() time.Time) Reader {
	return Reader{rows, ids, now}
}

// Read is GET /v2/shift/{id} and GET /v2/shift.
func Read(keys web.Authenticator, v Reader) http.Handler {
	return web.NewFunction("shift-read", keys, map[string]web.Handler{
		"GET /v2/shift/{id}": v.read,
		"GET /v2/shift":      v.list,
	})
}

// errUser is the same for a user who is unknown, who has not consented and who is not matched (rows 22 and 23).
var errUser = fault.InvalidField("user", "`user` must be a customer who shares their data with you and is matched.")

// known is the customer that a name stands for.
func (v Reader) known(ctx context.Context, provider string, name person.Name) (timeline.Known, error) {
	now := timeline.At(v.now())
	known, ok, err := timeline.Find(ctx, v.rows, provider, name, now)
	if err != nil {
		return known, err
	}
	if !ok || !known.History.Matched(now) {
		return known, errUser
	}
	return known, nil
}

// errNoShift is the same for an id that is forged, foreign, or of a shift that does not count or has no length.
var errNoShift = fault.New(fault.NotFound, "There is no such shift")

// held finds the LOGIN that the path's id names, its person and the shift that holds it.
func (v Reader) held(r *web.Request) (timeline.Fact, timeline.Known, timeline.Shift, error) {
	login, ok := openLogin(v.ids, r.Provider.ID, r.PathValue)
	if !ok {
		return login, timeline.Known{}, timeline.Shift{}, errNoShift
	}
	known, ok, err := timeline.Find(r.Context(), v.rows, r.Provider.ID, login.Name, timeline.At(v.now()))
	if err == nil && !ok {
		err = errNoShift
	}
	if err != nil {
		return login, known, timeline.Shift{}, err
	}
	shift, ok, err := known.Holding(r.Context(), v.rows, login)
	if err == nil && !ok {
		err = errNoShift
	}
	return login, known, shift, err
}

// shown is a shift as it is read: under its customer number, and the id of its earliest LOGIN, whichever it was asked by.
type shown struct {
	ID        string  `json:"id"`
	User      user    `json:"user"`
	StartTime string  `json:"startTime"`
	EndTime   *string `json:"endTime"`
	EndedBy   *string `json:"endedBy"`
	Revision  int64   `json:"revision"`
}

// show tells a shift as the clock has it: while it is open `endedBy` is null, and `endTime` is the end that somebody
// planned or sent ahead of time, if any.
func (v Reader) show(provider, customer string, s timeline.Listed) shown {
	out := shown{
		ID:        EventID(v.ids, provider, timeline.Fact{Name: s.Name, Kind: timeline.Login, At: s.Start}),
		User:      user{CustomerNumber: customer},
		StartTime: web.FormatTime(s.Start.Time()),
		Revision:  s.Revision,
	}
	open := s.Open(timeline.At(v.now()))
	if !open || s.By == timeline.ByPlan || s.By == timeline.ByLogout {
		end := web.FormatTime(s.End.Time())
		out.EndTime = &end
	}
	if !open {
		by := s.By.String()
		out.EndedBy = &by
	}
	return out
}

// read is the shift that holds the id's LOGIN, folded from the facts at this moment.
func (v Reader) read(r *web.Request) (web.Response, error) {
	_, known, held, err := v.held(r)
	if err != nil {
		return web.Response{}, err
	}
	revision, err := known.Revision(r.Context(), v.rows, held)
	if err != nil {
		return web.Response{}, err
	}
	listed := timeline.Listed{Shift: held, Revision: revision}
	return web.Response{Status: http.StatusOK, Body: v.show(known.Provider, known.Customer, listed)}, nil
}

// page is the body of a list.
type page struct {
	Shifts []shown `json:"shifts"`
	Next   *string `json:"next"`
}

// list is a customer's shifts by start, read from the records.
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
	asked, err := v.period(r.Provider.ID, name, query)
	if err != nil {
		return web.Response{}, err
	}
	known, err := v.known(r.Context(), r.Provider.ID, name)
	if err != nil {
		return web.Response{}, err
	}
	shifts, err := known.List(r.Context(), v.rows, asked.from, asked.to)
	if err != nil {
		return web.Response{}, err
	}
	answer := page{Shifts: []shown{}}
	for i, s := range shifts {
		if i == pageSize {
			next := v.sealNext(r.Provider.ID, period{from: s.Start.Time(), to: asked.to, asked: asked.asked})
			answer.Next = &next
			break
		}
		answer.Shifts = append(answer.Shifts, v.show(known.Provider, known.Customer, s))
	}
	return web.Response{Status: http.StatusOK, Body: answer}, nil
}

// period is the time that a page covers, and a digest of the parameters that asked for it.
type period struct {
	from, to time.Time
	asked    [16]byte
}

// period reads `from`, `to` and `next`. What `next` says, it says for the same other parameters only.
func (v Reader) period(provider string, name person.Name, query url.Values) (period, error) {
	var texts [3]string
	for i, parameter := range []string{"from", "to", "next"} {
		var err error
		if texts[i], err = single(parameter, query); err != nil {
			return period{}, err
		}
	}
	from, to := texts[0], texts[1]
	var p period
	copy(p.asked[:], digest(name, from, to))
	var err error
	p.to = timeline.Never.Time()
	last := v.now()
	if to != "" {
		if p.to, err = web.ParseQueryTime("to", to); err != nil {
			return period{}, err
		}
		last = p.to
	}
	p.from = last.Add(-usualPeriod)
	if from != "" {
		if p.from, err = web.ParseQueryTime("from", from); err != nil {
			return period{}, err
		}
	}
	switch {
	case texts[2] != "": // was judged with the first page; the clock has gone on since
		return v.openNext(provider, texts[2], p.asked)
	case last.Sub(p.from) > maxPeriod:
		return period{}, fault.InvalidField("from", "`from` must not be more than 92 days before `to`, or before now without it.")
	}
	return p, nil
}

// single is a parameter that may be repeated with one value (row 1).
func single(parameter string, query url.Values) (string, error) {
	for _, value := range query[parameter] {
		if value != query[parameter][0] {
			return "", fault.InvalidField(parameter, "`"+parameter+"` is given twice with different values.")
		}
	}
	return query.Get(parameter), nil
}

func digest(name person.Name, from, to string) []byte {
	sum := sha256.Sum256([]byte(string(name.Kind) + name.Value + "\x00" + from + "\x00" + to))
	return sum[:]
}

var errNext = fault.InvalidField("next", "`next` must be the one of the page before, sent with the same other parameters.")

// sealNext is where the next page begins, in a form that cannot be made up.
func (v Reader) sealNext(provider string, p period) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(timeline.At(p.from)))
	b = binary.BigEndian.AppendUint64(b, uint64(timeline.At(p.to)))
	return v.ids.Seal(nextPurpose, provider, append(b, p.asked[:]...))
}

func (v Reader) openNext(provider, next string, asked [16]byte) (period, error) {
	b, err := v.ids.Open(nextPurpose, provider, next)
	if err != nil || len(b) != 32 || [16]byte(b[16:]) != asked {
		return period{}, errNext
	}
	return period{
		from:  timeline.Instant(binary.BigEndian.Uint64(b)).Time(),
		to:    timeline.Instant(binary.BigEndian.Uint64(b[8:])).Time(),
		asked: asked,
	}, nil
}
