package audit

import (
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/table"
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
	if violations := Verify(entries); len(violations) != 0 {
		t.Errorf("%+v", violations)
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
	if err != nil || len(entries) != 4 || len(Verify(entries)) != 0 {
		t.Errorf("%+v, %v", entries, err)
	}
}

// Changes made without this package are detected.
func TestVerify(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	seed(t, s)
	replace := func(number int64, outcome string) {
		err := s.table.Update(table.PK, table.OperatorPartition(dara.ID)).Range(table.SK, table.OperatorSort(number)).
			Set("outcome", outcome).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
	}
	verify := func() []Violation {
		entries, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return Verify(entries)
	}
	replace(4, OutcomeOK)
	if got := verify(); len(got) != 1 || got[0].Operator != dara || got[0].Number != 4 ||
		!strings.Contains(got[0].Problem, "replaced") {
		t.Errorf("%+v", got)
	}
	replace(4, "refused")
	if err := s.table.Delete(table.PK, table.OperatorPartition(dara.ID)).Range(table.SK,
		table.OperatorSort(2)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := verify(); len(got) != 1 || got[0].Number != 3 || !strings.Contains(got[0].Problem, "from 2") {
		t.Errorf("%+v", got)
	}
}

// Items live for years. This one is as the first release writes it; every later release must read it.
func TestVersion1Items(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	digest, err := hex.DecodeString("ce9624734e5ecd755c474974e5b6665c7384475c4ada3d7e831f4b3d71ac0ab1")
	if err != nil {
		t.Fatal(err)
	}
	err = s.table.Put(map[string]any{
		"pk": "operator#AROAEXAMPLE:dara", "sk": "000000000001", "v": 1, "arn": dara.ARN, "n": 1, "at": 1773489600123456,
		"action": "key revoke", "target": "courier-ltd 1b4f0e98", "digest": digest,
	}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	entries, err := s.List(t.Context())
	if err != nil || len(entries) != 1 || len(Verify(entries)) != 0 ||
		!entries[0].At.Equal(noon.Truncate(time.Microsecond)) {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestIdentify(t *testing.T) {
	operator, err := Identify(t.Context(), emulator.NewTestEnv(t).AWS())
	if err != nil || operator.ID == "" || !strings.HasPrefix(operator.ARN, "arn:aws:") {
		t.Errorf("%+v, %v", operator, err)
	}
}
