package table

import (
	"context"
	"errors"
	"testing"

	"zego.com/workprovider/pkg/fault"
)

func TestInsistComesToAnEnd(t *testing.T) {
	tries := 0
	err := Insist(t.Context(), func() error { tries++; return ErrOvertaken })
	if fault.Of(err) != fault.Unavailable || tries != patience {
		t.Errorf("%v after %d tries", err, tries)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Insist(gone, func() error { return ErrOvertaken }); fault.Of(err) != fault.Unavailable {
		t.Error(err)
	}
	other := errors.New("other")
	if err := Insist(t.Context(), func() error { return other }); err != other {
		t.Error(err)
	}
}
