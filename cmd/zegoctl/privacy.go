package main

import (
	"errors"
	"fmt"
	"os"
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

// privacyService is where a customer's wishes about their data are met, and the customer's number.
func (t *tool) privacyService(cmd *cobra.Command, number string) (*privacy.Service, string, error) {
	desk, err := build(t, cmd, func(env *config.Env) *privacy.Service {
		return privacy.NewService(
			env,
			webhook.NewDeliveries(env, clock.New(env)),
			shift.NewRecomputeRequester(queue.NewEventsQueue(env)),
		)
	})
	if err != nil {
		return nil, "", err
	}
	name, err := person.NewCustomerNumber(number)
	return desk, name.Value, err
}

// customerSummaryView is a customer as operators mostly need them: without who it is.
type customerSummaryView struct {
	CustomerNumber string   `json:"customerNumber"`
	Erased         string   `json:"erased,omitempty"`
	Account        bool     `json:"account"`
	Insured        bool     `json:"insured"`
	Product        string   `json:"product,omitempty"`
	CoverLevel     string   `json:"coverLevel"`
	ClassOfUse     string   `json:"classOfUse"`
	SharedWith     []string `json:"sharedWith"` // now or ever; "link list" tells more
}

func (t *tool) customerShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show CUSTOMER",
		Short: "Show what a customer is covered for, and with whom they ever shared; not who it is",
		Example: `  zegoctl customer show ABC123
  zegoctl link list ABC123`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, number, err := t.privacyService(cmd, args[0])
			if err != nil {
				return err
			}
			e, err := desk.Export(cmd.Context(), number, t.now())
			if err != nil {
				return err
			}
			view := customerSummaryView{
				CustomerNumber: e.CustomerNumber, Erased: formatTime(e.Erased), Account: e.Account != nil,
				Insured: e.Policy.Insured,
				Product: e.Policy.Product, CoverLevel: e.Policy.CoverLevel, ClassOfUse: e.Policy.ClassOfUse, SharedWith: []string{},
			}
			for _, s := range e.Sharing {
				view.SharedWith = append(view.SharedWith, s.WorkProvider)
			}
			return t.show(
				cmd,
				view,
				[]string{
					"CUSTOMER NUMBER",
					"INSURED",
					"PRODUCT",
					"COVER LEVEL",
					"CLASS OF USE",
					"ACCOUNT",
					"SHARED WITH",
					"ERASED",
				},
				[]string{
					view.CustomerNumber,
					fmt.Sprint(view.Insured),
					view.Product,
					view.CoverLevel,
					view.ClassOfUse,
					fmt.Sprint(view.Account),
					strings.Join(view.SharedWith, ", "),
					view.Erased,
				},
			)
		},
	}
}

// customerNumbersView are the customers of an email.
type customerNumbersView struct {
	CustomerNumbers []string `json:"customerNumbers"`
}

func (t *tool) customerFind() *cobra.Command {
	return &cobra.Command{
		Use:     "find EMAIL",
		Short:   "Find the numbers of the customers of an email; the audit log notes that somebody was looked for",
		Example: `  zegoctl customer find driver@example.com`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := build(t, cmd, customer.NewStore)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: "by email"}, func() error {
				if t.dryRun {
					return errDryRun // what is not noted is not looked up
				}
				numbers, err := store.ByEmail(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				lines := [][]string{{"CUSTOMER NUMBER"}}
				for _, n := range numbers {
					lines = append(lines, []string{n})
				}
				return t.show(cmd, customerNumbersView{numbers}, lines...)
			})
		},
	}
}

func (t *tool) customerExport() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "export CUSTOMER",
		Short: "Write everything that is held of a person, as JSON (GDPR, articles 15 and 20)",
		Long: `Write everything that is held of a person, as JSON: details, cover, account, and for each work provider the history of
consents, ids and matches, what it said of the person, the shifts that came of it,
	and when it was sent the person's details.
It is for the person, to whom the GDPR gives it; the audit log notes who made it. A password is held as a hash,
	which is not in it.`,
		Example: `  zegoctl customer export ABC123 --file abc123.json`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, number, err := t.privacyService(cmd, args[0])
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: number}, func() error {
				if t.dryRun {
					return errDryRun // what is not noted is not read
				}
				e, err := desk.Export(cmd.Context(), number, t.now())
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
				return writeNew(path, text)
			})
		},
	}
	cmd.Flags().StringVar(&path, "file", "", "a new file, readable by you alone, instead of the standard output")
	return cmd
}

// writeNew writes a file that nobody else may read, and that was not there.
func writeNew(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

func (t *tool) customerErase() *cobra.Command {
	return &cobra.Command{
		Use:   "erase CUSTOMER",
		Short: "Forget who a customer is (GDPR, article 17); what claims are judged by is kept without the person",
		Long: `Forget who a customer is. Deleted are name, address, date of birth, email, telephone number, the
account, the vehicle's registration, and what is remembered of enrolments. Consents end, open shifts
with them.

Kept, because claims are judged by it for years (article 17, 3 (e)), is that somebody of this number had this cover,
	and when
they were on shift. The number is never given to another. To erase somebody again finishes what was interrupted.`,
		Example: `  zegoctl customer erase ABC123 --dry-run
  zegoctl customer erase ABC123`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			desk, number, err := t.privacyService(cmd, args[0])
			if err != nil {
				return err
			}
			return t.run(
				cmd,
				action{target: number, irreversible: "who this is will be forgotten, and cover ends"},
				func() error {
					e, err := desk.Erase(cmd.Context(), number, t.now())
					if err != nil {
						return err
					}
					return t.show(
						cmd,
						e,
						[]string{"CUSTOMER NUMBER", "ERASED", "CONSENTS ENDED", "ENROLMENTS FORGOTTEN", "ACCOUNT CLOSED"},
						[]string{
							e.CustomerNumber,
							formatTime(e.Erased),
							strings.Join(e.WithdrawnFrom, " "),
							fmt.Sprint(e.Enrolments),
							fmt.Sprint(e.HadAccount),
						},
					)
				},
			)
		},
	}
}
