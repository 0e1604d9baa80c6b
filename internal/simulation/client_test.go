package simulation

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"time"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

var tenants = []string{testkit.Courier, testkit.Parcels}

// keys are those of the tenants.
var keys = testkit.Keys()

var sealer = func() *seal.Sealer {
	s, err := seal.New("1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==")
	if err != nil {
		panic(err)
	}
	return s
}()

// functions is the API over a store and a queue.
func functions(storage timeline.Storage, sender queue.Sender, now func() time.Time) http.Handler {
	reader := shift.NewReader(storage, sealer, now)
	writer := shift.NewWriter(reader, sender)
	return web.Router(map[string]http.Handler{
		"shift-login":  shift.Login(keys, sender, sealer, now),
		"shift-logout": shift.Logout(keys, sender, sealer, now),
		"batch-login":  shift.BatchLogin(keys, sender, sealer, now),
		"batch-logout": shift.BatchLogout(keys, sender, sealer, now),
		"match":        shift.Match(keys, sender, sealer, now),
		"shift-create": shift.Create(keys, writer),
		"shift-end":    shift.End(keys, writer),
		"shift-read":   shift.Read(keys, reader),
		"event-read":   shift.ReadEvents(keys, reader),
		"event-void":   shift.Void(keys, writer),
	})
}

func (p *process) clock() time.Time { return time.UnixMicro(p.now).UTC() }

// request is what a work provider wants. It asks until it is answered by something other than a 503.
type request struct {
	tenant, method, path, body string
	batch                      bool
	asks                       []fact // what is to become facts: all of it, or one of it (PUT)
	mayVoid                    []fact // what is taken back if the request is refused (PUT)
	void                       bool   // it takes an event back
	match                      *entry // or a verdict, but for the instant
	attempts                   int

	status int // of the last response
}

func (r *request) to(api http.Handler) *httptest.ResponseRecorder {
	q := httptest.NewRequest(r.method, r.path, strings.NewReader(r.body))
	q.Header.Set("Authorization", r.tenant)
	answer := httptest.NewRecorder()
	api.ServeHTTP(answer, q)
	return answer
}

// ask makes a request.
func (w *world) ask(r *request) {
	for _, f := range slices.Concat(r.asks, r.mayVoid) {
		w.asked[f] = true
	}
	w.start("request", func(p *process) {
		p.logf("%s %s %s %s", p.name, r.method, r.path, r.body)
		answer := r.to(functions(p.backend.storage(p), p.backend.sender(p), p.clock))
		r.status = answer.Code
		if !p.dead {
			p.logf("%s is answered %d %s", p.name, answer.Code, answer.Body)
			p.judge(r, answer)
		}
		if r.attempts++; (p.dead || answer.Code == http.StatusServiceUnavailable) && r.attempts < 5 {
			p.again = append(p.again, r)
		}
	})
}

// judge looks at an answer: is it one that the request may get, and is what it says true?
func (p *process) judge(r *request, answer *httptest.ResponseRecorder) {
	v2 := strings.HasPrefix(r.path, "/v2/")
	switch code := answer.Code; {
	case code == http.StatusAccepted && !v2, code == http.StatusCreated && v2:
		p.accepted(r, answer)
	case code == http.StatusServiceUnavailable:
		if !p.failureSeen {
			p.violated(5, "%s got 503 though nothing went wrong", p.name)
		}
	case (code == http.StatusBadRequest || code == http.StatusNotFound) && v2:
		p.refused()
	default:
		p.violated(5, "%s %s was answered %d %s", r.method, r.path, code, answer.Body)
	}
}

// refused: what a PUT has sent that is refused does not count. Another request may have sent the same.
func (p *process) refused() {
	for _, f := range p.sent {
		stored := p.stored(f.tenant, f.sentAs())
		if f.login || f.void || len(stored) >= maxLoginsPerDay {
			continue
		}
		of := func(is func(fact) bool) bool {
			for g := range stored {
				if g.event() == f.event() && is(g) {
					return true
				}
			}
			return false
		}
		if !of(func(g fact) bool { return g.void }) && !of(func(g fact) bool { return g.accepted != f.accepted }) {
			p.violated(8, "%s was refused, but %v counts", p.name, f)
		}
	}
}

