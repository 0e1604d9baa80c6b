// Command zegoctl is the operators' command line. Start with `zegoctl --help`; docs/operators-guide.md describes
// day-to-day operation.
//
//	main.go      the root command and the environment
//	action.go    how a change is made: dry run, confirmation, audit log, and then the change
//	flags.go     helpers for flags
//	output.go    text and JSON output, and how times, names and shifts are formatted
//	provider.go, key.go, webhook.go, product.go, customer.go, link.go    providers, keys, webhooks, products, customers
//	privacy.go                                                           data subject requests
//	explain.go, chart.go, trace.go, unmatched.go, late.go, event.go      diagnosis of days and events
//	dlq.go, rebuild.go, backfill.go                                      repairs
//	deprecations.go, audit.go                                            deprecated usage, and the audit log
//
// Credentials and region come from the same sources as for the AWS CLI (profile, environment, role); AWS_ENDPOINT_URL
// is respected. Tables and queues are named by flags, or by the variables that the functions use.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"
	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(config.FromOS(), connect).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "zegoctl:", errorText(err))
		os.Exit(1)
	}
}

// connect sets the operator's own AWS configuration in the environment.
func connect(ctx context.Context, env *config.Env) error {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}))
	if err == nil {
		env.SetAWS(cfg)
	}
	return err
}

// tool is the state that all commands share.
type tool struct {
	vars       map[string]*string // environment variables; those of resourceFlags point to the values of their flags
	output     string
	dryRun     bool
	yes        bool // irreversible changes are confirmed beforehand
	toLoopback bool // default of the flag --to-loopback
	cachedEnv  *config.Env
	connect    func(context.Context, *config.Env) error
}

// resourceFlags are the flags that name a table or a queue, and the variables that hold their defaults.
var resourceFlags = []struct{ flag, variable string }{
	{"providers-table", "PROVIDERS_TABLE"},
	{"customers-table", "CUSTOMERS_TABLE"},
	{"timelines-table", "TIMELINES_TABLE"},
	{"secrets-table", "SECRETS_TABLE"},
	{"sessions-table", "SESSIONS_TABLE"},
	{"audit-bucket", "AUDIT_BUCKET"},
	{"events-queue-url", "EVENTS_QUEUE_URL"},
	{"webhooks-queue-url", "WEBHOOKS_QUEUE_URL"},
}

// command returns the root command, with defaults from the environment.
func command(defaults *config.Env, connect func(context.Context, *config.Env) error) *cobra.Command {
	t := &tool{
		vars: map[string]*string{}, toLoopback: defaults.Optional("WEBHOOKS_TO_LOOPBACK", "") == "yes", connect: connect,
	}
	root := &cobra.Command{
		Use:   "zegoctl",
		Short: "Operate the work provider API",
		Long: `Operate the work provider API: work providers and their keys, customers and their consents, and the
outcomes of events.

Every command that changes something is recorded in the audit log, under your IAM identity. With
--dry-run it performs all checks and shows what it would do, but changes nothing. Irreversible changes
ask for confirmation, unless --yes is given.`,
		Example: `  zegoctl provider list                                    # all work providers
  zegoctl key rotate courier-ltd 1b4f0e98 --overlap 168h   # a new key; the old one works for another week
  zegoctl explain ABC123 --day 2026-11-22                  # why a customer was insured, or not
  zegoctl trace AdZLjpdqzEdBLurCRVQfQs8nVU0-FjwILhC_Nlt    # the outcome of one event
  zegoctl customer erase ABC123 --dry-run                  # what an erasure would do`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	for _, variable := range envOnlyVars {
		t.vars[variable] = new(defaults.Optional(variable, ""))
	}
	for _, r := range resourceFlags {
		t.vars[r.variable] = flags.String(r.flag, defaults.Optional(r.variable, ""), "defaults to $"+r.variable)
	}
	flags.StringVarP(&t.output, "output", "o", "text", "text or json")
	flags.BoolVar(&t.dryRun, "dry-run", false, "perform all checks, show what would be done, and change nothing")
	flags.BoolVar(&t.yes, "yes", false, "confirm irreversible changes beforehand")
	_ = root.RegisterFlagCompletionFunc(
		"output",
		cobra.FixedCompletions([]string{"text", "json"}, cobra.ShellCompDirectiveNoFileComp),
	)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if t.output != "text" && t.output != "json" {
			return errors.New("--output must be text or json")
		}
		return nil
	}
	root.AddCommand(
		t.provider(),
		t.key(),
		t.product(),
		t.customer(),
		t.link(),
		t.webhook(),
		t.explain(),
		t.trace(),
		t.unmatched(),
		t.late(),
		t.event(),
		t.dlq(),
		t.rebuild(),
		t.backfill(),
		t.deprecations(),
		t.audit(),
	)
	t.complete(root)
	return root
}

// eventIDKeys is the variable with the keys that encrypt event IDs.
const eventIDKeys = "EVENT_ID_KEYS"

// envOnlyVars are the variables without a flag: a secret, and the kind of the stack.
var envOnlyVars = []string{eventIDKeys, "SANDBOX"}

// env returns the environment that the flags describe; in a dry run, a read-only one. A missing variable is reported
// once the stores are built (see build). There is one environment per command, so that the command acts as the operator
// in the audit log: an assumed role may have another session name at each connection.
func (t *tool) env(cmd *cobra.Command) (*config.Env, error) {
	if t.cachedEnv != nil {
		return t.cachedEnv, nil
	}
	vars := map[string]string{}
	for variable, value := range t.vars {
		vars[variable] = *value
	}
	env := config.From(vars)
	if err := t.connect(cmd.Context(), env); err != nil {
		return nil, err
	}
	if t.dryRun {
		env.SetAWS(readOnly(env.AWS()))
	}
	t.cachedEnv = env
	return env, nil
}

// now returns the current time of the stack: in a sandbox, that of the sandbox's clock. The audit log, keys and
// webhooks use real time.
func (t *tool) now() time.Time {
	if t.cachedEnv == nil {
		return time.Now()
	}
	return clock.New(t.cachedEnv)()
}

// group returns a command that only has subcommands. Without one it shows its help; an unknown one is an error, which
// cobra by itself reports for the root command alone.
func group(cmd *cobra.Command, subcommands ...*cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
		}
		return cmd.Help()
	}
	cmd.AddCommand(subcommands...)
	return cmd
}

// build calls a constructor with the command's environment. The error names all variables that are missing.
func build[T any](t *tool, cmd *cobra.Command, newT func(*config.Env) T) (T, error) {
	env, err := t.env(cmd)
	if err != nil {
		var zero T
		return zero, err
	}
	value := newT(env)
	return value, env.Err()
}

// complete makes the shell complete work provider IDs for every command whose first argument is one.
func (t *tool) complete(cmd *cobra.Command) {
	if words := strings.Fields(cmd.Use); len(words) > 1 && words[1] == "PROVIDER" {
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			store, err := t.providers(cmd)
			if err != nil || len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			all, err := store.List(cmd.Context())
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			var ids []string
			for _, p := range all {
				ids = append(ids, p.ID)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for _, sub := range cmd.Commands() {
		t.complete(sub)
	}
}

// errorText returns the text of an error for operators: its public message if it has one, else its cause.
func errorText(err error) string {
	var public *fault.Error
	if errors.As(err, &public) && public.Detail != "" {
		return public.Detail
	}
	return err.Error()
}
