package customer

import (
	"net/http"
	"testing"

	"zego.com/workprovider/pkg/emulator"
)

func TestValidate(t *testing.T) {
	w := newEmptyFixture(t)
	n := NewCustomer{Number: "ABC12", Details: validDetails("Driver+Zego@Example.com")}
	if _, err := w.register.Create(t.Context(), n, noon); err != nil {
		t.Fatal(err)
	}
	const nobody, other = `{"error":"INVALID_CUSTOMER"}`, `{"error":"INVALID_CUSTOMER_EMAIL"}`
	for name, c := range map[string]struct {
		path   string
		status int
		body   string
	}{
		"exists":                           {"ABC12", 204, ""},
		"row 10: with a slash":             {"ABC12/", 204, ""},
		"row 2: lower case, with spaces":   {"%20abc12%20", 204, ""},
		"unknown":                          {"ABC13", 404, nobody},
		"row 28: not A-Z0-9":               {"ABC-12", 404, nobody},
		"row 28: not ASCII":                {"%C3%89BC12", 404, nobody},
		"row 28: decoded once":             {"ABC%2512", 404, nobody},
		"row 28: a slash in it":            {"ABC%2F12", 404, nobody},
		"row 28: not UTF-8":                {"ABC12%ff", 404, nobody},
		"only spaces":                      {"%20", 404, nobody},
		"email fits":                       {"ABC12?email=driver%2Bzego@example.com", 204, ""},
		"email in another case":            {"ABC12/?email=DRIVER%2BZEGO@EXAMPLE.COM", 204, ""},
		"row 28: a + that was not escaped": {"ABC12?email=driver+zego@example.com", 204, ""},
		"row 28: spaces around":            {"ABC12?email=%20driver%2Bzego@example.com%20", 204, ""},
		"row 1: empty is not sent":         {"ABC12?email=", 204, ""},
		"row 1: repeated": {"ABC12?email=driver%2Bzego@example.com&email=driver%2Bzego@example.com", 204,
			""},
		"another email":              {"ABC12?email=driver@example.com", 404, other},
		"one of two":                 {"ABC12?email=driver%2Bzego@example.com&email=driver@example.com", 404, other},
		"unknown, with an email":     {"ABC13?email=driver%2Bzego@example.com", 404, nobody},
		"row 3: key in another case": {"ABC12?Email=driver@example.com", 204, ""},
	} {
		// Row 23: it tells any live key.
		for _, provider := range []string{courier, parcels} {
			response := ask(w.validate, provider, http.MethodGet, "/v1/validate/customer-number/"+c.path, "")
			if body := bodyOf(t, response); response.StatusCode != c.status || body != c.body {
				t.Errorf("%s: %d %s", name, response.StatusCode, body)
			}
			if _, typed := response.Header["Content-Type"]; typed != (c.body != "") {
				t.Errorf("%s: Content-Type %q", name, response.Header["Content-Type"])
			}
		}
	}
}

func TestValidateCalls(t *testing.T) {
	env := emulator.NewTestEnv(t)
	meter := emulator.AttachMeter(env)
	w := newFixture(t, env)
	w.create("ABC12", "", "", Policy{})
	meter.Reset()
	if status,
		body := get(t, w.validate, courier, "/v1/validate/customer-number/ABC12?email=abc12@example.com"); status != 204 {
		t.Fatalf("%d %s", status, body)
	}
	if calls := meter.Calls(); len(calls) != 1 || calls["DynamoDB.GetItem"] != 1 {
		t.Errorf("calls: %v", calls)
	}
}
