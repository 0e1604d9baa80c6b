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

// A work provider chooses the URL of its webhook, so the URL is untrusted. The address is checked when a connection is
// made, because a name may resolve to another address then than when it was set, and one address can be written in many
// ways. No redirect is followed and no proxy is used, so nobody else chooses the address either.

// ErrBlocked means that the address of a request is not allowed.
var ErrBlocked = errors.New("webhook: the address is blocked")

// ports are those that may be dialled: those of HTTPS, so that no other service can be reached.
var ports = []uint16{443, 8443}

func isHTTPS(port uint16) bool { return slices.Contains(ports, port) }

func anyPort(uint16) bool { return true }

// specialPurpose lists the blocks of IANA's special-purpose registries, and those of multicast. Of IPv6 only
// 2000::/3 is allocated to hosts at all, so only what is special within it is here: mapped, compatible and translated
// IPv4 (::/96, 64:ff9b::/96, 64:ff9b:1::/48), link-local, unique local (AWS's fd00:ec2::254) and multicast lie outside.
var specialPurpose = []netip.Prefix{
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

var globalUnicast6 = netip.MustParsePrefix("2000::/3")

// isPublic reports whether an address is globally routable. An IPv4 address embedded in an IPv6 one is checked as IPv4.
func isPublic(a netip.Addr) bool {
	if !a.IsValid() || a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !globalUnicast6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(specialPurpose, func(p netip.Prefix) bool { return p.Contains(a) })
}

// egressPolicy restricts which addresses and ports may be dialled.
type egressPolicy struct {
	addr     func(netip.Addr) bool
	port     func(uint16) bool
	resolver *net.Resolver // nil for the machine's
}

// checkDial is the ControlContext of a net.Dialer: it checks the resolved address of every connection before it is
// made.
func (g egressPolicy) checkDial(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") || !g.addr(to.Addr()) || !g.port(to.Port()) {
		return ErrBlocked
	}
	return nil
}

// Limits of one request, so that a slow or chatty receiver costs little.
const (
	connectTimeout = 5 * time.Second
	requestTimeout = 10 * time.Second // from the DNS lookup to the last byte of the reply
	maxReplyBytes  = 64 << 10         // bytes
	maxHeaderBytes = 16 << 10         // bytes
	maxURLLen      = 2000             // bytes
)

// client returns an HTTP client that is restricted by the policy.
func (g egressPolicy) client() *http.Client {
	dialer := net.Dialer{Timeout: connectTimeout, ControlContext: g.checkDial, Resolver: g.resolver}
	return &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil, // also if the environment sets one: a proxy would dial instead of us
			DialContext:            dialer.DialContext,
			DisableKeepAlives:      true, // a function sleeps between two messages, and its connections die
			DisableCompression:     true, // a small reply can unpack to a large one
			MaxResponseHeaderBytes: maxHeaderBytes,
		},
	}
}

// clientsByScheme holds a client per allowed scheme.
type clientsByScheme map[string]*http.Client

// newClients returns a client for HTTPS to public addresses and, if loopback is allowed, one for HTTP to this machine.
func newClients(loopback bool) clientsByScheme {
	c := clientsByScheme{"https": egressPolicy{addr: isPublic, port: isHTTPS}.client()}
	if loopback {
		here := func(a netip.Addr) bool { return a.Zone() == "" && a.Unmap().IsLoopback() }
		c["http"] = egressPolicy{addr: here, port: anyPort}.client()
	}
	return c
}

// forURL returns the client for a URL.
func (c clientsByScheme) forURL(u *url.URL) (*http.Client, error) {
	client := c[u.Scheme]
	if client == nil || u.User != nil || u.Hostname() == "" {
		return nil, ErrBlocked
	}
	return client, nil
}

// CheckURL returns a fault for a URL that can never be a webhook's. It does not resolve names: the address is checked
// at each delivery. HTTP to loopback passes here, because `make run` allows it.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Hostname() == "" || len(text) > maxURLLen {
		return fault.InvalidField("url", "The URL is malformed or has no host.")
	}
	port, portErr := strconv.ParseUint(cmp.Or(u.Port(), "443"), 10, 16)
	address, addressErr := netip.ParseAddr(u.Hostname())
	switch {
	case u.User != nil:
		return fault.InvalidField("url", "The URL must not contain a user name or password.")
	case u.Fragment != "":
		return fault.InvalidField("url", "The URL must not have a fragment.")
	case u.Scheme == "http" && (u.Hostname() == "localhost" || addressErr == nil && address.IsLoopback()):
		return nil
	case u.Scheme != "https":
		return fault.InvalidField("url", "The URL must begin with https://.")
	case portErr != nil || !isHTTPS(uint16(port)):
		return fault.InvalidField("url", "The URL's port must be 443 or 8443.")
	case addressErr == nil && !isPublic(address):
		return fault.InvalidField("url", "The URL's address is not a public address.")
	}
	return nil
}
