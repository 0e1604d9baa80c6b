package simulation

import (
	"errors"
	"fmt"

	"zego.com/workprovider/pkg/fault"
)

// failure is what can go wrong with one call to a service.
type failure int

const (
	none        failure = iota
	refused             // not done, and the caller is told: a failure, or throttling
	lost                // done, but the answer never came
	repeated            // done twice, because the client library missed the first answer and tried again
	crashBefore         // the process dies before the call
	crashAfter          // or after it
	failures
)

func (m failure) String() string {
	return [...]string{"", " REFUSED", " ANSWER LOST", " REPEATED", " CRASH BEFORE", " CRASH AFTER"}[m]
}

var (
	errRefused = fault.Wrap(fault.Unavailable, errors.New("the service did not do it"))
	errLost    = fault.Wrap(fault.Unavailable, errors.New("the service did not answer"))
	errCrashed = errors.New("the process is dead")
)

// process is one run of a function: a request, a batch of messages, a change of a history. While several are at work,
// one goes on at a time, up to its next call to a service; then whoever holds the turns decides again. A process
// without turns is at work alone.
type process struct {
	*world
	name        string
	began       int64
	turn        chan struct{} // a turn is given
	waiting     chan bool     // it waits for one (true), or has finished (false)
	dead        bool
	sent        []fact // by its messages
	failureSeen bool   // something went wrong at one of its calls, or somebody was faster
	asking      bool   // it only reads, when all is quiet; it may make several calls at once
}

// call is one call of a process to a service.
func call[T any](p *process, what string, do func() (T, error)) (T, error) {
	if p.asking {
		return do()
	}
	if p.turn != nil {
		p.waiting <- true
		<-p.turn
	}
	var nothing T
	if p.dead {
		return nothing, errCrashed
	}
	p.calls++
	kind := p.failure()
	if p.log != nil {
		p.logf("%s %s%v", p.name, what, kind)
	}
	p.failureSeen = p.failureSeen || kind != none
	switch kind {
	case refused:
		return nothing, errRefused
	case lost:
		_, _ = do()
		return nothing, errLost
	case repeated:
		_, _ = do()
	case crashBefore:
		p.dead = true
		return nothing, errCrashed
	case crashAfter:
		_, _ = do()
		p.dead = true
		return nothing, errCrashed
	}
	return do()
}

// do is a call that answers nothing.
func do(p *process, what string, act func() error) error {
	_, err := call(p, what, func() (struct{}, error) { return struct{}{}, act() })
	return err
}

// start sets a process to work, up to its first call.
func (w *world) start(kind string, work func(p *process)) {
	w.started++
	p := &process{world: w, name: fmt.Sprint(kind, " ", w.started), began: w.now}
	if w.exclusive {
		work(p)
		return
	}
	p.turn = make(chan struct{})
	p.waiting = make(chan bool)
	go func() {
		work(p)
		p.waiting <- false
	}()
	if <-p.waiting {
		w.working = append(w.working, p)
	}
}

// resume lets one of the processes make its next call.
func (w *world) resume(i int) {
	p := w.working[i]
	p.turn <- struct{}{}
	if !<-p.waiting {
		w.working = append(w.working[:i], w.working[i+1:]...)
	}
}

// timeout is how long a function may run. The clock kills those that take longer; the delay of the guard messages and
// the visibility of the queue rest on that.
const timeout = 29 * second

// advance moves the clock.
func (w *world) advance(by int64) {
	w.now += by
	for _, p := range w.working {
		if w.now-p.began > timeout && !p.dead {
			p.dead = true
			w.logf("%s TIMED OUT", p.name)
		}
	}
}
