package simulation

import (
	"fmt"
	"strings"
)

// What happens in a run is drawn so that it meets: few people, few names, and instants at, or a rule's limit away from,
// others.

var (
	customers = []string{"ABC123", "ABC12"}
	userIDs   = []string{"12345", "1686"} // which clash across tenants
	strangers = []name{{'C', "NX42Z"}, {'U', "8545"}}
)

func pick[T any](w *world, from ...T) T { return from[w.random.IntN(len(from))] }

// instant is one at which something happened, or one that a rule ties to it.
func (w *world) instant() int64 {
	at := pick(w, w.instants...)
	switch w.random.IntN(12) {
	case 0:
		at += pick[int64](w, -1, 1)
	case 1:
		at += pick[int64](w, -14*hour, 14*hour)
	case 2:
		at += pick[int64](w, 14*hour-1, 14*hour+1)
	case 3:
		at += pick[int64](w, -30*day, -30*day-1, -30*day+1)
	case 4:
		at -= at % day // midnight
	case 5, 6, 7:
		at += w.random.Int64N(26)*hour - 13*hour
	case 8:
		at += w.random.Int64N(120)*minute - hour
	}
	return w.remembered(at)
}

// past is an instant that a v1 event may have.
func (w *world) past() int64 {
	for {
		if at := w.instant(); at <= w.now+30*minute {
			return at
		}
	}
}

func (w *world) remembered(at int64) int64 {
	if len(w.instants) < 40 {
		w.instants = append(w.instants, at)
	}
	return at
}

func (w *world) name() name {
	switch w.random.IntN(12) {
	case 0:
		return pick(w, strangers...)
	case 1:
		return name{'U', pick(w, userIDs...)}
	case 2:
		return name{'C', pick(w, customers...)}
	}
	return pick(w, w.names...)
}

func (w *world) event(tenant string, login bool) fact {
	if login {
		return loginOf(tenant, w.name(), w.past())
	}
	return logoutOf(tenant, w.name(), w.past())
}

func loginOf(tenant string, n name, at int64) fact {
	return fact{tenant: tenant, kind: n.kind, name: n.text, login: true, at: at, planned: never}
}

func logoutOf(tenant string, n name, at int64) fact {
	return fact{tenant: tenant, kind: n.kind, name: n.text, at: at, planned: never}
}

// setup is what was there before: most people have signed up, some time ago.
func (w *world) setup() {
	all := []name{{'C', customers[0]}, {'U', userIDs[0]}, {'C', customers[1]}, {'U', userIDs[1]}}
	w.names = all[:pick(w, 2, 2, 4)]
	w.startRate, w.switchRate = pick(w, 2, 3, 6), pick(w, 1, 4, 8)
	ago := pick[int64](w, 3*day, 3*day, 40*day)
	for _, tenant := range tenants {
		for i, customer := range customers {
			if w.random.IntN(5) > 0 {
				c := change{tenant: tenant, customer: customer, consent: true, match: w.random.IntN(5) > 0}
				if w.random.IntN(4) > 0 {
					c.link = userIDs[i]
				}
				ago -= hour
				w.backend.write(c, w.now-ago)
				if w.random.IntN(3) == 0 {
					w.remembered(w.now - ago)
				}
			}
		}
	}
}

// burst is that a few events of one person and day come all at once, so that processors get into each other's way, and
// nothing comes later that would mend what they leave. Sometimes the id is linked only meanwhile; or it goes to
// another.
func (w *world) burst() (meanwhile func()) {
	late := change{tenant: tenants[0], customer: customers[w.random.IntN(2)], link: userIDs[0]}
	soon := change{tenant: tenants[0], customer: customers[0], consent: true, match: true}
	if late.customer != customers[0] || w.random.IntN(2) == 0 {
		soon.link = userIDs[0]
	}
	w.backend.write(soon, w.now-2*day)
	w.backend.write(change{tenant: tenants[0], customer: customers[1], consent: true, match: true}, w.now-2*day)
	w.names = []name{{'C', customers[0]}, {'U', userIDs[0]}}
	w.startRate, w.switchRate, w.noRedelivery = 2, pick(w, 1, 3, 6), true
	w.exclusive = true
	for range 2 + w.random.IntN(3) {
		n := pick(w, w.names...)
		at := noon - pick[int64](w, 20, 18, 16, 14, 6, 4, 2, 1)*hour
		if w.random.IntN(2) == 0 {
			w.ask(event(loginOf(tenants[0], n, at)))
		} else {
			w.ask(event(logoutOf(tenants[0], n, at)))
		}
	}
	w.exclusive = false
	if w.random.IntN(2) == 0 {
		return func() { w.change(late) }
	}
	return func() {}
}

