package web

import (
	"net/http"
	"strings"
	"testing"

	"zego.com/workprovider/pkg/fault"
)

// Old names and paths work as the new ones do, and tell that they are old: the client by headers, us by a metric.
func TestDeprecated(t *testing.T) {
	by := func(names ...string) Handler {
		return func(r *Request) (Response, error) {
			for _, name := range names {
				r.NoteDeprecated(name)
			}
			return echo(r)
		}
	}
	for _, test := range []struct {
		name, key, method, path string
		handler                 Handler
		status                  int
		headers                 bool
		counted                 []string // uses
	}{
		{"the canonical path", "good", "GET", "/v1/user/status/", echo, 200, false, nil},
		{"row 10: an alias", "good", "GET", "/v1/status/", echo, 200, true, []string{"/v1/status"}},
		{"row 10: an alias with an id", "good", "HEAD", "/v2/policy/private", echo, 200, true, []string{"/v2/policy/{id}"}},
		{"row 1: an old name, once for all items", "good", "POST", "/v1/batch/login", by("driverId", "driverId"), 200, true,
			[]string{"driverId"}},
		{"an old name at an old path", "good", "POST", "/v2/policy", by("policyId"), 200, true,
			[]string{"/v2/policy", "policyId"}},
		{"whatever the answer is", "good", "POST", "/v2/policy", failing(fault.New(fault.InvalidData, "")), 400, true,
			[]string{"/v2/policy"}},
		{"nobody knows whose it is", "bad", "POST", "/v2/policy", echo, 401, true, nil},
		{"no method of the alias", "good", "DELETE", "/v2/policy", echo, 405, false, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			log := logged(t)
			w := doAs(test.key, everything(test.handler), test.method, test.path, "")
			header := w.Header().Get("Deprecation")
			link := w.Header().Get("Link")
			if w.Code != test.status || (header != "") != test.headers || (link != "") != test.headers {
				t.Errorf("%d, Deprecation %q, Link %q", w.Code, header, link)
			}
			if test.headers && (!strings.HasPrefix(header, "@") || !strings.Contains(link, `rel="deprecation"`)) {
				t.Errorf("Deprecation %q, Link %q", header, link)
			}
			if n := strings.Count(log.String(), `"Deprecated":1`); n != len(test.counted) {
				t.Errorf("counted %d: %s", n, log)
			}
			for _, use := range test.counted {
				if !strings.Contains(log.String(), `"Feature":"`+use+`","Provider":"courier-ltd"`) {
					t.Errorf("no %s in %s", use, log)
				}
			}
		})
	}
}

// Pages take no key, so nobody is known to count an old path for.
func TestDeprecatedPage(t *testing.T) {
	log := logged(t)
	pages := NewPublicFunction(
		"link-work-provider",
		map[string]Handler{"GET /v1/link-work-provider": func(r *Request) (Response, error) {
			r.NoteDeprecated("wp")
			return Response{Status: http.StatusFound}, nil
		}},
	)
	w := doAs("", pages, "GET", "/link-work-provider", "")
	if w.Header().Get("Deprecation") == "" || strings.Count(log.String(), `"Deprecated":1`) != 2 ||
		strings.Contains(log.String(), `"Provider":"`) {
		t.Errorf("%v, logged %s", w.Header(), log)
	}
}
