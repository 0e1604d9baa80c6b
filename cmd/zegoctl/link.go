package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// linkView is how a customer and a work provider stand to each other.
type linkView struct {
	WorkProvider        string   `json:"workProvider"`
	CustomerNumber      string   `json:"customerNumber"`
	ConsentedSince      string   `json:"consentedSince,omitempty"`
	Matched             bool     `json:"matched"`
	WorkProviderUserIDs []string `json:"workProviderUserIds"`
}

func (t *tool) link() *cobra.Command {
	return group(&cobra.Command{
		Use:   "link",
		Short: "What customers share with work providers",
		Long: `What customers share with work providers: consents, and the ids by which work providers call them.

Shifts are folded again by the processor, about half a minute after a change.`,
	}, t.linkList(), t.linkOwner(), t.linkGive(), t.linkWithdraw(), t.linkMove(), t.linkUnlink())
}

// linkContext is what the commands need: stores, and names as they are written in requests.
type linkContext struct {
	*tool
	cmd       *cobra.Command
	links     *link.Links
	timelines *timeline.Store
	customers *customer.Store
	providers *apikey.Store
}

func (t *tool) linking(cmd *cobra.Command) (*linkContext, error) {
	env, err := t.env(cmd)
	if err != nil {
		return nil, err
	}
	l := &linkContext{
		tool: t, cmd: cmd, timelines: timeline.NewStore(env), customers: customer.NewStore(env),
		providers: apikey.NewStore(env),
	}
	l.links = link.New(l.timelines, shift.NewRecomputeRequester(queue.NewEventsQueue(env)))
	return l, env.Err()
}

// existing is the number of a customer, once it is sure that there is one, and the work provider too: a slip of the pen
// would make a history for nobody.
func (l *linkContext) existing(ctx context.Context, providerID, number string) (string, error) {
	if _, err := l.providers.Get(ctx, providerID); err != nil {
		return "", err
	}
	name, err := person.NewCustomerNumber(number)
	if err != nil {
		return "", err
	}
	_, ok, err := l.customers.Customer(ctx, name.Value)
	if err == nil && !ok {
		err = fmt.Errorf("there is no customer `%s`", name.Value)
	}
	return name.Value, err
}

// applyAndShow makes a change, and prints how things stand after it. The log names the customer, not the id, which may
// be anything that a work provider makes of a person's name.
func (l *linkContext) applyAndShow(providerID, number, forGood string, change func() error) error {
	return l.run(l.cmd, action{target: strings.TrimSpace(providerID + " " + number), irreversible: forGood}, func() error {
		if err := change(); err != nil {
			return err
		}
		history, err := l.timelines.History(l.cmd.Context(), providerID, number)
		if err != nil {
			return err
		}
		view := viewOfLink(providerID, number, history, timeline.At(l.now()))
		return l.showLinks(l.cmd, view, view)
	})
}

// viewOfLink returns the links in a history at an instant.
func viewOfLink(providerID, number string, history timeline.History, now timeline.Instant) linkView {
	view := linkView{
		WorkProvider: providerID, CustomerNumber: number, Matched: history.Matched(now),
		WorkProviderUserIDs: append([]string{}, history.CurrentUserIDs()...),
	}
	if since, ok := history.ConsentedSince(now); ok {
		view.ConsentedSince = formatTime(since.Time())
	}
	return view
}

func (t *tool) showLinks(cmd *cobra.Command, result any, views ...linkView) error {
	lines := [][]string{{"WORK PROVIDER", "CUSTOMER NUMBER", "CONSENTED SINCE", "MATCHED", "WORK PROVIDER USER IDS"}}
	for _, v := range views {
		lines = append(
			lines,
			[]string{
				v.WorkProvider,
				v.CustomerNumber,
				v.ConsentedSince,
				fmt.Sprint(v.Matched),
				strings.Join(v.WorkProviderUserIDs, " "),
			},
		)
	}
	return t.show(cmd, result, lines...)
}

