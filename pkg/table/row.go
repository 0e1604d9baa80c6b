package table

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"zego.com/workprovider/pkg/fault"
)

// What every function does (to look up a key, to ask a sandbox's clock) is done through the service's own client and its
// decoder. Whoever holds a dynamo.DB holds every operation of the service, which is a good part of a function that otherwise wants two.

// Row reads a row consistently; false if there is none. Its errors are faults: Unavailable.
func Row(ctx context.Context, client *dynamodb.Client, table, partition, sort string, into any) (bool, error) {
	answer, err := client.GetItem(ctx, &dynamodb.GetItemInput{
		TableName: &table, Key: ItemKey(partition, sort), ConsistentRead: aws.Bool(true),
	})
	if err == nil && answer.Item != nil {
		err = attributevalue.UnmarshalMapWithOptions(answer.Item, into, dynamoTags)
	}
	if err != nil {
		return false, fault.Wrap(fault.Unavailable, err)
	}
	return answer.Item != nil, nil
}

// dynamoTags has rows read by the names under which a dynamo.DB writes them.
func dynamoTags(o *attributevalue.DecoderOptions) { o.TagKey = "dynamo" }

// ItemKey is the key of a row as the service's own client takes it.
func ItemKey(partition, sort string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		PK: &types.AttributeValueMemberS{Value: partition}, SK: &types.AttributeValueMemberS{Value: sort},
	}
}
