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
	fault.Unavailable:          http.StatusServiceUnavailable,
}

// retryAfter is what a client is told when nobody knows better.
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

// errorResponse is the answer to a request that failed, in the shape of its path's version.
func errorResponse(path string, allowed []string, err error) (Response, []byte) {
	failed := fault.Wrap(fault.Internal, err)
	errors.As(err, &failed)

	header := http.Header{}
	switch failed.Kind {
	case fault.MethodNotAllowed:
		header["Allow"] = []string{strings.Join(allowed, ", ")}
	case fault.Unavailable:
		after := failed.RetryAfter
		if after <= 0 {
			after = retryAfter
		}
		header["Retry-After"] = []string{strconv.Itoa(int(math.Ceil(after.Seconds())))}
	}

	var shape any
	isV2 := path == "/v2" || strings.HasPrefix(path, "/v2/")
	switch {
	case isV2 && failed.Kind == fault.InvalidData:
		field := failed.Field
		if field == "" {
			field = "body"
		}
		detail := map[string]string{field: publicMessage(failed, isV2)}
		shape = v2Error{"NOK", failed.Kind.String(), "Invalid data format", detail, failed.Hint}
	case isV2:
		shape = v2Error{"NOK", failed.Kind.String(), "", publicMessage(failed, isV2), failed.Hint}
	default:
		body := v1Error{Error: failed.Kind.String(), Detail: publicMessage(failed, isV2), Hint: failed.Hint, Field: failed.Field}
		if failed.Index >= 0 {
			body.Index = &failed.Index
		}
		shape = body
	}
	body, err := encode(shape)
	if err != nil {
		body = nil // words that are not UTF-8 are a mistake of ours; the status still tells what happened
	}
	return Response{Status: statuses[failed.Kind], Header: header}, body
}

// publicMessage are the public words of a fault. Many kinds have fixed ones: the contract's, or such as give nothing of
// our own failure away.
func publicMessage(failed *fault.Error, isV2 bool) string {
	switch failed.Kind {
	case fault.MissingAuth:
		return "Authorization header missing"
	case fault.InvalidKey:
		if isV2 {
			return "Invalid API key"
		}
		return "Authorization key is invalid"
	case fault.InvalidCustomer, fault.InvalidCustomerEmail:
		return ""
	case fault.MethodNotAllowed:
		return "This path does not take this method"
	case fault.TooLarge:
		return "The body must not be larger than 4 MiB"
	case fault.Unavailable:
		return "The service is not available just now: please send the request again later"
	case fault.Internal:
		return "Something went wrong on our side"
	}
	if failed.Detail != "" {
		return failed.Detail
	}
	return defaultMessages[failed.Kind]
}

// defaultMessages stand in for a fault without words of its own.
var defaultMessages = map[fault.Kind]string{
	fault.InvalidData:      "The request is not valid",
	fault.PermissionDenied: "This key may not do this",
	fault.NotFound:         "There is no such thing",
}
