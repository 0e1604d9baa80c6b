package account

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/table"
)

const (
	// SessionTTL is how long a session lasts, however much it is used.
	SessionTTL = 24 * time.Hour
	// LinkIntentTTL is how long an opened link is known: the way through a sign-up and its mail is no longer than the
	// mail's link works.
	LinkIntentTTL = MailTokenTTL
)

type sessionItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Expires       int64  `dynamo:"expires"` // seconds since the epoch
	Customer      string `dynamo:"number"`
	StartedAt     int64  `dynamo:"began"` // microseconds since the epoch
}

// sessionsRevokedItem says that every session of a customer that started before, on whatever device, has ended.
type sessionsRevokedItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Expires       int64  `dynamo:"expires"` // seconds since the epoch
	Before        int64  `dynamo:"before"`  // microseconds since the epoch
}

// CreateSession starts a session for the customer and returns its token.
func (s *Store) CreateSession(ctx context.Context, number string, now time.Time) (string, error) {
	token := randomToken()
	err := s.sessions.Put(sessionItem{
		PK:            table.SessionPartition(hash(token)),
		SK:            table.SessionSort,
		SchemaVersion: itemVersion,
		Expires:       now.Add(SessionTTL).Unix(),
		Customer:      number,
		StartedAt:     now.UnixMicro(),
	}).Run(ctx)
	return token, table.Unavailable("accounts", err)
}

// SessionCustomer returns the number of the customer whose session the token belongs to; "" if there is no such
// session, or none that goes on.
func (s *Store) SessionCustomer(ctx context.Context, token string, now time.Time) (string, error) {
	var session sessionItem
	ok, err := table.GetItem(ctx, s.sessions, table.SessionPartition(hash(token)), table.SessionSort, &session)
	if err != nil || !ok || session.Expires <= now.Unix() {
		return "", err
	}
	var revoked sessionsRevokedItem
	_, err = table.GetItem(
		ctx,
		s.sessions,
		table.SessionsRevokedPartition(session.Customer),
		table.SessionsRevokedSort,
		&revoked,
	)
	if err != nil || session.StartedAt < revoked.Before {
		return "", err
	}
	return session.Customer, nil
}

// DeleteSession ends one session.
func (s *Store) DeleteSession(ctx context.Context, token string) error {
	return table.Unavailable("accounts", s.sessions.Delete(table.PK, table.SessionPartition(hash(token))).
		Range(table.SK, table.SessionSort).Run(ctx))
}

// RevokeSessions ends every session of a customer that started before now.
func (s *Store) RevokeSessions(ctx context.Context, number string, now time.Time) error {
	return table.Unavailable("accounts", s.revokeSessions(number, now).Run(ctx))
}

// revokeSessions returns the write that ends every session of a customer.
func (s *Store) revokeSessions(number string, now time.Time) *dynamo.Put {
	return s.sessions.Put(sessionsRevokedItem{
		PK:            table.SessionsRevokedPartition(number),
		SK:            table.SessionsRevokedSort,
		SchemaVersion: itemVersion,
		Expires:       now.Add(SessionTTL).Unix(),
		Before:        now.UnixMicro(),
	})
}

// LinkIntent is what a person came for who opened a work provider's link.
type LinkIntent struct {
	Provider string // its id
	UserID   string // by which it calls the person
	Email    string // as the link had it; "" if it had none
	Signed   bool   // whether the provider signed the link
}

type linkIntentItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Expires       int64  `dynamo:"expires"` // seconds since the epoch
	Provider      string `dynamo:"provider"`
	UserID        string `dynamo:"userId,omitempty"`
	Email         string `dynamo:"email,omitempty"`
	Signed        bool   `dynamo:"signed,omitempty"`
}

// SaveLinkIntent stores what a person came for and returns the token under which the pages pass it on.
func (s *Store) SaveLinkIntent(ctx context.Context, intent LinkIntent, now time.Time) (string, error) {
	token := randomToken()
	err := s.sessions.Put(linkIntentItem{
		PK:            table.LinkPartition(hash(token)),
		SK:            table.LinkSort,
		SchemaVersion: itemVersion,
		Expires:       now.Add(LinkIntentTTL).Unix(),
		Provider:      intent.Provider,
		UserID:        intent.UserID,
		Email:         intent.Email,
		Signed:        intent.Signed,
	}).Run(ctx)
	return token, table.Unavailable("accounts", err)
}

// LinkIntent returns what a person came for; false if the link was opened too long ago.
func (s *Store) LinkIntent(ctx context.Context, token string, now time.Time) (LinkIntent, bool, error) {
	var item linkIntentItem
	ok, err := table.GetItem(ctx, s.sessions, table.LinkPartition(hash(token)), table.LinkSort, &item)
	if err != nil || !ok || item.Expires <= now.Unix() {
		return LinkIntent{}, false, err
	}
	return LinkIntent{Provider: item.Provider, UserID: item.UserID, Email: item.Email, Signed: item.Signed}, true, nil
}
