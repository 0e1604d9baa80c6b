package account

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
)

// Limit is how many attempts of one kind are allowed in a window of time.
type Limit struct {
	kind        string // part of the key of its counters
	MaxAttempts int64
	Window      time.Duration
}

// The limits of what guesses and mails. They hold whether there is an account or not. Nobody can shut another's account
// from one place: what counts against an account counts by its source, too, and from a full source nothing counts any
// further. Right passwords do not count. Behind one network there may be all the phones of a mobile carrier.
var (
	SignInByNetwork = Limit{"login-network", 300, 15 * time.Minute} // wrong passwords, of whatever accounts
	SignInBySource  = Limit{"login-source", 10, 15 * time.Minute}   // wrong passwords of one account from one site
	SignInByAccount = Limit{"login-account", 100, time.Hour}        // wrong passwords of one account from all sites
	SignInByDevice  = Limit{"login-device", 10, 15 * time.Minute}   // instead of the three, on a known device
	VerifyByNetwork = Limit{"verify-network", 300, 15 * time.Minute}
	MailByNetwork   = Limit{"mail-network", 200, time.Hour}
	MailBySource    = Limit{"mail-source", 5, time.Hour} // to one email, asked for from one site
	MailByEmail     = Limit{"mail-email", 20, time.Hour} // to one email, asked for from all sites
)

// LinkByNetwork is how many links an address opens before they no longer tell whether an email has an account: they
// lead to the page for signing in, whoever opens them.
var LinkByNetwork = Limit{"link-network", 300, 10 * time.Minute}

// ConsentByCustomer is how often a customer consents. To withdraw is not limited, and needs a consent each time.
var ConsentByCustomer = Limit{"consent-customer", 10, time.Hour}

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

// Release takes back an attempt that Allow counted: it was none that the limit is for.
func (s *Store) Release(ctx context.Context, l Limit, key string, now time.Time) error {
	err := s.sessions.Update(table.PK, table.RateLimitPartition(l.kind, hash(key))).
		Range(table.SK, strconv.FormatInt(now.Truncate(l.Window).Unix(), 10)).
		Add("tries", -1).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil // it has expired
	}
	return table.Unavailable("accounts", err)
}

// ClientNetwork returns the network that a request came from: an IPv4 address, or the /64 of an IPv6 one, which is one
// household or phone. Headers are no source of it, because any client can write them.
func ClientNetwork(remoteAddr string) string { return networkOf(remoteAddr, 64) }

// ClientSite is ClientNetwork with the /48 of an IPv6 address: the most that one subscriber is given (RFC 6177).
func ClientSite(remoteAddr string) string { return networkOf(remoteAddr, 48) }

// networkOf returns an IPv4 address, or the network of an IPv6 one that has a prefix of so many bits.
func networkOf(remoteAddr string, bits int) string {
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
		if prefix, err := address.Prefix(bits); err == nil {
			return prefix.String()
		}
	}
	return address.String()
}
