// Package clock tells the time: the real time, or in a sandbox the time of a clock that can be moved, so that what
// takes hours or weeks can be tested at once.
//
// A sandbox has one clock. It is stored in the table Providers, which every function that checks a key may read, and it
// is read on each call, so a change is seen at once. It runs on from the time to which it was set.
package clock

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/table"
)

// New returns the clock of the environment: time.Now, or the clock of a sandbox.
func New(env *config.Env) func() time.Time {
	if !env.Sandbox() {
		return time.Now
	}
	return NewSandbox(env).Now
}

// Sandbox is the clock of a sandbox.
type Sandbox struct {
	table  dynamo.Table
	offset atomic.Int64 // from the real time, in nanoseconds, as it was last read
}

// NewSandbox returns the clock in the table that PROVIDERS_TABLE names.
func NewSandbox(env *config.Env) *Sandbox {
	return &Sandbox{table: dynamo.New(env.AWS()).Table(env.Get("PROVIDERS_TABLE"))}
}

// clockItem is the clock as stored.
type clockItem struct {
	Offset time.Duration `dynamo:"ahead"` // nanoseconds
}

const clockVersion = 1

// readTimeout bounds the read: no caller has time to wait for the time.
const readTimeout = 5 * time.Second

// Now returns the sandbox's time. If the clock cannot be read, it uses the offset that was last read.
func (s *Sandbox) Now() time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	var item clockItem
	if _, err := table.GetItem(ctx, s.table, table.ClockPartition, table.ClockSort, &item); err != nil {
		slog.ErrorContext(ctx, "the sandbox's clock cannot be read", "error", err)
	} else {
		s.offset.Store(int64(item.Offset)) // 0, the real time, if it was never set
	}
	return time.Now().Add(time.Duration(s.offset.Load()))
}

// Set sets the clock to a time, from which it runs on.
func (s *Sandbox) Set(ctx context.Context, to time.Time) error { return s.put(ctx, time.Until(to)) }

// Reset sets the clock to the real time.
func (s *Sandbox) Reset(ctx context.Context) error { return s.put(ctx, 0) }

func (s *Sandbox) put(ctx context.Context, offset time.Duration) error {
	err := s.table.Update(table.PK, table.ClockPartition).Range(table.SK, table.ClockSort).
		Set(table.VersionAttr, clockVersion).Set("ahead", offset).Run(ctx)
	return table.Unavailable("clock", err)
}
