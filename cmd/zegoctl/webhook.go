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

// webhookView is a webhook as it is shown. The secret is there only when it has just been drawn.
type webhookView struct {
	WorkProvider string `json:"workProvider"`
	URL          string `json:"url"`
	Secret       string `json:"secret,omitempty"`
	Secrets      int    `json:"secrets"` // how many sign now
	Disabled     string `json:"disabled,omitempty"`
	Reason       string `json:"reason,omitempty"`
}

func (t *tool) webhook() *cobra.Command {
	return group(
		&cobra.Command{Use: "webhook", Short: "Where work providers are told of sign-ups"},
		t.webhookSet(),
		t.webhookShow(),
		t.webhookRotate(),
		t.webhookEnable(),
		t.webhookDisable(),
		t.webhookTest(),
		t.webhookRejected(),
		t.webhookDeliveries(),
		t.webhookResend(),
	)
}

// webhookStore is the store of webhooks, once the work provider is known to exist.
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
	var ownSecret bool
	cmd := &cobra.Command{
		Use:   "set PROVIDER URL",
		Short: "Set a work provider's webhook, and enable it; the first time, its secret is drawn and shown this once",
		Long: `Set the URL at which a work provider is told of sign-ups, and enable it. The first time, a secret is
drawn and shown this once. Later the secret stays; rotate draws another. With --secret-from-stdin, a
secret that the work provider drew takes the place of all others at once.`,
		Example: `  zegoctl webhook set courier-ltd https://hooks.courier.example/zego`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			var secret webhook.Secret
			if ownSecret {
				text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), 1000))
				if err != nil {
					return err
				}
				if secret, err = webhook.ParseSecret(string(text)); err != nil {
					return err
				}
				// The question would be read from the same input.
				if _, err := store.Get(cmd.Context(), args[0]); err == nil && !t.yes && !t.dryRun {
					return errors.New("there is a webhook already, whose secrets this replaces for good: confirm it by --yes")
				}
			}
			// The URL is not noted: a work provider may have put a secret of its own into it.
			return t.run(cmd, action{target: args[0]}, func() error {
				drawn, err := store.Set(cmd.Context(), args[0], args[1], secret, time.Now())
				if err != nil {
					return err
				}
				if ownSecret {
					drawn = "" // it is known already
				}
				return t.showWebhook(cmd, store, args[0], drawn)
			})
		},
	}
	cmd.Flags().
		BoolVar(&ownSecret, "secret-from-stdin", false, "read the secret, whsec_ and base64, from the standard input")
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
		Short:   "Draw a new secret, shown this once; for a while the one before signs beside it",
		Example: `  zegoctl webhook rotate courier-ltd --overlap 48h`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, _, err := t.webhookStore(cmd, args[0])
			if err != nil {
				return err
			}
			d := action{target: args[0], irreversible: fmt.Sprintf("the secret before stops signing in %s", overlap)}
			return t.run(cmd, d, func() error {
				secret, err := store.Rotate(cmd.Context(), args[0], overlap, time.Now())
				if err != nil {
					return err
				}
				return t.showWebhook(cmd, store, args[0], secret)
			})
		},
	}
	cmd.Flags().
		DurationVar(&overlap, "overlap", 24*time.Hour, "how long the one before goes on signing; 0 if it is no longer secret")
	return cmd
}

func (t *tool) webhookEnable() *cobra.Command {
	return &cobra.Command{
		Use:     "enable PROVIDER",
		Short:   "Enable a webhook; what waits is delivered at its next try",
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
		Short:   "Disable a webhook; deliveries wait, and come to nothing if all their tries pass meanwhile",
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
	cmd.Flags().StringVar(&reason, "reason", "by an operator", "why, for whoever looks at it later")
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
		Disabled:     formatTime(s.DisabledAt),
		Reason:       s.Reason,
	}
	head := []string{"WORK PROVIDER", "URL", "SECRETS", "DISABLED", "REASON"}
	line := []string{view.WorkProvider, view.URL, strconv.Itoa(view.Secrets), view.Disabled, view.Reason}
	if secret != "" {
		head = append(head, "SECRET (not shown again)")
		line = append(line, view.Secret)
	}
	return t.show(cmd, view, head, line)
}

