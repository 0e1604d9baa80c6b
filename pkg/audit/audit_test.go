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

// told writes a short log: dara did one thing, and two that failed; noor began one.
func told(t *testing.T, s *Store) {
	t.Helper()
	for i, outcome := range []string{OutcomeOK, "refused", "refused again"} {
		begun, err := s.Begin(t.Context(), dara, "key revoke", "courier-ltd 1b4f0e98", noon.Add(time.Duration(i)*time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.End(t.Context(), begun, outcome, noon.Add(time.Duration(i)*time.Minute+time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Begin(t.Context(), noor, "customer erase", "ABC123", noon); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrittenIsListedInOrder(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	told(t, s)
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
	if flaws := Verify(entries); len(flaws) != 0 {
		t.Errorf("%+v", flaws)
	}
}

// Nothing that this package does changes an entry: the write that would meet one is refused, and begins again behind
// it.
func TestTwoAtOnceBothStay(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	var both sync.WaitGroup
	for range 4 {
		both.Go(func() {
			if _, err := s.Begin(t.Context(), dara, "key issue", "courier-ltd", noon); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	entries, err := s.List(t.Context())
	if err != nil || len(entries) != 4 || len(Verify(entries)) != 0 {
		t.Errorf("%+v, %v", entries, err)
	}
}

// Whoever goes round this package is found out.
func TestWhatWasChangedShows(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	told(t, s)
	replace := func(number int64, outcome string) {
		err := s.table.Update(table.PK, table.OperatorPartition(dara.ID)).Range(table.SK, table.OperatorSort(number)).
			Set("outcome", outcome).Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
	}
	flaws := func() []Violation {
		entries, err := s.List(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return Verify(entries)
	}
	replace(4, OutcomeOK)
	if got := flaws(); len(got) != 1 || got[0].Operator != dara || got[0].Number != 4 ||
		!strings.Contains(got[0].Problem, "replaced") {
		t.Errorf("%+v", got)
	}
	replace(4, "refused")
	if err := s.table.Delete(table.PK, table.OperatorPartition(dara.ID)).Range(table.SK,
		table.OperatorSort(2)).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := flaws(); len(got) != 1 || got[0].Number != 3 || !strings.Contains(got[0].Problem, "from 2") {
		t.Errorf("%+v", got)
	}
}

// Rows live for years. This is one as the first release wrote it; every later one must read it.
func TestRowsOfForm1AreRead(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	digest, err := hex.DecodeString("ce9624734e5ecd755c474974e5b6665c7384475c4ada3d7e831f4b3d71ac0ab1")
	if err != nil {
		t.Fatal(err)
	}
	err = s.table.Put(map[string]any{
		"pk": "operator#AROAEXAMPLE:dara", "sk": "000000000001", "v": 1, "arn": dara.ARN, "n": 1, "at": 1773489600123456,
		"deed": "key revoke", "of": "courier-ltd 1b4f0e98", "digest": digest,
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

func TestAWSSaysWhoItIs(t *testing.T) {
	who, err := Identify(t.Context(), emulator.NewTestEnv(t).AWS())
	if err != nil || who.ID == "" || !strings.HasPrefix(who.ARN, "arn:aws:") {
		t.Errorf("%+v, %v", who, err)
	}
}
