package apikey

import (
	"context"
	"log/slog"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/table"
)

// keyLookup reads the table Providers: all that the API's functions need of it.
type keyLookup struct {
	table  dynamo.Table
	prefix string // of the keys
}

func newKeyLookup(env *config.Env) keyLookup {
	prefix := livePrefix
	if env.Sandbox() {
		prefix = testPrefix
	}
	return keyLookup{table: dynamo.New(env.AWS()).Table(env.Get("PROVIDERS_TABLE")), prefix: prefix}
}

// providerForKey returns the work provider whose live key has that hash; false if there is none. It makes two
// consistent reads, so that a key works from the moment it is shown, and once an hour a write, by which operators see
// which keys are still in use.
func (l keyLookup) providerForKey(ctx context.Context, hash string, now time.Time) (provider.Provider, bool, error) {
	var key keyItem
	found, err := table.GetItem(ctx, l.table, table.KeyPartition(hash), table.KeySort, &key)
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
	found, err := table.GetItem(ctx, l.table, table.ProviderPartition(id), table.ProviderSort, &item)
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
	err := l.table.Update(table.PK, key.PK).Range(table.SK, key.SK).Set("used", hour).If("attribute_exists(pk)").Run(ctx)
	if err != nil {
		slog.WarnContext(ctx, "could not record key use", observe.Provider, key.Provider, "error", err)
	}
}
