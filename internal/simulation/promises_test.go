package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// The promises of docs/shift-rules.md, by number. 5 and 6 are watched while the run goes on (client_test.go and
// queue_test.go); 2, 3, 9 and 10 are that the end is the model's, which knows neither order, nor repeats, nor
// processes, nor crashes; 7 is that it is so for each tenant from its own facts and entries alone.

// everything is all days that have ever been or will be of interest.
var everything = timeline.Days{First: timeline.Instant(noon).Day() - 4000, Last: timeline.Instant(noon).Day() + 4000}

// stored are the facts under a name, read past all failures.
func (w *world) stored(tenant string, n name) map[fact]bool {
	of := person.Name{Kind: person.Kind(n.kind), Value: n.text}
	facts, _ := w.backend.groundTruth().Facts(context.Background(), tenant, of, everything)
	set := make(map[fact]bool, len(facts))
	for _, f := range facts {
		stored := fact{
			tenant: tenant, kind: n.kind, name: n.text, login: f.Kind == timeline.Login, at: int64(f.At), planned: never,
			accepted: int64(f.Accepted), void: f.Void,
		}
		if f.PlannedEnd != timeline.Never {
			stored.planned = int64(f.PlannedEnd)
		}
		set[stored] = true
	}
	return set
}

// sets are all facts in the store at one moment.
type sets struct {
	has     map[fact]bool
	repeats map[fact][]fact // of an event
	voids   map[fact][]fact // of an event
	onDay   map[fact]int    // how many events a name's day has, or voids of events that it has not
}

// dayOf is a fact of the same name and day, the same for all of them.
func dayOf(f fact) fact {
	return fact{tenant: f.tenant, kind: f.kind, name: f.name, at: midnight(f.at)}
}

// Rule 9: how many events a name's day has room for, and for how many when the next is a LOGIN.
const (
	maxEventsPerDay = 2000
	maxLoginsPerDay = 1900
)

// full reports whether the day of a fact has no room for its event (rule 9).
func (s sets) full(f fact) bool {
	if f.login {
		return s.onDay[dayOf(f)] >= maxLoginsPerDay
	}
	return s.onDay[dayOf(f)] >= maxEventsPerDay
}

// knows reports whether an event takes a place on its day.
func (s sets) knows(event fact) bool { return s.repeats[event] != nil || s.voids[event] != nil }

// keeps reports whether a fact is there, or was no longer needed: its event was accepted before and after and, if it
// has a planned end, with one after; or was taken back before (rule 12).
func (s sets) keeps(f fact) bool {
	if f.void {
		return slices.ContainsFunc(s.voids[f.event()], func(g fact) bool { return g.accepted <= f.accepted })
	}
	var before, after, planned bool
	for _, g := range s.repeats[f.event()] {
		before = before || g.acceptance() <= f.acceptance()
		after = after || g.acceptance() >= f.acceptance()
		planned = planned || g.acceptance() >= f.acceptance() && g.planned != never
	}
	return s.has[f] || before && after && (f.planned == never || planned)
}

// readSets reads the sets of all names that anybody has ever used.
func (w *world) readSets() sets {
	type tenantName struct {
		tenant string
		name
	}
	all := map[tenantName]bool{}
	for _, tenant := range tenants {
		for _, c := range customers {
			all[tenantName{tenant, name{'C', c}}] = true
		}
		for _, u := range userIDs {
			all[tenantName{tenant, name{'U', u}}] = true
		}
		for f := range w.asked {
			all[tenantName{tenant, f.sentAs()}] = true
		}
	}
	s := sets{map[fact]bool{}, map[fact][]fact{}, map[fact][]fact{}, map[fact]int{}}
	for n := range all {
		for f := range w.stored(n.tenant, n.name) {
			s.has[f] = true
			event := f.event()
			if !s.knows(event) {
				s.onDay[dayOf(f)]++
			}
			if f.void {
				s.voids[event] = append(s.voids[event], f)
			} else {
				s.repeats[event] = append(s.repeats[event], f)
			}
		}
	}
	return s
}

