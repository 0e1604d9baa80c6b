// Package poller does for a queue what Lambda's event source mapping does on AWS: it receives messages, hands them to a
// function in batches, many at a time, and deletes those that did not fail.
package poller

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
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
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/observe"
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

// Poller polls one queue.
type Poller struct {
	Client   *sqs.Client
	QueueURL string
	// Consumers are the instances of the function: as many batches are handled at a time. Each handles one at a time.
	Consumers []consumer.Func
	// Window is how long a batch that is not full waits for more messages (MaximumBatchingWindowInSeconds).
	Window time.Duration
}

// Run polls until the context ends, and returns after the batches in hand. Messages that failed are retried after the
// queue's visibility timeout, until they become dead letters.
func (p Poller) Run(ctx context.Context) {
	free := make(chan consumer.Func, len(p.Consumers))
	for _, consume := range p.Consumers {
		free <- consume
	}
	var running sync.WaitGroup
	defer running.Wait()
	size := 1
	for {
		var consume consumer.Func
		select {
		case <-ctx.Done():
			return
		case consume = <-free:
		}
		messages, err := p.receiveBatch(context.WithoutCancel(ctx), size)
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
		if slices.ContainsFunc(messages, isLarge) {
			size = 1
		}
		running.Go(func() {
			defer func() { free <- consume }()
			// A batch that was begun is finished, also if it is time to stop.
			if err := p.process(context.WithoutCancel(ctx), consume, messages); err != nil {
				slog.Error("batch failed, will be retried", "error", err)
			}
		})
	}
}

func isLarge(m types.Message) bool { return len(aws.ToString(m.Body)) > largeBody }

// receiveBatch waits for the first message, and for up to the window for more.
func (p Poller) receiveBatch(ctx context.Context, size int) ([]types.Message, error) {
	messages, err := p.receive(ctx, size)
	if err != nil || len(messages) == 0 {
		return nil, err
	}
	deadline := time.Now().Add(p.Window)
	for len(messages) < size && time.Now().Before(deadline) {
		more, err := p.receive(ctx, size-len(messages))
		if err != nil {
			break // what was received is processed
		}
		messages = append(messages, more...)
	}
	return messages, nil
}

// receive takes a batch from a queue, and waits for a while if there is none.
func (p Poller) receive(ctx context.Context, size int) ([]types.Message, error) {
	received, err := p.Client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &p.QueueURL,
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

// Instances builds as many consumers as the template allows a function to run at a time.
func Instances(t *template.Template, function string, build func() consumer.Func) []consumer.Func {
	n := defaultConcurrency
	scaling, _ := eventSource(t, function)["ScalingConfig"].(map[string]any)
	if limit, ok := scaling["MaximumConcurrency"].(int); ok {
		n = limit
	}
	consumers := make([]consumer.Func, n)
	for i := range consumers {
		consumers[i] = build()
	}
	return consumers
}

// Window returns how long the template has a function's batches wait for more messages.
func Window(t *template.Template, function string) time.Duration {
	seconds, _ := eventSource(t, function)["MaximumBatchingWindowInSeconds"].(int)
	return time.Duration(seconds) * time.Second
}

// eventSource returns the properties of the first of a function's queues.
func eventSource(t *template.Template, function string) map[string]any {
	sources, _ := t.Resources[function].Properties["Events"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		source, _ := sources[name].(map[string]any)
		if properties, ok := source["Properties"].(map[string]any); ok && properties["Queue"] != nil {
			return properties
		}
	}
	return nil
}

func (p Poller) process(ctx context.Context, consume consumer.Func, messages []types.Message) error {
	response, err := consume(observe.WithRequestID(ctx, rand.Text()), Event(messages))
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
	deleted, err := p.Client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &p.QueueURL, Entries: done})
	if err == nil && len(deleted.Failed) > 0 {
		err = errors.New("some messages could not be deleted: " + aws.ToString(deleted.Failed[0].Message))
	}
	return err
}

// DeadLetterQueue returns the URL of the dead-letter queue of a queue.
func DeadLetterQueue(ctx context.Context, client *sqs.Client, queueURL string) (string, error) {
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

// Event returns the event that Lambda makes of messages.
func Event(messages []types.Message) events.SQSEvent {
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
