package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// retrySchedule is the delays between the attempts of a delivery, those that Standard Webhooks suggests and one more:
// eleven attempts over a little more than three days, so that a receiver that fails on a Friday evening can be fixed on
// Monday.
var retrySchedule = []time.Duration{
	5 * time.Second, time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
	10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour,
}

// maxRetryAfter is the longest Retry-After that is honoured.
const maxRetryAfter = 24 * time.Hour

// nextDelay returns the delay after that many failed attempts; false if there is to be no other. Jitter adds at most a
// tenth, so that deliveries that failed together are not all retried together. The receiver's Retry-After counts if it
// is longer.
func nextDelay(attempts int, retryAfter time.Duration) (time.Duration, bool) {
	if attempts > len(retrySchedule) {
		return 0, false
	}
	delay := retrySchedule[attempts-1]
	return max(delay+rand.N(delay/10), min(retryAfter, maxRetryAfter)), true
}

// retryAfter returns the value of the header Retry-After, seconds or a date; 0 if it is neither.
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
