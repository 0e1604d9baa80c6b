package emulator

import (
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"zego.com/workprovider/pkg/config"
)

// testServer is the one server of a test process: starting one takes half a second, a fresh set of tables a few
// milliseconds. Nobody stops it: it ends with the process.
var testServer = sync.OnceValues(func() (*Server, error) { return Start(Options{}) })

// testWorlds numbers the calls of ForTest, so that each gets tables of its own.
var testWorlds atomic.Int64

// EventIDKeys is an EVENT_ID_KEYS for tests. It protects nothing.
const EventIDKeys = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

// ForTest returns an environment with fresh, empty tables and queues, made from the project's template.yaml, in the
// embedded DynamoDB and SQS. Tests may run in parallel: no two share a table. With -short the test is skipped.
func ForTest(t testing.TB) *config.Env {
	t.Helper()
	if testing.Short() {
		t.Skip("needs the embedded services")
	}
	server, err := testServer()
	if err != nil {
		t.Fatal(err)
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	variables := server.Variables()
	suffix := fmt.Sprintf("-%d", testWorlds.Add(1))
	created, err := Create(t.Context(), config.From(variables).AWS(), filepath.Join(root, "template.yaml"), suffix)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(variables, created)
	variables["EVENT_ID_KEYS"] = EventIDKeys
	variables["SITE_URL"] = "https://work.zego.example/pages"
	variables["MAIL_FROM"] = MailFrom
	env := config.From(variables)
	cfg := env.AWS().Copy()
	cfg.HTTPClient = patient{cfg.HTTPClient}
	env.SetAWS(cfg)
	return env
}
