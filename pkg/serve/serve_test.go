package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"pgregory.net/rapid"

	"zego.com/workprovider/internal/testkit"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/web"
)

// keys are those of the tests.
var keys = testkit.Keys()

// echo tells what came through: the path's value, the query and the body.
func echo(r *web.Request) (web.Response, error) {
	query, err := r.Query()
	return web.Response{
		Status: http.StatusOK,
		Header: http.Header{"X-Two": {"1", "2"}},
		Body:   []string{r.PathValue, query.Encode(), strings.ToValidUTF8(string(r.Body), "\ufffd")},
	}, err
}

func handler() http.Handler {
	return web.Router(map[string]http.Handler{
		"match":     web.NewFunction("match", keys, map[string]web.Handler{"POST /v1/match": echo}),
		"shift-end": web.NewFunction("shift-end", keys, map[string]web.Handler{"PUT /v2/shift/{id}": echo}),
		"shift-read": web.NewFunction(
			"shift-read",
			keys,
			map[string]web.Handler{"GET /v2/shift/{id}": echo, "GET /v2/shift": echo},
		),
	})
}

// call sends an event through the real adapter.
func call(t interface{ Fatalf(string, ...any) }, event events.APIGatewayProxyRequest) events.APIGatewayProxyResponse {
	answer, err := Proxy(handler())(context.Background(), event)
	if err != nil {
		t.Fatalf("the adapter failed: %v", err)
	}
	return answer
}

var authorized = map[string][]string{"authorization": {testkit.Courier}}

func TestProxy(t *testing.T) {
	base64Of := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const nothing = `"NOT_FOUND","detail":"No such path"}`
	for _, test := range []struct {
		name  string
		event events.APIGatewayProxyRequest
		want  int
		body  string
	}{
		{"a body as text", events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/v1/match/", Body: "{\"a\":\"é&<\"}\n"},
			200, `["","","{\"a\":\"é&<\"}\n"]`},
		{"row 5: a body in base64",
			events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/v1/match/", Body: base64Of("{\"a\":\"é\"}\n"),
				IsBase64Encoded: true}, 200, `["","","{\"a\":\"é\"}\n"]`},
		{"row 5: no body in base64",
			events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/v1/match/", IsBase64Encoded: true}, 200, `["","",""]`},
		{"row 28: broken base64",
			events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/v1/match/", Body: `{"a":1}`, IsBase64Encoded: true}, 400,
			`{"error":"INVALID_DATA","detail":"The body could not be read"}`},
		{"row 28: base64 that breaks off",
			events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/v2/shift/7", Body: "abcde", IsBase64Encoded: true}, 400,
			`{"status":"NOK","error":"INVALID_DATA","message":"Invalid data format",` +
				`"detail":{"body":"The body could not be read"}}`},
		{"row 28: broken base64 for nobody",
			events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/v2/", Body: "!", IsBase64Encoded: true}, 404,
			`{"status":"NOK","error":` + nothing},
		{"row 28: broken base64 for another method",
			events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/v1/match", Body: "!", IsBase64Encoded: true}, 405,
			`{"error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`},
		{"row 28: a broken escape", events.APIGatewayProxyRequest{HTTPMethod: "PUT", Path: "/v2/shift/%zz"}, 404,
			`{"status":"NOK","error":` + nothing},
		{"row 28: a broken escape in v1", events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "/v1/match%"}, 404,
			`{"error":` + nothing},
		{"row 28: a broken escape and no slash", events.APIGatewayProxyRequest{HTTPMethod: "POST", Path: "%"}, 404,
			`{"error":` + nothing},
		{"row 28: an escaped slash", events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/v2/shift/a%2Fb%252F/"}, 200,
			`["a/b%2F","",""]`},
		{"row 28: a path that nobody escaped",
			events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/v2/shift/a b?c#d\x00é:@\xff"}, 200,
			`["a b?c#d\u0000é:@` + "\ufffd" + `","",""]`},
		{"a path without its slash", events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "v2/shift/7"}, 200,
			`["7","",""]`},
		{"no path", events.APIGatewayProxyRequest{HTTPMethod: "GET"}, 404, `{"error":` + nothing},
		{"a path like an address", events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "//host:x/v2/shift"}, 404,
			`{"error":` + nothing},
		{"the query, decoded by the gateway",
			events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/v2/shift",
				MultiValueQueryStringParameters: map[string][]string{"a": {"1&b=2", "%zz", "+ ;é"}}}, 200,
			`["","a=1%26b%3D2&a=%25zz&a=%2B+%3B%C3%A9",""]`},
		{"the query of a simple event",
			events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/v2/shift",
				QueryStringParameters: map[string]string{"a": "1"}}, 200, `["","a=1",""]`},
		{"an odd domain",
			events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/v2/shift/7",
				RequestContext: events.APIGatewayProxyRequestContext{DomainName: "[%zz:x y"}}, 200, `["7","",""]`},
		{"no method", events.APIGatewayProxyRequest{Path: "/v2/shift/7"}, 405,
			`{"status":"NOK","error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`},
		{"an odd method", events.APIGatewayProxyRequest{HTTPMethod: "GE T/", Path: "/v1/match"}, 405,
			`{"error":"METHOD_NOT_ALLOWED","detail":"Method not allowed for this path"}`},
		{"HEAD", events.APIGatewayProxyRequest{HTTPMethod: "HEAD", Path: "/v2/shift/7"}, 200, ``},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.event.MultiValueHeaders = authorized
			answer := call(t, test.event)
			if answer.StatusCode != test.want || answer.Body != test.body || answer.IsBase64Encoded {
				t.Errorf("got %d %s\nwant %d %s", answer.StatusCode, answer.Body, test.want, test.body)
			}
			header := http.Header(answer.MultiValueHeaders)
			if header.Get("Content-Type") != "application/json" || header.Get("X-Request-Id") == "" ||
				(test.want == 200) != (len(header["X-Two"]) == 2) {
				t.Errorf("headers %v", header)
			}
		})
	}
}

