// Command zegoctl is the operators' tool. Start with `zegoctl --help`; docs/operators-guide.md goes through a day's
// work.
//
//	main.go      the commands, and where they find things
//	action.go    how a change is made: a dry run, a confirmation, the audit log, and then the change
//	output.go    text and JSON
//	provider.go, key.go, webhook.go, product.go, customer.go, link.go    providers, keys, webhooks, products and customers
//	privacy.go                                                           data subject requests
//	explain.go, chart.go, trace.go, unmatched.go                         what happened, and why
//	dlq.go, rebuild.go, backfill.go                                      repairs
//	deprecations.go, audit.go                                            deprecated usage, and the audit log
//
// It finds AWS as the AWS CLI does, by profile, environment or role, and heeds AWS_ENDPOINT_URL. Tables and queues are
// named by flags, or by the same variables as the functions'.
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

// connect gives the environment the operator's own access to AWS.
func connect(ctx context.Context, env *config.Env) error {
	cfg, err := awsconfig.LoadDefaultConfig(ctx, awsconfig.WithLogger(logging.Nop{}))
	if err == nil {
		env.SetAWS(cfg)
	}
	return err
}

// tool is what the commands share.
type tool struct {
	vars       map[string]*string // the value of each variable: of its flag, if it has one
	output     string
	dryRun     bool
	yes        bool // what cannot be undone is confirmed
	toLoopback bool // the default of a flag
	cachedEnv  *config.Env
	connect    func(context.Context, *config.Env) error
}

// resourceFlags are the flags that name a table or a queue, and the variables that stand in for them.
var resourceFlags = []struct{ flag, variable string }{
	{"providers-table", "PROVIDERS_TABLE"},
	{"customers-table", "CUSTOMERS_TABLE"},
	{"timelines-table", "TIMELINES_TABLE"},
	{"secrets-table", "SECRETS_TABLE"},
	{"sessions-table", "SESSIONS_TABLE"},
	{"audit-table", "AUDIT_TABLE"},
	{"events-queue-url", "EVENTS_QUEUE_URL"},
	{"webhooks-queue-url", "WEBHOOKS_QUEUE_URL"},
}

// command is the whole tool, with the defaults that the environment gives.
func command(defaults *config.Env, connect func(context.Context, *config.Env) error) *cobra.Command {
	t := &tool{
		vars: map[string]*string{}, toLoopback: defaults.Optional("WEBHOOKS_TO_LOOPBACK", "") == "yes", connect: connect,
	}
	root := &cobra.Command{
		Use:   "zegoctl",
		Short: "Operate the work provider API",
		Long: `Operate the work provider API: its work providers and their keys, the customers and what they share,
and what became of events.

Every command that changes something is noted in the audit log,
	with who AWS says you are. With --dry-run it makes all its
checks and says what it would do, but changes nothing. What cannot be undone is asked about first,
	unless you say --yes.`,
		Example: `  zegoctl provider list                                    which work providers there are
  zegoctl key rotate courier-ltd 1b4f0e98 --overlap 168h   a new key beside the old one, for a week
  zegoctl explain ABC123 --day 2026-11-22                  why somebody was insured, or was not
  zegoctl trace AdZLjpdqzEdBLurCRVQfQs8nVU0-FjwILhC_Nlt    what became of one event
  zegoctl customer erase ABC123 --dry-run                  what an erasure would do`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	for _, variable := range envOnlyVars {
		t.vars[variable] = new(defaults.Optional(variable, ""))
	}
	for _, place := range resourceFlags {
		t.vars[place.variable] = flags.String(
			place.flag,
			defaults.Optional(place.variable, ""),
			"by default $"+place.variable,
		)
	}
	flags.StringVarP(&t.output, "output", "o", "text", "text or json")
	flags.BoolVar(&t.dryRun, "dry-run", false, "check everything, say what would be done, and change nothing")
	flags.BoolVar(&t.yes, "yes", false, "do what cannot be undone without asking")
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
		t.dlq(),
		t.rebuild(),
		t.backfill(),
		t.deprecations(),
		t.audit(),
	)
	t.complete(root)
	return root
}

// eventIDKeys is the variable of the keys that seal event ids.
const eventIDKeys = "EVENT_ID_KEYS"

// envOnlyVars are the variables that have no flag: a secret, and what a stack is rather than where.
var envOnlyVars = []string{eventIDKeys, "SANDBOX"}

// env is the environment that the flags describe; in a dry run, one in which nothing can be changed. What is missing
// from it is known once the stores are built. A command has one, so that it acts as the operator who stands in the
// audit log: an assumed role may be called otherwise at each connection.
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

// now returns the time of the stack whose environment was built: in a sandbox, that of its clock. The audit log, keys
// and webhooks use real time.
func (t *tool) now() time.Time {
	if t.cachedEnv == nil {
		return time.Now()
	}
	return clock.New(t.cachedEnv)()
}

// group returns a command whose subcommands do the work. Without a subcommand it shows its help; an unknown one is an
// error, which cobra reports for the root command alone.
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

// build makes what a command works with, in its environment; the error names what is missing there.
func build[T any](t *tool, cmd *cobra.Command, from func(*config.Env) T) (T, error) {
	env, err := t.env(cmd)
	if err != nil {
		var none T
		return none, err
	}
	value := from(env)
	return value, env.Err()
}

// complete lets the shell complete the ids of work providers wherever one comes first.
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

// errorText are what to tell an operator of an error: the public words if it has any, else the cause.
func errorText(err error) string {
	var failed *fault.Error
	if errors.As(err, &failed) && failed.Detail != "" {
		return failed.Detail
	}
	return err.Error()
}
