package provider

import (
	"context"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

const (
	// keyLife is how long a live key is believed without asking again. A revoked key must stop working within 60
	// seconds: the rest is for the request that began just before.
	keyLife = 45 * time.Second

	// maxKeys bounds the cache: some hundred kilobytes.
	maxKeys = 1000

	// readTimeout bounds the read that many requests wait for.
	readTimeout = 10 * time.Second
)

// Keys tells whose API key a request carries. It remembers live keys for a while, and only those: nobody can fill it with
// invented ones.
type Keys struct {
	find    func(ctx context.Context, hash string) (Provider, bool, error) // holders.holder
	now     func() time.Time
	prefix  string             // of live keys, or of a sandbox's
	flights singleflight.Group // a burst on a cold key asks the storage once

	mu   sync.Mutex
	live map[string]liveKey // by hash
}

type liveKey struct {
	provider Provider
	asked    time.Time // when the storage was asked, not when it answered
}

// NewKeys is a cache of the store's live keys that reads the time from now.
func NewKeys(s *Store, now func() time.Time) *Keys { return newKeys(s.holders, now) }

func newKeys(h holders, now func() time.Time) *Keys {
	return &Keys{
		find: func(ctx context.Context, hash string) (Provider, bool, error) { return h.holder(ctx, hash, now()) },
		now:  now, prefix: h.prefix,
		live: make(map[string]liveKey),
	}
}

// KeysFrom is a cache of the live keys in the table that PROVIDERS_TABLE names.
func KeysFrom(env *config.Env) *Keys { return newKeys(holdersFrom(env), time.Now) }

// Authenticate is the work provider whose key the Authorization header is. A prefix Bearer or Token is tolerated, in any
// case. Errors: MissingAuth if the header is absent, blank or a prefix alone; InvalidKey for anything that is not a live
// key; Unavailable if the storage cannot be asked.
func (k *Keys) Authenticate(ctx context.Context, authorization string) (Provider, error) {
	words := strings.Fields(authorization)
	if len(words) > 0 && (strings.EqualFold(words[0], "Bearer") || strings.EqualFold(words[0], "Token")) {
		words = words[1:]
	}
	if len(words) == 0 {
		return Provider{}, fault.New(fault.MissingAuth, "Authorization header missing")
	}
	invalid := fault.New(fault.InvalidKey, "Authorization key is invalid")
	if len(words) > 1 || !wellFormed(k.prefix, words[0]) {
		return Provider{}, invalid
	}
	hash := hashOf(words[0])
	if p, ok := k.remembered(hash); ok {
		return p, nil
	}
	p, ok, err := k.ask(ctx, hash)
	if err != nil {
		return Provider{}, err
	}
	if !ok {
		return Provider{}, invalid
	}
	return p, nil
}

// remembered finds a key that was live a moment ago. Both clocks must say that it was a moment: the wall clock may be
// set back, and a frozen Lambda's monotonic clock may have stood still.
func (k *Keys) remembered(hash string) (Provider, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.live[hash]
	if !ok || !k.fresh(key) {
		return Provider{}, false
	}
	return key.provider, true
}

func (k *Keys) fresh(key liveKey) bool {
	now := k.now()
	monotonic, wall := now.Sub(key.asked), now.Round(0).Sub(key.asked.Round(0))
	return 0 <= monotonic && monotonic < keyLife && 0 <= wall && wall < keyLife
}

// ask reads the key's row and remembers it if it lives. The read outlives the request that began it, because others may
// wait for it too.
func (k *Keys) ask(ctx context.Context, hash string) (Provider, bool, error) {
	flight := k.flights.DoChan(hash, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		asked := k.now()
		p, ok, err := k.find(ctx, hash)
		if !ok || err != nil {
			return nil, err
		}
		k.remember(hash, liveKey{provider: p, asked: asked})
		return p, nil
	})
	select {
	case <-ctx.Done():
		return Provider{}, false, fault.Wrap(fault.Unavailable, ctx.Err())
	case answer := <-flight:
		p, ok := answer.Val.(Provider)
		return p, ok, answer.Err
	}
}

// remember adds a live key; in a full cache it takes the place of the stale ones, or else of any other.
func (k *Keys) remember(hash string, key liveKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.live) >= maxKeys {
		for other, old := range k.live {
			if !k.fresh(old) {
				delete(k.live, other)
			}
		}
	}
	for other := range k.live {
		if len(k.live) < maxKeys {
			break
		}
		delete(k.live, other)
	}
	k.live[hash] = key
}
