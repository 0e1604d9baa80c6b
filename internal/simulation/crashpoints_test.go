package simulation

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// step is one thing that happens in a scenario, by itself and to its end.
type step func(w *world)

// scenario is a story. It is told once to count its calls to services; then once more for each of them and each
// failure, a crash before it and after it among them; and each time its messages are delivered in several orders, and
// all of them once more when everything was done.
type scenario struct {
	name  string
	steps []step
	large bool // so it is told with crashes only
}

// The people of the scenarios.
const (
	courier = "courier-ltd"
	parcels = "parcels-co"
	abc123  = "ABC123"
	abc12   = "ABC12"
)

var scenarios = []scenario{
	{"a login and a logout", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'C', abc123, -120), logout(courier, 'C', abc123, -60),
	}, false},
	{"a logout, and then the login before it", []step{
		signedUp(courier, abc123, "12345"), logout(courier, 'U', "12345", -60), delivered, login(courier, 'C', abc123, -120),
	}, false},
	{"a batch of two people, by both names, with an event twice", []step{
		signedUp(courier, abc123, "12345"), signedUp(courier, abc12, "1686"),
		batched(true, at(courier, 'C', abc123, -300), at(courier, 'U', "1686", -300),
			at(courier, 'U', "12345", -290), at(courier, 'C', abc123, -300)),
		batched(false, at(courier, 'U', "12345", -100), at(courier, 'C', abc12, -90)),
	}, false},
	{"a batch of two messages", []step{
		signedUp(courier, abc123, "12345"), bigBatch(courier, 250),
	}, true},
	{"the match comes late", []step{
		changed(change{tenant: courier, customer: abc123, consent: true, link: "12345"}), passes(200),
		login(courier, 'C', abc123, -120), logout(courier, 'U', "12345", -60), delivered, matched(courier, abc123, true),
	}, false},
	{"false, then true, delivered the other way round", []step{
		signedUp(courier, abc123, "12345"), matched(courier, abc123, false), passes(10), login(courier, 'C', abc123, -5),
		matched(courier, abc123, true), deliveredLastFirst,
	}, false},
	{"a true and a false at one instant", []step{
		changed(change{tenant: courier, customer: abc123, consent: true}), passes(200),
		login(courier, 'C', abc123, -120), delivered,
		matched(courier, abc123, true), delivered, matched(courier, abc123, false),
	}, false},
	{"the link comes late", []step{
		changed(change{tenant: courier, customer: abc123, consent: true, match: true}), passes(300),
		login(courier, 'U', "12345", -240), logout(courier, 'U', "12345", -200), delivered,
		changed(change{tenant: courier, customer: abc123, link: "12345"}),
	}, false},
	{"events of somebody who signs up only then", []step{
		login(courier, 'U', "12345", -240), login(courier, 'C', abc123, 10), login(courier, 'U', "12345", 20), delivered,
		changed(change{tenant: courier, customer: abc123, consent: true, match: true, link: "12345"}), passes(30),
	}, false},
	{"consent is withdrawn on shift", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'U', "12345", -30), delivered,
		changed(change{tenant: courier, customer: abc123, withdrawal: true}), passes(20),
		login(courier, 'U', "12345", -10), logout(courier, 'C', abc123, -5),
	}, false},
	{"consent is withdrawn, and given again", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'C', abc123, -30),
		changed(change{tenant: courier, customer: abc123, withdrawal: true}), passes(60), login(courier, 'C', abc123, -20),
		changed(change{tenant: courier, customer: abc123, consent: true}), passes(60), login(courier, 'U', "12345", -20),
	}, false},
	{"an id goes to another customer", []step{
		signedUp(courier, abc123, "12345"), signedUp(courier, abc12, "1686"),
		login(courier, 'U', "12345", -30), delivered,
		changed(change{tenant: courier, customer: abc12, link: "12345"}), passes(60),
		logout(courier, 'U', "12345", -20), login(courier, 'U', "12345", -10),
	}, false},
	{"an id is nobody's for a while", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'U', "12345", -30),
		changed(change{tenant: courier, customer: abc123, unlink: "12345"}), passes(60),
		login(courier, 'U', "12345", -20), delivered,
		changed(change{tenant: courier, customer: abc123, link: "12345"}), passes(10), logout(courier, 'U', "12345", -5),
	}, false},
	{"a shift is created and ended by v2", []step{
		signedUp(courier, abc123, "12345"), created(courier, 'U', "12345", -10, 0), passes(60),
		ended(-10), ended(-10), ended(-20),
	}, false},
	{"a planned end, a later plan, and an end before it", []step{
		signedUp(courier, abc123, "12345"), created(courier, 'C', abc123, -10, 60),
		created(courier, 'U', "12345", 10, 300), passes(30), ended(-5),
	}, false},
	{"a planned end is moved, on and back, and comes to pass", []step{
		signedUp(courier, abc123, "12345"), created(courier, 'U', "12345", 0, 480), passes(1), ended(120),
		passes(1), ended(480), passes(1), ended(60), passes(120),
		login(courier, 'C', abc123, -10), logout(courier, 'C', abc123, -5),
	}, false},
	{"an id is unlinked while its shift is on, which is ended by its id", []step{
		signedUp(courier, abc123, "12345"), created(courier, 'U', "12345", -10, 0),
		changed(change{tenant: courier, customer: abc123, unlink: "12345"}), passes(60), ended(-30),
	}, false},
	{"a logout is forgotten", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'C', abc123, -1000), delivered,
		login(courier, 'U', "12345", -190), logout(courier, 'C', abc123, -30),
	}, false},
	{"two logouts, each of which would end what the other ends", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'U', "12345", -780), login(courier, 'C', abc123, -60), delivered,
		logout(courier, 'C', abc123, -300), logout(courier, 'C', abc123, -480),
	}, false},
	{"logins around the clock, and a logout among them", []step{
		signedUp(courier, abc123, "12345"), batched(true,
			at(courier, 'C', abc123, -6000), at(courier, 'C', abc123, -5400), at(courier, 'U', "12345", -4800),
			at(courier, 'C', abc123, -4200), at(courier, 'C', abc123, -3600), at(courier, 'U', "12345", -3000)), delivered,
		logout(courier, 'U', "12345", -4500),
	}, false},
	{"a link 40 days later", []step{
		changed(change{tenant: courier, customer: abc123, consent: true, match: true}), passes(40 * 24 * 60),
		login(courier, 'U', "12345", -39*24*60), login(courier, 'U', "12345", -29*24*60), delivered,
		changed(change{tenant: courier, customer: abc123, link: "12345"}),
	}, false},
	{"consent is withdrawn, and given again within a second", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'C', abc123, -30), passesMilliseconds(50),
		changed(change{tenant: courier, customer: abc123, withdrawal: true}), passesMilliseconds(50),
		loginNow(courier, 'C', abc123), passesMilliseconds(50),
		changed(change{tenant: courier, customer: abc123, consent: true}), passes(10),
	}, false},
	{"bad messages among good ones", []step{
		signedUp(courier, abc123, "12345"), malformed, login(courier, 'C', abc123, -120), malformed,
		logout(courier, 'U', "12345", -60), malformed,
	}, false},
	{"a full day", []step{
		signedUp(courier, abc123, "12345"), almostFull(courier, abc123, maxEventsPerDay-2),
		batched(true, at(courier, 'C', abc123, -9), at(courier, 'U', "12345", -8)),
		batched(false, at(courier, 'C', abc123, -5), at(courier, 'C', abc123, -4), at(courier, 'C', abc123, -3)),
	}, true},
	{"a day with room for logouts only", []step{
		signedUp(courier, abc123, "12345"), almostFull(courier, abc123, maxLoginsPerDay-2),
		batched(true, at(courier, 'C', abc123, -9), at(courier, 'C', abc123, -8), at(courier, 'C', abc123, -7)),
		logout(courier, 'C', abc123, -5),
	}, true},
	{"two tenants with the same ids", []step{
		signedUp(courier, abc123, "12345"), signedUp(parcels, abc12, "12345"),
		login(courier, 'U', "12345", -120), login(parcels, 'U', "12345", -100),
		logout(parcels, 'C', abc123, -60), logout(parcels, 'U', "12345", -50),
	}, false},
	{"a late logout unravels the days that follow", []step{
		signedUp(courier, abc123, "12345"),
		batched(true, at(courier, 'C', abc123, -2880), at(courier, 'C', abc123, -2200),
			at(courier, 'C', abc123, -1500), at(courier, 'C', abc123, -800)), delivered,
		logout(courier, 'U', "12345", -2300), login(courier, 'C', abc123, -3000),
	}, false},
	{"dead letters are sent again weeks later", []step{
		signedUp(courier, abc123, "12345"), login(courier, 'C', abc123, -120), givenUp,
		logout(courier, 'C', abc123, -60), delivered, passes(30 * 24 * 60),
	}, false},
}

