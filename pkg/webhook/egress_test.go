package webhook

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
)

// listener is a listener on the loopback interface, IPv4 and IPv6, that counts who knocks.
type listener struct {
	port  string
	knock atomic.Int64
}

func newListener(t *testing.T) *listener {
	t.Helper()
	d := &listener{}
	four, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, d.port, _ = net.SplitHostPort(four.Addr().String())
	listeners := []net.Listener{four}
	if six, err := net.Listen("tcp6", "[::1]:"+d.port); err == nil { // not every machine has IPv6
		listeners = append(listeners, six)
	}
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				d.knock.Add(1)
				c.Close()
			}
		})
	}
	t.Cleanup(func() {
		for _, l := range listeners {
			l.Close()
		}
		serving.Wait()
	})
	return d
}

// names is a DNS server that gives each name its addresses; with several answers, one after the other.
type names struct {
	mu      sync.Mutex
	answers map[string][][]string
	asked   map[string]uint16 // the kind of address that was asked for first, this turn
}

// resolver is one that asks the server.
func (n *names) resolver(t *testing.T) *net.Resolver {
	t.Helper()
	n.asked = map[string]uint16{}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for b := make([]byte, 512); ; {
			size, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			conn.WriteTo(n.reply(b[:size]), from)
		}
	})
	t.Cleanup(func() { conn.Close(); serving.Wait() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// replyFunc answers the one question of a DNS message (RFC 1035).
func (n *names) reply(question []byte) []byte {
	end := 12
	labels := []string{}
	for question[end] != 0 {
		length := int(question[end])
		labels = append(labels, strings.ToLower(string(question[end+1:end+1+length])))
		end += 1 + length
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	question = question[:end+5]
	n.mu.Lock()
	defer n.mu.Unlock()
	name := strings.Join(labels, ".")
	var records []byte
	count := 0
	if answers := n.answers[name]; len(answers) > 0 {
		for _, text := range answers[0] {
			a := netip.MustParseAddr(text)
			if a.Is4() != (kind == 1) || a.Is6() != (kind == 28) {
				continue
			}
			records = append(records, 0xc0, 12) // the name asked for
			records = binary.BigEndian.AppendUint16(records, kind)
			records = append(records, 0, 1, 0, 0, 0, 0, 0, byte(a.BitLen()/8))
			records = append(records, a.AsSlice()...)
			count++
		}
		// A and AAAA are asked for side by side, in any order: with both the turn is over.
		if first := n.asked[name]; len(answers) > 1 && first != 0 && first != kind {
			n.answers[name] = answers[1:]
		}
		n.asked[name] = kind
	}
	header := append([]byte{}, question[:2]...)
	header = append(header, 0x81, 0x80, 0, 1, 0, byte(count), 0, 0, 0, 0)
	return append(append(header, question[12:]...), records...)
}

// bypassAttempts are URLs that lead, or try to lead, to a place where no request of ours may go. PORT stands for the
// door's.
var bypassAttempts = []string{
	// Loopback, in every spelling that some parser takes for it.
	"https://127.0.0.1:PORT/", "https://127.0.0.1.:PORT/", "https://127.1:PORT/", "https://127.0.1:PORT/",
	"https://127.255.255.254:PORT/",
	"https://2130706433:PORT/", "https://0x7f000001:PORT/", "https://0x7f.0.0.1:PORT/", "https://0x7f.0x0.0x0.0x1:PORT/",
	"https://0177.0.0.1:PORT/", "https://017700000001:PORT/", "https://127.000.000.001:PORT/",
	"https://0177.0x0.0.1:PORT/",
	"https://localhost:PORT/", "https://localhost.:PORT/", "https://LOCALHOST:PORT/", "https://LocalHost:PORT/",
	"https://0.0.0.0:PORT/", "https://0:PORT/", "https://0x0:PORT/", "https://0.0.0.1:PORT/",
	"https://[::1]:PORT/", "https://[0:0:0:0:0:0:0:1]:PORT/", "https://[::0001]:PORT/", "https://[::]:PORT/",
	"https://[::ffff:127.0.0.1]:PORT/", "https://[::ffff:7f00:1]:PORT/", "https://[0:0:0:0:0:ffff:127.0.0.1]:PORT/",
	"https://[::127.0.0.1]:PORT/", "https://[::ffff:0:127.0.0.1]:PORT/", "https://[::1%25lo]:PORT/",
	"https://１２７.０.０.１:PORT/", "https://127。0。0。1:PORT/", "https://①②⑦.⓪.⓪.①:PORT/", "https://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:PORT/",
	"https://loc\u00adalhost:PORT/",
	// Metadata services, plain and in disguise.
	"https://169.254.169.254/", "https://169.254.169.254.:443/", "https://2852039166/", "https://0xa9fea9fe/",
	"https://0251.0376.0251.0376/",
	"https://169.254.170.2/", "https://169.254.169.253/", "https://100.100.100.200/", "https://192.0.0.192/",
	"https://[fd00:ec2::254]/", "https://[fd00:ec2::253]/", "https://[::ffff:169.254.169.254]/",
	"https://[::ffff:a9fe:a9fe]/",
	"https://[64:ff9b::169.254.169.254]/", "https://[2002:a9fe:a9fe::1]/", "https://[::169.254.169.254]/",
	// Private, shared, reserved.
	"https://10.0.0.1/", "https://10.255.255.255/", "https://172.16.0.1/", "https://172.31.255.255/",
	"https://192.168.0.1/", "https://192.168.255.255/",
	"https://100.64.0.1/", "https://100.127.255.255/", "https://192.0.2.1/", "https://198.18.0.1/",
	"https://198.19.255.255/",
	"https://198.51.100.1/", "https://203.0.113.1/", "https://192.88.99.1/", "https://224.0.0.1/",
	"https://239.255.255.250/", "https://240.0.0.1/",
	"https://255.255.255.255/", "https://[fe80::1]/", "https://[fe80::1%25eth0]/", "https://[fc00::1]/",
	"https://[fdff::1]/", "https://[fec0::1]/",
	"https://[ff02::1]/", "https://[ff0e::1]/", "https://[2001:db8::1]/", "https://[3fff::1]/", "https://[100::1]/",
	"https://[5f00::1]/",
	"https://[2001::7f00:1]/", "https://[2001:0:4136:e378:8000:63bf:80ff:fffe]/", "https://[2001:2::1]/",
	"https://[2001:10::1]/",
	"https://[64:ff9b::127.0.0.1]:PORT/", "https://[64:ff9b:1::7f00:1]:PORT/", "https://[2002:7f00:1::1]:PORT/",
	"https://[::ffff:10.0.0.1]/",
	// Names that mean such an address.
	"https://loopback.test:PORT/", "https://loopback6.test:PORT/", "https://mapped.test:PORT/", "https://private.test/",
	"https://metadata.test/",
	"https://metadata6.test/", "https://several.test:PORT/", "https://nat64.test:PORT/", "https://LOOPBACK.test.:PORT/",
	"https://xn--bcher-kva.test:PORT/",
	"https://bücher.test:PORT/",
	// Other schemes, and URLs that two parsers read in two ways.
	"http://127.0.0.1:PORT/", "HTTP://127.0.0.1:PORT/", "http://loopback.test:PORT/", "ftp://127.0.0.1:PORT/",
	"gopher://127.0.0.1:PORT/_GET", "file:///etc/passwd",
	"unix:///var/run/docker.sock", "ws://127.0.0.1:PORT/", "//127.0.0.1:PORT/", "https:127.0.0.1:PORT",
	"https:///127.0.0.1:PORT/", "127.0.0.1:PORT",
	"https://somebody@127.0.0.1:PORT/", "https://example.com@127.0.0.1:PORT/", "https://example.com:443@127.0.0.1:PORT/",
	"https://127.0.0.1:PORT@example.com/",
	"https://127.0.0.1:PORT#@example.com/", "https://127.0.0.1:PORT?@example.com/",
	"https://127.0.0.1:PORT\\@example.com/", "https:\\\\127.0.0.1:PORT\\",
	"https://127%2e0%2e0%2e1:PORT/", "https://127.0.0.1%00.example.com:PORT/", "https://127.0.0.1\t:PORT/",
	"https://[::1:PORT/", " https://127.0.0.1:PORT/",
}

func TestEgressBypassAttempts(t *testing.T) {
	if len(bypassAttempts) < 60 {
		t.Fatalf("only %d ways", len(bypassAttempts))
	}
	d := newListener(t)
	dns := &names{answers: map[string][][]string{
		"loopback.test": {
			{"127.0.0.1"},
		}, "loopback6.test": {{"::1"}}, "mapped.test": {{"::ffff:127.0.0.1"}}, "private.test": {{"10.0.0.1"}},
		"metadata.test": {
			{"169.254.169.254"},
		}, "metadata6.test": {{"fd00:ec2::254"}}, "several.test": {{"127.0.0.1", "10.0.0.1", "::1"}},
		"nat64.test": {{"64:ff9b::7f00:1"}}, "xn--bcher-kva.test": {{"127.0.0.1"}},
	}}
	resolver := dns.resolver(t)
	// Any port, so that nothing but the address keeps a request from the door.
	c := &Client{clientsByScheme{"https": egressPolicy{isPublic, anyPort, resolver}.client()}, time.Now}
	for _, way := range bypassAttempts {
		to := Settings{URL: strings.ReplaceAll(way, "PORT", d.port), Secrets: []SharedSecret{{Secret: NewSecret()}}}
		reply := c.Test(t.Context(), to)
		if reply.Status != 0 || reply.Problem == "" || reply.kind != replyRetry {
			t.Errorf("%s: %+v", way, reply)
		}
		if u, err := url.Parse(to.URL); err == nil {
			if _, err := netip.ParseAddr(u.Hostname()); err == nil && reply.Problem != problemBlocked {
				t.Errorf("%s: %s, want that the address is blocked", way, reply.Problem)
			}
		}
	}
	if n := d.knock.Load(); n != 0 {
		t.Errorf("%d of %d ways led to the door", n, len(bypassAttempts))
	}
	t.Logf("%d ways tried, %d passed", len(bypassAttempts), d.knock.Load())
	// The door can be reached, and these names lead to it: otherwise the above shows nothing.
	open := &Client{
		clientsByScheme{"https": egressPolicy{func(netip.Addr) bool { return true }, anyPort, resolver}.client()},
		time.Now,
	}
	for i, host := range []string{"127.0.0.1", "loopback.test", "bücher.test", "several.test"} {
		open.Test(
			t.Context(),
			Settings{URL: "https://" + host + ":" + d.port, Secrets: []SharedSecret{{Secret: NewSecret()}}},
		)
		if n := d.knock.Load(); n <= int64(i) {
			t.Errorf("%s does not lead to the door even without a guard", host)
		}
	}
}

// publicReceiver is an HTTPS server at an address that the guard of this test lets through, as if it were public.
func publicReceiver(t *testing.T, handler http.HandlerFunc) (server *httptest.Server, g egressPolicy) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.2:0")
	if err != nil {
		t.Skip("this machine has one loopback address only: ", err)
	}
	server = httptest.NewUnstartedServer(handler)
	server.Listener.Close()
	server.Listener = l
	server.StartTLS()
	t.Cleanup(server.Close)
	there := netip.MustParseAddr("127.0.0.2")
	return server, egressPolicy{addr: func(a netip.Addr) bool { return a == there || isPublic(a) }, port: anyPort}
}

// insecureClient is a client that takes the test server's certificate, under whatever name.
func insecureClient(g egressPolicy, server *httptest.Server) *Client {
	client := g.client()
	tls := server.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	tls.InsecureSkipVerify = true // the names of this test are in no certificate
	client.Transport.(*http.Transport).TLSClientConfig = tls
	return &Client{clientsByScheme{"https": client}, time.Now}
}

func TestRedirects(t *testing.T) {
	d := newListener(t)
	var status atomic.Int64
	server, g := publicReceiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://127.0.0.1:"+d.port+"/")
		w.WriteHeader(int(status.Load()))
	})
	for _, code := range []int{300, 301, 302, 303, 307, 308} {
		status.Store(int64(code))
		reply := insecureClient(
			g,
			server,
		).Test(t.Context(), Settings{URL: server.URL, Secrets: []SharedSecret{{Secret: NewSecret()}}})
		if reply.Status != code || reply.Problem != problemRedirect || reply.kind != replyRetry {
			t.Errorf("%d: %+v", code, reply)
		}
	}
	if n := d.knock.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A name that was harmless when the webhook was set, and at the first request, is judged anew at the second.
func TestDNSRebinding(t *testing.T) {
	d := newListener(t)
	var asked atomic.Int64
	server, g := publicReceiver(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); w.WriteHeader(204) })
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	dns := &names{answers: map[string][][]string{"rebind.test": {{"127.0.0.2"}, {"127.0.0.1"}}}}
	g.resolver = dns.resolver(t)
	client := insecureClient(g, server)
	to := Settings{URL: "https://rebind.test:" + port, Secrets: []SharedSecret{{Secret: NewSecret()}}}
	if reply := client.Test(t.Context(), to); reply.kind != replyMatched {
		t.Errorf("first: %+v", reply)
	}
	to.URL = "https://rebind.test:" + d.port
	if reply := client.Test(t.Context(), to); reply.Problem != problemBlocked {
		t.Errorf("second: %+v", reply)
	}
	if asked.Load() != 1 || d.knock.Load() != 0 {
		t.Errorf("the receiver was asked %d times, the door %d times", asked.Load(), d.knock.Load())
	}
}

