package simulation

import (
	"context"
	"errors"
	"fmt"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// intercepted returns the timelines as a process sees them.
func intercepted(storage timeline.Storage, p *process) timeline.Storage {
	return timeline.Intercept(storage, func(c timeline.Call, call func() error) error {
		var what string
		if p.log != nil {
			what = fmt.Sprintf("calls %s of %s %s: %v", c.Op, c.Provider, c.Key, c.Argument)
		}
		err := do(p, what, func() error {
			err := call()
			if c.Op == "AddFactIf" && err == nil { // the queue does not have it
				p.recordStored(c.Provider, c.Argument.(timeline.Fact))
			}
			return err
		})
		if errors.Is(err, table.ErrConflict) {
			p.failureSeen = true
			p.logf("%s was too late", p.name)
		}
		return err
	})
}

// outdatedHints is a storage whose hints tell whatever was true at any time, and that is nobody at first.
type outdatedHints struct {
	timeline.Storage
	*process
	simulated simulated
}

func (o outdatedHints) OwnershipHint(ctx context.Context, tenant, userID string) (timeline.Ownership, error) {
	past := o.simulated.owners[id{tenant, userID}]
	if o.random.IntN(3) > 0 {
		return o.Storage.OwnershipHint(ctx, tenant, userID)
	}
	if i := o.random.IntN(len(past) + 1); i > 0 {
		return past[i-1], nil
	}
	return timeline.Ownership{}, nil
}

// filer is the table of dead letters as a process sees it.
type filer struct {
	*process
	simulated simulated
}

// Archive implements deadletter.Archiver: the first of a message is kept.
func (f filer) Archive(_ context.Context, l deadletter.DeadLetter) error {
	return do(f.process, "files a dead letter", func() error {
		if _, filed := f.simulated.letters[l.MessageID]; !filed {
			f.simulated.letters[l.MessageID] = l
		}
		return nil
	})
}