// endsAtOnce is that somebody is on shift, and several ends of that shift come all at once.
func (w *world) endsAtOnce() (anEnd func()) {
	soon := change{tenant: tenants[0], customer: customers[0], consent: true, match: true, link: userIDs[0]}
	w.backend.write(soon, w.now-2*day)
	w.names = []name{{'C', customers[0]}, {'U', userIDs[0]}}
	w.startRate, w.switchRate, w.noRedelivery = 1, pick(w, 1, 3, 6), true
	w.exclusive = true
	start := w.remembered(noon - pick[int64](w, 20, 13, 6)*hour)
	w.ask(event(loginOf(tenants[0], pick(w, w.names...), start)))
	if later := start + pick[int64](w, 1, 7, 12)*hour; w.random.IntN(2) == 0 && w.mayBeSent(later) {
		w.ask(event(loginOf(tenants[0], pick(w, w.names...), later)))
	}
	w.deliverAll(firstSent)
	w.exclusive = false
	return func() {
		t := pick(w, w.logins()...)
		w.ask(end(t, w.events[t], w.now+pick[int64](w, -8, -5, -4, -3, -1, 1, 2)*hour))
	}
}

// anything is something new: a request, a change of a history, a bad message, or time that passes.
func (w *world) anything() {
	tenant := tenants[0]
	if w.random.IntN(4) == 0 {
		tenant = tenants[1]
	}
	customer := customers[0]
	if w.random.IntN(3) == 0 {
		customer = customers[1]
	}
	switch w.random.IntN(29) {
	case 0, 1, 2, 3:
		w.ask(event(w.event(tenant, true)))
	case 4, 5, 6:
		w.ask(event(w.event(tenant, false)))
	case 7:
		login := w.random.IntN(2) == 0
		facts := make([]fact, 1+w.random.IntN(4))
		for i := range facts {
			facts[i] = w.event(tenant, login)
		}
		w.ask(batch(facts...))
	case 8, 9:
		w.ask(match(tenant, customer, w.random.IntN(3) > 0))
		if w.random.IntN(2) == 0 { // for some it may come just too late
			f := w.event(tenant, w.random.IntN(2) == 0)
			f.at = w.remembered(w.now - 30*day + pick[int64](w, -1, 0, 0, 1))
			w.ask(event(f))
		}
	case 10, 11:
		login := loginOf(tenant, w.name(), w.remembered(w.now+w.random.Int64N(60)*minute-30*minute))
		if w.random.IntN(2) == 0 {
			login.planned = w.remembered(login.at + pick[int64](w, hour, 7*hour, 14*hour, 1))
		}
		w.ask(create(login))
	case 12, 13, 18:
		w.giveEnds()
	case 14, 15, 16:
		w.change(w.someChange(tenant, customer))
		w.remembered(w.now)
	case 17:
		if w.random.IntN(2) == 0 {
			w.malformed()
		} else {
			w.olderMessage(w.event(tenant, w.random.IntN(2) == 0))
		}
	case 19:
		w.forgetLogout(tenant)
	case 20:
		w.loginAroundTheClock(tenant)
	case 21:
		w.linkLate(tenant, customer)
	case 22:
		w.consentAnew(tenant, customer)
	case 23, 24:
		w.takeSomethingBack()
	case 25:
		w.keepAnswers()
	default:
		by := pick[int64](w, second, minute, hour, 6*hour, 20*hour)
		if w.random.IntN(6) == 0 {
			by = pick[int64](w, 3*day, 15*day, 30*day, 40*day)
		}
		if at := w.instant(); w.random.IntN(3) == 0 && at > w.now {
			by = at - w.now
		}
		w.advance(by)
		w.logf("time passes")
	}
}

// takeSomethingBack takes one or two events back, perhaps twice, and perhaps sends them again.
func (w *world) takeSomethingBack() {
	for range pick(w, 1, 1, 2) {
		events := w.events.all()
		if len(events) == 0 {
			return
		}
		t := pick(w, events...)
		w.ask(takeBack(t, w.events[t]))
		if f := w.events[t]; w.random.IntN(4) == 0 && w.mayBeSent(f.at) {
			w.ask(event(f))
		}
		if w.random.IntN(4) == 0 {
			w.ask(takeBack(t, w.events[t]))
		}
	}
}

// giveEnds gives some shift that v2 may know an end, or two of them at once: in the past, in the future, at a limit.
func (w *world) giveEnds() {
	logins := w.logins()
	if len(logins) == 0 {
		return
	}
	t := pick(w, logins...)
	login := w.events[t]
	for range pick(w, 1, 1, 2) {
		at := pick(w, w.now+pick[int64](w, -3, -1, 1, 2, 5)*hour, w.now+pick[int64](w, -1, 0, 1),
			login.at+pick[int64](w, 0, 1, hour, 7*hour, maxShift, maxShift+1), w.instant())
		w.ask(end(t, login, w.remembered(at)))
	}
}

// forgetLogout is an evening's shift without a LOGOUT, and the next day's, which may have one.
func (w *world) forgetLogout(tenant string) {
	n := w.name()
	evening := w.past()
	morning := w.remembered(evening + pick[int64](w, 8*hour, 13*hour+30*minute, maxShift-1, maxShift, maxShift+1))
	logins := []fact{loginOf(tenant, n, evening)}
	if w.mayBeSent(morning) {
		logins = append(logins, loginOf(tenant, w.name(), morning))
	}
	w.ask(batch(logins...))
	if out := morning + pick[int64](w, 1, 5, 8, 13)*hour; w.random.IntN(3) > 0 && w.mayBeSent(out) {
		w.ask(event(logoutOf(tenant, n, w.remembered(out))))
	}
}

