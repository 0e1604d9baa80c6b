package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// isTenantScoped are endpoints to which another work provider's people are as good as nobody: all that take a key, but
// the one that is there to tell any live key whether a number exists (row 23).
func isTenantScoped(r web.Route) bool {
	return !isPage(r.Paths[0]) && r.Function != "validate-customer-number"
}

// TestTenantIsolation is a matrix out of the table of routes: at every path, by every method, what is
// another work provider's is answered as what does not exist (row 23), to the byte and header. Nor does it take longer,
// as far as that can be said without a clock: it makes the same calls to the services.
func TestTenantIsolation(t *testing.T) {
	env := emulator.NewTestEnv(t, "PROVIDER_REQUESTS_PER_SECOND=0") // requests are counted in blocks: one of 20 writes
	meter := emulator.AttachMeter(env)
	world, err := demo.Load(t.Context(), env, demo.Data{})
	if err != nil {
		t.Fatal(err)
	}
	mine := world.WorkProviders[0].Key
	theirs := world.WorkProviders[1].Key
	register := customer.NewRegistrar(
		customer.NewStore(env),
		timeline.NewStore(env),
		shift.NewRecomputeRequester(queue.NewEventsQueue(env)),
	)
	_, err = register.Create(t.Context(), customer.NewCustomer{
		Number: "PARCEL",
		Details: customer.Details{
			GivenNames:  "Pat",
			LastName:    "Parcel",
			Address:     "1 Long Lane",
			City:        "London",
			PostCode:    "EC1A 9HF",
			DOB:         "1990-05-17",
			Email:       "parcel@example.com",
			PhoneNumber: "+447700900123",
		},
		Policy: customer.Policy{Insured: true},
		Share:  &customer.InitialShare{Provider: "parcels-co", UserID: "p-77", Since: time.Now().AddDate(-1, 0, 0)},
	}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	api := web.Router(build(env))
	now := ago(5)
	ask := func(key, method, target, who string) *httptest.ResponseRecorder {
		event := fmt.Sprintf(`{%s,"timestamp":%q,"success":true,"user":{%[1]s},"startTime":%[2]q,"endTime":null}`, who, now)
		switch {
		case strings.Contains(target, "/batch/log"):
			event = "[" + event + "]"
		case strings.HasSuffix(target, "/void"):
			event = `{"reason":"A mistake"}`
		case method == http.MethodPut:
			event = fmt.Sprintf(`{"endTime":%q}`, now)
		}
		r := httptest.NewRequest(method, target, strings.NewReader(event))
		r.Header.Set("Authorization", key)
		recorder := httptest.NewRecorder()
		api.ServeHTTP(recorder, r)
		return recorder
	}

	// What the other work provider has: ids of every kind, and a person by both names.
	const parcel = `"customerNumber":"PARCEL"`
	ids := []string{
		ask(theirs, "POST", "/v1/shift/login", parcel).Header().Get("X-Event-Id"),
		ask(theirs, "POST", "/v1/match", parcel).Header().Get("X-Event-Id"),
		ask(theirs, "POST", "/v1/batch/login", parcel).Header().Get("X-Batch-Id"),
	}
	created := ask(theirs, "POST", "/v2/shift", parcel)
	if match := regexp.MustCompile(`"id":"([^"]*)"`).FindStringSubmatch(created.Body.String()); match != nil {
		ids = append(ids, match[1])
	}
	seen := func() string {
		return ask(
			theirs,
			"GET",
			"/v2/shift/"+ids[3],
			"",
		).Body.String() + ask(
			theirs,
			"GET",
			"/v2/shift?customerNumber=PARCEL",
			"",
		).Body.String()
	}
	if len(ids) != 4 || slices.Contains(ids, "") {
		t.Fatalf("the other work provider has %q: %s", ids, created.Body)
	}
	before := seen()
	ask(mine, "GET", "/v2/shift?customerNumber=ABC123", "") // so that the key is known everywhere
	for _, route := range web.Routes {
		ask(mine, route.Method, strings.NewReplacer("{", "", "}", "").Replace(route.Paths[0]), parcel)
	}

	// told is all that a client learns, and what it took: but for dates and ids, which differ from one request to the
	// next.
	responseOf := func(method, target, who string) string {
		meter.Reset()
		a := ask(mine, method, target, who)
		header := a.Header()
		for _, own := range []string{"X-Request-Id", "X-Event-Id", "X-Batch-Id", "Location"} {
			if header.Get(own) != "" {
				header.Set(own, "of its own")
			}
		}
		calls := meter.Calls()
		maps.DeleteFunc(calls, func(_ string, n int) bool { return n == 0 })
		return fmt.Sprint(a.Code, " ", a.Body, " ", header, " after ", calls)
	}
	methods := []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	cells := 0
	for _, route := range web.Routes {
		if !isTenantScoped(route) {
			continue
		}
		for _, path := range route.Paths {
			for _, method := range methods {
				compare := func(foreign, unknown string) {
					cells++
					if foreign != unknown {
						t.Errorf("%s %s: what is another's and what does not exist differ:\n%s\n%s", method, path, foreign, unknown)
					}
				}
				if strings.Contains(path, "{") {
					for _, id := range ids {
						unknown := responseOf(method, filled(path, id[:len(id)-3]+"AAA"), "")
						compare(responseOf(method, filled(path, id), ""), unknown)
						if method == route.Method && !strings.HasPrefix(unknown, "404 ") {
							t.Errorf("%s %s: an unknown id gives %s", method, path, unknown)
						}
					}
					continue
				}
				for _, name := range []string{"customerNumber", "policyId", "workProviderUserId", "driverId"} {
					foreign := "PARCEL"
					unknown := "NOBODY"
					if strings.HasSuffix(name, "rId") {
						foreign = "p-77"
						unknown = "n-00"
					}
					by := func(value string) string {
						return responseOf(method, path+"?"+name+"="+value, fmt.Sprintf("%q:%q", name, value))
					}
					compare(by(foreign), by(unknown))
				}
			}
		}
	}
	if cells < 300 {
		t.Errorf("the matrix has only %d cells", cells)
	}
	if after := seen(); after != before || !strings.Contains(before, `"PARCEL"`) {
		t.Errorf("what is theirs was\n%s\nand is\n%s", before, after)
	}
}
