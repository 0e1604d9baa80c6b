package customer

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/phone"
	"zego.com/workprovider/pkg/timeline"
)

var noon = testkit.Noon

const (
	courier = testkit.Courier // may enrol
	parcels = testkit.Parcels // may not
)

var keys = testkit.Keys()

// fixture is a storage of its own and the endpoints over it, at noon.
type fixture struct {
	t         *testing.T
	customers *Store
	timelines *timeline.Store
	register  *Registrar

	status, validate, enrol http.Handler

	mu       sync.Mutex
	refolded []recomputeCall
}

// recomputeCall is one call of Refold.
type recomputeCall struct {
	provider, number string
	from             time.Time
}

func newFixture(t *testing.T, env *config.Env) *fixture {
	w := &fixture{t: t, customers: NewStore(env), timelines: timeline.NewStore(env)}
	w.register = NewRegistrar(
		w.customers,
		w.timelines,
		func(_ context.Context, provider, number string, from time.Time) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refolded = append(w.refolded, recomputeCall{provider, number, from})
			return nil
		},
	)
	now := func() time.Time { return noon }
	w.status = contract.Checked(t, Status(keys, w.customers, w.timelines, now))
	w.validate = contract.Checked(t, Validate(keys, w.customers))
	w.enrol = contract.Checked(t, Enrol(keys, w.register, phone.Normalise, now))
	return w
}

// newEmptyFixture is a fixture without customers or products.
func newEmptyFixture(t *testing.T) *fixture { return newFixture(t, emulator.NewTestEnv(t)) }

// validDetails is acceptable details.
func validDetails(email string) Details {
	return Details{
		GivenNames: "Reakwon The", LastName: "Chef", Address: "25 Luke Street", City: "London", PostCode: "EC2A 4DS",
		DOB: "1984-01-15", Email: email, PhoneNumber: "+44012314323423",
	}
}

// create adds a customer, linked since yesterday if there is a work provider.
func (w *fixture) create(number, providerID, userID string, p Policy) {
	w.t.Helper()
	n := NewCustomer{Number: number, Details: validDetails(strings.ToLower(number) + "@example.com"), Policy: p}
	if providerID != "" {
		n.Share = &InitialShare{Provider: providerID, UserID: userID, Since: noon.AddDate(0, 0, -1)}
	}
	if _, err := w.register.Create(w.t.Context(), n, noon); err != nil {
		w.t.Fatal(err)
	}
}

// childminderProduct is the product of the documents' example.
var childminderProduct = Product{
	Code: "FL.OCC.PL.UK.001", CoverLevel: "Public Liability", ClassOfUse: "Occupational", EnrolByAPI: true,
	Occupations: []Occupation{{Name: "childminder", Synonyms: []string{"babysitter"}}, {Name: "tutor"}},
}

func (w *fixture) define(products ...Product) {
	w.t.Helper()
	for _, p := range products {
		if err := w.customers.PutProduct(w.t.Context(), p); err != nil {
			w.t.Fatal(err)
		}
	}
}

// ask sends a request with a work provider's key.
func ask(h http.Handler, providerID, method, target, body string) *http.Response {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	r.Header.Set("Authorization", providerID)
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	return recorder.Result()
}

// get is ask for a GET, and what came of it: the status and the body.
func get(t *testing.T, h http.Handler, providerID, target string) (int, string) {
	t.Helper()
	response := ask(h, providerID, http.MethodGet, target, "")
	return response.StatusCode, bodyOf(t, response)
}

func bodyOf(t *testing.T, r *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// withdraw takes back, an hour ago, the consent of one of the Courier's customers.
func (w *fixture) withdraw(number string) {
	w.t.Helper()
	_, err := w.timelines.AddHistory(
		w.t.Context(),
		courier,
		number,
		[]timeline.Entry{timeline.ConsentWithdrawn(noon.Add(-time.Hour))},
	)
	if err != nil {
		w.t.Fatal(err)
	}
}
