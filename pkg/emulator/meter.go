package emulator

import (
	"context"
	"maps"
	"strings"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"zego.com/workprovider/pkg/config"
)

// Meter counts the calls to AWS made through an environment, and what AWS bills of them.
type Meter struct {
	mu     sync.Mutex
	calls  map[string]int
	writes float64
	reads  float64
	queue  int
}

// AttachMeter puts a meter on an environment. It counts for the clients that are built from the environment afterwards,
// so it comes first in a test.
func AttachMeter(env *config.Env) *Meter {
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
// for refused conditions, which AWS bills and it does not report.
func (m *Meter) WriteUnits() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes
}

// ReadUnits returns the DynamoDB read units since the last Reset, reckoned by the rules of AWS from what was read: the
// emulator ignores its size. They are right for reads that neither filter nor project, which hide what AWS bills.
func (m *Meter) ReadUnits() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

// QueueRequests returns the SQS requests since the last Reset as AWS bills them: one for each 64 KiB of a call.
func (m *Meter) QueueRequests() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.queue
}

// Discount takes back one call of an operation that is not to count: one SQS request of the smallest size, if it was
// that.
func (m *Meter) Discount(operation string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calls[operation]--
	if strings.HasPrefix(operation, sqs.ServiceID+".") {
		m.queue--
	}
}

// Reset begins counting anew.
func (m *Meter) Reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.calls)
	m.writes = 0
	m.reads = 0
	m.queue = 0
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
					m.writes += *consumed.CapacityUnits
				}
			}
			m.reads += readUnits(in.Parameters, out.Result)
			if awsmiddleware.GetServiceID(ctx) == sqs.ServiceID {
				m.queue += billedChunks(in.Parameters, out.Result)
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
