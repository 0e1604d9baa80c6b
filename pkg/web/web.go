// Package web is how every endpoint speaks HTTP: the table of routes, the order of checks, strict decoding, and
// the bodies of answers, to the byte, in the shapes of v1 and v2.
//
// A domain package writes its endpoint as a [Handler], which returns an answer or an error. [NewFunction] puts around
// it what all endpoints share. An error that is a fault becomes the body of its kind; any other is a 500 in fixed
// words, and its cause is in the log and nowhere else. A request that succeeds leaves no line in the log, unless it
// used a deprecated name or path.
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

// MaxBody is the largest body that is taken, in bytes after decoding (row 26).
const MaxBody = 4 << 20

// Request is what a Handler gets: the HTTP request and what was found out on its way here.
type Request struct {
	*http.Request
	Body      []byte            // whole, at most MaxBody
	Provider  provider.Provider // whose key it carries
	PathValue string            // the {segment} of the path, decoded once (row 28); "" if it has none

	deprecatedUses []string // the old names and paths that it uses
}

// Response is the answer of a Handler.
type Response struct {
	Status int
	Header http.Header // further headers; may be nil
	Body   any         // written as compact JSON, a Raw as it is; nil: neither body nor Content-Type
}

// RawBody is a body that is no JSON: a page for people, or what belongs to one.
type RawBody struct {
	ContentType string
	Bytes       []byte
}

// Handler answers one route, or fails with a fault. A handler that fails and returns a Raw all the same tells people
// in its own words what failed; the failure is logged as any other.
type Handler func(*Request) (Response, error)

// Authenticator finds out whose key an Authorization header carries. It fails with MissingAuth, InvalidKey or
// Unavailable. apikey.Cache is the real one; tests without storage have others.
type Authenticator interface {
	Authenticate(ctx context.Context, authorization string) (provider.Provider, error)
}

// NewFunction returns the whole of one function as its folder's main serves it. The handlers stand under "METHOD
// /canonical/path" and must be exactly those that Routes gives to the function; anything else is a mistake of
// ours and panics.
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

// NewPublicFunction is a Function that people use with a browser: it asks for no key.
func NewPublicFunction(name string, handlers map[string]Handler) http.Handler {
	return NewFunction(name, nil, handlers)
}

// Fallback returns the function that the gateway sends everything else to, unknown paths and wrong methods (row 27).
func Fallback() http.Handler { return &function{} }

// Router returns one handler over several functions, which stand under their names, as the gateway is over all of
// them: Routes decides by method and path who answers, and whatever nobody does goes to Fallback.
func Router(functions map[string]http.Handler) http.Handler {
	fallback := Fallback()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route, _, _, _ := find(r.Method, r.URL.EscapedPath()); route != nil && functions[route.Function] != nil {
			functions[route.Function].ServeHTTP(w, r)
			return
		}
		fallback.ServeHTTP(w, r)
	})
}

// function is a set of handlers that answer for themselves: they refuse what is not theirs as the fallback would.
type function struct {
	keys     Authenticator      // nil: no key is asked for
	handlers map[string]Handler // by Route.key
}

// ServeHTTP answers at once and whole: nothing is written before everything has succeeded or been refused.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = withRequestID(r)
	route, alias, value, allowed := find(r.Method, r.URL.EscapedPath())
	request := &Request{Request: r, PathValue: value}
	if alias != "" {
		request.NoteDeprecated(alias)
	}
	response, body, err := f.respond(request, route, allowed)
	if err != nil {
		logFailure(request, route, err)
	}
	if err != nil && response.Status == 0 {
		response, body = errorResponse(r.URL.EscapedPath(), allowed, err)
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
		w.Write(body) // if this fails, nobody is listening any more
	}
}

var contentType = []string{"application/json"}

// respond goes through the checks in the contract's order, then calls the handler and encodes what it returns.
func (f *function) respond(
	request *Request, route *Route, allowed []string,
) (response Response, body []byte, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fault.Wrap(fault.Internal, panicError(cause))
		}
	}()
	if len(allowed) > 0 {
		return response, nil, fault.New(fault.MethodNotAllowed, "")
	}
	if route == nil || f.handlers[route.key()] == nil {
		return response, nil, fault.New(fault.NotFound, "There is nothing at this path")
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
	response, err = f.handlers[route.key()](request)
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

// encode writes JSON as all answers have it: compact, without HTML escaping, without a final newline, and keys of
// maps in order.
func encode(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }

// withRequestID gives a request an id, which the client is told and every line of the log has. On Lambda that is the
// invocation's, so that what a client was told leads to Lambda's own lines too; elsewhere it is drawn.
func withRequestID(r *http.Request) *http.Request {
	if observe.RequestID(r.Context()) != "" {
		return r
	}
	return r.WithContext(observe.WithRequestID(r.Context(), rand.Text()))
}

// panicError is a panic as an error for the log: where it happened, and what it was if the runtime raised it. The
// value of any other could hold personal data.
func panicError(cause any) error {
	err, ok := cause.(runtime.Error)
	if !ok {
		return fmt.Errorf("panic of type %T\n%s", cause, debug.Stack())
	}
	return fmt.Errorf("panic: %w\n%s", err, debug.Stack())
}

// logFailure writes a line for a failure of ours, and for what a work provider has to mend. It names the route and not the path,
// which may hold an id. Whoever has no key, or asks for what is not there, is told so, and that is enough.
func logFailure(r *Request, route *Route, err error) {
	failed := fault.Wrap(fault.Internal, err)
	errors.As(err, &failed)
	pattern := "none"
	if route != nil {
		pattern = route.key()
	}
	switch {
	case failed.Kind.Retryable():
		slog.ErrorContext(r.Context(), "request failed", "route", pattern, observe.Provider, r.Provider.ID, "error", err)
	case r.Provider.ID != "" && (failed.Kind == fault.InvalidData || failed.Kind == fault.PermissionDenied):
		observe.Refusal(r.Context(), r.Provider.ID, pattern, failed.Kind.String(), failed.Field)
	}
}
