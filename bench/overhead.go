package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/awslabs/aws-lambda-go-api-proxy/httpadapter"
	"github.com/go-json-experiment/json"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
)

// ready is a queue that has taken everything at once.
type ready struct{}

func (ready) Send(context.Context, string, time.Duration, ...string) error { return nil }

// warmCalls are calls from the gateway's event to its answer, in this process, with nothing to wait for: the queue is
// faked, and the key is remembered from the call before.
type warmCalls struct {
	adapter func() error // the bare adapter of aws-lambda-go-api-proxy, around a handler that writes the same answer
	login   func() error
	batch   func() error // of 1,000
	decode  func() error // of the batch's body into the same type, and nothing else
}

func newWarmCalls(ctx context.Context, server *emulator.Server) (*warmCalls, error) {
	env, err := server.NewEnv(ctx, "PROVIDER_REQUESTS_PER_SECOND=0") // a counter would be a call to storage
	if err != nil {
		return nil, err
	}
	providers := apikey.NewStore(env)
	now := time.Now()
	courier, err := providers.Create(ctx, provider.Provider{Name: "Courier Ltd"}, now)
	if err != nil {
		return nil, err
	}
	key, _, err := providers.IssueKey(ctx, courier.ID, now)
	if err != nil {
		return nil, err
	}
	keys := apikey.CacheFrom(env)
	ids := seal.NewFromEnv(env)
	const thousand = 1000
	at := now.Add(-time.Hour)
	one := eventBody(at, 0)
	many := batchBody(at, 0, thousand)
	sample, err := sampleEvent()
	if err != nil {
		return nil, err
	}
	ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "bench"})
	call := func(f accept, path string, body []byte) func() error {
		event := sample(path, key, body)
		return func() error { return accepted(f(ctx, event)) }
	}
	bare := httpadapter.New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusAccepted)
		w.Write([]byte(`{"status":"PENDING"}`))
	}))
	type decoded []struct {
		person.PersonRef
		Timestamp string `json:"timestamp"`
	}
	return &warmCalls{
		adapter: call(bare.ProxyWithContext, "/v1/shift/login", one),
		login:   call(serve.Proxy(shift.Login(keys, ready{}, ids, time.Now)), "/v1/shift/login", one),
		batch:   call(serve.Proxy(shift.BatchLogin(keys, ready{}, ids, time.Now)), "/v1/batch/login", many),
		decode: func() error {
			var into decoded
			return json.Unmarshal(many, &into)
		},
	}, env.Err()
}

// sampleEvent reads the event of a login as the gateway sends it, with all the headers and the context of a request,
// which the adapter has to turn into a request too; it answers a function that puts another path, key and body into it.
func sampleEvent() (func(path, key string, body []byte) events.APIGatewayProxyRequest, error) {
	text, err := os.ReadFile(filepath.Join("events", "shift-login.json"))
	if err != nil {
		return nil, err
	}
	return func(path, key string, body []byte) (event events.APIGatewayProxyRequest) {
		if err := json.Unmarshal(text, &event, json.MatchCaseInsensitiveNames(true)); err != nil {
			panic(err) // a test invokes the function with it
		}
		event.Path = path + "/"
		event.Headers["Authorization"] = key
		event.MultiValueHeaders["Authorization"] = []string{key}
		event.Body = base64.StdEncoding.EncodeToString(body)
		return event
	}, nil
}

func accepted(response events.APIGatewayProxyResponse, err error) error {
	if err != nil || response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("answered %d %s (%w)", response.StatusCode, response.Body, err)
	}
	return nil
}

// timed is a round of calls, in microseconds of processor time a call.
func timed(calls int, call func() error) func() (float64, error) {
	return func() (float64, error) {
		began := cpuMicros()
		for range calls {
			if err := call(); err != nil {
				return 0, err
			}
		}
		return (cpuMicros() - began) / float64(calls), nil
	}
}

// allocations is how many allocations a call makes.
func allocations(call func() error) (float64, error) {
	const calls = 500
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range calls {
		if err := call(); err != nil {
			return 0, err
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / calls, nil
}
