package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/web"
)

// Every status that openapi.yaml documents for an operation is given here by the whole API, and is as it is documented.
// The gateway's 429, the only one of links and of account pages, is compared in internal/repotest.
func TestDocumentedResponses(t *testing.T) {
	c := newClient(t)
	sandboxed := newClient(t, "SANDBOX=true")
	sandboxed.seen = c.seen
	for _, route := range web.Routes {
		for _, path := range route.Paths {
			if route.Function == "sandbox-controls" {
				sandboxed.common(route.Method, path)
				c.ask(route.Method+" "+path, "", "", http.StatusNotFound) // this is none
				continue
			}
			c.common(route.Method, path)
		}
	}
	sandboxed.sandbox()
	c.events()
	c.customers()
	c.shifts()
	c.pages()
	limited := newClient(t, "PROVIDER_REQUESTS_PER_SECOND=1")
	limited.seen = c.seen
	limitedSandbox := newClient(t, "PROVIDER_REQUESTS_PER_SECOND=1", "SANDBOX=true")
	limitedSandbox.seen = c.seen
	for _, o := range contract.Operations(t) {
		if slices.Contains(o.Statuses, "429") && !isPage(o.Path) {
			client := limited
			if strings.HasPrefix(o.Path, "/v2/sandbox/") {
				client = limitedSandbox
			}
			client.exhaust(o.Method+" "+o.Path, filled(o.Path, "login"), "", "Authorization", client.key)
		}
	}

	for _, o := range contract.Operations(t) {
		for _, status := range o.Statuses {
			byGateway := status == "429" &&
				(strings.HasPrefix(o.Path, "/account") && o.Method == "GET" || strings.HasSuffix(o.Path, "/link-work-provider"))
			if !byGateway && !c.seen[o.Method+" "+o.Path+" "+status] {
				t.Errorf("no request gives %s %s the status %s: show how, or take it out of openapi.yaml", o.Method, o.Path, status)
			}
		}
	}
}

// client asks the whole API over fresh demo data, and notes what it was answered.
type client struct {
	t            *testing.T
	env          *config.Env
	api, cut     http.Handler // the second one's storage does not answer
	key, parcels string
	seen         map[string]bool // "GET /v2/shift/{id} 404"
	retries      int             // of a request that is answered with an unwanted 503
}

func newClient(t *testing.T, variables ...string) *client {
	return newClientOf(t, emulator.NewTestEnv(t, variables...))
}

// newClientOf returns the client of an environment whose tables are empty.
func newClientOf(t *testing.T, env *config.Env) *client {
	world, err := load(t.Context(), env, demo.Data{})
	if err != nil {
		t.Fatal(err)
	}
	if err := emulator.VerifySender(t.Context(), env.AWS()); err != nil {
		t.Fatal(err)
	}
	c := &client{
		t:       t,
		env:     env,
		key:     world.WorkProviders[0].Key,
		parcels: world.WorkProviders[1].Key,
		seen:    map[string]bool{},
	}
	c.api = fullAPI(t, env)
	working := env.AWS()
	broken := working.Copy()
	broken.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	broken.BaseEndpoint = aws.String("http://127.0.0.1:1")
	broken.ConfigSources = nil // which have endpoints of single services
	env.SetAWS(broken)
	c.cut = fullAPI(t, env)
	env.SetAWS(working)
	return c
}

// fullAPI is every function over one environment, held against openapi.yaml.
func fullAPI(t *testing.T, env *config.Env) http.Handler {
	handlers := build(env)
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	return contract.Checked(t, web.Router(handlers))
}

// ask sends a request for an operation. The target begins with the operation's path, or stands for it.
func (c *client) ask(operation, target, body string, status int, header ...string) *http.Response {
	c.t.Helper()
	for range c.retries {
		r := c.request(operation, target, strings.NewReader(body), header...)
		if answer := c.do(c.api, r); answer.Code != http.StatusServiceUnavailable || answer.Code == status {
			return c.check(operation, r, answer, status)
		}
	}
	return c.send(c.api, operation, c.request(operation, target, strings.NewReader(body), header...), status)
}

