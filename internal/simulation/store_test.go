package simulation

import (
	"context"
	"errors"
	"fmt"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// storage is the timelines as a process sees them.
type storage struct {
	timeline.Storage // in memory
	*process
	simulated simulated
}

func (s storage) AddFacts(
	ctx context.Context, tenant string, n person.Name, day timeline.Day, facts []timeline.Fact,
) ([]timeline.Fact, error) {
	what := fmt.Sprintf("adds %d facts to %s %c#%s %v", len(facts), tenant, n.Kind, n.Value, day)
	return call(s.process, what, func() ([]timeline.Fact, error) {
		s.storedAt = s.calls
		return s.Storage.AddFacts(ctx, tenant, n, day, facts)
	})
}

func (s storage) AddHistory(
	ctx context.Context, tenant, customer string, entries []timeline.Entry,
) ([]timeline.Entry, error) {
	what := fmt.Sprintf("adds %d verdicts to %s %s", len(entries), tenant, customer)
	return call(s.process, what, func() ([]timeline.Entry, error) {
		return s.Storage.AddHistory(ctx, tenant, customer, entries)
	})
}

func (s storage) Ownership(ctx context.Context, tenant, userID string) (timeline.Ownership, error) {
	return call(s.process, "reads the owner of "+tenant+" "+userID, func() (timeline.Ownership, error) {
		return s.Storage.Ownership(ctx, tenant, userID)
	})
}

// OwnershipHint returns whatever was true at any time, and that is nobody at first.
func (s storage) OwnershipHint(ctx context.Context, tenant, userID string) (timeline.Ownership, error) {
	return call(s.process, "reads a hint at the owner of "+tenant+" "+userID, func() (timeline.Ownership, error) {
		past := s.simulated.owners[id{tenant, userID}]
		if s.random.IntN(3) > 0 {
			return s.Storage.OwnershipHint(ctx, tenant, userID)
		}
		if i := s.random.IntN(len(past) + 1); i > 0 {
			return past[i-1], nil
		}
		return timeline.Ownership{}, nil
	})
}

func (s storage) Records(
	ctx context.Context, tenant, customer string, days timeline.Days,
) ([]timeline.Record, error) {
	return call(s.process, "reads the records of "+tenant+" "+customer, func() ([]timeline.Record, error) {
		return s.Storage.Records(ctx, tenant, customer, days)
	})
}

func (s storage) HistoryAndFacts(
	ctx context.Context, tenant, customer string, days timeline.Days,
) (timeline.History, []timeline.Fact, error) {
	type historyAndFacts struct {
		history timeline.History
		facts   []timeline.Fact
	}
	what := "reads history and facts of " + tenant + " " + customer
	read, err := call(s.process, what, func() (historyAndFacts, error) {
		s.readAt = s.calls
		history, facts, err := s.Storage.HistoryAndFacts(ctx, tenant, customer, days)
		return historyAndFacts{history, facts}, err
	})
	return read.history, read.facts, err
}

func (s storage) Facts(
	ctx context.Context, tenant string, n person.Name, days timeline.Days,
) ([]timeline.Fact, error) {
	what := fmt.Sprintf("reads facts of %s %c#%s", tenant, n.Kind, n.Value)
	return call(s.process, what, func() ([]timeline.Fact, error) { return s.Storage.Facts(ctx, tenant, n, days) })
}

func (s storage) PutBatchPart(ctx context.Context, tenant string, part timeline.BatchPart) error {
	return do(s.process, "stores a part of a batch of "+tenant, func() error {
		return s.Storage.PutBatchPart(ctx, tenant, part)
	})
}

func (s storage) BatchParts(
	ctx context.Context, tenant, batch string, first, last int,
) ([]timeline.BatchPart, error) {
	return call(s.process, "reads a batch of "+tenant, func() ([]timeline.BatchPart, error) {
		return s.Storage.BatchParts(ctx, tenant, batch, first, last)
	})
}

func (s storage) PutBatchTally(ctx context.Context, tenant, batch string, tally timeline.BatchTally) error {
	return do(s.process, "stores a tally of a batch of "+tenant, func() error {
		return s.Storage.PutBatchTally(ctx, tenant, batch, tally)
	})
}

func (s storage) BatchTallies(ctx context.Context, tenant, batch string) ([]timeline.BatchTally, error) {
	return call(s.process, "reads the tallies of a batch of "+tenant, func() ([]timeline.BatchTally, error) {
		return s.Storage.BatchTallies(ctx, tenant, batch)
	})
}

func (s storage) PutRecord(ctx context.Context, tenant, customer string, record timeline.Record) error {
	what := fmt.Sprintf("writes %s %s %v, version %d: %d shifts",
		tenant, customer, record.Day, record.Version, len(record.Shifts))
	err := do(s.process, what, func() error { return s.Storage.PutRecord(ctx, tenant, customer, record) })
	if errors.Is(err, table.ErrConflict) {
		s.failureSeen = true
		s.logf("%s was too late", s.process.name)
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
