package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Route is one documented method of one path, under all the path's names, and the function that serves it.
type Route struct {
	Function string   // the folder in functions/
	Method   string   // GET stands for HEAD as well
	Paths    []string // the canonical one first, then its aliases; without the trailing slash; at most one {segment}
}

// Routes is the table of every documented route: "Every endpoint" in the contract, aliases by contract row 10. What is
// not in it is 404; a path that is, with a method that is not, is 405.
var Routes = []Route{
	{"shift-login", http.MethodPost, []string{"/v1/shift/login"}},
	{"shift-logout", http.MethodPost, []string{"/v1/shift/logout"}},
	{"batch-login", http.MethodPost, []string{"/v1/batch/login"}},
	{"batch-logout", http.MethodPost, []string{"/v1/batch/logout"}},
	{"match", http.MethodPost, []string{"/v1/match"}},
	{"user-status", http.MethodGet, []string{"/v1/user/status", "/v1/status"}},
	{"validate-customer-number", http.MethodGet, []string{"/v1/validate/customer-number/{customerNumber}"}},
	{"customer-enrol", http.MethodPost, []string{"/v1/customer/enrol"}},
	{"shift-create", http.MethodPost, []string{"/v2/shift", "/v2/policy"}},
	{"shift-end", http.MethodPut, []string{"/v2/shift/{id}", "/v2/policy/{id}"}},
	{"shift-read", http.MethodGet, []string{"/v2/shift/{id}", "/v2/policy/{id}"}},
	{"shift-read", http.MethodGet, []string{"/v2/shift", "/v2/policy"}},
	{"event-read", http.MethodGet, []string{"/v2/event/{id}"}},
	{"event-read", http.MethodGet, []string{"/v2/batch/{id}"}},
	{"event-void", http.MethodPost, []string{"/v2/event/{id}/void"}},
	{"sandbox-controls", http.MethodGet, []string{"/v2/sandbox/clock"}}, // these three only where SANDBOX is true
	{"sandbox-controls", http.MethodPut, []string{"/v2/sandbox/clock"}},
	{"sandbox-controls", http.MethodPost, []string{"/v2/sandbox/reset"}},
	{"link-work-provider", http.MethodGet, []string{"/v1/link-work-provider", "/link-work-provider"}},
	{"account", http.MethodGet, []string{"/account"}},
	{"account", http.MethodGet, []string{"/account/{page}"}},
	{"account", http.MethodPost, []string{"/account/{page}"}},
}

// key returns the key of a route in the handlers of a function: "POST /v1/match".
func (r *Route) key() string { return r.Method + " " + r.Paths[0] }

// routeMatch is what a method and a path lead to.
type routeMatch struct {
	route   *Route   // nil for an unknown path, or a method that it does not have
	alias   string   // the alias of the route's canonical path that was used; "" if none was
	value   string   // of the path's {segment}
	allowed []string // without a route: the methods that the path has, which are none for an unknown path
}

// find looks up a method and an escaped path.
func find(method, path string) routeMatch {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allowed []string
	for i := range Routes {
		r := &Routes[i]
		for j, pattern := range r.Paths {
			v, ok := match(pattern, path)
			switch {
			case !ok:
			case r.Method == method:
				found := routeMatch{route: r, value: v}
				if j > 0 {
					found.alias = pattern
				}
				return found
			case r.Method == http.MethodGet:
				allowed = append(allowed, http.MethodGet, http.MethodHead)
			default:
				allowed = append(allowed, r.Method)
			}
		}
	}
	slices.Sort(allowed)
	return routeMatch{allowed: allowed}
}

// match compares an escaped path with a pattern, segment by segment, each decoded once (contract row 28), and returns
// the value of the {segment}, with U+FFFD for bytes that are not UTF-8 so that no store can choke on them.
// One slash at the end is ignored; anything else has to match exactly.
func match(pattern, path string) (value string, ok bool) {
	path = strings.TrimSuffix(path, "/")
	for pattern != "" && path != "" {
		var want, got string
		want, pattern = cutSegment(pattern)
		got, path = cutSegment(path)
		got, err := url.PathUnescape(got)
		switch {
		case err != nil || got == "":
			return "", false
		case want[0] == '{':
			value = strings.ToValidUTF8(got, "\uFFFD")
		case want != got:
			return "", false
		}
	}
	return value, pattern == "" && path == ""
}

// cutSegment splits "/a/b/c" into "a" and "/b/c". Without a leading slash there is no segment.
func cutSegment(path string) (segment, rest string) {
	path, ok := strings.CutPrefix(path, "/")
	if !ok {
		return "", ""
	}
	if i := strings.IndexByte(path, '/'); i >= 0 {
		return path[:i], path[i:]
	}
	return path, ""
}
