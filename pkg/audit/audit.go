// Package audit keeps what operators did: who, when, to what, and what came of it.
//
// Entries are only added. Each operator, as AWS knows them, has a partition to which nobody else can write (the managed
// policy OperatorsPolicy in template.yaml), and nobody is granted to update or delete there. What a policy cannot
// forbid is to put an entry over an older one of one's own. So this package adds on condition that nothing is there,
// and every entry holds a digest of itself and the one before: an entry that was replaced no longer fits its successor,
// and one that is missing leaves a gap (see Verify).
//
// An entry names work providers, customers by number, and things by their ids, and holds nothing else of a person.
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
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// Operator is who is at work, as AWS knows them. Whoever runs the tool cannot choose it.
type Operator struct {
	// ID is what IAM policies call aws:userid: that of a user, or of a role and the session's name.
	ID string
	// ARN is what people read.
	ARN string
}

// Identify asks AWS whose credentials these are.
func Identify(ctx context.Context, cfg aws.Config) (Operator, error) {
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Operator{}, fmt.Errorf("AWS does not say who you are: %w", err)
	}
	return Operator{ID: aws.ToString(who.UserId), ARN: aws.ToString(who.Arn)}, nil
}

// Entry is one line of the log: that somebody set about something or, later, what came of it.
type Entry struct {
	Operator Operator
	Number   int64     // among the operator's own, from 1
	At       time.Time // to the microsecond
	Action   string    // the command, such as "key revoke"
	Target   string    // to what, such as "courier-ltd 1b4f0e98"
	// Completes is the number of the entry whose outcome this one tells; 0 if it tells of setting about something.
	Completes int64
	Outcome   string // Done, or what went wrong
	digest    []byte
}

// OutcomeOK is the outcome of what succeeded.
const OutcomeOK = "done"

// Store keeps entries in the table Audit.
type Store struct {
	db    *dynamo.DB
	table dynamo.Table
}

// NewStore is the store in the table that AUDIT_TABLE names.
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
	Action        string `dynamo:"deed"`
	Target        string `dynamo:"of,omitempty"`
	Completes     int64  `dynamo:"ends,omitempty"`
	Outcome       string `dynamo:"outcome,omitempty"`
	Digest        []byte `dynamo:"digest"`
}

const entryVersion = 1

func (r entryItem) entry() Entry {
	return Entry{
		Operator: Operator{ID: strings.TrimPrefix(r.PK, table.OperatorPartition("")), ARN: r.ARN}, Number: r.Number,
		At: time.UnixMicro(r.At).
			UTC(),
		Action: r.Action, Target: r.Target, Completes: r.Completes, Outcome: r.Outcome, digest: r.Digest,
	}
}

// Begin notes that an operator sets about something. Nothing may be done if it fails.
func (s *Store) Begin(ctx context.Context, operator Operator, action, target string, now time.Time) (Entry, error) {
	return s.add(ctx, Entry{Operator: operator, At: now, Action: action, Target: target})
}

// End notes what came of it: Done, or what went wrong.
func (s *Store) End(ctx context.Context, begun Entry, outcome string, now time.Time) (Entry, error) {
	return s.add(
		ctx,
		Entry{
			Operator:  begun.Operator,
			At:        now,
			Action:    begun.Action,
			Target:    begun.Target,
			Completes: begun.Number,
			Outcome:   outcome,
		},
	)
}

// add puts an entry behind the operator's last one. If the same operator is at work twice, one of the two begins again.
func (s *Store) add(ctx context.Context, e Entry) (Entry, error) {
	partition := table.OperatorPartition(e.Operator.ID)
	e.At = e.At.UTC().Truncate(time.Microsecond)
	err := table.RetryConflicts(ctx, func() error {
		var last []entryItem
		err := s.table.Get(table.PK, partition).Order(dynamo.Descending).Limit(1).Consistent(true).All(ctx, &last)
		if err != nil {
			return fault.Wrap(fault.Unavailable, err)
		}
		var prev []byte
		e.Number = 1
		if len(last) > 0 {
			e.Number = last[0].Number + 1
			prev = last[0].Digest
		}
		e.digest = e.digestAfter(prev)
		// A transaction, though of one row: its token lets the SDK send it again without meeting its own row.
		return table.Commit(ctx, s.db.WriteTx().Put(s.table.Put(entryItem{
			PK: partition, SK: table.OperatorSort(e.Number), SchemaVersion: entryVersion, ARN: e.Operator.ARN, Number: e.Number,
			At:     e.At.UnixMicro(),
			Action: e.Action, Target: e.Target, Completes: e.Completes, Outcome: e.Outcome, Digest: e.digest,
		}).If("attribute_not_exists(pk)")))
	})
	if err != nil {
		return e, fmt.Errorf("the audit log cannot be written: %w", err)
	}
	return e, nil
}

// digestAfter is the digest of an entry that follows one with the digest before. Texts are quoted, so that no two
// entries look alike.
func (e Entry) digestAfter(prev []byte) []byte {
	sum := sha256.New()
	sum.Write(prev)
	fmt.Fprintf(
		sum,
		"%d %q %q %d %d %q %q %d %q",
		entryVersion,
		e.Operator.ID,
		e.Operator.ARN,
		e.Number,
		e.At.UnixMicro(),
		e.Action,
		e.Target,
		e.Completes,
		e.Outcome,
	)
	return sum.Sum(nil)
}

// List is every entry, each operator's by themselves and in order. It reads the whole table, which grows by a few rows
// a command.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	var rows []entryItem
	if err := s.table.Scan().Consistent(true).All(ctx, &rows); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		if r.SchemaVersion != entryVersion {
			return nil, errors.New("audit: an entry has an unknown form")
		}
		entries[i] = r.entry()
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Operator.ID, b.Operator.ID), cmp.Compare(a.Number, b.Number))
	})
	return entries, nil
}

// Violation is a place at which the log is not as it was written.
type Violation struct {
	Operator Operator
	Number   int64
	Problem  string
}

// Verify finds the places at which entries, as List has them, were replaced or taken away. A last entry that was
// replaced or taken away cannot be told from the entries alone: the table's point-in-time recovery has what was there.
func Verify(entries []Entry) []Violation {
	var violations []Violation
	var prev Entry
	for _, e := range entries {
		if e.Operator.ID != prev.Operator.ID {
			prev = Entry{}
		}
		switch {
		case e.Number != prev.Number+1:
			violations = append(
				violations,
				Violation{e.Operator, e.Number, fmt.Sprintf("the entries from %d to here are missing", prev.Number+1)},
			)
		case !bytes.Equal(e.digest, e.digestAfter(prev.digest)):
			violations = append(violations, Violation{e.Operator, e.Number, "this entry or the one before was replaced"})
		}
		prev = e
	}
	return violations
}
