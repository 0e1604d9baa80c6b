// Package privacy gives people what the General Data Protection Regulation gives them: a copy of what is held of them,
// and to be forgotten.
//
//	export.go  everything of one person, in one document
//	erase.go   a person forgotten, and what is kept without the person
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

// Service is where such wishes are met. It reads and writes wherever something is held of a person.
type Service struct {
	customers  *customer.Store
	accounts   *account.Store
	timelines  *timeline.Store
	providers  *apikey.Store
	deliveries *webhook.Deliveries
	links      *link.Links
}

// NewService is a desk over the tables that the environment names. Whoever is erased shares no longer, and refold asks
// for what follows from that.
func NewService(env *config.Env, deliveries *webhook.Deliveries, refold link.RequestRecompute) *Service {
	timelines := timeline.NewStore(env)
	return &Service{
		customers: customer.NewStore(env), accounts: account.NewStore(env), timelines: timelines,
		providers: apikey.NewStore(env), deliveries: deliveries, links: link.New(timelines, refold),
	}
}

// providerHistory is what a customer and a work provider ever had to do with each other.
type providerHistory struct {
	provider provider.Provider
	history  timeline.History
}

// providerHistories are those of a customer, by the id of the work provider. It asks every provider: there are few,
// and such wishes are rare.
func (d *Service) providerHistories(ctx context.Context, number string) ([]providerHistory, error) {
	providers, err := d.providers.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []providerHistory
	for _, p := range providers {
		history, err := d.timelines.History(ctx, p.ID, number)
		if err != nil {
			return nil, err
		}
		if !history.IsEmpty() {
			all = append(all, providerHistory{p, history})
		}
	}
	return all, nil
}

// enrolledUserIDs are the ids under which the work provider enrolled the customer.
func (d *Service) enrolledUserIDs(ctx context.Context, r providerHistory, number string) ([]string, error) {
	var ids []string
	for _, id := range r.history.AllUserIDs() {
		whom, err := d.customers.EnrolledNumber(ctx, r.provider.ID, id)
		if err != nil {
			return nil, err
		}
		if whom == number {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// errNotFound is met when there is no such customer and never was.
var errNotFound = fault.New(fault.NotFound, "There is no such customer")
