package demo

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/privacy"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/webhook"
)

func load(t *testing.T, env *config.Env, previous Data) Data {
	t.Helper()
	world, err := Load(t.Context(), env, previous)
	if err != nil {
		t.Fatal(err)
	}
	return world
}

func TestContractExamples(t *testing.T) {
	env := emulator.NewTestEnv(t)
	world := load(t, env, Data{})
	keys := map[string]string{}
	for _, p := range world.WorkProviders {
		keys[p.Name] = p.Key
	}
	const cover = `"cover_class_of_use":"Carriage of Goods for Hire & Reward","cover_level":"Third Party (TPO)"`
	status := customer.Status(apikey.CacheFrom(env), customer.NewStore(env), timeline.NewStore(env), time.Now)
	for _, c := range []struct{ provider, userID, want string }{
		{"Courier Ltd", "12345",
			`{"status":"ENABLED","policyId":"ABC123","customer_number":"ABC123",` + cover +
				`,"vehicle_registration":"VY7 JC3"}`},
		{"Courier Ltd", "1686", `{"status":"ENABLED","policyId":"ABC12","customer_number":"ABC12",` + cover + `}`},
		{"Courier Ltd", "8545", `{"status":"ENABLED","policyId":"IT15K","customer_number":"IT15K",` + cover + `}`},
		{"Courier Ltd", "212312qd2131", `{"status":"DISABLED","policyId":"SE33S","customer_number":"SE33S"}`},
		{"Parcels & Co", "1686", `{"status":"ENABLED","policyId":"NX42Z","customer_number":"NX42Z",` + cover + `}`},
		{"Parcels & Co", "12345", `{"error":"INVALID_CUSTOMER"}`},
	} {
		r := httptest.NewRequest(http.MethodGet, "/v1/user/status/?workProviderUserId="+c.userID, nil)
		r.Header.Set("Authorization", keys[c.provider])
		recorder := httptest.NewRecorder()
		status.ServeHTTP(recorder, r)
		if got := recorder.Body.String(); got != c.want {
			t.Errorf("%s, %s: %s", c.provider, c.userID, got)
		}
	}
	if len(world.Customers) != 5 ||
		world.Customers[0] != (Customer{"ABC123", "Courier Ltd", "12345", "driver@example.com"}) {
		t.Errorf("%+v", world.Customers)
	}
}

func TestEnrolmentPermissions(t *testing.T) {
	env := emulator.NewTestEnv(t)
	world := load(t, env, Data{})
	for i, may := range []bool{true, false} {
		p, err := apikey.CacheFrom(env).Authenticate(t.Context(), world.WorkProviders[i].Key)
		if err != nil || p.CanEnrol != may {
			t.Errorf("%+v, %v", p, err)
		}
	}
	store := customer.NewStore(env)
	for code, may := range map[string]bool{"FL.OCC.PL.UK.001": true, "CR.MOT.TPO.UK.001": false} {
		if p, ok, err := store.Product(t.Context(), code); !ok || err != nil || p.EnrolByAPI != may {
			t.Errorf("%s: %+v, %v, %v", code, p, ok, err)
		}
	}
}

func TestConsents(t *testing.T) {
	env := emulator.NewTestEnv(t)
	load(t, env, Data{})
	months := time.Now().AddDate(0, -11, 0)
	for _, c := range couriers {
		h, err := timeline.NewStore(env).History(t.Context(), provider.Slug(c.WorkProvider), c.CustomerNumber)
		if err != nil || !h.Consented(timeline.At(months)) || !h.Matched(timeline.At(months)) {
			t.Errorf("%s: %+v, %v", c.CustomerNumber, h, err)
		}
	}
}

func TestLoadTwice(t *testing.T) {
	env := emulator.NewTestEnv(t)
	first := load(t, env, Data{URL: "http://127.0.0.1:3000"})
	before := rows(t, env)
	if again := load(t, env, first); !reflect.DeepEqual(again, first) {
		t.Errorf("%+v, first %+v", again, first)
	}
	if !reflect.DeepEqual(rows(t, env), before) {
		t.Error("the rows have changed")
	}
}