// accepted is promise 5, and keeps the ids that came with the answer.
func (p *process) accepted(r *request, answer *httptest.ResponseRecorder) {
	if r.void {
		p.takenBack(r, answer)
		return
	}
	asks := r.asks
	if r.method == http.MethodPut {
		asks = slices.DeleteFunc(slices.Clone(r.asks), func(f fact) bool { return !p.hasTaken(f, p.model.facts) })
		if len(asks) == 0 {
			p.violated(5, "%s was answered 201, but the queue had taken nothing for it", r.path)
		}
		if len(asks) != 1 {
			return // two of them at once, of which one found the end in the future, and the other in the past
		}
	}
	for _, f := range asks {
		if !p.hasTaken(f, p.model.facts) {
			p.violated(5, "accepted, but the queue had not taken %v", f)
		}
		if strings.HasPrefix(r.path, "/v2/") && !p.hasTaken(f, p.stored(f.tenant, f.sentAs())) {
			p.violated(5, "answered 201, but not stored: %v", f)
		}
	}
	switch {
	case r.match != nil:
		e := *r.match
		e.at = p.began
		if !p.model.entries[e] {
			p.violated(5, "accepted, but the queue had not taken %v", e)
		}
		recordID(p.world, p.verdicts, eventID(r, answer), e)
	case r.batch:
		recordID(p.world, p.batches, issuedID{r.tenant, answer.Header().Get("X-Batch-Id")}, r.asks)
	case r.method == http.MethodPut:
		recordID(p.world, p.events, eventID(r, answer), asks[0].event())
	case r.path == "/v2/shift":
		var created struct{ ID string }
		_ = json.Unmarshal(answer.Body.Bytes(), &created)
		recordID(p.world, p.events, issuedID{r.tenant, created.ID}, asks[0].event())
		recordID(p.world, p.events, eventID(r, answer), asks[0].event())
	default:
		recordID(p.world, p.events, eventID(r, answer), asks[0].event())
		p.isPending(eventID(r, answer))
	}
}

// takenBack: an event is taken back since the first time that anybody did.
func (p *process) takenBack(r *request, answer *httptest.ResponseRecorder) {
	first := int64(never)
	for f := range p.stored(r.tenant, r.asks[0].sentAs()) {
		if f.void && f.event() == r.asks[0].event() {
			first = min(first, f.accepted)
		}
	}
	var got struct{ State, VoidedAt string }
	_ = json.Unmarshal(answer.Body.Bytes(), &got)
	if got.State != "VOIDED" || first == never || got.VoidedAt != answered(first) {
		p.violated(5, "%s was answered %s, but %v is taken back since %s", r.path, answer.Body, r.asks[0], clock(first))
	}
}

// eventID is the id of the event that a request stored.
func eventID(r *request, answer *httptest.ResponseRecorder) issuedID {
	return issuedID{r.tenant, answer.Header().Get("X-Event-Id")}
}

// hasTaken reports whether a fact that was asked for is among some, with an acceptance that lies in this process's
// time; a plan may count as accepted a little later, because it comes after all others.
func (p *process) hasTaken(asked fact, facts map[fact]bool) bool {
	for f := range facts {
		if f.request() == asked && p.began-millisecond < f.acceptance() && f.acceptance() <= p.now+minute {
			return true
		}
	}
	return false
}

// isPending: from its 202 on an event can be asked for, and it is pending until it is in the set.
func (w *world) isPending(t issuedID) {
	event := w.events[t]
	stored := w.stored(event.tenant, event.sentAs())
	if len(stored) >= maxLoginsPerDay {
		return // it may be refused for good by now
	}
	inSet := false
	for f := range stored {
		inSet = inSet || f.event() == event
	}
	var got eventView
	if code := w.get(t.tenant, "/v2/event/"+t.id, &got); code != http.StatusOK || (got.State == "PENDING") == inSet {
		w.violated(2, "%v is told as %d %v, in the set or not: %v", event, code, got, inSet)
	}
}

// issuedID is an id that a tenant was given.
type issuedID struct{ tenant, id string }

