package apikey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
)

// clock is a clock that stands until it is moved.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestAuthorizationHeaders(t *testing.T) {
	s := created(t)
	key, _, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	keys := NewCache(s, time.Now)
	for _, header := range []string{key, "Bearer " + key, "bearer " + key, "TOKEN " + key, "Token  " + key,
		" " + key + " ", "Bearer\t" + key} {
		if p, err := keys.Authenticate(t.Context(), header); err != nil || p.ID != "courier-ltd" {
			t.Errorf("%q: %v, %v", strings.ReplaceAll(header, key, "KEY"), p, err)
		}
	}
	for _, header := range []string{"", "  ", "Bearer", "bearer ", "TOKEN", " Token  "} {
		_, err := keys.Authenticate(t.Context(), header)
		wantKind(t, err, fault.MissingAuth)
		if err.(*fault.Error).Detail != "Authorization header missing" {
			t.Errorf("%q: %v", header, err)
		}
	}
	for _, header := range []string{
		"x", "Basic " + key, "Bearer Bearer " + key, key + " " + key, key[:42], strings.ToLower(key), "Bearer" + key,
		generateKey(livePrefix),
	} {
		_, err := keys.Authenticate(t.Context(), header)
		wantKind(t, err, fault.InvalidKey)
		if err.(*fault.Error).Detail != "Authorization key is invalid" {
			t.Errorf("%q: %v", strings.ReplaceAll(header, key, "KEY"), err)
		}
	}
}

func TestRevokedKeyCache(t *testing.T) {
	s := created(t)
	text, key, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: noon}
	keys := NewCache(s, c.Now)
	if _, err := keys.Authenticate(t.Context(), text); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(t.Context(), "courier-ltd", key.ID, noon); err != nil {
		t.Fatal(err)
	}
	c.Move(44 * time.Second)
	if _, err := keys.Authenticate(t.Context(), text); err != nil {
		t.Errorf("after 44 s: %v", err)
	}
	c.Move(time.Second)
	_, err = keys.Authenticate(t.Context(), text)
	wantKind(t, err, fault.InvalidKey)
}

func TestPermissionCache(t *testing.T) {
	s := created(t)
	text, _, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{now: noon}
	keys := NewCache(s, c.Now)
	if p, err := keys.Authenticate(t.Context(), text); err != nil || !p.CanEnrol {
		t.Fatalf("%v, %v", p, err)
	}
	if _, err := s.Update(t.Context(), "courier-ltd", Changes{CanEnrol: new(false)}); err != nil {
		t.Fatal(err)
	}
	c.Move(45 * time.Second)
	if p, err := keys.Authenticate(t.Context(), text); err != nil || p.CanEnrol {
		t.Errorf("%v, %v", p, err)
	}
}

