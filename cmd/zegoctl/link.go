package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
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
	group := &cobra.Command{
		Use:   "link",
		Short: "What customers share with work providers",
		Long: `What customers share with work providers: consents, and the ids by which work providers call them.

Shifts are folded again by the processor, about half a minute after a change.`,
	}
	group.AddCommand(t.linkGive(), t.linkWithdraw(), t.linkMove(), t.linkUnlink())
	return group
}

// linking is what the commands need: stores, and names as they are written in requests.
type linking struct {
	*tool
	cmd       *cobra.Command
	links     *link.Links
	timelines *timeline.Store
	customers *customer.Store
	providers *provider.Store
}

func (t *tool) linking(cmd *cobra.Command) (*linking, error) {
	env, err := t.env(cmd)
	if err != nil {
		return nil, err
	}
	l := &linking{
		tool: t, cmd: cmd, timelines: timeline.StoreFrom(env), customers: customer.StoreFrom(env), providers: provider.StoreFrom(env),
	}
	l.links = link.New(l.timelines, shift.Refolder(queue.SenderFrom(env)))
	return l, env.Err()
}

// existing is the number of a customer, once it is sure that there is one, and the work provider too: a slip of the pen
// would make a history for nobody.
func (l *linking) existing(ctx context.Context, providerID, number string) (string, error) {
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

// shown prints how things stand after a change.
func (l *linking) shown(ctx context.Context, providerID, number string) error {
	now := timeline.At(time.Now())
	history, err := l.timelines.History(ctx, providerID, number)
	if err != nil {
		return err
	}
	view := linkView{
		WorkProvider: providerID, CustomerNumber: number, Matched: history.Matched(now),
		WorkProviderUserIDs: append([]string{}, history.Held()...),
	}
	if since, ok := history.ConsentedSince(now); ok {
		view.ConsentedSince = when(since.Time())
	}
	return l.show(l.cmd, view,
		[]string{"WORK PROVIDER", "CUSTOMER NUMBER", "CONSENTED SINCE", "MATCHED", "WORK PROVIDER USER IDS"},
		[]string{view.WorkProvider, view.CustomerNumber, view.ConsentedSince, fmt.Sprint(view.Matched), strings.Join(view.WorkProviderUserIDs, " ")})
}

func (t *tool) linkGive() *cobra.Command {
	var agreement link.Agreement
	cmd := &cobra.Command{
		Use:   "give PROVIDER CUSTOMER",
		Short: "Record that a customer agrees to share with a work provider",
		Long: `Record that a customer agrees to share with a work provider from now on, is called by an id there, and is matched.
What is so already stays as it is; a second id is added to the first.`,
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
			if err := l.links.Give(cmd.Context(), agreement, time.Now()); err != nil {
				return err
			}
			return l.shown(cmd.Context(), args[0], agreement.Customer)
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
			if err := l.links.Withdraw(cmd.Context(), args[0], number, time.Now()); err != nil {
				return err
			}
			return l.shown(cmd.Context(), args[0], number)
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
			if err := l.links.Move(cmd.Context(), args[0], number, args[1], time.Now()); err != nil {
				return err
			}
			return l.shown(cmd.Context(), args[0], number)
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
			number, err := l.timelines.Owner(cmd.Context(), args[0], args[1])
			if err != nil {
				return err
			}
			if err := l.links.Unlink(cmd.Context(), args[0], args[1], time.Now()); err != nil {
				return err
			}
			return l.shown(cmd.Context(), args[0], number)
		},
	}
}
