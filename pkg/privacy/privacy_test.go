package privacy

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/phone"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/webhook"
)

// canaries are the details of the person: none of them may be anywhere afterwards.
var canaries = customer.Details{
	GivenNames: "Daracanary", LastName: "Drivercanary", Address: "25 Canary Street", City: "Canaryham",
	PostCode: "CA1 1RY",
	DOB:      "1984-01-15", Email: "Canary@example.com", PhoneNumber: "+442079460999",
}

const plate = "CA11 ARY"

// fixture is a person enrolled by one work provider, who shares with another, too, and has an account.
type fixture struct {
	t          *testing.T
	env        *config.Env
	service    *Service
	customers  *customer.Store
	timelines  *timeline.Store
	recomputed []string
	number     string
	login      timeline.Fact
	now        time.Time
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	env := emulator.NewTestEnv(t)
	w := &fixture{
		t:         t,
		env:       env,
		customers: customer.NewStore(env),
		timelines: timeline.NewStore(env),
		now:       time.Now().Truncate(time.Microsecond),
	}
	recompute := func(_ context.Context, providerID, number string, _ time.Time) error {
		w.recomputed = append(w.recomputed, providerID+" "+number)
		return nil
	}
	w.service = NewService(env, webhook.NewDeliveries(env, time.Now), recompute)
	providers := apikey.NewStore(env)
	for _, name := range []string{"Courier Ltd", "Parcels & Co", "Others"} {
		_, err := providers.Create(t.Context(), provider.Provider{Name: name, CanEnrol: true}, w.now)
		w.must(err)
	}
	w.must(
		w.customers.PutProduct(
			t.Context(),
			customer.Product{Code: "P", CoverLevel: "level", ClassOfUse: "use", EnrolByAPI: true},
		),
	)
	key, _, err := providers.IssueKey(t.Context(), "courier-ltd", w.now)
	w.must(err)
	w.number = w.enrol(key)
	w.now = time.Now().Truncate(time.Microsecond) // after the consent
	w.must(
		link.New(w.timelines, recompute).
			GrantConsent(t.Context(), link.Grant{Provider: "parcels-co", Customer: w.number, UserID: "p-1", Matched: true},
				w.now),
	)
	w.must(dynamo.New(env.AWS()).Table(env.Get("CUSTOMERS_TABLE")).Put(map[string]any{
		"pk": "email#canary@example.com", "sk": "account", "v": 1, "number": w.number, "password": "hashed", "changed": w.now,
	}).Run(t.Context()))
	w.login = timeline.Fact{
		Name: person.Name{
			Kind:  person.UserID,
			Value: "c-1",
		}, Kind: timeline.Login, At: timeline.At(w.now.Add(time.Minute)), PlannedEnd: timeline.Never,
	}
	logout := w.login
	logout.Kind = timeline.Logout
	logout.At = logout.At.Add(time.Minute)
	void := timeline.NewVoid(logout, timeline.AcceptedAt(w.now.Add(time.Hour)), "Canary was ill")
	changes := timeline.MessageChanges{
		Provider: "courier-ltd", Facts: []timeline.Fact{w.login, logout}, Voids: []timeline.Void{void},
	}
	results := timeline.NewApplier(w.timelines, 1).
		Apply(t.Context(), []timeline.MessageChanges{changes}, timeline.At(time.Now()))
	w.must(results[0].Err)
	w.recomputed = nil
	return w
}

// enrol enrols the person through the API, and answers the number.
func (w *fixture) enrol(key string) string {
	w.t.Helper()
	register := customer.NewRegistrar(
		w.customers,
		w.timelines,
		func(context.Context, string, string, time.Time) error { return nil },
	)
	body, err := json.Marshal(map[string]any{
		"customer": map[string]string{
			"givenNames": canaries.GivenNames, "lastName": canaries.LastName, "address": canaries.Address, "city": canaries.City,
			"postCode": canaries.PostCode, "dob": canaries.DOB, "email": canaries.Email, "phoneNumber": canaries.PhoneNumber,
			"workProviderUserId": "c-1",
		},
		"product": map[string]string{"code": "P"},
	})
	w.must(err)
	request := httptest.NewRequest(http.MethodPost, "/v1/customer/enrol/", strings.NewReader(string(body)))
	request.Header.Set("Authorization", key)
	recorder := httptest.NewRecorder()
	customer.Enrol(apikey.CacheFrom(w.env), register, phone.Normalise, time.Now).ServeHTTP(recorder, request)
	var answer struct{ CustomerNumber string }
	w.must(json.Unmarshal(recorder.Body.Bytes(), &answer))
	if recorder.Code != http.StatusAccepted || answer.CustomerNumber == "" {
		w.t.Fatal(recorder.Code, recorder.Body)
	}
	return answer.CustomerNumber
}

