// Package serve starts a function on Lambda. It is the only package that knows lambda.Start and httpadapter.
//
// Functions are built with the tag lambda.norpc, which leaves out what only the go1.x runtime, long gone, needed.
package serve

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/observe"
)

// HTTP is the main of a function behind the gateway. It builds the handler from the environment, once, and answers
// requests with it until the process ends. If variables are missing it names them all and exits with status 1.
func HTTP(build func(env *config.Env) http.Handler) {
	lambda.Start(Proxy(start(build)))
}

// Queue is the main of a function that consumes an SQS queue, in the same way. Messages that it reports as failed
// come again, all others are deleted.
func Queue(build func(env *config.Env) consumer.Func) {
	lambda.Start(reportFailures(start(build)))
}

// Schedule is the main of a function that is invoked at fixed times, in the same way.
func Schedule(build func(env *config.Env) func(context.Context) error) {
	lambda.Start(start(build))
}

// start puts a function together.
func start[T any](build func(env *config.Env) T) T {
	env := config.FromOS()
	slog.SetDefault(
		slog.New(observe.NewJSONHandler(os.Stderr)).With("function", env.Optional("AWS_LAMBDA_FUNCTION_NAME", "")),
	)
	limitMemory(env)
	built := build(env)
	if err := env.Err(); err != nil {
		slog.Error("cannot start", "error", err)
		os.Exit(1)
	}
	return built
}

// limitMemory has the garbage collector keep to 80 % of the function's memory. Without a limit it lets the heap grow to
// twice of what is in use, and Lambda ends a function that uses more than it has. GOMEMLIMIT, if set, takes precedence.
func limitMemory(env *config.Env) {
	mib, err := strconv.ParseInt(env.Optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"), 10, 64)
	if err == nil && mib > 0 && env.Optional("GOMEMLIMIT", "") == "" {
		debug.SetMemoryLimit(mib << 20 / 10 * 8)
	}
}

// Proxy turns events of the gateway into requests of the handler, and its answers back: what HTTP starts. What the
// adapter would refuse, with an error that blames us and a log line that holds the path, is put right before it, or
// made a request that our handler refuses in its own words and in the right order of checks (row 28).
func Proxy(
	handler http.Handler,
) func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	var adapter core.RequestAccessor
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		event.Path = cleanPath(event.Path)
		event.RequestContext.DomainName = "" // nothing of ours depends on it, and an odd one would be refused
		if !isToken(event.HTTPMethod) {
			event.HTTPMethod = "INVALID"
		}
		body, length := decodeBody(event)
		event.Body = ""
		event.IsBase64Encoded = false // the adapter would copy it twice
		request, err := adapter.EventToRequest(event)
		if err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
		request = request.WithContext(ctx)
		request.Body = body
		request.ContentLength = length
		answer := core.NewProxyResponseWriter()
		handler.ServeHTTP(answer, request)
		return answer.GetProxyResponse()
	}
}

// decodeBody is the body of an event, and its length; -1 if it cannot be read.
func decodeBody(event events.APIGatewayProxyRequest) (io.ReadCloser, int64) {
	if !event.IsBase64Encoded {
		return io.NopCloser(strings.NewReader(event.Body)), int64(len(event.Body))
	}
	body, err := base64.StdEncoding.DecodeString(event.Body)
	if err != nil {
		return unreadable{}, -1
	}
	return io.NopCloser(bytes.NewReader(body)), int64(len(body))
}

// unreadable stands for a body that did not come through.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { return 0, errors.New("body is not base64") }
func (unreadable) Close() error             { return nil }

// isToken reports whether a method is one that HTTP can carry.
func isToken(method string) bool {
	return method != "" && strings.Trim(method, unreserved+"!#$%&'*+^`|") == "" && !strings.Contains(method, "/")
}

// unreserved are the bytes that mean themselves in any part of a URL, and the slash.
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"

// cleanPath returns the path with everything escaped that has to be, so that it can be parsed as part of a URL. A
// path whose own escapes are broken becomes one of the same version that names nothing: 404.
func cleanPath(path string) string {
	if strings.Trim(path, unreserved) == "" {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		decoded, err := url.PathUnescape(segment)
		if err != nil {
			return strings.Join(append(segments[:min(2, i)], "-"), "/")
		}
		segments[i] = url.PathEscape(decoded)
	}
	return strings.Join(segments, "/")
}

// reportFailures counts the failed messages, and makes sure that the list of them is a list even if it is empty: not
// every poller takes null for one.
func reportFailures(handle consumer.Func) consumer.Func {
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		response, err := handle(ctx, event)
		observe.RecordFailures(ctx, len(response.BatchItemFailures))
		if response.BatchItemFailures == nil {
			response.BatchItemFailures = []events.SQSBatchItemFailure{}
		}
		return response, err
	}
}
