package main

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// linkView is the link between a customer and a work provider.
type linkView struct {
	WorkProvider        string   `json:"workProvider"`
	CustomerNumber      string   `json:"customerNumber"`
	ConsentedSince      string   `json:"consentedSince,omitempty"`
	Matched             bool     `json:"matched"`
	WorkProviderUserIDs []string `json:"workProviderUserIds"`
	ClaimedUserIDs      []string `json:"claimedUserIds,omitempty"` // not confirmed by the work provider yet
}

func (t *tool) link() *cobra.Command {
	return group(&cobra.Command{
		Use:   "link",
		Short: "Consents of customers, and their IDs at work providers",
		Long: `Consents of customers, and their IDs at work providers.

The processor recomputes shifts about half a minute after a change.`,
	}, t.linkList(), t.linkOwner(), t.linkGrant(), t.linkWithdraw(), t.linkMove(), t.linkUnlink(),
		t.linkSign())
}

// linkContext has the stores that these commands use.
type linkContext struct {
	*tool
	cmd       *cobra.Command
	links     *link.Links
	timelines *timeline.Store
	customers *customer.Store
	providers *apikey.Store
}

func (t *tool) newLinkContext(cmd *cobra.Command) (*linkContext, error) {
	env, err := t.env(cmd)
	if err != nil {
		return nil, err
	}
	l := &linkContext{
		tool:      t,
		cmd:       cmd,
		timelines: timeline.NewStore(env),
		customers: customer.NewStore(env),
		providers: apikey.NewStore(env),
	}
	l.links = link.New(l.timelines, shift.NewRecomputeRequester(queue.NewEventsQueue(env)))
	return l, env.Err()
}

// requireExisting returns the number of a customer. It fails unless the customer and the work provider exist: a
// mistyped number would create a history without a customer.
func (l *linkContext) requireExisting(ctx context.Context, providerID, number string) (string, error) {
	if _, err := l.providers.Get(ctx, providerID); err != nil {
		return "", err
	}
	name, err := person.NewCustomerNumber(number)
	if err != nil {
		return "", err
	}
	_, ok, err := l.customers.Customer(ctx, name.Value)
	if err == nil && !ok {
		err = fmt.Errorf("no customer `%s`", name.Value)
	}
	return name.Value, err
}

// applyAndShow makes a change and shows the link after it. The audit log names the customer and not the user ID, which
// may contain a person's name.
func (l *linkContext) applyAndShow(providerID, number, irreversible string, change func() error) error {
	a := action{target: strings.TrimSpace(providerID + " " + number), irreversible: irreversible}
	return l.run(l.cmd, a, func() error {
		if err := change(); err != nil {
			return err
		}
		history, err := l.timelines.History(l.cmd.Context(), providerID, number)
		if err != nil {
			return err
		}
		view := newLinkView(providerID, number, history, timeline.At(l.now()))
		return l.showLinks(l.cmd, view, view)
	})
}

// newLinkView returns the link at an instant, from its history.
func newLinkView(providerID, number string, history timeline.History, now timeline.Instant) linkView {
	view := linkView{
		WorkProvider:        providerID,
		CustomerNumber:      number,
		Matched:             history.Matched(now),
		WorkProviderUserIDs: append([]string{}, history.CurrentUserIDs()...),
	}
	for _, claim := range history.PendingClaims() {
		view.ClaimedUserIDs = append(view.ClaimedUserIDs, claim.UserID)
	}
	if since, ok := history.ConsentedSince(now); ok {
		view.ConsentedSince = formatTime(since.Time())
	}
	return view
}

