package apikey

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/table"
)

const (
	// limitWindow is the period in which requests are counted. A work provider that has used it up waits for its end.
	limitWindow = 10 * time.Second

	// maxUncounted is how many requests of a work provider an instance accepts before it adds them to the shared counter:
	// so the limit costs at most a twentieth of a write per request, and nothing for who sends a few.
	maxUncounted = 20
)

// requestLimit limits the requests of each work provider, over all functions and their instances (ADR 33). Instances
// share a counter per provider and window. Each adds its requests in blocks, so the others do not see up to
// maxUncounted of them.
type requestLimit struct {
	perSecond int64 // of a provider without a limit of its own; 0: none
	now       func() time.Time
	// add adds requests to the counter of a window and returns its value.
	add func(ctx context.Context, provider string, window time.Time, requests int64) (int64, error)

	mu      sync.Mutex
	windows map[string]*requestWindow // by provider
}

// requestWindow is what an instance knows of a provider's current window.
type requestWindow struct {
	start     time.Time
	uncounted int64
	exhausted bool
}

func newRequestLimit(
	perSecond int64,
	now func() time.Time,
	add func(ctx context.Context, providerID string, window time.Time, requests int64) (int64, error),
) *requestLimit {
	return &requestLimit{perSecond: perSecond, now: now, add: add, windows: make(map[string]*requestWindow)}
}

// check counts a request of a work provider. It fails with TooManyRequests if the provider has used up its window. If
// the counter cannot be reached, the request is accepted: the limit must not keep an event from being reported.
func (l *requestLimit) check(ctx context.Context, p provider.Provider) error {
	limit := l.perSecond
	if p.RequestsPerSecond > 0 {
		limit = p.RequestsPerSecond
	}
	if limit == 0 {
		return nil
	}
	budget := limit * int64(limitWindow/time.Second)
	now := l.now()
	window := now.Truncate(limitWindow)
	requests, exhausted := l.count(p.ID, window, max(1, min(maxUncounted, budget/maxUncounted)))
	if exhausted {
		return tooManyRequests(window, now)
	}
	if requests == 0 {
		return nil
	}
	total, err := l.add(ctx, p.ID, window, requests)
	if err != nil {
		slog.WarnContext(ctx, "could not count requests", observe.Provider, p.ID, "error", err)
		return nil
	}
	if total > budget {
		l.exhaust(p.ID, window)
		return tooManyRequests(window, now)
	}
	return nil
}

// count counts a request in this instance. It returns the requests to add to the shared counter: 0 until there are as
// many as given.
func (l *requestLimit) count(id string, window time.Time, block int64) (requests int64, exhausted bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.windows[id]
	if w == nil || !w.start.Equal(window) {
		w = &requestWindow{start: window}
		l.windows[id] = w
	}
	if w.exhausted {
		return 0, true
	}
	w.uncounted++
	if w.uncounted < block {
		return 0, false
	}
	requests = w.uncounted
	w.uncounted = 0
	return requests, false
}

func (l *requestLimit) exhaust(id string, window time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w := l.windows[id]; w.start.Equal(window) {
		w.exhausted = true
	}
}

func tooManyRequests(window, now time.Time) error {
	failed := fault.Wrap(fault.TooManyRequests, nil)
	failed.RetryAfter = window.Add(limitWindow).Sub(now)
	return failed
}

// addRequests adds requests of a work provider to the shared counter of a window, and returns its value. The counter
// expires a day later.
func (l keyLookup) addRequests(
	ctx context.Context, providerID string, window time.Time, requests int64,
) (int64, error) {
	var item struct {
		Requests int64 `dynamo:"requests"`
	}
	err := l.table.Update(table.PK, table.RequestsPartition(providerID)).
		Range(table.SK, strconv.FormatInt(window.Unix(), 10)).
		Add("requests", requests).
		Set(table.VersionAttr, itemVersion).
		Set(table.TTLAttr, window.Add(24*time.Hour).Unix()).
		OnlyUpdatedValue(ctx, &item)
	return item.Requests, err
}
