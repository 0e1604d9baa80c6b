package table

import (
	"context"
	"errors"
	"testing"

	"zego.com/workprovider/pkg/fault"
)

func TestRetryConflictsLimit(t *testing.T) {
	calls := 0
	err := RetryConflicts(t.Context(), func() error { calls++; return ErrConflict })
	if fault.KindOf(err) != fault.Unavailable || calls != maxConflictRetries {
		t.Errorf("%v after %d calls", err, calls)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := RetryConflicts(cancelled, func() error { return ErrConflict }); fault.KindOf(err) != fault.Unavailable {
		t.Error(err)
	}
	other := errors.New("other")
	if err := RetryConflicts(t.Context(), func() error { return other }); err != other {
		t.Error(err)
	}
}
