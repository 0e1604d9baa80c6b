package emulator

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// The examples are those of the price lists: 4 KB a read unit, 64 KiB a request.
func TestReadUnits(t *testing.T) {
	item := func(size int) map[string]types.AttributeValue { // of one attribute whose name is a byte
		return map[string]types.AttributeValue{"a": &types.AttributeValueMemberB{Value: make([]byte, size-1)}}
	}
	type items = []map[string]types.AttributeValue
	yes := aws.Bool(true)
	for name, c := range map[string]struct {
		in, out any
		want    float64
	}{
		"an item, perhaps old": {&dynamodb.GetItemInput{}, &dynamodb.GetItemOutput{Item: item(4096)}, 0.5},
		"an item": {&dynamodb.GetItemInput{ConsistentRead: yes},
			&dynamodb.GetItemOutput{Item: item(4096)}, 1},
		"a byte more": {&dynamodb.GetItemInput{ConsistentRead: yes},
			&dynamodb.GetItemOutput{Item: item(4097)}, 2},
		"none": {&dynamodb.GetItemInput{ConsistentRead: yes}, &dynamodb.GetItemOutput{}, 1},
		"items of a query, billed as one": {&dynamodb.QueryInput{ConsistentRead: yes},
			&dynamodb.QueryOutput{Items: items{item(2000), item(2096)}}, 1},
		"a query that finds nothing": {&dynamodb.QueryInput{}, &dynamodb.QueryOutput{}, 0.5},
		"items of a scan": {&dynamodb.ScanInput{},
			&dynamodb.ScanOutput{Items: items{item(4000), item(4193)}}, 1.5},
		"items asked for one by one, one of them in vain": {
			&dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"t": {Keys: make(items, 3),
				ConsistentRead: yes}}},
			&dynamodb.BatchGetItemOutput{Responses: map[string][]map[string]types.AttributeValue{"t": {item(10), item(5000)}}},
			4,
		},
		"a refused read": {&dynamodb.QueryInput{}, nil, 0},
		"a write":        {&dynamodb.PutItemInput{}, &dynamodb.PutItemOutput{}, 0},
	} {
		if got := readUnits(c.in, c.out); got != c.want {
			t.Errorf("%s: %v units, want %v", name, got, c.want)
		}
	}
}

func TestItemSize(t *testing.T) {
	item := map[string]types.AttributeValue{
		"s": &types.AttributeValueMemberS{
			Value: "é",
		}, // 1 + 2
		"bin": &types.AttributeValueMemberB{
			Value: []byte{1, 2},
		}, // 3 + 2
		"n": &types.AttributeValueMemberN{
			Value: "-12345",
		}, // 1 + 4
		"bool": &types.AttributeValueMemberBOOL{
			Value: true,
		}, // 4 + 1
		"ss": &types.AttributeValueMemberSS{
			Value: []string{"ab", "c"},
		}, // 2 + 3
		"bs": &types.AttributeValueMemberBS{
			Value: [][]byte{{1}, {2, 3}},
		}, // 2 + 3
		"ns": &types.AttributeValueMemberNS{
			Value: []string{"1", "200"},
		}, // 2 + 2 + 2
		"l": &types.AttributeValueMemberL{
			Value: []types.AttributeValue{&types.AttributeValueMemberNULL{Value: true}},
		}, // 1 + 3 + 1 + 1
		"m": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
			"k": &types.AttributeValueMemberS{Value: "v"}, // 1 + 3 + 1 + 1 + 1
		}},
	}
	if got, want := itemSize(item), 3+5+5+5+5+5+6+6+7; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}

func TestChunks(t *testing.T) {
	body := func(size int) *string { return aws.String(strings.Repeat("x", size)) }
	two := func(size int) *sqs.SendMessageBatchInput {
		entry := sqstypes.SendMessageBatchRequestEntry{MessageBody: body(size)}
		return &sqs.SendMessageBatchInput{Entries: []sqstypes.SendMessageBatchRequestEntry{entry, entry}}
	}
	for name, c := range map[string]struct {
		in, out any
		want    int
	}{
		"a small message":     {&sqs.SendMessageInput{MessageBody: body(1)}, nil, 1},
		"64 KiB":              {&sqs.SendMessageInput{MessageBody: body(64 << 10)}, nil, 1},
		"a byte more":         {&sqs.SendMessageInput{MessageBody: body(64<<10 + 1)}, nil, 2},
		"small ones together": {two(10), nil, 1},
		"large ones together": {two(64 << 10), nil, 2},
		"received": {&sqs.ReceiveMessageInput{},
			&sqs.ReceiveMessageOutput{Messages: []sqstypes.Message{{Body: body(65 << 10)}}}, 2},
		"nothing to be received": {&sqs.ReceiveMessageInput{}, &sqs.ReceiveMessageOutput{}, 1},
		"refused":                {&sqs.ReceiveMessageInput{}, nil, 1},
		"deleted":                {&sqs.DeleteMessageBatchInput{}, nil, 1},
	} {
		if got := billedChunks(c.in, c.out); got != c.want {
			t.Errorf("%s: %d requests, want %d", name, got, c.want)
		}
	}
}
