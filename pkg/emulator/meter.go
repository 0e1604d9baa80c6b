package emulator

import (
	"context"
	"maps"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go/middleware"

	"zego.com/workprovider/pkg/config"
)

// Meter counts the calls to AWS made through an environment, and what the writes among them cost.
type Meter struct {
	mu    sync.Mutex
	calls map[string]int
	units float64
}

// Measure puts a meter on an environment. It counts for the clients that are built from the environment afterwards,
// so it comes first in a test.
func Measure(env *config.Env) *Meter {
	m := &Meter{calls: map[string]int{}}
	cfg := env.AWS().Copy()
	cfg.APIOptions = append(cfg.APIOptions, m.install)
	env.SetAWS(cfg)
	return m
}

// Calls returns how often each operation was called since the last Reset, by service and operation: "DynamoDB.Query".
// A call that was refused counts, a retry inside the SDK does not.
func (m *Meter) Calls() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.calls)
}

// WriteUnits returns the DynamoDB write units consumed since the last Reset. The emulator reckons them as AWS does, but
// for refused conditions, which AWS bills and it does not report. Of reads it ignores the size, so there is no such
// figure for them: count the calls.
func (m *Meter) WriteUnits() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.units
}

// Reset begins counting anew.
func (m *Meter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.calls)
	m.units = 0
}

func (m *Meter) install(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Meter",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			askForCapacity(in.Parameters)
			out, metadata, err := next.HandleInitialize(ctx, in)
			operation := awsmiddleware.GetServiceID(ctx) + "." + awsmiddleware.GetOperationName(ctx)
			m.mu.Lock()
			defer m.mu.Unlock()
			m.calls[operation]++
			for _, consumed := range capacity(out.Result) {
				if consumed.CapacityUnits != nil {
					m.units += *consumed.CapacityUnits
				}
			}
			return out, metadata, err
		}), middleware.After)
}

func askForCapacity(input any) {
	const total = types.ReturnConsumedCapacityTotal
	switch in := input.(type) {
	case *dynamodb.PutItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.UpdateItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.DeleteItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.BatchWriteItemInput:
		in.ReturnConsumedCapacity = total
	case *dynamodb.TransactWriteItemsInput:
		in.ReturnConsumedCapacity = total
	}
}

// capacity takes the consumed capacity out of the answer to a write; a refused call has no answer.
func capacity(output any) []types.ConsumedCapacity {
	var one *types.ConsumedCapacity
	switch out := output.(type) {
	case *dynamodb.PutItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.UpdateItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.DeleteItemOutput:
		one = out.ConsumedCapacity
	case *dynamodb.BatchWriteItemOutput:
		return out.ConsumedCapacity
	case *dynamodb.TransactWriteItemsOutput:
		return out.ConsumedCapacity
	}
	if one == nil {
		return nil
	}
	return []types.ConsumedCapacity{*one}
}
