// Package observe is how operators see what the functions do: log lines that name no person, and metrics that ride on
// them.
//
//	log.go     the handler that every function logs through
//	metric.go  the metrics, in CloudWatch's embedded format
//
// A request that succeeds leaves no line, and the queue's consumer leaves one for each work provider and invocation,
// however many events that brought: a line for each event would cost more than storing it.
package observe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewJSONHandler returns a handler that writes a line of NewJSONHandler for each record, as CloudWatch reads them.
func NewJSONHandler(w io.Writer) slog.Handler {
	return handler{slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: redact})}
}

// NewTextHandler returns a handler that writes lines for people, without what of a metric only CloudWatch needs.
func NewTextHandler(w io.Writer) slog.Handler {
	return handler{slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == directiveKey {
			return slog.Attr{}
		}
		return redact(groups, a)
	}})}
}

// handler adds to each line the id of the request that it belongs to.
type handler struct{ slog.Handler }

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id := RequestID(ctx); id != "" {
		r.AddAttrs(slog.String("requestId", id))
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler { return handler{h.Handler.WithGroup(name)} }

// RequestID is that of the invocation; "" if there is none.
func RequestID(ctx context.Context) string {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}

// WithRequestID makes a context tell the same request id as an invocation does, where no Lambda has begun one.
func WithRequestID(ctx context.Context, id string) context.Context {
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id})
}

// redact keeps out of the log what the words of a service quote: DynamoDB repeats keys and values in what it
// complains of, and they are people. Which operation failed, and with which code, is kept.
func redact(_ []string, a slog.Attr) slog.Attr {
	err, ok := a.Value.Any().(error)
	if !ok {
		return a
	}
	text := err.Error()
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		text = strings.ReplaceAll(text, api.ErrorMessage(), "…")
	}
	return slog.String(a.Key, text)
}
