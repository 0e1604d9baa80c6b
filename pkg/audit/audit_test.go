package audit

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"zego.com/workprovider/pkg/emulator"
)

var (
	noon = time.Date(2026, 3, 14, 12, 0, 0, 123456789, time.UTC)
	dara = Operator{ID: "AROAEXAMPLE:dara", ARN: "arn:aws:sts::123456789012:assumed-role/operators/dara"}
	noor = Operator{ID: "AROAEXAMPLE:noor", ARN: "arn:aws:sts::123456789012:assumed-role/operators/noor"}
)

// seed writes a short log: one action of dara's that succeeded and two that failed, and one of noor's without outcome.
func seed(t *testing.T, s *Store) {
	t.Helper()
	for i, outcome := range []string{OutcomeOK, "refused", "refused again"} {
		start, err := s.Begin(t.Context(), dara, "key revoke", "courier-ltd 1b4f0e98", noon.Add(time.Duration(i)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.End(t.Context(), start, outcome, noon.Add(time.Duration(i)*time.Minute+time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Begin(t.Context(), noor, "customer erase", "ABC123", noon); err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	seed(t, s)
	entries, err := s.List(t.Context())
	if err != nil || len(entries) != 7 {
		t.Fatal(entries, err)
	}
	first := entries[0]
	second := entries[1]
	last := entries[6]
	if first.Operator != dara || first.Number != 1 || first.Action != "key revoke" ||
		first.Target != "courier-ltd 1b4f0e98" ||
		!first.At.Equal(noon.Truncate(time.Microsecond)) || first.Completes != 0 ||
		first.Outcome != "" {
		t.Errorf("%+v", first)
	}
	if second.Completes != 1 || second.Outcome != OutcomeOK || second.Number != 2 {
		t.Errorf("%+v", second)
	}
	if last.Operator != noor || last.Number != 1 {
		t.Errorf("%+v", last)
	}
	if violations, err := s.Verify(t.Context()); err != nil || len(violations) != 0 {
		t.Errorf("%+v, %v", violations, err)
	}
}

// A write that would replace an entry fails, and is retried with the next number.
func TestConcurrentEntries(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := s.Begin(t.Context(), dara, "key issue", "courier-ltd", noon); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	entries, err := s.List(t.Context())
	if err != nil || len(entries) != 4 {
		t.Errorf("%+v, %v", entries, err)
	}
	for i, e := range entries {
		if e.Number != int64(i+1) {
			t.Errorf("%+v", entries)
		}
	}
}

// What the role that writes entries can do to them, and more: nobody changes or deletes one, whatever they send. What
// they put over it, or hide it by, is reported, and the list has the entry as it was.
func TestNobodyRewritesAnEntry(t *testing.T) {
	env := emulator.NewTestEnv(t)
	s := NewStore(env)
	seed(t, s)
	before, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := aws.String(keyOf(dara.ID, 4))
	versions, err := s.client.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &s.bucket, Prefix: key})
	if err != nil || len(versions.Versions) != 1 {
		t.Fatal(versions, err)
	}
	original := versions.Versions[0].VersionId
	later := aws.Time(time.Now().Add(time.Hour))
	for name, attack := range map[string]func() error{
		"writing the key again, as this package writes": func() error {
			return s.put(t.Context(), Entry{Operator: dara, Number: 4, At: noon, Action: "nothing"})
		},
		"deleting the version": func() error {
			_, err := s.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{
				Bucket: &s.bucket, Key: key, VersionId: original,
			})
			return err
		},
		"deleting it, past the governance": func() error {
			_, err := s.client.DeleteObject(t.Context(), &s3.DeleteObjectInput{
				Bucket: &s.bucket, Key: key, VersionId: original, BypassGovernanceRetention: aws.Bool(true),
			})
			return err
		},
		"ending the retention": func() error {
			_, err := s.client.PutObjectRetention(t.Context(), &s3.PutObjectRetentionInput{
				Bucket: &s.bucket, Key: key, VersionId: original, BypassGovernanceRetention: aws.Bool(true),
				Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionModeGovernance, RetainUntilDate: later},
			})
			return err
		},
		"deleting the bucket": func() error {
			_, err := s.client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &s.bucket})
			return err
		},
	} {
		if err := attack(); err == nil {
			t.Errorf("%s works", name)
		}
	}
	if violations, err := s.Verify(t.Context()); err != nil || len(violations) != 0 {
		t.Errorf("%+v, %v", violations, err)
	}

	over := &s3.PutObjectInput{Bucket: &s.bucket, Key: key, Body: strings.NewReader(`{"v":1,"outcome":"done"}`)}
	if _, err := s.client.PutObject(t.Context(), over); err != nil {
		t.Fatal(err)
	}
	hidden := &s3.DeleteObjectInput{Bucket: &s.bucket, Key: aws.String(keyOf(noor.ID, 1))}
	if _, err := s.client.DeleteObject(t.Context(), hidden); err != nil {
		t.Fatal(err)
	}
	// An operator's next entry comes behind, although the last one is hidden.
	next, err := s.Begin(t.Context(), noor, "key issue", "courier-ltd", noon)
	if err != nil || next.Number != 2 {
		t.Errorf("%+v, %v", next, err)
	}
	violations, err := s.Verify(t.Context())
	if err != nil || len(violations) != 2 || violations[0].Key != *key || violations[1].Key != keyOf(noor.ID, 1) {
		t.Errorf("%+v, %v", violations, err)
	}
	if after, err := s.List(t.Context()); err != nil || !slices.Equal(after, append(before, next)) {
		t.Errorf("%+v, %v", after, err)
	}
}