func (t *tool) showLinks(cmd *cobra.Command, result any, views ...linkView) error {
	rows := [][]string{{
		"WORK PROVIDER", "CUSTOMER NUMBER", "CONSENTED SINCE", "MATCHED", "WORK PROVIDER USER IDS", "CLAIMED",
	}}
	for _, v := range views {
		rows = append(rows, []string{
			v.WorkProvider, v.CustomerNumber, v.ConsentedSince, fmt.Sprint(v.Matched),
			strings.Join(v.WorkProviderUserIDs, " "), strings.Join(v.ClaimedUserIDs, " "),
		})
	}
	return t.show(cmd, result, rows...)
}

func (t *tool) linkGrant() *cobra.Command {
	var grant link.Grant
	cmd := &cobra.Command{
		Use:   "grant PROVIDER CUSTOMER",
		Short: "Record a customer's consent to share with a work provider",
		Long: `Record a customer's consent to share with a work provider from now on and, with flags, their ID there
and the match. What is already recorded stays as it is; a second ID is added to the first.`,
		Example: `  zegoctl link grant courier-ltd ABC123 --work-provider-user-id 12345 --matched`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.newLinkContext(cmd)
			if err != nil {
				return err
			}
			grant.Provider = args[0]
			if grant.Customer, err = l.requireExisting(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			if grant.UserID != "" {
				if _, err := person.NewUserID(grant.UserID); err != nil {
					return err
				}
			}
			grant.Require = l.customers.RequireActive
			return l.applyAndShow(grant.Provider, grant.Customer, "", func() error {
				return l.links.GrantConsent(cmd.Context(), grant, l.now())
			})
		},
	}
	cmd.Flags().StringVar(&grant.UserID, "work-provider-user-id", "", "the customer's ID at the work provider")
	cmd.Flags().BoolVar(&grant.Matched, "matched", false,
		"record a match; otherwise the work provider has to report one")
	return cmd
}

func (t *tool) linkWithdraw() *cobra.Command {
	return &cobra.Command{
		Use:     "withdraw PROVIDER CUSTOMER",
		Short:   "Withdraw a consent, and remove all of the customer's IDs at the work provider",
		Example: `  zegoctl link withdraw courier-ltd ABC123`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.newLinkContext(cmd)
			if err != nil {
				return err
			}
			number, err := l.requireExisting(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			irreversible := "shifts end now, and events until a new consent will never count"
			return l.applyAndShow(args[0], number, irreversible, func() error {
				return l.links.WithdrawConsent(cmd.Context(), args[0], number, l.now())
			})
		},
	}
}

func (t *tool) linkMove() *cobra.Command {
	return &cobra.Command{
		Use:     "move PROVIDER USER-ID CUSTOMER",
		Short:   "Move an ID to another customer who shares with the work provider",
		Example: `  zegoctl link move courier-ltd 12345 ABC12`,
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.newLinkContext(cmd)
			if err != nil {
				return err
			}
			number, err := l.requireExisting(cmd.Context(), args[0], args[2])
			if err != nil {
				return err
			}
			if _, err := person.NewUserID(args[1]); err != nil {
				return err
			}
			return l.applyAndShow(args[0], number, "events under the id now belong to this customer", func() error {
				return l.links.Move(cmd.Context(), args[0], number, args[1], l.now())
			})
		},
	}
}

func (t *tool) linkUnlink() *cobra.Command {
	return &cobra.Command{
		Use:     "unlink PROVIDER USER-ID",
		Short:   "Remove an ID from the customer who has it",
		Example: `  zegoctl link unlink courier-ltd 12345`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.newLinkContext(cmd)
			if err != nil {
				return err
			}
			number, err := l.timelines.OwnerNumber(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			irreversible := "events under the id count for no customer until it is linked again"
			return l.applyAndShow(args[0], number, irreversible, func() error {
				return l.links.Unlink(cmd.Context(), args[0], args[1], l.now())
			})
		},
	}
}

