// Package audit stores the actions of operators: who, when, on what, and with which outcome.
//
// The log is a bucket with S3 Object Lock in compliance mode: whatever is written there stays for the years of its
// retention, whoever asks to change or delete it (ADR 22). Each operator, as identified by AWS, has a prefix where
// no one else can write (the managed policy OperatorsPolicy in template.yaml), and writes only where nothing is yet. An
// object that is put over an entry all the same becomes a version of it, and Verify reports it.
//
// An entry names work providers, customers by number, and other things by ID. It contains no other personal data.
package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/go-json-experiment/json"
	"golang.org/x/sync/errgroup"

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
}

// OutcomeOK is the outcome of a successful action.
const OutcomeOK = "done"

// Store stores entries as objects of a bucket. The key of an entry is the operator's ID and the entry's number, such as
// AROAEXAMPLE:dara/000000000001.
type Store struct {
	client *s3.Client
	bucket string
}

// NewStore returns the store of the bucket that AUDIT_BUCKET names.
func NewStore(env *config.Env) *Store {
	return &Store{client: s3.NewFromConfig(env.AWS()), bucket: env.Get("AUDIT_BUCKET")}
}

// entryObject is the content of an object, as JSON.
type entryObject struct {
	Version   int    `json:"v"`
	ARN       string `json:"arn"`
	At        int64  `json:"at"` // microseconds since the epoch
	Action    string `json:"action"`
	Target    string `json:"target,omitempty"`
	Completes int64  `json:"completes,omitzero"`
	Outcome   string `json:"outcome,omitempty"`
}

const entryVersion = 1

// numberWidth makes keys sort by number.
const numberWidth = 12

func keyOf(operatorID string, number int64) string {
	return fmt.Sprintf("%s/%0*d", operatorID, numberWidth, number)
}

// parseKey returns the operator and the number of a key; false if it is no entry's.
func parseKey(key string) (operatorID string, number int64, ok bool) {
	i := strings.LastIndexByte(key, '/')
	if i < 0 || len(key)-i-1 != numberWidth {
		return "", 0, false
	}
	number, err := strconv.ParseInt(key[i+1:], 10, 64)
	return key[:i], number, err == nil && number > 0
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

// errTaken means that another command of the operator wrote the entry first.
var errTaken = errors.New("audit: the number is taken")

// add appends an entry. If two commands of one operator add at the same time, one retries.
func (s *Store) add(ctx context.Context, e Entry) (Entry, error) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	err := table.RetryConflicts(ctx, func() error {
		last, err := s.lastNumber(ctx, e.Operator.ID)
		if err != nil {
			return err
		}
		e.Number = last + 1
		if err := s.put(ctx, e); errors.Is(err, errTaken) {
			return table.ErrConflict
		} else if err != nil {
			return table.Unavailable("audit log", err)
		}
		return nil
	})
	if err != nil {
		return e, fmt.Errorf("cannot write the audit log: %w", err)
	}
	return e, nil
}

// lastNumber returns the number of the operator's last entry, hidden or not; 0 if there is none.
func (s *Store) lastNumber(ctx context.Context, operatorID string) (int64, error) {
	objects, err := s.objects(ctx, operatorID+"/")
	var last int64
	for _, o := range objects {
		if id, number, ok := parseKey(o.key); ok && id == operatorID {
			last = max(last, number)
		}
	}
	return last, err
}

// put writes an entry, on condition that its key is free. The bucket's default retention locks it.
func (s *Store) put(ctx context.Context, e Entry) error {
	text, err := json.Marshal(entryObject{
		Version:   entryVersion,
		ARN:       e.Operator.ARN,
		At:        e.At.UnixMicro(),
		Action:    e.Action,
		Target:    e.Target,
		Completes: e.Completes,
		Outcome:   e.Outcome,
	})
	if err != nil {
		return err
	}
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket:      &s.bucket,
		Key:         aws.String(keyOf(e.Operator.ID, e.Number)),
		Body:        bytes.NewReader(text),
		ContentType: aws.String("application/json"),
		IfNoneMatch: aws.String("*"),
	})
	var api smithy.APIError
	if errors.As(err, &api) &&
		slices.Contains([]string{"PreconditionFailed", "ConditionalRequestConflict"}, api.ErrorCode()) {
		return errTaken
	}
	return err
}

// maxParallelReads is how many entries are read at the same time.
const maxParallelReads = 16

// object is what the bucket has under one key.
type object struct {
	key      string
	first    string // the version that was written first: the entry
	versions int    // of the object, deletions included
}

