package shift

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// TestIndistinguishableCustomers is the two-tenant test of row 23: an endpoint that takes a person or an id answers
// alike, to the byte and header, whether they do not exist, belong to another work provider, or do not share with the
// caller.
func TestIndistinguishableCustomers(t *testing.T) {
	fx := newFixture(t)
	since := noon.AddDate(-1, 0, 0)
	fx.addCustomer(parcels, "PARCEL", "p-1")
	fx.addPerson(courier, "NEVERC", "c-1", since, timeline.Matched(since))
	fx.addPerson(courier, "WITHDR", "c-2", since, timeline.ConsentGiven(since), timeline.Matched(since),
		timeline.ConsentWithdrawn(minutes(-1)))
	fx.addPerson(courier, "FUTURE", "c-3", since, timeline.ConsentGiven(minutes(1)), timeline.Matched(since))
	fx.addPerson(courier, "UNMATC", "c-4", since, timeline.ConsentGiven(since))
	fx.addCustomer(courier, "OTHERS", "c-5")
	for _, number := range []string{"NEVERC", "WITHDR", "FUTURE", "UNMATC"} {
		fx.login(number, eleven) // there are facts of all of them
	}
	people := map[string][2]string{ // number and workProviderUserId
		"unknown":               {"ZZZ999", "z-9"},
		"another's":             {"PARCEL", "p-1"},
		"consent never given":   {"NEVERC", "c-1"},
		"consent withdrawn":     {"WITHDR", "c-2"},
		"consent not yet given": {"FUTURE", "c-3"},
		"not matched":           {"UNMATC", "c-4"},
		"the other's namespace": {"c-5", "OTHERS"},
	}
	for _, c := range []struct{ method, target, body string }{ // in them WHO stands for a person
		{"POST", "/v1/shift/login", `{WHO,"timestamp":` + someTime + `}`},
		{"POST", "/v1/shift/logout/", `{WHO,"timestamp":` + someTime + `}`},
		{"POST", "/v1/batch/login", `[{WHO,"timestamp":` + someTime + `}]`},
		{"POST", "/v1/batch/logout/", `[{WHO,"timestamp":` + someTime + `}]`},
		{"POST", "/v1/match", `{WHO,"success":true}`},
		{"POST", "/v1/match", `{WHO,"success":false}`},
		{"POST", "/v2/shift/", `{"user":{WHO},"startTime":"2026-03-14T12:00:00Z","endTime":null}`},
		{"POST", "/v2/policy", `{"user":{WHO},"startTime":"2026-03-14T12:00:00Z","endTime":"2026-03-14T13:00:00Z"}`},
		{"GET", "/v2/shift/?WHO", ""},
		{"GET", "/v2/shift/?WHO&from=2026-03-01T00:00:00Z", ""},
		{"HEAD", "/v2/policy?WHO", ""},
	} {
		for i, field := range []string{"customerNumber", "workProviderUserId", "policyId", "driverId"} {
			as := func(who [2]string) answer {
				value := who[i%2]
				return fx.ask(courier, c.method, strings.ReplaceAll(c.target, "WHO", field+"="+value),
					strings.ReplaceAll(c.body, "WHO", fmt.Sprintf("%q:%q", field, value)))
			}
			want := as(people["unknown"])
			for name, who := range people {
				if name == "not matched" && c.method != "POST" {
					continue // reading needs the consent alone (rule 8)
				}
				wantSameAnswer(t, fmt.Sprintf("%s %s by %s: %s", c.method, c.target, field, name), as(who), want)
			}
		}
	}
	if queued := fx.queued(); len(queued) == 0 {
		t.Error("v1 must have queued something")
	}
}

