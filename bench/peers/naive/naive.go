// Package naive is the design that first comes to mind for this API: a queue message for each event, an invocation for
// each message, and three writes for each event (the event, the shift, and what is open). It is built as one builds it
// with the same libraries, for a comparison of costs with the same requests and the same shifts in the end.
//
// It promises much less: events that come late, twice or out of order make wrong shifts, and a crash between two writes
// leaves half of an event.
package naive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/guregu/dynamo/v2"
)

// Design is the functions of the design over one table and one queue.
type Design struct {
	Table dynamo.Table
	Queue *sqs.Client
	URL   string            // of the queue
	Keys  map[string]string // the work providers' ids by API key, as a cache that is warm has them
}

// event is an event of a request.
type event struct {
	UserID    string    `json:"workProviderUserId"`
	Timestamp time.Time `json:"timestamp"`
}

// message is what the queue carries.
type message struct {
	Provider string `json:"provider"`
	Kind     string `json:"kind"`
	event
}

// The rows: the owner of a workProviderUserId, the log of events, the shifts, and what is open.
type (
	ownerRow struct {
		PK       string `dynamo:"pk,hash"`
		SK       string `dynamo:"sk,range"`
		Customer string `dynamo:"customer"`
	}
	eventRow struct {
		PK   string    `dynamo:"pk,hash"`
		SK   string    `dynamo:"sk,range"`
		Kind string    `dynamo:"kind"`
		At   time.Time `dynamo:"at"`
	}
	shiftRow struct {
		PK    string    `dynamo:"pk,hash"`
		SK    string    `dynamo:"sk,range"`
		Start time.Time `dynamo:"start"`
		End   time.Time `dynamo:"end,omitempty"`
	}
	openRow struct {
		PK    string `dynamo:"pk,hash"`
		SK    string `dynamo:"sk,range"`
		Shift string `dynamo:"shift"` // the sort key of the open shift; empty if there is none
	}
)

// Link makes a workProviderUserId a customer's.
func (d Design) Link(ctx context.Context, provider, userID, customer string) error {
	return d.Table.Put(ownerRow{PK: provider + "#" + userID, SK: "owner", Customer: customer}).Run(ctx)
}

// Accept answers the four v1 requests, of one event or many.
func (d Design) Accept(ctx context.Context, r events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
	provider, ok := d.Keys[r.Headers["Authorization"]]
	if !ok {
		return events.APIGatewayProxyResponse{StatusCode: http.StatusUnauthorized}, nil
	}
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			return events.APIGatewayProxyResponse{StatusCode: http.StatusBadRequest}, nil
		}
	}
	batch := make([]event, 1)
	into := any(&batch[0])
	if strings.Contains(r.Path, "/batch/") {
		into = &batch
	}
	if err := json.Unmarshal(body, into); err != nil {
		return events.APIGatewayProxyResponse{StatusCode: http.StatusBadRequest}, nil
	}
	kind := "LOGIN"
	if strings.Contains(r.Path, "logout") {
		kind = "LOGOUT"
	}
	for _, e := range batch {
		text, err := json.Marshal(message{provider, kind, e})
		if err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
		if _, err := d.Queue.SendMessage(ctx,
			&sqs.SendMessageInput{QueueUrl: &d.URL, MessageBody: aws.String(string(text))}); err != nil {
			return events.APIGatewayProxyResponse{}, err
		}
	}
	return events.APIGatewayProxyResponse{StatusCode: http.StatusAccepted, Body: `{"status":"PENDING"}`}, nil
}

// Process applies the message of an invocation.
func (d Design) Process(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	for _, record := range batch.Records {
		var m message
		if err := json.Unmarshal([]byte(record.Body), &m); err != nil {
			return events.SQSEventResponse{}, err
		}
		if err := d.apply(ctx, m); err != nil {
			return events.SQSEventResponse{}, err
		}
	}
	return events.SQSEventResponse{}, nil
}

func (d Design) apply(ctx context.Context, m message) error {
	var owner ownerRow
	if err := d.Table.Get("pk", m.Provider+"#"+m.UserID).Range("sk", dynamo.Equal, "owner").One(ctx, &owner); err != nil {
		return err
	}
	pk := m.Provider + "#" + owner.Customer
	at := m.Timestamp.UTC().Format(time.RFC3339Nano)
	var open openRow
	err := d.Table.Get("pk", pk).Range("sk", dynamo.Equal, "open").Consistent(true).One(ctx, &open)
	if err != nil && !errors.Is(err, dynamo.ErrNotFound) {
		return err
	}
	if err := d.Table.Put(eventRow{PK: pk, SK: "event#" + at, Kind: m.Kind, At: m.Timestamp}).Run(ctx); err != nil {
		return err
	}
	switch {
	case m.Kind == "LOGIN" && open.Shift == "":
		if err := d.Table.Put(shiftRow{PK: pk, SK: "shift#" + at, Start: m.Timestamp}).Run(ctx); err != nil {
			return err
		}
		return d.Table.Put(openRow{PK: pk, SK: "open", Shift: "shift#" + at}).Run(ctx)
	case m.Kind == "LOGOUT" && open.Shift != "":
		if err := d.Table.Update("pk", pk).Range("sk", open.Shift).Set("end", m.Timestamp).Run(ctx); err != nil {
			return err
		}
		return d.Table.Update("pk", pk).Range("sk", "open").Set("shift", "").Run(ctx)
	}
	return nil // a LOGIN in an open shift, or a LOGOUT that closes nothing
}

// Shifts are the shifts of a customer, as start and end.
func (d Design) Shifts(ctx context.Context, provider, customer string) ([][2]time.Time, error) {
	var rows []shiftRow
	err := d.Table.Get("pk", provider+"#"+customer).
		Range("sk", dynamo.BeginsWith, "shift#").
		Consistent(true).
		All(ctx, &rows)
	if err != nil {
		return nil, fmt.Errorf("naive: %w", err)
	}
	var shifts [][2]time.Time
	for _, r := range rows {
		shifts = append(shifts, [2]time.Time{r.Start, r.End})
	}
	return shifts, nil
}