func TestProxyVariables(t *testing.T) {
	d := newListener(t)
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:"+d.port)
	}
	server, g := publicReceiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	if reply := insecureClient(g, server).Test(t.Context(),
		Settings{URL: server.URL, Secrets: []SharedSecret{{Secret: NewSecret()}}}); reply.kind != replyMatched {
		t.Errorf("%+v", reply)
	}
	if n := d.knock.Load(); n != 0 {
		t.Errorf("the proxy was asked %d times", n)
	}
	// net/http reads the variables once in a process, and spares loopback addresses, so that nothing was asked shows
	// little.
	if g.client().Transport.(*http.Transport).Proxy != nil {
		t.Error("the client has a proxy")
	}
}

func TestPorts(t *testing.T) {
	d := newListener(t)
	control := egressPolicy{addr: isPublic, port: isHTTPS}.checkDial
	for port, want := range map[int]bool{443: true, 8443: true, 22: false, 25: false, 80: false, 3306: false, 6379: false,
		8080: false, 9200: false, 0: false} {
		if err := control(t.Context(), "tcp4", fmt.Sprintf("93.184.215.14:%d", port), nil); (err == nil) != want {
			t.Errorf("%d: %v", port, err)
		}
	}
	for _, network := range []string{"udp", "udp4", "unix", "ip4:icmp", ""} {
		if err := control(t.Context(), network, "93.184.215.14:443", nil); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v", network, err)
		}
	}
	reply := NewClient(
		false,
		time.Now,
	).Test(t.Context(), Settings{URL: "https://127.0.0.1:" + d.port, Secrets: []SharedSecret{{Secret: NewSecret()}}})
	if reply.Problem != problemBlocked || d.knock.Load() != 0 {
		t.Errorf("%+v, %d", reply, d.knock.Load())
	}
}

