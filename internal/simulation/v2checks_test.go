package simulation

import (
	"math/rand/v2"
	"net/http"
	"testing"
)

// checkV2: when all is quiet, v2 is asked to create and to end a shift, and must answer as the model says (rule 8 and
// the contract's rows 15, 17 and 22). While others are at work nobody can say what it should answer.
func (w *world) checkV2() {
	w.exclusive = true
	defer func() { w.exclusive = false }()
	tenant := pick(w, tenants...)
	for range 2 {
		login := loginOf(tenant, w.name(), pick(w, w.now, w.now-30*minute, w.now+30*minute, w.instant()))
		if w.random.IntN(2) == 0 {
			login.planned = login.at + pick[int64](w, 0, 1, hour, 14*hour, 14*hour+1)
		}
		w.expect(create(login), w.creates(login))
		if logins := w.logins(); len(logins) > 0 {
			t := pick(w, logins...)
			w.checkEnd(t, w.events[t])
		}
		if events := w.events.all(); len(events) > 0 && w.random.IntN(3) == 0 {
			t := pick(w, events...)
			w.expect(takeBack(t, w.events[t]), w.takesBack(w.events[t]))
		}
	}
	w.exclusive = false
	w.drain()
}

// checkEnd gives a shift an end.
func (w *world) checkEnd(t issuedID, login fact) {
	at := w.instant()
	if s, _, ok := w.findShift(login); ok {
		at = pick(w, at, w.now, w.now+1, w.now+hour, login.at+1, login.at+maxShift, login.at+maxShift+1,
			s.from, s.from+1, s.to-1, s.to, s.to+1, (s.from+s.to)/2,
			s.period.to-1, s.period.to, s.period.to+1, (s.period.from+s.period.to)/2)
	}
	status := w.ends(login, at)
	w.expect(end(t, login, at), status)
	if status != http.StatusCreated {
		return
	}
	if s, _, _ := w.findShift(login); at <= w.now && s.period.to != at {
		w.violated(8, "%v was ended at %s, but its cover ends at %s", login, clock(at), clock(s.period.to))
	}
	if to, _ := insures(w.model.repeats(login)); at > w.now && to != at {
		w.violated(8, "%v was planned to end at %s, but would at %s", login, clock(at), clock(to))
	}
}

// expect makes a request that must be answered by a status; and again, which changes nothing.
func (w *world) expect(r *request, status int) {
	for range 2 {
		w.ask(r)
		if r.status != status {
			w.violated(8, "%s %s %s was answered %d and not %d", r.method, r.path, r.body, r.status, status)
		}
	}
}

// takesBack is how v2 answers who takes an event back.
func (w *world) takesBack(event fact) int {
	switch {
	case w.full[event]:
	case !w.model.takenBack()[event] && w.now > event.at+30*day:
	default:
		return http.StatusCreated
	}
	return http.StatusBadRequest
}

// creates is how v2 answers a LOGIN.
func (w *world) creates(login fact) int {
	customer := w.model.owner(login.tenant, login.sentAs())
	switch {
	case login.at < w.now-30*minute || login.at > w.now+30*minute:
	case login.planned != never && (login.planned <= login.at || login.planned > login.at+maxShift):
	case !w.model.consented(login.tenant, customer, w.now) || !w.model.matchedAt(login.tenant, customer, w.now):
	case !w.model.counts(customer, login), w.model.takenBack()[login.event()]:
	default:
		return http.StatusCreated
	}
	return http.StatusBadRequest
}

// ends is how v2 answers an end of the shift that a LOGIN's id finds. One in the future is a plan, for as long as there
// is cover to end; one that is not is a LOGOUT within the cover, unless another has ended that, as far as the LOGIN's
// day and the next show.
func (w *world) ends(login fact, at int64) int {
	_, customer, ok := w.findShift(login)
	if !ok {
		return http.StatusNotFound
	}
	twoDays := newModel()
	twoDays.entries = w.model.entries
	for f := range w.model.facts {
		if f.at < midnight(login.at)+2*day {
			twoDays.add(f)
		}
	}
	s, _ := twoDays.foldOf(login.tenant, customer).shiftOf(login, w.now)
	logout := logoutOf(login.tenant, name{'C', customer}, at)
	switch {
	case at <= login.at, at > login.at+maxShift:
	case at > w.now && s.period.to <= w.now:
	case at <= w.now && (at > s.period.to || !w.model.counts(customer, logout) || w.model.takenBack()[logout]):
	case at <= w.now && s.period.endedBy == "LOGOUT" && at != s.period.to:
	default:
		return http.StatusCreated
	}
	return http.StatusBadRequest
}

// TestTwoEndsAtOnce lets two requests end one shift at different instants at once, in many orders of their calls.
// Exactly one is told 201 (rule 8).
func TestTwoEndsAtOnce(t *testing.T) {
	for seed := range uint64(1000) {
		w := newWorld(rand.New(rand.NewPCG(seed, 5)))
		w.exclusive = true
		signedUp(courier, abc123, "12345")(w)
		login(courier, 'C', abc123, -300)(w)
		delivered(w)
		w.exclusive = false
		w.startRate = 1
		w.switchRate = pick(w, 1, 4, 16)
		shift := w.logins()[0]
		ends := []*request{
			end(shift, w.events[shift], w.now-100*minute),
			end(shift, w.events[shift], w.now-200*minute),
		}
		begun := 0
		for w.turn(func() bool {
			if begun < len(ends) {
				w.ask(ends[begun])
				begun++
				return true
			}
			return false
		}) {
		}
		w.check()
		one := ends[0]
		other := ends[1]
		if one.status == http.StatusCreated && other.status == http.StatusCreated {
			w.violated(8, "both ends were answered 201")
		}
		if one.status != http.StatusCreated && other.status != http.StatusCreated {
			w.violated(8, "neither end was answered 201, but %d and %d", one.status, other.status)
		}
		if len(w.violations) > 0 {
			t.Fatalf("seed %d:\n%s", seed, w.report())
		}
	}
}
