package simulation

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// The promises of docs/shift-rules.md, by number. 5 and 6 are watched while the run goes on (client_test.go and
// queue_test.go); 2, 3, 9 and 10 are that the end is the model's, which knows neither order, nor repeats, nor processes,
// nor crashes; 7 is that it is so for each tenant from its own facts and entries alone.

// everything is all days that have ever been or will be of interest.
var everything = timeline.Days{First: timeline.At(time.UnixMicro(noon)).Day() - 4000, Last: timeline.At(time.UnixMicro(noon)).Day() + 4000}

// stored are the facts under a name, read past all failures.
func (w *world) stored(tenant string, n name) map[fact]bool {
	facts, _ := w.backend.groundTruth().Facts(context.Background(), tenant, person.Name{Kind: person.Kind(n.kind), Value: n.text}, everything)
	set := make(map[fact]bool, len(facts))
	for _, f := range facts {
		stored := fact{tenant, n.kind, n.text, f.Kind == timeline.Login, int64(f.At), never}
		if f.PlannedEnd != timeline.Never {
			stored.planned = int64(f.PlannedEnd)
		}
		set[stored] = true
	}
	return set
}

// sets are all facts in the store at one moment, and how many there are of each name and day.
type sets struct {
	has   map[fact]bool
	onDay map[fact]int
}

// dayOf is a fact of the same name and day, the same for all of them.
func dayOf(f fact) fact {
	return fact{tenant: f.tenant, kind: f.kind, name: f.name, at: f.at - ((f.at%day)+day)%day}
}

// full tells whether the day of a fact has no room for more (rule 9).
func (s sets) full(f fact) bool { return s.onDay[dayOf(f)] == timeline.MaxFactsPerDay }

