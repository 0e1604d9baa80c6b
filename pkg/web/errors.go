package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zego.com/workprovider/pkg/fault"
)

// statuses are the HTTP statuses of the kinds of failure.
var statuses = map[fault.Kind]int{
	fault.Internal:             http.StatusInternalServerError,
	fault.InvalidData:          http.StatusBadRequest,
	fault.MissingAuth:          http.StatusUnauthorized,
	fault.InvalidKey:           http.StatusUnauthorized,
	fault.PermissionDenied:     http.StatusForbidden,
	fault.NotFound:             http.StatusNotFound,
	fault.InvalidCustomer:      http.StatusNotFound,
	fault.InvalidCustomerEmail: http.StatusNotFound,
	fault.MethodNotAllowed:     http.StatusMethodNotAllowed,
	fault.TooLarge:             http.StatusRequestEntityTooLarge,
	fault.TooManyRequests:      http.StatusTooManyRequests,
	fault.Unavailable:          http.StatusServiceUnavailable,
}

// retryAfter is the Retry-After of a fault that has none.
const retryAfter = 5 * time.Second

// v1Error and v2Refusal are the bodies of errors; the contract fixes the order of their keys.
type v1Error struct {
	Error  string `json:"error"`
	Detail string `json:"detail,omitempty"`
	Hint   string `json:"hint,omitempty"`
	Index  *int   `json:"index,omitzero"`
	Field  string `json:"field,omitempty"`
}

type v2Error struct {
	Status  string `json:"status"`
	Error   string `json:"error"`
	Message string `json:"message,omitempty"`
	Detail  any    `json:"detail"` // a string, for INVALID_DATA {field: string}
	Hint    string `json:"hint,omitempty"`
}

// errorResponse returns the response to a request that failed, in the shape of its path's version.
func errorResponse(path string, allowed []string, err error) (Response, []byte) {
	failed := fault.Wrap(fault.Internal, err)
	errors.As(err, &failed)

	header := http.Header{}
	switch failed.Kind {
	case fault.MethodNotAllowed:
		header["Allow"] = []string{strings.Join(allowed, ", ")}
	case fault.Unavailable, fault.TooManyRequests:
		after := failed.RetryAfter
		if after <= 0 {
			after = retryAfter
		}
		header["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(after.Seconds())))}
	}

	var shape any
	// A 429 has one shape on all paths: the gateway, which returns it too, cannot tell v1 from v2.
	if path == "/v2" || strings.HasPrefix(path, "/v2/") || failed.Kind == fault.TooManyRequests {
		shape = newV2Error(failed)
	} else {
		shape = newV1Error(failed)
	}
	body, err := encode(shape)
	if err != nil {
		body = nil // a message that is not UTF-8 is a mistake of ours; the status still says what happened
	}
	return Response{Status: statuses[failed.Kind], Header: header}, body
}

func newV1Error(failed *fault.Error) v1Error {
	body := v1Error{
		Error:  failed.Kind.String(),
		Detail: publicMessage(failed),
		Hint:   failed.Hint,
		Field:  failed.Field,
	}
	if failed.Index >= 0 {
		body.Index = &failed.Index
	}
	return body
}

func newV2Error(failed *fault.Error) v2Error {
	body := v2Error{Status: "NOK", Error: failed.Kind.String(), Hint: failed.Hint}
	switch failed.Kind {
	case fault.InvalidData:
		field := failed.Field
		if field == "" {
			field = "body"
		}
		body.Message = "Invalid data format"
		body.Detail = map[string]string{field: publicMessage(failed)}
	case fault.InvalidKey:
		body.Detail = "Invalid API key"
	default:
		body.Detail = publicMessage(failed)
	}
	return body
}

// publicMessage returns the public message of a fault. Many kinds have a fixed one: the contract's, or one that says
// nothing about our own failure.
func publicMessage(failed *fault.Error) string {
	switch failed.Kind {
	case fault.MissingAuth:
		return "Authorization header missing"
	case fault.InvalidKey:
		return "Authorization key is invalid"
	case fault.InvalidCustomer, fault.InvalidCustomerEmail:
		return ""
	case fault.MethodNotAllowed:
		return "Method not allowed for this path"
	case fault.TooLarge:
		return "The body must not be larger than 4 MiB"
	case fault.TooManyRequests:
		return "Too many requests: try again a little later."
	case fault.Unavailable:
		return "Service temporarily unavailable; retry later"
	case fault.Internal:
		return "Something went wrong on our side"
	}
	if failed.Detail != "" {
		return failed.Detail
	}
	return defaultMessages[failed.Kind]
}

// defaultMessages are for faults without a message of their own.
var defaultMessages = map[fault.Kind]string{
	fault.InvalidData:      "Invalid request",
	fault.PermissionDenied: "This key is not permitted to do this",
	fault.NotFound:         "Not found",
}
