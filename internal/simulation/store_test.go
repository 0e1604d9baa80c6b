package simulation

import (
	"context"
	"errors"
	"fmt"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// rows is the store as a process sees it.
type rows struct {
	timeline.Rows // in memory
	*process
	simulated simulated
}

func (r rows) Union(ctx context.Context, tenant string, n person.Name, day timeline.Day, facts []timeline.Fact) ([]timeline.Fact, error) {
	return call(r.process, fmt.Sprintf("adds %d facts to %s %c#%s %v", len(facts), tenant, n.Kind, n.Value, day), func() ([]timeline.Fact, error) {
		return r.Rows.Union(ctx, tenant, n, day, facts)
	})
}

func (r rows) Append(ctx context.Context, tenant, customer string, entries []timeline.Entry) ([]timeline.Entry, error) {
	return call(r.process, fmt.Sprintf("adds %d verdicts to %s %s", len(entries), tenant, customer), func() ([]timeline.Entry, error) {
		return r.Rows.Append(ctx, tenant, customer, entries)
	})
}

// Ownership answers a hint with whatever was true at any time, and that is nobody at first.
func (r rows) Ownership(ctx context.Context, tenant, userID string, hint bool) (timeline.Ownership, error) {
	return call(r.process, "reads the owner of "+tenant+" "+userID, func() (timeline.Ownership, error) {
		if past := r.simulated.owners[id{tenant, userID}]; hint && r.random.IntN(3) == 0 {
			if i := r.random.IntN(len(past) + 1); i > 0 {
				return past[i-1], nil
			}
			return timeline.Ownership{}, nil
		}
		return r.Rows.Ownership(ctx, tenant, userID, hint)
	})
}

func (r rows) Records(ctx context.Context, tenant, customer string, of timeline.Days) ([]timeline.Record, error) {
	return call(r.process, "reads the records of "+tenant+" "+customer, func() ([]timeline.Record, error) {
		return r.Rows.Records(ctx, tenant, customer, of)
	})
}

func (r rows) Person(ctx context.Context, tenant, customer string, of timeline.Days) (h timeline.History, facts []timeline.Fact, err error) {
	facts, err = call(r.process, "reads history and facts of "+tenant+" "+customer, func() (facts []timeline.Fact, err error) {
		h, facts, err = r.Rows.Person(ctx, tenant, customer, of)
		return facts, err
	})
	if err != nil {
		h = timeline.History{}
	}
	return h, facts, err
}

func (r rows) Facts(ctx context.Context, tenant string, n person.Name, of timeline.Days) ([]timeline.Fact, error) {
	return call(r.process, fmt.Sprintf("reads facts of %s %c#%s", tenant, n.Kind, n.Value), func() ([]timeline.Fact, error) {
		return r.Rows.Facts(ctx, tenant, n, of)
	})
}

func (r rows) PutPart(ctx context.Context, tenant string, part timeline.Part) error {
	return do(r.process, "stores a part of a batch of "+tenant, func() error { return r.Rows.PutPart(ctx, tenant, part) })
}

func (r rows) Parts(ctx context.Context, tenant, batch string) ([]timeline.Part, error) {
	return call(r.process, "reads a batch of "+tenant, func() ([]timeline.Part, error) { return r.Rows.Parts(ctx, tenant, batch) })
}

func (r rows) Write(ctx context.Context, tenant, customer string, record timeline.Record) error {
	what := fmt.Sprintf("writes %s %s %v, version %d: %d shifts", tenant, customer, record.Day, record.Version, len(record.Shifts))
	err := do(r.process, what, func() error { return r.Rows.Write(ctx, tenant, customer, record) })
	if errors.Is(err, timeline.ErrConflict) {
		r.failureSeen = true
		r.logf("%s was too late", r.process.name)
	}
	return err
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
