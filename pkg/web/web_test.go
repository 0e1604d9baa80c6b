package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/provider"
)

// keys knows one key.
type keys struct{}

func (keys) Authenticate(_ context.Context, authorization string) (provider.Provider, error) {
	switch authorization {
	case "":
		return provider.Provider{}, fault.New(fault.MissingAuth, "")
	case "good":
		return provider.Provider{ID: "courier-ltd"}, nil
	case "down":
		return provider.Provider{}, fault.Wrap(fault.Unavailable, errors.New("no route to table"))
	default:
		return provider.Provider{}, fault.New(fault.InvalidKey, "not for the client: "+authorization)
	}
}

// everything is every function of the table, each handler the same.
func everything(handler Handler) http.Handler {
	byFunction := map[string]map[string]Handler{}
	for _, route := range Routes {
		if byFunction[route.Function] == nil {
			byFunction[route.Function] = map[string]Handler{}
		}
		byFunction[route.Function][route.key()] = handler
	}
	functions := map[string]http.Handler{}
	for name, handlers := range byFunction {
		functions[name] = NewFunction(name, keys{}, handlers)
	}
	return Router(functions)
}

// do sends a request with the good key.
func do(handler http.Handler, method, target, body string) *httptest.ResponseRecorder {
	return doAs("good", handler, method, target, body)
}

func doAs(key string, handler http.Handler, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", key)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// logged collects what is logged until the test ends.
func logged(t *testing.T) *bytes.Buffer {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(observe.NewJSONHandler(&log)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

// echo is a handler that responds with its request.
func echo(r *Request) (Response, error) {
	return Response{Status: http.StatusOK, Body: []string{r.Method, r.PathValue, string(r.Body), r.Provider.ID}}, nil
}

// failing is a handler that fails.
func failing(err error) Handler {
	return func(*Request) (Response, error) { return Response{Status: http.StatusOK, Body: "unseen"}, err }
}

// paths are every documented path, with something for its segment, and the methods it takes.
func paths() map[string][]string {
	all := map[string][]string{}
	for _, route := range Routes {
		for _, path := range route.Paths {
			if before, after, ok := strings.Cut(path, "{"); ok {
				_, after, _ = strings.Cut(after, "}")
				path = before + "ABC123" + after
			}
			all[path] = append(all[path], route.Method)
			if route.Method == http.MethodGet {
				all[path] = append(all[path], http.MethodHead)
			}
		}
	}
	return all
}

func TestRouting(t *testing.T) {
	handler := everything(echo)
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "LINK"}
	for path, allowed := range paths() {
		for _, slash := range []string{"", "/"} {
			for _, method := range methods {
				t.Run("rows 10 and 27: "+method+" "+path+slash, func(t *testing.T) {
					w := do(handler, method, "https://x"+path+slash+"?a=b", "")
					if slices.Contains(allowed, method) {
						if w.Code != http.StatusOK || w.Header().Get("Allow") != "" {
							t.Errorf("got %d %s", w.Code, w.Body)
						}
						return
					}
					slices.Sort(allowed)
					if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != strings.Join(allowed, ", ") {
						t.Errorf("got %d, Allow %q", w.Code, w.Header().Get("Allow"))
					}
				})
			}
		}
	}
}

func TestUnknownPaths(t *testing.T) {
	handler := everything(echo)
	for _, path := range []string{
		"/", "//", "/v1", "/v1/", "/v2", "/v2/", "/v1/shift", "/v1/shift/login/x", "/v1/shift/login//", "//v1/shift/login",
		"/v1//shift/login",
		"/V1/shift/login", "/v1/shift/Login", "/shift/login", "/v1/shift/login%20", "/v1/shift%2Flogin", "/v1/shift/logi",
		"/v1/shift/./login",
		"/v1/validate/customer-number", "/v1/validate/customer-number/", "/v1/validate/customer-number//",
		"/v1/validate/customer-number/A/B",
		"/v2/shift//", "/v2/shift/a/b", "/v1/%2573hift/login", "/v2/event", "/favicon.ico",
	} {
		t.Run("row 27: "+path, func(t *testing.T) {
			want := `{"error":"NOT_FOUND","detail":"No such path"}`
			if path == "/v2" || strings.HasPrefix(path, "/v2/") {
				want = `{"status":"NOK","error":"NOT_FOUND","detail":"No such path"}`
			}
			for _, method := range []string{"GET", "POST", "OPTIONS"} {
				for _, h := range []http.Handler{handler, Fallback()} {
					w := doAs("", h, method, "https://x"+path, "")
					if w.Code != http.StatusNotFound || w.Body.String() != want || w.Header().Get("Location") != "" {
						t.Errorf("%s: got %d %s", method, w.Code, w.Body)
					}
				}
			}
		})
	}
	t.Run("row 27: *", func(t *testing.T) {
		r := httptest.NewRequest("OPTIONS", "*", nil)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusNotFound {
			t.Errorf("got %d", w.Code)
		}
	})
}

// A function knows the whole table, so that on Lambda each answers by itself as all of them do together.
func TestFunctionAlone(t *testing.T) {
	alone := NewFunction("shift-end", keys{}, map[string]Handler{"PUT /v2/shift/{id}": echo})
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"PUT", "/v2/policy/7/", 200, ""},
		{"POST", "/v2/shift/7", 405, "GET, HEAD, PUT"},
		{"GET", "/v2/shift/7", 404, ""}, // another function's, which never comes here
		{"PUT", "/v2/shift", 405, "GET, HEAD, POST"},
		{"PUT", "/v1/match", 405, "POST"},
		{"PUT", "/nowhere", 404, ""},
	} {
		w := do(alone, test.method, test.path, "")
		if w.Code != test.status || w.Header().Get("Allow") != test.allow {
			t.Errorf("row 27: %s %s: got %d, Allow %q", test.method, test.path, w.Code, w.Header().Get("Allow"))
		}
	}
}

