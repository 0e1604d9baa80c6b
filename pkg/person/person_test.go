package person

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
)

// blames fails the test unless err is InvalidData about this field.
func blames(t *testing.T, err error, field string) {
	t.Helper()
	var bad *fault.Error
	if !errors.As(err, &bad) || bad.Kind != fault.InvalidData || bad.Field != field || bad.Detail == "" {
		t.Errorf("got %v, want a fault about %s", err, field)
	}
}

func TestIDs(t *testing.T) {
	long := strings.Repeat("A", 255)
	for _, test := range []struct {
		name, in, number, user string // "" as a result: refused
	}{
		{"plain", "ABC123", "ABC123", "ABC123"},
		{"lower case and spaces", " \tabc 123\u00a0\n", "ABC 123", ""},
		{"spaces within and around", " a b ", "A B", " a b "},
		{"digits", "1686", "1686", "1686"},
		{"upper case beyond ASCII", "é", "É", "é"},
		{"empty", "", "", ""},
		{"only spaces", "  ", "", "  "},
		{"255 bytes", long, long, long},
		{"256 bytes", long + "A", "", ""},
		{"255 bytes and a space", long + " ", long, ""},
		{"255 bytes, 85 characters", strings.Repeat("日", 85), strings.Repeat("日", 85), strings.Repeat("日", 85)},
		{"256 bytes, 86 characters", strings.Repeat("日", 85) + "A", "", ""},
		{"longer in upper case", strings.Repeat("ɐ", 127), "", strings.Repeat("ɐ", 127)}, // 2 bytes each, upper-cased 3
		{"NUL", "A\x00B", "", ""},
		{"a newline within", "A\nB", "", ""},
		{"DEL", "A\x7fB", "", ""},
		{"C1", "A\u0085B", "", ""},
		{"no characters, but no control characters either", "A\ufffe\u200b", "A\ufffe\u200b", "A\ufffe\u200b"},
		{"wrong UTF-8", "A\xff", "", ""},
	} {
		t.Run("row 2: "+test.name, func(t *testing.T) {
			number, err := NewCustomerNumber(test.in)
			if test.number == "" {
				blames(t, err, "customerNumber")
			} else if err != nil || number != (Name{CustomerNumber, test.number}) {
				t.Errorf("customer number %+v, %v", number, err)
			}
			user, err := NewUserID(test.in)
			if test.user == "" {
				blames(t, err, "workProviderUserId")
			} else if err != nil || user != (Name{UserID, test.user}) {
				t.Errorf("user id %+v, %v", user, err)
			}
		})
	}
}

// Whatever is accepted holds to row 2, and is accepted again as it is.
func TestIDProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(rapid.String(), rapid.StringMatching(`\s?[A-Za-z0-9é]{0,300}\s?`)).Draw(t, "in")
		for _, parse := range []func(string) (Name, error){NewCustomerNumber, NewUserID} {
			name, err := parse(in)
			if err != nil {
				continue
			}
			if len(name.Value) < 1 || len(name.Value) > 255 || !utf8.ValidString(name.Value) ||
				strings.ContainsFunc(name.Value, unicode.IsControl) {
				t.Fatalf("%q became %q", in, name.Value)
			}
			if again, err := parse(name.Value); err != nil || again != name {
				t.Fatalf("%q became %q, then %q, %v", in, name.Value, again.Value, err)
			}
		}
	})
}

