// Package web is the HTTP layer of every endpoint: the table of routes, the order of checks, strict decoding, and the
// exact response bodies of v1 and v2.
//
// A domain package writes its endpoint as a [Handler], which returns a response or an error. [NewFunction] puts around
// it what all endpoints share. An error that is a fault becomes the body of its kind; any other is a 500 with a fixed
// message, and its cause is only logged. A request that succeeds is not logged, unless it used a deprecated name or
// path.
//
//	web.go          requests, responses, and the function around handlers
//	routes.go       every route, and who answers it
//	decode.go       JSON bodies
//	json_offset.go  where the JSON of a body goes wrong
//	query.go        query strings
//	time.go         times, parsed and formatted
//	errors.go       the bodies of errors
//	deprecated.go   headers and metrics of deprecated names
package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/go-json-experiment/json"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/provider"
)

// MaxBody is the largest body that is accepted, in bytes after decoding (contract row 26).
const MaxBody = 4 << 20

// Request is what a Handler gets: the HTTP request, its body, and who sent it.
type Request struct {
	*http.Request
	Body      []byte            // whole, at most MaxBody
	Provider  provider.Provider // whose key it carries
	PathValue string            // the {segment} of the path, decoded once (contract row 28); "" if it has none

	deprecatedUses []string // the old names and paths that it uses
}

// Response is what a Handler returns.
type Response struct {
	Status int
	Header http.Header // further headers; may be nil
	Body   any         // written as compact JSON, a RawBody as it is; nil: neither body nor Content-Type
}

// RawBody is a body that is no JSON: a page for people, or what belongs to one.
type RawBody struct {
	ContentType string
	Bytes       []byte
}

// Handler responds to one route, or fails with a fault. A handler that fails and returns a RawBody all the same has its
// own page for the error; the failure is logged as any other.
type Handler func(*Request) (Response, error)

// Authenticator returns the work provider whose key an Authorization header carries. It fails with MissingAuth,
// InvalidKey, Unavailable, or TooManyRequests, in which case it still returns the work provider. It is implemented by
// apikey.Cache, and in tests without storage by maps.
type Authenticator interface {
	Authenticate(ctx context.Context, authorization string) (provider.Provider, error)
}

// NewFunction returns the function of that name, as its folder's main serves it. The handlers are under "METHOD
// /canonical/path" and must be exactly those that Routes gives to the function; anything else panics.
func NewFunction(name string, keys Authenticator, handlers map[string]Handler) http.Handler {
	missing := len(handlers)
	for i := range Routes {
		if Routes[i].Function != name {
			continue
		}
		if handlers[Routes[i].key()] == nil {
			panic(fmt.Sprintf("web: function %s has no handler for %s", name, Routes[i].key()))
		}
		missing--
	}
	if missing != 0 || len(handlers) == 0 {
		panic(fmt.Sprintf("web: function %s has handlers that are not in Routes", name))
	}
	return &function{keys, handlers}
}

// NewPublicFunction returns a function that people use with a browser: it needs no key.
func NewPublicFunction(name string, handlers map[string]Handler) http.Handler {
	return NewFunction(name, nil, handlers)
}

// Fallback returns the function that the gateway sends everything else to, unknown paths and wrong methods (row 27).
func Fallback() http.Handler { return &function{} }

// Router returns one handler for several functions, by name, as the gateway is for all of them: Routes decides by
// method and path which one responds, and everything else goes to Fallback.
func Router(functions map[string]http.Handler) http.Handler {
	fallback := Fallback()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		match := find(r.Method, r.URL.EscapedPath())
		if match.route != nil && functions[match.route.Function] != nil {
			functions[match.route.Function].ServeHTTP(w, r)
			return
		}
		fallback.ServeHTTP(w, r)
	})
}

// function is a set of handlers. What is not theirs gets the fallback's error response.
type function struct {
	keys     Authenticator      // nil: no key is needed
	handlers map[string]Handler // by Route.key
}