func TestFallback(t *testing.T) {
	for path, allowed := range paths() {
		for _, method := range []string{"GET", "POST", "DELETE"} {
			w := doAs("", Fallback(), method, path, "")
			if slices.Contains(allowed, method) {
				// Only a gateway led astray sends this here; it must not look like success.
				if w.Code != http.StatusNotFound {
					t.Errorf("row 27: %s %s: got %d", method, path, w.Code)
				}
				continue
			}
			want := `{"error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`
			if strings.HasPrefix(path, "/v2/") {
				want = `{"status":"NOK","error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`
			}
			if w.Code != http.StatusMethodNotAllowed || w.Body.String() != want {
				t.Errorf("row 27: %s %s: got %d %s", method, path, w.Code, w.Body)
			}
		}
	}
}

func TestPathValue(t *testing.T) {
	for escaped, want := range map[string]string{
		"ABC123":      "ABC123",
		"ABC123/":     "ABC123",
		"abc%2Fdef":   "abc/def",
		"a%252Fb":     "a%2Fb", // decoded once
		"%20ABC%20":   " ABC ",
		"a+b":         "a+b",
		"%2e%2E":      "..",
		"..":          "..",
		"%C3%A9":      "é",
		"%FF":         "\ufffd",
		"a:b@c;d=e,f": "a:b@c;d=e,f",
		"%7Bid%7D":    "{id}",
	} {
		t.Run("row 28: "+escaped, func(t *testing.T) {
			var got string
			handler := everything(func(r *Request) (Response, error) {
				got = r.PathValue
				return Response{Status: http.StatusNoContent}, nil
			})
			for _, before := range []string{"/v2/shift/", "/v2/policy/", "/v1/validate/customer-number/",
				"/v1/%76alidate/customer%2Dnumber/"} {
				got = "not called"
				if w := do(handler, "GET", before+escaped, ""); w.Code != http.StatusNoContent || got != want {
					t.Errorf("%s: got %d, %q, want %q", before, w.Code, got, want)
				}
			}
		})
	}
}

func TestAnswers(t *testing.T) {
	type status struct {
		Status string `json:"status"`
	}
	for _, test := range []struct {
		name, method string
		response     Response
		body         string
		contentType  string
	}{
		{"accepted", "POST", Response{Status: 202, Body: status{"PENDING"}}, `{"status":"PENDING"}`, "application/json"},
		{"no HTML escaping", "POST", Response{Status: 202, Body: status{"Hire & <Reward>\u2028é"}},
			"{\"status\":\"Hire & <Reward>\u2028é\"}", "application/json"},
		{"empty lists are lists", "POST", Response{Status: 202, Body: []string(nil)}, `[]`, "application/json"},
		{"keys of maps are in order", "POST", Response{Status: 202, Body: map[string]int{"b": 1, "a": 2, "c": 3}},
			`{"a":2,"b":1,"c":3}`, "application/json"},
		{"a 204 has neither body nor type", "POST", Response{Status: 204}, ``, ""},
		{"headers", "POST", Response{Status: 202, Header: http.Header{"X-Event-Id": {"e1"}}, Body: status{"PENDING"}},
			`{"status":"PENDING"}`, "application/json"},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := logged(t)
			handler := everything(func(*Request) (Response, error) { return test.response, nil })
			w := do(handler, test.method, "/v1/shift/login/", "{}")
			if w.Code != test.response.Status || w.Body.String() != test.body ||
				w.Header().Get("Content-Type") != test.contentType {
				t.Errorf("got %d %q %q", w.Code, w.Header().Get("Content-Type"), w.Body)
			}
			for name := range test.response.Header {
				if w.Header().Get(name) != test.response.Header.Get(name) {
					t.Errorf("header %s is %q", name, w.Header().Get(name))
				}
			}
			if w.Header().Get("X-Request-Id") == "" {
				t.Error("no request id")
			}
			if log.Len() > 0 {
				t.Errorf("success was logged: %s", log)
			}
		})
	}
}

