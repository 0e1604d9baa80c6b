package account

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"zego.com/workprovider/pkg/table"
)

// Limit is how many attempts of one kind are allowed in a window of time.
type Limit struct {
	kind        string // part of the key of its counters
	MaxAttempts int64
	Window      time.Duration
}

// The limits. Those by email keep a password from being guessed and a mailbox from being filled, whether there is an
// account or not; those by network keep one visitor from trying many emails. Behind one network there may be all the
// phones of a mobile carrier.
var (
	SignInByEmail   = Limit{"login-email", 10, 15 * time.Minute}
	SignInByNetwork = Limit{"login-source", 100, 15 * time.Minute}
	MailByEmail     = Limit{"mail-email", 5, time.Hour}
	MailByNetwork   = Limit{"mail-source", 50, time.Hour}
	LinkByNetwork   = Limit{"link-source", 120, 10 * time.Minute}
	VerifyByNetwork = Limit{"verify-source", 100, 15 * time.Minute}
)

type attemptsItem struct {
	Attempts int64 `dynamo:"tries"`
}

// Allow counts an attempt under a key, and returns how long to wait if there were too many in this window; 0 if it is
// allowed. Trying on in a full window does not extend it.
func (s *Store) Allow(ctx context.Context, l Limit, key string, now time.Time) (retryAfter time.Duration, err error) {
	window := now.Truncate(l.Window)
	end := window.Add(l.Window)
	var item attemptsItem
	err = s.sessions.Update(table.PK, table.RateLimitPartition(l.kind, hash(key))).
		Range(table.SK, strconv.FormatInt(window.Unix(), 10)).
		Add("tries", 1).Set(table.VersionAttr, itemVersion).Set(table.TTLAttr, end.Unix()).Value(ctx, &item)
	if err != nil {
		return 0, table.Unavailable("accounts", err)
	}
	if item.Attempts > l.MaxAttempts {
		return end.Sub(now), nil
	}
	return 0, nil
}

// ClientNetwork returns the network that a request came from: an IPv4 address, or the /64 of an IPv6 one, which is one
// household. Headers are no source of it, because any client can write them.
func ClientNetwork(remoteAddr string) string {
	address, err := netip.ParseAddr(remoteAddr)
	if err != nil {
		port, err := netip.ParseAddrPort(remoteAddr)
		if err != nil {
			return remoteAddr
		}
		address = port.Addr()
	}
	address = address.Unmap()
	if address.Is6() {
		if prefix, err := address.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