// With the flag a request may go to one's own machine, and still nowhere else.
func TestLoopback(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }))
	defer server.Close()
	_, port, _ := net.SplitHostPort(server.Listener.Addr().String())
	for where, want := range map[string]string{
		server.URL: "", "http://localhost:" + port: "", "http://[::ffff:127.0.0.1]:" + port: "",
		"http://10.0.0.1":         problemBlocked,
		"http://169.254.169.254/": problemBlocked, "http://93.184.215.14/": problemBlocked,
		"https://127.0.0.1:" + port: problemBlocked,
		"http://[fd00:ec2::254]/":   problemBlocked, "http://somebody@127.0.0.1:" + port: problemBlocked,
	} {
		reply := NewClient(
			true,
			time.Now,
		).Test(t.Context(), Settings{URL: where, Secrets: []SharedSecret{{Secret: NewSecret()}}})
		if reply.Problem != want {
			t.Errorf("%s: %+v", where, reply)
		}
	}
}

func TestPublicAddresses(t *testing.T) {
	for _, text := range []string{"1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1",
		"172.15.255.255", "172.32.0.1", "192.169.0.1",
		"198.17.255.255", "198.20.0.1", "223.255.255.255", "::ffff:8.8.8.8", "2606:4700:4700::1111", "2a00:1450:4009::1",
		"2001:4860:4860::8888"} {
		if !isPublic(netip.MustParseAddr(text)) {
			t.Errorf("%s is refused", text)
		}
	}
}