// at is an event so many minutes from the noon on which a scenario begins.
func at(tenant string, kind byte, text string, minutes int64) fact {
	return loginOf(tenant, name{kind, text}, minutes)
}

// placed is the event in a world.
func (w *world) placed(f fact, login bool) fact {
	f.login, f.at = login, w.now-w.now%second+f.at*minute
	return f
}

func login(tenant string, kind byte, text string, minutes int64) step {
	return func(w *world) { w.insist(event(w.placed(at(tenant, kind, text, minutes), true))) }
}

func logout(tenant string, kind byte, text string, minutes int64) step {
	return func(w *world) { w.insist(event(w.placed(at(tenant, kind, text, minutes), false))) }
}

func batched(login bool, events ...fact) step {
	return func(w *world) {
		var facts []fact
		for _, f := range events {
			facts = append(facts, w.placed(f, login))
		}
		w.insist(batch(facts...))
	}
}

// bigBatch is one of so many events under a name so long that they take more than one message.
func bigBatch(tenant string, count int) step {
	return func(w *world) {
		var facts []fact
		for i := range count {
			facts = append(facts, w.placed(at(tenant, 'U', strings.Repeat("é", 127), -int64(i)), true))
		}
		w.insist(batch(facts...))
	}
}

func matched(tenant, customer string, success bool) step {
	return func(w *world) { w.insist(match(tenant, customer, success)) }
}

