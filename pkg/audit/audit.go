// Package audit keeps what operators did: who, when, to what, and what came of it.
//
// Entries are only added. Each operator, as AWS knows them, has a partition to which nobody else can write (the managed
// policy OperatorsPolicy in template.yaml), and nobody is granted to update or delete there. What a policy cannot forbid is
// to put an entry over an older one of one's own. So this package adds on condition that nothing is there, and every entry
// holds a digest of itself and the one before: an entry that was replaced no longer fits its successor, and one that is
// missing leaves a gap (see Verify).
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
	Deed     string    // the command, such as "key revoke"
	Of       string    // to what, such as "courier-ltd 1b4f0e98"
	// Ends is the number of the entry whose outcome this one tells; 0 if it tells of setting about something.
	Ends    int64
	Outcome string // Done, or what went wrong
	digest  []byte
}

// Done is the outcome of what succeeded.
const Done = "done"

// Store keeps entries in the table Audit.
type Store struct {
	db    *dynamo.DB
	table dynamo.Table
}

// StoreFrom is the store in the table that AUDIT_TABLE names.
func StoreFrom(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db: db, table: db.Table(env.Get("AUDIT_TABLE"))}
}

type row struct {
	PK      string `dynamo:"pk,hash"`
	SK      string `dynamo:"sk,range"`
	Form    int    `dynamo:"v"`
	ARN     string `dynamo:"arn"`
	Number  int64  `dynamo:"n"`
	At      int64  `dynamo:"at"` // microseconds since the epoch
	Deed    string `dynamo:"deed"`
	Of      string `dynamo:"of,omitempty"`
	Ends    int64  `dynamo:"ends,omitempty"`
	Outcome string `dynamo:"outcome,omitempty"`
	Digest  []byte `dynamo:"digest"`
}

const form = 1

func (r row) entry() Entry {
	return Entry{
		Operator: Operator{ID: strings.TrimPrefix(r.PK, table.OperatorPartition("")), ARN: r.ARN}, Number: r.Number,
		At: time.UnixMicro(r.At).UTC(), Deed: r.Deed, Of: r.Of, Ends: r.Ends, Outcome: r.Outcome, digest: r.Digest,
	}
}

// Begin notes that an operator sets about something. Nothing may be done if it fails.
func (s *Store) Begin(ctx context.Context, who Operator, deed, of string, now time.Time) (Entry, error) {
	return s.add(ctx, Entry{Operator: who, At: now, Deed: deed, Of: of})
}

// End notes what came of it: Done, or what went wrong.
func (s *Store) End(ctx context.Context, begun Entry, outcome string, now time.Time) (Entry, error) {
	return s.add(ctx, Entry{Operator: begun.Operator, At: now, Deed: begun.Deed, Of: begun.Of, Ends: begun.Number, Outcome: outcome})
}

// add puts an entry behind the operator's last one. If the same operator is at work twice, one of the two begins again.
func (s *Store) add(ctx context.Context, e Entry) (Entry, error) {
	partition := table.OperatorPartition(e.Operator.ID)
	e.At = e.At.UTC().Truncate(time.Microsecond)
	err := table.Insist(ctx, func() error {
		var last []row
		err := s.table.Get(table.PK, partition).Order(dynamo.Descending).Limit(1).Consistent(true).All(ctx, &last)
		if err != nil {
			return fault.Wrap(fault.Unavailable, err)
		}
		var before []byte
		e.Number = 1
		if len(last) > 0 {
			e.Number, before = last[0].Number+1, last[0].Digest
		}
		e.digest = e.digestAfter(before)
		// A transaction, though of one row: its token lets the SDK send it again without meeting its own row.
		return table.Commit(ctx, s.db.WriteTx().Put(s.table.Put(row{
			PK: partition, SK: table.OperatorSort(e.Number), Form: form, ARN: e.Operator.ARN, Number: e.Number, At: e.At.UnixMicro(),
			Deed: e.Deed, Of: e.Of, Ends: e.Ends, Outcome: e.Outcome, Digest: e.digest,
		}).If("attribute_not_exists(pk)")))
	})
	if err != nil {
		return e, fmt.Errorf("the audit log cannot be written: %w", err)
	}
	return e, nil
}

// digestAfter is the digest of an entry that follows one with the digest before. Texts are quoted, so that no two entries
// look alike.
func (e Entry) digestAfter(before []byte) []byte {
	sum := sha256.New()
	sum.Write(before)
	fmt.Fprintf(sum, "%d %q %q %d %d %q %q %d %q", form, e.Operator.ID, e.Operator.ARN, e.Number, e.At.UnixMicro(), e.Deed, e.Of, e.Ends, e.Outcome)
	return sum.Sum(nil)
}

// List is every entry, each operator's by themselves and in order. It reads the whole table, which grows by a few rows a
// command.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	var rows []row
	if err := s.table.Scan().Consistent(true).All(ctx, &rows); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		if r.Form != form {
			return nil, errors.New("audit: an entry has an unknown form")
		}
		entries[i] = r.entry()
	}
	slices.SortFunc(entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Operator.ID, b.Operator.ID), cmp.Compare(a.Number, b.Number))
	})
	return entries, nil
}

// Flaw is a place at which the log is not as it was written.
type Flaw struct {
	Operator Operator
	Number   int64
	Problem  string
}

// Verify finds the places at which entries, as List has them, were replaced or taken away. A last entry that was replaced or
// taken away cannot be told from the entries alone: the table's point-in-time recovery has what was there.
func Verify(entries []Entry) []Flaw {
	var flaws []Flaw
	var before Entry
	for _, e := range entries {
		if e.Operator.ID != before.Operator.ID {
			before = Entry{}
		}
		switch {
		case e.Number != before.Number+1:
			flaws = append(flaws, Flaw{e.Operator, e.Number, fmt.Sprintf("the entries from %d to here are missing", before.Number+1)})
		case !bytes.Equal(e.digest, e.digestAfter(before.digest)):
			flaws = append(flaws, Flaw{e.Operator, e.Number, "this entry or the one before was replaced"})
		}
		before = e
	}
	return flaws
}