func TestProxyHeaders(t *testing.T) {
	event := events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/v2/shift/7"}
	if got := call(t, event).StatusCode; got != http.StatusUnauthorized {
		t.Errorf("without a key: %d", got)
	}
	event.Headers = map[string]string{"AUTHORIZATION": testkit.Courier}
	if got := call(t, event).StatusCode; got != http.StatusOK {
		t.Errorf("with single headers only: %d", got)
	}
}

func TestProxyRequestID(t *testing.T) {
	ctx := lambdacontext.NewContext(context.Background(), &lambdacontext.LambdaContext{AwsRequestID: "invocation-1"})
	answer, err := Proxy(web.Fallback())(ctx, events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/"})
	if err != nil || http.Header(answer.MultiValueHeaders).Get("X-Request-Id") != "invocation-1" {
		t.Errorf("got %v, %v", answer.MultiValueHeaders, err)
	}
}

// Row 26: our 413 comes through for what Lambda itself still lets in.
func TestProxyTooLarge(t *testing.T) {
	for size, want := range map[int]int{web.MaxBody: 200, web.MaxBody + 1: 413} {
		body := strings.Repeat("x", size)
		for _, event := range []events.APIGatewayProxyRequest{
			{Body: body},
			{Body: base64.StdEncoding.EncodeToString([]byte(body)), IsBase64Encoded: true},
		} {
			event.HTTPMethod = "POST"
			event.Path = "/v1/match"
			event.MultiValueHeaders = authorized
			if got := call(t, event).StatusCode; got != want {
				t.Errorf("row 26: %d bytes, base64 %v: got %d, want %d", size, event.IsBase64Encoded, got, want)
			}
		}
	}
}

// neverOurFault is what holds for any event at all: the adapter takes it, and the answer is one of ours.
func neverOurFault(t interface{ Fatalf(string, ...any) }, event events.APIGatewayProxyRequest) {
	answer := call(t, event)
	if answer.StatusCode >= 500 || answer.StatusCode < 200 ||
		http.Header(answer.MultiValueHeaders).Get("X-Request-Id") == "" {
		t.Fatalf("%+v: %d %s", event, answer.StatusCode, answer.Body)
	}
	if !strings.EqualFold(event.HTTPMethod, http.MethodHead) && !json.Valid([]byte(answer.Body)) {
		t.Fatalf("%+v: the body is %q", event, answer.Body)
	}
	if _, err := json.Marshal(answer); err != nil {
		t.Fatalf("%+v: %v", event, err)
	}
}

func TestProxyProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(
			rapid.String(),
			rapid.StringMatching(`[a-zA-Z0-9/%?#:. ]*`),
			rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		)
		event := events.APIGatewayProxyRequest{
			HTTPMethod: rapid.OneOf(rapid.SampledFrom([]string{"GET", "HEAD", "POST", "PUT", ""}), text).
				Draw(t, "method"),
			Path: rapid.SampledFrom([]string{"", "/v1/match", "/v2/shift/", "/v2/shift", "/"}).
				Draw(t, "path") +
				text.Draw(
					t,
					"rest of the path",
				),
			Headers:                         rapid.MapOf(text, text).Draw(t, "headers"),
			MultiValueHeaders:               rapid.MapOf(text, rapid.SliceOf(text)).Draw(t, "multi-value headers"),
			QueryStringParameters:           rapid.MapOf(text, text).Draw(t, "query"),
			MultiValueQueryStringParameters: rapid.MapOf(text, rapid.SliceOf(text)).Draw(t, "multi-value query"),
			Body:                            text.Draw(t, "body"),
			IsBase64Encoded:                 rapid.Bool().Draw(t, "base64"),
			RequestContext: events.APIGatewayProxyRequestContext{
				DomainName: text.Draw(t, "domain"),
				Identity:   events.APIGatewayRequestIdentity{SourceIP: text.Draw(t, "source")},
			},
		}
		if rapid.Bool().Draw(t, "authorized") && event.MultiValueHeaders != nil {
			event.MultiValueHeaders["Authorization"] = []string{testkit.Courier}
		}
		neverOurFault(t, event)
	})
}