// look reads the sets of all names that anybody has ever used.
func (w *world) look() sets {
	type named struct {
		tenant string
		name
	}
	all := map[named]bool{}
	for _, tenant := range tenants {
		for _, c := range customers {
			all[named{tenant, name{'C', c}}] = true
		}
		for _, u := range userIDs {
			all[named{tenant, name{'U', u}}] = true
		}
		for f := range w.asked {
			all[named{tenant, name{f.kind, f.name}}] = true
		}
	}
	s := sets{map[fact]bool{}, map[fact]int{}}
	for n := range all {
		for f := range w.stored(n.tenant, n.name) {
			s.has[f] = true
			s.onDay[dayOf(f)]++
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
	w.violatedWhere(1, "lost", w.model.facts, func(f fact) bool { return !sets.has[f] && !dead[f] && !sets.full(f) })
}

// nothingIsInvented: nothing is in the set but what the queue took.
func (w *world) nothingIsInvented(sets sets) {
	w.violatedWhere(7, "from nowhere", sets.has, func(f fact) bool { return !w.model.facts[f] })
}

// recorded are the shifts of a customer's records.
func (w *world) recorded(tenant, customer string) []timeline.Shift {
	records, _ := w.backend.groundTruth().Records(context.Background(), tenant, customer, everything)
	var shifts []timeline.Shift
	for _, r := range records {
		shifts = append(shifts, r.Shifts...)
	}
	return shifts
}

// shiftsAreSound is promise 4 of the records alone. While a fold of several days is not complete, and its message lies in
// the dead letters, it can be said of each day only.
func (w *world) shiftsAreSound(acrossDays bool) {
	for _, tenant := range tenants {
		for _, customer := range customers {
			last := timeline.Shift{}
			for _, s := range w.recorded(tenant, customer) {
				if s.End <= s.Start || s.Start < last.End && (acrossDays || s.Start.Day() == last.Start.Day()) {
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
			covers, shifts := w.model.covers(tenant, customer), w.recorded(tenant, customer)
			same := slices.EqualFunc(covers, shifts, func(c cover, s timeline.Shift) bool {
				return c.from == int64(s.Start) && c.to == int64(s.End) && c.by == s.By.String() && c.names[name{byte(s.Name.Kind), s.Name.Value}]
			})
			if !same {
				w.violated(9, "%s %s has the records\n    %v\nbut should have\n    %v", tenant, customer, shifts, covers)
			}
			for _, s := range shifts {
				consent, ok := w.model.consentAt(tenant, customer, int64(s.Start))
				if !ok || int64(s.End) > consent.to {
					w.violated(8, "%s %s: %v outlives the consent", tenant, customer, s)
				}
			}
		}
	}
}

// get asks a question, with nothing going wrong, and reads the answer if it is a 200.
func (w *world) get(tenant, path string, into any) int {
	p := &process{world: w, asking: true}
	answer := (&request{tenant: tenant, method: http.MethodGet, path: path}).to(functions(w.backend.rows(p), w.backend.sender(p), p.clock))
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

// shown is a shift as v2 tells it.
type shown struct {
	ID                 string
	User               struct{ CustomerNumber string }
	StartTime, EndTime string
	EndedBy            string
}

// shows is how v2 should tell a cover: start, end and how it ended.
func (w *world) shows(c cover) [3]string {
	told := [3]string{answered(c.from)}
	if c.to <= w.now || c.by == "LOGOUT" || c.by == "PLANNED" {
		told[1] = answered(c.to)
	}
	if c.to <= w.now {
		told[2] = c.by
	}
	return told
}

func answered(at int64) string {
	t := time.UnixMicro(at).UTC()
	if at%second == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}

// known tells whether v2 knows a customer: who shares with the tenant and is matched, now.
func (w *world) consented(tenant, customer string) bool {
	_, ok := w.model.consentAt(tenant, customer, w.now)
	return ok
}

// listsAreTheModels asks for every customer's shifts of the last 92 days.
func (w *world) listsAreTheModels() {
	from, to := w.now-90*day, w.now+day
	for _, tenant := range tenants {
		for _, customer := range customers {
			path := fmt.Sprintf("/v2/shift?customerNumber=%s&from=%s&to=%s", customer, iso(from), iso(to))
			var page struct {
				Shifts []shown
				Next   *string
			}
			code, want := w.get(tenant, path, &page), http.StatusOK
			if !w.consented(tenant, customer) || !w.model.matchedAt(tenant, customer, w.now) {
				want = http.StatusBadRequest
			}
			if code != want {
				w.violated(7, "%s asks for the shifts of %s: %d", tenant, customer, code)
			}
			if code != http.StatusOK || page.Next != nil {
				continue
			}
			var told, should [][3]string
			for _, s := range page.Shifts {
				told = append(told, [3]string{s.StartTime, s.EndTime, s.EndedBy})
			}
			for _, c := range w.model.covers(tenant, customer) {
				if from <= c.from && c.from < to {
					should = append(should, w.shows(c))
				}
			}
			if !slices.Equal(told, should) {
				w.violated(9, "%s lists %s as\n    %v\nbut should as\n    %v", tenant, customer, told, should)
			}
		}
	}
}

// told is an event as v2 tells it.
type told struct {
	ID, State, Effect, Reason, ShiftID       string
	CustomerNumber, WorkProviderUserID, Kind string
	Timestamp                                string
}

// outcomesAreTheModels asks for what became of every event, and for the shift of every LOGIN.
func (w *world) outcomesAreTheModels() {
	for _, t := range w.events.all() {
		event := w.events[t]
		var got told
		if code := w.get(t.tenant, "/v2/event/"+t.id, &got); code != http.StatusOK {
			w.violated(2, "%v is answered %d", event, code)
			continue
		}
		w.isTold(event, got)
		w.checkHidden(t, "/v2/event/")
		if event.login {
			w.shiftOf(t, event)
		}
	}
	for _, t := range w.batches.all() {
		facts := w.batches[t]
		var got struct {
			Count    int
			Outcomes map[string]int
			Events   []told
		}
		if code := w.get(t.tenant, "/v2/batch/"+t.id, &got); code != http.StatusOK || got.Count != len(facts) || len(got.Events) != min(100, len(facts)) {
			w.violated(2, "batch %v is answered %d with %d of %d events", t, code, len(got.Events), got.Count)
			continue
		}
		for i, e := range got.Events {
			w.isTold(facts[i], e)
			got.Outcomes[e.State]--
		}
		for state, n := range got.Outcomes {
			if n != 0 && len(facts) <= 100 {
				w.violated(2, "batch %v counts %d events too many as %s", t, n, state)
			}
		}
		w.checkHidden(t, "/v2/batch/")
	}
	for _, t := range w.verdicts.all() {
		e := w.verdicts[t]
		var got told
		want := "APPLIED"
		if !w.consented(e.tenant, e.customer) {
			want = "UNMATCHED"
		}
		if code := w.get(t.tenant, "/v2/event/"+t.id, &got); code != http.StatusOK || got.State != want || got.Kind != "MATCH" || got.Timestamp != answered(e.at) {
			w.violated(2, "%v is answered %d %v", e, code, got)
		}
	}
}

// isTold compares what is told of an event with the model.
func (w *world) isTold(event fact, got told) {
	want := told{ID: got.ID, ShiftID: got.ShiftID, Kind: "LOGOUT", Timestamp: answered(event.at)}
	if event.login {
		want.Kind = "LOGIN"
	}
	if event.kind == 'C' {
		want.CustomerNumber = event.name
	} else {
		want.WorkProviderUserID = event.name
	}
	o, c := w.model.outcome(event, customers, w.now)
	if w.full[event] {
		o, c = outcome{state: "REJECTED", reason: "TOO_MANY_FACTS"}, cover{}
	}
	want.State, want.Effect, want.Reason = o.state, o.effect, o.reason
	if got != want {
		w.violated(2, "%v is told as %v, but is %v", event, got, want)
	}
	if (got.ShiftID != "") != (o.state == "APPLIED") {
		w.violated(2, "%v has the shift %q", event, got.ShiftID)
	}
	if login, known := w.events[issuedID{event.tenant, got.ShiftID}]; known && (login.at != c.from || !c.names[name{login.kind, login.name}]) {
		w.violated(2, "%v is told to be in the shift of %v, not of %v", event, login, c)
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

// shiftOf asks for the shift that holds a LOGIN.
func (w *world) shiftOf(t issuedID, login fact) {
	var got shown
	code := w.get(t.tenant, "/v2/shift/"+t.id, &got)
	holder, ok := w.holds(login)
	if !ok {
		if code != http.StatusNotFound {
			w.violated(2, "the shift of %v is answered %d", login, code)
		}
		return
	}
	if told := [3]string{got.StartTime, got.EndTime, got.EndedBy}; code != http.StatusOK || told != w.shows(holder) || got.User.CustomerNumber != w.model.owner(login.tenant, name{login.kind, login.name}) {
		w.violated(2, "the shift of %v is answered %d %v, but is %v", login, code, got, w.shows(holder))
	}
}

// checkEarly is what holds even while messages lie in the dead letters that can be sent again.
func (w *world) checkEarly() {
	sets := w.look()
	w.nothingIsLost(sets)
	w.nothingIsInvented(sets)
	w.shiftsAreSound(false)
	for _, t := range w.events.all() {
		if !sets.has[w.events[t]] {
			w.isPending(t)
		}
	}
	// Which facts fit on a full day is left open, so the model is told.
	for f := range w.model.facts {
		if !sets.has[f] && sets.full(f) {
			w.full[f.event()] = true
			w.model.forget(f)
		}
	}
}

// check is all promises, when all messages have been processed.
func (w *world) check() {
	w.checkEarly()
	w.recordsAreTheModels()
	w.listsAreTheModels()
	w.outcomesAreTheModels()
}

// checkIsolation is promises 2, 3 and 7 without the model: a tenant's own changes and messages, all of them in another
// order and with nobody else in the world, lead to the same shifts.
func (w *world) checkIsolation(tenant string) {
	again := newWorld(w.random)
	again.exclusive, again.now = true, w.now
	for _, c := range w.changes {
		if c.tenant == tenant {
			again.backend.write(c.change, c.at)
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