// created is a shift of v2 that starts so many minutes from now, and is planned to take so many: 0 for no plan.
func created(tenant string, kind byte, text string, minutes, planned int64) step {
	return func(w *world) {
		f := w.placed(at(tenant, kind, text, minutes), true)
		if planned > 0 {
			f.planned = f.at + planned*minute
		}
		w.insist(create(f))
	}
}

// ended ends the first shift that was created.
func ended(minutes int64) step {
	return func(w *world) {
		if logins := w.logins(); len(logins) > 0 {
			w.insist(end(logins[0], w.events[logins[0]], w.now-w.now%second+minutes*minute))
		}
	}
}

// insist makes a request until it is answered.
func (w *world) insist(r *request) {
	w.ask(r)
	for len(w.again) > 0 {
		w.again = nil
		w.ask(r)
	}
}

// signedUp is somebody who has consented, is linked and matched, for two weeks.
func signedUp(tenant, customer, userID string) step {
	return func(w *world) {
		w.backend.write(change{tenant: tenant, customer: customer, consent: true, match: true, link: userID}, noon-14*day)
	}
}

// changed is a change of a history, tried until it is there.
func changed(c change) step {
	return func(w *world) {
		for known := len(w.model.entries); len(w.model.entries) == known; {
			w.change(c)
		}
	}
}

func passes(minutes int64) step { return func(w *world) { w.advance(minutes * minute) } }

func passesMilliseconds(ms int64) step { return func(w *world) { w.advance(ms * millisecond) } }