// violatedWhere notes the facts that break a promise, always in the same order.
func (w *world) violatedWhere(promise int, how string, facts map[fact]bool, breaks func(fact) bool) {
	var broken []string
	for f := range facts {
		if breaks(f) {
			broken = append(broken, fmt.Sprint(f))
		}
	}
	slices.Sort(broken)
	for _, f := range broken {
		w.violated(promise, "%s: %s", how, f)
	}
}

// nothingIsLost is promise 1: whatever the queue took is in the set, was refused for want of room, or lies in the dead
// letters with its bytes intact; and what cannot be understood lies there, too.
func (w *world) nothingIsLost(sets sets) {
	filed := map[string]bool{}
	letters := w.backend.filed()
	for _, messageID := range sorted(letters) {
		l := letters[messageID]
		i := slices.IndexFunc(w.queue, func(m *message) bool { return m.id == messageID })
		if i < 0 || !bytes.Equal(l.Body, []byte(w.queue[i].body)) {
			w.violated(1, "the dead letter %s has other bytes", messageID)
		}
		if i >= 0 && !w.queue[i].malformed && l.Reason == deadletter.ReasonMalformed {
			w.violated(1, "the dead letter %s is filed as %q", messageID, l.Reason)
		}
		filed[messageID] = true
	}
	dead := map[fact]bool{}
	for _, m := range w.queue {
		switch {
		case m.malformed && !filed[m.id]:
			w.violated(1, "malformed %s is not in the dead letters", m.id)
		case !m.malformed && filed[m.id]:
			for _, f := range parse(m.body).facts {
				dead[f] = true
			}
		}
	}
	w.violatedWhere(1, "lost", w.model.facts, func(f fact) bool {
		noRoom := !sets.knows(f.event()) && sets.full(f)
		return !sets.keeps(f) && !dead[f] && !noRoom
	})
}

// nothingIsInvented: nothing is in the set but what the queue took.
func (w *world) nothingIsInvented(sets sets) {
	w.violatedWhere(7, "from nowhere", sets.has, func(f fact) bool { return !w.model.facts[f] })
}

// recordedShift is a shift of a record.
type recordedShift struct {
	span
	endedBy string
	login   int64 // the instant of the LOGIN that names it
	name    name  // under which that LOGIN came
	on      int64 // the day of the record
}

// recorded are the shifts of a customer's records.
func (w *world) recorded(tenant, customer string) []recordedShift {
	records, _ := w.backend.groundTruth().Records(context.Background(), tenant, customer, everything)
	var shifts []recordedShift
	for _, r := range records {
		for _, s := range r.Shifts {
			shifts = append(shifts, recordedShift{
				span:    span{int64(s.Start), int64(s.End)},
				endedBy: s.EndedBy.String(),
				login:   int64(s.Login),
				name:    name{byte(s.Name.Kind), s.Name.Value},
				on:      int64(r.Day.Start()),
			})
		}
	}
	return shifts
}

// shiftsAreSound is promise 4 of the records alone, and that no shift is longer than 14 hours. While a fold of several
// days is not complete, and its message lies in the dead letters, it can be said of each day only.
func (w *world) shiftsAreSound(acrossDays bool) {
	for _, tenant := range tenants {
		for _, customer := range customers {
			last := recordedShift{}
			for _, s := range w.recorded(tenant, customer) {
				overlaps := s.from < last.to && (acrossDays || s.on == last.on)
				if s.to <= s.from || s.to > s.from+maxShift || s.login > s.from || midnight(s.login) != s.on || overlaps {
					w.violated(4, "%s %s: %v after %v", tenant, customer, s, last)
				}
				last = s
			}
		}
	}
}

// recordsAreTheModels is promises 2, 3, 4, 7, 8, 9 and 10, when all messages have been processed.
func (w *world) recordsAreTheModels() {
	w.shiftsAreSound(true)
	for _, tenant := range tenants {
		for _, customer := range append([]string{"NX42Z"}, customers...) {
			should := w.model.foldOf(tenant, customer).shifts
			recorded := w.recorded(tenant, customer)
			same := slices.EqualFunc(should, recorded, func(a workShift, b recordedShift) bool {
				return a.span == b.span && a.endedBy == b.endedBy && a.login == b.login && a.names[b.name]
			})
			if !same {
				w.violated(9, "%s %s has the records\n    %v\nbut should have\n    %v", tenant, customer, recorded, should)
			}
			for _, s := range recorded {
				consent, ok := w.model.consentAt(tenant, customer, s.from)
				if !ok || s.to > consent.to {
					w.violated(8, "%s %s: %v outlives the consent", tenant, customer, s)
				}
			}
		}
	}
}

