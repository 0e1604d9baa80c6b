package customer

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/phone"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// example is the documents' own request.
const example = `{
    "customer": {
        "givenNames": "Reakwon The",
        "lastName": "Chef",
        "address": "25 Luke Street",
        "city": "London",
        "postCode": "EC2A 4DS",
        "dob": "1984-01-15",
        "email": "raekwon@wutangforever.wu",
        "phoneNumber": "+44012314323423",
        "workProviderUserId": "596e34ee2346c78cc8cf7c4"},
    "product": {
        "code": "FL.OCC.PL.UK.001",
        "occupations": ["babysitter"]}
}`

func (w *fixture) post(providerID, body string) (int, string) {
	w.t.Helper()
	response := ask(w.enrol, providerID, http.MethodPost, "/v1/customer/enrol/", body)
	return response.StatusCode, bodyOf(w.t, response)
}

// enrolled is post of what must succeed, and the new customer's number.
func (w *fixture) enrolled(body string) (answer, number string) {
	w.t.Helper()
	status, answer := w.post(courier, body)
	number, _, _ = strings.Cut(strings.TrimPrefix(answer, `{"customerNumber":"`), `"`)
	if status != 202 {
		w.t.Fatalf("%d %s", status, answer)
	}
	return answer, number
}

// customersOf counts the customers of an email.
func (w *fixture) customersOf(email string) int {
	w.t.Helper()
	n, err := w.customers.table.Get(table.PK, table.EmailPartition(email)).Consistent(true).Count(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func childminders(t *testing.T) *fixture {
	w := newEmptyFixture(t)
	closed := childminderProduct
	closed.Code = "FL.OCC.PL.UK.002"
	closed.EnrolByAPI = false
	w.define(childminderProduct, closed)
	return w
}

func TestRow8Enrol(t *testing.T) {
	w := childminders(t)
	answer, number := w.enrolled(example)
	want := `{"customerNumber":"` + number + `","occupations":["childminder"],` +
		`"workProviderUserId":"596e34ee2346c78cc8cf7c4",` +
		`"status":"Created","coverLevel":"Public Liability"}`
	if answer != want || len(number) != numberLength || !validNumber(number) {
		t.Errorf("row 9: %s", answer)
	}
	enabled := `{"status":"ENABLED","policyId":"` + number + `","customer_number":"` + number + `",` +
		`"cover_class_of_use":"Occupational","cover_level":"Public Liability"}`
	for _, query := range []string{"customerNumber=" + number, "workProviderUserId=596e34ee2346c78cc8cf7c4"} {
		if status, body := get(t, w.status, courier, "/v1/status/?"+query); status != 200 || body != enabled {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if status, _ := get(t, w.status, parcels, "/v1/status/?customerNumber="+number); status != 404 {
		t.Errorf("row 23: another work provider is told %d", status)
	}
	if status,
		_ := get(t, w.validate, courier,
		"/v1/validate/customer-number/"+number+"?email=raekwon@wutangforever.wu"); status != 204 {
		t.Errorf("validation: %d", status)
	}
}

// Rule 7: what an enrolled customer does counts from the enrolment on.
func TestEnrolHistory(t *testing.T) {
	w := childminders(t)
	_, number := w.enrolled(example)
	history, err := w.timelines.History(t.Context(), courier, number)
	if err != nil {
		t.Fatal(err)
	}
	at := timeline.At(noon)
	before := timeline.At(noon.Add(-time.Microsecond))
	if !history.Consented(at) || !history.Matched(at) || history.Consented(before) || history.Matched(before) {
		t.Error("the history does not begin with the enrolment")
	}
	if len(w.refolded) != 1 || w.refolded[0] != (recomputeCall{courier, number, noon}) {
		t.Errorf("refolded %v", w.refolded)
	}
}

func TestRow9Occupations(t *testing.T) {
	w := childminders(t)
	for i, c := range []struct{ sent, want string }{
		{`,"occupations":["childminder"]`, `["childminder"]`},
		{`,"occupations":["tutor","babysitter"]`, `["tutor","childminder"]`},
		{`,"occupations":["babysitter","childminder"]`, `["childminder"]`},
		{`,"occupations":[" Babysitter "]`, `["childminder"]`},
		{`,"occupations":[]`, `[]`},
		{`,"occupations":null`, `[]`},
		{``, `[]`},
	} {
		body := strings.Replace(example, `,
        "occupations": ["babysitter"]`, c.sent, 1)
		body = strings.Replace(body, "596e34ee", fmt.Sprint(i), 1)
		if answer, _ := w.enrolled(body); !strings.Contains(answer, `"occupations":`+c.want+`,`) {
			t.Errorf("%s: %s", c.sent, answer)
		}
		if again, _ := w.enrolled(body); !strings.Contains(again, `"occupations":`+c.want+`,`) {
			t.Errorf("row 25: %s again: %s", c.sent, again)
		}
	}
}

func TestRow24InvalidEnrolments(t *testing.T) {
	w := childminders(t)
	for _, c := range []struct{ name, old, new, field string }{
		{"unknown product", "FL.OCC.PL.UK.001", "FL.OCC.PL.UK.009", "product.code"},
		{"product without API enrolment", "FL.OCC.PL.UK.001", "FL.OCC.PL.UK.002", "product.code"},
		{"no product", `"FL.OCC.PL.UK.001"`, `null`, "product.code"},
		{"endless product", "FL.OCC.PL.UK.001", strings.Repeat("X", 3000), "product.code"},
		{"unknown occupation", `["babysitter"]`, `["babysitter","pirate"]`, "product.occupations"},
		{"empty occupation", `["babysitter"]`, `[""]`, "product.occupations"},
		{"null occupation", `["babysitter"]`, `[null]`, "product.occupations"},
		{"occupations no list", `["babysitter"]`, `"babysitter"`, "product.occupations"},
		{"no given names", `"givenNames"`, `"given_names"`, "customer.givenNames"},
		{"row 3: another case", `"lastName"`, `"lastname"`, "customer.lastName"},
		{"blank", "25 Luke Street", "  ", "customer.address"},
		{"null", `"London"`, `null`, "customer.city"},
		{"a number", `"EC2A 4DS"`, `1`, "customer.postCode"},
		{"too long", "EC2A 4DS", "EC2A 4DS EC2A 4DS EC2A 4DS", "customer.postCode"},
		{"control character", "London", `Lon\u0000don`, "customer.city"},
		{"another form of date", "1984-01-15", "15/01/1984", "customer.dob"},
		{"no such day", "1984-01-15", "1984-02-30", "customer.dob"},
		{"not yet born", "1984-01-15", "2026-03-15", "customer.dob"},
		{"too old", "1984-01-15", "1884-01-15", "customer.dob"},
		{"no email", "raekwon@wutangforever.wu", "raekwon", "customer.email"},
		{"two emails", "raekwon@wutangforever.wu", "a@example.com,b@example.com", "customer.email"},
		{"no domain", "raekwon@wutangforever.wu", "raekwon@localhost", "customer.email"},
		{"no dialling country", "+44012314323423", "012314323423", "customer.phoneNumber"},
		{"too many digits", "+44012314323423", "+4401231432342300", "customer.phoneNumber"},
		{"letters", "+44012314323423", "+44 CALL ME", "customer.phoneNumber"},
		{"no id", `"596e34ee2346c78cc8cf7c4"`, `""`, "customer.workProviderUserId"},
		{"long id", "596e34ee2346c78cc8cf7c4", strings.Repeat("5", 256), "customer.workProviderUserId"},
		{"row 2: a fraction as id", `"596e34ee2346c78cc8cf7c4"`, `1.0`, "customer.workProviderUserId"},
		{"customer no object", `"customer": {`, `"customer": [], "other": {`, "customer"},
	} {
		status, body := w.post(courier, strings.Replace(example, c.old, c.new, 1))
		if status != 400 || !strings.HasPrefix(body, `{"error":"INVALID_DATA","detail":"`) ||
			!strings.Contains(body, `"field":"`+c.field+`"`) {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
		if detail, _, _ := strings.Cut(body, `"field"`); !strings.Contains(detail, "`"+c.field+"`") {
			t.Errorf("%s: the detail does not name the field: %s", c.name, body)
		}
		if c.new != "" && len(c.new) > 3 && strings.Contains(body, c.new) {
			t.Errorf("%s: the answer repeats what was sent", c.name)
		}
	}
	if n := w.customersOf("raekwon@wutangforever.wu"); n != 0 {
		t.Errorf("%d customers came of it", n)
	}
	if len(w.refolded) != 0 {
		t.Errorf("refolded %v", w.refolded)
	}
}

func TestRow24NoPermission(t *testing.T) {
	w := childminders(t)
	for _, body := range []string{example, "", "{"} { // 403 comes before 400
		status, answer := w.post(parcels, body)
		if status != 403 || !strings.HasPrefix(answer, `{"error":"PERMISSION_DENIED"`) {
			t.Errorf("%d %s", status, answer)
		}
	}
}

func TestEnrolBrokenJSON(t *testing.T) {
	w := childminders(t)
	status, body := w.post(courier, `{c`)
	if status != 400 || body != `{"error":"INVALID_DATA","detail":"JSON decode error at line 1, column 2"}` {
		t.Errorf("row 7: %d %s", status, body)
	}
	for _, body := range []string{"", "null", "[]", `"x"`, "{}", "customer=1"} {
		if status, answer := w.post(courier, body); status != 400 {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
}

func TestRow2IntegerID(t *testing.T) {
	w := childminders(t)
	answer, _ := w.enrolled(strings.Replace(example, `"596e34ee2346c78cc8cf7c4"`, `90071992547409931`, 1))
	if !strings.Contains(answer, `"workProviderUserId":"90071992547409931"`) {
		t.Error(answer)
	}
}

// A million of occupations are refused before anything is made of them.
func TestRow24TooManyOccupations(t *testing.T) {
	w := childminders(t)
	many := `["babysitter"` + strings.Repeat(`,""`, 1_000_000) + `]`
	status, body := w.post(courier, strings.Replace(example, `["babysitter"]`, many, 1))
	if status != 400 || !strings.Contains(body, `"field":"product.occupations"`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestRow25RepeatedEnrolment(t *testing.T) {
	w := childminders(t)
	first, _ := w.enrolled(example)
	// Neither a product that is no longer what it was nor a spelling without meaning makes it another request.
	closed := childminderProduct
	closed.EnrolByAPI = false
	closed.CoverLevel = "Other"
	closed.Occupations = nil
	w.define(closed)
	for _, body := range []string{
		example,
		strings.ReplaceAll(example, "\n", ""),
		strings.Replace(example, "+44012314323423", "+44 (0123) 143-23423", 1),
		strings.Replace(example, "+44012314323423", "0044012314323423", 1),
		strings.Replace(example, `"London"`, `" London "`, 1),
		strings.Replace(example, "raekwon@wutangforever.wu", "Raekwon@WuTangForever.WU", 1),
	} {
		if again, _ := w.enrolled(body); again != first {
			t.Errorf("%s, first %s", again, first)
		}
	}
	if n := w.customersOf("raekwon@wutangforever.wu"); n != 1 {
		t.Errorf("%d customers", n)
	}
}

// An enrolment that was stored before emails were normalised is found by the email as it was sent.
func TestRow25EmailDigestsBeforeNormalisation(t *testing.T) {
	fields := []enrolField{{path: "customer.email", text: "Ann@Example.com"}}
	stored := digestsOf(fields)
	again := enrolField{path: "customer.email", text: "ann@example.com", earlier: "Ann@Example.com"}
	if err := stored.diff([]enrolField{again}); err != nil {
		t.Error(err)
	}
	other := enrolField{path: "customer.email", text: "bob@example.com", earlier: "Bob@Example.com"}
	if err := stored.diff([]enrolField{other}); err == nil {
		t.Error("another email is the same")
	}
}

func TestRow25DifferentData(t *testing.T) {
	w := childminders(t)
	w.enrolled(example)
	for field, change := range map[string][2]string{
		"customer.givenNames":  {"Reakwon The", "Ghostface"},
		"customer.lastName":    {"Chef", "Killah"},
		"customer.address":     {"25 Luke Street", "26 Luke Street"},
		"customer.city":        {"London", "Leeds"},
		"customer.postCode":    {"EC2A 4DS", "EC2A 4DT"},
		"customer.dob":         {"1984-01-15", "1984-01-16"},
		"customer.email":       {"raekwon@", "ghostface@"},
		"customer.phoneNumber": {"+44012314323423", "+44012314323424"},
		"product.code":         {"FL.OCC.PL.UK.001", "FL.OCC.PL.UK.002"},
		"product.occupations":  {`["babysitter"]`, `[]`},
	} {
		status, body := w.post(courier, strings.Replace(example, change[0], change[1], 1))
		if status != 400 || !strings.Contains(body, `"field":"`+field+`"`) {
			t.Errorf("%s: %d %s", field, status, body)
		}
	}
	if n := w.customersOf("raekwon@wutangforever.wu"); n != 1 {
		t.Errorf("%d customers", n)
	}
}

func TestRow25LinkedID(t *testing.T) {
	w := childminders(t)
	w.create("ABC123", courier, "596e34ee2346c78cc8cf7c4", Policy{})
	status, body := w.post(courier, example)
	if status != 400 || !strings.Contains(body, "workProviderUserId") {
		t.Errorf("%d %s", status, body)
	}
	w.create("NX42Z", parcels, "only-at-parcels", Policy{})
	w.enrolled(strings.Replace(example, "596e34ee2346c78cc8cf7c4", "only-at-parcels", 1))
}

func TestRow25EmailWithAccount(t *testing.T) {
	w := childminders(t)
	_, one := w.enrolled(example)
	_, two := w.enrolled(strings.Replace(example, "596e34ee", "", 1))
	if one == two || w.customersOf("raekwon@wutangforever.wu") != 2 {
		t.Errorf("%s and %s", one, two)
	}
}

func TestRow25ConcurrentEnrolments(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	w := childminders(t)
	answers := make([]string, 50)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			response := ask(w.enrol, courier, http.MethodPost, "/v1/customer/enrol", example)
			answers[i] = fmt.Sprint(response.StatusCode, " ", bodyOf(t, response))
		})
	}
	all.Wait()
	for _, answer := range answers {
		if answer != answers[0] || !strings.HasPrefix(answer, "202 ") {
			t.Fatalf("%s and %s", answers[0], answer)
		}
	}
	if n := w.customersOf("raekwon@wutangforever.wu"); n != 1 {
		t.Errorf("%d customers", n)
	}
}

// Fifty who want the same id with data of their own: one gets it.
func TestRow25EnrolConcurrently(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	w := childminders(t)
	var mu sync.Mutex
	var all sync.WaitGroup
	counts := map[int]int{}
	for i := range 50 {
		all.Go(func() {
			body := strings.Replace(example, "Luke Street", fmt.Sprint("Street ", i), 1)
			response := ask(w.enrol, courier, http.MethodPost, "/v1/customer/enrol", body)
			mu.Lock()
			defer mu.Unlock()
			counts[response.StatusCode]++
		})
	}
	all.Wait()
	if counts[202] != 1 || counts[400] != 49 || w.customersOf("raekwon@wutangforever.wu") != 1 {
		t.Errorf("answers: %v", counts)
	}
}

// Promise 5: after anything but a 202 nothing has happened, and a retry is safe.
func TestRecomputeUnavailable(t *testing.T) {
	w := childminders(t)
	down := errors.New("the queue is down")
	broken := NewRegistrar(
		w.customers,
		w.timelines,
		func(context.Context, string, string, time.Time) error { return down },
	)
	response := ask(
		Enrol(keys, broken, phone.Normalise, func() time.Time { return noon }),
		courier,
		http.MethodPost,
		"/v1/customer/enrol",
		example,
	)
	if response.StatusCode < 500 || w.customersOf("raekwon@wutangforever.wu") != 0 {
		t.Errorf("%d", response.StatusCode)
	}
	w.enrolled(example)
}

func TestEnrolCalls(t *testing.T) {
	env := emulator.NewTestEnv(t)
	meter := emulator.AttachMeter(env)
	w := newFixture(t, env)
	w.define(childminderProduct)
	meter.Reset()
	w.enrolled(example)
	if calls := meter.Calls(); len(calls) != 2 || calls["DynamoDB.GetItem"] != 3 ||
		calls["DynamoDB.TransactWriteItems"] != 1 {
		t.Errorf("calls: %v", calls)
	}
}

// Personal data stays in the table Customers, and each of the details stands in it once.
func TestPersonalDataTables(t *testing.T) {
	env := emulator.NewTestEnv(t)
	w := newFixture(t, env)
	w.define(childminderProduct)
	w.enrolled(example)
	for name, most := range map[string]int{env.Get("CUSTOMERS_TABLE"): 1, env.Get("TIMELINES_TABLE"): 0} {
		var rows []map[string]any
		if err := w.customers.db.Table(name).Scan().All(t.Context(), &rows); err != nil || len(rows) == 0 {
			t.Fatal(name, len(rows), err)
		}
		for _, detail := range []string{"Reakwon The", "Chef", "25 Luke Street", "EC2A 4DS", "1984-01-15",
			"+44012314323423"} {
			if n := strings.Count(fmt.Sprint(rows), detail); n > most {
				t.Errorf("%s stands %d times in %s", detail, n, name)
			}
		}
	}
}
