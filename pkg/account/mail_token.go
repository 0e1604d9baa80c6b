package account

import (
	"context"
	"errors"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/table"
)

// MailTokenTTL is how long the link in a mail works.
const MailTokenTTL = 24 * time.Hour

// maxMailAttempts is how many wrong passwords the link in a mail survives.
const maxMailAttempts = 10

// repeatTTL is how long after its first use a token succeeds again with the same password: for a double click, and
// for a browser that sends a form again because it lost the response.
const repeatTTL = 10 * time.Minute

// MailToken is what the link in a mail is for. It works once.
type MailToken struct {
	Purpose Purpose
	Email   string // normalised
	// Of a sign-up: the customer to be, the hash of the password that was chosen, and the id of the work provider whose
	// link was opened; "" if none was.
	Details      customer.Details
	Policy       customer.Policy
	PasswordHash string
	Provider     string
}

// Purpose is what a mail token may be used for.
type Purpose string

// The purposes. A mail without a token has a decoy, so that it costs what another does.
const (
	PurposeConfirm Purpose = "confirm" // the email of a sign-up
	PurposeReset   Purpose = "reset"   // a forgotten password
	PurposeDecoy   Purpose = "nowhere" // nothing
	purposeUsed    Purpose = "used"    // to repeat what was done with it: a double click
)

type mailTokenItem struct {
	PK            string           `dynamo:"pk,hash"`
	SK            string           `dynamo:"sk,range"`
	SchemaVersion int              `dynamo:"v"`
	Expires       int64            `dynamo:"expires"` // seconds since the epoch
	Created       int64            `dynamo:"created"` // microseconds since the epoch
	Purpose       Purpose          `dynamo:"purpose"`
	Email         string           `dynamo:"email"`
	Customer      string           `dynamo:"number,omitempty"` // of a used one
	PasswordHash  string           `dynamo:"password,omitempty"`
	Provider      string           `dynamo:"provider,omitempty"`
	Attempts      int              `dynamo:"tries,omitempty"`
	Details       customer.Details `dynamo:"details"`
	Policy        customer.Policy  `dynamo:"policy"`
}

// mailsRevokedItem says that every mail token of an email that was created before has ended.
type mailsRevokedItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	Expires       int64  `dynamo:"expires"` // seconds since the epoch
	Before        int64  `dynamo:"before"`  // microseconds since the epoch
}

// ErrTokenUsed means that the link in a mail was used in the meantime.
var ErrTokenUsed = errors.New("account: the link in the mail was already used")

// CreateMailToken stores what the link in a mail is for and returns the link's token.
func (s *Store) CreateMailToken(ctx context.Context, m MailToken, now time.Time) (string, error) {
	token := randomToken()
	err := s.customers.Put(mailTokenItem{
		PK:            table.MailPartition(hash(token)),
		SK:            table.MailSort,
		SchemaVersion: itemVersion,
		Expires:       now.Add(MailTokenTTL).Unix(),
		Created:       now.UnixMicro(),
		Purpose:       m.Purpose,
		Email:         m.Email,
		PasswordHash:  m.PasswordHash,
		Provider:      m.Provider,
		Details:       m.Details,
		Policy:        m.Policy,
	}).Run(ctx)
	return token, table.Unavailable("accounts", err)
}

// MailToken returns what the link with the token is for; false if it is not for that purpose, was used or revoked, or
// has expired.
func (s *Store) MailToken(ctx context.Context, token string, purpose Purpose, now time.Time) (MailToken, bool, error) {
	var item mailTokenItem
	ok, err := table.GetItem(ctx, s.customers, table.MailPartition(hash(token)), table.MailSort, &item)
	valid := ok && item.Purpose == purpose && item.Expires > now.Unix() && item.Attempts < maxMailAttempts
	if err != nil || !valid {
		return MailToken{}, false, err
	}
	var revoked mailsRevokedItem
	partition := table.MailsRevokedPartition(hash(item.Email))
	_, err = table.GetItem(ctx, s.sessions, partition, table.MailsRevokedSort, &revoked)
	if err != nil || item.Created < revoked.Before {
		return MailToken{}, false, err
	}
	return MailToken{
		Purpose:      item.Purpose,
		Email:        item.Email,
		PasswordHash: item.PasswordHash,
		Provider:     item.Provider,
		Details:      item.Details,
		Policy:       item.Policy,
	}, true, nil
}

// RecordFailedAttempt counts a wrong password under the link of a mail.
func (s *Store) RecordFailedAttempt(ctx context.Context, token string) error {
	err := s.customers.Update(table.PK, table.MailPartition(hash(token))).Range(table.SK, table.MailSort).
		Add("tries", 1).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return table.Unavailable("accounts", err)
}

// revokeMailTokens returns the write that ends every mail token of a normalised email.
func (s *Store) revokeMailTokens(email string, now time.Time) *dynamo.Put {
	return s.sessions.Put(mailsRevokedItem{
		PK:            table.MailsRevokedPartition(hash(email)),
		SK:            table.MailsRevokedSort,
		SchemaVersion: itemVersion,
		Expires:       now.Add(MailTokenTTL).Unix(),
		Before:        now.UnixMicro(),
	})
}

// consumeToken returns the write that uses a token up, on condition that it was not. What is left of it for a while has
// the customer and the password, and no personal data.
func (s *Store) consumeToken(token string, purpose Purpose, number, passwordHash string, now time.Time) *dynamo.Put {
	return s.customers.Put(mailTokenItem{
		PK:            table.MailPartition(hash(token)),
		SK:            table.MailSort,
		SchemaVersion: itemVersion,
		Expires:       now.Add(repeatTTL).Unix(),
		Created:       now.UnixMicro(),
		Purpose:       purposeUsed,
		Customer:      number,
		PasswordHash:  passwordHash,
	}).If("attribute_exists(pk) AND 'purpose' = ?", purpose)
}

// RepeatedUse returns the normalised email of the customer for whom the token was used a moment ago with that password;
// "" if it was not, or the customer was erased.
func (s *Store) RepeatedUse(ctx context.Context, token, password string, now time.Time) (string, error) {
	var item mailTokenItem
	ok, err := table.GetItem(ctx, s.customers, table.MailPartition(hash(token)), table.MailSort, &item)
	if err != nil || !ok || item.Purpose != purposeUsed || item.Expires <= now.Unix() || item.Attempts >= maxMailAttempts {
		return "", err
	}
	if !VerifyPassword(item.PasswordHash, password) {
		return "", s.RecordFailedAttempt(ctx, token)
	}
	c, ok, err := s.registry.Customer(ctx, item.Customer)
	if err != nil || !ok {
		return "", err
	}
	return customer.NormaliseEmail(c.Email), nil
}
