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
// An account belongs to an email and opens its customers: one for each work provider that enrolled the person, and one
// for a sign-up.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
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
	Exists       bool     // whether the email has an account; without one, it may have customers
	Customer     string   // the number of the customer that was chosen last; "" if none was
	PasswordHash string   // of the account
	Customers    []string // the numbers of its customers, with or without an account
	Address      string   // where mails to the account, or else to its customers, go
	devices      []string // the hashes of the tokens of the account's devices, the latest last
}

// Opens returns the number of the customer whom the account shows first: the only one, or the one that was chosen last;
// "" if one is still to be chosen.
func (k EmailAccount) Opens() string {
	switch {
	case len(k.Customers) == 1:
		return k.Customers[0]
	case slices.Contains(k.Customers, k.Customer):
		return k.Customer
	}
	return ""
}

// Session returns the session of who owns the account. Its customer is any of the email's, if one is still to be
// chosen.
func (k EmailAccount) Session() Session {
	if number := k.Opens(); number != "" {
		return Session{Customer: number, Chosen: true}
	}
	if len(k.Customers) == 0 {
		return Session{}
	}
	return Session{Customer: k.Customers[0]}
}

// emailItem is an item in an email's partition: its account, or one of its customers.
type emailItem struct {
	PK            string    `dynamo:"pk,hash"`
	SK            string    `dynamo:"sk,range"`
	SchemaVersion int       `dynamo:"v"`
	Customer      string    `dynamo:"number,omitempty"`   // of an account: the one that was chosen last
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
	owner := EmailAccount{Address: email}
	for _, item := range items { // the account sorts before the customers
		if item.SK == table.AccountSort {
			owner.Exists = true
			owner.Customer = item.Customer
			owner.PasswordHash = item.PasswordHash
			owner.devices = item.Devices
			continue
		}
		owner.Customers = append(owner.Customers, item.Customer)
		if item.Email != "" && (item.Customer == owner.Customer || owner.Customer == "" && len(owner.Customers) == 1) {
			owner.Address = item.Email
		}
	}
	return owner, nil
}

// PasswordChanged returns when the password of an email's account was set; false if there is no account.
func (s *Store) PasswordChanged(ctx context.Context, email string) (time.Time, bool, error) {
	var item emailItem
	partition := table.EmailPartition(customer.NormaliseEmail(email))
	ok, err := table.GetItem(ctx, s.customers, partition, table.AccountSort, &item)
	return item.Changed, ok, err
}

// CreateAccount creates the account of a sign-up whose email is confirmed, and consumes the token, in one transaction.
// What was typed becomes the details of the customer of that number, whom a work provider enrolled with the email;
// those of a new one if it is "". It returns ErrTokenUsed if the email has an account by then.
func (s *Store) CreateAccount(ctx context.Context, token, enrolled string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		m, ok, err := s.MailToken(ctx, token, PurposeConfirm, now)
		if err != nil {
			return err
		}
		owner, err := s.ByEmail(ctx, m.Email)
		switch {
		case err != nil:
			return err
		case !ok || owner.Exists: // or another sign-up of the same email was confirmed first
			return ErrTokenUsed
		}
		tx := s.db.WriteTx()
		number := enrolled
		if number == "" {
			number = customer.GenerateNumber()
			s.registry.Add(tx, customer.Customer{Number: number, Details: m.Details}, m.Policy, now)
		} else if err := s.registry.Complete(ctx, tx, number, m.Details, m.Policy.VehicleRegistration); err != nil {
			return err
		}
		account := newAccountItem(m.Email, number, m.PasswordHash, now)
		tx.Put(s.customers.Put(account).If("attribute_not_exists(pk)"))
		tx.Put(s.consumeToken(token, PurposeConfirm, number, m.PasswordHash, now))
		return table.Commit(ctx, tx)
	})
}

// SetPassword sets the password of the email that the token is for, creates its account if this is the first, ends
// every session of it and every other link in a mail to its email, and consumes the token, in one transaction. It
// returns ErrTokenUsed also if all customers of the email were erased.
func (s *Store) SetPassword(ctx context.Context, token, passwordHash string, now time.Time) error {
	return table.RetryConflicts(ctx, func() error {
		m, ok, err := s.MailToken(ctx, token, PurposeReset, now)
		if err != nil {
			return err
		}
		owner, err := s.ByEmail(ctx, m.Email)
		if err != nil {
			return err
		}
		if !ok || len(owner.Customers) == 0 {
			return ErrTokenUsed
		}
		number := owner.Session().Customer
		tx := s.db.WriteTx()
		if err := s.registry.RequireActive(ctx, tx, number); err != nil {
			return err
		}
		tx.Put(s.customers.Put(newAccountItem(m.Email, owner.Opens(), passwordHash, now)))
		s.RevokeAccess(tx, m.Email, now)
		tx.Put(s.consumeToken(token, PurposeReset, number, passwordHash, now))
		return table.Commit(ctx, tx)
	})
}

// ChooseCustomer records which of the email's customers its owner chose last, if the email has an account.
func (s *Store) ChooseCustomer(ctx context.Context, email, number string) error {
	partition := table.EmailPartition(customer.NormaliseEmail(email))
	err := s.customers.Update(table.PK, partition).Range(table.SK, table.AccountSort).
		Set("number", number).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return table.Unavailable("accounts", err)
}

// RevokeAccess adds to a transaction the writes that end every session of an email's account, and every link in a mail
// to the email.
func (s *Store) RevokeAccess(tx *dynamo.WriteTx, email string, now time.Time) {
	email = customer.NormaliseEmail(email)
	tx.Put(s.revokeSessions(hash(email), now))
	tx.Put(s.revokeMailTokens(email, now))
}

// CloseAccount adds to a transaction, in which a customer of an email is erased, the write that deletes the email's
// account, and reports whether it does: it keeps an account that opens other customers, who must then stay.
func (s *Store) CloseAccount(tx *dynamo.WriteTx, owner EmailAccount, email, erased string) (deleted bool) {
	partition := table.EmailPartition(customer.NormaliseEmail(email))
	others := slices.DeleteFunc(slices.Clone(owner.Customers), func(number string) bool { return number == erased })
	switch {
	case !owner.Exists:
		return false
	case len(others) > 0:
		tx.Check(s.customers.Check(table.PK, partition).Range(table.SK, table.EmailCustomerSort(others[0])).
			If("attribute_exists(pk)"))
		return false
	}
	tx.Delete(s.customers.Delete(table.PK, partition).Range(table.SK, table.AccountSort).If("attribute_exists(pk)"))
	return true
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
