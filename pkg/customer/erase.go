package customer

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
)

// Erase adds to a transaction the writes that erase who a customer is, on condition that this was not done before. What
// is left says that the customer of this number had this cover until now, which decides claims for years: no name, no
// address, no date of birth, no email, no telephone number, no vehicle. The number is never reused.
func (s *Store) Erase(tx *dynamo.WriteTx, c Customer, p Policy, now time.Time) {
	partition := table.CustomerPartition(c.Number)
	tx.Put(s.table.Put(customerItem{
		PK: partition, SK: table.CustomerSort, SchemaVersion: itemVersion, Number: c.Number, Erased: now.UTC(),
	}).If("attribute_exists(pk) AND attribute_not_exists('erased')"))
	left := policyItem{
		PK: partition, SK: table.PolicySort, SchemaVersion: itemVersion, Product: p.Product, Occupations: p.Occupations,
		CoverLevel: p.CoverLevel, ClassOfUse: p.ClassOfUse,
	}
	if p.Insured {
		left.InsuredUntil = now.UTC()
	}
	tx.Put(s.table.Put(left))
	tx.Delete(
		s.table.Delete(table.PK, table.EmailPartition(NormaliseEmail(c.Email))).
			Range(table.SK, table.EmailCustomerSort(c.Number)),
	)
}

// Erased returns when the customer of that number was erased; zero if that did not happen.
func (s *Store) Erased(ctx context.Context, number string) (time.Time, error) {
	r, _, err := s.customerItem(ctx, number)
	return r.Erased, err
}

// ByEmail returns the numbers of the customers of an email, in order.
func (s *Store) ByEmail(ctx context.Context, email string) ([]string, error) {
	var rows []emailItem
	err := s.table.Get(table.PK, table.EmailPartition(NormaliseEmail(email))).
		Range(table.SK, dynamo.BeginsWith, table.EmailCustomerPrefix).Consistent(true).All(ctx, &rows)
	numbers := make([]string, len(rows))
	for i, r := range rows {
		numbers[i] = r.Number
	}
	return numbers, table.Unavailable("customers", err)
}

// EnrolledNumber returns the number of the customer that a work provider enrolled under an id; "" if there is none.
func (s *Store) EnrolledNumber(ctx context.Context, provider, userID string) (string, error) {
	e, _, err := s.enrolment(ctx, provider, userID)
	return e.number, err
}

// DeleteEnrolment deletes an enrolment, with the digests of its request. The same request, sent again, creates a new
// customer.
func (s *Store) DeleteEnrolment(ctx context.Context, provider, userID string) error {
	deletion := s.table.Delete(table.PK, table.EnrolmentPartition(provider, userID)).Range(table.SK, table.EnrolmentSort)
	return table.Unavailable("customers", deletion.Run(ctx))
}
