package provider

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/table"
)

// holders finds whose a key is: all that the API's functions want of the table Providers. It has no dynamo.DB, for
// the reason that table.Row gives.
type holders struct {
	client *dynamodb.Client
	name   string // of the table
	prefix string // of the keys
}

func holdersFrom(env *config.Env) holders {
	prefix := livePrefix
	if env.Sandbox() {
		prefix = testPrefix
	}
	return holders{client: dynamodb.NewFromConfig(env.AWS()), name: env.Get("PROVIDERS_TABLE"), prefix: prefix}
}

// holder is the work provider whose live key has that hash; false if there is none. Two consistent reads, so that a key
// works from the moment it is shown; and once an hour a write, by which operators see which keys are still in use.
func (h holders) holder(ctx context.Context, hash string, now time.Time) (Provider, bool, error) {
	var key keyRow
	found, err := h.get(ctx, table.KeyPartition(hash), table.KeySort, &key)
	if err != nil || !found || !live(key.Revoked, now) {
		return Provider{}, false, err
	}
	p, err := h.Get(ctx, key.Provider)
	if err != nil {
		return Provider{}, false, err
	}
	h.noteUse(ctx, key, now)
	return p, true, nil
}

// Get is the work provider of that id. Errors: NotFound, Unavailable.
func (h holders) Get(ctx context.Context, id string) (Provider, error) {
	var r row
	found, err := h.get(ctx, table.ProviderPartition(id), table.ProviderSort, &r)
	if err == nil && !found {
		err = notFound(id)
	}
	if err != nil {
		return Provider{}, err
	}
	return r.provider(), nil
}

// noteUse notes the hour in which a key is used, unless that was done. An hour is as much as operators need to know, and
// keeps the row of a busy key from being written by every cold start. If it fails, nobody is refused for it.
func (h holders) noteUse(ctx context.Context, key keyRow, now time.Time) {
	hour := now.UTC().Truncate(time.Hour)
	if !key.Used.Before(hour) {
		return
	}
	_, err := h.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &h.name,
		Key:                       table.RowKey(key.PK, key.SK),
		UpdateExpression:          aws.String("SET used = :hour"),
		ConditionExpression:       aws.String("attribute_exists(pk)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":hour": &types.AttributeValueMemberS{Value: hour.Format(time.RFC3339Nano)}},
	})
	if err != nil {
		slog.WarnContext(ctx, "last use of a key not noted", "provider", key.Provider, "error", err)
	}
}

// get reads a row consistently; false if there is none. Its errors are faults: Unavailable.
func (h holders) get(ctx context.Context, partition, sort string, into any) (bool, error) {
	return table.Row(ctx, h.client, h.name, partition, sort, into)
}
