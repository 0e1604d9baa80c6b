package simulation

import (
	"maps"
	"slices"
)

// maxShift is the longest that a shift may be, and how long a LOGIN insures that has no planned end.
const maxShift = 14 * hour

// period is a cover period: a time without a gap in which somebody is insured (rule 2).
type period struct {
	span
	endedBy string  // LOGOUT, PLANNED, AUTO or WITHDRAWN: how it ended, or will
	logins  []int64 // the instants of its LOGINs, in order
}

// workShift is a shift: a cover period, or a part of one (rule 3).
type workShift struct {
	span
	endedBy string
	login   int64         // the instant of the LOGIN that names it
	names   map[name]bool // under which that LOGIN came
	period  period        // which it is of

	startTold, endTold int64 // when the LOGIN that names it, and the LOGOUT that ended it, were first accepted; or 0
}

// continued reports whether the shift began at a cut without a LOGIN, so that an earlier one names it.
func (s workShift) continued() bool { return s.login < s.from }

// begun reports whether there is anything to tell of the shift: of a continued one there is not before it has begun.
func (s workShift) begun(now int64) bool { return !s.continued() || s.from <= now }

// foldResult is a customer folded: all shifts in order, and the events that count.
type foldResult struct {
	shifts []workShift
	counts map[fact]bool
}

// find is the shift of which something is true; there is never more than one.
func (f foldResult) find(is func(workShift) bool) (workShift, bool) {
	i := slices.IndexFunc(f.shifts, is)
	if i < 0 {
		return workShift{}, false
	}
	return f.shifts[i], true
}

// shiftOf is the shift that a LOGIN's id finds: the one that it names, if that has begun, or else the one that holds
// it.
func (f foldResult) shiftOf(login fact, now int64) (workShift, bool) {
	if !f.counts[login.event()] {
		return workShift{}, false
	}
	if s, ok := f.find(func(s workShift) bool { return s.login == login.at && s.begun(now) }); ok {
		return s, true
	}
	holder, ok := f.find(func(s workShift) bool { return s.has(login.at) })
	return f.toldAs(holder, now), ok
}

// toldAs is the shift of which is told what belongs to another: the shift before, as long as that has not begun.
func (f foldResult) toldAs(s workShift, now int64) workShift {
	for !s.begun(now) {
		s, _ = f.find(func(before workShift) bool { return before.to == s.from })
	}
	return s
}

// foldOf is a customer folded.
func (m *model) foldOf(tenant, customer string) foldResult {
	key := customerKey{tenant, customer}
	if _, known := m.foldsOf[key]; !known {
		m.foldsOf[key] = m.fold(tenant, customer)
	}
	return m.foldsOf[key]
}

// fold is rules 2 to 4, over everything that there is of a customer.
func (m *model) fold(tenant, customer string) foldResult {
	result := foldResult{counts: map[fact]bool{}}
	logins := map[int64][]fact{}
	logouts := map[int64][]fact{}
	for f := range m.facts {
		if f.tenant != tenant || f.void || m.takenBack()[f.event()] || !m.counts(customer, f) {
			continue
		}
		result.counts[f.event()] = true
		if f.login {
			logins[f.at] = append(logins[f.at], f)
		} else {
			logouts[f.at] = append(logouts[f.at], f)
		}
	}
	for _, p := range m.periods(tenant, customer, logins, logouts) {
		starts := p.starts()
		for i, start := range starts {
			s := workShift{span: span{start, p.to}, endedBy: p.endedBy, names: map[name]bool{}, period: p}
			if i+1 < len(starts) {
				s.to = starts[i+1]
				s.endedBy = "AUTO"
			}
			for _, at := range p.logins {
				if at <= start {
					s.login = at
				}
			}
			for _, f := range logins[s.login] {
				s.names[f.sentAs()] = true
			}
			s.startTold = firstAcceptance(logins[s.login])
			if s.endedBy == "LOGOUT" {
				s.endTold = firstAcceptance(logouts[s.to])
			}
			result.shifts = append(result.shifts, s)
		}
	}
	return result
}

// insures is until when the LOGINs of one instant insure by themselves: to their planned end, or for 14 hours if none
// of them has one. Of several planned ends the one accepted last counts, of those accepted at once the latest.
func insures(logins []fact) (to int64, planned bool) {
	to = logins[0].at + maxShift
	var accepted int64
	for _, f := range logins {
		switch a := f.acceptance(); {
		case f.planned == never:
		case !planned, a > accepted, a == accepted && f.planned > to:
			to = f.planned
			planned = true
			accepted = a
		}
	}
	return to, planned
}

