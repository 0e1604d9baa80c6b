package account

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// Webhooks tells a work provider that somebody agreed to share with it, and knows what came of it. It is package webhook's
// Announcer and Deliveries in one.
type Webhooks interface {
	// Expect says that the customer is about to agree, before that is stored.
	Expect(ctx context.Context, provider, customer string) error
	// SignedUp says that it is stored. Its failure only means that the work provider hears of it later.
	SignedUp(ctx context.Context, provider, customer string) error
	// State is how far the two have come.
	State(ctx context.Context, provider, customer string) (webhook.Progress, error)
}

// WebhooksFrom are the webhooks of the queue and the tables that the environment names.
func WebhooksFrom(env *config.Env) Webhooks {
	return struct {
		webhook.Announcer
		*webhook.Deliveries
	}{webhook.AnnouncerFrom(env), webhook.DeliveriesFrom(env, time.Now)}
}

// consentData is what the page of a consent shows.
type consentData struct {
	Provider string // the work provider's name
	UserID   string // by which it calls the customer
	Email    string // of the customer who is signed in
	Already  bool   // they share already
}

// atConsent finds out who is signed in and what they came for. If the id is somebody else's it is a problem.
func (v *visit) atConsent() (f followed, p provider.Provider, sharing bool, err error) {
	f, p, came, err := v.came()
	if err != nil {
		return f, p, false, err
	}
	if !came {
		return f, p, false, &problem{status: http.StatusBadRequest, title: "Which work provider?",
			Text: "To share with a work provider, open the link in its app. Nothing was changed.", Ways: toAccount}
	}
	owned, err := v.timelines.Ownership(v.Context(), f.provider, f.userID, false)
	if err != nil {
		return f, p, false, err
	}
	if owned.Owner != "" && owned.Owner != v.customer {
		return f, p, false, v.anothers(p)
	}
	history, err := v.timelines.History(v.Context(), f.provider, v.customer)
	return f, p, owned.Owner == v.customer && history.Consented(timeline.At(v.at)), err
}

func consentForm(v *visit) (web.Response, error) {
	if v.customer == "" {
		return v.toLogIn()
	}
	f, p, already, err := v.atConsent()
	if err != nil {
		return web.Response{}, err
	}
	c, _, err := v.customers.Customer(v.Context(), v.customer)
	if err != nil {
		return web.Response{}, err
	}
	return v.render(http.StatusOK, "Share with "+p.Name, consentContent(v, consentData{p.Name, f.userID, c.Email, already})), nil
}

// consent stores what the customer agreed to, all at once: sharing, the id, and that the two are matched (rule 7). Sent
// twice it is stored once. To decline stores nothing.
func consent(v *visit) (web.Response, error) {
	if v.customer == "" {
		return v.toLogIn()
	}
	f, p, already, err := v.atConsent()
	switch {
	case err != nil:
		return web.Response{}, err
	case v.form.Get("choice") != "agree":
		return v.goTo("", url.Values{"done": {"declined"}})
	case already:
		return v.goTo("", url.Values{"done": {"linked"}})
	}
	// The browser may go away now: what it asked for is done whole.
	ctx := context.WithoutCancel(v.Context())
	if err := v.webhooks.Expect(ctx, f.provider, v.customer); err != nil {
		return web.Response{}, err
	}
	agreed := link.Agreement{Provider: f.provider, Customer: v.customer, UserID: f.userID, Matched: true}
	err = v.links.Give(ctx, agreed, v.at)
	if err != nil && fault.Of(err) == fault.InvalidData { // somebody else was faster
		return web.Response{}, v.anothers(p)
	}
	if err != nil {
		return web.Response{}, err
	}
	v.webhooks.SignedUp(ctx, f.provider, v.customer) // if it fails, Expect's message comes a little later
	return v.goTo("", url.Values{"done": {"linked"}})
}