func (c *client) request(operation, target string, body io.Reader, header ...string) *http.Request {
	method, path, _ := strings.Cut(operation, " ")
	r := httptest.NewRequest(method, "https://work.zego.example"+cmp.Or(target, path), body)
	r.Header.Set("Authorization", c.key)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (c *client) send(api http.Handler, operation string, r *http.Request, status int) *http.Response {
	c.t.Helper()
	return c.check(operation, r, c.do(api, r), status)
}

func (c *client) do(api http.Handler, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	api.ServeHTTP(recorder, r)
	return recorder
}

// check fails the test unless an answer has the status.
func (c *client) check(
	operation string, r *http.Request, recorder *httptest.ResponseRecorder, status int,
) *http.Response {
	c.t.Helper()
	answer := recorder.Result()
	if answer.StatusCode != status {
		c.t.Errorf("%s: %s gave %d %s, want %d", operation, r.URL, answer.StatusCode, recorder.Body, status)
	}
	c.seen[fmt.Sprint(operation, " ", answer.StatusCode)] = true
	return answer
}

// common are the answers that have nothing to do with what is asked.
func (c *client) common(method, path string) {
	operation := method + " " + path
	target := filled(path, "login")
	large := c.request(operation, target, strings.NewReader(""))
	large.ContentLength = web.MaxBody + 1
	c.send(c.api, operation, large, http.StatusRequestEntityTooLarge)

	crash := c.request(operation, target, crashing{})
	c.send(c.api, operation, crash, http.StatusInternalServerError)

	if !isPage(path) {
		c.ask(operation, target, "", http.StatusUnauthorized, "Authorization", "")
	}
	c.send(
		c.cut,
		operation,
		c.request(operation, target, strings.NewReader(""), "Cookie", "__Host-session=x", "Sec-Fetch-Site", "same-origin"),
		http.StatusServiceUnavailable,
	)
}

// isPage tells whether a path is one that people open in a browser: it takes no key.
func isPage(path string) bool {
	return strings.Contains(path, "account") || strings.Contains(path, "link-work-provider")
}

// filled is a path with a value in the place of its {segment}, if it has one.
func filled(path, value string) string {
	return regexp.MustCompile(`\{.*\}`).ReplaceAllString(path, value)
}

// crashing is a body whose reading crashes, for a mistake of ours.
type crashing struct{}

func (crashing) Read([]byte) (int, error) { panic("a mistake") }

func ago(minutes int) string {
	return time.Now().Add(-time.Duration(minutes) * time.Minute).UTC().Format(time.RFC3339)
}

func (c *client) events() {
	event := `{"workProviderUserId":"1686","timestamp":"` + ago(10) + `"}`
	accepted := c.ask("POST /v1/shift/login", "", event, http.StatusAccepted)
	c.ask("POST /v1/shift/logout", "", event, http.StatusAccepted)
	batch := c.ask("POST /v1/batch/login", "", "["+event+"]", http.StatusAccepted)
	c.ask("POST /v1/batch/logout", "", "["+event+"]", http.StatusAccepted)
	c.ask("POST /v1/match", "", `{"customerNumber":"ABC123","success":true}`, http.StatusAccepted)
	for _, path := range []string{"/v1/shift/login", "/v1/shift/logout", "/v1/batch/login", "/v1/batch/logout",
		"/v1/match", "/v1/customer/enrol"} {
		c.ask("POST "+path, "", "{", http.StatusBadRequest)
	}
	c.ask("GET /v2/event/{id}", accepted.Header.Get("Location"), "", http.StatusOK)
	c.ask("GET /v2/event/{id}", "/v2/event/x", "", http.StatusNotFound)
	const void = "POST /v2/event/{id}/void"
	c.ask(void, accepted.Header.Get("Location")+"/void", `{"reason":"Sent for another rider"}`, http.StatusCreated)
	c.ask(void, accepted.Header.Get("Location")+"/void", `{"reason":""}`, http.StatusBadRequest)
	c.ask(void, "/v2/event/x/void", `{"reason":"Sent for another rider"}`, http.StatusNotFound)
	c.ask("GET /v2/batch/{id}", batch.Header.Get("Location"), "", http.StatusOK)
	c.ask("GET /v2/batch/{id}", batch.Header.Get("Location")+"?next=x", "", http.StatusBadRequest)
	c.ask("GET /v2/batch/{id}", "/v2/batch/x", "", http.StatusNotFound)
}

func (c *client) customers() {
	for _, path := range []string{"/v1/user/status", "/v1/status"} {
		c.ask("GET "+path, path+"?workProviderUserId=12345", "", http.StatusOK)
		c.ask("GET "+path, path, "", http.StatusBadRequest)
		c.ask("GET "+path, path+"?customerNumber=NX42Z", "", http.StatusNotFound)
	}
	const validate = "GET /v1/validate/customer-number/{customerNumber}"
	c.ask(validate, "/v1/validate/customer-number/ABC123/?email=driver@example.com", "", http.StatusNoContent)
	c.ask(validate, "/v1/validate/customer-number/ABC123/?email=%zz", "", http.StatusBadRequest)
	c.ask(validate, "/v1/validate/customer-number/NOBODY", "", http.StatusNotFound)
	person := `{"customer":{"givenNames":"Charlie","lastName":"Minder","address":"1 Long Lane",` +
		`"city":"London","postCode":"EC1A 9HF",
		"dob":"1990-05-17","email":"charlie@example.com","phoneNumber":"+447700900123","workProviderUserId":"cm-1"},
		"product":{"code":"FL.OCC.PL.UK.001","occupations":["babysitter"]}}`
	c.ask("POST /v1/customer/enrol", "", person, http.StatusAccepted)
	c.ask("POST /v1/customer/enrol", "", person, http.StatusForbidden, "Authorization", c.parcels)
}

func (c *client) shifts() {
	for i, path := range []string{"/v2/shift", "/v2/policy"} {
		created := c.ask(
			"POST "+path,
			"",
			fmt.Sprintf(`{"user":{"workProviderUserId":"8545"},"startTime":%q}`, ago(20-5*i)),
			http.StatusCreated,
		)
		c.ask("POST "+path, "", "{", http.StatusBadRequest)
		c.ask("GET "+path, path+"?workProviderUserId=8545", "", http.StatusOK)
		c.ask("GET "+path, path, "", http.StatusBadRequest)
		text, err := io.ReadAll(created.Body)
		if err != nil {
			c.t.Fatal(err)
		}
		id := regexp.MustCompile(`"id":"([^"]*)"`).FindSubmatch(text)
		c.ask("GET "+path+"/{id}", path+"/"+string(id[1]), "", http.StatusOK)
		c.ask("PUT "+path+"/{id}", path+"/"+string(id[1]), fmt.Sprintf(`{"endTime":%q}`, ago(18-5*i)), http.StatusCreated)
		c.ask("PUT "+path+"/{id}", path+"/"+string(id[1]), "{", http.StatusBadRequest)
		c.ask("GET "+path+"/{id}", path+"/"+string(id[1])+"?asKnownAt="+time.Now().UTC().Format(time.RFC3339Nano), "",
			http.StatusOK)
		c.ask("GET "+path+"/{id}", path+"/"+string(id[1])+"?asKnownAt="+ago(-1), "", http.StatusBadRequest)
		c.ask("GET "+path+"/{id}", path+"/x", "", http.StatusNotFound)
		c.ask("PUT "+path+"/{id}", path+"/x", fmt.Sprintf(`{"endTime":%q}`, ago(0)), http.StatusNotFound)
	}
}

func (c *client) sandbox() {
	c.ask("GET /v2/sandbox/clock", "", "", http.StatusOK)
	c.ask("PUT /v2/sandbox/clock", "", `{"now":"`+ago(-60)+`"}`, http.StatusOK)
	c.ask("PUT /v2/sandbox/clock", "", "{", http.StatusBadRequest)
	c.ask("POST /v2/sandbox/reset", "", "", http.StatusOK)
}

func (c *client) pages() {
	from := []string{"Cookie", c.signIn("driver@example.com"), "Sec-Fetch-Site", "same-origin"}
	const page, form = "GET /account/{page}", "POST /account/{page}"
	for _, path := range []string{"/v1/link-work-provider", "/link-work-provider"} {
		link := func(query string, status int, header ...string) *http.Response {
			return c.ask("GET "+path, path+"?work_provider=Courier+Ltd&work_provider_user_id="+query, "", status, header...)
		}
		others := link("1686", http.StatusFound)
		link("1686", http.StatusConflict, from...)
		c.ask("GET "+path, "", "", http.StatusBadRequest)
		to, err := others.Location()
		if err != nil {
			c.t.Fatal(err)
		}
		c.ask(page, "/account/consent?"+to.RawQuery, "", http.StatusConflict, from...)
		c.ask(form, "/account/consent", to.RawQuery+"&choice=agree", http.StatusConflict, from...)
	}

	c.ask("GET /account", "", "", http.StatusOK, from...)
	c.ask("GET /account", "", "", http.StatusSeeOther)
	c.ask("GET /account", "/account?a=%zz", "", http.StatusBadRequest)
	c.ask(page, "/account/login", "", http.StatusOK)
	c.ask(page, "/account/style.css", "", http.StatusOK)
	c.ask(page, "/account/remove", "", http.StatusSeeOther)
	c.ask(page, "/account/login?a=%zz", "", http.StatusBadRequest)
	c.ask(page, "/account/nothing", "", http.StatusNotFound)
	c.ask(page, "/account/verify?token=x", "", http.StatusGone)
	c.ask(form, "/account/login", "a=%zz", http.StatusBadRequest, from...)
	c.ask(form, "/account/login", "", http.StatusForbidden, "Sec-Fetch-Site", "cross-site")
	c.ask(form, "/account/nothing", "", http.StatusNotFound, from...)
	c.ask(form, "/account/verify", "token=x", http.StatusGone, from...)
	c.ask(form, "/account/forgot", "email=x", http.StatusUnprocessableEntity, from...)
	c.exhaust(form, "/account/forgot", "email=nobody@example.com", from...)
}

// exhaust asks until there have been too many requests, from a network of its own, for the tries of one are counted for
// a while.
func (c *client) exhaust(operation, target, body string, header ...string) {
	c.t.Helper()
	for tries := 0; !c.seen[operation+" 429"]; tries++ {
		if tries == 1000 {
			c.t.Fatalf("%s: there are never too many requests", operation)
		}
		r := c.request(operation, target, strings.NewReader(body), header...)
		r.RemoteAddr = "192.0.2.77:1"
		recorder := httptest.NewRecorder()
		c.api.ServeHTTP(recorder, r)
		c.seen[fmt.Sprint(operation, " ", recorder.Code)] = true
	}
}

// signIn has a first password set, by the link in the mail, and returns the cookie of the browser that did.
func (c *client) signIn(email string) string {
	const form = "POST /account/{page}"
	c.ask(form, "/account/forgot", "email="+url.QueryEscape(email), http.StatusSeeOther, "Sec-Fetch-Site", "same-origin")
	answer := c.ask(
		form,
		"/account/reset",
		"token="+c.mailed(email)+"&password=correct+horse+battery",
		http.StatusSeeOther,
		"Sec-Fetch-Site",
		"same-origin",
	)
	return c.cookie(answer)
}

// cookie is what a browser sends from then on that was signed in by an answer.
func (c *client) cookie(answer *http.Response) string {
	c.t.Helper()
	if len(answer.Cookies()) == 0 {
		c.t.Fatalf("nobody is signed in: %d", answer.StatusCode)
	}
	cookie := answer.Cookies()[0]
	return cookie.Name + "=" + cookie.Value
}

// mailed is the token of the link in the newest mail to an address.
func (c *client) mailed(email string) string {
	c.t.Helper()
	mails, err := emulator.Outbox(c.t.Context(), aws.ToString(c.env.AWS().BaseEndpoint))
	if err != nil {
		c.t.Fatal(err)
	}
	letter := slices.IndexFunc(mails, func(m emulator.Mail) bool { return slices.Contains(m.To, email) })
	if letter < 0 {
		c.t.Fatal("there is no mail")
	}
	return regexp.MustCompile(`token=([\w-]+)`).FindStringSubmatch(mails[letter].Text)[1]
}
