package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/queue"
)

// waitTime is how long a receive waits for the first message. It delays the stop, because a receive is never cancelled:
// its messages would be invisible until the visibility timeout.
const waitTime = time.Second

// Limits of a batch. What was received is processed before the stop, and a message of a batch of events takes seconds,
// so of large messages one is received at a time. Returning messages to the queue instead would not do: it counts as a
// failed receive, and after a few restarts they would be dead letters.
const (
	maxBatchSize = 10      // that of SQS
	largeBody    = 8 << 10 // bytes
)

// poll does what Lambda's event source mapping does on AWS: it takes messages from the queue, hands them in batches
// to consumers, as many batches at a time as there are consumers, and deletes those that did not fail. The others are
// retried after the queue's visibility timeout, until they become dead letters. Each consumer handles one batch at a
// time, as an instance of a function does. It returns when the context ends, after the batches in hand.
func poll(ctx context.Context, client *sqs.Client, queueURL string, consumers []queue.Consumer) {
	free := make(chan queue.Consumer, len(consumers))
	for _, consume := range consumers {
		free <- consume
	}
	var running sync.WaitGroup
	defer running.Wait()
	size := 1
	for {
		var consume queue.Consumer
		select {
		case <-ctx.Done():
			return
		case consume = <-free:
		}
		messages, err := receive(context.WithoutCancel(ctx), client, queueURL, size)
		if err != nil {
			slog.Error("the queue cannot be read", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
		if len(messages) == 0 {
			free <- consume
			continue
		}
		size = maxBatchSize
		if slices.ContainsFunc(messages, func(m types.Message) bool { return len(aws.ToString(m.Body)) > largeBody }) {
			size = 1
		}
		running.Go(func() {
			defer func() { free <- consume }()
			// A batch that was begun is finished, also if it is time to stop.
			if err := process(context.WithoutCancel(ctx), client, queueURL, consume, messages); err != nil {
				slog.Error("batch failed, will be retried", "error", err)
			}
		})
	}
}

// receive takes a batch from a queue, and waits for a while if there is none.
func receive(ctx context.Context, client *sqs.Client, queueURL string, size int) ([]types.Message, error) {
	received, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &queueURL,
		MaxNumberOfMessages:         int32(size),
		WaitTimeSeconds:             int32(waitTime / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	})
	if err != nil {
		return nil, err
	}
	return received.Messages, nil
}

// defaultConcurrency is how many batches Lambda handles at a time of a queue without a MaximumConcurrency, before it
// scales up.
const defaultConcurrency = 5

// instances builds as many consumers as the template allows a function to run at a time.
func instances(t *template.Template, function string, build func() queue.Consumer) []queue.Consumer {
	n := defaultConcurrency
	events, _ := t.Resources[function].Properties["Events"].(map[string]any)
	for _, event := range events {
		properties, _ := event.(map[string]any)["Properties"].(map[string]any)
		scaling, _ := properties["ScalingConfig"].(map[string]any)
		if limit, ok := scaling["MaximumConcurrency"].(int); ok {
			n = limit
		}
	}
	consumers := make([]queue.Consumer, n)
	for i := range consumers {
		consumers[i] = build()
	}
	return consumers
}

func process(
	ctx context.Context, client *sqs.Client, queueURL string, consume queue.Consumer, messages []types.Message,
) error {
	response, err := consume(observe.WithRequestID(ctx, rand.Text()), sqsEvent(messages))
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

// deadLetterQueue returns the URL of the dead-letter queue of a queue.
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

// sqsEvent returns the event that Lambda makes of messages.
func sqsEvent(messages []types.Message) events.SQSEvent {
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
