package shift

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/web"
)

// The memory of a function, by template.yaml, and the limit that package serve sets for the collector, in MiB.
const (
	functionMemory = 512
	memoryLimit    = functionMemory / 10 * 8
)

// largestBodies are bodies of 4 MiB, by what they are made of: what takes most memory per byte.
var largestBodies = map[string]func() string{
	"empty objects":     func() string { return array("{}") },
	"events":            func() string { return array(`{"driverId":1,"timestamp":"2026-03-14T12:00Z"}`) },
	"a last bad event":  func() string { return array(`{"driverId":1,"timestamp":"2026-03-14T12:00Z"}`, "{}") },
	"empty arrays":      func() string { return array("[]") },
	"numbers":           func() string { return array("1") },
	"nested arrays":     func() string { return strings.Repeat("[", web.MaxBody) },
	"names of one item": func() string { return "[" + manyNames() + "]" },
	"names":             manyNames,
	"one string":        func() string { return `{"timestamp":"` + strings.Repeat("x", web.MaxBody-20) + `"}` },
	"escapes":           func() string { return `{"timestamp":"` + strings.Repeat(`\u0041`, web.MaxBody/6-4) + `"}` },
	"no JSON":           func() string { return strings.Repeat("\n", web.MaxBody) },
}

// array is an array of an item, over and over again, and of others at its end.
func array(item string, last ...string) string {
	n := (web.MaxBody - 200) / (len(item) + 1)
	return "[" + strings.Repeat(item+",", n) + strings.Join(append([]string{item}, last...), ",") + "]"
}

// manyNames is an object of as many names as fit.
func manyNames() string {
	var text strings.Builder
	text.WriteString("{")
	for i := 0; text.Len() < web.MaxBody-40; i++ {
		fmt.Fprintf(&text, `"%x":0,`, i)
	}
	return text.String() + `"z":0}`
}

// discard is a queue that accepts everything.
type discard struct{}

func (discard) Send(context.Context, string, time.Duration, ...string) error { return nil }

// A body of 4 MiB never ends a function: whatever it is made of, the process stays below half of the memory that Lambda
// gives it.
func TestLargestBodies(t *testing.T) {
	const variable = "TEST_LARGEST_BODY"
	if name := os.Getenv(variable); name != "" {
		respondToLargestBody(t, name)
		return
	}
	if testing.Short() || raceEnabled() {
		t.Skip("the race detector takes several times the memory")
	}
	for name := range largestBodies {
		t.Run(name, func(t *testing.T) {
			function := exec.Command(os.Args[0], "-test.run", "^TestLargestBodies$")
			function.Env = append(os.Environ(), variable+"="+name)
			output, err := function.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			peak := function.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10 // KiB on Linux
			t.Logf("%d MiB", peak)
			if peak > functionMemory/2 {
				t.Errorf("%d MiB of %d", peak, functionMemory)
			}
		})
	}
}

// respondToLargestBody is the process that is measured: what the functions with a body do with an event of the gateway.
func respondToLargestBody(t *testing.T, name string) {
	debug.SetMemoryLimit(memoryLimit << 20)
	ids, err := seal.New("1:" + base64.StdEncoding.EncodeToString(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon }
	body := base64.StdEncoding.EncodeToString([]byte(largestBodies[name]()))
	for path, handler := range map[string]http.Handler{
		"/v1/shift/login": Login(keys, discard{}, ids, now),
		"/v1/batch/login": BatchLogin(keys, discard{}, ids, now),
		"/v1/match":       Match(keys, discard{}, ids, now),
	} {
		response, err := serve.Proxy(handler)(t.Context(), events.APIGatewayProxyRequest{
			Path: path, HTTPMethod: http.MethodPost, Headers: map[string]string{"Authorization": courier},
			Body: body, IsBase64Encoded: true,
		})
		if err != nil || response.StatusCode >= 500 {
			t.Errorf("%s: %d, %v", path, response.StatusCode, err)
		}
	}
}

func raceEnabled() bool {
	info, _ := debug.ReadBuildInfo()
	for _, setting := range info.Settings {
		if setting.Key == "-race" {
			return setting.Value == "true"
		}
	}
	return false
}
