package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/observe"
)

// consumer is what serve.Queue starts: it says which messages of a batch failed.
type consumer func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// How many messages are taken at once, the most SQS gives, and how long one call waits for the first: less than the 5
// seconds after which our AWS clients give a call up.
const (
	batchSize   = 10
	longPolling = 4 * time.Second
)

// poll does here what Lambda's event source mapping does on AWS: it takes messages from the queue, hands them to the
// consumer in batches, and deletes those that did not fail. The others come again after the queue's visibility timeout,
// until they become dead letters. It returns when the context ends, after the batch in hand.
func poll(ctx context.Context, client *sqs.Client, queueURL string, consume consumer) {
	for ctx.Err() == nil {
		received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl:                    &queueURL,
			MaxNumberOfMessages:         batchSize,
			WaitTimeSeconds:             int32(longPolling / time.Second),
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
			MessageAttributeNames:       []string{"All"},
		})
		switch {
		case ctx.Err() != nil:
		case err != nil:
			slog.Error("the queue cannot be read", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		case len(received.Messages) > 0:
			// A batch that was begun is finished, also if it is time to stop.
			if err := process(context.WithoutCancel(ctx), client, queueURL, consume, received.Messages); err != nil {
				slog.Error("batch failed, will be retried", "error", err)
			}
		}
	}
}

func process(
	ctx context.Context, client *sqs.Client, queueURL string, consume consumer, messages []types.Message,
) error {
	response, err := consume(observe.WithRequestID(ctx, rand.Text()), eventOf(messages))
	if err != nil {
		return err
	}
	failed := map[string]bool{}
	for _, failure := range response.BatchItemFailures {
		failed[failure.ItemIdentifier] = true
	}
	var done []types.DeleteMessageBatchRequestEntry
	for i, m := range messages {
		if !failed[aws.ToString(m.MessageId)] {
			done = append(done, types.DeleteMessageBatchRequestEntry{
				Id:            aws.String(strconv.Itoa(i)),
				ReceiptHandle: m.ReceiptHandle,
			})
		}
	}
	if len(done) == 0 {
		return nil
	}
	deleted, err := client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &queueURL, Entries: done})
	if err == nil && len(deleted.Failed) > 0 {
		err = errors.New("some messages could not be deleted: " + aws.ToString(deleted.Failed[0].Message))
	}
	return err
}

// deadLetterQueue is the URL of the queue that messages of another one go to when they keep failing.
func deadLetterQueue(ctx context.Context, client *sqs.Client, queueURL string) (string, error) {
	attributes, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: &queueURL, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameRedrivePolicy},
	})
	if err != nil {
		return "", err
	}
	var policy struct {
		Target string `json:"deadLetterTargetArn"`
	}
	if err := json.Unmarshal([]byte(attributes.Attributes["RedrivePolicy"]), &policy); err != nil {
		return "", err
	}
	name := policy.Target[strings.LastIndexByte(policy.Target, ':')+1:]
	found, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err != nil {
		return "", err
	}
	return *found.QueueUrl, nil
}

// eventOf is the event that Lambda makes of messages.
func eventOf(messages []types.Message) events.SQSEvent {
	event := events.SQSEvent{Records: make([]events.SQSMessage, len(messages))}
	for i, m := range messages {
		event.Records[i] = events.SQSMessage{
			MessageId:     aws.ToString(m.MessageId),
			ReceiptHandle: aws.ToString(m.ReceiptHandle),
			Body:          aws.ToString(m.Body),
			Md5OfBody:     aws.ToString(m.MD5OfBody),
			Attributes:    m.Attributes,
			EventSource:   "aws:sqs",
		}
		if len(m.MessageAttributes) > 0 {
			event.Records[i].MessageAttributes = map[string]events.SQSMessageAttribute{}
		}
		for name, value := range m.MessageAttributes {
			event.Records[i].MessageAttributes[name] = events.SQSMessageAttribute{
				DataType: aws.ToString(value.DataType), StringValue: value.StringValue, BinaryValue: value.BinaryValue,
			}
		}
	}
	return event
}
