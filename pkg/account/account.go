// Package account is what people see: the link that a work provider sends them, sign-up and log-in, the consent to share
// with a work provider, and their account.
//
//	account.go   accounts and mails, as they are stored
//	session.go   whose browser it is, and which link was followed: what ends by itself
//	password.go  passwords, hashed
//	throttle.go  how often one may try
//	site.go      how a page comes about: headers, cookies, relative addresses, failures in plain words
//	link.go      GET /v1/link-work-provider
//	signup.go    sign up, confirm the email
//	login.go     log in, sign out, a forgotten password
//	consent.go   agree to share with a work provider, or not
//	home.go      your account: cover, work providers and their removal
//	week.go      your shifts of the last 14 days, as a picture and a table
//	*.templ      what the pages look like, each beside what they do; style.css is for all of them
//
// scripts/pages makes Go of the templates (home_templ.go of home.templ), so nothing is parsed when a function starts.
//
// An account belongs to an email and opens one customer. Nothing but the link flow, by the contract, tells whether an
// email has one: pages, statuses, headers and the work done are the same. No address of ours holds anything personal: what
// has to travel from page to page is stored, and the address holds a random token.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// form is the version of the form of every row here.
const form = 1

// mailLife is how long the link in a mail is good for.
const mailLife = 24 * time.Hour

// Store keeps accounts and mails in the table Customers, sessions, followed links and tries in the table Sessions. A
// failure of the storage is Unavailable.
type Store struct {
	db        *dynamo.DB
	customers dynamo.Table
	sessions  dynamo.Table
}

// StoreFrom is the store in the tables that CUSTOMERS_TABLE and SESSIONS_TABLE name.
func StoreFrom(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db: db, customers: db.Table(env.Get("CUSTOMERS_TABLE")), sessions: db.Table(env.Get("SESSIONS_TABLE"))}
}

// known is what is known of an email.
type known struct {
	number   string   // the customer whom its account opens; "" if it has no account
	password string   // hashed
	numbers  []string // its customers, with or without an account
}

// emailRow is a row in an email's partition: its account, or one of its customers.
type emailRow struct {
	PK       string    `dynamo:"pk,hash"`
	SK       string    `dynamo:"sk,range"`
	Form     int       `dynamo:"v"`
	Number   string    `dynamo:"number"`
	Password string    `dynamo:"password,omitempty"` // of an account
	Changed  time.Time `dynamo:"changed,omitempty"`  // of an account: when the password was
}

// byEmail reads what is known of a normalised email. One read.
func (s *Store) byEmail(ctx context.Context, email string) (known, error) {
	var rows []emailRow
	err := s.customers.Get(table.PK, table.EmailPartition(email)).Consistent(true).All(ctx, &rows)
	if err != nil {
		return known{}, stored(err)
	}
	var k known
	for _, r := range rows {
		if r.SK == table.AccountSort {
			k.number, k.password = r.Number, r.Password
		} else {
			k.numbers = append(k.numbers, r.Number)
		}
	}
	return k, nil
}

// token is a random name that cannot be guessed, for an address or a cookie. The tables have only its hash.
func token() string { return rand.Text() }

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// mailed is what the link in a mail is good for, once.
type mailed struct {
	purpose string
	email   string
	// Of a sign-up: the customer to be.
	details customer.Details
	policy  customer.Policy
	// password is the hash of the one chosen at sign-up; number is the customer whose password is to be set.
	password, number string
}

// The purposes. A mail that leads nowhere has a row all the same, so that it costs what another does.
const (
	toConfirm = "confirm" // the email of a sign-up
	toReset   = "reset"   // a forgotten password
	toNowhere = "nowhere"
)

// mailTries is how many wrong passwords the link in a mail survives.
const mailTries = 10

type mailRow struct {
	PK       string           `dynamo:"pk,hash"`
	SK       string           `dynamo:"sk,range"`
	Form     int              `dynamo:"v"`
	Expires  int64            `dynamo:"expires"`
	Purpose  string           `dynamo:"purpose"`
	Email    string           `dynamo:"email"`
	Number   string           `dynamo:"number,omitempty"`
	Password string           `dynamo:"password,omitempty"`
	Tries    int              `dynamo:"tries,omitempty"`
	Details  customer.Details `dynamo:"details"`
	Policy   customer.Policy  `dynamo:"policy"`
}

// keepMail stores what the link in a mail is good for and returns the link's token.
func (s *Store) keepMail(ctx context.Context, m mailed, now time.Time) (string, error) {
	t := token()
	return t, stored(s.customers.Put(mailRow{
		PK: table.MailPartition(hash(t)), SK: table.MailSort, Form: form, Expires: now.Add(mailLife).Unix(),
		Purpose: m.purpose, Email: m.email, Number: m.number, Password: m.password, Details: m.details, Policy: m.policy,
	}).Run(ctx))
}

