package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

var noon = time.Date(2026, 3, 12, 12, 0, 0, 0, time.UTC)

// fixture is a store in tables of its own.
type fixture struct {
	*testing.T
	store     *Store
	customers *customer.Store
	registrar *customer.Registrar
}

func newFixture(t *testing.T) *fixture {
	env := emulator.NewTestEnv(t)
	customers := customer.NewStore(env)
	noRecompute := func(context.Context, string, string, time.Time) error { return nil }
	return &fixture{
		T:         t,
		store:     NewStore(env),
		customers: customers,
		registrar: customer.NewRegistrar(customers, timeline.NewStore(env), noRecompute),
	}
}

func (f *fixture) ok(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// createAccount creates a customer with an account.
func (f *fixture) createAccount(number, email string) {
	f.Helper()
	_, err := f.registrar.Create(f.Context(), customer.NewCustomer{Number: number, Details: details(email)}, noon)
	f.ok(err)
	f.ok(f.store.customers.Put(newAccountItem(email, number, "hash", noon)).Run(f.Context()))
}

func details(email string) customer.Details {
	return customer.Details{
		GivenNames: "Ola", LastName: "Nowak", Address: "1 Long Lane", City: "London", PostCode: "EC1A 9HF", DOB: "1990-05-17",
		Email: email, PhoneNumber: "+447700900123",
	}
}

// atTheSameTime runs something several times at the same moment and returns the errors.
func atTheSameTime(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = do(i) })
	}
	all.Wait()
	return errs
}

