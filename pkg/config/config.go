// Package config is the one place where the environment is read.
//
// A function reads the variables it needs while it is built; [Env.Err] reports all that are missing or invalid at
// once, so that a deployment is fixed in one go.
package config

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/logging"
)

// Time-outs and retries of a call, before a request fails with 503: API Gateway times out after 29 seconds, and
// clients much earlier. Every service is in the same region, a few milliseconds away.
const (
	connectTimeout = 2 * time.Second        // to open a connection
	attemptTimeout = 5 * time.Second        // one attempt, connecting included
	maxAttempts    = 3                      // the first one included
	maxBackoff     = 500 * time.Millisecond // between two attempts
)

// conflicts are the errors of a plain write or read of an item that a transaction is writing ("Transaction conflict
// handling in DynamoDB"). The SDK does not retry them by itself. A transaction's own conflict is another error, which
// package table handles.
var conflicts = map[string]struct{}{"TransactionConflictException": {}}

// Env is a set of variables, and records those that were read and are missing. It is used while a program is built,
// by one goroutine.
type Env struct {
	lookup  func(string) (string, bool)
	missing []string
	invalid []string
	aws     *aws.Config
}

// FromOS reads the variables of the process.
func FromOS() *Env { return &Env{lookup: os.LookupEnv} }

// From reads the variables of a map: for tests, and for programs that start the services themselves.
func From(vars map[string]string) *Env {
	return &Env{lookup: func(name string) (string, bool) {
		value, ok := vars[name]
		return value, ok
	}}
}

// Get returns a required variable. An absent or empty one is recorded for [Env.Err] and read as "".
func (e *Env) Get(name string) string {
	value, _ := e.lookup(name)
	if value == "" && !slices.Contains(e.missing, name) {
		e.missing = append(e.missing, name)
	}
	return value
}

// Optional returns a variable, or the fallback if it is absent or empty.
func (e *Env) Optional(name, fallback string) string {
	if value, _ := e.lookup(name); value != "" {
		return value
	}
	return fallback
}

// Sandbox reports whether this is a sandbox: a stack for integration tests, with its own keys, test customers and
// clock.
func (e *Env) Sandbox() bool { return e.Optional("SANDBOX", "false") == "true" }

// Invalid records for [Env.Err] that a variable is invalid; the reason must not contain its value.
func (e *Env) Invalid(name, reason string) {
	e.invalid = append(e.invalid, name+" "+reason)
}

// Err returns an error that names every variable that is missing, in the order in which they were read, and every
// invalid one; nil if there is none.
func (e *Env) Err() error {
	var problems []string
	if len(e.missing) > 0 {
		problems = append(problems, "missing environment variables: "+strings.Join(e.missing, ", "))
	}
	problems = append(problems, e.invalid...)
	if len(problems) == 0 {
		return nil
	}
	return errors.New(strings.Join(problems, "; "))
}

// AWS returns the configuration of every AWS client. It is built from the variables that Lambda sets, because
// config.LoadDefaultConfig looks for profiles, files and metadata that a function never has and takes a sixth of its
// start to do so. AWS_ENDPOINT_URL, if set, is the endpoint of all clients, and AWS_ENDPOINT_URL_DYNAMODB,
// AWS_ENDPOINT_URL_SQS and so on of one service's, as the AWS SDKs and Tools Reference Guide says ("Service-specific
// endpoints").
func (e *Env) AWS() aws.Config {
	if e.aws == nil {
		e.SetAWS(e.buildAWS())
	}
	return *e.aws
}

// SetAWS replaces what AWS returns: for tools with other sources of credentials, and for tests that count calls.
func (e *Env) SetAWS(cfg aws.Config) { e.aws = &cfg }

func (e *Env) buildAWS() aws.Config {
	cfg := aws.Config{
		Region: e.Get("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			e.Get("AWS_ACCESS_KEY_ID"), e.Get("AWS_SECRET_ACCESS_KEY"), e.Optional("AWS_SESSION_TOKEN", "")),
		HTTPClient: awshttp.NewBuildableClient().
			WithTimeout(attemptTimeout).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }),
		Logger: logging.Nop{}, // it would write lines of its own format, such as that a body was not discarded
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = maxAttempts
				o.MaxBackoff = maxBackoff
				o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: conflicts})
			})
		},
	}
	if url := e.Optional("AWS_ENDPOINT_URL", ""); url != "" {
		cfg.BaseEndpoint = &url
	}
	cfg.ConfigSources = []any{endpoints{e}}
	return cfg
}

// endpoints is where the SDK's clients look for the endpoint of their own service.
type endpoints struct{ env *Env }

// GetServiceBaseEndpoint returns the endpoint of a service, by its SDK id, such as "DynamoDB".
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	url := e.env.Optional("AWS_ENDPOINT_URL_"+strings.ToUpper(strings.ReplaceAll(sdkID, " ", "_")), "")
	return url, url != "", nil
}
