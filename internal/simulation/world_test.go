package simulation

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"zego.com/workprovider/pkg/deadletter"
)

// world is one run: two tenants and their people, the store, the queue, a clock, and who is at work.
type world struct {
	random       *rand.Rand
	failure      func() failure // of the next call
	exclusive    bool           // nobody else is at work while a process is
	startRate    int            // how rarely somebody begins while others are at work: once in so many turns
	noRedelivery bool           // the queue delivers nothing twice of itself
	maxReceives  int            // how often the queue delivers a message before it gives it up
	switchRate   int            // how rarely the turn goes from one to another: once in so many
	current      *process       // whose turn it was
	now          int64
	calls        int
	finished     int // calls before the questions at the end
	started      int
	working      []*process

	backend backend
	queue   []*message
	changes []made
	kept    []keptAnswer
	direct  []storedFact // that no message carries

	model    *model
	asked    map[fact]bool // by any request, answered or not
	full     map[fact]bool // found no room on their day
	again    []*request    // that a client will make once more
	events   ids[fact]
	batches  ids[[]fact]
	verdicts ids[entry]
	instants []int64 // at which something happened: more will happen there
	names    []name  // that are used more than others

	log        *[]string // nil: nobody reads it
	violations []string
}

// noon is what the clock of a new world shows: 2026-03-14T12:00:00Z.
const noon = 1_773_489_600 * second

func newWorld(random *rand.Rand) *world {
	w := &world{
		random: random, failure: func() failure { return none }, now: noon,
		startRate: 6, switchRate: 1, maxReceives: templateMaxReceives,
		model: newModel(), asked: map[fact]bool{}, full: map[fact]bool{},
		events: ids[fact]{}, batches: ids[[]fact]{}, verdicts: ids[entry]{},
		instants: []int64{noon, noon - 12*hour, noon - 36*hour},
	}
	w.backend = simulate(w)
	return w
}

// logf writes a line of the log.
func (w *world) logf(format string, args ...any) {
	if w.log != nil {
		*w.log = append(*w.log, clock(w.now)+"  "+fmt.Sprintf(format, args...))
	}
}

func clock(at int64) string { return time.UnixMicro(at).UTC().Format("01-02 15:04:05.000000") }

// violated notes that a promise was broken.
func (w *world) violated(promise int, format string, args ...any) {
	text := fmt.Sprintf("promise %d: ", promise) + fmt.Sprintf(format, args...)
	w.violations = append(w.violations, text)
	w.logf("VIOLATED %s", text)
}

// unlucky lets something go wrong with some of the next calls: as many as told, one in so many.
func (w *world) injectFailures(times, oneIn int) {
	w.failure = func() failure {
		if times == 0 || w.random.IntN(oneIn) > 0 {
			return none
		}
		times--
		return 1 + failure(w.random.IntN(int(failures)-1))
	}
}

func (w *world) clearFailures() { w.failure = func() failure { return none } }

// turn is one step of a run: somebody begins, or goes on, or the clock does. It is false when there is nothing to do.
// begin makes something new happen, and tells whether it did.
func (w *world) turn(begin func() bool) bool {
	idle := len(w.working) == 0
	if (idle || w.random.IntN(w.startRate) == 0 && len(w.working) < 4) && w.beginSomething(begin) {
		return true
	}
	if !idle {
		if !w.noRedelivery && w.random.IntN(40) == 0 {
			w.redeliver()
		}
		if w.random.IntN(20) == 0 {
			w.advance(w.random.Int64N(20 * second))
		}
		i := slices.Index(w.working, w.current)
		if i < 0 || w.random.IntN(w.switchRate) == 0 {
			i = w.random.IntN(len(w.working))
		}
		w.current = w.working[i]
		w.resume(i)
		return true
	}
	return w.wait()
}

// beginSomething lets a message be processed, a client ask again, or something new happen.
func (w *world) beginSomething(begin func() bool) bool {
	switch w.random.IntN(3) {
	case 0:
		if begin() {
			return true
		}
	case 1:
		if i := len(w.again); i > 0 {
			r := w.again[i-1]
			w.again = w.again[:i-1]
			w.ask(r)
			return true
		}
	}
	if found := w.deliverable(); len(found) > 0 {
		w.process(some(w.random, found))
		return true
	}
	if found := w.deadLettered(); len(found) > 0 {
		w.fileDeadLetters(some(w.random, found))
		return true
	}
	if len(w.again) > 0 {
		w.ask(w.again[0])
		w.again = w.again[1:]
		return true
	}
	return begin()
}

// some picks a few, in any order.
func some(random *rand.Rand, messages []*message) []*message {
	random.Shuffle(len(messages), func(i, j int) { messages[i], messages[j] = messages[j], messages[i] })
	return messages[:1+random.IntN(min(4, len(messages)))]
}

// redeliver is what a queue that delivers at least once may do: a message is delivered while somebody still works on
// it, or though it was deleted.
func (w *world) redeliver() {
	if len(w.queue) == 0 {
		return
	}
	m := w.queue[w.random.IntN(len(w.queue))]
	if !m.dead && m.visible <= w.now {
		w.logf("%s is delivered again", m.id)
		m.inFlight = false
		m.deleted = false
		m.received = min(m.received, w.maxReceives-1)
	}
}

// wait moves the clock to the next message; false if none waits.
func (w *world) wait() bool {
	next := int64(never)
	for _, m := range w.queue {
		if !m.deleted && !m.dead && m.visible > w.now {
			next = min(next, m.visible)
		}
	}
	if next == never {
		return false
	}
	w.advance(next - w.now)
	return true
}

// drain lets everything come to an end, with nothing new.
func (w *world) drain() {
	for w.turn(func() bool { return false }) {
	}
}

// redrive sends every dead letter again that is not malformed, as an operator does. It reports whether there was one.
func (w *world) redrive() (sent bool) {
	letters := w.backend.filed()
	for _, messageID := range sorted(letters) {
		l := letters[messageID]
		if l.Reason == deadletter.ReasonMalformed || !l.RedrivenAt.IsZero() {
			continue
		}
		m := w.backend.put(string(l.Body))
		m.malformed = slices.ContainsFunc(w.queue, func(had *message) bool { return had.id == messageID && had.malformed })
		w.backend.redriven(l)
		w.logf("dead letter %s is sent again as %s", messageID, m.id)
		sent = true
	}
	return sent
}

// sorted are the keys of a map in order, so that a run is the same each time.
func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
