package shift

import (
	"strings"
	"testing"
)

// TestDeprecationHeaders: whoever uses a deprecated name of row 1 learns so from headers, and nobody else is.
func TestDeprecationHeaders(t *testing.T) {
	fx, _ := newRecordingFixture(t)
	for _, endpoint := range []struct{ method, target, body string }{ // WHO stands for a name
		{"POST", "/v1/shift/login", `{"WHO":"1","timestamp":` + someTime + `}`},
		{"POST", "/v1/shift/logout", `{"WHO":"1","timestamp":` + someTime + `}`},
		{"POST", "/v1/batch/login", `[{"WHO":"1","timestamp":` + someTime + `}]`},
		{"POST", "/v1/batch/logout",
			`[{"customerNumber":"A","timestamp":` + someTime + `},{"WHO":"1","timestamp":` + someTime + `}]`},
		{"POST", "/v1/match", `{"WHO":"1","success":true}`},
		{"POST", "/v2/shift", `{"user":{"WHO":"1"},"startTime":"2026-03-14T12:00:00Z"}`},
		{"GET", "/v2/shift?WHO=1", ""},
	} {
		for name, want := range map[string]bool{"customerNumber": false, "workProviderUserId": false,
			"policyId": true, "driverId": true} {
			if endpoint.target == "/v1/match" && name == "driverId" {
				want = false // row 3: it does not count there
			}
			replace := strings.NewReplacer("WHO", name)
			a := fx.ask(courier, endpoint.method, replace.Replace(endpoint.target), replace.Replace(endpoint.body))
			if got := a.header.Get("Deprecation") != ""; got != want {
				t.Errorf("%s %s by %s: %v with %v", endpoint.method, endpoint.target, name, a, a.header)
			}
		}
	}
}