func (t *tool) linkGive() *cobra.Command {
	var agreement link.Grant
	cmd := &cobra.Command{
		Use:   "give PROVIDER CUSTOMER",
		Short: "Record that a customer agrees to share with a work provider",
		Long: `Record that a customer agrees to share with a work provider from now on, is called by an id there,
and is matched. What is so already stays as it is; a second id is added to the first.`,
		Example: `  zegoctl link give courier-ltd ABC123 --work-provider-user-id 12345 --matched`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.linking(cmd)
			if err != nil {
				return err
			}
			agreement.Provider = args[0]
			if agreement.Customer, err = l.existing(cmd.Context(), args[0], args[1]); err != nil {
				return err
			}
			if agreement.UserID != "" {
				if _, err := person.NewUserID(agreement.UserID); err != nil {
					return err
				}
			}
			agreement.Require = l.customers.RequireActive
			return l.applyAndShow(agreement.Provider, agreement.Customer, "", func() error {
				return l.links.GrantConsent(cmd.Context(), agreement, l.now())
			})
		},
	}
	cmd.Flags().StringVar(&agreement.UserID, "work-provider-user-id", "", "what the work provider calls the customer")
	cmd.Flags().BoolVar(&agreement.Matched, "matched", false, "the two are matched; else the work provider has to say so")
	return cmd
}

func (t *tool) linkWithdraw() *cobra.Command {
	return &cobra.Command{
		Use:     "withdraw PROVIDER CUSTOMER",
		Short:   "Record that a customer no longer shares; all ids of theirs at that work provider are given up",
		Example: `  zegoctl link withdraw courier-ltd ABC123`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.linking(cmd)
			if err != nil {
				return err
			}
			number, err := l.existing(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			forGood := "shifts end now, and events of the time until a new consent will never count"
			return l.applyAndShow(args[0], number, forGood, func() error {
				return l.links.WithdrawConsent(cmd.Context(), args[0], number, l.now())
			})
		},
	}
}

func (t *tool) linkMove() *cobra.Command {
	return &cobra.Command{
		Use:     "move PROVIDER USER-ID CUSTOMER",
		Short:   "Give an id to a customer who shares, whoever has it now",
		Example: `  zegoctl link move courier-ltd 12345 ABC12`,
		Args:    cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.linking(cmd)
			if err != nil {
				return err
			}
			number, err := l.existing(cmd.Context(), args[0], args[2])
			if err != nil {
				return err
			}
			if _, err := person.NewUserID(args[1]); err != nil {
				return err
			}
			return l.applyAndShow(args[0], number, "events under the id from now on are this customer's", func() error {
				return l.links.Move(cmd.Context(), args[0], number, args[1], l.now())
			})
		},
	}
}

func (t *tool) linkUnlink() *cobra.Command {
	return &cobra.Command{
		Use:     "unlink PROVIDER USER-ID",
		Short:   "Take an id away from whoever has it",
		Example: `  zegoctl link unlink courier-ltd 12345`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.linking(cmd)
			if err != nil {
				return err
			}
			number, err := l.timelines.OwnerNumber(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			return l.applyAndShow(
				args[0],
				number,
				"events under the id are nobody's until it is somebody's again",
				func() error {
					return l.links.Unlink(cmd.Context(), args[0], args[1], l.now())
				},
			)
		},
	}
}

func (t *tool) linkList() *cobra.Command {
	return &cobra.Command{
		Use:     "list CUSTOMER",
		Short:   "List the work providers with which a customer shares or ever shared",
		Example: `  zegoctl link list ABC123`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.linking(cmd)
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
					views = append(views, viewOfLink(p.ID, name.Value, history, timeline.At(t.now())))
				}
			}
			return t.showLinks(cmd, views, views...)
		},
	}
}

// ownerView is whose an id is.
type ownerView struct {
	WorkProvider   string   `json:"workProvider"`
	CustomerNumber string   `json:"customerNumber,omitempty"`
	PreviousOwners []string `json:"ever"`
}

func (t *tool) linkOwner() *cobra.Command {
	return &cobra.Command{
		Use:     "owner PROVIDER USER-ID",
		Short:   "Tell whom a work provider means by an id, and whom it ever meant",
		Example: `  zegoctl link owner courier-ltd 12345`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := t.linking(cmd)
			if err != nil {
				return err
			}
			owned, err := l.timelines.Ownership(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			view := ownerView{args[0], owned.Owner, append([]string{}, owned.Customers...)}
			return t.show(
				cmd,
				view,
				[]string{"WORK PROVIDER", "CUSTOMER NUMBER", "EVER"},
				[]string{view.WorkProvider, view.CustomerNumber, strings.Join(view.PreviousOwners, " ")},
			)
		},
	}
}
