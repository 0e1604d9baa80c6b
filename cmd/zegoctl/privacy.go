package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/privacy"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/webhook"
)

// privacyService returns the service for data subject requests, and the customer number in its canonical form.
func (t *tool) privacyService(cmd *cobra.Command, number string) (*privacy.Service, string, error) {
	service, err := build(t, cmd, func(env *config.Env) *privacy.Service {
		deliveries := webhook.NewDeliveries(env, clock.New(env))
		return privacy.NewService(env, deliveries, shift.NewRecomputeRequester(queue.NewEventsQueue(env)))
	})
	if err != nil {
		return nil, "", err
	}
	name, err := person.NewCustomerNumber(number)
	return service, name.Value, err
}

// customerSummaryView is a customer without personal data.
type customerSummaryView struct {
	CustomerNumber string   `json:"customerNumber"`
	Erased         string   `json:"erased,omitempty"`
	Account        bool     `json:"account"`
	Insured        bool     `json:"insured"`
	Product        string   `json:"product,omitempty"`
	CoverLevel     string   `json:"coverLevel"`
	ClassOfUse     string   `json:"classOfUse"`
	SharedWith     []string `json:"sharedWith"` // now or in the past; "link list" has the details
}

func (t *tool) customerShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show CUSTOMER",
		Short: "Show a customer's cover and the work providers they have shared with, without personal data",
		Example: `  zegoctl customer show ABC123
  zegoctl link list ABC123`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, number, err := t.privacyService(cmd, args[0])
			if err != nil {
				return err
			}
			e, err := service.Export(cmd.Context(), number, t.now())
			if err != nil {
				return err
			}
			view := customerSummaryView{
				CustomerNumber: e.CustomerNumber,
				Erased:         formatTime(e.Erased),
				Account:        e.Account != nil,
				Insured:        e.Policy.Insured,
				Product:        e.Policy.Product,
				CoverLevel:     e.Policy.CoverLevel,
				ClassOfUse:     e.Policy.ClassOfUse,
				SharedWith:     []string{},
			}
			for _, s := range e.Sharing {
				view.SharedWith = append(view.SharedWith, s.WorkProvider)
			}
			return t.show(cmd, view,
				[]string{
					"CUSTOMER NUMBER", "INSURED", "PRODUCT", "COVER LEVEL", "CLASS OF USE", "ACCOUNT", "SHARED WITH", "ERASED",
				},
				[]string{
					view.CustomerNumber, fmt.Sprint(view.Insured), view.Product, view.CoverLevel, view.ClassOfUse,
					fmt.Sprint(view.Account), strings.Join(view.SharedWith, ", "), view.Erased,
				})
		},
	}
}

// customerNumbersView has the customers with an email address.
type customerNumbersView struct {
	CustomerNumbers []string `json:"customerNumbers"`
}

func (t *tool) customerFind() *cobra.Command {
	return &cobra.Command{
		Use:     "find EMAIL",
		Short:   "Find customer numbers by email address; the search is recorded in the audit log",
		Example: `  zegoctl customer find driver@example.com`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := build(t, cmd, customer.NewStore)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: "by email"}, func() error {
				if t.dryRun {
					return errDryRun // the search must be logged
				}
				numbers, err := store.ByEmail(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				rows := [][]string{{"CUSTOMER NUMBER"}}
				for _, n := range numbers {
					rows = append(rows, []string{n})
				}
				return t.show(cmd, customerNumbersView{numbers}, rows...)
			})
		},
	}
}

func (t *tool) customerExport() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "export CUSTOMER",
		Short: "Export all data stored about a customer, as JSON (GDPR, articles 15 and 20)",
		Long: `Export all data stored about a customer, as JSON: details, cover, account, and for each work provider
the history of consents, IDs and matches, its events, the resulting shifts, and when it was sent the
customer's details. The hash of the password is not included. The export is for the customer; the audit
log records who made it.`,
		Example: `  zegoctl customer export ABC123 --file abc123.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, number, err := t.privacyService(cmd, args[0])
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: number}, func() error {
				if t.dryRun {
					return errDryRun // the export must be logged
				}
				e, err := service.Export(cmd.Context(), number, t.now())
				if err != nil {
					return err
				}
				text, err := marshalIndent(e)
				if err != nil {
					return err
				}
				if path == "" {
					_, err = cmd.OutOrStdout().Write(text)
					return err
				}
				return writeNewFile(path, text)
			})
		},
	}
	cmd.Flags().StringVar(&path, "file", "", "path of a new file, readable only by you; standard output by default")
	return cmd
}

func (t *tool) customerErase() *cobra.Command {
	return &cobra.Command{
		Use:   "erase CUSTOMER",
		Short: "Erase a customer's personal data (GDPR, article 17); cover and shifts are kept under the number",
		Long: `Erase a customer's personal data: name, address, date of birth, email, telephone number, the account,
the vehicle's registration, the digests of enrolments, and the reasons for which events were taken back.
Consents end, and open shifts with them.

The cover and the shifts are kept under the customer number, which is never reused: legal claims may
depend on them for years (article 17 (3) (e)). After an interruption, erase again.`,
		Example: `  zegoctl customer erase ABC123 --dry-run
  zegoctl customer erase ABC123`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			service, number, err := t.privacyService(cmd, args[0])
			if err != nil {
				return err
			}
			a := action{target: number, irreversible: "personal data is deleted, and cover ends"}
			return t.run(cmd, a, func() error {
				e, err := service.Erase(cmd.Context(), number, t.now())
				if err != nil {
					return err
				}
				return t.show(cmd, e,
					[]string{"CUSTOMER NUMBER", "ERASED", "CONSENTS ENDED", "ENROLMENTS DELETED", "ACCOUNT CLOSED"},
					[]string{
						e.CustomerNumber, formatTime(e.Erased), strings.Join(e.WithdrawnFrom, " "),
						fmt.Sprint(e.Enrolments), fmt.Sprint(e.HadAccount),
					})
			})
		},
	}
}
