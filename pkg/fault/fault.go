// Package fault has the error type that every other package returns.
//
// A fault has a public message (Detail, Field, Hint), which a client may read, and a private cause, which is only
// logged. Package web turns kinds into statuses and bodies; the processor turns the same kinds into "dead letter" or
// "retry". The package knows neither of them and needs only the standard library.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure a fault is. The zero value is Internal, so that an unclassified failure is ours and
// never the client's.
type Kind uint8

// The kinds, beside the code and status that the API gives them ("Bodies, to the byte" in the contract).
const (
	Internal             Kind = iota // INTERNAL, 500: a mistake of ours
	InvalidData                      // INVALID_DATA, 400
	MissingAuth                      // MISSING_AUTH, 401
	InvalidKey                       // INVALID_KEY, 401
	PermissionDenied                 // PERMISSION_DENIED, 403
	NotFound                         // NOT_FOUND, 404: a path, or an id that is unknown or another's
	InvalidCustomer                  // INVALID_CUSTOMER, 404
	InvalidCustomerEmail             // INVALID_CUSTOMER_EMAIL, 404
	MethodNotAllowed                 // METHOD_NOT_ALLOWED, 405
	TooLarge                         // REQUEST_TOO_LARGE, 413
	TooManyRequests                  // UNAVAILABLE, 429: the work provider's share is used up
	Unavailable                      // UNAVAILABLE, 503: a service that we need does not respond
)

// codes are the codes of the API; the order is that of the constants.
var codes = [...]string{
	"INTERNAL", "INVALID_DATA", "MISSING_AUTH", "INVALID_KEY", "PERMISSION_DENIED", "NOT_FOUND",
	"INVALID_CUSTOMER", "INVALID_CUSTOMER_EMAIL", "METHOD_NOT_ALLOWED", "REQUEST_TOO_LARGE", "UNAVAILABLE", "UNAVAILABLE",
}

// String returns the kind's code in the API, such as "INVALID_DATA".
func (k Kind) String() string {
	if int(k) < len(codes) {
		return codes[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Retryable reports whether a retry may succeed. Any other failure is final.
func (k Kind) Retryable() bool { return k == Internal || k == Unavailable || k == TooManyRequests }

// Error is one failure.
type Error struct {
	Kind       Kind
	Field      string        // the offending field as the client spells it, such as "product.code"; "" if it is none
	Detail     string        // public: a sentence that says what to correct and quotes nothing; "" for the kind's own
	Hint       string        // public: a likely remedy; mostly ""
	Index      int           // the item of a batch, from 0; -1 if it is none
	RetryAfter time.Duration // for Unavailable and TooManyRequests; 0 if unknown
	Cause      error         // private: for the log only
}

// New returns a fault with a public message.
func New(kind Kind, detail string) *Error {
	return &Error{Kind: kind, Detail: detail, Index: -1}
}

// InvalidField returns an InvalidData fault about one field.
func InvalidField(field, detail string) *Error {
	return &Error{Kind: InvalidData, Field: field, Detail: detail, Index: -1}
}

// Wrap returns a fault with a private cause and no message of its own.
func Wrap(kind Kind, cause error) *Error {
	return &Error{Kind: kind, Index: -1, Cause: cause}
}

// WithIndex returns a copy of the fault that names the item of a batch that it is about. An error that is no fault is
// returned as it is: a failure of ours is not the item's.
func WithIndex(index int, err error) error {
	var fault *Error
	if !errors.As(err, &fault) {
		return err
	}
	at := *fault
	at.Index = index
	return &at
}

// KindOf returns the kind of an error: Internal for anything that is no fault. It panics if err is nil.
func KindOf(err error) Kind {
	if err == nil {
		panic("fault.KindOf(nil)")
	}
	var fault *Error
	if errors.As(err, &fault) {
		return fault.Kind
	}
	return Internal
}

// Error returns text for the log: the code, the public message and the cause. It is never sent to a client.
func (e *Error) Error() string {
	text := e.Kind.String()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the private cause.
func (e *Error) Unwrap() error { return e.Cause }
