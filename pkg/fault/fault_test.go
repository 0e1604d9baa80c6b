package fault

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestKinds(t *testing.T) {
	for kind, want := range map[Kind]struct {
		code  string
		retry bool
	}{
		Internal:             {"INTERNAL", true},
		InvalidData:          {"INVALID_DATA", false},
		MissingAuth:          {"MISSING_AUTH", false},
		InvalidKey:           {"INVALID_KEY", false},
		PermissionDenied:     {"PERMISSION_DENIED", false},
		NotFound:             {"NOT_FOUND", false},
		InvalidCustomer:      {"INVALID_CUSTOMER", false},
		InvalidCustomerEmail: {"INVALID_CUSTOMER_EMAIL", false},
		MethodNotAllowed:     {"METHOD_NOT_ALLOWED", false},
		TooLarge:             {"REQUEST_TOO_LARGE", false},
		Unavailable:          {"UNAVAILABLE", true},
		TooManyRequests:      {"UNAVAILABLE", true},
		Unavailable + 1:      {"Kind(12)", false},
	} {
		if kind.String() != want.code || kind.Retryable() != want.retry {
			t.Errorf("%s, retryable %v; want %+v", kind, kind.Retryable(), want)
		}
	}
}

func TestOf(t *testing.T) {
	for _, test := range []struct {
		err  error
		want Kind
	}{
		{errors.New("anything"), Internal},
		{New(NotFound, "words"), NotFound},
		{InvalidField("timestamp", "words"), InvalidData},
		{Wrap(Unavailable, errors.New("cause")), Unavailable},
		{fmt.Errorf("context: %w", New(InvalidKey, "")), InvalidKey},
		{Wrap(Unavailable, New(NotFound, "")), Unavailable}, // the outermost counts
	} {
		if got := KindOf(test.err); got != test.want {
			t.Errorf("Of(%v) = %v, want %v", test.err, got, test.want)
		}
	}
	t.Run("nil is a mistake", func(t *testing.T) {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		KindOf(nil)
	})
}

func TestAt(t *testing.T) {
	original := InvalidField("timestamp", "words")
	original.Hint = "hint"
	original.RetryAfter = time.Second
	original.Cause = errors.New("cause")
	var got *Error
	if !errors.As(WithIndex(3, fmt.Errorf("context: %w", original)), &got) {
		t.Fatal("no fault any more")
	}
	want := *original
	want.Index = 3
	if *got != want || original.Index != -1 {
		t.Errorf("got %+v; the original has index %d", got, original.Index)
	}
	if other := errors.New("ours"); WithIndex(3, other) != other {
		t.Error("an error that is no fault was changed")
	}
}

func TestError(t *testing.T) {
	cause := errors.New("connection refused")
	withBoth := New(Unavailable, "Try later")
	withBoth.Cause = cause
	for want, err := range map[string]*Error{
		"NOT_FOUND":                                  New(NotFound, ""),
		"INVALID_DATA: words":                        InvalidField("x", "words"),
		"UNAVAILABLE: connection refused":            Wrap(Unavailable, cause),
		"UNAVAILABLE: Try later: connection refused": withBoth,
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	if !errors.Is(withBoth, cause) {
		t.Error("the cause cannot be found")
	}
}
