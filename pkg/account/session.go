package account

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/table"
)

// How long a session lasts, however much it is used, and a followed link: the way through a sign-up and its mail is no
// longer than the mail's link is good for.
const (
	sessionLife = 24 * time.Hour
	linkLife    = mailLife
)

type sessionRow struct {
	PK      string `dynamo:"pk,hash"`
	SK      string `dynamo:"sk,range"`
	Form    int    `dynamo:"v"`
	Expires int64  `dynamo:"expires"`
	Number  string `dynamo:"number"`
	Began   int64  `dynamo:"began"` // microseconds since the epoch
}

// endedRow says that every session of a customer begun before, on whatever device, has ended.
type endedRow struct {
	PK      string `dynamo:"pk,hash"`
	SK      string `dynamo:"sk,range"`
	Form    int    `dynamo:"v"`
	Expires int64  `dynamo:"expires"`
	Before  int64  `dynamo:"before"` // microseconds since the epoch
}

// begin begins a session for the customer and returns its token.
func (s *Store) begin(ctx context.Context, number string, now time.Time) (string, error) {
	t := token()
	return t, stored(s.sessions.Put(sessionRow{
		PK: table.SessionPartition(hash(t)), SK: table.SessionSort, Form: form,
		Expires: now.Add(sessionLife).Unix(), Number: number, Began: now.UnixMicro(),
	}).Run(ctx))
}

// whose is the customer whose session the token is of; "" if it is of none that goes on.
func (s *Store) whose(ctx context.Context, token string, now time.Time) (string, error) {
	var r sessionRow
	ok, err := s.get(ctx, s.sessions, table.SessionPartition(hash(token)), table.SessionSort, &r)
	if err != nil || !ok || r.Expires <= now.Unix() {
		return "", err
	}
	var ended endedRow
	if _, err := s.get(ctx, s.sessions, table.SessionsRevokedPartition(r.Number), table.SessionsRevokedSort, &ended); err != nil || r.Began < ended.Before {
		return "", err
	}
	return r.Number, nil
}

// end ends one session.
func (s *Store) end(ctx context.Context, token string) error {
	return stored(s.sessions.Delete(table.PK, table.SessionPartition(hash(token))).Range(table.SK, table.SessionSort).Run(ctx))
}

// followed is a work provider's link that somebody followed: what they came for.
type followed struct {
	provider string // its id
	userID   string // by which it calls them
	email    string // as the link had it; "" if it had none
}

type linkRow struct {
	PK       string `dynamo:"pk,hash"`
	SK       string `dynamo:"sk,range"`
	Form     int    `dynamo:"v"`
	Expires  int64  `dynamo:"expires"`
	Provider string `dynamo:"provider"`
	UserID   string `dynamo:"userId,omitempty"`
	Email    string `dynamo:"email,omitempty"`
}

// keepLink stores what somebody came for and returns the token under which the pages pass it on.
func (s *Store) keepLink(ctx context.Context, f followed, now time.Time) (string, error) {
	t := token()
	return t, stored(s.sessions.Put(linkRow{
		PK: table.LinkPartition(hash(t)), SK: table.LinkSort, Form: form, Expires: now.Add(linkLife).Unix(),
		Provider: f.provider, UserID: f.userID, Email: f.email,
	}).Run(ctx))
}

// link is what somebody came for; false if it is too long ago.
func (s *Store) link(ctx context.Context, token string, now time.Time) (followed, bool, error) {
	var r linkRow
	ok, err := s.get(ctx, s.sessions, table.LinkPartition(hash(token)), table.LinkSort, &r)
	if err != nil || !ok || r.Expires <= now.Unix() {
		return followed{}, false, err
	}
	return followed{provider: r.Provider, userID: r.UserID, email: r.Email}, true, nil
}