func (t *tool) webhookRejected() *cobra.Command {
	var tell bool
	cmd := &cobra.Command{
		Use:   "rejected PROVIDER --tell[=false]",
		Short: "Tell a webhook of events that do not count, or no longer; in force within 60 seconds",
		Long: `Tell a webhook, by event.rejected, of events that the work provider sent and that do not count:
those before the consent, and those that found no room on their day. It is asked for by each work
provider that wants it.`,
		Example: `  zegoctl webhook rejected courier-ltd --tell`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: fmt.Sprintf("%s --tell=%t", args[0], tell)}, func() error {
				if err := store.SetNotifyRejected(cmd.Context(), args[0], tell); err != nil {
					return err
				}
				return t.showProvider(cmd, store, args[0])
			})
		},
	}
	cmd.Flags().BoolVar(&tell, "tell", false, "tell it")
	required(cmd, "tell")
	return cmd
}

// testView is what came of a test.
type testView struct {
	Status  int    `json:"status"`
	Means   string `json:"means"`
	Problem string `json:"problem,omitempty"`
}

func (t *tool) webhookTest() *cobra.Command {
	var loopback bool
	cmd := &cobra.Command{
		Use:   "test PROVIDER",
		Short: "Send a signed sign-up of nobody to a webhook; whatever it replies, nothing follows",
		Long: `Send a signed sign-up of nobody (customer number TEST) to a webhook, from this machine, and show
what the reply would mean. Nothing follows from it. A receiver that does not know TEST replies 404,
which is a good sign.`,
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
					return errDryRun // this one does not go through AWS
				}
				reply := webhook.NewClient(loopback, time.Now).Test(cmd.Context(), settings)
				view := testView{reply.Status, reply.Describe(), reply.Problem}
				return t.show(
					cmd,
					view,
					[]string{"STATUS", "MEANS", "PROBLEM"},
					[]string{strconv.Itoa(view.Status), view.Means, view.Problem},
				)
			})
		},
	}
	cmd.Flags().
		BoolVar(&loopback, "to-loopback", t.toLoopback,
			"let the request go to this machine, by HTTP; by default if $WEBHOOKS_TO_LOOPBACK is yes")
	return cmd
}

// deliveryView is a delivery as it is shown.
type deliveryView struct {
	ID             string `json:"id"`
	CustomerNumber string `json:"customerNumber"`
	State          string `json:"state"`
	Attempts       int    `json:"attempts"`
	Status         int    `json:"status"` // of the last reply; 0 if none came
	Problem        string `json:"problem,omitempty"`
	Updated        string `json:"updated"`
	Due            string `json:"due,omitempty"`
}

func (t *tool) showDeliveries(cmd *cobra.Command, deliveries ...webhook.Delivery) error {
	lines := [][]string{{"ID", "CUSTOMER NUMBER", "STATE", "ATTEMPTS", "STATUS", "PROBLEM", "UPDATED", "DUE"}}
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
		lines = append(
			lines,
			[]string{v.ID, v.CustomerNumber, v.State, fmt.Sprint(v.Attempts), fmt.Sprint(v.Status), v.Problem, v.Updated, v.Due},
		)
	}
	return t.show(cmd, views, lines...)
}

// deliveries are the deliveries of a work provider that exists.
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
		Short:   "List the deliveries to a webhook, of those who signed up in a month",
		Example: `  zegoctl webhook deliveries courier-ltd --month 2026-11`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, err := time.Parse("2006-01", month); err != nil {
				return fmt.Errorf("--month must be such as 2026-11")
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
	cmd.Flags().StringVar(&month, "month", time.Now().UTC().Format("2006-01"), "the month, in UTC")
	return cmd
}

func (t *tool) webhookResend() *cobra.Command {
	return &cobra.Command{
		Use:     "resend PROVIDER DELIVERY-ID",
		Short:   "Deliver again, at once and as often as the first time, whatever became of it; the webhook-id stays",
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
