package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/webhook"
)

// webhookView is a webhook. The secret is present only when it has just been generated.
type webhookView struct {
	WorkProvider string `json:"workProvider"`
	URL          string `json:"url"`
	Secret       string `json:"secret,omitempty"`
	Secrets      int    `json:"secrets"`            // the number of secrets that sign now
	Answered     string `json:"answered,omitempty"` // when the URL first answered 200, 202 or 204
	Disabled     string `json:"disabled,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

func (t *tool) webhook() *cobra.Command {
	return group(
		&cobra.Command{Use: "webhook", Short: "Webhooks of work providers"},
		t.webhookSet(),
		t.webhookShow(),
		t.webhookRotate(),
		t.webhookEnable(),
		t.webhookDisable(),
		t.webhookTest(),
		t.webhookDeliveries(),
		t.webhookResend(),
	)
}

// webhookStore returns the store of webhooks. It fails unless the work provider exists.
func (t *tool) webhookStore(cmd *cobra.Command, providerID string) (*webhook.Store, *config.Env, error) {
	env, err := t.env(cmd)
	if err != nil {
		return nil, nil, err
	}
	store := webhook.NewStore(env)
	providers := apikey.NewStore(env)
	if err := env.Err(); err != nil {
		return nil, nil, err
	}
	_, err = providers.Get(cmd.Context(), providerID)
	return store, env, err
}

func (t *tool) webhookSet() *cobra.Command {
	var fromStdin bool
	cmd := &cobra.Command{
		Use:   "set PROVIDER URL",
		Short: "Set and enable a work provider's webhook; the first time, its secret is generated and shown",
		Long: `Set the URL at which a work provider receives events, and enable it. The first time, a secret is
generated, and shown only once. Later the secret stays; "rotate" generates another. With
--secret-from-stdin, a secret of the work provider immediately replaces all others.`,
		Example: `  zegoctl webhook set courier-ltd https://hooks.courier.example/zego`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			var secret webhook.Secret
			if fromStdin {
				text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1000))
				if err != nil {
					return err
				}
				if secret, err = webhook.ParseSecret(string(text)); err != nil {
					return err
				}
				// The confirmation would be read from the same input.
				if _, err := store.Get(cmd.Context(), args[0]); err == nil && !t.yes && !t.dryRun {
					return errors.New("this irreversibly replaces the secrets of an existing webhook: confirm it with --yes")
				}
			}
			// The URL is not logged: it may contain a secret of the work provider.
			return t.run(cmd, action{target: args[0]}, func() error {
				generated, err := store.Set(cmd.Context(), args[0], args[1], secret, time.Now())
				if err != nil {
					return err
				}
				if fromStdin {
					generated = "" // the work provider's own is not shown
				}
				return t.showWebhook(cmd, store, args[0], generated)
			})
		},
	}
	cmd.Flags().BoolVar(&fromStdin, "secret-from-stdin", false, "read the secret, whsec_ and base64, from standard input")
	return cmd
}

func (t *tool) webhookShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show PROVIDER",
		Short:   "Show a work provider's webhook, without its secrets",
		Example: `  zegoctl webhook show courier-ltd`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			return t.showWebhook(cmd, store, args[0], "")
		},
	}
}

func (t *tool) webhookRotate() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:     "rotate PROVIDER",
		Short:   "Generate a new secret, shown only once; the previous one keeps signing during the overlap",
		Example: `  zegoctl webhook rotate courier-ltd --overlap 48h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			a := action{target: args[0], irreversible: fmt.Sprintf("the previous secret stops signing in %s", overlap)}
			return t.run(cmd, a, func() error {
				secret, err := store.Rotate(cmd.Context(), args[0], overlap, time.Now())
				if err != nil {
					return err
				}
				return t.showWebhook(cmd, store, args[0], secret)
			})
		},
	}
	usage := "how long the previous secret keeps signing; 0 if it has leaked"
	cmd.Flags().DurationVar(&overlap, "overlap", 24*time.Hour, usage)
	return cmd
}

func (t *tool) webhookEnable() *cobra.Command {
	return &cobra.Command{
		Use:     "enable PROVIDER",
		Short:   "Enable a webhook; pending deliveries continue with their next attempt",
		Example: `  zegoctl webhook enable courier-ltd`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				if err := store.Enable(cmd.Context(), args[0]); err != nil {
					return err
				}
				return t.showWebhook(cmd, store, args[0], "")
			})
		},
	}
}

func (t *tool) webhookDisable() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:     "disable PROVIDER",
		Short:   "Disable a webhook; deliveries whose attempts all pass meanwhile are exhausted",
		Example: `  zegoctl webhook disable courier-ltd --reason "they are moving"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				if err := store.Disable(cmd.Context(), args[0], reason, time.Now()); err != nil {
					return err
				}
				return t.showWebhook(cmd, store, args[0], "")
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "by an operator", "the reason, shown by webhook show")
	return cmd
}

