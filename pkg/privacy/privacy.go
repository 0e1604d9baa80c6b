// Package privacy gives people what the General Data Protection Regulation gives them: a copy of what is held of them, and
// to be forgotten.
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

// Desk is where such wishes are met. It reads and writes wherever something is held of a person.
type Desk struct {
	customers  *customer.Store
	accounts   *account.Store
	timelines  *timeline.Store
	providers  *apikey.Store
	deliveries *webhook.Deliveries
	links      *link.Links
}

// DeskFrom is a desk over the tables that the environment names. Whoever is erased shares no longer, and refold asks for
// what follows from that.
func DeskFrom(env *config.Env, deliveries *webhook.Deliveries, refold link.Refold) *Desk {
	timelines := timeline.StoreFrom(env)
	return &Desk{
		customers: customer.StoreFrom(env), accounts: account.NewStore(env), timelines: timelines,
		providers: apikey.NewStore(env), deliveries: deliveries, links: link.New(timelines, refold),
	}
}

// relation is what a customer and a work provider ever had to do with each other.
type relation struct {
	provider provider.Provider
	history  timeline.History
}

// relations are those of a customer, by the id of the work provider. It asks every provider: there are few, and such wishes
// are rare.
func (d *Desk) relations(ctx context.Context, number string) ([]relation, error) {
	providers, err := d.providers.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []relation
	for _, p := range providers {
		history, err := d.timelines.History(ctx, p.ID, number)
		if err != nil {
			return nil, err
		}
		if !history.IsEmpty() {
			all = append(all, relation{p, history})
		}
	}
	return all, nil
}

// enrolledAs are the ids under which the work provider enrolled the customer.
func (d *Desk) enrolledAs(ctx context.Context, r relation, number string) ([]string, error) {
	var ids []string
	for _, id := range r.history.EverHeld() {
		whom, err := d.customers.Enrolled(ctx, r.provider.ID, id)
		if err != nil {
			return nil, err
		}
		if whom == number {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// errNobody is met when there is no such customer and never was.
var errNobody = fault.New(fault.NotFound, "There is no such customer.")