// periods are a customer's cover periods. Each LOGIN insures from its instant on, as long as it does by itself, but not
// beyond the consent, nor beyond the first LOGOUT after it; what overlaps is one period. What only adjoins is not: a
// LOGIN at the end of a period begins the next.
func (m *model) periods(tenant, customer string, logins, logouts map[int64][]fact) []period {
	var periods []period
	outs := slices.Sorted(maps.Keys(logouts))
	for _, at := range slices.Sorted(maps.Keys(logins)) {
		to, _ := insures(logins[at])
		consent, _ := m.consentAt(tenant, customer, at)
		to = min(to, consent.to)
		if i := slices.IndexFunc(outs, func(out int64) bool { return out > at }); i >= 0 {
			to = min(to, outs[i])
		}
		if last := len(periods) - 1; last >= 0 && at < periods[last].to {
			periods[last].to = max(periods[last].to, to)
			periods[last].logins = append(periods[last].logins, at)
			continue
		}
		periods = append(periods, period{span: span{at, to}, logins: []int64{at}})
	}
	for i := range periods {
		periods[i].endedBy = endOf(periods[i], logins, logouts)
	}
	return periods
}

// endOf is what ended a period: a LOGOUT at its end; else the LOGIN that reached farthest, by its plan rather than by
// the 14 hours; or the withdrawal, if that LOGIN reached farther still.
func endOf(p period, logins, logouts map[int64][]fact) string {
	if len(logouts[p.to]) > 0 {
		return "LOGOUT"
	}
	reach := int64(always)
	by := ""
	for _, at := range p.logins {
		to, planned := insures(logins[at])
		switch {
		case to > p.to:
			return "WITHDRAWN"
		case planned && to >= reach:
			reach = to
			by = "PLANNED"
		case to > reach:
			reach = to
			by = "AUTO"
		}
	}
	return by
}

// starts are the starts of a period's shifts: its own; 14 hours after each, where cover goes on there; and from 14
// hours after its own on, the first LOGIN of each UTC day.
func (p period) starts() []int64 {
	starts := []int64{p.from}
	for {
		start := starts[len(starts)-1]
		next := start + maxShift
		for i, at := range p.logins {
			firstOfDay := i == 0 || p.logins[i-1] < midnight(at)
			if firstOfDay && at > start && at >= p.from+maxShift {
				next = min(next, at)
			}
		}
		if next >= p.to {
			return starts
		}
		starts = append(starts, next)
	}
}

// midnight is the beginning of an instant's UTC day.
func midnight(at int64) int64 { return at - ((at%day)+day)%day }

// outcome is what is told of an event.
type outcome struct{ state, effect, reason string }

// outcome is that of an event in the set, the shift that it opened, continued or closed, and whose that is.
func (m *model) outcome(event fact, customers []string, now int64) (outcome, workShift, string) {
	if m.takenBack()[event] {
		return outcome{state: "VOIDED"}, workShift{}, ""
	}
	for _, customer := range customers {
		person := m.foldOf(event.tenant, customer)
		if !person.counts[event] {
			continue
		}
		if !event.login {
			s, ok := person.find(func(s workShift) bool { return s.endedBy == "LOGOUT" && s.to == event.at })
			if !ok {
				return outcome{state: "NO_EFFECT", reason: "LOGOUT_WITHOUT_LOGIN"}, workShift{}, ""
			}
			return outcome{state: "APPLIED", effect: "CLOSED_SHIFT"}, person.toldAs(s, now), customer
		}
		s, _ := person.shiftOf(event, now)
		switch {
		case s.login != event.at:
			return outcome{state: "NO_EFFECT", reason: "ALREADY_OPEN"}, workShift{}, ""
		case s.continued():
			return outcome{state: "APPLIED", effect: "CONTINUED_SHIFT"}, s, customer
		}
		return outcome{state: "APPLIED", effect: "OPENED_SHIFT"}, s, customer
	}
	return m.uncounted(event, now), workShift{}, ""
}

// shiftsTold are a customer's shifts that there is anything to tell of.
func (m *model) shiftsTold(tenant, customer string, now int64) []workShift {
	var covers []workShift
	for _, s := range m.foldOf(tenant, customer).shifts {
		if s.begun(now) {
			covers = append(covers, s)
		}
	}
	return covers
}
