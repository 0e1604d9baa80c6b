package customer

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/timeline"
)

var (
	withVehicle = Policy{
		Insured: true, CoverLevel: "Third Party (TPO)", ClassOfUse: "Carriage of Goods for Hire & Reward",
		VehicleRegistration: "VY7 JC3",
	}
	withoutVehicle = Policy{
		Insured:    true,
		CoverLevel: "Third Party (TPO)",
		ClassOfUse: "Carriage of Goods for Hire & Reward",
	}
	notInsured = Policy{CoverLevel: "Third Party (TPO)", ClassOfUse: "Carriage of Goods for Hire & Reward"}
)

// couriers is a fixture with the customers of the documents' examples.
func couriers(t *testing.T) *fixture {
	w := newEmptyFixture(t)
	w.create("ABC123", courier, "12345", withVehicle)
	w.create("ABC12", courier, "1686", withoutVehicle)
	w.create("SE33S", courier, "212312qd2131", notInsured)
	w.create("NX42Z", parcels, "1686", withoutVehicle)
	w.create("AB99", "", "", withoutVehicle) // shares with nobody
	return w
}

func TestStatusBodies(t *testing.T) {
	w := couriers(t)
	const enabled = `{"status":"ENABLED","policyId":"ABC123","customer_number":"ABC123",` +
		`"cover_class_of_use":"Carriage of Goods for Hire & Reward","cover_level":"Third Party (TPO)",` +
		`"vehicle_registration":"VY7 JC3"}`
	for name, c := range map[string]struct{ provider, query, want string }{
		"insured, with a vehicle":  {courier, "workProviderUserId=12345", enabled},
		"by number":                {courier, "customerNumber=ABC123", enabled},
		"row 2: number normalised": {courier, "customerNumber=%20abc123%20", enabled},
		"row 1: older id":          {courier, "driverId=12345", enabled},
		"row 1: older number":      {courier, "policyId=ABC123", enabled},
		"row 1: older beside new":  {courier, "policyId=abc123&customerNumber=ABC123", enabled},
		"row 1: repeated":          {courier, "driverId=12345&driverId=12345", enabled},
		"row 1: empty is not sent": {courier, "workProviderUserId=12345&customerNumber=", enabled},
		"row 3: unknown parameter": {courier, "workProviderUserId=12345&customer=1", enabled},
		"insured, without a vehicle": {courier, "workProviderUserId=1686",
			`{"status":"ENABLED","policyId":"ABC12","customer_number":"ABC12",` +
				`"cover_class_of_use":"Carriage of Goods for Hire & Reward","cover_level":"Third Party (TPO)"}`},
		"the same id elsewhere": {parcels, "workProviderUserId=1686",
			`{"status":"ENABLED","policyId":"NX42Z","customer_number":"NX42Z",` +
				`"cover_class_of_use":"Carriage of Goods for Hire & Reward","cover_level":"Third Party (TPO)"}`},
		"not insured": {courier, "workProviderUserId=212312qd2131",
			`{"status":"DISABLED","policyId":"SE33S","customer_number":"SE33S"}`},
	} {
		for _, path := range []string{"/v1/user/status", "/v1/user/status/", "/v1/status", "/v1/status/"} { // row 10
			if status, body := get(t, w.status, c.provider, path+"?"+c.query); status != 200 || body != c.want {
				t.Errorf("%s: %s: %d %s", name, path, status, body)
			}
		}
	}
}

