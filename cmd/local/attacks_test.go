package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"zego.com/workprovider/pkg/demo"
)

// visitor is a browser at an address of its own, which keeps cookies and follows nothing.
type visitor struct {
	t       *testing.T
	client  http.Client
	site    string
	cookies map[string]string
}

// newVisitor returns a visitor at one of the machine's own addresses, such as 127.0.0.2.
func newVisitor(t *testing.T, site, address string) *visitor {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		return dialer.DialContext(ctx, network, to)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t, http.Client{Transport: transport, CheckRedirect: stay}, site, map[string]string{}}
}

// send sends a request, with a form if there is one, and returns the status, where it leads to, and the page.
func (v *visitor) send(method, path string, form url.Values) (status int, location, page string) {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, v.site+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, value := range v.cookies {
		request.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	for _, c := range response.Cookies() {
		v.cookies[c.Name] = c.Value
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Location"), string(body)
}

// signIn returns the status of a try to sign in; 303 is that of a successful one.
func (v *visitor) signIn(email, password string) int {
	v.t.Helper()
	status, _, _ := v.send("POST", "/account/login", url.Values{"email": {email}, "password": {password}})
	return status
}

// setPassword asks for a mail and sets a password by the link in it.
func (v *visitor) setPassword(email, password string) {
	v.t.Helper()
	v.send("POST", "/account/forgot", url.Values{"email": {email}})
	_, _, outbox := v.send("GET", outboxPath, nil)
	link := regexp.MustCompile(`/account/reset\?[^"<]+`).FindString(outbox)
	_, query, _ := strings.Cut(html.UnescapeString(link), "?")
	form, err := url.ParseQuery(query)
	if err != nil {
		v.t.Fatal(err)
	}
	form.Set("password", password)
	if status, _, page := v.send("POST", "/account/reset", form); status != http.StatusSeeOther {
		v.t.Fatalf("%d %s", status, page)
	}
}

// Whoever sends wrong passwords for another's account shuts nobody out but themselves, and whoever agrees and withdraws
// again and again is stopped, but can withdraw.
func TestAttacksOnSignInAndConsent(t *testing.T) {
	const email, password = "driver@example.com", "three words in a row"
	serve(t, options{root: "../..", state: t.TempDir(), port: "0"}, func(world demo.Data) {
		owner := newVisitor(t, world.URL, "127.0.0.1")
		owner.setPassword(email, password)
		attacker := newVisitor(t, world.URL, "127.0.0.2")
		for range 45 {
			attacker.signIn(email, "this is not the one")
			attacker.send("POST", "/account/forgot", url.Values{"email": {email}})
		}
		if status := newVisitor(t, world.URL, "127.0.0.1").signIn(email, password); status != http.StatusSeeOther {
			t.Errorf("the owner, elsewhere: %d", status)
		}
		beside := newVisitor(t, world.URL, "127.0.0.2")
		beside.cookies = owner.cookies
		if status := beside.signIn(email, password); status != http.StatusSeeOther {
			t.Errorf("the owner's device behind the attacker's address: %d", status)
		}
		if status := attacker.signIn(email, password); status != http.StatusTooManyRequests {
			t.Errorf("the attacker: %d", status)
		}

		agreed := 0
		for round := range 15 {
			query := url.Values{"work_provider": {"Parcels & Co"}, "work_provider_user_id": {fmt.Sprint("attack-", round)}}
			_, location, _ := beside.send("GET", "/v1/link-work-provider/?"+query.Encode(), nil)
			_, link, _ := strings.Cut(location, "link=")
			form := url.Values{"link": {link}, "choice": {"agree"}}
			status, _, page := beside.send("POST", "/account/consent", form)
			switch status {
			case http.StatusSeeOther:
				agreed++
			case http.StatusTooManyRequests:
			default:
				t.Fatalf("%d %s", status, page)
			}
			form = url.Values{"provider": {"parcels-co"}}
			if status, _, page := beside.send("POST", "/account/remove", form); status != http.StatusSeeOther {
				t.Errorf("a removal: %d %s", status, page)
			}
		}
		if agreed != 10 {
			t.Errorf("%d of 15 consents within an hour", agreed)
		}
		if _, _, page := beside.send("GET", "/account", nil); strings.Contains(page, "Remove Parcels") {
			t.Error("the customer still shares")
		}
	})
}