// TestReference sends the same people in a body and, as far as that can say it, in a query.
func TestReference(t *testing.T) {
	number := func(s string) Name { return Name{CustomerNumber, s} }
	user := func(s string) Name { return Name{UserID, s} }
	for _, test := range []struct {
		name, body, query string
		want              Name
		blamed            string
	}{
		{"customer number", `{"customerNumber":"abc123"}`, "customerNumber=abc123", number("ABC123"), ""},
		{"user id", `{"workProviderUserId":"a b"}`, "workProviderUserId=a+b", user("a b"), ""},
		{"deprecated policyId", `{"policyId":"ABC123"}`, "policyId=ABC123", number("ABC123"), ""},
		{"deprecated driverId", `{"driverId":"1686"}`, "driverId=1686", user("1686"), ""},
		{"a number", `{"workProviderUserId":1686}`, "workProviderUserId=1686", user("1686"), ""},
		{"null and empty are not sent", `{"customerNumber":"","policyId":null,"workProviderUserId":"7"}`,
			"customerNumber=&policyId&workProviderUserId=7", user("7"), ""},
		{"deprecated beside its successor", `{"customerNumber":"ABC","policyId":"ABC"}`, "customerNumber=ABC&policyId=ABC",
			number("ABC"), ""},
		{"the same once normalised", `{"customerNumber":"abc","policyId":" ABC "}`, "customerNumber=abc&policyId=+ABC+",
			number("ABC"), ""},
		{"string and integer of one spelling", `{"workProviderUserId":"7","driverId":7}`, "workProviderUserId=7&driverId=7",
			user("7"), ""},
		{"other names are ignored", `{"customernumber":"x","CustomerNumber":"x","driverId":"7"}`,
			"customernumber=x&CustomerNumber=x&driverId=7", user("7"), ""},

		{"nobody", `{}`, "", Name{}, "customerNumber"},
		{"nobody but nulls", `{"customerNumber":null,"driverId":""}`, "customerNumber=&driverId=", Name{}, "customerNumber"},
		{"both kinds", `{"customerNumber":"A","workProviderUserId":"7"}`, "customerNumber=A&workProviderUserId=7", Name{},
			"workProviderUserId"},
		{"both kinds with one value", `{"customerNumber":"7","workProviderUserId":"7"}`,
			"customerNumber=7&workProviderUserId=7", Name{}, "workProviderUserId"},
		{"both kinds, deprecated", `{"policyId":"A","driverId":"7"}`, "policyId=A&driverId=7", Name{}, "driverId"},
		{"deprecated with another value", `{"customerNumber":"A","policyId":"B"}`, "customerNumber=A&policyId=B", Name{},
			"policyId"},
		{"user ids are opaque", `{"workProviderUserId":"a","driverId":"A"}`, "workProviderUserId=a&driverId=A", Name{},
			"driverId"},
		{"an id that is none", `{"customerNumber":"A\u0000"}`, "customerNumber=A%00", Name{}, "customerNumber"},
		{"a deprecated id that is none", `{"driverId":"A\u0000"}`, "driverId=A%00", Name{}, "driverId"},
		{"only spaces", `{"customerNumber":"  "}`, "customerNumber=++", Name{}, "customerNumber"},
	} {
		t.Run("row 1: "+test.name, func(t *testing.T) {
			var r PersonRef
			if err := json.Unmarshal([]byte(test.body), &r); err != nil {
				t.Fatal(err)
			}
			q, err := url.ParseQuery(test.query)
			if err != nil {
				t.Fatal(err)
			}
			for from, name := range map[string]func() (Name, error){"body": r.Name,
				"query": func() (Name, error) { return FromQuery(q) }} {
				got, err := name()
				if test.blamed != "" {
					blames(t, err, test.blamed)
				} else if err != nil || got != test.want {
					t.Errorf("%s: got %+v, %v", from, got, err)
				}
			}
		})
	}
}

func TestRepeatedParameters(t *testing.T) {
	for query, want := range map[string]Name{
		"customerNumber=A&customerNumber=A":                {CustomerNumber, "A"},
		"customerNumber=A&customerNumber=a":                {CustomerNumber, "A"},
		"customerNumber=A&customerNumber=":                 {CustomerNumber, "A"},
		"driverId=7&workProviderUserId=7&driverId=7":       {UserID, "7"},
		"customerNumber=A&customerNumber=B":                {},
		"driverId=a&driverId=A":                            {},
		"workProviderUserId=7&driverId=7&customerNumber=7": {},
	} {
		t.Run("row 1: "+query, func(t *testing.T) {
			q, _ := url.ParseQuery(query)
			got, err := FromQuery(q)
			if got != want || (err != nil) != (want == Name{}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	if _, err := FromQuery(url.Values{"customerNumber": {"\xff"}}); err == nil {
		t.Error("row 2: wrong UTF-8 was accepted")
	}
}

func TestCustomer(t *testing.T) {
	for body, want := range map[string]string{
		`{"customerNumber":"a"}`:                                         "A",
		`{"policyId":"a"}`:                                               "A",
		`{"customerNumber":"a","policyId":"A"}`:                          "A",
		`{"customerNumber":"a","workProviderUserId":"7","driverId":"8"}`: "A",
	} {
		t.Run("row 3: "+body, func(t *testing.T) {
			var r PersonRef
			if err := json.Unmarshal([]byte(body), &r); err != nil {
				t.Fatal(err)
			}
			if got, err := r.Customer(); err != nil || got != (Name{CustomerNumber, want}) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	for body, blamed := range map[string]string{
		`{}`:                                    "customerNumber",
		`{"workProviderUserId":"7"}`:            "customerNumber",
		`{"driverId":"7"}`:                      "customerNumber",
		`{"customerNumber":"A\u0001"}`:          "customerNumber",
		`{"customerNumber":"A","policyId":"B"}`: "policyId",
	} {
		t.Run("row 3: "+body, func(t *testing.T) {
			var r PersonRef
			if err := json.Unmarshal([]byte(body), &r); err != nil {
				t.Fatal(err)
			}
			_, err := r.Customer()
			blames(t, err, blamed)
		})
	}
}

// Faults are read by clients and written to logs: none may hold what was sent.
func TestErrorsWithoutValues(t *testing.T) {
	secret := "PRIVATE\x01"
	for _, r := range []PersonRef{
		{CustomerNumber: ID(secret)}, {CustomerNumber: "PRIVATE1", PolicyID: "PRIVATE2"},
		{CustomerNumber: "PRIVATE", DriverID: "PRIVATE"},
	} {
		if _, err := r.Name(); err == nil || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("got %v", err)
		}
	}
}
