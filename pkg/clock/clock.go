// Package clock tells the time: the real one, or in a sandbox the one that somebody has moved, so that what takes hours or
// weeks can be tried at once.
//
// A sandbox has one clock. It is kept beside the work providers, where every function that asks for a key may read it, and
// it is read at each asking: who has moved it sees it moved. It goes on from where it was put.
package clock

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// From is the time as the environment has it.
func From(env *config.Env) func() time.Time {
	if !env.Sandbox() {
		return time.Now
	}
	return MovableFrom(env).Now
}

// Movable is the clock of a sandbox.
type Movable struct {
	client *dynamodb.Client
	table  string
	ahead  atomic.Int64 // nanoseconds, when it was last read
}

// MovableFrom is the clock in the table that PROVIDERS_TABLE names.
func MovableFrom(env *config.Env) *Movable {
	return &Movable{client: dynamodb.NewFromConfig(env.AWS()), table: env.Get("PROVIDERS_TABLE")}
}

// row is how far the clock is ahead of the real time.
type row struct {
	Ahead time.Duration `dynamo:"ahead"`
}

// readTimeout bounds the read: nothing that asks for the time has time to wait.
const readTimeout = 5 * time.Second

// Now is the sandbox's time. If the clock cannot be read, it goes on as it was last seen.
func (m *Movable) Now() time.Time {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	defer cancel()
	var r row
	if _, err := table.Row(ctx, m.client, m.table, table.ClockPartition, table.ClockSort, &r); err != nil {
		slog.ErrorContext(ctx, "the sandbox's clock cannot be read", "error", err)
	} else {
		m.ahead.Store(int64(r.Ahead)) // real time, if nobody has moved it
	}
	return time.Now().Add(time.Duration(m.ahead.Load()))
}

// Put sets the clock to a time, from which it goes on.
func (m *Movable) Put(ctx context.Context, to time.Time) error { return m.put(ctx, time.Until(to)) }

// Restore sets the clock to the real time.
func (m *Movable) Restore(ctx context.Context) error { return m.put(ctx, 0) }

func (m *Movable) put(ctx context.Context, ahead time.Duration) error {
	_, err := m.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:        &m.table,
		Key:              table.RowKey(table.ClockPartition, table.ClockSort),
		UpdateExpression: aws.String("SET v = :form, ahead = :ahead"),
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":form":  &types.AttributeValueMemberN{Value: "1"},
			":ahead": &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(ahead), 10)},
		},
	})
	if err != nil {
		return fault.Wrap(fault.Unavailable, err)
	}
	return nil
}