func FuzzProxy(f *testing.F) {
	f.Add("GET", "/v2/shift/a%2Fb", "a", "b", "", false, "api.example.com")
	f.Add("POST", "/v1/match/", "", "", "e30=", true, "")
	f.Add("PUT", "/v2/shift/%zz", "\xff", "\x00", "!", true, "[::1")
	f.Add("po st", "//x:y@z?#", ";", "%", "{}", false, "%zz")
	f.Fuzz(func(t *testing.T, method, path, name, value, body string, isBase64 bool, domain string) {
		neverOurFault(t, events.APIGatewayProxyRequest{
			HTTPMethod: method, Path: path, Body: body, IsBase64Encoded: isBase64,
			MultiValueHeaders:               map[string][]string{"Authorization": {testkit.Courier}, name: {value}},
			MultiValueQueryStringParameters: map[string][]string{name: {value}},
			RequestContext:                  events.APIGatewayProxyRequestContext{DomainName: domain},
		})
	})
}

func TestConsume(t *testing.T) {
	failed := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{{ItemIdentifier: "m1"}}}
	for want, response := range map[string]events.SQSEventResponse{
		`{"batchItemFailures":[]}`:                        {},
		`{"batchItemFailures":[{"itemIdentifier":"m1"}]}`: failed,
	} {
		got, err := reportFailures(
			func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) { return response, nil },
		)(
			context.Background(),
			events.SQSEvent{},
		)
		text, _ := json.Marshal(got)
		if err != nil || string(text) != want {
			t.Errorf("got %s, %v, want %s", text, err, want)
		}
	}
	var log bytes.Buffer
	previous := slog.Default()
	defer slog.SetDefault(previous)
	slog.SetDefault(slog.New(observe.NewJSONHandler(&log)))
	if _, err := reportFailures(func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return failed,
			nil
	})(context.Background(), events.SQSEvent{}); err != nil ||
		!strings.Contains(log.String(), `"Failed":1`) {
		t.Errorf("failed messages are not counted: %s, %v", &log, err)
	}
	broken := errors.New("broken")
	if _, err := reportFailures(func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return events.SQSEventResponse{}, broken
	})(context.Background(), events.SQSEvent{}); !errors.Is(err, broken) {
		t.Errorf("the error became %v", err)
	}
}

