// Package audit stores the actions of operators: who, when, on what, and with which outcome.
//
// The log is append-only. Each operator, as identified by AWS, has a partition that no one else can write to (the
// managed policy OperatorsPolicy in template.yaml), and no one may update or delete items there. IAM cannot prevent an
// operator from overwriting an entry of their own. So this package writes on the condition that no item exists, and
// every entry contains a digest of itself and of the previous entry: a replaced entry no longer matches the next one,
// and a missing entry leaves a gap (see Verify).
//
// An entry names work providers, customers by number, and other things by ID. It contains no other personal data.
package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/table"
)

// Operator is the IAM identity that runs the tool. The person who runs it cannot choose it.
type Operator struct {
	// ID is aws:userid of IAM policies: the ID of a user, or of a role followed by the session name.
	ID string
	// ARN is the readable form.
	ARN string
}

// Identify returns the operator whose credentials cfg contains, as reported by AWS STS.
func Identify(ctx context.Context, cfg aws.Config) (Operator, error) {
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Operator{}, fmt.Errorf("cannot identify the operator: %w", err)
	}
	return Operator{ID: aws.ToString(identity.UserId), ARN: aws.ToString(identity.Arn)}, nil
}

// Entry is one entry of the log: the start of an action or, later, its outcome.
type Entry struct {
	Operator Operator
	Number   int64     // position among the operator's entries, from 1
	At       time.Time // in microseconds
	Action   string    // the command, such as "key revoke"
	Target   string    // its arguments, such as "courier-ltd 1b4f0e98"
	// Completes is the number of the entry whose outcome this one records; 0 if this one records a start.
	Completes int64
	Outcome   string // OutcomeOK, or the error
	digest    []byte
}

// OutcomeOK is the outcome of a successful action.
const OutcomeOK = "done"

// Store stores entries in the table Audit.
type Store struct {
	db    *dynamo.DB
	table dynamo.Table
}

// NewStore returns the store of the table that AUDIT_TABLE names.
func NewStore(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db: db, table: db.Table(env.Get("AUDIT_TABLE"))}
}

type entryItem struct {
	PK            string `dynamo:"pk,hash"`
	SK            string `dynamo:"sk,range"`
	SchemaVersion int    `dynamo:"v"`
	ARN           string `dynamo:"arn"`
	Number        int64  `dynamo:"n"`
	At            int64  `dynamo:"at"` // microseconds since the epoch
	Action        string `dynamo:"action"`
	Target        string `dynamo:"target,omitempty"`
	Completes     int64  `dynamo:"completes,omitempty"`
	Outcome       string `dynamo:"outcome,omitempty"`
	Digest        []byte `dynamo:"digest"`
}

const entryVersion = 1

func (i entryItem) entry() Entry {
	return Entry{
		Operator:  Operator{ID: strings.TrimPrefix(i.PK, table.OperatorPartition("")), ARN: i.ARN},
		Number:    i.Number,
		At:        time.UnixMicro(i.At).UTC(),
		Action:    i.Action,
		Target:    i.Target,
		Completes: i.Completes,
		Outcome:   i.Outcome,
		digest:    i.Digest,
	}
}

// Begin records the start of an action. If it fails, the action must not be performed.
func (s *Store) Begin(ctx context.Context, operator Operator, action, target string, now time.Time) (Entry, error) {
	return s.add(ctx, Entry{Operator: operator, At: now, Action: action, Target: target})
}

// End records the outcome of an action: OutcomeOK, or the error.
func (s *Store) End(ctx context.Context, start Entry, outcome string, now time.Time) (Entry, error) {
	return s.add(ctx, Entry{
		Operator:  start.Operator,
		At:        now,
		Action:    start.Action,
		Target:    start.Target,
		Completes: start.Number,
		Outcome:   outcome,
	})
}

// add appends an entry to the operator's partition. If two commands of one operator add at the same time, one retries.
func (s *Store) add(ctx context.Context, e Entry) (Entry, error) {
	partition := table.OperatorPartition(e.Operator.ID)
	e.At = e.At.UTC().Truncate(time.Microsecond)
	err := table.RetryConflicts(ctx, func() error {
		var last []entryItem
		err := s.table.Get(table.PK, partition).Order(dynamo.Descending).Limit(1).Consistent(true).All(ctx, &last)
		if err != nil {
			return table.Unavailable("audit log", err)
		}
		var prev []byte
		e.Number = 1
		if len(last) > 0 {
			e.Number = last[0].Number + 1
			prev = last[0].Digest
		}
		e.digest = e.digestAfter(prev)
		item := entryItem{
			PK:            partition,
			SK:            table.OperatorSort(e.Number),
			SchemaVersion: entryVersion,
			ARN:           e.Operator.ARN,
			Number:        e.Number,
			At:            e.At.UnixMicro(),
			Action:        e.Action,
			Target:        e.Target,
			Completes:     e.Completes,
			Outcome:       e.Outcome,
			Digest:        e.digest,
		}
		// A transaction, although it has one item: its token makes the SDK's own retries idempotent.
		return table.Commit(ctx, s.db.WriteTx().Put(s.table.Put(item).If("attribute_not_exists(pk)")))
	})
	if err != nil {
		return e, fmt.Errorf("cannot write the audit log: %w", err)
	}
	return e, nil
}

// digestAfter returns the digest of an entry that follows one with the digest prev. Strings are quoted, so that
// different entries never have the same input.
func (e Entry) digestAfter(prev []byte) []byte {
	sum := sha256.New()
	sum.Write(prev)
	fmt.Fprintf(sum, "%d %q %q %d %d %q %q %d %q", entryVersion, e.Operator.ID, e.Operator.ARN,
		e.Number, e.At.UnixMicro(), e.Action, e.Target, e.Completes, e.Outcome)
	return sum.Sum(nil)
}

// List returns all entries, by operator and number. It reads the whole table, which grows by two items per command.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	var items []entryItem
	if err := s.table.Scan().Consistent(true).All(ctx, &items); err != nil {
		return nil, table.Unavailable("audit log", err)
	}
	entries := make([]Entry, len(items))
	for i, item := range items {
		if item.SchemaVersion != entryVersion {
			return nil, errors.New("audit: an entry has an unknown version")
		}
		entries[i] = item.entry()
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Operator.ID, b.Operator.ID), cmp.Compare(a.Number, b.Number))
	})
	return entries, nil
}

// Violation is an entry at which the log is not as it was written.
type Violation struct {
	Operator Operator
	Number   int64
	Problem  string
}

// Verify returns the entries, in the order of List, before which entries were removed or at which one was replaced.
// Removal or replacement of an operator's last entry cannot be detected from the entries alone: the table's
// point-in-time recovery has the original.
func Verify(entries []Entry) []Violation {
	var violations []Violation
	var prev Entry
	for _, e := range entries {
		if e.Operator.ID != prev.Operator.ID {
			prev = Entry{}
		}
		switch {
		case e.Number != prev.Number+1:
			problem := fmt.Sprintf("the entries from %d to here are missing", prev.Number+1)
			violations = append(violations, Violation{e.Operator, e.Number, problem})
		case !bytes.Equal(e.digest, e.digestAfter(prev.digest)):
			violations = append(violations, Violation{e.Operator, e.Number, "this entry or the previous one was replaced"})
		}
		prev = e
	}
	return violations
}
