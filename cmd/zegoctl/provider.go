package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/provider"
)

// providerView is a work provider.
type providerView struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	CanEnrol        bool   `json:"canEnrol"`
	Product         string `json:"product,omitempty"`
	NotifyRejected  bool   `json:"notifyRejected"`
	SignedLinksOnly bool   `json:"signedLinksOnly"`

	RequestsPerSecond int64 `json:"requestsPerSecond,omitempty"`
}

func (t *tool) showProviders(cmd *cobra.Command, result any, providers ...provider.Provider) error {
	rows := [][]string{{
		"ID", "NAME", "CAN ENROL", "PRODUCT", "NOTIFY REJECTED", "SIGNED LINKS ONLY", "REQUESTS PER SECOND",
	}}
	for _, p := range providers {
		limit := "default"
		if p.RequestsPerSecond > 0 {
			limit = fmt.Sprint(p.RequestsPerSecond)
		}
		rows = append(rows, []string{
			p.ID, p.Name, fmt.Sprint(p.CanEnrol), p.Product, fmt.Sprint(p.NotifyRejected),
			fmt.Sprint(p.SignedLinksOnly), limit,
		})
	}
	return t.show(cmd, result, rows...)
}

func (t *tool) provider() *cobra.Command {
	return group(
		&cobra.Command{Use: "provider", Short: "Work providers"},
		t.providerCreate(),
		t.providerUpdate(),
		t.providerList(),
	)
}

// providers returns the store of work providers.
func (t *tool) providers(cmd *cobra.Command) (*apikey.Store, error) {
	return build(t, cmd, apikey.NewStore)
}

func (t *tool) providerCreate() *cobra.Command {
	var canEnrol bool
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create a work provider; its ID is derived from the name",
		Example: `  zegoctl provider create "Courier Ltd" --can-enrol`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				p, err := store.Create(cmd.Context(), provider.Provider{Name: args[0], CanEnrol: canEnrol}, time.Now())
				if err != nil {
					return err
				}
				return t.showProviders(cmd, providerView(p), p)
			})
		},
	}
	cmd.Flags().BoolVar(&canEnrol, "can-enrol", false, "allow it to enrol customers")
	return cmd
}

// Flags of provider update.
const (
	canEnrolFlag        = "can-enrol"
	productFlag         = "product"
	notifyRejectedFlag  = "notify-rejected"
	signedLinksOnlyFlag = "signed-links-only"
	requestLimitFlag    = "requests-per-second"
)

func (t *tool) providerUpdate() *cobra.Command {
	var update provider.Provider
	cmd := &cobra.Command{
		Use:   "update PROVIDER",
		Short: "Change a work provider's settings; takes effect within 60 seconds",
		Long: `Change a work provider's settings. Settings without a flag stay as they are. Changes take effect
within 60 seconds.

With --notify-rejected, the work provider's webhook receives event.rejected for each of its events that
does not count: those before the consent, and those above the limit of events per day.

With --signed-links-only, links of the work provider work only if they are signed with one of its keys
("zegoctl link sign"). Otherwise whoever opens a link is believed to be the person whom it names,
unless the work provider has a webhook, which is asked first.`,
		Example: `  zegoctl provider update courier-ltd --can-enrol=false
  zegoctl provider update courier-ltd --product CR.MOT.TPO.UK.001 --notify-rejected
  zegoctl provider update courier-ltd --requests-per-second 400`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			var changes apikey.Changes
			target := []string{args[0]}
			cmd.Flags().Visit(func(f *pflag.Flag) {
				switch f.Name {
				case canEnrolFlag:
					changes.CanEnrol = &update.CanEnrol
				case productFlag:
					changes.Product = &update.Product
				case notifyRejectedFlag:
					changes.NotifyRejected = &update.NotifyRejected
				case signedLinksOnlyFlag:
					changes.SignedLinksOnly = &update.SignedLinksOnly
				case requestLimitFlag:
					changes.RequestLimit = &update.RequestsPerSecond
				default:
					return
				}
				target = append(target, "--"+f.Name+"="+f.Value.String())
			})
			return t.run(cmd, action{target: strings.Join(target, " ")}, func() error {
				p, err := store.Update(cmd.Context(), args[0], changes)
				if err != nil {
					return err
				}
				return t.showProviders(cmd, providerView(p), p)
			})
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&update.CanEnrol, canEnrolFlag, false, "allow it to enrol customers")
	flags.StringVar(&update.Product, productFlag, "", "product of customers who sign up through its link; empty for none")
	flags.BoolVar(&update.NotifyRejected, notifyRejectedFlag, false, "notify its webhook of rejected events")
	flags.BoolVar(&update.SignedLinksOnly, signedLinksOnlyFlag, false, "refuse links that are not signed with its key")
	flags.Int64Var(&update.RequestsPerSecond, requestLimitFlag, 0,
		"limit its requests, on average over ten seconds; 0 for the default")
	cmd.MarkFlagsOneRequired(canEnrolFlag, productFlag, notifyRejectedFlag, signedLinksOnlyFlag, requestLimitFlag)
	return cmd
}

func (t *tool) providerList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all work providers",
		Example: `  zegoctl provider list --output json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			providers, err := store.List(cmd.Context())
			if err != nil {
				return err
			}
			views := make([]providerView, len(providers))
			for i, p := range providers {
				views[i] = providerView(p)
			}
			return t.showProviders(cmd, views, providers...)
		},
	}
}