func (w *fixture) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// everything is all rows of all tables that may hold something of a person, as text.
func (w *fixture) everything() string {
	w.t.Helper()
	var text strings.Builder
	for _, name := range []string{"PROVIDERS_TABLE", "CUSTOMERS_TABLE", "TIMELINES_TABLE", "SESSIONS_TABLE"} {
		var rows []map[string]any
		w.must(dynamo.New(w.env.AWS()).Table(w.env.Get(name)).Scan().All(w.t.Context(), &rows))
		if err := json.NewEncoder(&text).Encode(rows); err != nil {
			w.t.Fatal(err)
		}
	}
	return text.String()
}

func details() []string {
	return []string{
		canaries.GivenNames, canaries.LastName, canaries.Address, canaries.City, canaries.PostCode, canaries.DOB,
		canaries.Email,
		"canary@example.com", canaries.PhoneNumber, "Canary was ill",
	}
}

func TestExport(t *testing.T) {
	w := newFixture(t)
	e, err := w.service.Export(t.Context(), w.number, w.now)
	w.must(err)
	if e.Details == nil || *e.Details != Details(canaries) || e.Account == nil || !e.Policy.Insured ||
		e.Policy.CoverLevel != "level" {
		t.Errorf("%+v", e)
	}
	if len(e.Sharing) != 2 || e.Sharing[0].WorkProvider != "Courier Ltd" || e.Sharing[1].WorkProvider != "Parcels & Co" {
		t.Fatalf("%+v", e.Sharing)
	}
	courier := e.Sharing[0]
	if len(courier.EnrolledAs) != 1 || len(courier.History) != 3 || len(courier.Events) != 2 || len(courier.Shifts) != 1 {
		t.Fatalf("%+v", courier)
	}
	if got := courier.Events[1]; got.Counts || got.VoidReason != "Canary was ill" ||
		!got.VoidedAt.Equal(w.now.Add(time.Hour).Truncate(time.Millisecond)) {
		t.Errorf("what was taken back: %+v", got)
	}
	if got := courier.Events[0]; got.Kind != "LOGIN" || !got.At.Equal(w.login.At.Time()) ||
		got.WorkProviderUserID != "c-1" ||
		!got.Counts {
		t.Errorf("%+v", got)
	}
	if got := courier.Shifts[0]; got.EndedBy != "AUTO" || !got.Start.Equal(w.login.At.Time()) {
		t.Errorf("%+v", got)
	}
	_, err = w.service.Export(t.Context(), "NOBODY", w.now)
	if fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// After an erasure no row of any table holds a detail of the person; what claims are judged by is still there.
func TestErase(t *testing.T) {
	w := newFixture(t)
	before := w.everything()
	for _, detail := range details() {
		if !strings.Contains(before, detail) {
			t.Fatalf("%s is nowhere: this test tests nothing", detail)
		}
	}
	later := w.now.Add(2 * time.Hour)
	e, err := w.service.Erase(t.Context(), w.number, later)
	w.must(err)
	if !e.HadAccount || e.Enrolments != 1 || e.VoidReasons != 1 || len(e.WithdrawnFrom) != 2 || len(w.recomputed) != 2 {
		t.Errorf("%+v, %v", e, w.recomputed)
	}
	after := w.everything()
	for _, detail := range append(details(), "hashed") {
		if strings.Contains(after, detail) {
			t.Errorf("%s is still there", detail)
		}
	}
	left, err := w.service.Export(t.Context(), w.number, later)
	w.must(err)
	if left.Details != nil || left.Account != nil || !left.Erased.Equal(later) || left.Policy.Insured ||
		left.Policy.CoverLevel != "level" {
		t.Errorf("%+v", left)
	}
	if len(left.Sharing) != 2 || len(left.Sharing[0].Events) != 2 || len(left.Sharing[0].Shifts) != 1 ||
		left.Sharing[0].EnrolledAs != nil {
		t.Errorf("%+v", left.Sharing)
	}
}

// To everybody else somebody erased is somebody who never was, except that the number stays taken.
func TestErasedLookups(t *testing.T) {
	w := newFixture(t)
	_, err := w.service.Erase(t.Context(), w.number, w.now)
	w.must(err)
	if _, ok, err := w.customers.Customer(t.Context(), w.number); ok || err != nil {
		t.Errorf("there is a customer, %v", err)
	}
	if numbers, err := w.customers.ByEmail(t.Context(), canaries.Email); len(numbers) != 0 || err != nil {
		t.Errorf("%v, %v", numbers, err)
	}
	if _, ok, err := account.NewStore(w.env).PasswordChanged(t.Context(), canaries.Email); ok || err != nil {
		t.Errorf("there is an account, %v", err)
	}
	register := customer.NewRegistrar(w.customers, w.timelines, nil)
	_, err = register.Create(t.Context(), customer.NewCustomer{Number: w.number, Details: canaries}, w.now)
	if fault.KindOf(err) != fault.InvalidData {
		t.Errorf("the number was given to another: %v", err)
	}
	known, ok, err := timeline.FindConsented(
		t.Context(),
		w.timelines,
		"courier-ltd",
		w.login.Name,
		timeline.At(w.now.Add(time.Hour)),
	)
	if ok || err != nil {
		t.Errorf("%+v, %v", known, err)
	}
}

// An erasure that broke off is finished by another; another one of somebody erased changes nothing.
func TestEraseAgain(t *testing.T) {
	w := newFixture(t)
	broken := *w.service
	broken.links = link.New(w.timelines, func(context.Context, string, string, time.Time) error {
		return fault.New(fault.Unavailable, "")
	})
	if _, err := broken.Erase(t.Context(), w.number, w.now); fault.KindOf(err) != fault.Unavailable {
		t.Fatal(err)
	}
	e, err := w.service.Erase(t.Context(), w.number, w.now.Add(time.Hour))
	w.must(err)
	if !e.Erased.Equal(w.now) || len(e.WithdrawnFrom) != 2 || e.Enrolments != 1 {
		t.Errorf("%+v", e)
	}
	e, err = w.service.Erase(t.Context(), w.number, w.now.Add(2*time.Hour))
	w.must(err)
	if !e.Erased.Equal(w.now) || len(e.WithdrawnFrom) != 0 || e.Enrolments != 0 {
		t.Errorf("%+v", e)
	}
	_, err = w.service.Erase(t.Context(), "NOBODY", w.now)
	if fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// A vehicle's registration leads to its keeper, so it goes, too; another customer of the same email stays, and keeps
// the account.
func TestEraseSharedEmail(t *testing.T) {
	w := newFixture(t)
	register := customer.NewRegistrar(w.customers, w.timelines, nil)
	number, err := register.Create(t.Context(), customer.NewCustomer{
		Details: canaries, Policy: customer.Policy{CoverLevel: "level", ClassOfUse: "use", VehicleRegistration: plate},
	}, w.now)
	w.must(err)
	if !strings.Contains(w.everything(), plate) {
		t.Fatal("the registration is nowhere: this test tests nothing")
	}
	e, err := w.service.Erase(t.Context(), number, w.now)
	w.must(err)
	if e.HadAccount || strings.Contains(w.everything(), plate) {
		t.Errorf("%+v", e)
	}
	if numbers, err := w.customers.ByEmail(t.Context(), canaries.Email); err != nil || len(numbers) != 1 ||
		numbers[0] != w.number {
		t.Errorf("%v, %v", numbers, err)
	}
	if known, err := account.NewStore(w.env).ByEmail(t.Context(), "canary@example.com"); !known.Exists || err != nil {
		t.Errorf("the account of the other customer: %+v, %v", known, err)
	}
	e, err = w.service.Erase(t.Context(), w.number, w.now)
	w.must(err)
	if known, err := account.NewStore(w.env).ByEmail(t.Context(), "canary@example.com"); !e.HadAccount || known.Exists ||
		err != nil {
		t.Errorf("the account of nobody: %+v, %+v, %v", e, known, err)
	}
}
