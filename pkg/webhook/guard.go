package webhook

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"zego.com/workprovider/pkg/fault"
)

// A work provider chooses where we send requests to, so the URL is an attacker's. What it names is judged when a
// connection is made, by the address that is really dialled: a name may mean another address then than when it was set,
// and one address has many spellings. No redirect is followed and no proxy is asked, so nobody else chooses either.

// ErrRefused is met when a request would go where none of ours may.
var ErrRefused = errors.New("webhook: the address is refused")

// ports are those that may be dialled: those of HTTPS, lest we knock on other services' doors.
var ports = []uint16{443, 8443}

func isHTTPS(port uint16) bool { return slices.Contains(ports, port) }

func anyPort(uint16) bool { return true }

// special are the blocks of IANA's special-purpose registries, and those of multicast. Of IPv6 only
// 2000::/3 is allocated to hosts at all, so only what is special within it is here: mapped, compatible and translated
// IPv4 (::/96, 64:ff9b::/96, 64:ff9b:1::/48), link-local, unique local (AWS's fd00:ec2::254) and multicast lie outside.
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // carrier-grade NAT
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, and the metadata service
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.31.196.0/24"), // AS112
	netip.MustParsePrefix("192.52.193.0/24"), // AMT
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("192.175.48.0/24"), // AS112
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/4"),     // multicast
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, and broadcast

	netip.MustParsePrefix("2001::/23"),         // protocol assignments, Teredo and benchmarks among them
	netip.MustParsePrefix("2001:db8::/32"),     // documentation
	netip.MustParsePrefix("2002::/16"),         // 6to4: an IPv4 address in disguise
	netip.MustParsePrefix("2620:4f:8000::/48"), // AS112
	netip.MustParsePrefix("3fff::/20"),         // documentation
}

var hosts6 = netip.MustParsePrefix("2000::/3")

// public tells whether an address is one that any host of the internet may have. An IPv4 address inside an IPv6 one is
// judged as what it is.
func public(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !hosts6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// guard judges what is dialled.
type guard struct {
	addr     func(netip.Addr) bool
	port     func(uint16) bool
	resolver *net.Resolver // nil for the machine's
}

// control is a net.Dialer's: it is asked about the resolved address of every connection, before the connection is made.
func (g guard) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !g.addr(to.Addr()) || !g.port(to.Port()) {
		return ErrRefused
	}
	return nil
}

// Limits of one request, so that a slow or chatty receiver costs little.
const (
	connectTimeout = 5 * time.Second
	requestTimeout = 10 * time.Second // from the first look-up to the reply's last byte
	maxReply       = 64 << 10         // bytes
	maxHeaders     = 16 << 10         // bytes
	maxURL         = 2000             // bytes
)

// client is an HTTP client behind a guard.
func (g guard) client() *http.Client {
	dialer := net.Dialer{Timeout: connectTimeout, ControlContext: g.control, Resolver: g.resolver}
	return &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // whatever the environment says: a proxy would dial in our place
			DialContext:            dialer.DialContext,
			DisableKeepAlives:      true, // a function sleeps between two messages, and its connections die
			DisableCompression:     true, // a small reply can unpack to a large one
			MaxResponseHeaderBytes: maxHeaders,
		},
	}
}

// clients are one for each scheme that may be used.
type clients map[string]*http.Client

// newClients allow HTTPS to public addresses; with loopback, which is for one's own machine, also HTTP to there.
func newClients(loopback bool) clients {
	c := clients{"https": guard{addr: public, port: isHTTPS}.client()}
	if loopback {
		here := func(a netip.Addr) bool { return a.Zone() == "" && a.Unmap().IsLoopback() }
		c["http"] = guard{addr: here, port: anyPort}.client()
	}
	return c
}

// of is the client for a URL.
func (c clients) of(u *url.URL) (*http.Client, error) {
	client := c[u.Scheme]
	if client == nil || u.User != nil || u.Hostname() == "" {
		return nil, ErrRefused
	}
	return client, nil
}

// CheckURL refuses what can never be a webhook's URL, to tell an operator at once. It looks nothing up, and whether the
// address is allowed is judged at each delivery; HTTP passes here, because it is allowed on one's own machine.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || len(text) > maxURL {
		return fault.InvalidField("url", "The URL cannot be read, or names no host.")
	}
	port, portErr := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	address, addressErr := netip.ParseAddr(u.Hostname())
	switch {
	case u.User != nil:
		return fault.InvalidField("url", "The URL must not hold a user name or password.")
	case u.Fragment != "":
		return fault.InvalidField("url", "The URL must not have a fragment.")
	case u.Scheme == "http" && (u.Hostname() == "localhost" || addressErr == nil && address.IsLoopback()):
		return nil
	case u.Scheme != "https":
		return fault.InvalidField("url", "The URL must begin with https://.")
	case portErr != nil || !isHTTPS(uint16(port)):
		return fault.InvalidField("url", "The URL's port must be 443 or 8443.")
	case addressErr == nil && !public(address):
		return fault.InvalidField("url", "The URL's address is not one of the public internet.")
	}
	return nil
}
