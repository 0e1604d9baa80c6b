package emulator

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"

	"zego.com/workprovider/pkg/config"
)

// testServer is the one server of a test process: starting one takes half a second, a fresh set of tables a few
// milliseconds. Nobody stops it: it ends with the process.
var testServer = sync.OnceValues(func() (*Server, error) { return Start(Options{Engine: EngineFromOS()}) })

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

// Require skips a test if the engine cannot do what it needs. The test, the capability and the reason are also written
// to the file that ENGINE_SKIPPED names, which `make test ENGINE=...` prints at its end.
func Require(t testing.TB, c Capability) {
	t.Helper()
	engine := EngineFromOS()
	reason, ok := gaps[engine][c]
	if !ok {
		return
	}
	skipped := fmt.Sprintf("%s: %s cannot %s: %s", t.Name(), engine, c, reason)
	if path := os.Getenv("ENGINE_SKIPPED"); path != "" {
		if err := appendLine(path, skipped); err != nil {
			t.Fatal(err)
		}
	}
	t.Skip(skipped)
}

func appendLine(path, line string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, line)
	return errors.Join(err, file.Close())
}
