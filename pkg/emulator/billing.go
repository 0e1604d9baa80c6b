package emulator

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// readUnits is what AWS bills for a read: a unit for each 4 KB, half of it where the answer may be old, and never
// nothing, even if nothing was found. A Query or Scan is billed for all its items together. A refused call has no
// answer and is none.
func readUnits(input, output any) float64 {
	const kilobytes = 4096
	price := func(size int, consistent *bool) float64 {
		units := float64(max(1, (size+kilobytes-1)/kilobytes))
		if aws.ToBool(consistent) {
			return units
		}
		return units / 2
	}
	switch out := output.(type) {
	case *dynamodb.GetItemOutput:
		return price(itemSize(out.Item), input.(*dynamodb.GetItemInput).ConsistentRead)
	case *dynamodb.QueryOutput:
		return price(itemSize(out.Items...), input.(*dynamodb.QueryInput).ConsistentRead)
	case *dynamodb.ScanOutput:
		return price(itemSize(out.Items...), input.(*dynamodb.ScanInput).ConsistentRead)
	case *dynamodb.BatchGetItemOutput:
		units := 0.0
		for table, keys := range input.(*dynamodb.BatchGetItemInput).RequestItems {
			consistent := keys.ConsistentRead
			for _, item := range out.Responses[table] {
				units += price(itemSize(item), consistent)
			}
			units += float64(len(keys.Keys)-len(out.Responses[table])) * price(0, consistent)
		}
		return units
	}
	return 0
}

// itemSize is the size of items as DynamoDB reckons it: the names and the values of all attributes, in bytes.
func itemSize(items ...map[string]types.AttributeValue) int {
	size := 0
	for _, item := range items {
		for name, v := range item {
			size += len(name) + valueSize(v)
		}
	}
	return size
}

// valueSize is the size of a value: a number takes about a byte for two digits, and one more; a list or map has three
// bytes of its own, and one for each element.
func valueSize(v types.AttributeValue) int {
	number := func(n string) int { return (len(strings.Trim(n, "-0."))+1)/2 + 1 }
	size := 0
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return number(v.Value)
	case *types.AttributeValueMemberSS:
		for _, s := range v.Value {
			size += len(s)
		}
	case *types.AttributeValueMemberBS:
		for _, b := range v.Value {
			size += len(b)
		}
	case *types.AttributeValueMemberNS:
		for _, n := range v.Value {
			size += number(n)
		}
	case *types.AttributeValueMemberL:
		size = 3
		for _, element := range v.Value {
			size += 1 + valueSize(element)
		}
	case *types.AttributeValueMemberM:
		size = 3 + len(v.Value) + itemSize(v.Value)
	default: // a boolean, or null
		return 1
	}
	return size
}

// billedChunks is how many requests SQS bills a call as: one for each 64 KiB of all its messages together. A call
// without messages, or one that was refused, is one.
func billedChunks(input, output any) int {
	size := 0
	switch in := input.(type) {
	case *sqs.SendMessageInput:
		size = len(aws.ToString(in.MessageBody))
	case *sqs.SendMessageBatchInput:
		for _, e := range in.Entries {
			size += len(aws.ToString(e.MessageBody))
		}
	case *sqs.ReceiveMessageInput:
		if out, ok := output.(*sqs.ReceiveMessageOutput); ok {
			for _, m := range out.Messages {
				size += len(aws.ToString(m.Body))
			}
		}
	}
	const chunk = 64 << 10
	return max(1, (size+chunk-1)/chunk)
}