func (t issuedID) less(u issuedID) int {
	return cmp.Or(cmp.Compare(t.tenant, u.tenant), cmp.Compare(t.id, u.id))
}

// ids are what ids stand for.
type ids[T any] map[issuedID]T

// recordID keeps an id, which must always stand for the same.
func recordID[T any](w *world, given ids[T], t issuedID, of T) {
	if had, known := given[t]; known && !reflect.DeepEqual(had, of) || t.id == "" {
		w.violated(2, "%v and %v have one id", had, of)
	}
	given[t] = of
}

// all are the ids in order.
func (given ids[T]) all() []issuedID { return slices.SortedFunc(maps.Keys(given), issuedID.less) }

// logins are the ids of LOGINs, which may be those of shifts.
func (w *world) logins() []issuedID {
	return slices.DeleteFunc(w.events.all(), func(t issuedID) bool { return !w.events[t].login })
}

// nameJSON is a name as the API takes it.
func nameJSON(n name) string {
	key := "customerNumber"
	if n.kind == 'U' {
		key = "workProviderUserId"
	}
	return fmt.Sprintf("%q:%q", key, n.text)
}

// event is a request of v1.
func event(f fact) *request {
	path := "/v1/shift/logout"
	if f.login {
		path = "/v1/shift/login"
	}
	return &request{tenant: f.tenant, method: http.MethodPost, path: path, body: v1Body(f), asks: []fact{f}}
}

func v1Body(f fact) string {
	return fmt.Sprintf("{%s,\"timestamp\":%q}", nameJSON(f.sentAs()), iso(f.at))
}

// batch is a batch of v1: events of one kind.
func batch(facts ...fact) *request {
	path := "/v1/batch/logout"
	if facts[0].login {
		path = "/v1/batch/login"
	}
	bodies := make([]string, len(facts))
	for i, f := range facts {
		bodies[i] = v1Body(f)
	}
	return &request{
		tenant: facts[0].tenant, method: http.MethodPost, path: path, batch: true,
		body: "[" + strings.Join(bodies, ",") + "]", asks: facts,
	}
}

// match is a work provider's verdict.
func match(tenant, customer string, success bool) *request {
	e := entry{tenant: tenant, customer: customer, what: "no match"}
	if success {
		e.what = "match"
	}
	body := fmt.Sprintf("{\"customerNumber\":%q,\"success\":%v}", customer, success)
	return &request{tenant: tenant, method: http.MethodPost, path: "/v1/match", body: body, match: &e}
}

// create is a shift of v2.
func create(login fact) *request {
	end := "null"
	if login.planned != never {
		end = fmt.Sprintf("%q", iso(login.planned))
	}
	user := nameJSON(login.sentAs())
	body := fmt.Sprintf("{\"user\":{%s},\"startTime\":%q,\"endTime\":%s}", user, iso(login.at), end)
	return &request{tenant: login.tenant, method: http.MethodPost, path: "/v2/shift", body: body, asks: []fact{login}}
}

// end gives the shift that a LOGIN's id names an end. In the past it is a LOGOUT, under the number of whoever's the
// shift is; in the future a planned end of that LOGIN.
func end(t issuedID, login fact, at int64) *request {
	plan := login
	plan.planned = at
	asks := []fact{plan}
	for _, customer := range customers {
		asks = append(asks, fact{tenant: t.tenant, kind: 'C', name: customer, at: at, planned: never})
	}
	var voids []fact
	for _, logout := range asks[1:] {
		voids = append(voids, voidOf(logout))
	}
	body := fmt.Sprintf("{\"endTime\":%q}", iso(at))
	return &request{
		tenant: t.tenant, method: http.MethodPut, path: "/v2/shift/" + t.id, body: body, asks: asks, mayVoid: voids,
	}
}

// takeBack takes an event back.
func takeBack(t issuedID, event fact) *request {
	return &request{
		tenant: t.tenant, method: http.MethodPost, path: "/v2/event/" + t.id + "/void", body: `{"reason":"A mistake"}`,
		asks: []fact{voidOf(event)}, void: true,
	}
}

func iso(at int64) string { return time.UnixMicro(at).UTC().Format("2006-01-02T15:04:05.999999Z07:00") }
