package sandbox

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// testCustomers are the customers of a sandbox. Each has the same ID at every work provider.
var testCustomers = []struct {
	number, userID     string
	insured            bool
	vehicle            string
	consented, matched bool
}{
	{"INSURED", "insured", true, "", true, true},
	{"VEHICLE", "vehicle", true, "VY7 JC3", true, true},
	{"LAPSED", "lapsed", false, "", true, true},
	{"UNCONSENTED", "unconsented", true, "", false, false},
	{"UNMATCHED", "unmatched", true, "", true, false},
}

// Seed creates the test customers that are missing, and the links that are missing, as of a year ago.
func (s *Sandbox) Seed(ctx context.Context) error {
	now := time.Now()
	registrar := customer.NewRegistrar(s.customers, s.timelines, link.NoRecompute)
	providers, err := s.providers.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range testCustomers {
		_, exists, err := s.customers.Customer(ctx, p.number)
		if err != nil {
			return err
		}
		if !exists {
			_, err := registrar.Create(ctx, customer.NewCustomer{
				Number: p.number,
				Details: customer.Details{
					GivenNames:  "Sandy",
					LastName:    "Box",
					Address:     "1 Long Lane",
					City:        "London",
					PostCode:    "EC1A 9HF",
					DOB:         "1990-05-17",
					Email:       p.userID + "@sandbox.example",
					PhoneNumber: "+447700900123",
				},
				Policy: customer.Policy{
					Insured:             p.insured,
					CoverLevel:          "Third Party (TPO)",
					ClassOfUse:          "Carriage of Goods for Hire & Reward",
					VehicleRegistration: p.vehicle,
				},
			}, now)
			if err != nil {
				return err
			}
		}
		if !p.consented {
			continue
		}
		since := now.AddDate(-1, 0, 0)
		entries := []timeline.Entry{timeline.ConsentGiven(since)}
		if p.matched {
			entries = append(entries, timeline.Matched(since))
		}
		for _, provider := range providers {
			if err := s.linkCustomer(ctx, provider.ID, p.number, p.userID, since, entries); err != nil {
				return err
			}
		}
	}
	return nil
}

// linkCustomer links a customer to a work provider under an ID, unless the ID is already linked.
func (s *Sandbox) linkCustomer(
	ctx context.Context,
	provider, number, userID string,
	since time.Time,
	entries []timeline.Entry,
) error {
	return table.RetryConflicts(ctx, func() error {
		ownership, err := s.timelines.Ownership(ctx, provider, userID)
		if err != nil || ownership.Owner != "" {
			return err
		}
		tx := s.timelines.WriteTx()
		linked := s.timelines.AssignUserID(tx, provider, userID, ownership, number, since)
		s.timelines.AppendHistory(tx, provider, number, append([]timeline.Entry{linked}, entries...)...)
		return table.Commit(ctx, tx)
	})
}
