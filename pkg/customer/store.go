package customer

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// itemVersion is the schema version of every item here.
const itemVersion = 1

// Store keeps customers, policies, products and enrolments in the table Customers. Reads are consistent: a customer who
// was enrolled a moment ago is found. A failure of the storage is Unavailable.
type Store struct {
	db    *dynamo.DB
	table dynamo.Table
}

// NewStore returns the store in the table that CUSTOMERS_TABLE names.
func NewStore(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db: db, table: db.Table(env.Get("CUSTOMERS_TABLE"))}
}

type customerItem struct {
	PK            string    `dynamo:"pk,hash"`
	SK            string    `dynamo:"sk,range"`
	SchemaVersion int       `dynamo:"v"`
	Number        string    `dynamo:"number"`
	GivenNames    string    `dynamo:"givenNames"`
	LastName      string    `dynamo:"lastName"`
	Address       string    `dynamo:"address"`
	City          string    `dynamo:"city"`
	PostCode      string    `dynamo:"postCode"`
	DOB           string    `dynamo:"dob"`
	Email         string    `dynamo:"email"`
	PhoneNumber   string    `dynamo:"phoneNumber"`
	Created       time.Time `dynamo:"created"`
	Erased        time.Time `dynamo:"erased,omitempty"` // of an item that only keeps the number from being reused
}

type policyItem struct {
	PK                  string   `dynamo:"pk,hash"`
	SK                  string   `dynamo:"sk,range"`
	SchemaVersion       int      `dynamo:"v"`
	Insured             bool     `dynamo:"insured"`
	Product             string   `dynamo:"product,omitempty"`
	Occupations         []string `dynamo:"occupations,omitempty"`
	CoverLevel          string   `dynamo:"coverLevel,omitempty"`
	ClassOfUse          string   `dynamo:"classOfUse,omitempty"`
	VehicleRegistration string   `dynamo:"vehicleRegistration,omitempty"`
	// InsuredUntil is when an insured customer was erased: claims are decided by it for years.
	InsuredUntil time.Time `dynamo:"insuredUntil,omitempty"`
}

// emailItem says that a customer has that email. An email may have several customers.
type emailItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Number        string `dynamo:"number"`
	Email         string `dynamo:"email,omitempty"` // as it is written to
}

type productItem struct {
	PK            string           `dynamo:"pk,hash"`
	SK            string           `dynamo:"sk,range"`
	SchemaVersion int              `dynamo:"v"`
	CoverLevel    string           `dynamo:"coverLevel"`
	ClassOfUse    string           `dynamo:"classOfUse"`
	Occupations   []occupationItem `dynamo:"occupations,omitempty"`
	EnrolByAPI    bool             `dynamo:"enrolByApi"`
	Vehicle       bool             `dynamo:"vehicle,omitempty"`
}

type occupationItem struct {
	Name     string   `dynamo:"name"`
	Synonyms []string `dynamo:"synonyms,omitempty"`
}

// enrolmentItem is the request of an enrolment, as digests, and its response.
type enrolmentItem struct {
	PK            string            `dynamo:"pk,hash"`
	SK            string            `dynamo:"sk,range"`
	SchemaVersion int               `dynamo:"v"`
	Number        string            `dynamo:"number"`
	Occupations   []string          `dynamo:"occupations,omitempty"`
	CoverLevel    string            `dynamo:"coverLevel"`
	Salt          []byte            `dynamo:"salt"`
	Digests       map[string][]byte `dynamo:"digests"` // by the field's path
}

// Customer returns the customer of that number; false if there is none, or it was erased.
func (s *Store) Customer(ctx context.Context, number string) (Customer, bool, error) {
	r, ok, err := s.customerItem(ctx, number)
	if !ok || !r.Erased.IsZero() {
		return Customer{}, false, err
	}
	return Customer{Number: r.Number, Details: Details{
		GivenNames: r.GivenNames, LastName: r.LastName, Address: r.Address, City: r.City, PostCode: r.PostCode,
		DOB: r.DOB, Email: r.Email, PhoneNumber: r.PhoneNumber,
	}}, ok, err
}

// customerItem returns the item of a customer who exists or was erased.
func (s *Store) customerItem(ctx context.Context, number string) (r customerItem, ok bool, err error) {
	ok, err = table.GetItem(ctx, s.table, table.CustomerPartition(number), table.CustomerSort, &r)
	return r, ok, err
}

// RequireActive adds to a transaction the condition that the customer of that number exists and is not erased. It is
// NotFound if that is not so now.
func (s *Store) RequireActive(ctx context.Context, tx *dynamo.WriteTx, number string) error {
	if _, ok, err := s.Customer(ctx, number); err != nil {
		return err
	} else if !ok {
		return fault.New(fault.NotFound, "No such customer")
	}
	tx.Check(s.table.Check(table.PK, table.CustomerPartition(number)).Range(table.SK, table.CustomerSort).
		If("attribute_exists(pk) AND attribute_not_exists('erased')"))
	return nil
}

// Complete adds to a transaction the writes that put the details that a customer typed in the place of those that their
// work provider sent, but for the email, by which they are known, and a vehicle, if there was none. The customer must
// not be erased.
func (s *Store) Complete(ctx context.Context, tx *dynamo.WriteTx, number string, d Details, vehicle string) error {
	policy, err := s.Policy(ctx, number)
	if err != nil {
		return err
	}
	partition := table.CustomerPartition(number)
	tx.Update(s.table.Update(table.PK, partition).Range(table.SK, table.CustomerSort).
		Set("givenNames", d.GivenNames).Set("lastName", d.LastName).Set("address", d.Address).Set("city", d.City).
		Set("postCode", d.PostCode).Set("dob", d.DOB).Set("phoneNumber", d.PhoneNumber).
		If("attribute_exists(pk) AND attribute_not_exists('erased')"))
	if vehicle != "" && policy.VehicleRegistration == "" {
		tx.Update(s.table.Update(table.PK, partition).Range(table.SK, table.PolicySort).
			Set("vehicleRegistration", vehicle).If("attribute_exists(pk)"))
	}
	return nil
}

