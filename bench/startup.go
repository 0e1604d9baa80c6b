package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/provider"
)

// Where scripts/build puts the functions, and where the comparison's programs go.
const (
	builtFunctions = "bin/functions"
	builtHello     = "bin/bench/hello"
)

// build builds every function as it is deployed, and the bare hello world with the same flags.
func build(ctx context.Context) error {
	for _, command := range []string{"scripts/build",
		". scripts/goflags && go build -o " + builtHello + " ./bench/peers/hello"} {
		if output, err := exec.CommandContext(ctx, "bash", "-c", command).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, output)
		}
	}
	return nil
}

// functionNames are the names of all functions that a live stack has, those behind the gateway first: of each there is
// a sample.
func functionNames() (api, consumers []string, err error) {
	samples, err := filepath.Glob("events/*.json")
	for _, sample := range samples {
		switch name := strings.TrimSuffix(filepath.Base(sample), ".json"); name {
		case "processor", "dead-letters", "webhook-sender":
			consumers = append(consumers, name)
		default:
			api = append(api, name)
		}
	}
	return api, consumers, err
}

// starts is what the start of processes took, in milliseconds, and as a ratio to the bare hello world's.
type starts struct {
	// Functions is the way to an answer that asks no service; by function, and "hello" and "python".
	Functions map[string]compared `json:"functions"`
	// Accepted is that of a v1 login to its 202, with services that answer at once; "login" and "python".
	Accepted map[string]compared `json:"accepted"`
	// Versus is the ratio of the v1 login to the Python, without services.
	Versus spread `json:"loginToPython"`
}

// measureStarts starts everything that was built, by turns. Each is sent its sample from events/, without the key,
// which is refused without asking a service; a queue's consumer gets an empty batch. The Python takes part in fewer
// rounds: it needs as long as fifty of the others.
func measureStarts(ctx context.Context, server *emulator.Server, rounds int) (*starts, error) {
	runtime, err := newRuntimeAPI()
	if err != nil {
		return nil, err
	}
	defer runtime.close()
	services := newReplay(server.URL)
	defer services.Close()
	env, err := server.NewEnv(ctx)
	if err != nil {
		return nil, err
	}
	variables, err := variablesOf(env.Optional, services.URL)
	if err != nil {
		return nil, err
	}
	key, err := issueKey(ctx, apikey.NewStore(env))
	if err != nil {
		return nil, err
	}

	root, err := emulator.Root()
	if err != nil {
		return nil, err
	}
	function := func(name string) program {
		return program{command: []string{filepath.Join(root, builtFunctions, name)}, variables: variables}
	}
	hello := program{command: []string{filepath.Join(root, builtHello)}, variables: variables}
	python := program{
		command:   []string{filepath.Join(root, ".tools/bench/bin/python"), "-m", "awslambdaric", "app.handler"},
		dir:       filepath.Join(root, "bench/peers/powertools"),
		variables: append(slices.Clone(variables), "AWS_LAMBDA_FUNCTION_NAME=shift-login"),
	}
	contend := func(name string, p program, event []byte, want string) contender {
		return contender{name, func() (float64, error) { return runtime.start(ctx, p, event, want) }}
	}

	api, consumers, err := functionNames()
	if err != nil {
		return nil, err
	}
	contenders := []contender{contend("hello", hello, []byte(`{}`), "hello")}
	for _, name := range api {
		event, err := withKey(name, "")
		if err != nil {
			return nil, err
		}
		contenders = append(contenders, contend(name, function(name), event, `"statusCode":`))
	}
	for _, name := range consumers {
		contenders = append(contenders, contend(name, function(name), []byte(`{"Records":[]}`), "batchItemFailures"))
	}
	var s starts
	if s.Functions, err = compare(rounds, contenders...); err != nil {
		return nil, err
	}

	keyless, err := withKey("shift-login", "")
	if err != nil {
		return nil, err
	}
	whole, err := withKey("shift-login", key)
	if err != nil {
		return nil, err
	}
	refused, err := compare(
		rounds/6,
		contend("python", python, keyless, `"statusCode": 401`),
		contend("login", function("shift-login"), keyless, `"statusCode":401`),
	)
	if err != nil {
		return nil, err
	}
	s.Versus = refused["login"].Ratio
	s.Functions["python"] = refused["python"]
	s.Accepted, err = compare(
		rounds/6,
		contend("python", python, whole, `"statusCode": 202`),
		contend("login", function("shift-login"), whole, `"statusCode":202`),
	)
	return &s, err
}

// variablesOf are the variables that the template gives its functions, with services at another address.
func variablesOf(value func(name, fallback string) string, services string) ([]string, error) {
	t, err := template.Read("template.yaml")
	if err != nil {
		return nil, err
	}
	names := []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
	for _, function := range append(t.OfType("AWS::Serverless::Function"), "") {
		for name := range t.Variables(function) {
			names = append(names, name)
		}
	}
	variables := []string{"AWS_ENDPOINT_URL=" + services, "AWS_DEFAULT_REGION=eu-west-2"}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		variables = append(variables, name+"="+value(name, ""))
	}
	return variables, nil
}

func issueKey(ctx context.Context, providers *apikey.Store) (string, error) {
	now := time.Now()
	courier, err := providers.Create(ctx, provider.Provider{Name: "Courier Ltd"}, now)
	if err != nil {
		return "", err
	}
	key, _, err := providers.IssueKey(ctx, courier.ID, now)
	return key, err
}

// withKey is the sample event of a function with another API key, or with none.
func withKey(function, key string) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join("events", function+".json"))
	if err != nil {
		return nil, err
	}
	var event map[string]any
	if err := json.Unmarshal(text, &event); err != nil {
		return nil, err
	}
	for _, headers := range []string{"headers", "multiValueHeaders"} {
		sent, _ := event[headers].(map[string]any)
		switch _, asked := sent["Authorization"]; {
		case !asked: // a page: of a visitor who says nothing, nothing is asked
			delete(event, "queryStringParameters")
			delete(event, "multiValueQueryStringParameters")
		case key == "":
			delete(sent, "Authorization")
		case headers == "headers":
			sent["Authorization"] = key
		default:
			sent["Authorization"] = []string{key}
		}
	}
	return json.Marshal(event)
}

// newReplay is a service that answers at once: it asks the embedded one the first time, and tells the same answer
// whenever it is asked the same again.
func newReplay(url string) *httptest.Server {
	var mu sync.Mutex
	known := map[string]*http.Response{}
	bodies := map[string][]byte{}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			return // whoever asked has gone
		}
		mu.Lock()
		defer mu.Unlock()
		what := r.Header.Get("X-Amz-Target") + string(asked)
		if known[what] == nil {
			forwarded, err := http.NewRequestWithContext(r.Context(), r.Method, url+r.URL.Path, bytes.NewReader(asked))
			if err != nil {
				panic(err) // an address that was answered before
			}
			forwarded.Header = r.Header.Clone()
			response, err := http.DefaultClient.Do(forwarded)
			if err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			defer response.Body.Close()
			if bodies[what], err = io.ReadAll(response.Body); err != nil {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			known[what] = response
		}
		for name, values := range known[what].Header {
			if !strings.EqualFold(name, "Content-Length") && !strings.EqualFold(name, "Transfer-Encoding") {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(known[what].StatusCode)
		w.Write(bodies[what])
	}))
}
