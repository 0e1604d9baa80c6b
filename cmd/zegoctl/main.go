// Command zegoctl is the operators' tool: it creates work providers, their API keys and webhooks, products and customers,
// changes what these share, makes shift records again from the facts, and sends dead letters once more.
//
// It finds AWS as the AWS CLI does, by profile, environment or role, and heeds AWS_ENDPOINT_URL. The tables and the queues are named by
// flags, or by the same variables as the functions': PROVIDERS_TABLE, CUSTOMERS_TABLE, TIMELINES_TABLE, SECRETS_TABLE, EVENTS_QUEUE_URL, WEBHOOKS_QUEUE_URL.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := command(config.FromOS(), connect).ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "zegoctl:", words(err))
		os.Exit(1)
	}
}

// connect gives the environment the operator's own access to AWS.
func connect(ctx context.Context, env *config.Env) error {
	cfg, err := awsconfig.LoadDefaultConfig(ctx)
	if err == nil {
		env.SetAWS(cfg)
	}
	return err
}

// tool is what the commands share.
type tool struct {
	vars       map[string]*string // the value of each flag that names a table or a queue, by variable
	output     string
	toLoopback bool // the default of a flag
	connect    func(context.Context, *config.Env) error
}

// places are the flags that name a table or a queue, and the variables that stand in for them.
var places = []struct{ flag, variable string }{
	{"providers-table", "PROVIDERS_TABLE"},
	{"customers-table", "CUSTOMERS_TABLE"},
	{"timelines-table", "TIMELINES_TABLE"},
	{"secrets-table", "SECRETS_TABLE"},
	{"events-queue-url", "EVENTS_QUEUE_URL"},
	{"webhooks-queue-url", "WEBHOOKS_QUEUE_URL"},
}

// command is the whole tool, with the defaults that the environment gives.
func command(defaults *config.Env, connect func(context.Context, *config.Env) error) *cobra.Command {
	t := &tool{vars: map[string]*string{}, toLoopback: defaults.Optional("WEBHOOKS_TO_LOOPBACK", "") == "yes", connect: connect}
	root := &cobra.Command{
		Use:           "zegoctl",
		Short:         "Operate work providers, API keys, webhooks, products, customers, records and dead letters",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	for _, place := range places {
		t.vars[place.variable] = flags.String(place.flag, defaults.Optional(place.variable, ""), "by default $"+place.variable)
	}
	flags.StringVarP(&t.output, "output", "o", "text", "text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if t.output != "text" && t.output != "json" {
			return errors.New("--output must be text or json")
		}
		return nil
	}
	root.AddCommand(t.provider(), t.key(), t.product(), t.customer(), t.webhook(), t.link(), t.rebuild(), t.dlq())
	return root
}

// env is the environment that the flags describe. What is missing from it is known once the stores are built: see ready.
func (t *tool) env(cmd *cobra.Command) (*config.Env, error) {
	vars := map[string]string{}
	for variable, value := range t.vars {
		vars[variable] = *value
	}
	env := config.From(vars)
	return env, t.connect(cmd.Context(), env)
}

// words are what to tell an operator of an error: the public words if it has any, else the cause.
func words(err error) string {
	var failed *fault.Error
	if errors.As(err, &failed) && failed.Detail != "" {
		return failed.Detail
	}
	return err.Error()
}
