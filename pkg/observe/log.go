// Package observe writes logs without personal data, and metrics within the log lines.
//
//	log.go     the log handler of every function
//	metric.go  the metrics, in CloudWatch's embedded metric format
//
// A successful request writes no line, and the processor writes one line per work provider and invocation, however many
// events it has: a line per event would cost more than storing the event.
package observe

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/lambdacontext"
)

// NewJSONHandler returns a handler that writes JSON lines, which CloudWatch reads.
func NewJSONHandler(w io.Writer) slog.Handler {
	return handler{slog.NewJSONHandler(w, &slog.HandlerOptions{ReplaceAttr: redact})}
}

// NewTextHandler returns a handler that writes readable lines, without the metric directives of CloudWatch.
func NewTextHandler(w io.Writer) slog.Handler {
	return handler{slog.NewTextHandler(w, &slog.HandlerOptions{ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == directiveKey {
			return slog.Attr{}
		}
		return redact(groups, a)
	}})}
}

// handler adds the request ID to each line.
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

// RequestID returns the request ID of the invocation, or "" if there is none.
func RequestID(ctx context.Context) string {
	if invocation, ok := lambdacontext.FromContext(ctx); ok {
		return invocation.AwsRequestID
	}
	return ""
}

// WithRequestID returns a context with a request ID, for use outside Lambda.
func WithRequestID(ctx context.Context, id string) context.Context {
	return lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: id})
}

// redact removes the messages of AWS services from errors: DynamoDB quotes keys and values in them, which may be
// personal data. The operation and the error code are kept.
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
