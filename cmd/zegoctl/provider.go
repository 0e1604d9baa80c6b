package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/provider"
)

// providerView is a work provider as it is shown.
type providerView struct {
	ID             string `json:"id"`
	Name           string `json:"name"`
	CanEnrol       bool   `json:"mayEnrol"`
	Product        string `json:"product,omitempty"`
	NotifyRejected bool   `json:"tellRejected"`

	RequestsPerSecond int64 `json:"requestsPerSecond,omitempty"`
}

func (t *tool) showProviders(cmd *cobra.Command, result any, providers ...provider.Provider) error {
	lines := [][]string{{"ID", "NAME", "MAY ENROL", "PRODUCT", "TELL REJECTED", "REQUESTS PER SECOND"}}
	for _, p := range providers {
		limit := "default"
		if p.RequestsPerSecond > 0 {
			limit = fmt.Sprint(p.RequestsPerSecond)
		}
		line := []string{p.ID, p.Name, fmt.Sprint(p.CanEnrol), p.Product, fmt.Sprint(p.NotifyRejected), limit}
		lines = append(lines, line)
	}
	return t.show(cmd, result, lines...)
}

// showProvider shows a work provider as it is after a change.
func (t *tool) showProvider(cmd *cobra.Command, store *apikey.Store, id string) error {
	p, err := store.Get(cmd.Context(), id)
	if err != nil {
		return err
	}
	return t.showProviders(cmd, providerView(p), p)
}

func (t *tool) provider() *cobra.Command {
	return group(
		&cobra.Command{Use: "provider", Short: "Work providers"},
		t.providerCreate(),
		t.providerPermit(),
		t.providerProduct(),
		t.providerLimit(),
		t.providerList(),
	)
}

// providers is the store of work providers.
func (t *tool) providers(cmd *cobra.Command) (*apikey.Store, error) {
	return build(t, cmd, apikey.NewStore)
}

func (t *tool) providerCreate() *cobra.Command {
	var mayEnrol bool
	cmd := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create a work provider; its id comes from the name",
		Example: `  zegoctl provider create "Courier Ltd" --may-enrol`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				p, err := store.Create(cmd.Context(), provider.Provider{Name: args[0], CanEnrol: mayEnrol}, time.Now())
				if err != nil {
					return err
				}
				return t.showProviders(cmd, providerView(p), p)
			})
		},
	}
	cmd.Flags().BoolVar(&mayEnrol, "may-enrol", false, "let it create customers")
	return cmd
}

func (t *tool) providerPermit() *cobra.Command {
	var mayEnrol bool
	cmd := &cobra.Command{
		Use:     "permit PROVIDER --may-enrol[=false]",
		Short:   "Let a work provider create customers, or no longer; in force within 60 seconds",
		Example: `  zegoctl provider permit courier-ltd --may-enrol=false`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: fmt.Sprintf("%s --may-enrol=%t", args[0], mayEnrol)}, func() error {
				if err := store.SetCanEnrol(cmd.Context(), args[0], mayEnrol); err != nil {
					return err
				}
				return t.showProvider(cmd, store, args[0])
			})
		},
	}
	cmd.Flags().BoolVar(&mayEnrol, "may-enrol", false, "let it create customers")
	required(cmd, "may-enrol")
	return cmd
}

func (t *tool) providerProduct() *cobra.Command {
	return &cobra.Command{
		Use:     "product PROVIDER CODE",
		Short:   "Set the product of those who sign up on their way from a work provider; an empty CODE takes it back",
		Example: `  zegoctl provider product courier-ltd CR.MOT.TPO.UK.001`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: strings.Join(args, " ")}, func() error {
				if err := store.SetProduct(cmd.Context(), args[0], args[1]); err != nil {
					return err
				}
				return t.showProvider(cmd, store, args[0])
			})
		},
	}
}

func (t *tool) providerLimit() *cobra.Command {
	var perSecond int64
	cmd := &cobra.Command{
		Use:     "limit PROVIDER --requests-per-second N",
		Short:   "Limit a work provider's requests; 0 is the limit of all. In force within 60 seconds",
		Example: `  zegoctl provider limit courier-ltd --requests-per-second 400`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			target := fmt.Sprintf("%s --requests-per-second=%d", args[0], perSecond)
			return t.run(cmd, action{target: target}, func() error {
				if err := store.SetRequestLimit(cmd.Context(), args[0], perSecond); err != nil {
					return err
				}
				return t.showProvider(cmd, store, args[0])
			})
		},
	}
	cmd.Flags().Int64Var(&perSecond, "requests-per-second", 0, "on average over ten seconds")
	required(cmd, "requests-per-second")
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
