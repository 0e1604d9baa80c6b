// Package serve runs a function on Lambda. It is the only package that uses lambda.Start and the gateway adapter.
//
// Functions are built with the tag lambda.norpc, which omits the code for the former go1.x runtime.
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

// HTTP is the main of a function behind the gateway. It builds the handler once, from the environment, and serves
// requests with it until the process ends. If variables are missing, it logs the names of all of them and exits with
// status 1.
func HTTP(build func(env *config.Env) http.Handler) {
	lambda.Start(Proxy(start(build)))
}

// Queue is the main of a function that consumes an SQS queue. Messages that it reports as failed are retried, all
// others are deleted.
func Queue(build func(env *config.Env) consumer.Func) {
	lambda.Start(reportFailures(start(build)))
}

// Schedule is the main of a function that is invoked on a schedule.
func Schedule(build func(env *config.Env) func(context.Context) error) {
	lambda.Start(start(build))
}

// start builds a function from the environment.
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

// limitMemory sets the memory limit of the garbage collector to 80 % of the function's memory. Without a limit, the
// heap grows to twice the memory in use, and Lambda ends a function that exceeds its memory. GOMEMLIMIT takes
// precedence.
func limitMemory(env *config.Env) {
	mib, err := strconv.ParseInt(env.Optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "0"), 10, 64)
	if err == nil && mib > 0 && env.Optional("GOMEMLIMIT", "") == "" {
		debug.SetMemoryLimit(mib << 20 / 10 * 8)
	}
}

// Proxy returns the Lambda function that HTTP starts. It converts events of the gateway into requests, and responses
// back. The adapter would fail on some events with a 5xx and log their path. Those are corrected before, or become
// requests to which the handler responds with the documented error, in the right order of checks (contract row 28).
func Proxy(
	handler http.Handler,
) func(context.Context, events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	var adapter core.RequestAccessor
	return func(ctx context.Context, event events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
		event.Path = cleanPath(event.Path)
		event.RequestContext.DomainName = "" // not used here, and the adapter fails on an invalid one
		if !isToken(event.HTTPMethod) {
			event.HTTPMethod = "INVALID"
		}
		body, length := decodeBody(event)
		event.Body = ""
		event.IsBase64Encoded = false // so that the adapter does not copy the body twice
		request, err := adapter.EventToRequest(event)
		if err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
		request = request.WithContext(ctx)
		request.Body = body
		request.ContentLength = length
		response := core.NewProxyResponseWriter()
		handler.ServeHTTP(response, request)
		return response.GetProxyResponse()
	}
}

// decodeBody returns the body of an event and its length; -1 if it is not valid base64.
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

// unreadable is a body that cannot be decoded.
type unreadable struct{}

func (unreadable) Read([]byte) (int, error) { return 0, errors.New("body is not base64") }
func (unreadable) Close() error             { return nil }

// isToken reports whether a method is a token of HTTP.
func isToken(method string) bool {
	return method != "" && strings.Trim(method, unreserved+"!#$%&'*+^`|") == "" && !strings.Contains(method, "/")
}

// unreserved are the characters that need no escaping in a URL, and the slash.
const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"

// cleanPath returns the path with all characters escaped that need it, so that it can be parsed as part of a URL. A
// path with invalid escapes becomes an unknown path of the same API version, which results in a 404.
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

// reportFailures records the number of failed messages, and returns an empty list instead of null: not every poller
// accepts null.
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
