package account

import (
	"cmp"
	"context"
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

// homeData is what an account shows.
type homeData struct {
	Customer customer.Customer
	Policy   customer.Policy
	Shared   []shared
	Days     []day
	Bars     []bar // those of all days, by start
	Done     string
}

// shared is a work provider that the customer shares with.
type shared struct {
	ID, Name string
	UserIDs  []string // by which it calls them
	Since    string   // a date
	State    string
}

// done are the words for what was done a moment ago.
var done = map[string]string{
	"linked":   "You are linked. From now on your shifts there count.",
	"declined": "You did not agree, so nothing is shared.",
	"removed":  "The link is removed. Nothing is shared with that work provider any more.",
}

// progress are the words for how far a work provider and the customer have come.
var progress = map[webhook.Progress]string{
	webhook.NotAsked: "Not confirmed by the work provider yet. Your shifts count once it is.",
	webhook.Asking:   "We are asking the work provider whether it knows you. Your shifts count once it says so.",
	webhook.Found:    "Linked. Your shifts count.",
	webhook.NotFound: "The work provider does not find you. Your shifts do not count. Please ask them to correct it.",
	webhook.NoAnswer: "The work provider does not answer. Your shifts count once it confirms that it knows you. Please ask them.",
}

func home(v *visit) (web.Response, error) {
	if v.customer == "" {
		return v.toLogIn()
	}
	c, there, err := v.customers.Customer(v.Context(), v.customer)
	if err != nil {
		return web.Response{}, err
	}
	if !there {
		return v.toLogIn()
	}
	data := homeData{Customer: c, Done: done[v.form.Get("done")]}
	if data.Policy, err = v.customers.Policy(v.Context(), v.customer); err != nil {
		return web.Response{}, err
	}
	found, err := v.sharing()
	if err != nil {
		return web.Response{}, err
	}
	week := lastDays(v.at)
	for _, f := range found {
		if f.shared != nil {
			data.Shared = append(data.Shared, *f.shared)
		}
		week.add(f.provider.Name, f.shifts)
	}
	data.Days, data.Bars = week.days(), week.bars()
	return v.render(http.StatusOK, "Your account", homeContent(v, data)), nil
}

// found is what there is of the customer at one work provider.
type found struct {
	provider provider.Provider
	shared   *shared // nil if they do not share with it now
	shifts   []timeline.Listed
}

// atOnce is how many work providers are looked at together.
const atOnce = 8

// sharing looks at every work provider there is: they are few, and the histories, which alone say who shares with whom, stay
// the only place that says so.
func (v *visit) sharing() ([]found, error) {
	providers, err := v.providers.List(v.Context())
	if err != nil {
		return nil, err
	}
	all := make([]found, len(providers))
	group, ctx := errgroup.WithContext(v.Context())
	group.SetLimit(atOnce)
	for i, p := range providers {
		group.Go(func() (err error) {
			all[i], err = v.lookAt(ctx, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Compare(a.provider.Name, b.provider.Name) })
	return all, nil
}

// lookAt looks at one work provider.
func (v *visit) lookAt(ctx context.Context, p provider.Provider) (found, error) {
	f := found{provider: p}
	history, err := v.timelines.History(ctx, p.ID, v.customer)
	if err != nil || history.IsEmpty() {
		return f, err
	}
	since, ok := history.ConsentedSince(timeline.At(v.at))
	if ok {
		state, err := v.webhooks.State(ctx, p.ID, v.customer)
		if err != nil {
			return f, err
		}
		f.shared = &shared{
			ID: p.ID, Name: p.Name, UserIDs: history.Held(), Since: since.Time().In(london).Format("2 January 2006"), State: progress[state],
		}
	}
	known := timeline.Known{Provider: p.ID, Customer: v.customer, History: history}
	week := lastDays(v.at)
	f.shifts, err = known.List(ctx, v.timelines, week.first().Add(-timeline.MaxShift), v.at)
	return f, err
}

// removeData is what the page of a removal shows.
type removeData struct{ ID, Name string }

// removing is the work provider that the customer wants to share with no longer.
func (v *visit) removing() (provider.Provider, error) {
	p, err := v.providers.Get(v.Context(), v.form.Get("provider"))
	if err != nil && fault.Of(err) == fault.NotFound {
		return p, &problem{status: http.StatusNotFound, title: "There is no such work provider",
			Text: "Nothing was changed.", Ways: toAccount}
	}
	return p, err
}

func removeForm(v *visit) (web.Response, error) {
	if v.customer == "" {
		return v.toLogIn()
	}
	p, err := v.removing()
	if err != nil {
		return web.Response{}, err
	}
	history, err := v.timelines.History(v.Context(), p.ID, v.customer)
	if err != nil {
		return web.Response{}, err
	}
	if !history.Consented(timeline.At(v.at)) { // the back button, after a removal
		return v.goTo("", nil)
	}
	return v.render(http.StatusOK, "Remove "+p.Name, removeContent(v, removeData{p.ID, p.Name})), nil
}

// remove withdraws the consent and gives up the ids, at once. Once more it changes nothing.
func remove(v *visit) (web.Response, error) {
	if v.customer == "" {
		return v.toLogIn()
	}
	p, err := v.removing()
	if err != nil {
		return web.Response{}, err
	}
	if err := v.links.Withdraw(context.WithoutCancel(v.Context()), p.ID, v.customer, v.at); err != nil {
		return web.Response{}, err
	}
	return v.goTo("", url.Values{"done": {"removed"}})
}