// TestHead holds row 27 against a real server too, which has ideas of its own about HEAD.
func TestHead(t *testing.T) {
	server := httptest.NewServer(everything(echo))
	defer server.Close()
	for _, path := range []string{"/v1/status/", "/v2/shift/7"} {
		for _, key := range []string{"good", "bad"} {
			answers := map[string]*http.Response{}
			for _, method := range []string{"GET", "HEAD"} {
				w := doAs(key, everything(echo), method, path, "")
				if (w.Body.Len() == 0) != (method == "HEAD") || w.Header().Get("Content-Type") != "application/json" {
					t.Errorf("row 27: %s %s: %q", method, path, w.Body)
				}
				r, _ := http.NewRequest(method, server.URL+path, nil)
				r.Header.Set("Authorization", key)
				answer, err := server.Client().Do(r)
				if err != nil {
					t.Fatal(err)
				}
				answer.Body.Close()
				answers[method] = answer
			}
			if answers["GET"].StatusCode != answers["HEAD"].StatusCode ||
				answers["GET"].Header.Get("Content-Type") != answers["HEAD"].Header.Get("Content-Type") {
				t.Errorf("row 27: %s with %s key: GET %v, HEAD %v", path, key, answers["GET"], answers["HEAD"])
			}
		}
	}
}