// However many confirm at once, one account is opened, by one of the mails.
func TestConcurrentAccounts(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	f := newFixture(t)
	s := f.store
	m := MailToken{
		Purpose:      PurposeConfirm,
		Email:        "ola@example.com",
		Details:      details("ola@example.com"),
		PasswordHash: "hash",
	}
	var tokens []string
	for range 3 {
		token, err := s.CreateMailToken(t.Context(), m, noon)
		f.ok(err)
		tokens = append(tokens, token, token) // and each is clicked twice
	}
	var opened int
	for _, err := range atTheSameTime(len(tokens), func(i int) error {
		return s.CreateAccount(t.Context(), tokens[i], "", noon)
	}) {
		switch {
		case err == nil:
			opened++
		case !errors.Is(err, ErrTokenUsed):
			t.Error(err)
		}
	}
	k, err := s.ByEmail(t.Context(), "ola@example.com")
	if err != nil || opened != 1 || len(k.Customers) != 1 || k.Customers[0] != k.Customer {
		t.Errorf("%d opened, %+v, %v", opened, k, err)
	}
	c, there, err := f.customers.Customer(t.Context(), k.Customer)
	if err != nil || !there || c.Details != m.Details {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestConcurrentPasswords(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	f := newFixture(t)
	f.createAccount("AAA1", "ann@example.com")
	m := MailToken{Purpose: PurposeReset, Email: "ann@example.com"}
	token, err := f.store.CreateMailToken(t.Context(), m, noon)
	f.ok(err)
	var set []string
	for i, err := range atTheSameTime(4, func(i int) error {
		return f.store.SetPassword(t.Context(), token, fmt.Sprint("hash ", i), noon)
	}) {
		switch {
		case err == nil:
			set = append(set, fmt.Sprint("hash ", i))
		case !errors.Is(err, ErrTokenUsed):
			t.Error(err)
		}
	}
	k, err := f.store.ByEmail(t.Context(), "ann@example.com")
	if err != nil || len(set) != 1 || k.PasswordHash != set[0] {
		t.Errorf("set %v, stored %+v, %v", set, k, err)
	}
}

// A password that is set ends every other link that was mailed before, for a reset or a sign-up.
func TestConcurrentResets(t *testing.T) {
	f := newFixture(t)
	f.createAccount("AAA1", "ann@example.com")
	reset := MailToken{Purpose: PurposeReset, Email: "ann@example.com"}
	used, err := f.store.CreateMailToken(t.Context(), reset, noon)
	f.ok(err)
	other, err := f.store.CreateMailToken(t.Context(), reset, noon.Add(time.Minute))
	f.ok(err)
	signUp := MailToken{Purpose: PurposeConfirm, Email: "ann@example.com", Details: details("ann@example.com")}
	confirm, err := f.store.CreateMailToken(t.Context(), signUp, noon.Add(time.Minute))
	f.ok(err)
	now := noon.Add(2 * time.Minute)
	if err := f.store.SetPassword(t.Context(), used, "hash", now); err != nil {
		t.Fatal(err)
	}
	if err := f.store.SetPassword(t.Context(), other, "another hash", now); !errors.Is(err, ErrTokenUsed) {
		t.Errorf("the other link: %v", err)
	}
	if err := f.store.CreateAccount(t.Context(), confirm, "", now); !errors.Is(err, ErrTokenUsed) {
		t.Errorf("the sign-up: %v", err)
	}
	later, err := f.store.CreateMailToken(t.Context(), reset, now.Add(time.Minute))
	f.ok(err)
	if err := f.store.SetPassword(t.Context(), later, "a third hash", now.Add(time.Minute)); err != nil {
		t.Errorf("a later link: %v", err)
	}
}

// The customer is erased between the read and the write of a password: the condition of the transaction holds.
func TestPasswordAfterErasure(t *testing.T) {
	f := newFixture(t)
	f.createAccount("AAA1", "ann@example.com")
	c, _, err := f.customers.Customer(t.Context(), "AAA1")
	f.ok(err)
	tx := f.store.db.WriteTx()
	f.ok(f.customers.RequireActive(t.Context(), tx, "AAA1"))
	tx.Put(f.store.customers.Put(newAccountItem("ann@example.com", "AAA1", "hash", noon)))
	erasure := f.store.db.WriteTx()
	f.customers.Erase(erasure, c, customer.Policy{}, noon)
	owner, err := f.store.ByEmail(t.Context(), c.Email)
	f.ok(err)
	f.store.CloseAccount(erasure, owner, c.Email, c.Number)
	f.ok(table.Commit(t.Context(), erasure))
	if err := table.Commit(t.Context(), tx); !errors.Is(err, table.ErrConflict) {
		t.Errorf("a write that began before: %v", err)
	}
	token, err := f.store.CreateMailToken(
		t.Context(), MailToken{Purpose: PurposeReset, Email: c.Email}, noon.Add(time.Minute))
	f.ok(err)
	if err := f.store.SetPassword(t.Context(), token, "hash", noon.Add(time.Minute)); !errors.Is(err, ErrTokenUsed) {
		t.Errorf("a link that was mailed afterwards: %v", err)
	}
	if owner, err := f.store.ByEmail(t.Context(), c.Email); err != nil || owner.Exists ||
		len(owner.Customers) > 0 {
		t.Errorf("%+v, %v", owner, err)
	}
}

// The link of a mail works for its purpose only, for a day, and for ten wrong passwords.
func TestMailTokens(t *testing.T) {
	f := newFixture(t)
	s := f.store
	token, err := s.CreateMailToken(t.Context(), MailToken{Purpose: PurposeConfirm, Email: "ola@example.com"}, noon)
	f.ok(err)
	valid := func(token string, purpose Purpose, at time.Time) bool {
		_, ok, err := s.MailToken(t.Context(), token, purpose, at)
		f.ok(err)
		return ok
	}
	if !valid(token, PurposeConfirm, noon) || !valid(token, PurposeConfirm, noon.Add(MailTokenTTL-time.Second)) {
		t.Error("not valid while it should be")
	}
	if valid(token, PurposeReset, noon) || valid(token, PurposeDecoy, noon) ||
		valid(token, PurposeConfirm, noon.Add(MailTokenTTL)) ||
		valid(token+"x", PurposeConfirm, noon) ||
		valid("", PurposeConfirm, noon) {
		t.Error("valid for what it is not for")
	}
	for range maxMailAttempts {
		f.ok(s.RecordFailedAttempt(t.Context(), token))
	}
	if valid(token, PurposeConfirm, noon) {
		t.Error("valid for any number of guesses")
	}
	f.ok(s.RecordFailedAttempt(t.Context(), "made up")) // creates no item
	if valid("made up", PurposeConfirm, noon) {
		t.Error("a guess created a token")
	}
}

func TestSessions(t *testing.T) {
	f := newFixture(t)
	s := f.store
	ann, err := s.CreateSession(t.Context(), "ann@example.com", Session{Customer: "AAA1", Chosen: true}, noon)
	f.ok(err)
	bob, err := s.CreateSession(t.Context(), "bob@example.com", Session{Customer: "BBB1", Chosen: true}, noon)
	f.ok(err)
	numberOf := func(token string, at time.Time) string {
		session, err := s.Session(t.Context(), token, at)
		f.ok(err)
		return session.Customer
	}
	if ann == bob || numberOf(ann, noon) != "AAA1" || numberOf(bob, noon) != "BBB1" || numberOf("x", noon) != "" ||
		numberOf(ann, noon.Add(SessionTTL)) != "" {
		t.Error("sessions are mixed up")
	}
	f.ok(s.DeleteSession(t.Context(), ann))
	f.ok(s.DeleteSession(t.Context(), ann))
	if numberOf(ann, noon) != "" || numberOf(bob, noon) != "BBB1" {
		t.Error("the wrong session has ended")
	}
	// The tables know no token, only hashes of them.
	var rows []map[string]any
	f.ok(s.sessions.Scan().All(t.Context(), &rows))
	if text := fmt.Sprint(rows); len(rows) == 0 || strings.Contains(text, bob) {
		t.Errorf("%s", text)
	}
}

// Attempts at the same moment are each counted.
func TestAttempts(t *testing.T) {
	emulator.Require(t, emulator.AtomicConditions)
	f := newFixture(t)
	l := Limit{"test", 5, time.Hour}
	refused := 0
	var mu sync.Mutex
	for _, err := range atTheSameTime(8, func(int) error {
		retryAfter, err := f.store.Allow(t.Context(), l, "ann", noon)
		mu.Lock()
		defer mu.Unlock()
		if retryAfter > 0 {
			refused++
		}
		return err
	}) {
		f.ok(err)
	}
	if refused != 3 {
		t.Errorf("%d of 8 were too many", refused)
	}
	for key, at := range map[string]time.Time{"bob": noon, "ann": noon.Add(time.Hour)} {
		retryAfter, err := f.store.Allow(t.Context(), l, key, at)
		if err != nil || retryAfter != 0 {
			t.Errorf("%s waits %s, %v", key, retryAfter, err)
		}
	}
}
