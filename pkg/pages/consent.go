package pages

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// Webhooks notifies a work provider that a customer consented to share with it, and returns the result. It combines
// webhook.Publisher and webhook.Deliveries.
type Webhooks interface {
	// PublishPendingSignUp publishes that the customer is about to agree, before that is stored.
	PublishPendingSignUp(ctx context.Context, providerID, number string) error
	// PublishSignUp publishes that it is stored. If it fails, the work provider is only notified later.
	PublishSignUp(ctx context.Context, providerID, number string) error
	// MatchStatus returns the state of the match.
	MatchStatus(ctx context.Context, providerID, number string) (webhook.MatchStatus, error)
	// HasWebhook reports whether the work provider is notified and asked.
	HasWebhook(ctx context.Context, providerID string) (bool, error)
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
	LinkEmail     string // that the link has, if it is another one
	EmailError    string // what is wrong with the answer to whether the id is theirs all the same
	AlreadyShared bool
	Pending       bool // the work provider has not confirmed the id yet
}

// consentContext is what a consent is about.
type consentContext struct {
	intent        account.LinkIntent
	provider      provider.Provider
	customer      customer.Customer // who is signed in
	alreadyShared bool
	pending       bool // the customer agreed, and the work provider has not confirmed the id yet
}

// linkEmail returns the email of the link if it is not the customer's.
func (c consentContext) linkEmail() string {
	if c.intent.Email == customer.NormaliseEmail(c.customer.Email) {
		return ""
	}
	return c.intent.Email
}

// page returns what the consent page shows.
func (c consentContext) page() consentData {
	return consentData{
		Provider:      c.provider.Name,
		UserID:        c.intent.UserID,
		Email:         c.customer.Email,
		LinkEmail:     c.linkEmail(),
		AlreadyShared: c.alreadyShared,
		Pending:       c.pending,
	}
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
	c, ok, err := r.customers.Customer(r.Context(), r.customer)
	if err != nil || !ok {
		return consentContext{}, cmp.Or(err, errErased)
	}
	return consentContext{
		intent:        intent,
		provider:      p,
		customer:      c,
		alreadyShared: owned.Owner == r.customer && history.Consented(timeline.At(r.now)),
		pending:       history.HasPendingClaim(intent.UserID),
	}, nil
}

// errErased means that the customer who is signed in was erased.
var errErased = errors.New("pages: the customer was erased")

func consentForm(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	pending, err := r.consentContext()
	if errors.Is(err, errErased) {
		return r.endAndRedirect()
	}
	if err != nil {
		return web.Response{}, err
	}
	return r.render(http.StatusOK, "Share with "+pending.provider.Name, consentContent(r, pending.page())), nil
}

// consent stores what the customer agreed to in one transaction: sharing, and the id. Where the work provider has a
// webhook, its reply confirms the id and matches the two; else the consent does (rule 7). Sent twice it is stored once.
// To decline stores nothing.
func consent(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	pending, err := r.consentContext()
	switch {
	case errors.Is(err, errErased):
		return r.endAndRedirect()
	case err != nil:
		return web.Response{}, err
	case r.form.Get("choice") != "agree":
		return r.redirect("", url.Values{"done": {"declined"}})
	case pending.alreadyShared:
		return r.redirect("", url.Values{"done": {"linked"}})
	case pending.pending:
		return r.redirect("", url.Values{"done": {"asked"}})
	case pending.linkEmail() != "" && r.form.Get("mine") != "yes":
		page := pending.page()
		page.EmailError = "Confirm that the account is yours, or decline."
		title := "Error: Share with " + pending.provider.Name
		return r.render(http.StatusUnprocessableEntity, title, consentContent(r, page)), nil
	}
	hasWebhook, err := r.webhooks.HasWebhook(r.Context(), pending.provider.ID)
	if err != nil {
		return web.Response{}, err
	}
	if pending.provider.SignedLinksOnly && !pending.intent.Signed { // since the link was opened
		return web.Response{}, badLink(pending.provider.Name + " no longer uses links of this kind.")
	}
	if err := r.allow(counter{account.ConsentByCustomer, r.customer}); err != nil {
		return web.Response{}, withLinks(err, accountLink...)
	}
	// The browser may go away now: what it asked for is done whole.
	ctx := context.WithoutCancel(r.Context())
	if err := r.webhooks.PublishPendingSignUp(ctx, pending.provider.ID, r.customer); err != nil {
		return web.Response{}, err
	}
	grant := link.Grant{
		Provider:   pending.provider.ID,
		Customer:   r.customer,
		UserID:     pending.intent.UserID,
		Matched:    !hasWebhook,
		Claimed:    hasWebhook,
		MaxUserIDs: link.MaxLinkUserIDs,
		Require:    r.customers.RequireActive,
	}
	err = r.links.GrantConsent(ctx, grant, r.now)
	if err != nil {
		return r.consentFailed(pending.provider, err)
	}
	// If this fails, the pending message arrives a little later.
	r.webhooks.PublishSignUp(ctx, pending.provider.ID, r.customer)
	done := "linked"
	if hasWebhook {
		done = "asked"
	}
	return r.redirect("", url.Values{"done": {done}})
}

// consentFailed answers a consent that could not be stored.
func (r *pageRequest) consentFailed(p provider.Provider, err error) (web.Response, error) {
	switch {
	case fault.KindOf(err) == fault.NotFound: // the customer was erased
		return r.endAndRedirect()
	case errors.Is(err, link.ErrTaken): // another customer was faster
		return web.Response{}, r.linkedElsewhere(p)
	case errors.Is(err, link.ErrTooMany):
		return web.Response{}, &pageError{
			status: http.StatusConflict,
			title:  "Too many accounts",
			Text: fmt.Sprintf("You can link at most %d accounts of %s. Nothing was changed. "+
				"If you need another one, tell %s: they confirm to us that it is yours, and we link it.",
				link.MaxLinkUserIDs, p.Name, p.Name),
			Links: accountLink,
		}
	case errors.Is(err, link.ErrTooManyChanges):
		return web.Response{}, &pageError{
			status: http.StatusTooManyRequests,
			title:  "Too many changes",
			Text:   "You linked " + p.Name + " too often this month. Nothing was changed. Please try again next month.",
			Links:  accountLink,
		}
	}
	return web.Response{}, err
}
