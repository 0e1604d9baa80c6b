package pages

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// Webhooks notifies a work provider that a customer agreed to share with it, and knows the result. It is package
// webhook's Announcer and Deliveries in one.
type Webhooks interface {
	// PublishPendingSignUp publishes that the customer is about to agree, before that is stored.
	PublishPendingSignUp(ctx context.Context, provider, customer string) error
	// PublishSignUp publishes that it is stored. If it fails, the work provider is only notified later.
	PublishSignUp(ctx context.Context, provider, customer string) error
	// MatchStatus returns the state of the match.
	MatchStatus(ctx context.Context, provider, customer string) (webhook.MatchStatus, error)
}

// NewWebhooks returns the webhooks of the queue and the tables that the environment names.
func NewWebhooks(env *config.Env) Webhooks {
	return struct {
		webhook.Publisher
		*webhook.Deliveries
	}{webhook.NewPublisherFromEnv(env), webhook.NewDeliveries(env, time.Now)}
}

// consentData is what the consent page shows.
type consentData struct {
	Provider      string // the work provider's name
	UserID        string // by which it calls the customer
	Email         string // of the customer who is signed in
	AlreadyShared bool
}

// consentContext is what a consent is about.
type consentContext struct {
	intent        account.LinkIntent
	provider      provider.Provider
	alreadyShared bool
}

// consentContext finds out what the customer who is signed in came for. An id of another customer is a pageError.
func (r *pageRequest) consentContext() (consentContext, error) {
	intent, p, ok, err := r.linkIntent()
	if err != nil {
		return consentContext{}, err
	}
	if !ok {
		return consentContext{}, &pageError{
			status: http.StatusBadRequest,
			title:  "Which work provider?",
			Text:   "To share with a work provider, open the link in its app. Nothing was changed.",
			Links:  accountLink,
		}
	}
	owned, err := r.timelines.Ownership(r.Context(), intent.Provider, intent.UserID)
	if err != nil {
		return consentContext{}, err
	}
	if owned.Owner != "" && owned.Owner != r.customer {
		return consentContext{}, r.linkedElsewhere(p)
	}
	history, err := r.timelines.History(r.Context(), intent.Provider, r.customer)
	if err != nil {
		return consentContext{}, err
	}
	alreadyShared := owned.Owner == r.customer && history.Consented(timeline.At(r.now))
	return consentContext{intent: intent, provider: p, alreadyShared: alreadyShared}, nil
}

func consentForm(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	asked, err := r.consentContext()
	if err != nil {
		return web.Response{}, err
	}
	c, ok, err := r.customers.Customer(r.Context(), r.customer)
	if err != nil {
		return web.Response{}, err
	}
	if !ok {
		return r.endAndRedirect()
	}
	data := consentData{
		Provider:      asked.provider.Name,
		UserID:        asked.intent.UserID,
		Email:         c.Email,
		AlreadyShared: asked.alreadyShared,
	}
	return r.render(http.StatusOK, "Share with "+data.Provider, consentContent(r, data)), nil
}

// consent stores what the customer agreed to in one transaction: sharing, the id, and that the two are matched (rule
// 7). Sent twice it is stored once. To decline stores nothing.
func consent(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	asked, err := r.consentContext()
	switch {
	case err != nil:
		return web.Response{}, err
	case r.form.Get("choice") != "agree":
		return r.redirect("", url.Values{"done": {"declined"}})
	case asked.alreadyShared:
		return r.redirect("", url.Values{"done": {"linked"}})
	}
	if err := r.allow(counter{account.ConsentByCustomer, r.customer}); err != nil {
		return web.Response{}, withLinks(err, accountLink...)
	}
	// The browser may go away now: what it asked for is done whole.
	ctx := context.WithoutCancel(r.Context())
	if err := r.webhooks.PublishPendingSignUp(ctx, asked.provider.ID, r.customer); err != nil {
		return web.Response{}, err
	}
	grant := link.Grant{
		Provider: asked.provider.ID,
		Customer: r.customer,
		UserID:   asked.intent.UserID,
		Matched:  true,
		Require:  r.customers.RequireActive,
	}
	err = r.links.GrantConsent(ctx, grant, r.now)
	if err != nil && fault.KindOf(err) == fault.NotFound { // the customer was erased
		return r.endAndRedirect()
	}
	if errors.Is(err, link.ErrTooManyChanges) {
		return web.Response{}, &pageError{
			status: http.StatusTooManyRequests,
			title:  "Too many changes",
			Text:   "You linked this work provider too often this month. Nothing was changed. Please try again next month.",
			Links:  accountLink,
		}
	}
	if err != nil && fault.KindOf(err) == fault.InvalidData { // another customer was faster
		return web.Response{}, r.linkedElsewhere(asked.provider)
	}
	if err != nil {
		return web.Response{}, err
	}
	r.webhooks.PublishSignUp(ctx, asked.provider.ID, r.customer) // if it fails, the pending message arrives a little later
	return r.redirect("", url.Values{"done": {"linked"}})
}
