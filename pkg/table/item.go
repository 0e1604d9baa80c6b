package table

import (
	"context"
	"errors"
	"fmt"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/fault"
)

// GetItem reads an item with a consistent read. It reports whether the item exists. Its errors are faults: Unavailable.
func GetItem(ctx context.Context, t dynamo.Table, partition, sort string, into any) (bool, error) {
	err := t.Get(PK, partition).Range(SK, dynamo.Equal, sort).Consistent(true).One(ctx, into)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	return err == nil, Unavailable(t.Name(), err)
}

// Unavailable returns the fault for a failed call to DynamoDB, which may succeed if it is retried; nil for a nil error.
// The log shows what was asked for, such as the name of a table.
func Unavailable(what string, err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("%s: %w", what, err))
}
