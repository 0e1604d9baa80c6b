package simulation

import (
	"cmp"
	"math"
	"slices"
)

// The model is rules 1 to 9 said a second time, as plainly as can be: it has every fact and every entry in its hands at
// once, and knows nothing of order, messages, rows, windows or races. Times are microseconds since the Unix epoch.

const (
	never  = math.MaxInt64
	second = 1_000_000
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// fact is rule 1.
type fact struct {
	tenant  string
	kind    byte // of the name: 'C', a customer number, or 'U', a workProviderUserId
	name    string
	login   bool
	at      int64
	planned int64 // the planned end of a LOGIN; never without one
}

// event is what names a fact: a LOGIN sent again with another plan is the same event.
func (f fact) event() fact {
	f.planned = never
	return f
}

// entry is one line of a history (rule 6). A link to a customer takes the id from whoever has it.
type entry struct {
	tenant, customer string
	what             string // consent, withdrawal, link, unlink, match or no match
	userID           string // of a link or unlink
	at               int64
}

// model is all that was ever said.
type model struct {
	facts   map[fact]bool
	entries map[entry]bool
	folds   map[who]folded // since the last change
}

// who is a customer at a tenant.
type who struct{ tenant, customer string }

func newModel() *model {
	return &model{facts: map[fact]bool{}, entries: map[entry]bool{}, folds: map[who]folded{}}
}

func (m *model) add(f fact)    { m.facts[f] = true; clear(m.folds) }
func (m *model) note(e entry)  { m.entries[e] = true; clear(m.folds) }
func (m *model) forget(f fact) { delete(m.facts, f); clear(m.folds) }

// span is [from, to).
type span struct{ from, to int64 }

func (s span) has(at int64) bool { return s.from <= at && at < s.to }

// cover is a shift.
type cover struct {
	span
	by    string        // how it ended, or will
	names map[name]bool // under which its earliest LOGIN came
}

// name is a name as it was sent.
type name struct {
	kind byte
	text string
}

// history is the entries of those kinds, in time order; of a customer, or of a workProviderUserId.
func (m *model) history(tenant string, fits func(entry) bool) []entry {
	var found []entry
	for e := range m.entries {
		if e.tenant == tenant && fits(e) {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return cmp.Compare(a.at, b.at) })
	return found
}

// consents are the times in which a customer shares with a tenant.
func (m *model) consents(tenant, customer string) []span {
	var spans []span
	open := false
	for _, e := range m.history(tenant, func(e entry) bool { return e.customer == customer }) {
		switch {
		case e.what == "consent" && !open:
			spans, open = append(spans, span{e.at, never}), true
		case e.what == "withdrawal" && open:
			spans[len(spans)-1].to, open = e.at, false
		}
	}
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

// ownershipInterval is the time in which the facts under a workProviderUserId are one customer's.
type ownershipInterval struct {
	span
	customer string
}

// intervals are those of an id. Each begins with the consent that the link was made under, which is the one that the link
// lies in or the next, but not before the id had ceased to be somebody's; it ends when the id is unlinked or goes to
// another. The last one is open if somebody has the id now.
func (m *model) intervals(tenant, userID string) (intervals []ownershipInterval, open bool) {
	freed := int64(math.MinInt64)
	for _, e := range m.history(tenant, func(e entry) bool { return e.userID == userID }) {
		if open && (e.what == "unlink" || intervals[len(intervals)-1].customer != e.customer) {
			intervals[len(intervals)-1].to, freed, open = e.at, e.at, false
		}
		if e.what == "link" && !open {
			from := int64(never)
			for _, c := range slices.Backward(m.consents(tenant, e.customer)) {
				if e.at < c.to {
					from = c.from
				}
			}
			intervals, open = append(intervals, ownershipInterval{span{max(from, freed), never}, e.customer}), true
		}
	}
	return intervals, open
}

// owner is whose a name is now; empty if it is nobody's.
func (m *model) owner(tenant string, n name) string {
	if n.kind == 'C' {
		return n.text
	}
	if intervals, open := m.intervals(tenant, n.text); open {
		return intervals[len(intervals)-1].customer
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
			at, is[e.at] = append(at, e.at), true
		}
		is[e.at] = is[e.at] && e.what == "match"
	}
	return at, is
}

// matchedAt tells whether the last verdict by an instant was true.
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

// belongs tells whether a fact is the customer's (rule 6).
func (m *model) belongs(customer string, f fact) bool {
	if f.kind == 'C' {
		return f.name == customer
	}
	intervals, _ := m.intervals(f.tenant, f.name)
	return slices.ContainsFunc(intervals, func(s ownershipInterval) bool { return s.customer == customer && s.has(f.at) })
}

// counts tells whether a fact is one of the customer's that count (rules 6 and 7).
func (m *model) counts(customer string, f fact) bool {
	if !m.belongs(customer, f) {
		return false
	}
	if _, ok := m.consentAt(f.tenant, customer, f.at); !ok {
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

// result is what became of a fact that counts, and the cover that it opened or closed.
type result struct {
	effect string
	cover  int
}

// folded are a customer's covers, those of zero length too, and what became of each event that counts.
type folded struct {
	covers []cover
	became map[fact]result
}

// of is a customer folded.
func (m *model) of(tenant, customer string) folded {
	f, known := m.folds[who{tenant, customer}]
	if !known {
		f.covers, f.became = m.fold(tenant, customer)
		m.folds[who{tenant, customer}] = f
	}
	return f
}

// fold is rules 2 to 4.
func (m *model) fold(tenant, customer string) ([]cover, map[fact]result) {
	ins, outs := map[int64][]fact{}, map[int64][]fact{}
	var times []int64
	for f := range m.facts {
		if f.tenant != tenant || !m.counts(customer, f) {
			continue
		}
		times = append(times, f.at)
		if f.login {
			ins[f.at] = append(ins[f.at], f)
		} else {
			outs[f.at] = append(outs[f.at], f)
		}
	}
	slices.Sort(times)
	times = slices.Compact(times)

	var covers []cover
	became := map[fact]result{}
	tell := func(facts []fact, effect string) {
		for _, f := range facts {
			became[f.event()] = result{effect, len(covers) - 1}
		}
	}
	taken := map[int64]bool{} // LOGOUTs that have closed a cover
	for i := 0; i < len(times); {
		at := times[i]
		if len(ins[at]) == 0 {
			if !taken[at] {
				tell(outs[at], "LOGOUT_WITHOUT_LOGIN")
			}
			i++
			continue
		}
		// A LOGIN while none is open opens one.
		c := cover{span: span{from: at}, names: map[name]bool{}}
		for _, f := range ins[at] {
			c.names[name{f.kind, f.name}] = true
		}
		planned := latestPlan(ins[at], 0)
		c.to, c.by = m.end(tenant, customer, at, planned)
		covers = append(covers, c)
		now := &covers[len(covers)-1]
		tell(ins[at], "OPENED_SHIFT")
		i++
		if len(outs[at]) > 0 && !taken[at] {
			now.to, now.by = at, "LOGOUT" // of zero length
			tell(outs[at], "CLOSED_SHIFT")
			continue
		}
		// What comes while it is open, its end included for a LOGOUT.
		for ; i < len(times) && times[i] <= now.to; i++ {
			t := times[i]
			if len(outs[t]) > 0 {
				now.to, now.by, taken[t] = t, "LOGOUT", true
				tell(outs[t], "CLOSED_SHIFT")
				break // a LOGIN at t opens the next
			}
			if t == now.to {
				break // so does one at the end
			}
			tell(ins[t], "ALREADY_OPEN")
			planned = latestPlan(ins[t], planned)
			now.to, now.by = m.end(tenant, customer, at, planned)
		}
	}
	return covers, became
}

func latestPlan(logins []fact, latest int64) int64 {
	for _, f := range logins {
		latest = max(latest, f.planned)
	}
	return latest
}

// end is where a shift ends without a LOGOUT. Of several ends at one instant a plan is named first, then the 14 hours.
func (m *model) end(tenant, customer string, start, planned int64) (int64, string) {
	consent, _ := m.consentAt(tenant, customer, start)
	to := min(start+14*hour, planned, consent.to)
	switch to {
	case planned:
		return to, "PLANNED"
	case start + 14*hour:
		return to, "AUTO"
	}
	return to, "WITHDRAWN"
}

// covers are a customer's covers that have a length.
func (m *model) covers(tenant, customer string) []cover {
	return slices.DeleteFunc(slices.Clone(m.of(tenant, customer).covers), func(c cover) bool { return c.from == c.to })
}

// outcome is what is told of an event.
type outcome struct{ state, effect, reason string }

// outcome is that of an event in the set, and the cover that it opened or closed.
func (m *model) outcome(event fact, customers []string, now int64) (outcome, cover) {
	for _, customer := range customers {
		person := m.of(event.tenant, customer)
		r, counts := person.became[event]
		switch {
		case !counts:
		case r.effect == "OPENED_SHIFT" || r.effect == "CLOSED_SHIFT":
			return outcome{state: "APPLIED", effect: r.effect}, person.covers[r.cover]
		default:
			return outcome{state: "NO_EFFECT", reason: r.effect}, cover{}
		}
	}
	consents := m.consents(event.tenant, m.owner(event.tenant, name{event.kind, event.name}))
	switch {
	case len(consents) > 0 && event.at < consents[len(consents)-1].from:
		return outcome{state: "REJECTED", reason: "BEFORE_CONSENT"}, cover{}
	case now < event.at+30*day:
		return outcome{state: "UNMATCHED"}, cover{}
	}
	return outcome{state: "REJECTED", reason: "UNMATCHED_TOO_LONG"}, cover{}
}
