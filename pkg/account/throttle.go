package account

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"zego.com/workprovider/pkg/table"
)

// limit is how many tries of one kind are let through in a window of time.
type limit struct {
	kind   string
	tries  int64
	window time.Duration
}

// The limits. Those by email keep a password from being guessed and a mailbox from being filled, whether there is an account
// or not; those by source keep one visitor from trying many emails. Behind one source there may be a whole mobile network.
var (
	loginByEmail   = limit{"login-email", 10, 15 * time.Minute}
	loginBySource  = limit{"login-source", 100, 15 * time.Minute}
	mailByEmail    = limit{"mail-email", 5, time.Hour}
	mailBySource   = limit{"mail-source", 50, time.Hour}
	linkBySource   = limit{"link-source", 120, 10 * time.Minute}
	verifyBySource = limit{"verify-source", 100, 15 * time.Minute}
)

type triesRow struct {
	Tries int64 `dynamo:"tries"`
}

// take counts a try by who, and refuses it if there were too many in this window. A window that was full does not begin
// anew by trying on.
func (s *Store) take(ctx context.Context, l limit, who string, now time.Time) error {
	window := now.Truncate(l.window)
	end := window.Add(l.window)
	var r triesRow
	err := s.sessions.Update(table.PK, table.RateLimitPartition(l.kind, hash(who))).
		Range(table.SK, strconv.FormatInt(window.Unix(), 10)).
		Add("tries", 1).Set(table.VersionAttr, form).Set(table.TTLAttr, end.Unix()).Value(ctx, &r)
	if err != nil {
		return stored(err)
	}
	if r.Tries > l.tries {
		return &problem{status: http.StatusTooManyRequests, title: "Too many tries", retryAfter: end.Sub(now),
			Text: "There were too many tries. Please wait a while, then try again."}
	}
	return nil
}

// source is the network that a request came from: an IPv4 address, or the /64 of an IPv6 one, which is one household.
// What headers say of it anybody may write.
func source(remoteAddr string) string {
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