func (t *tool) linkList() *cobra.Command {
	return &cobra.Command{
		Use:     "list CUSTOMER",
		Short:   "List the work providers that a customer shares with, or has shared with",
		Example: `  zegoctl link list ABC123`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.newLinkContext(cmd)
			if err != nil {
				return err
			}
			name, err := person.NewCustomerNumber(args[0])
			if err != nil {
				return err
			}
			all, err := l.providers.List(cmd.Context())
			if err != nil {
				return err
			}
			views := []linkView{}
			for _, p := range all {
				history, err := l.timelines.History(cmd.Context(), p.ID, name.Value)
				if err != nil {
					return err
				}
				if !history.IsEmpty() {
					views = append(views, newLinkView(p.ID, name.Value, history, timeline.At(t.now())))
				}
			}
			return t.showLinks(cmd, views, views...)
		},
	}
}

// ownerView has the owners of an ID.
type ownerView struct {
	WorkProvider   string   `json:"workProvider"`
	CustomerNumber string   `json:"customerNumber,omitempty"` // the current owner
	AllOwners      []string `json:"allOwners"`                // all customers who have or had the ID
}

func (t *tool) linkOwner() *cobra.Command {
	return &cobra.Command{
		Use:     "owner PROVIDER USER-ID",
		Short:   "Show which customer has an ID at a work provider, and who had it before",
		Example: `  zegoctl link owner courier-ltd 12345`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.newLinkContext(cmd)
			if err != nil {
				return err
			}
			ownership, err := l.timelines.Ownership(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			view := ownerView{args[0], ownership.Owner, append([]string{}, ownership.Customers...)}
			return t.show(cmd, view,
				[]string{"WORK PROVIDER", "CUSTOMER NUMBER", "ALL OWNERS"},
				[]string{view.WorkProvider, view.CustomerNumber, strings.Join(view.AllOwners, " ")})
		},
	}
}

// signedLinkView is a signed link.
type signedLinkView struct {
	Path    string `json:"path"` // of the API, with the query
	Expires string `json:"expires"`
}

func (t *tool) linkSign() *cobra.Command {
	var email string
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "sign PROVIDER USER-ID",
		Short: "Sign a link with an API key of the work provider, read from standard input",
		Long: `Sign a link with an API key of the work provider, which is read from standard input, and show its path
and query. A work provider signs its links itself, in the same way; with this command both can be
compared. Nothing is stored, and the link is not opened.`,
		Example: `  zegoctl link sign courier-ltd 12345 --email driver@example.com --lifetime 15m`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			p, err := store.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if _, err := person.NewUserID(args[1]); err != nil {
				return err
			}
			if lifetime <= 0 || lifetime > apikey.MaxLinkLifetime {
				return fmt.Errorf("--lifetime must be more than 0 and at most %s", apikey.MaxLinkLifetime)
			}
			key, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1000))
			if err != nil {
				return err
			}
			now := t.now()
			expires := now.Add(lifetime)
			signed := apikey.Link{WorkProvider: p.Name, UserID: args[1], Email: email, Expires: expires.Unix()}
			keyID, signature, err := signed.Sign(strings.TrimSpace(string(key)))
			if err != nil {
				return err
			}
			ok, err := store.VerifyLink(cmd.Context(), p.ID, signed, keyID, signature, now)
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("this is not a key of `%s` that works", p.ID)
			}
			query := url.Values{
				"work_provider":         {p.Name},
				"work_provider_user_id": {args[1]},
				"expires":               {strconv.FormatInt(signed.Expires, 10)},
				"key_id":                {keyID},
				"signature":             {signature},
			}
			if email != "" {
				query.Set("email", email)
			}
			view := signedLinkView{"/v1/link-work-provider?" + query.Encode(), formatTime(expires)}
			return t.show(cmd, view, []string{"PATH", "EXPIRES"}, []string{view.Path, view.Expires})
		},
	}
	cmd.Flags().StringVar(&email, "email", "", "email of the person, to fill in the form")
	cmd.Flags().DurationVar(&lifetime, "lifetime", time.Hour, "how long the link works")
	return cmd
}
