package apikey

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/table"
)

// keyLookup reads the table Providers: all that the API's functions need of it. It has no dynamo.DB, for the reason
// that table.Row gives.
type keyLookup struct {
	client *dynamodb.Client
	name   string // of the table
	prefix string // of the keys
}

func newKeyLookup(env *config.Env) keyLookup {
	prefix := livePrefix
	if env.Sandbox() {
		prefix = testPrefix
	}
	return keyLookup{client: dynamodb.NewFromConfig(env.AWS()), name: env.Get("PROVIDERS_TABLE"), prefix: prefix}
}

// providerForKey returns the work provider whose live key has that hash; false if there is none. It makes two
// consistent reads, so that a key works from the moment it is shown, and once an hour a write, by which operators see
// which keys are still in use.
func (l keyLookup) providerForKey(ctx context.Context, hash string, now time.Time) (provider.Provider, bool, error) {
	var key keyItem
	found, err := l.getItem(ctx, table.KeyPartition(hash), table.KeySort, &key)
	if err != nil || !found || !live(key.Revoked, now) {
		return provider.Provider{}, false, err
	}
	p, err := l.Get(ctx, key.Provider)
	if err != nil {
		return provider.Provider{}, false, err
	}
	l.recordUse(ctx, key, now)
	return p, true, nil
}

// Get returns the work provider of that id. Errors: NotFound, Unavailable.
func (l keyLookup) Get(ctx context.Context, id string) (provider.Provider, error) {
	var item providerItem
	found, err := l.getItem(ctx, table.ProviderPartition(id), table.ProviderSort, &item)
	if err == nil && !found {
		err = notFound(id)
	}
	if err != nil {
		return provider.Provider{}, err
	}
	return item.provider(), nil
}

// recordUse records the hour in which a key is used, unless that was done. An hour is as much as operators need to
// know, and keeps the item of a busy key from being written by every cold start. If it fails, the request succeeds all
// the same.
func (l keyLookup) recordUse(ctx context.Context, key keyItem, now time.Time) {
	hour := now.UTC().Truncate(time.Hour)
	if !key.Used.Before(hour) {
		return
	}
	_, err := l.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:           &l.name,
		Key:                 table.ItemKey(key.PK, key.SK),
		UpdateExpression:    aws.String("SET used = :hour"),
		ConditionExpression: aws.String("attribute_exists(pk)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":hour": &types.AttributeValueMemberS{Value: hour.Format(time.RFC3339Nano)},
		},
	})
	if err != nil {
		slog.WarnContext(ctx, "could not record key use", observe.Provider, key.Provider, "error", err)
	}
}

// getItem reads an item consistently; false if there is none. Its errors are faults: Unavailable.
func (l keyLookup) getItem(ctx context.Context, partition, sort string, into any) (bool, error) {
	return table.Row(ctx, l.client, l.name, partition, sort, into)
}
