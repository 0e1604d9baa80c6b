package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// delays are the waits between the tries of a delivery, those that Standard Webhooks suggests and one more: eleven tries
// over a little more than three days, so that a receiver which breaks on a Friday evening can be mended on Monday.
var delays = []time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// maxRetryAfter is the longest that a receiver may ask us to wait.
const maxRetryAfter = 24 * time.Hour

// wait is how long to wait after so many tries in vain, if another is to be made. A tenth at most is added by chance, so
// that deliveries which failed together do not all come back together. What the receiver asked for is heeded if it is
// longer.
func wait(tried int, asked time.Duration) (time.Duration, bool) {
	if tried > len(delays) {
		return 0, false
	}
	delay := delays[tried-1]
	return max(delay+rand.N(delay/10), min(asked, maxRetryAfter)), true
}

// retryAfter reads the header Retry-After: seconds or a date; 0 if it is neither.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}
