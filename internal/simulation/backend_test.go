package simulation

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// backend is what a world stands on: simulated services, or emulated ones. A process has all of them with its own
// failures.
type backend interface {
	storage(p *process) timeline.Storage
	sender(p *process) queue.Sender
	filer(p *process) deadletter.Archiver
	change(p *process, c change) error // a history, after the message that guards it
	remove(m *message) error           // from the queue

	// Past all failures:
	groundTruth() timeline.Storage
	put(body string) *message // into the queue; nil if it takes none like that
	write(c change, at int64) // into a history, with nothing to fold yet
	filed() map[string]deadletter.DeadLetter
	redriven(l deadletter.DeadLetter)
}

// simulated keeps everything in memory.
type simulated struct {
	*world
	memory  *timeline.Memory
	owners  map[id][]timeline.Ownership // that ever were
	letters map[string]deadletter.DeadLetter
}

func simulate(w *world) simulated {
	return simulated{w, timeline.NewMemory(), map[id][]timeline.Ownership{}, map[string]deadletter.DeadLetter{}}
}

func (s simulated) storage(p *process) timeline.Storage {
	return intercepted(outdatedHints{s.memory, p, s}, p)
}
func (s simulated) sender(p *process) queue.Sender          { return sender{p} }
func (s simulated) filer(p *process) deadletter.Archiver    { return filer{p, s} }
func (s simulated) remove(m *message) error                 { m.deleted = true; return nil }
func (s simulated) groundTruth() timeline.Storage           { return s.memory }
func (s simulated) put(body string) *message                { return s.take(body, 0) }
func (s simulated) filed() map[string]deadletter.DeadLetter { return s.letters }

func (s simulated) redriven(l deadletter.DeadLetter) {
	l.RedrivenAt = time.UnixMicro(s.now)
	s.letters[l.MessageID] = l
}

// owner is whose an id is; empty if it is nobody's.
func (s simulated) owner(i id) string {
	o, _ := s.memory.Ownership(context.Background(), i.tenant, i.userID)
	return o.Owner
}