func TestErrors(t *testing.T) {
	secret := errors.New("secret: driver@example.com")
	hinted := fault.InvalidField("timestamp", "`timestamp` must include a timezone")
	hinted.Hint = "Append Z"
	whole := *hinted
	tests := []struct {
		name       string
		err        error
		status     int
		v1, v2     string
		retryAfter string
	}{
		{"row 4: missing auth, with its detail", fault.New(fault.MissingAuth, ""), 401,
			`{"error":"MISSING_AUTH","detail":"Authorization header missing"}`,
			`{"status":"NOK","error":"MISSING_AUTH","detail":"Authorization header missing"}`, ""},
		{"row 4: invalid key, with its detail", fault.New(fault.InvalidKey, ""), 401,
			`{"error":"INVALID_KEY","detail":"Authorization key is invalid"}`,
			`{"status":"NOK","error":"INVALID_KEY","detail":"Invalid API key"}`, ""},
		{"broken JSON", Decode([]byte(`{'`), &struct{}{}), 400,
			`{"error":"INVALID_DATA","detail":"JSON decode error at line 1, column 2"}`,
			`{"status":"NOK","error":"INVALID_DATA","message":"Invalid data format",` +
				`"detail":{"body":"JSON decode error at line 1, column 2"}}`, ""},
		{
			"the sample of the documents",
			fault.InvalidField("startTime", "`startTime` must be within 30 minutes from now."),
			400,
			"{\"error\":\"INVALID_DATA\",\"detail\":\"`startTime` must be within 30 minutes from now.\"," +
				"\"field\":\"startTime\"}",
			"{\"status\":\"NOK\",\"error\":\"INVALID_DATA\",\"message\":\"Invalid data format\"," +
				"\"detail\":{\"startTime\":\"`startTime` must be within 30 minutes from now.\"}}",
			"",
		},
		{"row 6: a form", Decode([]byte(`a=b`), &struct{}{}), 400,
			`{"error":"INVALID_DATA","detail":"JSON decode error at line 1, column 1",` +
				`"hint":"The body looks form-encoded: send it as JSON"}`,
			`{"status":"NOK","error":"INVALID_DATA","message":"Invalid data format",` +
				`"detail":{"body":"JSON decode error at line 1, column 1"},` +
				`"hint":"The body looks form-encoded: send it as JSON"}`, ""},
		{"row 20: an item of a batch", fault.WithIndex(0, hinted), 400,
			"{\"error\":\"INVALID_DATA\",\"detail\":\"`timestamp` must include a timezone\"," +
				"\"hint\":\"Append Z\",\"index\":0,\"field\":\"timestamp\"}",
			"{\"status\":\"NOK\",\"error\":\"INVALID_DATA\",\"message\":\"Invalid data format\"," +
				"\"detail\":{\"timestamp\":\"`timestamp` must include a timezone\"},\"hint\":\"Append Z\"}", ""},
		{"invalid without words", fault.Wrap(fault.InvalidData, secret), 400,
			`{"error":"INVALID_DATA","detail":"Invalid request"}`,
			`{"status":"NOK","error":"INVALID_DATA","message":"Invalid data format","detail":{"body":"Invalid request"}}`, ""},
		{"permission denied", fault.Wrap(fault.PermissionDenied, secret), 403,
			`{"error":"PERMISSION_DENIED","detail":"This key is not permitted to do this"}`,
			`{"status":"NOK","error":"PERMISSION_DENIED","detail":"This key is not permitted to do this"}`, ""},
		{"not found", fault.New(fault.NotFound, "There is no such shift"), 404,
			`{"error":"NOT_FOUND","detail":"There is no such shift"}`,
			`{"status":"NOK","error":"NOT_FOUND","detail":"There is no such shift"}`, ""},
		{
			"invalid customer",
			fault.New(fault.InvalidCustomer, "secret"),
			404,
			`{"error":"INVALID_CUSTOMER"}`,
			`{"status":"NOK","error":"INVALID_CUSTOMER","detail":""}`,
			"",
		},
		{
			"invalid customer email",
			fault.New(fault.InvalidCustomerEmail, ""),
			404,
			`{"error":"INVALID_CUSTOMER_EMAIL"}`,
			`{"status":"NOK","error":"INVALID_CUSTOMER_EMAIL","detail":""}`,
			"",
		},
		{"too large", fault.New(fault.TooLarge, ""), 413,
			`{"error":"REQUEST_TOO_LARGE","detail":"The body must not be larger than 4 MiB"}`,
			`{"status":"NOK","error":"REQUEST_TOO_LARGE","detail":"The body must not be larger than 4 MiB"}`, ""},
		{"unavailable", fault.Wrap(fault.Unavailable, secret), 503,
			`{"error":"UNAVAILABLE","detail":"Service temporarily unavailable; retry later"}`,
			`{"status":"NOK","error":"UNAVAILABLE","detail":"Service temporarily unavailable; retry later"}`, "5"},
		{
			"unavailable for a while",
			&fault.Error{Kind: fault.Unavailable, RetryAfter: 1500 * time.Millisecond, Index: -1},
			503,
			`{"error":"UNAVAILABLE","detail":"Service temporarily unavailable; retry later"}`,
			`{"status":"NOK","error":"UNAVAILABLE","detail":"Service temporarily unavailable; retry later"}`,
			"2",
		},
		{"an unknown error", secret, 500,
			`{"error":"INTERNAL","detail":"Something went wrong on our side"}`,
			`{"status":"NOK","error":"INTERNAL","detail":"Something went wrong on our side"}`, ""},
		{"a wrapped fault", fmt.Errorf("while testing: %w", &whole), 400,
			"{\"error\":\"INVALID_DATA\",\"detail\":\"`timestamp` must include a timezone\"," +
				"\"hint\":\"Append Z\",\"field\":\"timestamp\"}",
			"{\"status\":\"NOK\",\"error\":\"INVALID_DATA\",\"message\":\"Invalid data format\"," +
				"\"detail\":{\"timestamp\":\"`timestamp` must include a timezone\"},\"hint\":\"Append Z\"}", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			log := logged(t)
			handler := everything(failing(test.err))
			for path, want := range map[string]string{"/v1/shift/login": test.v1, "/v2/shift": test.v2} {
				w := do(handler, "POST", path, "{}")
				if w.Code != test.status || w.Body.String() != want || w.Header().Get("Content-Type") != "application/json" ||
					w.Header().Get("Retry-After") != test.retryAfter {
					t.Errorf("got %d, Retry-After %q\n%s, want\n%s", w.Code, w.Header().Get("Retry-After"), w.Body, want)
				}
				// Our failures are logged, and what a work provider has to mend; not that somebody is unknown or not
				// there.
				noted := test.status >= 500 || test.status == 400 || test.status == 403
				if id := w.Header().Get("X-Request-Id"); id == "" || strings.Contains(log.String(), id) != noted {
					t.Errorf("request id %q, log %s", id, log)
				}
			}
			if test.status < 500 && strings.Contains(log.String(), "secret") {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// Nothing that a log line holds comes from a path, a key or a body.
func TestLog(t *testing.T) {
	log := logged(t)
	do(everything(failing(errors.New("table is gone"))), "GET", "/v2/shift/private-id/?email=private", "private body")
	doAs("down", everything(echo), "GET", "/v1/status/?customerNumber=private", "")
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || strings.Contains(log.String(), "private") || strings.Contains(log.String(), "good") {
		t.Errorf("logged: %s", log)
	}
	for i, want := range []string{`"route":"GET /v2/shift/{id}","Provider":"courier-ltd","error":"table is gone"`,
		`"route":"GET /v1/user/status","Provider":"","error":"UNAVAILABLE: no route to table"`} {
		if !strings.Contains(lines[i], want) {
			t.Errorf("logged %s, want %s in it", lines[i], want)
		}
	}
}

func TestPanics(t *testing.T) {
	for name, test := range map[string]struct {
		handler Handler
		cause   string
	}{
		"of the runtime": {func(r *Request) (Response, error) { return Response{Status: int(r.Body[7])}, nil },
			"index out of range"},
		"of ours": {func(*Request) (Response, error) { panic("private") }, "panic of type string"},
		"while encoding": {func(*Request) (Response, error) { return Response{Status: 200, Body: func() {}}, nil },
			"marshal"},
		"wrong UTF-8 of us": {func(*Request) (Response, error) { return Response{Status: 200, Body: "\xff"}, nil },
			"invalid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged(t)
			w := do(everything(test.handler), "POST", "/v1/match", "")
			if w.Code != 500 || w.Body.String() != `{"error":"INTERNAL","detail":"Something went wrong on our side"}` {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if !strings.Contains(log.String(), test.cause) || strings.Contains(log.String(), "private") {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// TestOrderOfChecks sends requests with several mistakes; each time the first check to fail answers.
func TestOrderOfChecks(t *testing.T) {
	large := strings.Repeat(" ", MaxBody+1)
	handler := everything(failing(fault.New(fault.PermissionDenied, "")))
	for _, test := range []struct {
		key, method, path, body string
		want                    int
	}{
		{"bad", "DELETE", "/v1/nowhere", large, 404},
		{"bad", "DELETE", "/v1/match", large, 405},
		{"bad", "POST", "/v1/match", large, 413},
		{"bad", "POST", "/v1/match", "{", 401},
		{"", "GET", "/v2/shift/unknown", "", 401},
		{"good", "POST", "/v1/match", "{", 403},
	} {
		if w := doAs(test.key, handler, test.method, test.path, test.body); w.Code != test.want {
			t.Errorf("%s %s: got %d, want %d", test.method, test.path, w.Code, test.want)
		}
	}
}

// TestBody holds row 26: 4 MiB, and not a byte more, whether the length is announced or not; and a body that breaks
// off.
func TestBody(t *testing.T) {
	handler := everything(func(r *Request) (Response, error) {
		return Response{Status: 200, Body: len(r.Body)}, nil
	})
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"announced":     func(r io.Reader) io.Reader { return r },
		"not announced": func(r io.Reader) io.Reader { return io.MultiReader(r) },
		"too short":     nil,
	} {
		for _, size := range []int{0, 1, MaxBody, MaxBody + 1, 2 * MaxBody} {
			t.Run(fmt.Sprintf("row 26: %s, %d bytes", name, size), func(t *testing.T) {
				body := io.Reader(strings.NewReader(strings.Repeat("x", size)))
				want := http.StatusOK
				if size > MaxBody {
					want = http.StatusRequestEntityTooLarge
				}
				var r *http.Request
				if wrap != nil {
					r = httptest.NewRequest("POST", "/v1/match", wrap(body))
				} else {
					r = httptest.NewRequest("POST", "/v1/match", body)
					r.ContentLength++
					want = http.StatusBadRequest
					if size >= MaxBody {
						want = http.StatusRequestEntityTooLarge
					}
				}
				r.Header.Set("Authorization", "good")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != want || (want == 200 && w.Body.String() != fmt.Sprint(size)) {
					t.Errorf("got %d %s, want %d", w.Code, w.Body, want)
				}
			})
		}
	}
}

// No page of another origin may read an answer or send what a browser would ask about first: the documentation's own
// stands beside the API.
func TestCORS(t *testing.T) {
	for path, methods := range paths() {
		for _, method := range append(methods, http.MethodOptions) {
			r := httptest.NewRequest(method, path, nil)
			r.Header.Set("Authorization", "good")
			r.Header.Set("Origin", "https://elsewhere.example")
			r.Header.Set("Access-Control-Request-Method", methods[0])
			w := httptest.NewRecorder()
			everything(echo).ServeHTTP(w, r)
			for name := range w.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s is answered with %s", method, path, name)
				}
			}
		}
	}
}

func TestRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "lambda-1"})
	r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
	r.Header.Set("X-Request-Id", "forged")
	w := httptest.NewRecorder()
	Fallback().ServeHTTP(w, r)
	if got := w.Header().Get("X-Request-Id"); got != "lambda-1" {
		t.Errorf("on Lambda: %q", got)
	}
	one := do(Fallback(), "GET", "/", "")
	other := do(Fallback(), "GET", "/", "")
	if one.Header().Get("X-Request-Id") == other.Header().Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestQuery(t *testing.T) {
	query := func(raw string) (string, error) {
		r := &Request{Request: httptest.NewRequest("GET", "/", nil)}
		r.URL.RawQuery = raw
		values, err := r.Query()
		return values.Encode(), err
	}
	for raw, want := range map[string]string{"": "", "a=1&a=2&b": "a=1&a=2&b=", "a=b%2Bc+d": "a=b%2Bc+d",
		"a=1;b=2": "a=1%3Bb%3D2", "&&": ""} {
		if got, err := query(raw); err != nil || got != want {
			t.Errorf("%q: got %q, %v", raw, got, err)
		}
	}
	for _, raw := range []string{"a=%", "a=%zz", "%f=1", "a=%ff", "a=\xff", "%ff", strings.Repeat("a&", 1_000_000)} {
		if _, err := query(raw); err == nil || fault.KindOf(err) != fault.InvalidData {
			t.Errorf("%.20q: %v", raw, err)
		}
	}
}

// The table and the functions built on it cannot drift apart unseen.
func TestFunctionRoutes(t *testing.T) {
	for name, handlers := range map[string]map[string]Handler{
		"shift-login": {},
		"shift-read":  {"GET /v2/shift": echo},
		"match":       {"POST /v1/match": echo, "GET /v1/match": echo},
		"shift-end":   {"PUT /v2/policy/{id}": echo},
		"nobody":      {},
		"other":       {"POST /v1/match": echo},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was built with %v", name, slices.Collect(maps.Keys(handlers)))
				}
			}()
			NewFunction(name, keys{}, handlers)
		}()
	}
}

func TestRoutes(t *testing.T) {
	seen := map[string]bool{}
	for _, route := range Routes {
		segments := strings.Count(route.Paths[0], "{")
		for _, path := range route.Paths {
			if seen[route.Method+" "+path] {
				t.Errorf("%s %s is there twice", route.Method, path)
			}
			seen[route.Method+" "+path] = true
			if strings.HasSuffix(path, "/") || !strings.HasPrefix(path, "/") || strings.Count(path, "{") != segments ||
				segments > 1 {
				t.Errorf("%s is no path for this table", path)
			}
		}
	}
}

// BenchmarkCall is what a call costs over its handler.
func BenchmarkCall(b *testing.B) {
	handler := everything(func(*Request) (Response, error) {
		return Response{Status: 202, Body: struct {
			Status string `json:"status"`
		}{"PENDING"}}, nil
	})
	b.ReportAllocs()
	r := httptest.NewRequest("POST", "/v1/shift/login/", nil)
	r.Header.Set("Authorization", "good")
	for b.Loop() {
		handler.ServeHTTP(discard{}, r)
	}
}

type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) WriteHeader(int)             {}

// Parameters of a link are the same on Lambda and elsewhere: a semicolon is an ordinary character, and an & that was
// escaped for HTML separates them all the same.
func TestRepairedQueries(t *testing.T) {
	query, err := ParseQuery("a=1;2&amp;b=3&amp;b=4&c=5")
	if err != nil {
		t.Fatal(err)
	}
	RepairAmpersands(query)
	if want := (url.Values{"a": {"1;2"}, "b": {"3", "4"}, "c": {"5"}}); !reflect.DeepEqual(query, want) {
		t.Errorf("%v, want %v", query, want)
	}
}
