package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// customerView is a new customer as it is shown: without what the operator has just typed in, because it is personal.
type customerView struct {
	CustomerNumber     string `json:"customerNumber"`
	Insured            bool   `json:"insured"`
	WorkProvider       string `json:"workProvider,omitempty"`
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
}

func (t *tool) customer() *cobra.Command {
	return group(&cobra.Command{
		Use:   "customer",
		Short: "The insured",
		Long: `The insured. Who they are is shown by "export" alone, which the audit log notes; "find" leads from
an email to a number.`,
	}, t.customerCreate(), t.customerShow(), t.customerFind(), t.customerExport(), t.customerErase())
}

// cover says what a new customer is covered for: by a product, or as the flags say.
type cover struct {
	product     string
	occupations []string
	policy      customer.Policy
	uninsured   bool
}

func (t *tool) customerCreate() *cobra.Command {
	var n customer.NewCustomer
	var c cover
	var link customer.InitialShare
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a customer with a policy, and share them with a work provider if one is given",
		Long: `Create a customer with a policy. The number is drawn unless one is given.

With --work-provider, the customer has consented to share with it and is matched from now on. The command needs all
tables, and the queue of events, because shifts may have to be folded again.`,
		Example: `  zegoctl customer create --given-names Dara --last-name Driver --address "25 Luke Street" --city London \
      --post-code "EC2A 4DS" --dob 1984-01-15 --email driver@example.com --phone-number +442079460000 \
      --cover-level "Third Party (TPO)" --class-of-use "Carriage of Goods for Hire & Reward" --vehicle "VY7 JC3" \
      --work-provider courier-ltd --work-provider-user-id 12345`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			env, err := t.env(cmd)
			if err != nil {
				return err
			}
			if link.Provider == "" && link.UserID != "" {
				return errors.New("--work-provider-user-id needs --work-provider")
			}
			now := t.now()
			if link.Provider != "" {
				link.Since = now
				n.Share = &link
			}
			return t.createCustomer(cmd, env, n, c, now)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Number, "number", "", "the customer number, A-Z and 0-9; drawn if absent")
	details := []struct {
		flag, usage string
		value       *string
	}{
		{"given-names", "", &n.Details.GivenNames},
		{"last-name", "", &n.Details.LastName},
		{"address", "the first line only", &n.Details.Address},
		{"city", "", &n.Details.City},
		{"post-code", "", &n.Details.PostCode},
		{"dob", "date of birth, such as 1984-01-15", &n.Details.DOB},
		{"email", "", &n.Details.Email},
		{"phone-number", "with the dialling country, such as +442079460000", &n.Details.PhoneNumber},
	}
	for _, d := range details {
		flags.StringVar(d.value, d.flag, "", d.usage)
		required(cmd, d.flag)
	}
	flags.StringVar(&c.product, "product", "", "code of a product, whose cover the policy has")
	flags.StringArrayVar(&c.occupations, "occupation", nil, "one that the product covers; may be repeated")
	flags.StringVar(&c.policy.CoverLevel, "cover-level", "", "in place of a product's")
	flags.StringVar(&c.policy.ClassOfUse, "class-of-use", "", "in place of a product's")
	flags.StringVar(&c.policy.VehicleRegistration, "vehicle", "", "registration, if the policy is specific to a vehicle")
	flags.BoolVar(&c.uninsured, "not-insured", false, "the policy is not in force")
	flags.StringVar(&link.Provider, "work-provider", "", "id of a work provider to share with")
	flags.StringVar(&link.UserID, "work-provider-user-id", "", "what the work provider calls the customer")
	cmd.MarkFlagsMutuallyExclusive("product", "cover-level")
	cmd.MarkFlagsMutuallyExclusive("product", "class-of-use")
	cmd.MarkFlagsRequiredTogether("cover-level", "class-of-use")
	cmd.MarkFlagsOneRequired("product", "cover-level")
	return cmd
}

func (t *tool) createCustomer(
	cmd *cobra.Command,
	env *config.Env,
	n customer.NewCustomer,
	c cover,
	now time.Time,
) (err error) {
	customers := customer.NewStore(env)
	providers := apikey.NewStore(env)
	register := customer.NewRegistrar(
		customers,
		timeline.NewStore(env),
		shift.NewRecomputeRequester(queue.NewEventsQueue(env)),
	)
	if err := env.Err(); err != nil {
		return err
	}
	view := customerView{Insured: !c.uninsured}
	if n.Share != nil {
		if _, err := providers.Get(cmd.Context(), n.Share.Provider); err != nil {
			return err
		}
		view.WorkProvider, view.WorkProviderUserID = n.Share.Provider, n.Share.UserID
	}
	if n.Policy, err = c.of(cmd, customers); err != nil {
		return err
	}
	if n.Number == "" {
		n.Number = customer.GenerateNumber() // here already, so that the audit log can name it
	}
	of := n.Number
	if n.Share != nil {
		of = strings.TrimSpace(of + " at " + n.Share.Provider)
	}
	return t.run(cmd, action{target: of}, func() error {
		if view.CustomerNumber, err = register.Create(cmd.Context(), n, now); err != nil {
			return err
		}
		return t.show(cmd, view,
			[]string{"CUSTOMER NUMBER", "INSURED", "WORK PROVIDER", "WORK PROVIDER USER ID"},
			[]string{view.CustomerNumber, fmt.Sprint(view.Insured), view.WorkProvider, view.WorkProviderUserID})
	})
}

// target is the policy so described.
func (c cover) of(cmd *cobra.Command, customers *customer.Store) (customer.Policy, error) {
	policy := c.policy
	if c.product != "" {
		p, ok, err := customers.Product(cmd.Context(), c.product)
		if err != nil {
			return policy, err
		}
		if !ok {
			return policy, fmt.Errorf("there is no product `%s`: define it first", c.product)
		}
		if policy, err = p.Policy(c.occupations); err != nil {
			return policy, err
		}
		policy.VehicleRegistration = c.policy.VehicleRegistration
	} else if len(c.occupations) > 0 {
		return policy, errors.New("--occupation needs --product")
	}
	policy.Insured = !c.uninsured
	return policy, nil
}