func TestCachedKeyReads(t *testing.T) {
	s, meter, text := metered(t)
	keys := NewCache(s, time.Now)
	meter.Reset()
	for range 3 {
		if _, err := keys.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	_, err := keys.Authenticate(t.Context(), text[:42]+"*")
	wantKind(t, err, fault.InvalidKey)
	calls := meter.Calls() // the key's row and its provider's, and once an hour the note of its use
	if len(calls) != 2 || calls["DynamoDB.GetItem"] != 2 || calls["DynamoDB.UpdateItem"] != 1 {
		t.Errorf("calls: %v", calls)
	}
}

// cacheOver is a cache over a storage that answers as find does.
func cacheOver(
	now func() time.Time,
	find func(ctx context.Context, hash string) (provider.Provider, bool, error),
) *Cache {
	return &Cache{
		lookup: find,
		now:    now,
		prefix: livePrefix,
		limit:  &requestLimit{now: now},
		keys:   make(map[string]cachedKey),
	}
}

func TestConcurrentLookups(t *testing.T) {
	var mu sync.Mutex
	asked := 0
	arrived := make(chan struct{})
	release := make(chan struct{})
	keys := cacheOver(time.Now, func(context.Context, string) (provider.Provider, bool, error) {
		mu.Lock()
		asked++
		mu.Unlock()
		close(arrived)
		<-release
		return provider.Provider{ID: "courier-ltd"}, true, nil
	})
	key := generateKey(livePrefix)
	var burst sync.WaitGroup
	burst.Go(func() { _, _ = keys.Authenticate(t.Context(), key) })
	<-arrived
	for range 50 {
		burst.Go(func() {
			if p, err := keys.Authenticate(t.Context(), key); err != nil || p.ID != "courier-ltd" {
				t.Errorf("%v, %v", p, err)
			}
		})
	}
	close(release)
	burst.Wait()
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// A request that missed the cache just before another one's read ended finds that read's result.
func TestLateMiss(t *testing.T) {
	asked := 0
	keys := cacheOver(time.Now, func(context.Context, string) (provider.Provider, bool, error) {
		asked++
		return provider.Provider{ID: "courier-ltd"}, true, nil
	})
	hash := hashKey(generateKey(livePrefix))
	for range 2 {
		if p, ok, err := keys.load(t.Context(), hash); err != nil || !ok || p.ID != "courier-ltd" {
			t.Errorf("%v, %v, %v", p, ok, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// Whoever comes first may hang up; those who wait for the same answer must not suffer.
func TestCancelledLookup(t *testing.T) {
	arrived := make(chan struct{})
	release := make(chan struct{})
	keys := cacheOver(time.Now, func(ctx context.Context, _ string) (provider.Provider, bool, error) {
		close(arrived)
		<-release
		return provider.Provider{ID: "courier-ltd"}, true, ctx.Err()
	})
	key := generateKey(livePrefix)
	first, hangUp := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() {
		_, err := keys.Authenticate(first, key)
		wantKind(t, err, fault.Unavailable)
		close(release)
	})
	<-arrived
	both.Go(func() {
		if _, err := keys.Authenticate(t.Context(), key); err != nil {
			t.Error(err)
		}
	})
	hangUp()
	both.Wait()
}

func TestUnknownKeyNotCached(t *testing.T) {
	keys := cacheOver(
		time.Now,
		func(context.Context, string) (provider.Provider, bool, error) { return provider.Provider{}, false, nil },
	)
	for range 100 {
		_, err := keys.Authenticate(t.Context(), generateKey(livePrefix))
		wantKind(t, err, fault.InvalidKey)
	}
	if len(keys.keys) != 0 {
		t.Errorf("%d are remembered", len(keys.keys))
	}
}

func TestCacheSize(t *testing.T) {
	keys := cacheOver(time.Now, func(context.Context, string) (provider.Provider, bool, error) {
		return provider.Provider{ID: "p"}, true, nil
	})
	var last string
	for range maxCachedKeys + 100 {
		last = generateKey(livePrefix)
		if _, err := keys.Authenticate(t.Context(), last); err != nil {
			t.Fatal(err)
		}
	}
	if len(keys.keys) != maxCachedKeys {
		t.Errorf("%d keys are remembered", len(keys.keys))
	}
	if _, ok := keys.cached(hashKey(last)); !ok {
		t.Error("the newest is not")
	}
}

func TestCacheEviction(t *testing.T) {
	c := &clock{now: noon}
	keys := cacheOver(c.Now, nil)
	for i := range maxCachedKeys - 1 {
		keys.store(fmt.Sprint(i), cachedKey{fetchedAt: c.Now()})
	}
	c.Move(cacheTTL)
	keys.store("a", cachedKey{fetchedAt: c.Now()})
	keys.store("b", cachedKey{fetchedAt: c.Now()})
	if len(keys.keys) != 2 {
		t.Errorf("%d keys are remembered, want the two fresh ones", len(keys.keys))
	}
}

// A clock set back must not make a revoked key live on.
func TestClockSetBack(t *testing.T) {
	c := &clock{now: noon}
	asked := 0
	keys := cacheOver(c.Now, func(context.Context, string) (provider.Provider, bool, error) {
		asked++
		return provider.Provider{}, true, nil
	})
	key := generateKey(livePrefix)
	for range 2 {
		if _, err := keys.Authenticate(t.Context(), key); err != nil {
			t.Fatal(err)
		}
		c.Move(-time.Hour)
	}
	if asked != 2 {
		t.Errorf("asked %d times", asked)
	}
}

func TestUnavailableStorage(t *testing.T) {
	broken := fault.Wrap(fault.Unavailable, errors.New("down"))
	keys := cacheOver(time.Now, func(context.Context, string) (provider.Provider, bool, error) {
		return provider.Provider{}, false, broken
	})
	_, err := keys.Authenticate(t.Context(), generateKey(livePrefix))
	wantKind(t, err, fault.Unavailable)
}
