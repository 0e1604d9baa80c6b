package testkit

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Queue is a queue in memory, whose delays are over when the test takes the messages. It implements queue.Sender.
type Queue struct {
	Err error // what Send returns instead of taking messages

	mu     sync.Mutex
	calls  [][]string
	groups []string
}

// Send takes messages.
func (q *Queue) Send(_ context.Context, group string, _ time.Duration, bodies ...string) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Err != nil {
		return q.Err
	}
	q.groups = append(q.groups, group)
	if len(bodies) > 0 {
		q.calls = append(q.calls, slices.Clone(bodies))
	}
	return nil
}

// TakeCalls returns the bodies that each call has sent since the last time.
func (q *Queue) TakeCalls() [][]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	calls := q.calls
	q.calls = nil
	return calls
}

// Take returns the bodies that were sent since the last time.
func (q *Queue) Take() []string { return slices.Concat(q.TakeCalls()...) }

// TakeGroups returns the message group of each call since the last time.
func (q *Queue) TakeGroups() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	groups := q.groups
	q.groups = nil
	return groups
}

// Delivery returns messages with these bodies as Lambda delivers them. Their IDs are their numbers, from 0.
func Delivery(bodies ...string) events.SQSEvent {
	event := events.SQSEvent{Records: make([]events.SQSMessage, len(bodies))}
	for i, body := range bodies {
		event.Records[i] = events.SQSMessage{MessageId: fmt.Sprint(i), Body: body}
	}
	return event
}