// loginNow is a LOGIN of this very instant.
func loginNow(tenant string, kind byte, text string) step {
	return func(w *world) { w.insist(event(loginOf(tenant, name{kind, text}, w.now))) }
}

func malformed(w *world) { w.malformed() }

// almostFull gives a day of a name so many events of no effect.
func almostFull(tenant, customer string, count int) step {
	return func(w *world) {
		var facts []timeline.Fact
		for i := range count {
			f := logoutOf(tenant, name{'C', customer}, noon-6*hour+int64(i))
			w.model.add(f)
			w.asked[f] = true
			facts = append(facts, timeline.Fact{
				Name: person.Name{Kind: person.CustomerNumber, Value: customer}, Kind: timeline.Logout,
				At: timeline.Instant(f.at), PlannedEnd: timeline.Never,
			})
		}
		_, _ = w.backend.groundTruth().AddFacts(context.Background(), tenant, facts[0].Name, facts[0].At.Day(), facts)
	}
}

// givenUp makes the queue give up what it holds.
func givenUp(w *world) {
	for _, m := range w.queue {
		m.received = templateMaxReceives
	}
	delivered(w)
}

// delivered is that everything is processed before the story goes on.
func delivered(w *world)          { w.deliverAll(firstSent) }
func deliveredLastFirst(w *world) { w.deliverAll(lastSent) }

// order picks what is delivered next.
type order func(w *world, found []*message) []*message

func firstSent(_ *world, found []*message) []*message { return found[:1] }
func lastSent(_ *world, found []*message) []*message  { return found[len(found)-1:] }
func shuffled(w *world, found []*message) []*message  { return some(w.random, found) }
func together(_ *world, found []*message) []*message  { return found[:min(10, len(found))] }

var orders = []order{firstSent, lastSent, shuffled, together}

// deliverAll processes messages until there are none, those that wait for their time too.
func (w *world) deliverAll(next order) {
	for {
		if found := w.deliverable(); len(found) > 0 {
			w.process(next(w, found))
		} else if found := w.deadLettered(); len(found) > 0 {
			w.fileDeadLetters(next(w, found))
		} else if !w.wait() {
			return
		}
	}
}

// play tells a scenario, in which a failure befalls one call: none if there is none of that number.
func (s scenario) play(next order, call int, kind failure, log *[]string) *world {
	w := newWorld(rand.New(rand.NewPCG(uint64(call), 2)))
	w.exclusive = true
	w.log = log
	w.failure = func() failure {
		if w.calls == call {
			return kind
		}
		return none
	}
	for _, step := range s.steps {
		step(w)
	}
	w.deliverAll(next)
	w.redrive()
	w.deliverAll(next)
	if kind == crashBefore || kind == crashAfter {
		w.onePersonIsFolded()
	}
	w.checkEarly()
	w.recordsAreTheModels()
	for _, m := range w.queue {
		m.deleted, m.dead, m.received = m.malformed, m.malformed, 0
	}
	w.deliverAll(next)
	w.finished = w.calls
	w.check()
	return w
}

// TestCrashPoints plays every scenario with every failure at every call, in every order.
func TestCrashPoints(t *testing.T) {
	var points atomic.Int64
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for i, next := range orders {
				whole := s.play(next, 0, none, nil)
				if len(whole.violations) > 0 {
					t.Fatalf("order %d, no failure:\n%s", i, whole.report())
				}
				for n := range whole.finished {
					for kind := none + 1; kind < failures; kind++ {
						if s.large && kind != crashBefore && kind != crashAfter {
							continue
						}
						points.Add(1)
						if w := s.play(next, n+1, kind, nil); len(w.violations) > 0 {
							var log []string
							s.play(next, n+1, kind, &log)
							t.Fatalf("order %d, call %d,%v:\n%s\n%s", i, n+1, kind, w.report(), strings.Join(log, "\n"))
						}
					}
				}
			}
		})
	}
	t.Cleanup(func() { t.Logf("%d crash points", points.Load()) })
}
