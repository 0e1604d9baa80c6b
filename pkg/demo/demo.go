// Package demo loads the demo data: work providers, customers and products with which the examples of the source
// documentation return the documented responses ("Demo data" in the contract).
package demo

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
)

// Data contains the keys and numbers of the demo data. Its JSON is the file that `make run` writes.
type Data struct {
	URL           string         `json:"url"` // of the API; empty until it is served
	WorkProviders []WorkProvider `json:"workProviders"`
	Customers     []Customer     `json:"customers"`
}

// WorkProvider is a work provider and a valid key.
type WorkProvider struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Customer is a customer and the work provider they share with.
type Customer struct {
	CustomerNumber     string `json:"customerNumber"`
	WorkProvider       string `json:"workProvider"` // its name
	WorkProviderUserID string `json:"workProviderUserId"`
	Email              string `json:"email"`
}

const (
	courierLtd = "Courier Ltd"
	parcelsCo  = "Parcels & Co"
)

// providers are the work providers, and whether they may enrol customers.
var providers = []struct {
	name     string
	canEnrol bool
}{
	{courierLtd, true},
	{parcelsCo, false},
}

// products are that of the source documentation, which can be enrolled on by API, and that of couriers, which cannot.
var products = []customer.Product{
	{
		Code: "FL.OCC.PL.UK.001", CoverLevel: "Public Liability", ClassOfUse: "Occupational", EnrolByAPI: true,
		Occupations: []customer.Occupation{{Name: "childminder", Synonyms: []string{"babysitter"}}},
	},
	{Code: "CR.MOT.TPO.UK.001", CoverLevel: coverLevel, ClassOfUse: classOfUse, Vehicle: true},
}

const (
	coverLevel = "Third Party (TPO)"
	classOfUse = "Carriage of Goods for Hire & Reward"
)

// couriers are the customers. All have the couriers' product, some without a vehicle; the policy of one has lapsed.
var couriers = []struct {
	Customer
	givenNames, lastName string
	insured              bool
	vehicle              string
}{
	{Customer{"ABC123", courierLtd, "12345", "driver@example.com"}, "Dara", "Driver", true, "VY7 JC3"},
	{Customer{"ABC12", courierLtd, "1686", "cyclist@example.com"}, "Chris", "Cyclist", true, ""},
	{Customer{"IT15K", courierLtd, "8545", "runner@example.com"}, "Robin", "Runner", true, ""},
	{Customer{"SE33S", courierLtd, "212312qd2131", "rider@example.com"}, "Rowan", "Rider", false, ""},
	{Customer{"NX42Z", parcelsCo, "1686", "porter@example.com"}, "Pat", "Porter", true, ""},
}

// Load creates the demo data that is missing and does not change what exists. Keys of the previous data are kept if
// they are valid, because only their hashes are stored, and imported if they are unknown; keys that were revoked are
// replaced.
//
// All customers have consented and been matched a year before the first load, so that events of the last months apply.
//
// With an error it returns the data loaded so far, which is the previous data of the next attempt.
func Load(ctx context.Context, env *config.Env, previous Data) (Data, error) {
	now := time.Now()
	data := Data{URL: previous.URL}
	store := apikey.NewStore(env)
	for _, p := range providers {
		loaded, err := loadProvider(ctx, store, p.name, p.canEnrol, previous, now)
		if err != nil {
			return data, err
		}
		data.WorkProviders = append(data.WorkProviders, loaded)
	}
	customers := customer.NewStore(env)
	for _, p := range products {
		if err := loadProduct(ctx, customers, p); err != nil {
			return data, err
		}
	}
	registrar := customer.NewRegistrar(customers, timeline.NewStore(env), link.NoRecompute)
	for _, c := range couriers {
		_, exists, err := customers.Customer(ctx, c.CustomerNumber)
		if err != nil {
			return data, err
		}
		erased, err := customers.Erased(ctx, c.CustomerNumber) // an erased customer is not created again
		if err != nil {
			return data, err
		}
		if !exists && erased.IsZero() {
			_, err = registrar.Create(ctx, customer.NewCustomer{
				Number: c.CustomerNumber,
				Details: customer.Details{
					GivenNames:  c.givenNames,
					LastName:    c.lastName,
					Address:     "25 Luke Street",
					City:        "London",
					PostCode:    "EC2A 4DS",
					DOB:         "1984-01-15",
					Email:       c.Email,
					PhoneNumber: "+442079460000",
				},
				Policy: customer.Policy{
					Insured:             c.insured,
					Product:             products[1].Code,
					CoverLevel:          coverLevel,
					ClassOfUse:          classOfUse,
					VehicleRegistration: c.vehicle,
				},
				Share: &customer.InitialShare{
					Provider: provider.Slug(c.WorkProvider),
					UserID:   c.WorkProviderUserID,
					Since:    now.AddDate(-1, 0, 0),
				},
			}, now)
			if err != nil {
				return data, err
			}
		}
		data.Customers = append(data.Customers, c.Customer)
	}
	return data, nil
}

// loadProvider creates a work provider unless it exists, and returns it with a valid key.
func loadProvider(
	ctx context.Context,
	s *apikey.Store,
	name string,
	canEnrol bool,
	previous Data,
	now time.Time,
) (WorkProvider, error) {
	p, err := s.ByName(ctx, name)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		p, err = s.Create(ctx, provider.Provider{Name: name, CanEnrol: canEnrol, Product: products[1].Code}, now)
	}
	if err != nil {
		return WorkProvider{}, err
	}
	keys := apikey.NewCache(s, time.Now)
	for _, prev := range previous.WorkProviders {
		if prev.Name != name {
			continue
		}
		owner, err := keys.Authenticate(ctx, prev.Key)
		if err == nil && owner.ID == p.ID {
			return prev, nil
		}
		if err != nil && fault.KindOf(err).Retryable() {
			return WorkProvider{}, err
		}
		if err != nil && s.ImportKey(ctx, p.ID, prev.Key, now) == nil {
			return prev, nil
		}
	}
	key, _, err := s.IssueKey(ctx, p.ID, now)
	return WorkProvider{Name: name, Key: key}, err
}

// loadProduct creates a product unless it exists: it may have been changed on purpose.
func loadProduct(ctx context.Context, s *customer.Store, p customer.Product) error {
	_, exists, err := s.Product(ctx, p.Code)
	if err != nil || exists {
		return err
	}
	return s.PutProduct(ctx, p)
}
