package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// message is a message in the queue. It stays in the list for ever: a queue may deliver again even what was deleted.
type message struct {
	id        string
	body      string
	sent      int64
	visible   int64 // when it may be delivered
	received  int
	inFlight  bool // a processor has it
	deleted   bool
	dead      bool // it was moved to the dead-letter queue
	malformed bool // nothing that any release ever sent
}

// templateMaxReceives is how often a message is delivered before it is moved to the dead-letter queue: the template's
// maxReceiveCount.
const templateMaxReceives = 5

// take puts a body into the queue.
func (w *world) take(body string, delay time.Duration) *message {
	m := &message{id: fmt.Sprint("m", len(w.queue)), body: body, sent: w.now, visible: w.now + delay.Microseconds()}
	w.queue = append(w.queue, m)
	return m
}

// sender is the queue as a process sees it that sends. Each body is a call of its own, so that some may be taken and
// some not.
type sender struct{ *process }

// Send implements queue.Sender.
func (s sender) Send(_ context.Context, _ string, delay time.Duration, bodies ...string) error {
	for _, body := range bodies {
		err := do(s.process, "sends "+body, func() error {
			said := parse(body)
			s.sent = append(s.sent, said.facts...)
			s.recordSent(said)
			s.take(body, delay)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// said is what a message says, read by the documentation of its form and not by the code.
type parsedMessage struct {
	tenant  string
	facts   []fact
	entries []entry
}

func parse(body string) (s parsedMessage) {
	var m struct {
		Provider string
		Accepted json.Number // none in older messages
		Facts    [][]any
		Voids    [][]any
		Matches  [][]any
	}
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&m); err != nil {
		panic(err)
	}
	s.tenant = m.Provider
	accepted, _ := m.Accepted.Int64()
	number := func(v any) int64 {
		n, err := v.(json.Number).Int64()
		if err != nil {
			panic(err)
		}
		return n
	}
	for _, item := range m.Facts {
		f := fact{
			tenant: m.Provider, kind: item[1].(string)[0], name: item[2].(string),
			login: item[0] == "I", at: number(item[3]), planned: never, accepted: accepted,
		}
		if len(item) > 4 {
			f.planned = number(item[4])
		}
		s.facts = append(s.facts, f)
	}
	for _, item := range m.Voids {
		s.facts = append(s.facts, fact{
			tenant: m.Provider, kind: item[1].(string)[0], name: item[2].(string),
			login: item[0] == "I", at: number(item[3]), planned: never, accepted: accepted, void: true,
		})
	}
	for _, item := range m.Matches {
		e := entry{tenant: m.Provider, customer: item[0].(string), what: "no match", at: number(item[2])}
		if matched, _ := item[1].(bool); matched {
			e.what = "match"
		}
		s.entries = append(s.entries, e)
	}
	return s
}

// recordSent adds to the model what the queue has taken: from then on it must not get lost.
func (w *world) recordSent(s parsedMessage) {
	for _, f := range s.facts {
		w.model.add(f)
		if !w.asked[f.request()] {
			w.violated(7, "nobody asked for %v", f)
		}
	}
	for _, e := range s.entries {
		w.model.note(e)
	}
}

// storedFact is a fact of a tenant as it is stored.
type storedFact struct {
	tenant string
	timeline.Fact
}

// recordStored adds to the model a LOGOUT that a PUT has stored at once.
func (p *process) recordStored(tenant string, f timeline.Fact) {
	said := fact{
		tenant: tenant, kind: byte(f.Name.Kind), name: f.Name.Value, at: int64(f.At), planned: never,
		accepted: int64(f.Accepted),
	}
	p.sent = append(p.sent, said)
	p.direct = append(p.direct, storedFact{tenant, f})
	p.recordSent(parsedMessage{tenant: tenant, facts: []fact{said}})
}

// deliverable are the messages that the queue may deliver now; those that were delivered too often it moves away.
func (w *world) deliverable() []*message {
	var found []*message
	for _, m := range w.queue {
		switch {
		case m.deleted || m.inFlight || m.dead || m.visible > w.now:
		case m.received >= w.maxReceives:
			m.dead = true
			w.logf("%s is a dead letter", m.id)
		default:
			found = append(found, m)
		}
	}
	return found
}

// deadLettered are the messages in the dead-letter queue.
func (w *world) deadLettered() []*message {
	var found []*message
	for _, m := range w.queue {
		if m.dead && !m.deleted && !m.inFlight {
			found = append(found, m)
		}
	}
	return found
}

// process hands messages to the real processor.
func (w *world) process(batch []*message) {
	w.deliver("processor", batch, func(p *process) consumer.Func {
		return shift.Processor(timeline.NewApplier(p.backend.storage(p), 1), p.backend.filer(p), p.clock)
	})
}

// fileDeadLetters hands messages of the dead-letter queue to the function that files them.
func (w *world) fileDeadLetters(batch []*message) {
	w.deliver("dead-letters", batch, func(p *process) consumer.Func {
		return deadletter.Consumer(p.backend.filer(p), p.clock)
	})
}

// deliver hands messages to a function as Lambda does: what it does not name as failed is deleted, unless it died.
func (w *world) deliver(function string, batch []*message, build func(*process) consumer.Func) {
	var event events.SQSEvent
	for _, m := range batch {
		m.received++
		m.inFlight = true
		event.Records = append(event.Records, events.SQSMessage{
			MessageId: m.id, Body: m.body,
			Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(m.sent/1000, 10)},
		})
	}
	w.start(function, func(p *process) {
		if p.log != nil {
			p.logf("%s gets %s", p.name, messageIDs(batch))
		}
		response, err := build(p)(context.Background(), event)
		p.settle(batch, response, err)
	})
}

func messageIDs(batch []*message) string {
	var ids []string
	for _, m := range batch {
		ids = append(ids, m.id)
	}
	return strings.Join(ids, " ")
}

// settle deletes what was processed, and lets the rest come again.
func (p *process) settle(batch []*message, response events.SQSEventResponse, err error) {
	failed := map[string]bool{}
	for _, f := range response.BatchItemFailures {
		if !slices.ContainsFunc(batch, func(m *message) bool { return m.id == f.ItemIdentifier }) {
			err = fmt.Errorf("%q is not in the batch", f.ItemIdentifier) // Lambda lets all come again
		}
		failed[f.ItemIdentifier] = true
	}
	if err != nil && !p.dead {
		p.violated(6, "%s failed as a whole: %v", p.name, err)
	}
	for _, m := range batch {
		m.inFlight = false
		switch {
		case p.dead || err != nil || failed[m.id]:
			if !p.dead && !p.failureSeen {
				p.violated(6, "%s failed though nothing went wrong", m.id)
			}
			m.visible = p.now
			p.logf("%s comes again", m.id)
		default:
			// To delete is a call, too; it is Lambda's.
			if do(p, "deletes "+m.id, func() error { return p.backend.remove(m) }) != nil {
				p.logf("%s was not deleted", m.id)
			}
		}
	}
}