// get asks a question, with nothing going wrong, and reads the answer if it is a 200.
func (w *world) get(tenant, path string, into any) int {
	p := &process{world: w, asking: true}
	r := &request{tenant: tenant, method: http.MethodGet, path: path}
	answer := r.to(functions(w.backend.storage(p), w.backend.sender(p), p.clock))
	if w.log != nil {
		w.logf("%s asks for %s: %d %s", tenant, path, answer.Code, answer.Body)
	}
	if answer.Code == http.StatusOK {
		if err := json.Unmarshal(answer.Body.Bytes(), into); err != nil {
			w.violated(2, "%s: %v", path, err)
		}
	}
	return answer.Code
}

// shiftView is a shift as v2 shows it.
type shiftView struct {
	ID                 string
	User               struct{ CustomerNumber string }
	StartTime, EndTime string
	EndedBy            string

	StartAcceptedAt, EndAcceptedAt string
}

// isShown reports whether a view is that of a shift at an instant.
func (w *world) isShown(tenant, customer string, s workShift, got shiftView, now int64) bool {
	want := shiftView{
		ID: got.ID, StartTime: answered(s.from), StartAcceptedAt: answeredIf(s.startTold),
		EndAcceptedAt: answeredIf(s.endTold),
	}
	want.User.CustomerNumber = customer
	if s.to <= now || s.endedBy == "LOGOUT" || s.endedBy == "PLANNED" {
		want.EndTime = answered(s.to)
	}
	if s.to <= now {
		want.EndedBy = s.endedBy
	}
	return got == want && w.namesShift(tenant, got.ID, s)
}

// namesShift reports whether an id is that of the LOGIN that names a shift, as far as the clients know the id.
func (w *world) namesShift(tenant, id string, s workShift) bool {
	login, known := w.events[issuedID{tenant, id}]
	return id != "" && (!known || login.at == s.login && s.names[login.sentAs()])
}

// answeredIf is the same, empty for an instant that is not known.
func answeredIf(at int64) string {
	if at == 0 {
		return ""
	}
	return answered(at)
}

func answered(at int64) string {
	t := time.UnixMicro(at).UTC()
	if at%second == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}

// listsAreTheModels asks for every customer's shifts of the last 92 days.
func (w *world) listsAreTheModels() {
	from := w.now - 90*day
	to := w.now + day
	for _, tenant := range tenants {
		for _, customer := range customers {
			listed, code := w.list(tenant, customer, from, to)
			if known := w.model.consented(tenant, customer, w.now); known != (code == http.StatusOK) {
				w.violated(7, "%s asks for the shifts of %s: %d", tenant, customer, code)
			}
			if code != http.StatusOK {
				continue
			}
			var should []workShift
			for _, s := range w.model.shiftsTold(tenant, customer, w.now) {
				if from <= s.from && s.from < to {
					should = append(should, s)
				}
			}
			if !slices.EqualFunc(should, listed, func(s workShift, got shiftView) bool {
				return w.isShown(tenant, customer, s, got, w.now)
			}) {
				w.violated(9, "%s lists %s as\n    %v\nbut should as\n    %v", tenant, customer, listed, should)
			}
		}
	}
}

// list asks for a customer's shifts, page by page, and answers with the first status that is no 200.
func (w *world) list(tenant, customer string, from, to int64) ([]shiftView, int) {
	path := fmt.Sprintf("/v2/shift?customerNumber=%s&from=%s&to=%s", customer, iso(from), iso(to))
	var listed []shiftView
	next := ""
	for {
		var page struct {
			Shifts []shiftView
			Next   string
		}
		if code := w.get(tenant, path+next, &page); code != http.StatusOK {
			return nil, code
		}
		listed = append(listed, page.Shifts...)
		if page.Next == "" {
			return listed, http.StatusOK
		}
		next = "&next=" + url.QueryEscape(page.Next)
	}
}

