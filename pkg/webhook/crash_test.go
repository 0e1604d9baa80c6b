package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/smithy-go/middleware"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/timeline"
)

// failingCalls makes one call to AWS fail: before it is made, or after it, so that it was done but the answer never
// came. From then on every call fails, as after a crash.
type failingCalls struct {
	mu    sync.Mutex
	armed bool
	left  int // calls that still go well
	after bool
	calls int // made while armed
}

var errCrash = errors.New("crash")

// newFailingCalls puts faults between the clients built from an environment and AWS.
func newFailingCalls(env *config.Env) *failingCalls {
	f := &failingCalls{}
	cfg := env.AWS().Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Crash", f.call), middleware.Before)
	})
	env.SetAWS(cfg)
	return f
}

func (f *failingCalls) call(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	f.mu.Lock()
	left := f.left
	armed := f.armed
	if armed {
		f.left--
		f.calls++
	}
	f.mu.Unlock()
	if armed && (left < 0 || left == 0 && !f.after) {
		return middleware.InitializeOutput{}, middleware.Metadata{}, errCrash
	}
	out, metadata, err := next.HandleInitialize(ctx, in)
	if armed && left == 0 && err == nil {
		return middleware.InitializeOutput{}, middleware.Metadata{}, errCrash
	}
	return out, metadata, err
}

// crashAt makes the call of that number, from 0, the last one.
func (f *failingCalls) crashAt(n int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = true
	f.left = n
	f.after = after
	f.calls = 0
}

func (f *failingCalls) disarm() (calls int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.armed = false
	return f.calls
}

// A crash before or after any call that a delivery makes leaves a state that redelivery completes: matched once, linked
// once, whatever the receiver replied first; and nothing is given up or forgotten.
func TestCrashRecovery(t *testing.T) {
	for _, first := range []int{200, 500} {
		for _, after := range []bool{false, true} {
			for at := 0; ; at++ {
				calls := 0
				t.Run(fmt.Sprintf("%d, call %d, after it %t", first, at, after), func(t *testing.T) {
					calls = crashOnce(t, first, at, after)
				})
				if at > calls {
					break // it went through without a crash
				}
			}
		}
	}
}

// crashOnce delivers a sign-up with a crash at a call, delivers it again, and answers how many calls the first time
// made.
func crashOnce(t *testing.T, first, at int, after bool) int {
	env := emulator.NewTestEnv(t)
	crash := newFailingCalls(env)
	w := newFixtureIn(t, env)
	w.consent(dara)
	event := w.receive("WEBHOOKS_QUEUE_URL")
	event.Records = slices.DeleteFunc(event.Records, func(r events.SQSMessage) bool {
		m := must(parseMessage(r.Body))
		return m.NextAttempt > w.clock.UnixMilli() // the one announced ahead
	})
	w.reply(first, `{"workProviderUserId":"77"}`)
	crash.crashAt(at, after)
	must(w.sender.Consume(t.Context(), event))
	calls := crash.disarm()

	w.reply(200, `{"workProviderUserId":"77"}`)
	w.clock = w.clock.Add(3 * time.Minute) // the visibility timeout
	if failed := w.deliver(event); failed != 0 {
		t.Errorf("%d failed again", failed)
	}
	w.drain()
	if d := w.delivery(dara); d.State != Matched {
		t.Errorf("%+v", d)
	}
	history := w.history(dara)
	if got := history.CurrentUserIDs(); !slices.Equal(got, []string{"77"}) {
		t.Errorf("linked %q", got)
	}
	if matched, ok := history.VerdictSince(timeline.At(noon)); !matched || !ok {
		t.Errorf("matched: %t, %t", matched, ok)
	}
	if w.requestCount() > 3 {
		t.Errorf("asked %d times", w.requestCount())
	}
	for _, r := range w.requests {
		if id := r.header.Get("webhook-id"); id != w.requests[0].header.Get("webhook-id") {
			t.Errorf("another id: %s", id)
		}
	}
	if left := w.receive("WEBHOOKS_QUEUE_URL").Records; len(left) != 0 || len(w.deadLetters()) != 0 {
		t.Errorf("%d messages and %d dead letters are left", len(left), len(w.deadLetters()))
	}
	return calls
}
