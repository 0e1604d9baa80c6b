package pages

import (
	"cmp"
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// homeData is what the account page shows.
type homeData struct {
	Customer customer.Customer
	Policy   customer.Policy
	Shared   []sharedProvider
	Others   []policySummary // the account's other customers
	Days     []day
	Rows     []shiftRow
	Flash    string // what was done a moment ago
}

// sharedProvider is a work provider that the customer shares with.
type sharedProvider struct {
	ID          string
	Name        string
	UserIDs     []string // by which it calls them
	Claimed     []string // ids that it has not confirmed yet
	Since       string   // a date
	MatchStatus string
}

// flashMessages say what was done a moment ago.
var flashMessages = map[string]string{
	"linked":   "You are linked. From now on your shifts there count.",
	"asked":    "You agreed to share. We are asking the work provider to confirm that the account is yours.",
	"declined": "You did not agree, so nothing is shared.",
	"removed":  "The link is removed. Nothing is shared with that work provider any more.",

	"others-signed-out": "You are signed out everywhere else.",
}

// uncountedReasons say why the shifts of a customer who shares with a work provider are not counted yet.
var uncountedReasons = map[webhook.MatchStatus]string{
	webhook.MatchNone:     "The work provider has not confirmed that it knows you. Please ask them.",
	webhook.MatchPending:  "We are asking the work provider whether it knows you. They count once it says so.",
	webhook.MatchNotFound: "The work provider does not find you. Please ask them to correct it.",
	webhook.MatchNoReply:  "The work provider does not answer. Please ask them to confirm that it knows you.",
}

// describeMatch says how the match with a work provider stands. Of somebody insured it begins as the detail of their
// status does (contract, "Status").
func describeMatch(match webhook.MatchStatus, policy customer.Policy) string {
	reason, uncounted := uncountedReasons[match]
	switch {
	case !uncounted:
		return "Linked. Your shifts count."
	case policy.Insured:
		return customer.DetailUncounted + ". " + reason
	}
	return "Shifts not yet counted. " + reason
}

func home(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	c, ok, err := r.customers.Customer(r.Context(), r.customer)
	if err != nil {
		return web.Response{}, err
	}
	if !ok {
		return r.endAndRedirect()
	}
	data := homeData{Customer: c, Flash: flashMessages[r.form.Get("done")]}
	if data.Policy, err = r.customers.Policy(r.Context(), r.customer); err != nil {
		return web.Response{}, err
	}
	known, err := r.accounts.ByEmail(r.Context(), customer.NormaliseEmail(c.Email))
	if err != nil {
		return web.Response{}, err
	}
	others := slices.DeleteFunc(known.Customers, func(number string) bool { return number == r.customer })
	if data.Others, err = r.policySummaries(others); err != nil {
		return web.Response{}, err
	}
	activities, err := r.providerActivities()
	if err != nil {
		return web.Response{}, err
	}
	history := recentShifts(r.now)
	for _, a := range activities {
		if a.shared != nil {
			a.shared.MatchStatus = describeMatch(a.match, data.Policy)
			data.Shared = append(data.Shared, *a.shared)
		}
		history.add(a.provider.Name, a.shifts)
	}
	data.Days = history.days()
	data.Rows = history.rows()
	return r.render(http.StatusOK, "Your account", homeContent(r, data)), nil
}

// providerActivity is what is known of the customer at one work provider.
type providerActivity struct {
	provider provider.Provider
	shared   *sharedProvider // nil if the customer does not share with it now
	match    webhook.MatchStatus
	shifts   []timeline.ListedShift
}

// maxParallelProviders is how many work providers are read at the same time.
const maxParallelProviders = 8

// providerActivities reads every work provider there is: they are few, and the histories stay the only place that says
// who shares with whom.
func (r *pageRequest) providerActivities() ([]providerActivity, error) {
	providers, err := r.providers.List(r.Context())
	if err != nil {
		return nil, err
	}
	all := make([]providerActivity, len(providers))
	group, ctx := errgroup.WithContext(r.Context())
	group.SetLimit(maxParallelProviders)
	for i, p := range providers {
		group.Go(func() (err error) {
			all[i], err = r.loadProvider(ctx, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b providerActivity) int { return cmp.Compare(a.provider.Name, b.provider.Name) })
	return all, nil
}

// loadProvider reads what is known of the customer at one work provider.
func (r *pageRequest) loadProvider(ctx context.Context, p provider.Provider) (providerActivity, error) {
	activity := providerActivity{provider: p}
	history, err := r.timelines.History(ctx, p.ID, r.customer)
	if err != nil || history.IsEmpty() {
		return activity, err
	}
	since, ok := history.ConsentedSince(timeline.At(r.now))
	if ok {
		if activity.match, err = r.webhooks.MatchStatus(ctx, p.ID, r.customer); err != nil {
			return activity, err
		}
		var claimed []string
		for _, claim := range history.PendingClaims() {
			claimed = append(claimed, claim.UserID)
		}
		activity.shared = &sharedProvider{
			ID:      p.ID,
			Name:    p.Name,
			UserIDs: history.CurrentUserIDs(),
			Claimed: claimed,
			Since:   since.Time().In(london).Format("2 January 2006"),
		}
	}
	consented := timeline.ConsentedCustomer{Provider: p.ID, Number: r.customer, History: history}
	activity.shifts, _, err = consented.List(ctx, r.timelines, timeline.ListQuery{
		From:  timeline.At(recentShifts(r.now).first().Add(-timeline.MaxShift)),
		To:    timeline.At(r.now),
		Count: math.MaxInt,
		Now:   timeline.At(r.now),
	})
	return activity, err
}

// removeData is what the remove page shows.
type removeData struct{ ID, Name string }

// providerToRemove returns the work provider that the customer wants to stop sharing with.
func (r *pageRequest) providerToRemove() (provider.Provider, error) {
	p, err := r.providers.Get(r.Context(), r.form.Get("provider"))
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return p, &pageError{
			status: http.StatusNotFound,
			title:  "There is no such work provider",
			Text:   "Nothing was changed.",
			Links:  accountLink,
		}
	}
	return p, err
}

func removeForm(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	p, err := r.providerToRemove()
	if err != nil {
		return web.Response{}, err
	}
	history, err := r.timelines.History(r.Context(), p.ID, r.customer)
	if err != nil {
		return web.Response{}, err
	}
	if !history.Consented(timeline.At(r.now)) { // the back button, after a removal
		return r.redirect("", nil)
	}
	return r.render(http.StatusOK, "Remove "+p.Name, removeContent(r, removeData{p.ID, p.Name})), nil
}

// remove withdraws the consent and unlinks the ids in one transaction. Once more it changes nothing.
func remove(r *pageRequest) (web.Response, error) {
	if r.customer == "" {
		return r.redirectToSignIn()
	}
	p, err := r.providerToRemove()
	if err != nil {
		return web.Response{}, err
	}
	if err := r.links.WithdrawConsent(context.WithoutCancel(r.Context()), p.ID, r.customer, r.now); err != nil {
		return web.Response{}, err
	}
	return r.redirect("", url.Values{"done": {"removed"}})
}
