package simulation

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"zego.com/workprovider/pkg/timeline"
)

// keptAnswer is what was answered at an instant to who asked for the shift of an id.
type keptAnswer struct {
	issuedID
	at     int64
	status int
	shift  shiftView
}

// keepAnswers asks for a few shifts and keeps the answers, if all that was accepted is applied: then they are what is
// known at that instant.
func (w *world) keepAnswers() {
	if len(w.working) > 0 || len(w.again) > 0 {
		return
	}
	for _, m := range w.queue {
		if !m.malformed && (m.dead || !m.deleted) {
			return
		}
	}
	for f := range w.model.facts {
		if f.acceptance() > w.now { // a plan may count as accepted a little later
			return
		}
	}
	for e := range w.model.entries {
		if e.at > w.now {
			return
		}
	}
	logins := w.logins()
	for range min(3, len(logins)) {
		a := keptAnswer{issuedID: pick(w, logins...), at: w.now}
		a.status = w.get(a.tenant, "/v2/shift/"+a.id, &a.shift)
		w.kept = append(w.kept, a)
	}
	w.advance(2 * millisecond) // an acceptance is cut to the millisecond
}

// asKnownAt asks for the shift of an id as it was known at an instant.
func (w *world) asKnownAt(t issuedID, at int64) (int, shiftView) {
	var got shiftView
	status := w.get(t.tenant, "/v2/shift/"+t.id+"?asKnownAt="+url.QueryEscape(iso(at)), &got)
	return status, got
}

// keptAnswersAreFound: what was answered then is answered now to who asks as known at then, as long as the customer
// shares (rule 12).
func (w *world) keptAnswersAreFound() {
	for _, a := range w.kept {
		want := a.status
		if want == http.StatusOK && !w.model.consented(a.tenant, a.shift.User.CustomerNumber, w.now) {
			want = http.StatusNotFound
		}
		status, got := w.asKnownAt(a.issuedID, a.at)
		if status != want || status == http.StatusOK && got != a.shift {
			w.violated(11, "at %s the shift of %v was answered\n    %d %v\nbut as known then it is\n    %d %v",
				clock(a.at), w.events[a.issuedID], a.status, a.shift, status, got)
		}
	}
}

// pastIsTheModels asks as known at some instants.
func (w *world) pastIsTheModels() {
	logins := w.logins()
	if len(logins) == 0 {
		return
	}
	for range 3 {
		at := pick(w, w.instantOfAcceptance(), w.now-w.random.Int64N(2*day), w.now)
		at = min(at, w.now)
		past := w.model.knownAt(at)
		t := pick(w, logins...)
		w.checkPastShift(past, t, at)
		w.checkPastDay(past, t.tenant, pick(w, customers...), w.events[t].at, at)
	}
}

// instantOfAcceptance is one at which something was accepted or recorded, or just before.
func (w *world) instantOfAcceptance() int64 {
	var instants []int64
	for f := range w.model.facts {
		instants = append(instants, f.acceptance())
	}
	for e := range w.model.entries {
		instants = append(instants, e.at)
	}
	if len(instants) == 0 {
		return w.now
	}
	slices.Sort(instants)
	return pick(w, instants...) - pick[int64](w, 0, 0, 1)
}

// checkPastShift asks for the shift of an id as it was known at an instant.
func (w *world) checkPastShift(past *model, t issuedID, at int64) {
	status, got := w.asKnownAt(t, at)
	s, customer, ok := past.findShift(w.events[t], at)
	ok = ok && w.model.consented(t.tenant, customer, w.now)
	switch {
	case !ok && status != http.StatusNotFound:
		w.violated(11, "as known at %s, the shift of %v is answered %d %v", clock(at), w.events[t], status, got)
	case ok && (status != http.StatusOK || !w.isShown(t.tenant, customer, s, got, at)):
		w.violated(11, "as known at %s, the shift of %v is answered\n    %d %v\nbut was\n    %v",
			clock(at), w.events[t], status, got, s)
	}
}

// checkPastDay explains a day as it was known at an instant.
func (w *world) checkPastDay(past *model, tenant, customer string, onDay, at int64) {
	storage := timeline.KnownAt(w.backend.groundTruth(), timeline.Instant(at))
	explained, err := timeline.Explain(
		context.Background(), storage, tenant, customer, timeline.Instant(onDay).Day(), timeline.Instant(at))
	if err != nil {
		w.violated(11, "as known at %s, a day of %s at %s: %v", clock(at), customer, tenant, err)
		return
	}
	from := midnight(onDay)
	var should []span
	for _, s := range past.shiftsTold(tenant, customer, at) {
		if s.from < from+day && s.to > from {
			should = append(should, s.span)
		}
	}
	same := slices.EqualFunc(should, explained.Shifts, func(a span, b timeline.Shift) bool {
		return a.from == int64(b.Start) && a.to == int64(b.End)
	})
	if !same {
		w.violated(11, "as known at %s, on %s %s at %s has\n    %v\nbut had\n    %v",
			clock(at), clock(from), customer, tenant, explained.Shifts, should)
	}
}
