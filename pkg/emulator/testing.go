package emulator

import (
	"sync"
	"testing"

	"zego.com/workprovider/pkg/config"
)

// testServer is the one server of a test process: starting one takes half a second, a fresh set of tables a few
// milliseconds. Nobody stops it: it ends with the process.
var testServer = sync.OnceValues(func() (*Server, error) { return Start(Options{}) })

// NewTestEnv returns an environment with fresh, empty tables and queues, made from the project's template.yaml, in the
// embedded DynamoDB and SQS. Tests may run in parallel: no two share a table. With -short the test is skipped.
func NewTestEnv(t testing.TB, overrides ...string) *config.Env {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the embedded services")
	}
	server, err := testServer()
	if err != nil {
		t.Fatal(err)
	}
	env, err := server.NewEnv(t.Context(), overrides...)
	if err != nil {
		t.Fatal(err)
	}
	return env
}