// Policy returns the policy of the customer of that number. A customer without one is not insured: the zero value.
func (s *Store) Policy(ctx context.Context, number string) (Policy, error) {
	var r policyItem
	_, err := table.GetItem(ctx, s.table, table.CustomerPartition(number), table.PolicySort, &r)
	return Policy{
		Insured: r.Insured, Product: r.Product, Occupations: r.Occupations,
		CoverLevel: r.CoverLevel, ClassOfUse: r.ClassOfUse, VehicleRegistration: r.VehicleRegistration,
	}, err
}

// Product returns the product of that code; false if there is none.
func (s *Store) Product(ctx context.Context, code string) (Product, bool, error) {
	var r productItem
	ok, err := table.GetItem(ctx, s.table, table.ProductPartition(code), table.ProductSort, &r)
	p := Product{
		Code:       code,
		CoverLevel: r.CoverLevel,
		ClassOfUse: r.ClassOfUse,
		EnrolByAPI: r.EnrolByAPI,
		Vehicle:    r.Vehicle,
	}
	for _, o := range r.Occupations {
		p.Occupations = append(p.Occupations, Occupation(o))
	}
	return p, ok, err
}

// PutProduct writes a product, replacing an earlier definition. Policies made from that do not change.
func (s *Store) PutProduct(ctx context.Context, p Product) error {
	if p.Code == "" || len(p.Code) > maxText || p.CoverLevel == "" || p.ClassOfUse == "" {
		return fault.New(fault.InvalidData, "A product needs a code, a cover level and a class of use")
	}
	r := productItem{
		PK: table.ProductPartition(p.Code), SK: table.ProductSort, SchemaVersion: itemVersion,
		CoverLevel: p.CoverLevel, ClassOfUse: p.ClassOfUse, EnrolByAPI: p.EnrolByAPI, Vehicle: p.Vehicle,
	}
	for _, o := range p.Occupations {
		r.Occupations = append(r.Occupations, occupationItem(o))
	}
	listed := productIndexItem{PK: table.ProductsPartition, SK: p.Code, SchemaVersion: itemVersion}
	return table.Unavailable("customers", s.db.WriteTx().Put(s.table.Put(r)).Put(s.table.Put(listed)).Run(ctx))
}

// productIndexItem says that a product of that code exists.
type productIndexItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
}

// Products returns all products, by code.
func (s *Store) Products(ctx context.Context) ([]Product, error) {
	var rows []productIndexItem
	if err := s.table.Get(table.PK, table.ProductsPartition).Consistent(true).All(ctx, &rows); err != nil {
		return nil, table.Unavailable("customers", err)
	}
	products := make([]Product, len(rows))
	for i, r := range rows {
		var err error
		if products[i], _, err = s.Product(ctx, r.SK); err != nil {
			return nil, err
		}
	}
	return products, nil
}

// enrolment returns the work provider's earlier enrolment under the id; false if there is none.
func (s *Store) enrolment(ctx context.Context, provider, userID string) (enrolment, bool, error) {
	var r enrolmentItem
	ok, err := table.GetItem(ctx, s.table, table.EnrolmentPartition(provider, userID), table.EnrolmentSort, &r)
	return enrolment{
		number: r.Number, occupations: r.Occupations, coverLevel: r.CoverLevel,
		digests: digests{salt: r.Salt, byPath: r.Digests},
	}, ok, err
}

// Add adds to a transaction the items of a new customer, whose details are normalised, on condition that the number is
// free.
func (s *Store) Add(tx *dynamo.WriteTx, c Customer, p Policy, now time.Time) {
	partition := table.CustomerPartition(c.Number)
	tx.Put(s.table.Put(customerItem{
		PK: partition, SK: table.CustomerSort, SchemaVersion: itemVersion, Number: c.Number,
		GivenNames: c.GivenNames, LastName: c.LastName, Address: c.Address, City: c.City, PostCode: c.PostCode,
		DOB: c.DOB, Email: c.Email, PhoneNumber: c.PhoneNumber, Created: now.UTC(),
	}).If("attribute_not_exists(pk)"))
	tx.Put(s.table.Put(policyItem{
		PK: partition, SK: table.PolicySort, SchemaVersion: itemVersion, Insured: p.Insured, Product: p.Product,
		Occupations: p.Occupations,
		CoverLevel:  p.CoverLevel, ClassOfUse: p.ClassOfUse, VehicleRegistration: p.VehicleRegistration,
	}))
	tx.Put(s.table.Put(emailItem{
		PK:            table.EmailPartition(NormaliseEmail(c.Email)),
		SK:            table.EmailCustomerSort(c.Number),
		SchemaVersion: itemVersion,
		Number:        c.Number,
		Email:         c.Email,
	}))
}

// addEnrolment adds to a transaction the item of an enrolment, on condition that the id has none.
func (s *Store) addEnrolment(tx *dynamo.WriteTx, provider, userID string, e enrolment) {
	tx.Put(s.table.Put(enrolmentItem{
		PK: table.EnrolmentPartition(provider, userID), SK: table.EnrolmentSort, SchemaVersion: itemVersion,
		Number: e.number, Occupations: e.occupations, CoverLevel: e.coverLevel, Salt: e.digests.salt,
		Digests: e.digests.byPath,
	}).If("attribute_not_exists(pk)"))
}
