// Package queue sends messages to SQS, and delays the retries of messages that failed.
package queue

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

// MaxBody is the largest message that is worth sending, in bytes: SQS bills each 64 KiB, so a larger one saves nothing,
// and loses more if it is malformed.
const MaxBody = 64 << 10

// RecoveryDelay is the delay of a recovery message: one that is sent before a change is made, so that a crash in
// between loses nothing, and is checked after it. It is longer than a function may run.
const RecoveryDelay = 30 * time.Second

// maxBatchEntries is the limit of SQS on the messages of one call. Sixteen of MaxBody would fill its megabyte.
const maxBatchEntries = 10

// maxSendAttempts is how often a message is sent that SQS failed to store by a fault of its own.
const maxSendAttempts = 3

// Sender sends messages. It is implemented by SQS, and by tests that inspect messages or make sending fail.
type Sender interface {
	// Send returns when the queue has stored all the bodies. After an error, which is Unavailable, it may have stored
	// some. They are delivered after the delay, which is at most 15 minutes. The group is the id of the work provider
	// that they are of: while many messages of one group are being processed, SQS delivers those of other groups
	// first.
	Send(ctx context.Context, group string, delay time.Duration, bodies ...string) error
}

// SQS is the Sender of one queue.
type SQS struct {
	client *sqs.Client
	url    string
	epoch  *Epoch // of a sandbox; nil on a live stack
}

var _ Sender = (*SQS)(nil)

// NewEventsQueue returns the queue of events, from EVENTS_QUEUE_URL.
func NewEventsQueue(env *config.Env) *SQS { return NewSQS(env, "EVENTS_QUEUE_URL") }

// NewSQS returns the queue whose URL that variable of the environment holds.
func NewSQS(env *config.Env, variable string) *SQS {
	q := &SQS{client: sqs.NewFromConfig(env.AWS()), url: env.Get(variable)}
	if env.Sandbox() {
		q.epoch = NewEpoch(env)
	}
	return q
}

// Send implements Sender with one call per ten messages. Of those that SQS fails to store by a fault of its own, it
// sends the failed ones again.
func (q *SQS) Send(ctx context.Context, group string, delay time.Duration, bodies ...string) error {
	if len(bodies) == 0 {
		return nil
	}
	attributes, err := q.epoch.stamp(ctx)
	if err != nil {
		return err
	}
	for batch := range slices.Chunk(bodies, maxBatchEntries) {
		entries := make([]types.SendMessageBatchRequestEntry, len(batch))
		for i, body := range batch {
			entries[i] = types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(body), DelaySeconds: int32(delay.Seconds()),
				MessageAttributes: attributes,
				MessageGroupId:    aws.String(group),
			}
		}
		if err := q.sendBatch(ctx, entries); err != nil {
			return fault.Wrap(fault.Unavailable, fmt.Errorf("queue: %w", err))
		}
	}
	return nil
}

func (q *SQS) sendBatch(ctx context.Context, entries []types.SendMessageBatchRequestEntry) error {
	for attempt := 1; ; attempt++ {
		out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		if err != nil || len(out.Failed) == 0 {
			return err
		}
		failed := map[string]bool{}
		for _, f := range out.Failed {
			failed[aws.ToString(f.Id)] = true
		}
		senderFault := slices.ContainsFunc(out.Failed, func(f types.BatchResultErrorEntry) bool { return f.SenderFault })
		if senderFault || attempt == maxSendAttempts {
			return fmt.Errorf("%d of %d messages failed: %s", len(failed), len(entries), aws.ToString(out.Failed[0].Code))
		}
		entries = slices.DeleteFunc(entries, func(e types.SendMessageBatchRequestEntry) bool { return !failed[*e.Id] })
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(100 * time.Millisecond << attempt)):
		}
	}
}