func (t *tool) showWebhook(cmd *cobra.Command, store *webhook.Store, providerID string, secret webhook.Secret) error {
	s, err := store.Get(cmd.Context(), providerID)
	if err != nil {
		return err
	}
	view := webhookView{
		WorkProvider: providerID,
		URL:          s.URL,
		Secret:       string(secret),
		Secrets:      s.SecretCount(time.Now()),
		Answered:     formatTime(s.AnsweredAt),
		Disabled:     formatTime(s.DisabledAt),
		Reason:       s.Reason,
	}
	heading := []string{"WORK PROVIDER", "URL", "SECRETS", "ANSWERED", "DISABLED", "REASON"}
	row := []string{
		view.WorkProvider, view.URL, strconv.Itoa(view.Secrets), view.Answered, view.Disabled, view.Reason,
	}
	if secret != "" {
		heading = append(heading, "SECRET (not shown again)")
		row = append(row, view.Secret)
	}
	return t.show(cmd, view, heading, row)
}

// testView is the reply to a test event.
type testView struct {
	Status         int    `json:"status"`
	Interpretation string `json:"interpretation"`
	Problem        string `json:"problem,omitempty"`
}

func (t *tool) webhookTest() *cobra.Command {
	var loopback bool
	cmd := &cobra.Command{
		Use:   "test PROVIDER",
		Short: "Send a signed test event to a webhook",
		Long: `Send a signed sign-up event with the customer number TEST to a webhook, from this machine, and show
how the reply would be interpreted. Nobody is matched by it. A reply of 200, 202 or 204 shows that the
URL is a receiver's; until then, and for a day, a 404 to a sign-up is retried.`,
		Example: `  zegoctl webhook test courier-ltd`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			settings, err := store.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				if t.dryRun {
					return errDryRun // the request does not go to AWS, so readOnly does not stop it
				}
				reply := webhook.NewClient(loopback, time.Now).Test(cmd.Context(), settings)
				if _, err := store.RecordReply(cmd.Context(), args[0], settings, reply, time.Now()); err != nil {
					return err
				}
				view := testView{reply.Status, reply.Describe(), reply.Problem}
				return t.show(cmd, view,
					[]string{"STATUS", "INTERPRETATION", "PROBLEM"},
					[]string{strconv.Itoa(view.Status), view.Interpretation, view.Problem})
			})
		},
	}
	usage := "allow HTTP to this machine; true by default if $WEBHOOKS_TO_LOOPBACK is yes"
	cmd.Flags().BoolVar(&loopback, "to-loopback", t.toLoopback, usage)
	return cmd
}

// deliveryView is a delivery.
type deliveryView struct {
	ID             string `json:"id"`
	CustomerNumber string `json:"customerNumber"`
	State          string `json:"state"`
	Attempts       int    `json:"attempts"`
	Status         int    `json:"status"` // of the last reply; 0 if there was none
	Problem        string `json:"problem,omitempty"`
	Updated        string `json:"updated"`
	NextAttempt    string `json:"nextAttempt,omitempty"`
}

func (t *tool) showDeliveries(cmd *cobra.Command, deliveries ...webhook.Delivery) error {
	rows := [][]string{{"ID", "CUSTOMER NUMBER", "STATE", "ATTEMPTS", "STATUS", "PROBLEM", "UPDATED", "NEXT ATTEMPT"}}
	views := make([]deliveryView, len(deliveries))
	for i, d := range deliveries {
		v := deliveryView{
			d.ID,
			d.Customer,
			string(d.State),
			d.Attempts,
			d.Status,
			d.Problem,
			formatTime(d.UpdatedAt),
			formatTime(d.NextAttempt),
		}
		views[i] = v
		rows = append(rows, []string{
			v.ID, v.CustomerNumber, v.State, strconv.Itoa(v.Attempts), strconv.Itoa(v.Status), v.Problem, v.Updated,
			v.NextAttempt,
		})
	}
	return t.show(cmd, views, rows...)
}

// deliveries returns the store of deliveries. It fails unless the work provider exists.
func (t *tool) deliveries(cmd *cobra.Command, providerID string) (*webhook.Deliveries, *config.Env, error) {
	_, env, err := t.webhookStore(cmd, providerID)
	if err != nil {
		return nil, nil, err
	}
	store := webhook.NewDeliveries(env, time.Now)
	return store, env, env.Err()
}

func (t *tool) webhookDeliveries() *cobra.Command {
	var month string
	cmd := &cobra.Command{
		Use:     "deliveries PROVIDER",
		Short:   "List the deliveries to a webhook for the sign-ups of a month",
		Example: `  zegoctl webhook deliveries courier-ltd --month 2026-11`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkMonth(month); err != nil {
				return err
			}
			store, _, err := t.deliveries(cmd, args[0])
			if err != nil {
				return err
			}
			all, err := store.List(cmd.Context(), args[0], month)
			if err != nil {
				return err
			}
			return t.showDeliveries(cmd, all...)
		},
	}
	cmd.Flags().StringVar(&month, "month", time.Now().UTC().Format(monthLayout), "the month, in UTC")
	return cmd
}

func (t *tool) webhookResend() *cobra.Command {
	return &cobra.Command{
		Use:     "resend PROVIDER DELIVERY-ID",
		Short:   "Start a delivery again, whatever its state; the webhook-id stays the same",
		Example: `  zegoctl webhook resend courier-ltd signup_1792682100000000_ABC123`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, env, err := t.deliveries(cmd, args[0])
			if err != nil {
				return err
			}
			queue := webhook.NewQueue(env)
			if err := env.Err(); err != nil {
				return err
			}
			return t.run(cmd, action{target: strings.Join(args, " ")}, func() error {
				d, err := store.Resend(cmd.Context(), queue, args[0], args[1])
				if err != nil {
					return err
				}
				return t.showDeliveries(cmd, d)
			})
		},
	}
}
