package apikey

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/web"
)

const (
	// cacheTTL is how long a live key is cached. A revoked key must stop working within 60 seconds: the rest is for the
	// request that began just before.
	cacheTTL = 45 * time.Second

	// maxCachedKeys bounds the cache: some hundred kilobytes.
	maxCachedKeys = 1000

	// readTimeout bounds the read that many requests wait for.
	readTimeout = 10 * time.Second
)

// Cache finds the work provider whose API key a request carries. It keeps live keys for a while, and only those, so
// that it cannot be filled with invented ones.
type Cache struct {
	lookup   func(ctx context.Context, hash string) (provider.Provider, bool, error) // keyLookup.providerForKey
	now      func() time.Time
	prefix   string // of live keys, or of a sandbox's
	limit    *requestLimit
	inFlight singleflight.Group // a burst on a cold key reads the storage once

	mu   sync.Mutex
	keys map[string]cachedKey // by hash
}

var _ web.Authenticator = (*Cache)(nil)

type cachedKey struct {
	provider  provider.Provider
	fetchedAt time.Time // when the read began, not when it ended
}

// NewCache returns a cache of the store's live keys that reads the time from now. It limits the requests of those work
// providers that have a limit of their own.
func NewCache(s *Store, now func() time.Time) *Cache { return newCache(s.keyLookup, 0, now) }

// CacheFrom returns a cache of the live keys in the table that PROVIDERS_TABLE names. A work provider without a limit
// of its own can send PROVIDER_REQUESTS_PER_SECOND requests to all functions; 0 or absent: any number.
func CacheFrom(env *config.Env) *Cache {
	perSecond, err := strconv.ParseInt(env.Optional("PROVIDER_REQUESTS_PER_SECOND", "0"), 10, 64)
	if err != nil || perSecond < 0 {
		env.Invalid("PROVIDER_REQUESTS_PER_SECOND", "must be a number of requests, or 0 for no limit")
	}
	return newCache(newKeyLookup(env), perSecond, time.Now)
}

func newCache(l keyLookup, requestsPerSecond int64, now func() time.Time) *Cache {
	return &Cache{
		lookup: func(ctx context.Context, hash string) (provider.Provider, bool, error) {
			return l.providerForKey(ctx, hash, now())
		},
		now:    now,
		prefix: l.prefix,
		limit:  newRequestLimit(requestsPerSecond, now, l.addRequests),
		keys:   make(map[string]cachedKey),
	}
}

// Authenticate returns the work provider whose key the Authorization header carries. A prefix Bearer or Token is
// accepted, in any case. Errors: MissingAuth if the header is absent, blank or a prefix alone; InvalidKey for anything
// that is not a live key; TooManyRequests, with the work provider, if it has sent too many; Unavailable if the storage
// cannot be read.
func (c *Cache) Authenticate(ctx context.Context, authorization string) (provider.Provider, error) {
	p, err := c.providerOf(ctx, authorization)
	if err != nil {
		return provider.Provider{}, err
	}
	return p, c.limit.check(ctx, p)
}

func (c *Cache) providerOf(ctx context.Context, authorization string) (provider.Provider, error) {
	words := strings.Fields(authorization)
	if len(words) > 0 && (strings.EqualFold(words[0], "Bearer") || strings.EqualFold(words[0], "Token")) {
		words = words[1:]
	}
	if len(words) == 0 {
		return provider.Provider{}, fault.New(fault.MissingAuth, "Authorization header missing")
	}
	invalid := fault.New(fault.InvalidKey, "Authorization key is invalid")
	if len(words) > 1 || !wellFormed(c.prefix, words[0]) {
		return provider.Provider{}, invalid
	}
	hash := hashKey(words[0])
	if p, ok := c.cached(hash); ok {
		return p, nil
	}
	p, ok, err := c.load(ctx, hash)
	if err != nil {
		return provider.Provider{}, err
	}
	if !ok {
		return provider.Provider{}, invalid
	}
	return p, nil
}

// cached finds a key that was live a moment ago. Both clocks must say that it was a moment: the wall clock may be set
// back, and a frozen Lambda's monotonic clock may have stood still.
func (c *Cache) cached(hash string) (provider.Provider, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key, ok := c.keys[hash]
	if !ok || !c.valid(key) {
		return provider.Provider{}, false
	}
	return key.provider, true
}

func (c *Cache) valid(key cachedKey) bool {
	now := c.now()
	monotonic := now.Sub(key.fetchedAt)
	wall := now.Round(0).Sub(key.fetchedAt.Round(0))
	return 0 <= monotonic && monotonic < cacheTTL && 0 <= wall && wall < cacheTTL
}

// load reads the key's item and caches it if the key is live. The read outlives the request that began it, because
// others may wait for it too. It looks into the cache again, because another read may have ended since the caller did.
func (c *Cache) load(ctx context.Context, hash string) (provider.Provider, bool, error) {
	loading := c.inFlight.DoChan(hash, func() (any, error) {
		if p, ok := c.cached(hash); ok {
			return p, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		fetchedAt := c.now()
		p, ok, err := c.lookup(ctx, hash)
		if !ok || err != nil {
			return nil, err
		}
		c.store(hash, cachedKey{provider: p, fetchedAt: fetchedAt})
		return p, nil
	})
	select {
	case <-ctx.Done():
		return provider.Provider{}, false, fault.Wrap(fault.Unavailable, ctx.Err())
	case result := <-loading:
		p, ok := result.Val.(provider.Provider)
		return p, ok, result.Err
	}
}

// store caches a live key. In a full cache it takes the place of the expired ones, or else of any other.
func (c *Cache) store(hash string, key cachedKey) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.keys) >= maxCachedKeys {
		for other, old := range c.keys {
			if !c.valid(old) {
				delete(c.keys, other)
			}
		}
	}
	for other := range c.keys {
		if len(c.keys) < maxCachedKeys {
			break
		}
		delete(c.keys, other)
	}
	c.keys[hash] = key
}