// List returns all entries, by operator and number, as they were first written. It reads the whole log, which grows by
// two objects per command.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	objects, err := s.objects(ctx, "")
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, len(objects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxParallelReads)
	for i, o := range objects {
		group.Go(func() (err error) {
			entries[i], err = s.read(ctx, o)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	entries = slices.DeleteFunc(entries, func(e Entry) bool { return e.Number == 0 })
	slices.SortFunc(entries, compareEntries)
	return entries, nil
}

func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Operator.ID, b.Operator.ID), cmp.Compare(a.Number, b.Number))
}

// objects returns what is under each key with a prefix, also where an object was deleted or put over another one.
func (s *Store) objects(ctx context.Context, prefix string) ([]object, error) {
	var objects []object
	found := func(key, version string) {
		if last := len(objects) - 1; last < 0 || objects[last].key != key {
			objects = append(objects, object{key: key})
		}
		o := &objects[len(objects)-1]
		o.versions++
		if version != "" {
			o.first = version // the newest version comes first
		}
	}
	pages := s3.NewListObjectVersionsPaginator(s.client, &s3.ListObjectVersionsInput{
		Bucket: &s.bucket,
		Prefix: &prefix,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, table.Unavailable("audit log", err)
		}
		for _, v := range page.Versions {
			found(aws.ToString(v.Key), aws.ToString(v.VersionId))
		}
		for _, d := range page.DeleteMarkers {
			i := slices.IndexFunc(objects, func(o object) bool { return o.key == aws.ToString(d.Key) })
			if i < 0 {
				objects = append(objects, object{key: aws.ToString(d.Key)})
				i = len(objects) - 1
			}
			objects[i].versions++
		}
	}
	return objects, nil
}

// read returns the entry of an object; the zero value if it is none of this package's.
func (s *Store) read(ctx context.Context, o object) (Entry, error) {
	operatorID, number, ok := parseKey(o.key)
	if !ok || o.first == "" {
		return Entry{}, nil
	}
	response, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &o.key, VersionId: &o.first})
	if err != nil {
		return Entry{}, table.Unavailable("audit log", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return Entry{}, table.Unavailable("audit log", err)
	}
	var e entryObject
	if err := json.Unmarshal(text, &e); err != nil || e.Version != entryVersion {
		return Entry{}, fmt.Errorf("audit: the entry %s has an unknown form", o.key)
	}
	return Entry{
		Operator:  Operator{ID: operatorID, ARN: e.ARN},
		Number:    number,
		At:        time.UnixMicro(e.At).UTC(),
		Action:    e.Action,
		Target:    e.Target,
		Completes: e.Completes,
		Outcome:   e.Outcome,
	}, nil
}

// Violation is a place at which the log is not as this package writes it.
type Violation struct {
	Key     string // of the object; "" for the bucket
	Problem string
}

// Verify returns the places at which the log was tampered with, or could be: objects that were put over entries, or
// deleted, numbers that are missing, objects that are no entries, and a bucket that does not lock what is written.
func (s *Store) Verify(ctx context.Context) ([]Violation, error) {
	var violations []Violation
	lock, err := s.client.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &s.bucket})
	var api smithy.APIError
	if err != nil && (!errors.As(err, &api) || api.ErrorCode() != "ObjectLockConfigurationNotFoundError") {
		return nil, table.Unavailable("audit log", err)
	}
	if err != nil || !isLocked(lock.ObjectLockConfiguration) {
		violations = append(violations, Violation{"", "the bucket does not lock entries in compliance mode"})
	}
	objects, err := s.objects(ctx, "")
	if err != nil {
		return nil, err
	}
	slices.SortFunc(objects, func(a, b object) int { return cmp.Compare(a.key, b.key) })
	last := map[string]int64{} // number, by operator
	for _, o := range objects {
		operatorID, number, ok := parseKey(o.key)
		if !ok {
			violations = append(violations, Violation{o.key, "this is no entry"})
			continue
		}
		if expected := last[operatorID] + 1; number != expected {
			problem := fmt.Sprintf("the entries from %d to here are missing", expected)
			violations = append(violations, Violation{o.key, problem})
		}
		last[operatorID] = number
		if o.versions > 1 {
			const problem = "somebody replaced or deleted this entry; the list has the original"
			violations = append(violations, Violation{o.key, problem})
		}
		if _, err := s.read(ctx, o); err != nil {
			violations = append(violations, Violation{o.key, "this is no entry"})
		}
	}
	return violations, nil
}

// isLocked reports whether a bucket locks every object, so that nobody can unlock it before its retention ends.
func isLocked(c *types.ObjectLockConfiguration) bool {
	return c != nil && c.ObjectLockEnabled == types.ObjectLockEnabledEnabled && c.Rule != nil &&
		c.Rule.DefaultRetention != nil && c.Rule.DefaultRetention.Mode == types.ObjectLockRetentionModeCompliance
}