// mail is what the link with the token is good for; false if it is good for nothing, or no longer.
func (s *Store) mail(ctx context.Context, token, purpose string, now time.Time) (mailed, bool, error) {
	var r mailRow
	ok, err := s.get(ctx, s.customers, table.MailPartition(hash(token)), table.MailSort, &r)
	if err != nil || !ok || r.Purpose != purpose || r.Expires <= now.Unix() || r.Tries >= mailTries {
		return mailed{}, false, err
	}
	return mailed{
		purpose: r.Purpose, email: r.Email, number: r.Number, password: r.Password, details: r.Details, policy: r.Policy,
	}, true, nil
}

// countTry notes a wrong password under the link of a mail.
func (s *Store) countTry(ctx context.Context, token string) error {
	err := s.customers.Update(table.PK, table.MailPartition(hash(token))).Range(table.SK, table.MailSort).
		Add("tries", 1).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return stored(err)
}

// errUsed says that the link in a mail was used in the meantime.
var errUsed = errors.New("account: the link in the mail was used already")

// open makes the customer and the account of a sign-up whose email is confirmed, and uses the mail up, all at once.
func (s *Store) open(ctx context.Context, customers *customer.Store, token string, m mailed, now time.Time) (number string, err error) {
	err = table.RetryConflicts(ctx, func() error {
		_, ok, err := s.mail(ctx, token, toConfirm, now)
		if err != nil {
			return err
		}
		k, err := s.byEmail(ctx, m.email)
		switch {
		case err != nil:
			return err
		case !ok || k.number != "": // or another sign-up of the same email was confirmed first
			return errUsed
		}
		number = customer.DrawNumber()
		tx := s.db.WriteTx()
		customers.Add(tx, customer.Customer{Number: number, Details: m.details}, m.policy, now)
		tx.Put(s.customers.Put(accountRow(m.email, number, m.password, now)).If("attribute_not_exists(pk)"))
		tx.Delete(s.spend(token))
		return table.Commit(ctx, tx)
	})
	return number, err
}

// setPassword sets the password of an email's account, makes the account if it is the first, ends every session there is,
// and uses the mail up.
func (s *Store) setPassword(ctx context.Context, token string, m mailed, password string, now time.Time) error {
	tx := s.db.WriteTx()
	tx.Put(s.customers.Put(accountRow(m.email, m.number, password, now)))
	tx.Put(s.ended(m.number, now))
	tx.Delete(s.spend(token))
	err := table.Commit(ctx, tx)
	if errors.Is(err, table.ErrConflict) {
		return errUsed
	}
	return err
}

// Account is what operators see of an account.
type Account struct {
	Number  string    // of the customer whom it opens
	Changed time.Time // when its password was
}

// Account is the account of an email; false if there is none.
func (s *Store) Account(ctx context.Context, email string) (Account, bool, error) {
	var r emailRow
	ok, err := s.get(ctx, s.customers, table.EmailPartition(customer.NormaliseEmail(email)), table.AccountSort, &r)
	return Account{Number: r.Number, Changed: r.Changed}, ok, err
}

// Close adds to a transaction the writes that delete an email's account, on condition that it is the customer's, and end
// every session there is.
func (s *Store) Close(tx *dynamo.WriteTx, email, number string, now time.Time) {
	tx.Delete(s.customers.Delete(table.PK, table.EmailPartition(customer.NormaliseEmail(email))).Range(table.SK, table.AccountSort).
		If("'number' = ?", number))
	tx.Put(s.ended(number, now))
}

// ended is the write that ends a customer's sessions.
func (s *Store) ended(number string, now time.Time) *dynamo.Put {
	return s.sessions.Put(endedRow{
		PK: table.SessionsRevokedPartition(number), SK: table.SessionsRevokedSort, Form: form, Expires: now.Add(sessionLife).Unix(), Before: now.UnixMicro(),
	})
}

func accountRow(email, number, password string, now time.Time) emailRow {
	return emailRow{
		PK: table.EmailPartition(email), SK: table.AccountSort, Form: form, Number: number, Password: password, Changed: now.UTC(),
	}
}

// spend deletes a mail, on condition that it is there.
func (s *Store) spend(token string) *dynamo.Delete {
	return s.customers.Delete(table.PK, table.MailPartition(hash(token))).Range(table.SK, table.MailSort).If("attribute_exists(pk)")
}

// get reads one row; false if there is none.
func (s *Store) get(ctx context.Context, of dynamo.Table, partition, sort string, into any) (bool, error) {
	err := of.Get(table.PK, partition).Range(table.SK, dynamo.Equal, sort).Consistent(true).One(ctx, into)
	if errors.Is(err, dynamo.ErrNotFound) {
		return false, nil
	}
	return err == nil, stored(err)
}

// stored turns a failure of the service into the fault it is to a caller: worth another try.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("accounts: %w", err))
}
