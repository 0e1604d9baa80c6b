// Package queue sends messages to SQS, and has those come again that failed.
package queue

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
)

// MaxBody is the largest message that is worth sending, in bytes: SQS bills each 64 KiB, so that a larger one saves
// nothing, and loses more when it is bad.
const MaxBody = 64 << 10

// perCall is how many messages SQS takes in one call. Sixteen of MaxBody would fill its megabyte.
const perCall = 10

// Sender sends messages. It is a seam: SQS is behind it, or a test that wants to see them, or to refuse them.
type Sender interface {
	// Send returns when the queue has taken all the bodies. After an error, which is Unavailable, it may have taken some.
	// They are delivered after the delay, which is at most 15 minutes.
	Send(ctx context.Context, delay time.Duration, bodies ...string) error
}

// SQS sends to one queue.
type SQS struct {
	client *sqs.Client
	url    string
}

var _ Sender = (*SQS)(nil)

// SenderFrom sends to the queue of events that the environment names.
func SenderFrom(env *config.Env) *SQS { return SenderTo(env, "EVENTS_QUEUE_URL") }

// SenderTo sends to the queue whose URL that variable of the environment holds.
func SenderTo(env *config.Env, variable string) *SQS {
	return &SQS{client: sqs.NewFromConfig(env.AWS()), url: env.Get(variable)}
}

// Send implements Sender with one call for each ten messages.
func (q *SQS) Send(ctx context.Context, delay time.Duration, bodies ...string) error {
	for len(bodies) > 0 {
		n := min(perCall, len(bodies))
		entries := make([]types.SendMessageBatchRequestEntry, n)
		for i, body := range bodies[:n] {
			entries[i] = types.SendMessageBatchRequestEntry{
				Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(body), DelaySeconds: int32(delay.Seconds()),
			}
		}
		out, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: entries})
		switch {
		case err != nil:
			return fault.Wrap(fault.Unavailable, fmt.Errorf("queue: %w", err))
		case len(out.Failed) > 0:
			return fault.Wrap(fault.Unavailable, fmt.Errorf("queue: refused %d of %d messages: %w", len(out.Failed), n, errors.New(aws.ToString(out.Failed[0].Code))))
		}
		bodies = bodies[n:]
	}
	return nil
}
