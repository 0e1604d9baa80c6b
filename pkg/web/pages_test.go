package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"zego.com/workprovider/pkg/fault"
)

// Pages take no key, answer in their own type, and tell their failures in their own words, which are logged all the
// same.
func TestPages(t *testing.T) {
	raw := RawBody{ContentType: "text/html; charset=utf-8", Bytes: []byte("<p>a&b</p>")}
	var response Response
	var failure error
	handler := func(*Request) (Response, error) { return response, failure }
	pages := NewPublicFunction("account", map[string]Handler{
		"GET /account": handler, "GET /account/{page}": handler, "POST /account/{page}": handler,
	})
	for _, c := range []struct {
		name     string
		method   string
		response Response
		err      error
		status   int
		kind     string
		body     string
	}{
		{"a page", "GET", Response{Status: 200, Body: raw}, nil, 200, raw.ContentType, string(raw.Bytes)},
		{"HEAD", "HEAD", Response{Status: 200, Body: raw}, nil, 200, raw.ContentType, ""},
		{"a page that says what failed", "GET", Response{Status: 503, Body: raw}, fault.New(fault.Unavailable, ""), 503,
			raw.ContentType, string(raw.Bytes)},
		{"a failure without words", "GET", Response{}, fault.New(fault.Unavailable, ""), 503, "application/json",
			`"UNAVAILABLE"`},
		{"a redirect", "POST", Response{Status: 303, Header: http.Header{"Location": {"../x"}}}, nil, 303, "", ""},
	} {
		response = c.response
		failure = c.err
		recorder := httptest.NewRecorder()
		pages.ServeHTTP(recorder, httptest.NewRequest(c.method, "/account/page/", nil))
		if recorder.Code != c.status || recorder.Header().Get("Content-Type") != c.kind ||
			!strings.Contains(recorder.Body.String(), c.body) {
			t.Errorf("%s: %d, %q, %s", c.name, recorder.Code, recorder.Header().Get("Content-Type"), recorder.Body)
		}
		if c.method == "HEAD" && recorder.Body.Len() > 0 {
			t.Errorf("%s has a body", c.name)
		}
	}
}
