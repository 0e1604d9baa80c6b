package customer

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
)

// Erase adds to a transaction the writes that forget who a customer is, on condition that nobody did so before. What is
// left says that somebody of this number had this cover until now, which claims are judged by for years: no name, no
// address, no birthday, no email, no telephone number, no vehicle. The number is never given to another.
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
	tx.Delete(s.table.Delete(table.PK, table.EmailPartition(NormaliseEmail(c.Email))).Range(table.SK, table.EmailCustomerSort(c.Number)))
}

// Erased is when the customer of that number was erased; zero if that did not happen.
func (s *Store) Erased(ctx context.Context, number string) (time.Time, error) {
	r, _, err := s.customerItem(ctx, number)
	return r.Erased, err
}

// ByEmail are the numbers of the customers of an email, in order.
func (s *Store) ByEmail(ctx context.Context, email string) ([]string, error) {
	var rows []emailItem
	err := s.table.Get(table.PK, table.EmailPartition(NormaliseEmail(email))).
		Range(table.SK, dynamo.BeginsWith, table.EmailCustomerPrefix).Consistent(true).All(ctx, &rows)
	numbers := make([]string, len(rows))
	for i, r := range rows {
		numbers[i] = r.Number
	}
	return numbers, stored(err)
}

// EnrolledNumber is the number of the customer whom a work provider enrolled under an id; "" if it enrolled nobody.
func (s *Store) EnrolledNumber(ctx context.Context, provider, userID string) (string, error) {
	e, _, err := s.enrolment(ctx, provider, userID)
	return e.number, err
}

// DeleteEnrolment deletes what is remembered of an enrolment: digests of what was asked. The same request, sent again,
// makes a new customer.
func (s *Store) DeleteEnrolment(ctx context.Context, provider, userID string) error {
	return stored(s.table.Delete(table.PK, table.EnrolmentPartition(provider, userID)).Range(table.SK, table.EnrolmentSort).Run(ctx))
}
