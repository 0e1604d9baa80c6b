package simulation

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
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

// inSet tells whether a fact is stored.
func (w *world) inSet(f fact) bool { return w.stored(f.tenant, name{f.kind, f.name})[f] }

// stored are the facts under a name, read past all mishaps.
func (w *world) stored(tenant string, n name) map[fact]bool {
	facts, _ := w.memory.Facts(context.Background(), tenant, person.Name{Kind: person.Kind(n.kind), Value: n.text}, everything)
	set := map[fact]bool{}
	for _, f := range facts {
		stored := fact{tenant, n.kind, n.text, f.Kind == timeline.Login, int64(f.At), never}
		if f.PlannedEnd != timeline.Never {
			stored.planned = int64(f.PlannedEnd)
		}
		set[stored] = true
	}
	return set
}

// namesOf are the names of a tenant's facts.
func (m *model) namesOf(tenant string) map[name]bool {
	names := map[name]bool{}
	for f := range m.facts {
		if f.tenant == tenant {
			names[name{f.kind, f.name}] = true
		}
	}
	return names
}

// nothingIsLost is promise 1: whatever the queue took is in the set, was refused for want of room, or lies in the dead
// letters with its bytes intact; and what cannot be understood lies there, too.
func (w *world) nothingIsLost() {
	filed := map[string]bool{}
	for _, messageID := range sorted(w.letters) {
		l := w.letters[messageID]
		i := slices.IndexFunc(w.queue, func(m *message) bool { return m.id == messageID })
		if i < 0 || !bytes.Equal(l.Body, []byte(w.queue[i].body)) {
			w.violated(1, "the dead letter %s has other bytes", messageID)
		}
		if i >= 0 && w.queue[i].garbage != (l.Reason == deadletter.NotUnderstood) {
			w.violated(1, "the dead letter %s is filed as %q", messageID, l.Reason)
		}
		filed[messageID] = true
	}
	dead := map[fact]bool{}
	for _, m := range w.queue {
		switch {
		case m.garbage && !filed[m.id]:
			w.violated(1, "garbage %s is not in the dead letters", m.id)
		case !m.garbage && filed[m.id]:
			for _, f := range parse(m.body).facts {
				dead[f] = true
			}
		}
	}
	for _, f := range sortedFacts(w.model.facts) {
		if !w.inSet(f) && !dead[f] && !w.full(f) {
			w.violated(1, "lost: %v", f)
		}
	}
}

// full tells whether the day of a fact had no room for it (rule 9).
func (w *world) full(f fact) bool {
	count := 0
	for g := range w.stored(f.tenant, name{f.kind, f.name}) {
		if dayOf(g.at) == dayOf(f.at) {
			count++
		}
	}
	return count == timeline.MaxFactsPerDay
}

func dayOf(at int64) string { return time.UnixMicro(at).UTC().Format(time.DateOnly) }

// nothingIsInvented: nothing is in the set but what the queue took.
func (w *world) nothingIsInvented() {
	for _, tenant := range tenants {
		for _, n := range append(slices.Clone(strangers), names()...) {
			for _, f := range sortedFacts(w.stored(tenant, n)) {
				if !w.model.facts[f] {
					w.violated(7, "from nowhere: %v", f)
				}
			}
		}
	}
}

func names() []name {
	var all []name
	for _, c := range customers {
		all = append(all, name{'C', c})
	}
	for _, u := range userIDs {
		all = append(all, name{'U', u})
	}
	return all
}

// recorded are the shifts of a customer's records.
func (w *world) recorded(tenant, customer string) []timeline.Shift {
	records, _ := w.memory.Records(context.Background(), tenant, customer, everything)
	var shifts []timeline.Shift
	for _, r := range records {
		shifts = append(shifts, r.Shifts...)
	}
	return shifts
}

// shiftsAreSound is promises 4 and 8, which hold at any time: of the records alone, and what is known of consent.
func (w *world) shiftsAreSound() {
	for _, tenant := range tenants {
		for _, customer := range customers {
			last := timeline.Shift{}
			for _, s := range w.recorded(tenant, customer) {
				if s.Start < last.End || s.End <= s.Start {
					w.violated(4, "%s %s: %v after %v", tenant, customer, s, last)
				}
				last = s
			}
		}
	}
}

