package table

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/fault"
)

// Whoever changes several rows at once reads them, makes a transaction on condition that they still are what was read,
// and if they are not, begins again: Insist does so, and Commit tells it when.

// ErrOvertaken is met when another transaction came first. To read again tells how things stand now.
var ErrOvertaken = errors.New("table: another transaction came first")

// Commit runs a transaction. It is ErrOvertaken if a condition of it does not hold, or another one is at the same rows;
// any other failure is Unavailable.
func Commit(ctx context.Context, tx *dynamo.WriteTx) error {
	err := tx.Run(ctx)
	if cancelled := (*types.TransactionCanceledException)(nil); errors.As(err, &cancelled) {
		return ErrOvertaken
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, fmt.Errorf("table: %w", err))
	}
	return nil
}

// patience is how often Insist tries. Each round somebody else has succeeded, or the storage was busy.
const patience = 8

// Insist does something until it is no longer overtaken, pausing longer and longer so that many who want the same row
// come to an end.
func Insist(ctx context.Context, do func() error) error {
	for round := range patience {
		err := do()
		if !errors.Is(err, ErrOvertaken) {
			return err
		}
		select {
		case <-ctx.Done():
			return fault.Wrap(fault.Unavailable, ctx.Err())
		case <-time.After(rand.N(5 * time.Millisecond << round)):
		}
	}
	return fault.Wrap(fault.Unavailable, ErrOvertaken)
}
