// Package demo makes the demo world: work providers, customers and products with which the documents' own examples
// answer as the documents show ("The demo world" in the contract).
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

// Data is what somebody needs to know to try the demo world. Its JSON is the file that `make run` writes.
type Data struct {
	URL           string         `json:"url"` // where the API is served; empty until somebody serves it
	WorkProviders []WorkProvider `json:"workProviders"`
	Customers     []Customer     `json:"customers"`
}

// WorkProvider is a work provider and a key that works.
type WorkProvider struct {
	Name string `json:"name"`
	Key  string `json:"key"`
}

// Customer is a customer and the work provider that they share with.
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

// providers are the work providers, and whether they may enrol.
var providers = []struct {
	name     string
	canEnrol bool
}{
	{courierLtd, true},
	{parcelsCo, false},
}

// products are the documents' own, which customers may be enrolled on by API, and the couriers', which they may not.
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

// couriers are the customers. All have the couriers' cover, some of them no vehicle of their own, and one has let it
// lapse.
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

// Load makes what of the demo world is not there yet, and leaves alone what is. The keys of the previous world are kept
// if they still work, because only hashes of them are stored, and are made to work if nothing was ever known of them;
// others are issued in place of those that no longer do.
//
// Everybody has consented and been matched a year before the first load, so that events of the last months apply.
func Load(ctx context.Context, env *config.Env, previous Data) (Data, error) {
	now := time.Now()
	world := Data{URL: previous.URL}
	store := apikey.NewStore(env)
	for _, p := range providers {
		loaded, err := loadProvider(ctx, store, p.name, p.canEnrol, previous, now)
		if err != nil {
			return Data{}, err
		}
		world.WorkProviders = append(world.WorkProviders, loaded)
	}
	customers := customer.NewStore(env)
	for _, p := range products {
		if err := loadProduct(ctx, customers, p); err != nil {
			return Data{}, err
		}
	}
	register := customer.NewRegistrar(customers, timeline.NewStore(env), link.NoRecompute)
	for _, c := range couriers {
		_, there, err := customers.Customer(ctx, c.CustomerNumber)
		if err != nil {
			return Data{}, err
		}
		erased, err := customers.Erased(ctx, c.CustomerNumber) // somebody tried that out: who is forgotten stays so
		if err != nil {
			return Data{}, err
		}
		if !there && erased.IsZero() {
			_, err = register.Create(ctx, customer.NewCustomer{
				Number: c.CustomerNumber,
				Details: customer.Details{
					GivenNames: c.givenNames, LastName: c.lastName, Address: "25 Luke Street", City: "London", PostCode: "EC2A 4DS",
					DOB: "1984-01-15", Email: c.Email, PhoneNumber: "+442079460000",
				},
				Policy: customer.Policy{
					Insured: c.insured, Product: products[1].Code, CoverLevel: coverLevel, ClassOfUse: classOfUse,
					VehicleRegistration: c.vehicle,
				},
				Share: &customer.InitialShare{
					Provider: provider.Slug(c.WorkProvider), UserID: c.WorkProviderUserID, Since: now.AddDate(-1, 0, 0),
				},
			}, now)
			if err != nil {
				return Data{}, err
			}
		}
		world.Customers = append(world.Customers, c.Customer)
	}
	return world, nil
}

// loadProvider makes a work provider unless it is there, and finds it a key that works.
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
	for _, known := range previous.WorkProviders {
		if known.Name != name {
			continue
		}
		holder, err := keys.Authenticate(ctx, known.Key)
		if err == nil && holder.ID == p.ID {
			return known, nil
		}
		if err != nil && fault.KindOf(err).Retryable() {
			return WorkProvider{}, err
		}
		if err != nil && s.ImportKey(ctx, p.ID, known.Key, now) == nil {
			return known, nil
		}
	}
	key, _, err := s.IssueKey(ctx, p.ID, now)
	return WorkProvider{Name: name, Key: key}, err
}

// loadProduct defines a product unless it is there: somebody may have tried out a change of it.
func loadProduct(ctx context.Context, s *customer.Store, p customer.Product) error {
	_, there, err := s.Product(ctx, p.Code)
	if err != nil || there {
		return err
	}
	return s.PutProduct(ctx, p)
}
