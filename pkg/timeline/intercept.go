package timeline

import (
	"context"

	"zego.com/workprovider/pkg/person"
)

// Call is a call of a Storage.
type Call struct {
	Op       string // the method, such as "AddFacts"
	Provider string
	Key      string // what it is about: the value of a name, the customer, the workProviderUserId or the batch
	Argument any    // what is written, or the days that are read; nil for an ownership
}

// Intercept returns a storage each call of which passes through a function, which makes the call, or does not, and
// returns the error that the caller gets: so tests count calls, make them fail, lose their answers and let others in
// between. A call that returns an error returns nothing else.
func Intercept(storage Storage, through func(c Call, call func() error) error) Storage {
	return interceptor{storage, through}
}

type interceptor struct {
	storage Storage
	through func(c Call, call func() error) error
}

func intercept[T any](i interceptor, c Call, call func() (T, error)) (T, error) {
	var result T
	err := i.through(c, func() (err error) {
		result, err = call()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return result, nil
}

func (i interceptor) AddFacts(
	ctx context.Context, provider string, name person.Name, day Day, facts []Fact,
) ([]Fact, error) {
	return intercept(i, Call{"AddFacts", provider, name.Value, facts}, func() ([]Fact, error) {
		return i.storage.AddFacts(ctx, provider, name, day, facts)
	})
}

func (i interceptor) AddFactIf(
	ctx context.Context, provider string, fact Fact, days Days, read []Fact,
) (bool, error) {
	return intercept(i, Call{"AddFactIf", provider, fact.Name.Value, fact}, func() (bool, error) {
		return i.storage.AddFactIf(ctx, provider, fact, days, read)
	})
}

func (i interceptor) PutVoidReason(ctx context.Context, provider string, void Void) error {
	return i.through(Call{"PutVoidReason", provider, void.Fact.Name.Value, void}, func() error {
		return i.storage.PutVoidReason(ctx, provider, void)
	})
}

func (i interceptor) VoidReasons(
	ctx context.Context, provider string, name person.Name, days Days,
) ([]Void, error) {
	return intercept(i, Call{"VoidReasons", provider, name.Value, days}, func() ([]Void, error) {
		return i.storage.VoidReasons(ctx, provider, name, days)
	})
}

func (i interceptor) AddHistory(ctx context.Context, provider, customer string, entries []Entry) ([]Entry, error) {
	return intercept(i, Call{"AddHistory", provider, customer, entries}, func() ([]Entry, error) {
		return i.storage.AddHistory(ctx, provider, customer, entries)
	})
}

func (i interceptor) Ownership(ctx context.Context, provider, userID string) (Ownership, error) {
	return intercept(i, Call{"Ownership", provider, userID, nil}, func() (Ownership, error) {
		return i.storage.Ownership(ctx, provider, userID)
	})
}

func (i interceptor) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	return intercept(i, Call{"OwnershipHint", provider, userID, nil}, func() (Ownership, error) {
		return i.storage.OwnershipHint(ctx, provider, userID)
	})
}

func (i interceptor) Records(ctx context.Context, provider, customer string, days Days) ([]Record, error) {
	return intercept(i, Call{"Records", provider, customer, days}, func() ([]Record, error) {
		return i.storage.Records(ctx, provider, customer, days)
	})
}

func (i interceptor) PutRecord(ctx context.Context, provider, customer string, record Record) error {
	return i.through(Call{"PutRecord", provider, customer, record}, func() error {
		return i.storage.PutRecord(ctx, provider, customer, record)
	})
}

func (i interceptor) HistoryAndFacts(
	ctx context.Context, provider, customer string, days Days,
) (History, []Fact, error) {
	type historyAndFacts struct {
		history History
		facts   []Fact
	}
	read, err := intercept(i, Call{"HistoryAndFacts", provider, customer, days}, func() (historyAndFacts, error) {
		history, facts, err := i.storage.HistoryAndFacts(ctx, provider, customer, days)
		return historyAndFacts{history, facts}, err
	})
	return read.history, read.facts, err
}

func (i interceptor) Facts(ctx context.Context, provider string, name person.Name, days Days) ([]Fact, error) {
	return intercept(i, Call{"Facts", provider, name.Value, days}, func() ([]Fact, error) {
		return i.storage.Facts(ctx, provider, name, days)
	})
}

func (i interceptor) PutBatchPart(ctx context.Context, provider string, part BatchPart) error {
	return i.through(Call{"PutBatchPart", provider, part.Batch, part}, func() error {
		return i.storage.PutBatchPart(ctx, provider, part)
	})
}

func (i interceptor) BatchParts(
	ctx context.Context, provider, batch string, first, last int,
) ([]BatchPart, error) {
	return intercept(i, Call{"BatchParts", provider, batch, [2]int{first, last}}, func() ([]BatchPart, error) {
		return i.storage.BatchParts(ctx, provider, batch, first, last)
	})
}

func (i interceptor) PutBatchTally(ctx context.Context, provider, batch string, tally BatchTally) error {
	return i.through(Call{"PutBatchTally", provider, batch, tally}, func() error {
		return i.storage.PutBatchTally(ctx, provider, batch, tally)
	})
}

func (i interceptor) BatchTallies(ctx context.Context, provider, batch string) ([]BatchTally, error) {
	return intercept(i, Call{"BatchTallies", provider, batch, nil}, func() ([]BatchTally, error) {
		return i.storage.BatchTallies(ctx, provider, batch)
	})
}
