// Package privacy implements data subject requests under the GDPR: export and erasure.
//
//	export.go  all data about a customer, as one document
//	erase.go   erasure, and what is kept
package privacy

import (
	"context"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/webhook"
)

// Service exports and erases personal data. It uses every store that contains data about customers.
type Service struct {
	customers  *customer.Store
	accounts   *account.Store
	timelines  *timeline.Store
	providers  *apikey.Store
	deliveries *webhook.Deliveries
	links      *link.Links
}

// NewService returns the service for the tables that the environment names. An erasure withdraws consents, after which
// recompute requests the recomputation of shifts.
func NewService(env *config.Env, deliveries *webhook.Deliveries, recompute link.RequestRecompute) *Service {
	timelines := timeline.NewStore(env)
	return &Service{
		customers:  customer.NewStore(env),
		accounts:   account.NewStore(env),
		timelines:  timelines,
		providers:  apikey.NewStore(env),
		deliveries: deliveries,
		links:      link.New(timelines, recompute),
	}
}

// providerHistory is the history of a customer at a work provider.
type providerHistory struct {
	provider provider.Provider
	history  timeline.History
}

// providerHistories returns the histories of a customer, by work provider ID. It reads one for every work provider:
// there are few, and requests are rare.
func (s *Service) providerHistories(ctx context.Context, number string) ([]providerHistory, error) {
	providers, err := s.providers.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []providerHistory
	for _, p := range providers {
		history, err := s.timelines.History(ctx, p.ID, number)
		if err != nil {
			return nil, err
		}
		if !history.IsEmpty() {
			all = append(all, providerHistory{p, history})
		}
	}
	return all, nil
}

// enrolledUserIDs returns the IDs under which the work provider enrolled the customer.
func (s *Service) enrolledUserIDs(ctx context.Context, r providerHistory, number string) ([]string, error) {
	var ids []string
	for _, id := range r.history.AllUserIDs() {
		enrolled, err := s.customers.EnrolledNumber(ctx, r.provider.ID, id)
		if err != nil {
			return nil, err
		}
		if enrolled == number {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// errNotFound is the error for a customer number that was never used.
var errNotFound = fault.New(fault.NotFound, "No such customer")