// ServeHTTP writes nothing before the whole response is known.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = withRequestID(r)
	match := find(r.Method, r.URL.EscapedPath())
	request := &Request{Request: r, PathValue: match.value}
	if match.alias != "" {
		request.NoteDeprecated(match.alias)
	}
	response, body, err := f.respond(request, match)
	if err != nil {
		logFailure(request, match.route, err)
	}
	if err != nil && response.Status == 0 {
		response, body = errorResponse(r.URL.EscapedPath(), match.allowed, err)
	}
	header := w.Header()
	for name, values := range response.Header {
		header[name] = values
	}
	header["X-Request-Id"] = []string{observe.RequestID(r.Context())}
	f.setDeprecationHeaders(header, request)
	if raw, ok := response.Body.(RawBody); ok {
		header["Content-Type"] = []string{raw.ContentType}
	} else if body != nil {
		header["Content-Type"] = contentType
	}
	w.WriteHeader(response.Status)
	if body != nil && r.Method != http.MethodHead {
		w.Write(body) // if this fails, the client has gone
	}
}

var contentType = []string{"application/json"}

// respond makes the checks in the contract's order, then calls the handler and encodes what it returns.
func (f *function) respond(request *Request, match routeMatch) (response Response, body []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.Wrap(fault.Internal, panicError(cause))
		}
	}()
	if len(match.allowed) > 0 {
		return response, nil, fault.New(fault.MethodNotAllowed, "")
	}
	if match.route == nil || f.handlers[match.route.key()] == nil {
		return response, nil, fault.New(fault.NotFound, "No such path")
	}
	if request.Body, err = readBody(request.Request); err != nil {
		return response, nil, err
	}
	if f.keys != nil {
		request.Provider, err = f.keys.Authenticate(request.Context(), request.Header.Get("Authorization"))
		if err != nil {
			return response, nil, err
		}
	}
	response, err = f.handlers[match.route.key()](request)
	raw, isRaw := response.Body.(RawBody)
	switch {
	case isRaw:
		return response, raw.Bytes, err
	case err != nil:
		return Response{}, nil, err
	case response.Body == nil:
		return response, nil, nil
	}
	if body, err = encode(response.Body); err != nil {
		return Response{}, nil, err
	}
	return response, body, nil
}

// readBody reads the body whole, unless it is too large.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > MaxBody {
		return nil, fault.New(fault.TooLarge, "")
	}
	var body []byte
	var err error
	if r.ContentLength >= 0 {
		body = make([]byte, r.ContentLength)
		_, err = io.ReadFull(r.Body, body)
	} else {
		body, err = io.ReadAll(io.LimitReader(r.Body, MaxBody+1))
	}
	switch {
	case err != nil:
		return nil, fault.New(fault.InvalidData, "The body could not be read")
	case len(body) > MaxBody:
		return nil, fault.New(fault.TooLarge, "")
	}
	return body, nil
}

// encode writes JSON as all responses have it: compact, without HTML escaping, without a final newline, and with the
// keys of maps in order.
func encode(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// withRequestID gives a request an id, which the response and every log line carry. On Lambda that is the invocation's,
// so that the client's id leads to Lambda's own log lines too; elsewhere it is random.
func withRequestID(r *http.Request) *http.Request {
	if observe.RequestID(r.Context()) != "" {
		return r
	}
	return r.WithContext(observe.WithRequestID(r.Context(), rand.Text()))
}

// panicError returns a panic as an error for the log: where it happened, and what it was if the runtime raised it. The
// value of any other could hold personal data.
func panicError(cause any) error {
	err, ok := cause.(runtime.Error)
	if !ok {
		return fmt.Errorf("panic of type %T\n%s", cause, debug.Stack())
	}
	return fmt.Errorf("panic: %w\n%s", err, debug.Stack())
}

// logFailure logs a failure of ours, and what a work provider has to correct. It names the route and not the path,
// which may hold an id. A request without a valid key, or for a path that does not exist, is not logged.
func logFailure(r *Request, route *Route, err error) {
	failed := fault.Wrap(fault.Internal, err)
	errors.As(err, &failed)
	pattern := "none"
	if route != nil {
		pattern = route.key()
	}
	switch {
	case failed.Kind == fault.TooManyRequests:
		observe.ClientError(r.Context(), r.Provider.ID, pattern, failed.Kind.String(), failed.Field)
	case failed.Kind.Retryable():
		slog.ErrorContext(r.Context(), "request failed", "route", pattern, observe.Provider, r.Provider.ID, "error", err)
	case r.Provider.ID != "" && (failed.Kind == fault.InvalidData || failed.Kind == fault.PermissionDenied):
		observe.ClientError(r.Context(), r.Provider.ID, pattern, failed.Kind.String(), failed.Field)
	}
}
