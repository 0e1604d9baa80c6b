package sandbox

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
)

// testCustomers are who lives in a sandbox. Every work provider of it knows all of them, by the same ids.
var testCustomers = []struct {
	number, userID       string
	insured              bool
	vehicle              string
	consented, isMatched bool
}{
	{"INSURED", "insured", true, "", true, true},
	{"VEHICLE", "vehicle", true, "VY7 JC3", true, true},
	{"LAPSED", "lapsed", false, "", true, true},
	{"UNCONSENTED", "unconsented", true, "", false, false},
	{"UNMATCHED", "unmatched", true, "", true, false},
}

// Seed makes the people who are missing, and what is missing of what they share, since a year ago.
func (s *Sandbox) Seed(ctx context.Context) error {
	now := time.Now()
	register := customer.NewRegistrar(s.customers, s.timelines, link.NoRecompute)
	providers, err := s.providers.List(ctx)
	if err != nil {
		return err
	}
	for _, p := range testCustomers {
		_, there, err := s.customers.Customer(ctx, p.number)
		if err != nil {
			return err
		}
		if !there {
			_, err := register.Create(ctx, customer.NewCustomer{
				Number: p.number,
				Details: customer.Details{
					GivenNames: "Sandy", LastName: "Box", Address: "1 Long Lane", City: "London", PostCode: "EC1A 9HF",
					DOB: "1990-05-17", Email: p.userID + "@sandbox.example", PhoneNumber: "+447700900123",
				},
				Policy: customer.Policy{
					Insured: p.insured, CoverLevel: "Third Party (TPO)", ClassOfUse: "Carriage of Goods for Hire & Reward",
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
		if p.isMatched {
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

// linkCustomer has a customer share with a work provider under an id, unless the id is somebody's already.
func (s *Sandbox) linkCustomer(
	ctx context.Context,
	provider, number, userID string,
	since time.Time,
	entries []timeline.Entry,
) error {
	owned, err := s.timelines.Ownership(ctx, provider, userID)
	if err != nil || owned.Owner != "" {
		return err
	}
	tx := s.timelines.WriteTx()
	linked := s.timelines.AssignUserID(tx, provider, userID, owned, number, since)
	s.timelines.AppendHistory(tx, provider, number, append([]timeline.Entry{linked}, entries...)...)
	return tx.Run(ctx)
}
