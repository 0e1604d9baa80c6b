package table

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/fault"
)

// A change of several items reads them, builds a transaction on condition that they have not changed, commits it with
// Commit, and on a conflict starts over with RetryConflicts.

// ErrConflict means that an item was changed between the read and the write. It is Unavailable: reading and writing
// again may succeed.
var ErrConflict error = fault.New(fault.Unavailable, "Changed concurrently; try again.")

// Commit runs a transaction. It returns ErrConflict if a condition failed or another transaction is writing the same
// items; any other error is Unavailable.
func Commit(ctx context.Context, tx *dynamo.WriteTx) error {
	err := tx.Run(ctx)
	if cancelled := (*types.TransactionCanceledException)(nil); errors.As(err, &cancelled) {
		return ErrConflict
	}
	if err != nil {
		return Unavailable("transaction", err)
	}
	return nil
}

// maxConflictRetries is how often RetryConflicts calls its function. On each conflict another writer succeeded, or
// DynamoDB was busy.
const maxConflictRetries = 8

// RetryConflicts calls a function until it returns something else than ErrConflict, at most maxConflictRetries times,
// with exponential backoff and jitter, so that many writers of one item all succeed.
func RetryConflicts(ctx context.Context, do func() error) error {
	for round := range maxConflictRetries {
		err := do()
		if !errors.Is(err, ErrConflict) {
			return err
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, ctx.Err())
		case <-time.After(rand.N(5 * time.Millisecond << round)):
		}
	}
	return fault.Wrap(fault.Unavailable, ErrConflict)
}