// eventView is an event as v2 shows it.
type eventView struct {
	ID, State, Effect, Reason, ShiftID       string
	CustomerNumber, WorkProviderUserID, Kind string
	Timestamp, AcceptedAt                    string
}

// outcomesAreTheModels asks for what became of every event, and for the shift of every LOGIN.
func (w *world) outcomesAreTheModels() {
	for _, t := range w.events.all() {
		event := w.events[t]
		var got eventView
		if code := w.get(t.tenant, "/v2/event/"+t.id, &got); code != http.StatusOK {
			w.violated(2, "%v is answered %d", event, code)
			continue
		}
		w.checkEvent(event, got)
		w.checkHidden(t, "/v2/event/")
		if event.login {
			w.checkShift(t, event)
		}
	}
	for _, t := range w.batches.all() {
		w.checkBatch(t)
		w.checkHidden(t, "/v2/batch/")
	}
	for _, t := range w.verdicts.all() {
		e := w.verdicts[t]
		var got eventView
		want := "APPLIED"
		if !w.model.consented(e.tenant, e.customer, w.now) {
			want = "UNMATCHED"
		}
		code := w.get(t.tenant, "/v2/event/"+t.id, &got)
		at := answered(e.at)
		if code != http.StatusOK || got.State != want || got.Kind != "MATCH" || got.Timestamp != at || got.AcceptedAt != at {
			w.violated(2, "%v is answered %d %v", e, code, got)
		}
	}
}

// checkBatch asks for what became of the events of a batch. How many are what is as of when they were applied.
func (w *world) checkBatch(t issuedID) {
	facts := w.batches[t]
	var got struct {
		Count    int
		Outcomes map[string]int
		Events   []eventView
	}
	code := w.get(t.tenant, "/v2/batch/"+t.id, &got)
	if code != http.StatusOK || got.Count != len(facts) || len(got.Events) != min(100, len(facts)) {
		w.violated(2, "batch %v is answered %d with %d of %d events", t, code, len(got.Events), got.Count)
		return
	}
	for i, e := range got.Events {
		w.checkEvent(facts[i].event(), e)
	}
	counted := 0
	for _, n := range got.Outcomes {
		counted += n
	}
	if counted != len(facts) {
		w.violated(2, "batch %v has %d outcomes of %d", t, counted, len(facts))
	}
}

// checkEvent compares what is shown of an event with the model.
func (w *world) checkEvent(event fact, got eventView) {
	want := eventView{ID: got.ID, ShiftID: got.ShiftID, Kind: "LOGOUT", Timestamp: answered(event.at)}
	if event.login {
		want.Kind = "LOGIN"
	}
	if event.kind == 'C' {
		want.CustomerNumber = event.name
	} else {
		want.WorkProviderUserID = event.name
	}
	o, s, customer := w.model.outcome(event, customers, w.now)
	if w.full[event] {
		o = outcome{state: "REJECTED", reason: "TOO_MANY_FACTS"}
	}
	want.State = o.state
	want.Effect = o.effect
	want.Reason = o.reason
	if repeats := w.model.repeats(event); len(repeats) > 0 {
		want.AcceptedAt = answeredIf(firstAcceptance(repeats))
	}
	if got != want {
		w.violated(2, "%v is shown as %v, but is %v", event, got, want)
	}
	// After a withdrawal the state can be read, but not the shift.
	tells := o.state == "APPLIED" && w.model.consented(event.tenant, customer, w.now)
	if tells != (got.ShiftID != "") {
		w.violated(2, "%v has the shift %q", event, got.ShiftID)
	}
	if tells && !w.namesShift(event.tenant, got.ShiftID, s) {
		w.violated(2, "%v is shown to be in the shift %q, not in %v", event, got.ShiftID, s)
	}
}

// checkHidden is promise 7: an id of one tenant is nobody's at another.
func (w *world) checkHidden(t issuedID, path string) {
	other := tenants[0]
	if t.tenant == other {
		other = tenants[1]
	}
	if code := w.get(other, path+t.id, nil); code != http.StatusNotFound {
		w.violated(7, "%s may ask for an id of %s: %d", other, t.tenant, code)
	}
}

