package table

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Key is the primary key of an item.
type Key struct {
	PK string `dynamo:"pk"`
	SK string `dynamo:"sk"`
}

const (
	maxBatchItems    = 25 // of BatchWriteItem
	maxBatchAttempts = 8  // for one batch, of which DynamoDB leaves items unprocessed each time
)

// errUnprocessed means that DynamoDB left items of a batch unprocessed for too often.
var errUnprocessed = errors.New("items are left unprocessed")

// Delete deletes items of a table, those that exist. What DynamoDB leaves unprocessed it deletes again, with
// exponential backoff and jitter, and gives up after some attempts: then its error is Unavailable, and some items may
// be left.
func Delete(ctx context.Context, db *dynamodb.Client, table string, keys []Key) error {
	for batch := range slices.Chunk(keys, maxBatchItems) {
		requests := make([]types.WriteRequest, len(batch))
		for i, key := range batch {
			requests[i].DeleteRequest = &types.DeleteRequest{Key: map[string]types.AttributeValue{
				PK: &types.AttributeValueMemberS{Value: key.PK},
				SK: &types.AttributeValueMemberS{Value: key.SK},
			}}
		}
		if err := writeBatch(ctx, db, table, requests); err != nil {
			return Unavailable(table, err)
		}
	}
	return nil
}

func writeBatch(ctx context.Context, db *dynamodb.Client, table string, requests []types.WriteRequest) error {
	for attempt := range maxBatchAttempts {
		in := &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: requests}}
		out, err := db.BatchWriteItem(ctx, in)
		if err != nil {
			return err
		}
		if requests = out.UnprocessedItems[table]; len(requests) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(20 * time.Millisecond << attempt)):
		}
	}
	return errUnprocessed
}