// mayBeSent reports whether v1 takes an event of that instant.
func (w *world) mayBeSent(at int64) bool { return at <= w.now+30*minute }

// loginAroundTheClock is LOGINs without a LOGOUT between them, for up to four weeks.
func (w *world) loginAroundTheClock(tenant string) {
	n := w.name()
	every := pick[int64](w, hour, 5*hour, 7*hour, 10*hour, maxShift-minute, maxShift, 24*hour)
	at := w.past() - w.random.Int64N(28)*day
	var logins []fact
	for count := pick(w, 4, 12, 40); len(logins) < count && w.mayBeSent(at); at += every {
		logins = append(logins, loginOf(tenant, n, at))
		switch w.random.IntN(6) {
		case 0:
			w.remembered(at)
		case 1:
			n = w.name()
		case 2:
			at += w.random.Int64N(30) * minute
		}
	}
	if len(logins) > 0 {
		w.ask(batch(logins...))
	}
}

// linkLate is an event under an id, and a link of that id some 30 or 40 days later.
func (w *world) linkLate(tenant, customer string) {
	n := name{'U', pick(w, userIDs...)}
	late := w.remembered(w.now - pick[int64](w, 30, 30, 30, 40)*day + pick[int64](w, -1, 0, 1, 2, hour))
	w.ask(event(loginOf(tenant, n, late)))
	if w.random.IntN(2) == 0 {
		w.ask(event(logoutOf(tenant, n, w.remembered(late+pick[int64](w, 1, hour, 15*hour)))))
	}
	w.change(change{tenant: tenant, customer: customer, link: n.text})
}

// consentAnew is that consent is withdrawn and given again within a second or so, and that events come of that second.
func (w *world) consentAnew(tenant, customer string) {
	w.change(change{tenant: tenant, customer: customer, withdrawal: true})
	withdrawn := w.now
	w.advance(pick[int64](w, 1, 96, 700) * millisecond)
	again := change{tenant: tenant, customer: customer, consent: true, match: w.random.IntN(2) == 0}
	if w.random.IntN(2) == 0 {
		again.link = pick(w, userIDs...)
	}
	w.change(again)
	for range 1 + w.random.IntN(2) {
		at := pick(w, secondOf(withdrawn), withdrawn-1, withdrawn, withdrawn+1, (withdrawn+w.now)/2, secondOf(w.now), w.now-1)
		n := pick(w, w.name(), name{'C', customer})
		if w.random.IntN(3) == 0 {
			w.ask(event(logoutOf(tenant, n, w.remembered(at))))
		} else {
			w.ask(event(loginOf(tenant, n, w.remembered(at))))
		}
	}
}

func (w *world) someChange(tenant, customer string) change {
	c := change{tenant: tenant, customer: customer}
	switch w.random.IntN(8) {
	case 0, 1: // sign-up
		c.consent = true
		c.match = true
		c.link = pick(w, userIDs...)
	case 2:
		c.consent = true
	case 3:
		c.withdrawal = true
	case 4:
		c.match = true
	case 5, 6:
		c.link = pick(w, userIDs...)
	case 7:
		c.unlink = pick(w, userIDs...)
	}
	return c
}

// olderMessage puts a message into the queue of a release that did not say when an event was accepted.
func (w *world) olderMessage(f fact) {
	kind := "O"
	if f.login {
		kind = "I"
	}
	body := fmt.Sprintf(`{"v":1,"provider":%q,"facts":[[%q,"%c",%q,%d]]}`, f.tenant, kind, f.kind, f.name, f.at)
	w.asked[f] = true
	w.kept = nil // it counts as accepted at its own instant, which lies before them
	w.recordSent(parse(body))
	w.backend.put(body)
	w.logf("an older message: %s", body)
}

// malformed puts a message into the queue that nobody can understand, though it may look like one.
func (w *world) malformed() {
	good := `{"v":1,"provider":"courier-ltd","accepted":1773480001000000,"facts":[["I","C","ABC123",1773480000000000]]}`
	body := pick(w,
		"", "null", "[]", "\x00\xff\xfe", good[:w.random.IntN(len(good))], good+"x", good+good,
		strings.Replace(good, `"v":1`, `"v":99`, 1),
		strings.Replace(good, `"I"`, `"X"`, 1),
		strings.Replace(good, `"C"`, `"Z"`, 1),
		strings.Replace(good, `"ABC123"`, `""`, 1),
		strings.Replace(good, "courier-ltd", "", 1),
		strings.Replace(good, "1773480000000000", "1773480000000000,1773480000000000", 1), // a plan that is over at once
		strings.Replace(good, "1773480000000000", "9000000000000000000", 1),
		strings.Replace(good, "1773480001000000", `"soon"`, 1),
		strings.Replace(good, "]]", `],["O","C","ABC123"]]`, 1), // a good fact beside a bad one
	)
	if m := w.backend.put(body); m != nil {
		m.malformed = true
		w.logf("%s is malformed: %q", m.id, body)
	}
}