func TestRevokedKeysReplaced(t *testing.T) {
	env := emulator.NewTestEnv(t)
	first := load(t, env, Data{})
	swapped := Data{WorkProviders: []WorkProvider{
		{Name: "Courier Ltd", Key: first.WorkProviders[1].Key}, // somebody else's
		{Name: "Parcels & Co", Key: "lost"},
	}}
	second := load(t, env, swapped)
	for i, p := range second.WorkProviders {
		if p.Key == first.WorkProviders[i].Key || p.Key == swapped.WorkProviders[i].Key {
			t.Errorf("%s has an old key", p.Name)
		}
		holder, err := apikey.CacheFrom(env).Authenticate(t.Context(), p.Key)
		if err != nil || holder.Name != p.Name {
			t.Errorf("%s: %+v, %v", p.Name, holder, err)
		}
	}
}

func TestKeyImport(t *testing.T) {
	gone := load(t, emulator.NewTestEnv(t), Data{})
	env := emulator.NewTestEnv(t)
	if world := load(t, env, gone); !reflect.DeepEqual(world.WorkProviders, gone.WorkProviders) {
		t.Errorf("%+v, before %+v", world.WorkProviders, gone.WorkProviders)
	}
	holder, err := apikey.CacheFrom(env).Authenticate(t.Context(), gone.WorkProviders[0].Key)
	if err != nil || holder.Name != "Courier Ltd" {
		t.Errorf("%+v, %v", holder, err)
	}
}

func TestRevokedKeyNotImported(t *testing.T) {
	env := emulator.NewTestEnv(t)
	first := load(t, env, Data{})
	store := apikey.NewStore(env)
	keys, err := store.Keys(t.Context(), "courier-ltd")
	if err != nil || len(keys) != 1 {
		t.Fatalf("%+v, %v", keys, err)
	}
	if err := store.RevokeKey(t.Context(), "courier-ltd", keys[0].ID, time.Now()); err != nil {
		t.Fatal(err)
	}
	if second := load(t, env, first); second.WorkProviders[0].Key == first.WorkProviders[0].Key {
		t.Error("the revoked key is back")
	}
}

func TestFileFormat(t *testing.T) {
	world := Data{
		URL:           "http://127.0.0.1:3000",
		WorkProviders: []WorkProvider{{"Courier Ltd", "k"}},
		Customers:     []Customer{{"ABC123", "Courier Ltd", "12345", "driver@example.com"}},
	}
	const want = `{"url":"http://127.0.0.1:3000","workProviders":[{"name":"Courier Ltd","key":"k"}],` +
		`"customers":[{"customerNumber":"ABC123","workProvider":"Courier Ltd","workProviderUserId":"12345",` +
		`"email":"driver@example.com"}]}`
	if got, err := json.Marshal(world); err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}

// rows are all rows of the three tables, by table and key.
func rows(t *testing.T, env *config.Env) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	db := dynamo.New(env.AWS())
	for _, variable := range []string{"PROVIDERS_TABLE", "CUSTOMERS_TABLE", "TIMELINES_TABLE"} {
		var all []map[string]any
		if err := db.Table(env.Get(variable)).Scan().Consistent(true).All(t.Context(), &all); err != nil {
			t.Fatal(err)
		}
		for _, row := range all {
			delete(row, "used") // the hour of a key's last use: to load again is to use it
			found[fmt.Sprint(variable, " ", row[table.PK], " ", row[table.SK])] = row
		}
	}
	return found
}

// Who tries out what an erasure does can still start again.
func TestErasedCustomer(t *testing.T) {
	env := emulator.NewTestEnv(t)
	world := load(t, env, Data{})
	noRefold := func(context.Context, string, string, time.Time) error { return nil }
	desk := privacy.NewService(env, webhook.NewDeliveries(env, time.Now), noRefold)
	if _, err := desk.Erase(t.Context(), "ABC123", time.Now()); err != nil {
		t.Fatal(err)
	}
	load(t, env, world)
	if c, there, err := customer.NewStore(env).Customer(t.Context(), "ABC123"); there || err != nil {
		t.Errorf("%+v, %v", c, err)
	}
}