// Numbers that are missing, objects that are no entries, and a bucket that locks nothing are reported.
func TestVerify(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	seed(t, s)
	if err := s.put(t.Context(), Entry{Operator: dara, Number: 9, At: noon, Action: "key issue"}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"stray", dara.ID + "/7", keyOf(dara.ID, 10)} {
		input := &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: strings.NewReader("?")}
		if _, err := s.client.PutObject(t.Context(), input); err != nil {
			t.Fatal(err)
		}
	}
	violations, err := s.Verify(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, v := range violations {
		got[v.Key] = v.Problem
	}
	if len(got) != 4 || !strings.Contains(got[keyOf(dara.ID, 9)], "from 7") || got["stray"] == "" ||
		got[dara.ID+"/7"] == "" || got[keyOf(dara.ID, 10)] == "" {
		t.Errorf("%+v", violations)
	}

	unlocked := &Store{client: s.client, bucket: s.bucket + "-unlocked"}
	region := &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraintEuWest2}
	plain := &s3.CreateBucketInput{Bucket: &unlocked.bucket, CreateBucketConfiguration: region}
	if _, err := s.client.CreateBucket(t.Context(), plain); err != nil {
		t.Fatal(err)
	}
	violations, err = unlocked.Verify(t.Context())
	if err != nil || len(violations) != 1 || !strings.Contains(violations[0].Problem, "does not lock") {
		t.Errorf("%+v, %v", violations, err)
	}
}

// Entries are kept for years. This one is as the first release writes it; every later release must read it.
func TestVersion1Objects(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	const text = `{"v":1,"arn":"arn:aws:sts::123456789012:assumed-role/operators/dara","at":1773489600123456,` +
		`"action":"key revoke","target":"courier-ltd 1b4f0e98","completes":1,"outcome":"done"}`
	_, err := s.client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: &s.bucket, Key: aws.String("AROAEXAMPLE:dara/000000000001"), Body: strings.NewReader(text),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Entry{dara, 1, noon.Truncate(time.Microsecond), "key revoke", "courier-ltd 1b4f0e98", 1, OutcomeOK}
	entries, err := s.List(t.Context())
	if err != nil || len(entries) != 1 || entries[0] != want {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestIdentify(t *testing.T) {
	operator, err := Identify(t.Context(), emulator.NewTestEnv(t).AWS())
	if err != nil || operator.ID == "" || !strings.HasPrefix(operator.ARN, "arn:aws:") {
		t.Errorf("%+v, %v", operator, err)
	}
}
