// Package deadletter keeps the messages that came to nothing, for good and with their bytes intact, because a queue
// forgets after 14 days and somebody's cover may hang on one.
//
// Two kinds arrive: what the processor cannot understand, which it files itself at once, and what failed or crashed it
// time and again, which the queue moves to its dead-letter queue, whose consumer is here. An operator reads them and,
// when the reason is gone, sends them again.
package deadletter

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/table"
)

// DeadLetter is a message that came to nothing.
type DeadLetter struct {
	MessageID  string    // the queue's
	SentAt     time.Time // when the queue took it, to the millisecond
	ArchivedAt time.Time
	Reason     string // in our words
	Body       []byte // as it was sent
	RedrivenAt time.Time
}

// The reasons.
const (
	ReasonMalformed        = "the message cannot be understood"
	ReasonRetriesExhausted = "the message kept failing"
)

// ID names a letter to operators: its place in the table.
func (l DeadLetter) ID() string {
	return month(l.SentAt) + "/" + table.DeadLetterSort(l.SentAt.UnixMilli(), l.MessageID)
}

func month(t time.Time) string { return t.UTC().Format("2006-01") }

// FromSQS is the letter of a message that the queue delivered.
func FromSQS(m events.SQSMessage, reason string, now time.Time) DeadLetter {
	millis, _ := strconv.ParseInt(m.Attributes["SentTimestamp"], 10, 64)
	return DeadLetter{MessageID: m.MessageId, SentAt: time.UnixMilli(millis).UTC(), ArchivedAt: now.UTC(), Reason: reason, Body: []byte(m.Body)}
}

// Archiver keeps letters. It is a seam: a store is behind it, or a test that sees what is filed, or refuses it.
type Archiver interface {
	// Archive keeps a letter. To file one again is to file it once.
	Archive(ctx context.Context, l DeadLetter) error
}

// Consumer is the consumer of the dead-letter queue: it files every message, and what it cannot file comes again.
func Consumer(filer Archiver, now func() time.Time) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for _, m := range batch.Records {
			if err := filer.Archive(ctx, FromSQS(m, ReasonRetriesExhausted, now())); err != nil {
				slog.ErrorContext(ctx, "dead letter not filed", "messageId", m.MessageId, "error", err)
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
			}
		}
		return response, nil
	}
}

// Store keeps letters in DynamoDB, by the month of their sending.
type Store struct{ table dynamo.Table }

var _ Archiver = (*Store)(nil)

// NewStore is the store in the table that the environment names.
func NewStore(env *config.Env) *Store {
	return &Store{dynamo.New(env.AWS()).Table(env.Get("TIMELINES_TABLE"))}
}

// letterItem is a letter as stored.
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
	return DeadLetter{MessageID: r.MessageID, SentAt: time.UnixMilli(r.Sent).UTC(), ArchivedAt: r.Filed, Reason: r.Reason, Body: r.Body, RedrivenAt: r.Redriven}
}

// Archive implements Filer.
func (s *Store) Archive(ctx context.Context, l DeadLetter) error {
	err := s.table.Put(letterItem{
		PK: table.DeadLetterPartition(month(l.SentAt)), SK: table.DeadLetterSort(l.SentAt.UnixMilli(), l.MessageID), SchemaVersion: letterVersion,
		MessageID: l.MessageID, Sent: l.SentAt.UnixMilli(), Filed: l.ArchivedAt, Reason: l.Reason, Body: l.Body,
	}).If("attribute_not_exists(pk)").Run(ctx)
	switch {
	case err == nil:
		observe.DeadLetter(ctx, l.MessageID, l.Reason)
	case !dynamo.IsCondCheckFailed(err): // or else it is filed already
		return fault.Wrap(fault.Unavailable, fmt.Errorf("dead letters: %w", err))
	}
	return nil
}

// List is the letters sent in a UTC month (YYYY-MM), oldest first.
func (s *Store) List(ctx context.Context, month string) ([]DeadLetter, error) {
	var rows []letterItem
	if err := s.table.Get(table.PK, table.DeadLetterPartition(month)).All(ctx, &rows); err != nil {
		return nil, err
	}
	letters := make([]DeadLetter, len(rows))
	for i, r := range rows {
		letters[i] = r.letter()
	}
	return letters, nil
}

// ErrUnknown is met when there is no letter of that id.
var ErrUnknown = errors.New("there is no such dead letter")

// Get is the letter of that id.
func (s *Store) Get(ctx context.Context, id string) (DeadLetter, error) {
	month, sort, err := parseID(id)
	if err != nil {
		return DeadLetter{}, err
	}
	var r letterItem
	err = s.table.Get(table.PK, table.DeadLetterPartition(month)).Range(table.SK, dynamo.Equal, sort).One(ctx, &r)
	if errors.Is(err, dynamo.ErrNotFound) {
		return DeadLetter{}, ErrUnknown
	}
	return r.letter(), err
}

// Redriven notes that the letter's message was sent again.
func (s *Store) MarkRedriven(ctx context.Context, id string, now time.Time) error {
	month, sort, err := parseID(id)
	if err != nil {
		return err
	}
	err = s.table.Update(table.PK, table.DeadLetterPartition(month)).Range(table.SK, sort).
		Set("redriven", now.UTC()).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return ErrUnknown
	}
	return err
}

// parseID takes an id apart.
func parseID(id string) (month, sort string, err error) {
	const length = len("2006-01")
	if len(id) <= length+1 || id[length] != '/' {
		return "", "", ErrUnknown
	}
	return id[:length], id[length+1:], nil
}
