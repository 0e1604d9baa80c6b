package queue

import (
	"context"
	"log/slog"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/table"
)

// Epoch counts the resets of a sandbox. Every message that is sent there carries the epoch in which it was sent, and
// a consumer drops those of an earlier one. So a reset takes effect on what is in the queues at once, and never on
// what is sent after it; purging a queue takes up to a minute, deletes what is sent meanwhile, and is allowed once
// per minute.
type Epoch struct {
	table dynamo.Table
}

// NewEpoch returns the epoch that is stored in the table that PROVIDERS_TABLE names.
func NewEpoch(env *config.Env) *Epoch {
	return &Epoch{table: dynamo.New(env.AWS()).Table(env.Get("PROVIDERS_TABLE"))}
}

type epochItem struct {
	Epoch int64 `dynamo:"epoch"`
}

const epochVersion = 1

// current returns the epoch, with a consistent read: 0 before the first reset.
func (e *Epoch) current(ctx context.Context) (int64, error) {
	var item epochItem
	_, err := table.GetItem(ctx, e.table, table.ClockPartition, table.EpochSort, &item)
	return item.Epoch, err
}

// Advance begins the next epoch: all messages sent before it will be dropped.
func (e *Epoch) Advance(ctx context.Context) error {
	err := e.table.Update(table.PK, table.ClockPartition).Range(table.SK, table.EpochSort).
		Set(table.VersionAttr, epochVersion).Add("epoch", 1).Run(ctx)
	return table.Unavailable("epoch", err)
}

// epochAttribute is the attribute of a message that holds the epoch in which it was sent.
const epochAttribute = "epoch"

// stamp returns the attributes of messages that are sent now; nil on a live stack.
func (e *Epoch) stamp(ctx context.Context) (map[string]types.MessageAttributeValue, error) {
	if e == nil {
		return nil, nil
	}
	epoch, err := e.current(ctx)
	if err != nil {
		return nil, err
	}
	value := types.MessageAttributeValue{
		DataType:    aws.String("Number"),
		StringValue: aws.String(strconv.FormatInt(epoch, 10)),
	}
	return map[string]types.MessageAttributeValue{epochAttribute: value}, nil
}

// DropStale returns a consumer that, in a sandbox, drops messages of an earlier epoch: they count as handled. All
// fail if the epoch cannot be read. On a live stack it returns the consumer itself.
func DropStale(env *config.Env, consume consumer.Func) consumer.Func {
	if !env.Sandbox() {
		return consume
	}
	epoch := NewEpoch(env)
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		current, err := epoch.current(ctx)
		if err != nil {
			slog.WarnContext(ctx, "the sandbox's epoch cannot be read", "error", err)
			var response events.SQSEventResponse
			for _, m := range batch.Records {
				consumer.Retry(&response, m)
			}
			return response, nil
		}
		var kept []events.SQSMessage
		for _, m := range batch.Records {
			if sentIn(m) >= current {
				kept = append(kept, m)
			}
		}
		return consume(ctx, events.SQSEvent{Records: kept})
	}
}

// sentIn returns the epoch in which a message was sent; 0 for one without, which was sent before there were epochs.
func sentIn(m events.SQSMessage) int64 {
	value := aws.ToString(m.MessageAttributes[epochAttribute].StringValue)
	epoch, _ := strconv.ParseInt(value, 10, 64)
	return epoch
}