// TestMain lets the test start itself as a Lambda function would be started.
func TestMain(m *testing.M) {
	switch os.Getenv("SERVE_AS") {
	case "http":
		HTTP(func(env *config.Env) http.Handler {
			env.Get("PROVIDERS_TABLE")
			env.Get("EVENTS_QUEUE_URL")
			return handler()
		})
	case "queue":
		Queue(func(env *config.Env) consumer.Func {
			env.Get("TIMELINES_TABLE")
			return func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
				return events.SQSEventResponse{}, nil
			}
		})
	default:
		os.Exit(m.Run())
	}
}

// runtimeAPI is a Lambda service of one invocation. It returns what the function answered.
func runtimeAPI(t *testing.T, event any) (address string, answered <-chan string) {
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan string, 1)
	next := make(chan struct{}, 1)
	next <- struct{}{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			body, _ := io.ReadAll(r.Body)
			answers <- string(body)
			w.WriteHeader(http.StatusAccepted)
			return
		}
		select {
		case <-next:
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", "invocation-1")
			w.Header().Set("Lambda-Runtime-Deadline-Ms", "9999999999999")
			w.Write(payload)
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), answers
}

// function is this test's own program, to be started as a function; it ends with the test at the latest.
func function(t *testing.T, as string, vars ...string) (*exec.Cmd, *bytes.Buffer) {
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(vars, "SERVE_AS="+as)
	var log bytes.Buffer
	command.Stderr = &log
	return command, &log
}

func TestOnLambda(t *testing.T) {
	for _, test := range []struct {
		as    string
		vars  []string
		event any
		want  string
	}{
		{"http", []string{"PROVIDERS_TABLE=p", "EVENTS_QUEUE_URL=q"},
			events.APIGatewayProxyRequest{HTTPMethod: "GET", Path: "/nowhere"},
			`{"statusCode":404,"headers":null,"multiValueHeaders":{"Content-Type":["application/json"],` +
				`"X-Request-Id":["invocation-1"]},"body":"{\"error\":\"NOT_FOUND\",\"detail\":\"No such path\"}"}`},
		{"queue", []string{"TIMELINES_TABLE=t"}, events.SQSEvent{}, `{"batchItemFailures":[]}`},
	} {
		t.Run(test.as, func(t *testing.T) {
			address, answered := runtimeAPI(t, test.event)
			command, log := function(t, test.as, append(test.vars, "AWS_LAMBDA_RUNTIME_API="+address)...)
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- command.Wait() }()
			select {
			case got := <-answered:
				if got != test.want {
					t.Errorf("got  %s\nwant %s", got, test.want)
				}
				command.Process.Kill()
				<-ended
			case err := <-ended:
				t.Errorf("it ended: %v: %s", err, log)
			}
		})
	}
}

func TestMissingVariables(t *testing.T) {
	for as, want := range map[string]string{
		"http":  "missing environment variables: PROVIDERS_TABLE, EVENTS_QUEUE_URL",
		"queue": "missing environment variables: TIMELINES_TABLE",
	} {
		command, log := function(t, as)
		err := command.Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 1 || !strings.Contains(log.String(), fmt.Sprintf("%q", want)) {
			t.Errorf("%s: %v: %s", as, err, log)
		}
	}
}

// The collector keeps to 80 % of what Lambda gives the function, unless GOMEMLIMIT says otherwise.
func TestMemoryLimit(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	limitMemory(config.From(map[string]string{"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}))
	if limit := debug.SetMemoryLimit(-1); limit < 400<<20 || limit > 410<<20 {
		t.Errorf("the limit is %d MiB", limit>>20)
	}
	for _, vars := range []map[string]string{
		{}, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "much"}, {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "GOMEMLIMIT": "1GiB"},
	} {
		debug.SetMemoryLimit(before)
		limitMemory(config.From(vars))
		if limit := debug.SetMemoryLimit(-1); limit != before {
			t.Errorf("%v: the limit is %d MiB", vars, limit>>20)
		}
	}
}