// checkShift asks for the shift that a LOGIN's id finds.
func (w *world) checkShift(t issuedID, login fact) {
	var got shiftView
	code := w.get(t.tenant, "/v2/shift/"+t.id, &got)
	s, customer, ok := w.findShift(login)
	switch {
	case !ok && code != http.StatusNotFound:
		w.violated(2, "the shift of %v is answered %d", login, code)
	case ok && (code != http.StatusOK || !w.isShown(t.tenant, customer, s, got, w.now)):
		w.violated(2, "the shift of %v is answered %d %v, but is %v", login, code, got, s)
	}
}

// findShift is the shift that a LOGIN's id finds, for ever and whoever has the name now, while its customer shares.
func (w *world) findShift(login fact) (workShift, string, bool) {
	return w.model.findShift(login, w.now)
}

func (m *model) findShift(login fact, now int64) (workShift, string, bool) {
	for _, customer := range customers {
		if !m.consented(login.tenant, customer, now) {
			continue
		}
		if s, ok := m.foldOf(login.tenant, customer).shiftOf(login, now); ok {
			return s, customer, true
		}
	}
	return workShift{}, "", false
}

// checkEarly is what holds even while messages lie in the dead letters that can be sent again.
func (w *world) checkEarly() {
	sets := w.readSets()
	w.nothingIsLost(sets)
	w.nothingIsInvented(sets)
	w.shiftsAreSound(false)
	for _, t := range w.events.all() {
		if sets.repeats[w.events[t]] == nil {
			w.isPending(t)
		}
	}
	// Which facts fit on a full day is left open, so the model is told.
	for f := range w.model.facts {
		if !sets.knows(f.event()) && sets.full(f) {
			w.full[f.event()] = true
			w.model.forget(f)
		}
	}
}

// onePersonIsFolded: who asks about one person, or one event, gets the fold of what is stored at that moment, whatever
// of it has reached the records. It can be said while no verdict is on its way, because those are not read from the
// store.
func (w *world) onePersonIsFolded() {
	sets := w.readSets()
	for _, m := range w.queue {
		if (m.dead || !m.deleted) && !m.malformed && len(parse(m.body).entries) > 0 {
			return
		}
	}
	whole := w.model
	w.model = newModel()
	w.model.entries = whole.entries
	w.model.facts = sets.has
	w.listsAreTheModels()
	for _, t := range w.events.all() {
		if event := w.events[t]; event.login && sets.repeats[event] != nil {
			w.checkShift(t, event)
		}
	}
	w.model = whole
}

// check is all promises, when all messages have been processed.
func (w *world) check() {
	w.checkEarly()
	w.recordsAreTheModels()
	w.listsAreTheModels()
	w.outcomesAreTheModels()
	w.keptAnswersAreFound()
	w.pastIsTheModels()
}

// checkIsolation is promises 2, 3 and 7 without the model: a tenant's own changes and messages, all of them in another
// order and with nobody else in the world, lead to the same shifts.
func (w *world) checkIsolation(tenant string) {
	again := newWorld(w.random)
	again.exclusive = true
	again.now = w.now
	for _, c := range w.changes {
		if c.tenant == tenant {
			again.backend.write(c.change, c.at)
		}
	}
	for _, f := range w.direct {
		if f.tenant == tenant {
			_, _ = again.backend.groundTruth().AddFacts(
				context.Background(), tenant, f.Name, f.At.Day(), []timeline.Fact{f.Fact})
		}
	}
	for _, i := range w.random.Perm(len(w.queue)) {
		if m := w.queue[i]; !m.malformed && parse(m.body).tenant == tenant {
			again.take(m.body, 0)
		}
	}
	again.deliverAll(shuffled)
	for _, customer := range customers {
		if had, has := w.recorded(tenant, customer), again.recorded(tenant, customer); !slices.Equal(had, has) {
			w.violated(2, "alone, and in another order, %s has %v for %s, not %v", tenant, has, customer, had)
		}
	}
}

// report is the violations of a run, one a line.
func (w *world) report() string { return strings.Join(w.violations, "\n") }
