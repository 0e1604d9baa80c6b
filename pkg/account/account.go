// Package account keeps the accounts with which customers sign in: passwords, sessions, the tokens in mails, and how
// often each may be tried. It knows nothing of HTTP; the pages are in package pages.
//
//	account.go     accounts, by email
//	mail_token.go  what the links in mails are for
//	session.go     who is signed in, and which link was opened: what expires by itself
//	device.go      where the account's owner signed in before
//	password.go    passwords, hashed
//	throttle.go    limits on attempts
//
// An account belongs to an email and opens one customer.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// itemVersion is the schema version of every item here.
const itemVersion = 1

// Store keeps accounts and mail tokens in the table Customers, and sessions, opened links and attempts in the table
// Sessions. A failure of the storage is Unavailable.
type Store struct {
	db        *dynamo.DB
	registry  *customer.Store // of the customers whom accounts open
	customers dynamo.Table
	sessions  dynamo.Table
}

// NewStore returns the store in the tables that CUSTOMERS_TABLE and SESSIONS_TABLE name.
func NewStore(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{
		db:        db,
		registry:  customer.NewStore(env),
		customers: db.Table(env.Get("CUSTOMERS_TABLE")),
		sessions:  db.Table(env.Get("SESSIONS_TABLE")),
	}
}

// EmailAccount is what is known of an email.
type EmailAccount struct {
	Customer     string   // the number of the customer whom its account opens; "" if it has no account
	PasswordHash string   // of the account
	Customers    []string // the numbers of its customers, with or without an account
	Address      string   // where mails to the account, or else to its customers, go
	devices      []string // the hashes of the tokens of the account's devices, the latest last
}

// emailItem is an item in an email's partition: its account, or one of its customers.
type emailItem struct {
	PK            string    `dynamo:"pk,hash"`
	SK            string    `dynamo:"sk,range"`
	SchemaVersion int       `dynamo:"v"`
	Customer      string    `dynamo:"number"`
	PasswordHash  string    `dynamo:"password,omitempty"` // of an account
	Changed       time.Time `dynamo:"changed,omitempty"`  // of an account: when the password was set
	Devices       []string  `dynamo:"devices,omitempty"`  // of an account: see device.go
	Email         string    `dynamo:"email,omitempty"`    // of a customer: as it is written to
}

// ByEmail returns what is known of a normalised email. One read.
func (s *Store) ByEmail(ctx context.Context, email string) (EmailAccount, error) {
	var items []emailItem
	err := s.customers.Get(table.PK, table.EmailPartition(email)).Consistent(true).All(ctx, &items)
	if err != nil {
		return EmailAccount{}, table.Unavailable("accounts", err)
	}
	known := EmailAccount{Address: email}
	for _, item := range items { // the account sorts before the customers
		if item.SK == table.AccountSort {
			known.Customer = item.Customer
			known.PasswordHash = item.PasswordHash
			known.devices = item.Devices
			continue
		}
		known.Customers = append(known.Customers, item.Customer)
		if item.Email != "" && (item.Customer == known.Customer || known.Customer == "" && len(known.Customers) == 1) {
			known.Address = item.Email
		}
	}
	return known, nil
}

// Account is what operators see of an account.
type Account struct {
	Customer        string // the number of the customer whom it opens
	PasswordChanged time.Time
}

// Account returns the account of an email; false if there is none.
func (s *Store) Account(ctx context.Context, email string) (Account, bool, error) {
	var item emailItem
	partition := table.EmailPartition(customer.NormaliseEmail(email))
	ok, err := table.GetItem(ctx, s.customers, partition, table.AccountSort, &item)
	return Account{Customer: item.Customer, PasswordChanged: item.Changed}, ok, err
}

// CreateAccount creates the customer and the account of a sign-up whose email is confirmed, and consumes the token, in
// one transaction. It returns the customer's number, or ErrTokenUsed.
func (s *Store) CreateAccount(ctx context.Context, token string, now time.Time) (number string, err error) {
	err = table.RetryConflicts(ctx, func() error {
		m, ok, err := s.MailToken(ctx, token, PurposeConfirm, now)
		if err != nil {
			return err
		}
		known, err := s.ByEmail(ctx, m.Email)
		switch {
		case err != nil:
			return err
		case !ok || known.Customer != "": // or another sign-up of the same email was confirmed first
			return ErrTokenUsed
		}
		number = customer.GenerateNumber()
		tx := s.db.WriteTx()
		s.registry.Add(tx, customer.Customer{Number: number, Details: m.Details}, m.Policy, now)
		account := newAccountItem(m.Email, number, m.PasswordHash, now)
		tx.Put(s.customers.Put(account).If("attribute_not_exists(pk)"))
		tx.Put(s.consumeToken(token, PurposeConfirm, number, m.PasswordHash, now))
		return table.Commit(ctx, tx)
	})
	return number, err
}

// SetPassword sets the password of the account that the token is for, creates the account if it is the first, ends
// every session of it and every other link in a mail to its email, and consumes the token, in one transaction. It
// returns the customer's number, or ErrTokenUsed, also if the customer was erased.
func (s *Store) SetPassword(ctx context.Context, token, passwordHash string, now time.Time) (number string, err error) {
	err = table.RetryConflicts(ctx, func() error {
		m, ok, err := s.MailToken(ctx, token, PurposeReset, now)
		if err != nil {
			return err
		}
		if !ok {
			return ErrTokenUsed
		}
		number = m.Customer
		tx := s.db.WriteTx()
		err = s.registry.RequireActive(ctx, tx, number)
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return ErrTokenUsed
		}
		if err != nil {
			return err
		}
		tx.Put(s.customers.Put(newAccountItem(m.Email, number, passwordHash, now)))
		s.RevokeAccess(tx, m.Email, number, now)
		tx.Put(s.consumeToken(token, PurposeReset, number, passwordHash, now))
		return table.Commit(ctx, tx)
	})
	return number, err
}

// RevokeAccess adds to a transaction the writes that end every session of a customer, and every link in a mail to the
// email.
func (s *Store) RevokeAccess(tx *dynamo.WriteTx, email, number string, now time.Time) {
	tx.Put(s.revokeSessions(number, now))
	tx.Put(s.revokeMailTokens(customer.NormaliseEmail(email), now))
}

// DeleteAccount adds to a transaction the write that deletes an email's account, on condition that it is the
// customer's.
func (s *Store) DeleteAccount(tx *dynamo.WriteTx, email, number string) {
	partition := table.EmailPartition(customer.NormaliseEmail(email))
	tx.Delete(s.customers.Delete(table.PK, partition).Range(table.SK, table.AccountSort).If("'number' = ?", number))
}

func newAccountItem(email, number, passwordHash string, now time.Time) emailItem {
	return emailItem{
		PK:            table.EmailPartition(email),
		SK:            table.AccountSort,
		SchemaVersion: itemVersion,
		Customer:      number,
		PasswordHash:  passwordHash,
		Changed:       now.UTC(),
	}
}

// randomToken returns a random name that cannot be guessed, for an address or a cookie. The tables have only its hash.
func randomToken() string { return rand.Text() }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
