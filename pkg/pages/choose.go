package pages

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/pkg/account"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// policySummary is what tells one of an account's customers from another.
type policySummary struct {
	Number    string
	Name      string // the customer's
	Policy    customer.Policy
	Providers []string // the names of the work providers with which the customer shares
}

// accountOf returns what is known of the email of a customer.
func (r *pageRequest) accountOf(number string) (customer.Customer, account.EmailAccount, error) {
	c, ok, err := r.customers.Customer(r.Context(), number)
	if err != nil || !ok {
		return c, account.EmailAccount{}, err
	}
	known, err := r.accounts.ByEmail(r.Context(), customer.NormaliseEmail(c.Email))
	return c, known, err
}

// owns reports whether a customer is one of the account that is signed in.
func (r *pageRequest) owns(number string) (bool, error) {
	if !r.isSignedIn() || number == r.customer {
		return r.isSignedIn(), nil
	}
	_, known, err := r.accountOf(r.session.Customer)
	return slices.Contains(known.Customers, number), err
}

// chooseForm shows the customers of the account, of which one is to be chosen.
func chooseForm(r *pageRequest) (web.Response, error) {
	if !r.isSignedIn() {
		return r.redirectToSignIn()
	}
	_, known, err := r.accountOf(r.session.Customer)
	if err != nil {
		return web.Response{}, err
	}
	if len(known.Customers) == 0 {
		return r.endAndRedirect()
	}
	policies, err := r.policySummaries(known.Customers)
	if err != nil {
		return web.Response{}, err
	}
	return r.render(http.StatusOK, "Your policies", chooseContent(r, policies)), nil
}

// policySummaries reads what tells customers from one another.
func (r *pageRequest) policySummaries(numbers []string) ([]policySummary, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	providers, err := r.providers.List(r.Context())
	if err != nil {
		return nil, err
	}
	policies := make([]policySummary, len(numbers))
	group, ctx := errgroup.WithContext(r.Context())
	group.SetLimit(maxParallelProviders)
	for i, number := range numbers {
		group.Go(func() (err error) {
			policies[i], err = r.policySummary(ctx, number, providers)
			return err
		})
	}
	return policies, group.Wait()
}

func (r *pageRequest) policySummary(
	ctx context.Context, number string, providers []provider.Provider,
) (policySummary, error) {
	summary := policySummary{Number: number}
	c, _, err := r.customers.Customer(ctx, number)
	if err != nil {
		return summary, err
	}
	summary.Name = c.GivenNames + " " + c.LastName
	if summary.Policy, err = r.customers.Policy(ctx, number); err != nil {
		return summary, err
	}
	for _, p := range providers {
		history, err := r.timelines.History(ctx, p.ID, number)
		if err != nil {
			return summary, err
		}
		if history.Consented(timeline.At(r.now)) {
			summary.Providers = append(summary.Providers, p.Name)
		}
	}
	return summary, nil
}

// choose shows another of the account's customers from now on, and leads to what the person came for.
func choose(r *pageRequest) (web.Response, error) {
	if !r.isSignedIn() {
		return r.redirectToSignIn()
	}
	if r.linkToken == "" {
		return r.switchTo(r.form.Get("customer"), "", nil)
	}
	return r.switchTo(r.form.Get("customer"), "/consent", url.Values{"link": {r.linkToken}, "chosen": {"yes"}})
}

// switchTo shows another of the account's customers from now on, and leads to a page.
func (r *pageRequest) switchTo(number, page string, query url.Values) (web.Response, error) {
	c, known, err := r.accountOf(r.session.Customer)
	if err != nil {
		return web.Response{}, err
	}
	if !slices.Contains(known.Customers, number) {
		return r.redirect("/choose", r.linkQuery())
	}
	if err := r.accounts.ChooseCustomer(r.Context(), c.Email, number); err != nil {
		return web.Response{}, err
	}
	cookie, err := r.startSession(c.Email, account.Session{Customer: number, Chosen: true})
	if err != nil {
		return web.Response{}, err
	}
	return r.redirect(page, query, cookie)
}

// customersAt returns those of customers who ever had to do with a work provider: whom it enrolled, or who shared with
// it.
func (r *pageRequest) customersAt(providerID string, numbers []string) ([]string, error) {
	var at []string
	for _, number := range numbers {
		history, err := r.timelines.History(r.Context(), providerID, number)
		if err != nil {
			return nil, err
		}
		if !history.IsEmpty() {
			at = append(at, number)
		}
	}
	return at, nil
}

// forLink returns a page that shows the customer whom the opened link is for, if the link tells: the one whose id it
// has, or else, unless another was chosen, the only one who ever had to do with its work provider.
func forLink(page pageFunc) pageFunc {
	return func(r *pageRequest) (web.Response, error) {
		intent, _, ok, err := r.linkIntent()
		if err != nil {
			return web.Response{}, err
		}
		if !ok || !r.isSignedIn() {
			return page(r)
		}
		_, known, err := r.accountOf(r.session.Customer)
		if err != nil {
			return web.Response{}, err
		}
		r.hasChoice = len(known.Customers) > 1
		number, err := r.customerForLink(intent, known.Customers)
		if err != nil {
			return web.Response{}, err
		}
		if number != "" && number != r.customer {
			return r.switchTo(number, "/consent", r.linkQuery())
		}
		return page(r)
	}
}

// customerForLink returns which of the account's customers a link is for; "" if it does not tell.
func (r *pageRequest) customerForLink(intent account.LinkIntent, customers []string) (string, error) {
	if len(customers) < 2 {
		return "", nil
	}
	owned, err := r.timelines.Ownership(r.Context(), intent.Provider, intent.UserID)
	switch {
	case err != nil:
		return "", err
	case slices.Contains(customers, owned.Owner):
		return owned.Owner, nil
	case r.form.Has("chosen"):
		return "", nil
	}
	at, err := r.customersAt(intent.Provider, customers)
	if err != nil || len(at) != 1 {
		return "", err
	}
	return at[0], nil
}

// asShown returns a form that is sent for the customer whom its page showed: if another was chosen since, elsewhere,
// the page is shown again.
func asShown(form pageFunc) pageFunc {
	return func(r *pageRequest) (web.Response, error) {
		if shown := r.form.Get("customer"); shown != "" && shown != r.customer {
			return r.redirect("/consent", r.linkQuery())
		}
		return form(r)
	}
}

// enrolledCustomer returns which of an email's customers, whom work providers enrolled, a sign-up is about: the only
// one who ever had to do with the work provider of the link, or the only one there is, if the sign-up brings no cover
// of its own. Else it is about a new one: "". It is asked when the email is confirmed: earlier it would tell who is
// enrolled by the time it takes.
func (r *pageRequest) enrolledCustomer(m account.MailToken) (string, error) {
	known, err := r.accounts.ByEmail(r.Context(), m.Email)
	if err != nil {
		return "", err
	}
	if m.Provider != "" {
		at, err := r.customersAt(m.Provider, known.Customers)
		if err != nil {
			return "", err
		}
		if len(at) == 1 {
			return at[0], nil
		}
	}
	if !m.Policy.Insured && len(known.Customers) == 1 {
		return known.Customers[0], nil
	}
	return "", nil
}
