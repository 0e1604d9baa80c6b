// Package deadletter archives the messages that could not be processed, permanently and byte for byte, because a queue
// deletes them after 14 days and a customer's cover may depend on one.
//
// There are two kinds: malformed messages, which their consumer archives at once, and messages whose retries are
// exhausted, which the queue moves to its dead-letter queue, whose consumer is here. An operator reads them and, once
// the cause is fixed, redrives them.
package deadletter

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/table"
)

// DeadLetter is a message that could not be processed.
type DeadLetter struct {
	MessageID  string    // the queue's
	SentAt     time.Time // to the queue, to the millisecond
	ArchivedAt time.Time
	Reason     string // one of the reasons below, or webhook.ReasonExhausted
	Body       []byte // as sent, byte for byte
	RedrivenAt time.Time
}

// The reasons.
const (
	ReasonMalformed        = "malformed message"
	ReasonRetriesExhausted = "retries exhausted"
)

// ID returns the id by which operators refer to a dead letter: its month and sort key.
func (l DeadLetter) ID() string {
	return month(l.SentAt) + "/" + table.DeadLetterSort(l.SentAt.UnixMilli(), l.MessageID)
}

func month(t time.Time) string { return t.UTC().Format("2006-01") }

// FromSQS returns the dead letter of a message that a queue delivered.
func FromSQS(m events.SQSMessage, reason string, now time.Time) DeadLetter {
	millis, _ := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	return DeadLetter{
		MessageID:  m.MessageId,
		SentAt:     time.UnixMilli(millis).UTC(),
		ArchivedAt: now.UTC(),
		Reason:     reason,
		Body:       []byte(m.Body),
	}
}

// Archiver archives dead letters. It is implemented by Store, and by tests that inspect dead letters or make archiving
// fail.
type Archiver interface {
	// Archive stores a dead letter. It is idempotent.
	Archive(ctx context.Context, l DeadLetter) error
}

// Consumer returns the consumer of the dead-letter queue: it archives every message; one that it cannot archive is
// retried.
func Consumer(filer Archiver, now func() time.Time) consumer.Func {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for _, m := range batch.Records {
			if err := filer.Archive(ctx, FromSQS(m, ReasonRetriesExhausted, now())); err != nil {
				slog.ErrorContext(ctx, "dead letter not archived", "messageId", m.MessageId, "error", err)
				consumer.Retry(&response, m)
			}
		}
		return response, nil
	}
}

// Store keeps dead letters in DynamoDB, by the month in which they were sent.
type Store struct{ table dynamo.Table }

var _ Archiver = (*Store)(nil)

// NewStore returns the store in the table that TIMELINES_TABLE names.
func NewStore(env *config.Env) *Store {
	return &Store{dynamo.New(env.AWS()).Table(env.Get("TIMELINES_TABLE"))}
}

// letterItem is a dead letter as stored.
type letterItem struct {
	PK            string    `dynamo:"pk"`
	SK            string    `dynamo:"sk"`
	SchemaVersion int       `dynamo:"v"`
	MessageID     string    `dynamo:"m"`
	Sent          int64     `dynamo:"t"` // milliseconds since the epoch
	Filed         time.Time `dynamo:"filed"`
	Reason        string    `dynamo:"reason"`
	Body          []byte    `dynamo:"body"`
	Redriven      time.Time `dynamo:"redriven,omitempty"`
}

const letterVersion = 1

func (r letterItem) letter() DeadLetter {
	return DeadLetter{
		MessageID:  r.MessageID,
		SentAt:     time.UnixMilli(r.Sent).UTC(),
		ArchivedAt: r.Filed,
		Reason:     r.Reason,
		Body:       r.Body,
		RedrivenAt: r.Redriven,
	}
}

// Archive implements Archiver.
func (s *Store) Archive(ctx context.Context, l DeadLetter) error {
	err := s.table.Put(letterItem{
		PK: table.DeadLetterPartition(
			month(l.SentAt),
		), SK: table.DeadLetterSort(l.SentAt.UnixMilli(), l.MessageID), SchemaVersion: letterVersion,
		MessageID: l.MessageID, Sent: l.SentAt.UnixMilli(), Filed: l.ArchivedAt, Reason: l.Reason, Body: l.Body,
	}).If("attribute_not_exists(pk)").Run(ctx)
	switch {
	case err == nil:
		observe.DeadLetter(ctx, l.MessageID, l.Reason)
	case !dynamo.IsCondCheckFailed(err): // else it was archived before
		return table.Unavailable("dead letters", err)
	}
	return nil
}

// List returns the dead letters sent in a UTC month (YYYY-MM), oldest first. Errors: Unavailable.
func (s *Store) List(ctx context.Context, month string) ([]DeadLetter, error) {
	var items []letterItem
	if err := s.table.Get(table.PK, table.DeadLetterPartition(month)).All(ctx, &items); err != nil {
		return nil, table.Unavailable("dead letters", err)
	}
	letters := make([]DeadLetter, len(items))
	for i, item := range items {
		letters[i] = item.letter()
	}
	return letters, nil
}

var errNotFound = fault.New(fault.NotFound, "No such dead letter.")

// Get returns the dead letter of that id. Errors: NotFound, Unavailable.
func (s *Store) Get(ctx context.Context, id string) (DeadLetter, error) {
	month, sort, err := parseID(id)
	if err != nil {
		return DeadLetter{}, err
	}
	var item letterItem
	found, err := table.GetItem(ctx, s.table, table.DeadLetterPartition(month), sort, &item)
	switch {
	case err != nil:
		return DeadLetter{}, err
	case !found:
		return DeadLetter{}, errNotFound
	}
	return item.letter(), nil
}

// MarkRedriven records that the message was sent to its queue again. Errors: NotFound, Unavailable.
func (s *Store) MarkRedriven(ctx context.Context, id string, now time.Time) error {
	month, sort, err := parseID(id)
	if err != nil {
		return err
	}
	err = s.table.Update(table.PK, table.DeadLetterPartition(month)).Range(table.SK, sort).
		Set("redriven", now.UTC()).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return errNotFound
	}
	return table.Unavailable("dead letters", err)
}

// parseID returns the parts of an id.
func parseID(id string) (month, sort string, err error) {
	const length = len("2006-01")
	if len(id) <= length+1 || id[length] != '/' {
		return "", "", errNotFound
	}
	return id[:length], id[length+1:], nil
}
