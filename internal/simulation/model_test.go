package simulation

import (
	"cmp"
	"math"
	"slices"
)

// The model is rules 1 to 9 said a second time, as plainly as can be: it has every fact and every entry in its hands at
// once, and knows nothing of order, messages, rows, days or races. This file says whose a fact is and whether it counts
// (rules 1, 6 and 7); model_cover_test.go says what becomes of those that do. Times are microseconds since the Unix
// epoch.

const (
	never  = math.MaxInt64
	always = math.MinInt64

	millisecond = 1000
	second      = 1000 * millisecond
	minute      = 60 * second
	hour        = 60 * minute
	day         = 24 * hour
)

// fact is rule 1.
type fact struct {
	tenant  string
	kind    byte // of the name: 'C', a customer number, or 'U', a workProviderUserId
	name    string
	login   bool
	at      int64
	planned int64 // the planned end of a LOGIN; never without one

	// accepted is when it was answered 202 or 201 (rule 12); 0 where that is not known, or not asked.
	accepted int64

	void bool // it takes the event back (rule 11)
}

// event is what names a fact: a LOGIN sent again, perhaps with another plan, is the same event, and so is what a void
// takes back.
func (f fact) event() fact {
	f.planned = never
	f.accepted = 0
	f.void = false
	return f
}

// voidOf takes an event back.
func voidOf(event fact) fact {
	event.void = true
	return event
}

// request is the fact as it was asked for, before it was accepted.
func (f fact) request() fact {
	f.accepted = 0
	return f
}

// acceptance is when the fact counts as accepted: one of which that is not known, at its own instant.
func (f fact) acceptance() int64 {
	if f.accepted == 0 {
		return f.at
	}
	return f.accepted
}

// sentAs is the name that the fact came under.
func (f fact) sentAs() name { return name{f.kind, f.name} }

// name is a name as it was sent.
type name struct {
	kind byte
	text string
}

// entry is one line of a history (rule 6). A link to a customer takes the id from whoever has it.
type entry struct {
	tenant, customer string
	what             string // consent, withdrawal, link, unlink, match or no match
	userID           string // of a link or unlink
	at               int64
}

// customerKey is a customer at a tenant.
type customerKey struct{ tenant, customer string }

// model is all that was ever said.
type model struct {
	facts   map[fact]bool
	entries map[entry]bool

	// What follows from them, kept until something is added.
	consentsOf map[customerKey][]span
	ownersOf   map[fact][]ownership // by an empty fact of the name
	foldsOf    map[customerKey]foldResult

	voidedEvents map[fact]bool
}

func newModel() *model {
	return &model{
		facts: map[fact]bool{}, entries: map[entry]bool{},
		consentsOf: map[customerKey][]span{}, ownersOf: map[fact][]ownership{}, foldsOf: map[customerKey]foldResult{},
	}
}

// add adds a fact.
func (m *model) add(f fact) {
	m.facts[f] = true
	m.voidedEvents = nil
	clear(m.foldsOf)
}

// note adds an entry.
func (m *model) note(e entry) {
	m.entries[e] = true
	clear(m.consentsOf)
	clear(m.ownersOf)
	clear(m.foldsOf)
}

// forget takes out a fact that found no room.
func (m *model) forget(f fact) {
	delete(m.facts, f)
	m.voidedEvents = nil
	clear(m.foldsOf)
}

// repeats are the facts of an event: one for each time and each plan that it was accepted with.
func (m *model) repeats(event fact) []fact {
	var found []fact
	for f := range m.facts {
		if f.event() == event && !f.void {
			found = append(found, f)
		}
	}
	return found
}

// takenBack are the events that do not count for ever (rule 11).
func (m *model) takenBack() map[fact]bool {
	if m.voidedEvents == nil {
		m.voidedEvents = map[fact]bool{}
		for f := range m.facts {
			if f.void {
				m.voidedEvents[f.event()] = true
			}
		}
	}
	return m.voidedEvents
}

// knownAt is what was known at an instant: what was accepted by then, whether it was applied or not, and recorded by
// then (rule 12).
func (m *model) knownAt(at int64) *model {
	known := newModel()
	for f := range m.facts {
		if f.acceptance() <= at {
			known.facts[f] = true
		}
	}
	for e := range m.entries {
		if e.at <= at {
			known.entries[e] = true
		}
	}
	return known
}

// firstAcceptance is the earliest of the instants at which facts were accepted; 0 if that is not known.
func firstAcceptance(facts []fact) int64 {
	first := facts[0]
	for _, f := range facts {
		if f.acceptance() < first.acceptance() || f.acceptance() == first.acceptance() && f.accepted == 0 {
			first = f
		}
	}
	return first.accepted
}

// span is [from, to).
type span struct{ from, to int64 }

func (s span) has(at int64) bool { return s.from <= at && at < s.to }

// secondOf is the beginning of an instant's second.
func secondOf(at int64) int64 { return at - ((at%second)+second)%second }

// history is the entries of those kinds, in time order; of a customer, or of a workProviderUserId. Where an id goes
// from one to another at an instant, the link comes before what is noted of it at the loser's.
func (m *model) history(tenant string, fits func(entry) bool) []entry {
	var found []entry
	for e := range m.entries {
		if e.tenant == tenant && fits(e) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what)) })
	return found
}