func TestStatusUnknown(t *testing.T) {
	w := couriers(t)
	for name, c := range map[string]struct {
		query string
		want  int
	}{
		"unknown number":          {"customerNumber=ZZZ999", 404},
		"unknown id":              {"workProviderUserId=0", 404},
		"no number at all":        {"customerNumber=%C3%A9%2F%23", 404},
		"row 1: nobody":           {"", 400},
		"row 1: empty":            {"customerNumber=", 400},
		"row 1: both kinds":       {"customerNumber=ABC123&workProviderUserId=12345", 400},
		"row 1: two values":       {"customerNumber=ABC123&customerNumber=ABC12", 400},
		"row 1: older differs":    {"customerNumber=ABC123&policyId=ABC12", 400},
		"row 2: control":          {"workProviderUserId=a%00b", 400},
		"row 3: other case":       {"CustomerNumber=ABC123", 400},
		"row 26: no UTF-8":        {"workProviderUserId=%ff", 400},
		"row 28: broken escaping": {"workProviderUserId=%zz", 400},
	} {
		status, body := get(t, w.status, courier, "/v1/user/status/?"+c.query)
		if status != c.want || status == 404 && body != `{"error":"INVALID_CUSTOMER"}` {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
}

// The two-tenant test: nothing tells somebody who shares with another work provider, or with none, from somebody who
// does not exist.
func TestRow23NoConsent(t *testing.T) {
	w := couriers(t)
	w.create("GONE12", courier, "left", withVehicle)
	w.withdraw("GONE12")
	w.create("NX43Z", parcels, "only-at-parcels", withVehicle)
	for _, path := range []string{"/v1/user/status", "/v1/status/"} {
		unknown := ask(w.status, courier, http.MethodGet, path+"?customerNumber=ZZZ999", "")
		body := bodyOf(t, unknown)
		if unknown.StatusCode != 404 || body != `{"error":"INVALID_CUSTOMER"}` {
			t.Fatalf("unknown: %d %s", unknown.StatusCode, body)
		}
		for name, query := range map[string]string{
			"shares with another":        "customerNumber=NX42Z",
			"shares with nobody":         "customerNumber=AB99",
			"shares no longer":           "customerNumber=GONE12",
			"unknown id":                 "workProviderUserId=0",
			"older spelling":             "policyId=NX42Z",
			"an id of another provider":  "workProviderUserId=only-at-parcels",
			"an older id of another one": "driverId=only-at-parcels",
		} {
			other := ask(w.status, courier, http.MethodGet, path+"?"+query, "")
			if text := bodyOf(t, other); other.StatusCode != unknown.StatusCode || text != body {
				t.Errorf("%s: %d %s", name, other.StatusCode, text)
			}
			// Asked for by the same name: an older one is answered with a Deprecation, whoever is meant.
			spelling, _, _ := strings.Cut(query, "=")
			unknown := ask(w.status, courier, http.MethodGet, path+"?"+spelling+"=ZZZ999", "")
			if !maps.EqualFunc(headers(other), headers(unknown), slices.Equal) {
				t.Errorf("%s: headers %v, of an unknown one %v", name, headers(other), headers(unknown))
			}
		}
	}
}

// headers are all but those that differ from one request to the next.
func headers(r *http.Response) http.Header {
	h := r.Header.Clone()
	h.Del("X-Request-Id")
	h.Del("Date")
	return h
}

func TestStatusReads(t *testing.T) {
	env := emulator.NewTestEnv(t)
	meter := emulator.AttachMeter(env)
	w := newFixture(t, env)
	w.create("ABC123", courier, "12345", withVehicle)
	for query, most := range map[string]int{
		"customerNumber=ABC123": 2, "workProviderUserId=12345": 3, "customerNumber=ZZZ999": 1, "workProviderUserId=0": 1,
	} {
		meter.Reset()
		get(t, w.status, courier, "/v1/status/?"+query)
		calls := 0
		for _, n := range meter.Calls() {
			calls += n
		}
		if calls != most {
			t.Errorf("%s: %v", query, meter.Calls())
		}
	}
}

func TestStatusHead(t *testing.T) {
	w := couriers(t)
	response := ask(w.status, courier, http.MethodHead, "/v1/status/?customerNumber=ABC123", "")
	if body := bodyOf(t, response); response.StatusCode != 200 || body != "" {
		t.Errorf("row 27: %d %q", response.StatusCode, body)
	}
}

// Of somebody who is insured and whom the work provider has not confirmed, or says that it does not know, the status
// says so, under each of their names. Nothing is said of who is not insured.
func TestStatusUnmatched(t *testing.T) {
	for _, c := range []struct{ number, query, detail string }{
		{"ABC123", "customerNumber=ABC123", `,"detail":"Insured, shifts not yet counted"}`},
		{"ABC123", "workProviderUserId=12345", `,"detail":"Insured, shifts not yet counted"}`},
		{"SE33S", "customerNumber=SE33S", "}"},
	} {
		w := couriers(t)
		_, matched := get(t, w.status, courier, "/v1/status?"+c.query)
		for _, step := range []struct {
			entry timeline.Entry
			want  string
		}{
			{timeline.NotMatched(noon.Add(-2 * time.Hour)), strings.TrimSuffix(matched, "}") + c.detail},
			{timeline.Matched(noon.Add(-time.Hour)), matched},
		} {
			if _, err := w.timelines.AddHistory(t.Context(), courier, c.number, []timeline.Entry{step.entry}); err != nil {
				t.Fatal(err)
			}
			if _, got := get(t, w.status, courier, "/v1/status?"+c.query); got != step.want {
				t.Errorf("%s after %s: %s", c.query, step.entry.Kind.APIName(), got)
			}
		}
	}
}

// Somebody may sign up before they are insured with anything.
func TestStatusNoPolicy(t *testing.T) {
	if got, want := newStatusResponse("ABC123", Policy{}),
		(statusResponse{Status: "DISABLED", PolicyID: "ABC123", CustomerNumber: "ABC123"}); got != want {
		t.Errorf("%+v", got)
	}
}
