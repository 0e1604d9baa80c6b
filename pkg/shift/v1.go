package shift

import (
	"net/http"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// maxClockSkew is how far a client's clock may be from ours: for v1 timestamps ahead (contract row 14), for the start
// of a v2 shift either way (contract row 15).
const maxClockSkew = 30 * time.Minute

// Login is POST /v1/shift/login.
func Login(keys web.Authenticator, sender queue.Sender, ids *seal.Sealer, now func() time.Time) http.Handler {
	return web.NewFunction("shift-login", keys, map[string]web.Handler{
		"POST /v1/shift/login": acceptEvent(timeline.Login, sender, ids, now),
	})
}

// Logout is POST /v1/shift/logout.
func Logout(keys web.Authenticator, sender queue.Sender, ids *seal.Sealer, now func() time.Time) http.Handler {
	return web.NewFunction("shift-logout", keys, map[string]web.Handler{
		"POST /v1/shift/logout": acceptEvent(timeline.Logout, sender, ids, now),
	})
}

// BatchLogin is POST /v1/batch/login.
func BatchLogin(keys web.Authenticator, sender queue.Sender, ids *seal.Sealer, now func() time.Time) http.Handler {
	return web.NewFunction("batch-login", keys, map[string]web.Handler{
		"POST /v1/batch/login": acceptBatch(timeline.Login, sender, ids, now),
	})
}

// BatchLogout is POST /v1/batch/logout.
func BatchLogout(keys web.Authenticator, sender queue.Sender, ids *seal.Sealer, now func() time.Time) http.Handler {
	return web.NewFunction("batch-logout", keys, map[string]web.Handler{
		"POST /v1/batch/logout": acceptBatch(timeline.Logout, sender, ids, now),
	})
}

// Match is POST /v1/match: the work provider says whether it could match a customer to one of its people.
func Match(keys web.Authenticator, sender queue.Sender, ids *seal.Sealer, now func() time.Time) http.Handler {
	return web.NewFunction("match", keys, map[string]web.Handler{
		"POST /v1/match": acceptMatch(sender, ids, now),
	})
}

// event is one event of a v1 body.
type event struct {
	person.PersonRef
	Timestamp string `json:"timestamp"`
}

// toFact checks an event that was accepted at an instant (contract rows 1, 2, 13 and 14).
func (e *event) toFact(kind timeline.Kind, now time.Time) (timeline.Fact, error) {
	name, err := e.Name()
	if err != nil {
		return timeline.Fact{}, err
	}
	at, err := web.ParseTime("timestamp", e.Timestamp, web.ZoneRequired)
	if err != nil {
		return timeline.Fact{}, err
	}
	if at.After(now.Add(maxClockSkew)) {
		return timeline.Fact{}, fault.InvalidField("timestamp", "`timestamp` must not be more than 30 minutes in the future")
	}
	return timeline.Fact{
		Name: name, Kind: kind, At: timeline.At(at), PlannedEnd: timeline.Never, Accepted: timeline.AcceptedAt(now),
	}, nil
}

// acceptEvent responds 202 once the queue has the event. Nothing else is written or read: the event's id is the event.
func acceptEvent(kind timeline.Kind, sender queue.Sender, ids *seal.Sealer, now func() time.Time) web.Handler {
	return func(r *web.Request) (web.Response, error) {
		var e event
		if err := web.Decode(r.Body, &e); err != nil {
			return web.Response{}, err
		}
		e.ReportDeprecated(r.NoteDeprecated)
		fact, err := e.toFact(kind, now())
		if err != nil {
			return web.Response{}, err
		}
		id := EventID(ids, r.Provider.ID, fact)
		if err := sender.Send(r.Context(), r.Provider.ID, 0,
			acceptedMessages(r, id, "", []timeline.Fact{fact})...); err != nil {
			return web.Response{}, err
		}
		return pendingEvent(id), nil
	}
}

// acceptBatch does the same for many events. One bad item refuses them all, and nothing of the batch is sent (contract
// row 20); an empty batch is accepted and sends nothing (contract row 19).
func acceptBatch(kind timeline.Kind, sender queue.Sender, ids *seal.Sealer, now func() time.Time) web.Handler {
	return func(r *web.Request) (web.Response, error) {
		const usual = 64 // bytes of an event in a body, so that the slice seldom has to grow
		clock := now()
		facts := make([]timeline.Fact, 0, len(r.Body)/usual+1)
		err := web.DecodeBatch(r.Body, func(e *event) error {
			e.ReportDeprecated(r.NoteDeprecated)
			fact, err := e.toFact(kind, clock)
			if err == nil {
				facts = append(facts, fact)
			}
			return err
		})
		if err != nil {
			return web.Response{}, err
		}
		b := batchOf(facts)
		id := ids.Seal(batchPurpose, r.Provider.ID, b.bytes())
		if err := sender.Send(r.Context(), r.Provider.ID, 0, acceptedMessages(r, id, b.name(), facts)...); err != nil {
			return web.Response{}, err
		}
		return pending("X-Batch-Id", "/v2/batch/", id), nil
	}
}

// matchRequest is the body of a match.
type matchRequest struct {
	person.PersonRef
	Success *bool `json:"success"`
}

// acceptMatch queues a match, which counts from the instant at which it is accepted (rule 7). It takes a customer
// number only (contract row 3).
func acceptMatch(sender queue.Sender, ids *seal.Sealer, now func() time.Time) web.Handler {
	return func(r *web.Request) (web.Response, error) {
		var body matchRequest
		if err := web.Decode(r.Body, &body); err != nil {
			return web.Response{}, err
		}
		if body.PolicyID != "" { // the others do not count here
			r.NoteDeprecated("policyId")
		}
		customer, err := body.Customer()
		if err != nil {
			return web.Response{}, err
		}
		if body.Success == nil {
			return web.Response{}, fault.InvalidField("success", "`success` must be true or false")
		}
		m := timeline.MatchResult{Customer: customer.Value, Entry: timeline.NotMatched(now())}
		if *body.Success {
			m.Entry = timeline.Matched(now())
		}
		id := matchID(ids, r.Provider.ID, m)
		if err := sender.Send(r.Context(), r.Provider.ID, 0, matchMessage(r.Provider.ID, id, m)); err != nil {
			return web.Response{}, err
		}
		return pendingEvent(id), nil
	}
}

// acceptedResponse is the body of every 202 of v1, and nothing else is in it; everything else goes into headers.
type acceptedResponse struct {
	Status string `json:"status"`
}

func pendingEvent(id string) web.Response { return pending("X-Event-Id", "/v2/event/", id) }

func pending(header, path, id string) web.Response {
	return web.Response{
		Status: http.StatusAccepted,
		Header: http.Header{header: {id}, "Location": {path + id}},
		Body:   acceptedResponse{"PENDING"},
	}
}