// consents are the times in which a customer shares with a tenant. Each begins with the second in which consent was
// given, but not before the last withdrawal (rule 7).
func (m *model) consents(tenant, customer string) []span {
	key := customerKey{tenant, customer}
	if spans, known := m.consentsOf[key]; known {
		return spans
	}
	var spans []span
	open := false
	withdrawn := int64(always)
	for _, e := range m.history(tenant, func(e entry) bool { return e.customer == customer }) {
		switch e.what {
		case "consent":
			if !open {
				spans = append(spans, span{max(secondOf(e.at), withdrawn), never})
				open = true
			}
		case "withdrawal":
			if open {
				spans[len(spans)-1].to = e.at
				open = false
			}
			withdrawn = e.at
		}
	}
	m.consentsOf[key] = spans
	return spans
}

// consentAt is the consent that an instant lies in.
func (m *model) consentAt(tenant, customer string, at int64) (span, bool) {
	for _, s := range m.consents(tenant, customer) {
		if s.has(at) {
			return s, true
		}
	}
	return span{}, false
}

// consented reports whether a customer shares with a tenant.
func (m *model) consented(tenant, customer string, now int64) bool {
	_, ok := m.consentAt(tenant, customer, now)
	return ok
}

// ownership is the time in which the facts under a workProviderUserId are one customer's.
type ownership struct {
	span
	customer string
	current  bool // the customer has it still
}

// owners are those of an id, one after the other (rule 6). A link brings the facts from the consent it was made under,
// which is the one that the link lies in or else the next, but from 30 days before the link at the earliest, and from
// when the id had ceased to be somebody else's. An id goes from one to another at the beginning of the second of the
// link, but not before the id was last unlinked or moved (rule 6).
func (m *model) owners(tenant, userID string) []ownership {
	key := fact{tenant: tenant, name: userID}
	if owners, known := m.ownersOf[key]; known {
		return owners
	}
	var owners []ownership
	free := true
	released := int64(always) // when it ceased to be somebody's
	unlinked := int64(always) // when it was last unlinked, or moved
	for _, e := range m.history(tenant, func(e entry) bool { return e.userID == userID }) {
		last := len(owners) - 1
		switch {
		case e.what == "unlink" && !free && owners[last].customer == e.customer:
			owners[last].to = e.at
			owners[last].current = false
			free = true
			released = e.at
			unlinked = e.at
		case e.what == "link" && (free || owners[last].customer != e.customer):
			if !free {
				released = max(secondOf(e.at), unlinked)
				unlinked = e.at
				owners[last].to = released
				owners[last].current = false
			}
			from := int64(never)
			for _, c := range slices.Backward(m.consents(tenant, e.customer)) {
				if e.at < c.to {
					from = c.from
				}
			}
			owners = append(owners, ownership{span{max(from, e.at-30*day, released), never}, e.customer, true})
			free = false
		}
	}
	m.ownersOf[key] = owners
	return owners
}

// owner is whose a name is now; empty if it is nobody's.
func (m *model) owner(tenant string, n name) string {
	if n.kind == 'C' {
		return n.text
	}
	owners := m.owners(tenant, n.text)
	if len(owners) > 0 && owners[len(owners)-1].current {
		return owners[len(owners)-1].customer
	}
	return ""
}

// matched are the instants of a customer's verdicts, and whether each was true. A tie goes to false.
func (m *model) matched(tenant, customer string) (at []int64, is map[int64]bool) {
	is = map[int64]bool{}
	for _, e := range m.history(tenant, func(e entry) bool { return e.customer == customer }) {
		if e.what != "match" && e.what != "no match" {
			continue
		}
		if _, known := is[e.at]; !known {
			at = append(at, e.at)
			is[e.at] = true
		}
		is[e.at] = is[e.at] && e.what == "match"
	}
	return at, is
}

// matchedAt reports whether the last verdict by an instant was true.
func (m *model) matchedAt(tenant, customer string, now int64) bool {
	last := false
	at, is := m.matched(tenant, customer)
	for _, t := range at {
		if t <= now {
			last = is[t]
		}
	}
	return last
}

// belongs reports whether a fact is the customer's (rule 6).
func (m *model) belongs(customer string, f fact) bool {
	if f.kind == 'C' {
		return f.name == customer
	}
	return slices.ContainsFunc(m.owners(f.tenant, f.name), func(o ownership) bool {
		return o.customer == customer && o.has(f.at)
	})
}

// counts reports whether a fact is one of the customer's that count (rules 6 and 7).
func (m *model) counts(customer string, f fact) bool {
	if !m.belongs(customer, f) || !m.consented(f.tenant, customer, f.at) {
		return false
	}
	if f.login && m.matchedAt(f.tenant, customer, f.at) {
		return true
	}
	// It waits for the next true; a LOGOUT, which no false holds back, for the first.
	at, is := m.matched(f.tenant, customer)
	for _, t := range at {
		if is[t] && (!f.login || t > f.at) {
			return t <= f.at+30*day
		}
	}
	return false
}

// uncounted is the outcome of a fact that counts for nobody (rule 7).
func (m *model) uncounted(event fact, now int64) outcome {
	consents := m.consents(event.tenant, m.owner(event.tenant, event.sentAs()))
	switch {
	case len(consents) > 0 && event.at < consents[len(consents)-1].from:
		return outcome{state: "REJECTED", reason: "BEFORE_CONSENT"}
	case now < event.at+30*day:
		return outcome{state: "UNMATCHED"}
	}
	return outcome{state: "REJECTED", reason: "UNMATCHED_TOO_LONG"}
}