// recordsAreTheModels is promises 2, 3, 4, 7, 8, 9 and 10, when all messages have been processed.
func (w *world) recordsAreTheModels() {
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
	w.lucky()
	w.alone = true
	defer func() { w.alone = false }()
	code := 0
	w.start("question", func(p *process) {
		answer := (&request{tenant: tenant, method: http.MethodGet, path: path}).to(functions(p.rows(), sender{p}, p.clock))
		p.logf("%s %s is answered %d %s", p.name, path, answer.Code, answer.Body)
		if code = answer.Code; code == http.StatusOK {
			if err := json.Unmarshal(answer.Body.Bytes(), into); err != nil {
				p.violated(2, "%s: %v", path, err)
			}
		}
	})
	return code
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
		w.hides(t, "/v2/event/")
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
		w.hides(t, "/v2/batch/")
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
	if !slices.ContainsFunc(w.plans(event), w.inSet) {
		o, c = outcome{state: "REJECTED", reason: "TOO_MANY_FACTS"}, cover{}
	}
	want.State, want.Effect, want.Reason = o.state, o.effect, o.reason
	if got != want {
		w.violated(2, "%v is told as %v, but is %v", event, got, want)
	}
	if (got.ShiftID != "") != (o.state == "APPLIED") {
		w.violated(2, "%v has the shift %q", event, got.ShiftID)
	}
	if login, known := w.events[ticket{event.tenant, got.ShiftID}]; known && (login.at != c.from || !c.names[name{login.kind, login.name}]) {
		w.violated(2, "%v is told to be in the shift of %v, not of %v", event, login, c)
	}
}

// plans are the facts of an event: a LOGIN may have come with several planned ends.
func (w *world) plans(event fact) []fact {
	var facts []fact
	for f := range w.model.facts {
		if f.event() == event {
			facts = append(facts, f)
		}
	}
	return facts
}

// hides is promise 7: an id of one tenant is nobody's at another.
func (w *world) hides(t ticket, path string) {
	other := tenants[0]
	if t.tenant == other {
		other = tenants[1]
	}
	if code := w.get(other, path+t.id, nil); code != http.StatusNotFound {
		w.violated(7, "%s may ask for an id of %s: %d", other, t.tenant, code)
	}
}

// shiftOf asks for the shift that holds a LOGIN.
func (w *world) shiftOf(t ticket, login fact) {
	var got shown
	code := w.get(t.tenant, "/v2/shift/"+t.id, &got)
	customer := w.model.owner(login.tenant, name{login.kind, login.name})
	var holder *cover
	if w.consented(t.tenant, customer) {
		covers, became := w.model.fold(t.tenant, customer)
		if r, counts := became[login]; counts {
			holder = &covers[r.cover]
		}
	}
	if holder == nil || holder.from == holder.to {
		if code != http.StatusNotFound {
			w.violated(2, "the shift of %v is answered %d", login, code)
		}
		return
	}
	if told := [3]string{got.StartTime, got.EndTime, got.EndedBy}; code != http.StatusOK || told != w.shows(*holder) || got.User.CustomerNumber != customer {
		w.violated(2, "the shift of %v is answered %d %v, but is %v", login, code, got, w.shows(*holder))
	}
}

// check is all promises, when all messages have been processed and none lies in the dead letters that could be.
func (w *world) check() {
	w.nothingIsLost()
	w.nothingIsInvented()
	w.shiftsAreSound()
	w.forget()
	w.recordsAreTheModels()
	w.listsAreTheModels()
	w.outcomesAreTheModels()
}

// forget takes the facts out of the model for which there was no room: which of them there was is left open.
func (w *world) forget() {
	for f := range w.model.facts {
		if !w.inSet(f) && w.full(f) {
			delete(w.model.facts, f)
		}
	}
}

// report is the violations of a run, one a line.
func (w *world) report() string { return strings.Join(w.violations, "\n") }

func sortedFacts(facts map[fact]bool) []fact {
	return slices.SortedFunc(maps.Keys(facts), func(a, b fact) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)))
	})
}
