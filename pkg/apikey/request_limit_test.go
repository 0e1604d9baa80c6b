package apikey

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
)

// counters are shared counters in memory.
type counters map[string]int64

func (c counters) add(_ context.Context, providerID string, window time.Time, requests int64) (int64, error) {
	key := providerID + window.String()
	c[key] += requests
	return c[key], nil
}

// limitInstances returns the limits of some instances that share counters.
func limitInstances(n int, perSecond int64, shared counters, now func() time.Time) []*requestLimit {
	instances := make([]*requestLimit, n)
	for i := range instances {
		instances[i] = newRequestLimit(perSecond, now, shared.add)
	}
	return instances
}

// A window lets through what the limit says, and at most the uncounted requests of each instance more. Who stays within
// the limit is never stopped, whatever another work provider sends.
func TestRequestLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := &clock{now: noon}
		n := rapid.IntRange(1, 30).Draw(t, "instances")
		perSecond := rapid.Int64Range(1, 300).Draw(t, "limit")
		instances := limitInstances(n, perSecond, counters{}, clock.Now)
		budget := perSecond * 10
		for range rapid.IntRange(1, 3).Draw(t, "windows") {
			accepted := map[string]int64{}
			loud := rapid.Int64Range(0, 3*budget).Draw(t, "requests of the loud one")
			quiet := rapid.Int64Range(0, budget).Draw(t, "requests of the quiet one")
			first := rapid.IntRange(0, n-1).Draw(t, "first instance")
			for i := range max(loud, quiet) {
				instance := instances[(first+int(i*i))%n]
				for id, sent := range map[string]int64{"loud": loud, "quiet": quiet} {
					if i >= sent {
						continue
					}
					err := instance.check(t.Context(), provider.Provider{ID: id})
					if err == nil {
						accepted[id]++
						continue
					}
					if fault.KindOf(err) != fault.TooManyRequests {
						t.Fatal(err)
					}
				}
			}
			if accepted["quiet"] != quiet {
				t.Errorf("%d of %d requests within the limit were accepted", accepted["quiet"], quiet)
			}
			if accepted["loud"] < min(loud, budget) {
				t.Errorf("%d of %d requests were accepted, with a limit of %d", accepted["loud"], loud, budget)
			}
			if most := budget + int64(n)*(maxUncounted-1); accepted["loud"] > most {
				t.Errorf("%d requests were accepted, at most %d are", accepted["loud"], most)
			}
			clock.Move(limitWindow)
		}
	})
}

// Functions share the counter through the table. A provider's own limit replaces that of all.
func TestSharedRequestLimit(t *testing.T) {
	s, meter, text := metered(t)
	if _, err := s.Update(t.Context(), "courier-ltd", Changes{RequestLimit: new(int64(100))}); err != nil {
		t.Fatal(err)
	}
	c := &clock{now: noon.Add(3 * time.Second)}
	login := newCache(s.keyLookup, 1, c.Now)
	status := newCache(s.keyLookup, 1, c.Now)
	meter.Reset()
	for i := range 1000 {
		keys := login
		if i%2 == 0 {
			keys = status
		}
		if _, err := keys.Authenticate(t.Context(), text); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	if writes := meter.Calls()["DynamoDB.UpdateItem"]; writes > 1000/maxUncounted+2 {
		t.Errorf("%d writes", writes)
	}
	var err error
	for range maxUncounted {
		_, err = login.Authenticate(t.Context(), text)
	}
	wantKind(t, err, fault.TooManyRequests)
	var failed *fault.Error
	if !errors.As(err, &failed) || failed.RetryAfter != 7*time.Second {
		t.Errorf("%v", err)
	}
	c.Move(7 * time.Second)
	if _, err := login.Authenticate(t.Context(), text); err != nil {
		t.Errorf("in the next window: %v", err)
	}
}

// The limit protects the others. It must not keep an event from being reported when the counter fails.
func TestUnreachableCounter(t *testing.T) {
	limit := limitInstances(1, 1, counters{}, time.Now)[0]
	limit.add = func(context.Context, string, time.Time, int64) (int64, error) { return 0, errors.New("down") }
	for range 100 {
		if err := limit.check(t.Context(), provider.Provider{ID: "courier-ltd"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNegativeRequestLimit(t *testing.T) {
	_, err := created(t).Update(t.Context(), "courier-ltd", Changes{RequestLimit: new(int64(-1))})
	wantKind(t, err, fault.InvalidData)
}
