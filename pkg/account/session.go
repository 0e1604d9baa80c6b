package account

import (
	"context"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/table"
)

const (
	// SessionTTL is how long a session lasts, however much it is used.
	SessionTTL = 24 * time.Hour
	// LinkIntentTTL is how long an opened link is known: the way through a sign-up and its mail is no longer than the
	// mail's link works.
	LinkIntentTTL = MailTokenTTL
)

// Session is who is signed in with a browser.
type Session struct {
	Customer string // the number of one of the account's customers; "" if nobody is signed in
	Chosen   bool   // whether that is the one to be shown; if not, one is still to be chosen
	account  string // the hash of the account's email
}

type sessionItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Expires       int64  `dynamo:"expires"` // seconds since the epoch
	Customer      string `dynamo:"number"`
	Account       string `dynamo:"account"`             // the hash of the account's email; "" in a session of form 1
	Undecided     bool   `dynamo:"undecided,omitempty"` // whether a customer is still to be chosen
	StartedAt     int64  `dynamo:"began"`               // microseconds since the epoch
}

// sessionVersion is the schema version of sessions: those of form 1 were a customer's, not an account's.
const sessionVersion = 2

// sessionsRevokedItem says that every session of an account that started before, on whatever device, has ended.
type sessionsRevokedItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Expires       int64  `dynamo:"expires"` // seconds since the epoch
	Before        int64  `dynamo:"before"`  // microseconds since the epoch
}

// CreateSession starts a session of an email's account and returns its token.
func (s *Store) CreateSession(ctx context.Context, email string, session Session, now time.Time) (string, error) {
	token := randomToken()
	err := s.sessions.Put(sessionItem{
		PK:            table.SessionPartition(hash(token)),
		SK:            table.SessionSort,
		SchemaVersion: sessionVersion,
		Expires:       now.Add(SessionTTL).Unix(),
		Customer:      session.Customer,
		Account:       hash(customer.NormaliseEmail(email)),
		Undecided:     !session.Chosen,
		StartedAt:     now.UnixMicro(),
	}).Run(ctx)
	return token, table.Unavailable("accounts", err)
}

// Session returns the session that the token belongs to; the zero value if there is no such session, or none that goes
// on.
func (s *Store) Session(ctx context.Context, token string, now time.Time) (Session, error) {
	var item sessionItem
	ok, err := table.GetItem(ctx, s.sessions, table.SessionPartition(hash(token)), table.SessionSort, &item)
	if err != nil || !ok || item.Expires <= now.Unix() {
		return Session{}, err
	}
	if item.Account == "" { // form 1
		c, ok, err := s.registry.Customer(ctx, item.Customer)
		if err != nil || !ok {
			return Session{}, err
		}
		item.Account = hash(customer.NormaliseEmail(c.Email))
	}
	var revoked sessionsRevokedItem
	partition := table.SessionsRevokedPartition(item.Account)
	_, err = table.GetItem(ctx, s.sessions, partition, table.SessionsRevokedSort, &revoked)
	if err != nil || item.StartedAt < revoked.Before {
		return Session{}, err
	}
	return Session{Customer: item.Customer, Chosen: !item.Undecided, account: item.Account}, nil
}

// DeleteSession ends one session.
func (s *Store) DeleteSession(ctx context.Context, token string) error {
	return table.Unavailable("accounts", s.sessions.Delete(table.PK, table.SessionPartition(hash(token))).
		Range(table.SK, table.SessionSort).Run(ctx))
}

// RevokeSessions ends every session of the session's account that started before now.
func (s *Store) RevokeSessions(ctx context.Context, session Session, now time.Time) error {
	return table.Unavailable("accounts", s.revokeSessions(session.account, now).Run(ctx))
}

// revokeSessions returns the write that ends every session of an account, by the hash of its email.
func (s *Store) revokeSessions(account string, now time.Time) *dynamo.Put {
	return s.sessions.Put(sessionsRevokedItem{
		PK:            table.SessionsRevokedPartition(account),
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
