// Package config is the one place where the environment is read.
//
// A function asks for the variables it needs while it is put together; those that are missing are
// remembered and reported all at once by [Env.Err], so that a deployment is mended in one go.
package config

import (
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
)

// How long to try before a request is answered with 503: API Gateway gives up after 29 seconds, and
// whoever waits at its far end much earlier. Every service is in the same region, a few milliseconds away.
const (
	connectTimeout = 2 * time.Second        // to open a connection
	attemptTimeout = 5 * time.Second        // one attempt, connecting included
	attempts       = 3                      // the first one included
	maxBackoff     = 500 * time.Millisecond // between two attempts
)

// Env is a set of variables, and a note of those that were asked for in vain. It is used while a program
// is put together, by one goroutine.
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

// Get returns a variable that must be there. An absent or empty one is remembered for [Env.Err] and read as "".
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

// Sandbox tells whether this is a sandbox: a stack for trying things out, with keys, people and a clock of its own.
func (e *Env) Sandbox() bool { return e.Optional("SANDBOX", "false") == "true" }

// Reject notes for [Env.Err] that a variable is there but not fit for use; the reason must not hold its value.
func (e *Env) Reject(name, reason string) {
	e.invalid = append(e.invalid, name+" "+reason)
}

// Err names every variable that Get missed, in the order asked for, and those that were rejected; nil if there was none.
func (e *Env) Err() error {
	var faults []string
	if len(e.missing) > 0 {
		faults = append(faults, "missing environment variables: "+strings.Join(e.missing, ", "))
	}
	faults = append(faults, e.invalid...)
	if len(faults) == 0 {
		return nil
	}
	return errors.New(strings.Join(faults, "; "))
}

// AWS returns the configuration of every AWS client. It is put together by hand, from the variables that
// Lambda sets, because config.LoadDefaultConfig looks for profiles, files and metadata that a function
// never has and takes a sixth of its start to do so. AWS_ENDPOINT_URL, if set, leads all clients to another place.
func (e *Env) AWS() aws.Config {
	if e.aws == nil {
		e.SetAWS(e.buildAWS())
	}
	return *e.aws
}

// SetAWS replaces what AWS returns: for tools that find their credentials in other ways, and for tests that count calls.
func (e *Env) SetAWS(cfg aws.Config) { e.aws = &cfg }

func (e *Env) buildAWS() aws.Config {
	cfg := aws.Config{
		Region: e.Get("AWS_REGION"),
		Credentials: credentials.NewStaticCredentialsProvider(
			e.Get("AWS_ACCESS_KEY_ID"), e.Get("AWS_SECRET_ACCESS_KEY"), e.Optional("AWS_SESSION_TOKEN", "")),
		HTTPClient: awshttp.NewBuildableClient().
			WithTimeout(attemptTimeout).
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = connectTimeout }),
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts = attempts
				o.MaxBackoff = maxBackoff
			})
		},
	}
	if url := e.Optional("AWS_ENDPOINT_URL", ""); url != "" {
		cfg.BaseEndpoint = &url
	}
	return cfg
}
