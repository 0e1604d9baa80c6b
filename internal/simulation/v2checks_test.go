package simulation

import "net/http"

// checkV2: when all is quiet, v2 is asked to create and to end a shift, and must answer as the model says (rule 8 and
// the contract's rows 15, 17 and 22). While others are at work nobody can say what it should answer.
func (w *world) checkV2() {
	w.exclusive = true
	defer func() { w.exclusive = false }()
	tenant := pick(w, tenants...)
	for range 2 {
		n := w.name()
		login := fact{tenant, n.kind, n.text, true, pick(w, w.now, w.now-30*minute, w.now+30*minute, w.instant()), never}
		if w.random.IntN(2) == 0 {
			login.planned = login.at + pick[int64](w, 0, 1, hour, 14*hour, 14*hour+1)
		}
		w.expect(create(login), w.creates(login), true)
		if logins := w.logins(); len(logins) > 0 {
			t := pick(w, logins...)
			at := w.instant()
			if shift, ok := w.holds(w.events[t]); ok {
				at = pick(w, at, shift.from, shift.from+1, shift.to-1, shift.to, shift.to+1, (shift.from+shift.to)/2)
			}
			// An end before the very LOGIN that the id names leaves that LOGIN a shift of its own, which begins too late
			// for the same end.
			w.expect(end(t, w.events[t], at), w.ends(w.events[t], at), at > w.events[t].at)
		}
	}
	w.exclusive = false
	w.drain()
}

// expect makes a request that must be answered by a status; and again, which changes nothing.
func (w *world) expect(r *request, status int, again bool) {
	for range 2 {
		w.ask(r)
		if w.answer != status {
			w.violated(8, "%s %s %s was answered %d and not %d", r.method, r.path, r.body, w.answer, status)
		}
		if !again {
			return
		}
	}
}

// creates is how v2 answers a LOGIN.
func (w *world) creates(login fact) int {
	customer := w.model.owner(login.tenant, name{login.kind, login.name})
	switch {
	case login.at < w.now-30*minute || login.at > w.now+30*minute:
	case login.planned != never && (login.planned <= login.at || login.planned > login.at+14*hour):
	case !w.consented(login.tenant, customer) || !w.model.matchedAt(login.tenant, customer, w.now):
	case !w.model.counts(customer, login):
	default:
		return http.StatusCreated
	}
	return http.StatusBadRequest
}

// holds is the shift that holds a LOGIN, as v2 may show it.
func (w *world) holds(login fact) (cover, bool) {
	customer := w.model.owner(login.tenant, name{login.kind, login.name})
	person := w.model.of(login.tenant, customer)
	r, counts := person.became[login]
	if !counts || !w.consented(login.tenant, customer) {
		return cover{}, false
	}
	c := person.covers[r.cover]
	return c, c.from < c.to
}

// ends is how v2 answers an end of the shift that holds a LOGIN.
func (w *world) ends(login fact, at int64) int {
	c, ok := w.holds(login)
	switch {
	case !ok:
		return http.StatusNotFound
	case at <= c.from, at > c.to, at > c.from+14*hour, c.by == "LOGOUT" && at != c.to:
		return http.StatusBadRequest
	}
	return http.StatusCreated
}