// TestIndistinguishableIDs is the same for the ids of shifts.
func TestIndistinguishableIDs(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	fx.addCustomer(parcels, "ABC123", "12345") // the namesake at the other work provider
	since := noon.AddDate(-1, 0, 0)
	fx.addPerson(courier, "WITHDR", "c-2", since, timeline.ConsentGiven(since), timeline.Matched(since))
	fx.addPerson(courier, "UNCONS", "c-1", since, timeline.Matched(since))
	login := func(number string) timeline.Fact { return fact(timeline.Login, person.CustomerNumber, number, eleven) }
	for _, number := range []string{"UNCONS", "ZZZ999"} {
		fx.login(number, eleven)
	}
	mine := fx.create(abc, noon, time.Time{})
	withdrawn := fx.create(`{"customerNumber":"WITHDR"}`, noon, time.Time{})
	fx.addPerson(courier, "WITHDR", "", noon, timeline.ConsentWithdrawn(minutes(1)))
	fx.clock = minutes(5)
	theirs := fx.idIn(fx.ask(parcels, "POST", "/v2/shift", newShiftBody(abc, noon, time.Time{})))
	ids := map[string]string{
		"unknown":          "AQ-nothing-at-all",
		"another's":        theirs,
		"forged":           mine[:len(mine)-2] + "AA",
		"withdrawn":        withdrawn,
		"never consented":  EventID(fx.ids, courier, login("UNCONS")),
		"of nobody":        EventID(fx.ids, courier, login("ZZZ999")),
		"never sent":       EventID(fx.ids, courier, login("ABC123")),
		"mine, by another": "", // asked for by the other below
	}
	for _, c := range [][3]string{
		{"GET", "/v2/shift/", ""}, {"GET", "/v2/policy/", ""}, {"HEAD", "/v2/shift/", ""},
		{"PUT", "/v2/shift/", ended(3)}, {"PUT", "/v2/policy/", ended(3)}, {"PUT", "/v2/shift/", ended(-100)},
		{"PUT", "/v2/shift/", ended(100_000)},
	} {
		want := fx.ask(courier, c[0], c[1]+ids["unknown"], c[2])
		if want.status != 404 {
			t.Fatalf("%s: %v", c, want)
		}
		for name, id := range ids {
			key := courier
			if id == "" {
				key = parcels
				id = mine
			}
			wantSameAnswer(t, fmt.Sprint(c, " ", name), fx.ask(key, c[0], c[1]+id, c[2]), want)
		}
	}
	fx.want("mine is as it was", fx.get("/v2/shift/"+mine), 200, shiftJSON(mine, "ABC123", noon, time.Time{}, "", 1))
}

// TestTenants is rule 5 and promise 7: two work providers' shifts of one customer have nothing to do with each
// other.
func TestTenants(t *testing.T) {
	fx := newFixture(t)
	fx.addCustomer(courier, "ABC123", "12345")
	fx.addCustomer(parcels, "ABC123", "12345")
	mine := fx.create(abc, noon, minutes(60))
	theirs := fx.idIn(fx.ask(parcels, "POST", "/v2/shift", newShiftBody(abc, noon, time.Time{})))
	if mine == theirs {
		t.Error("the two shifts share an id")
	}
	fx.want("they end theirs", fx.ask(parcels, "PUT", "/v2/shift/"+theirs, ended(10)), 201, ended(10))
	fx.want("their v1", fx.ask(parcels, "POST", "/v1/shift/logout",
		`{"driverId":"12345","timestamp":"2026-03-14T12:05:00Z"}`), 202, pendingBody)
	fx.want("their match", fx.ask(parcels, "POST", "/v1/match", `{"customerNumber":"ABC123","success":false}`), 202,
		pendingBody)
	fx.drain()
	fx.want("mine", fx.get("/v2/shift/"+mine), 200, shiftJSON(mine, "ABC123", noon, minutes(60), "", 1))
	fx.want("my list", fx.get("/v2/shift?driverId=12345"), 200,
		`{"shifts":[`+shiftJSON(mine, "ABC123", noon, minutes(60), "", 1)+`],"next":null}`)
}

// wantSameAnswer compares answers but for what row 23 sets aside: request and event ids.
func wantSameAnswer(t *testing.T, what string, got, want answer) {
	t.Helper()
	for _, a := range []answer{got, want} {
		for _, name := range []string{"Date", "X-Request-Id"} {
			a.header.Del(name)
		}
		for _, name := range []string{"X-Event-Id", "X-Batch-Id", "Location"} {
			if values := a.header[name]; len(values) > 0 {
				a.header[name] = []string{strings.Repeat("x", min(1, len(values[0])))}
			}
		}
	}
	if got.String() != want.String() || !maps.EqualFunc(got.header, want.header, slices.Equal) {
		t.Errorf("%s:\ngot  %v %v\nwant %v %v", what, got, got.header, want, want.header)
	}
}