// However an IPv4 address is wrapped, it is no more public than it is by itself.
func TestEmbeddedIPv4(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		four := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
		if mapped := netip.AddrFrom16(four.As16()); isPublic(mapped) != isPublic(four) {
			t.Fatalf("%s is public: %t, mapped: %t", four, isPublic(four), isPublic(mapped))
		}
		for _, prefix := range []string{"::", "64:ff9b::", "::ffff:0:0:0", "64:ff9b:1::"} {
			wrapped := netip.MustParseAddr(prefix).As16()
			copy(wrapped[12:], four.AsSlice())
			if a := netip.AddrFrom16(wrapped); isPublic(a) {
				t.Fatalf("%s is public", a)
			}
		}
		relayed := [16]byte{0x20, 0x02}
		copy(relayed[2:], four.AsSlice())
		if a := netip.AddrFrom16(relayed); isPublic(a) {
			t.Fatalf("%s is public", a)
		}
		if zoned := netip.MustParseAddr("2606:4700:4700::1111").WithZone("eth0"); isPublic(zoned) {
			t.Fatal("an address with a zone is public")
		}
	})
}

func TestCheckURL(t *testing.T) {
	for text, want := range map[string]bool{
		"https://hooks.example.com/zego": true, "https://hooks.example.com:8443/zego?a=b": true,
		"https://hooks.example.com:443": true,
		"http://localhost:9000/":        true, "http://127.0.0.1:9000/": true, "http://[::1]:9000/": true,
		"https://8.8.8.8/": true,
		"":                 false, "hooks.example.com": false, "https://": false, "https:hooks.example.com": false,
		"http://hooks.example.com/": false,
		"ftp://hooks.example.com":   false, "https://a:b@hooks.example.com": false, "https://hooks.example.com/#a": false,
		"https://hooks.example.com:80/":    false,
		"https://hooks.example.com:99999/": false, "https://10.0.0.1/": false, "https://[::1]/": false,
		"https://169.254.169.254/": false,
		"https://\x00/":            false, "https://example.com/" + strings.Repeat("a", 2000): false,
	} {
		if err := CheckURL(text); (err == nil) != want || err != nil && fault.KindOf(err) != fault.InvalidData {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}
