package apikey

import (
	"testing"
	"time"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// created is a store with the work provider Courier Ltd.
func created(t *testing.T) *Store {
	t.Helper()
	s := NewStore(emulator.NewTestEnv(t))
	if _, err := s.Create(t.Context(), provider.Provider{Name: "Courier Ltd", CanEnrol: true}, noon); err != nil {
		t.Fatal(err)
	}
	return s
}

// metered is the same with a key, and a meter on its calls.
func metered(t *testing.T) (s *Store, meter *emulator.Meter, text string) {
	t.Helper()
	env := emulator.NewTestEnv(t)
	meter = emulator.AttachMeter(env)
	s = NewStore(env)
	if _, err := s.Create(t.Context(), provider.Provider{Name: "Courier Ltd"}, noon); err != nil {
		t.Fatal(err)
	}
	text, _, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	return s, meter, text
}

// wantKind fails the test unless the error is a fault of that kind.
func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want %s", kind)
	} else if got := fault.KindOf(err); got != kind {
		t.Errorf("%s (%v), want %s", got, err, kind)
	}
}

func TestGetAndByName(t *testing.T) {
	s := created(t)
	want := provider.Provider{ID: "courier-ltd", Name: "Courier Ltd", CanEnrol: true}
	if got, err := s.Get(t.Context(), "courier-ltd"); err != nil || got != want {
		t.Errorf("Get: %v, %v", got, err)
	}
	if got, err := s.ByName(t.Context(), "Courier Ltd"); err != nil || got != want {
		t.Errorf("ByName: %v, %v", got, err)
	}
	for _, name := range []string{"courier ltd", "Courier  Ltd", "Parcels & Co", "&", ""} {
		_, err := s.ByName(t.Context(), name)
		wantKind(t, err, fault.NotFound)
	}
}

func TestCreateDuplicate(t *testing.T) {
	s := created(t)
	for _, name := range []string{"Courier Ltd", "COURIER-LTD"} {
		_, err := s.Create(t.Context(), provider.Provider{Name: name}, noon)
		wantKind(t, err, fault.InvalidData)
	}
	if p, err := s.Get(t.Context(), "courier-ltd"); err != nil || p.Name != "Courier Ltd" || !p.CanEnrol {
		t.Errorf("the second creation changed the first: %v, %v", p, err)
	}
	_, err := s.Create(t.Context(), provider.Provider{Name: "&&&"}, noon)
	wantKind(t, err, fault.InvalidData)
}

func TestList(t *testing.T) {
	s := created(t)
	if _, err := s.Create(t.Context(), provider.Provider{Name: "A & B"}, noon); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.IssueKey(t.Context(), "a-b", noon); err != nil {
		t.Fatal(err)
	}
	got, err := s.List(t.Context())
	if err != nil || len(got) != 2 || got[0].ID != "a-b" || got[1].ID != "courier-ltd" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestStoredKeyHashes(t *testing.T) {
	s := created(t)
	text, key, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	if err := s.table.Scan().All(t.Context(), &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for attribute, value := range row {
			if value == text || value == text[len(livePrefix):] {
				t.Errorf("the key stands in %s", attribute)
			}
		}
	}
	if hashKey(text)[:8] != key.ID {
		t.Errorf("the key's id %s is not the beginning of its hash", key.ID)
	}
	keys, err := s.Keys(t.Context(), "courier-ltd")
	if err != nil || len(keys) != 1 || keys[0] != key || !keys[0].Used.IsZero() {
		t.Errorf("Keys: %v, %v; want %v", keys, err, key)
	}
}

func TestKeyOrder(t *testing.T) {
	s := created(t)
	var want []string
	for i := range 5 {
		_, key, err := s.IssueKey(t.Context(), "courier-ltd", noon.Add(time.Duration(i)*time.Hour))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, key.ID)
	}
	keys, err := s.Keys(t.Context(), "courier-ltd")
	if err != nil || len(keys) != len(want) {
		t.Fatalf("%v, %v", keys, err)
	}
	for i, key := range keys {
		if key.ID != want[i] {
			t.Errorf("key %d is %s, want %s", i, key.ID, want[i])
		}
	}
}

func TestRevokeTwice(t *testing.T) {
	s := created(t)
	text, key, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	for hours := range 2 {
		if err := s.RevokeKey(t.Context(), "courier-ltd", key.ID, noon.Add(time.Duration(1+hours)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	keys, err := s.Keys(t.Context(), "courier-ltd")
	if err != nil || !keys[0].Revoked.Equal(noon.Add(time.Hour)) {
		t.Errorf("%v, %v", keys, err)
	}
	if _, live, err := s.providerForKey(t.Context(), hashKey(text), noon.Add(3*time.Hour)); live || err != nil {
		t.Errorf("live %v, %v", live, err)
	}
}

// The key in use and its successor both work for the overlap, and only the successor afterwards.
func TestRotateKey(t *testing.T) {
	s := created(t)
	old, oldKey, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	fresh, _, err := s.RotateKey(t.Context(), "courier-ltd", oldKey.ID, 48*time.Hour, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after      time.Duration
		old, fresh bool
	}{{time.Hour, true, true}, {49*time.Hour - 1, true, true}, {49 * time.Hour, false, true}} {
		for text, want := range map[string]bool{old: c.old, fresh: c.fresh} {
			if _, live, err := s.providerForKey(t.Context(), hashKey(text), noon.Add(c.after)); live != want || err != nil {
				t.Errorf("after %s: live %v, want %v, %v", c.after, live, want, err)
			}
		}
	}
	_, _, err = s.RotateKey(t.Context(), "courier-ltd", oldKey.ID, 0, noon.Add(2*time.Hour))
	wantKind(t, err, fault.InvalidData)
	_, _, err = s.RotateKey(t.Context(), "courier-ltd", oldKey.ID, MaxOverlap+1, noon)
	wantKind(t, err, fault.InvalidData)
	_, _, err = s.RotateKey(t.Context(), "courier-ltd", "00000000", 0, noon)
	wantKind(t, err, fault.NotFound)
	// One that leaked is not waited for.
	if err := s.RevokeKey(t.Context(), "courier-ltd", oldKey.ID, noon.Add(3*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, live, err := s.providerForKey(t.Context(), hashKey(old), noon.Add(3*time.Hour)); live || err != nil {
		t.Errorf("live %v, %v", live, err)
	}
}

// Who reads a key that two operators change at once finds one end of it.
func TestConcurrentKeyChange(t *testing.T) {
	s := created(t)
	_, key, err := s.IssueKey(t.Context(), "courier-ltd", noon)
	if err != nil {
		t.Fatal(err)
	}
	own, err := s.providerKey(t.Context(), "courier-ltd", key.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(t.Context(), "courier-ltd", key.ID, noon); err != nil {
		t.Fatal(err)
	}
	tx := s.db.WriteTx()
	s.setRevoked(tx, own, noon.Add(time.Hour))
	err = errConcurrentChange(tx.Run(t.Context()))
	wantKind(t, err, fault.Unavailable)
	if keys, err := s.Keys(t.Context(), "courier-ltd"); err != nil || !keys[0].Revoked.Equal(noon) {
		t.Errorf("%v, %v", keys, err)
	}
}

// The last use is known to the hour, and written when a cache fills and the hour is another: not by every request, nor
// by every cold start.
func TestLastUse(t *testing.T) {
	s, meter, text := metered(t)
	for _, c := range []struct {
		at     time.Duration
		writes int
		used   time.Duration
	}{{10 * time.Minute, 1, 0}, {59 * time.Minute, 0, 0}, {2*time.Hour + time.Minute, 1, 2 * time.Hour},
		{time.Hour, 0, 2 * time.Hour}} {
		keys := NewCache(s, func() time.Time { return noon.Add(c.at) })
		meter.Reset()
		for range 3 {
			if _, err := keys.Authenticate(t.Context(), text); err != nil {
				t.Fatal(err)
			}
		}
		if n := meter.Calls()["DynamoDB.UpdateItem"]; n != c.writes {
			t.Errorf("at %s: %d writes, want %d", c.at, n, c.writes)
		}
		listed, err := s.Keys(t.Context(), "courier-ltd")
		if err != nil || !listed[0].Used.Equal(noon.Add(c.used)) {
			t.Errorf("at %s: %v, %v", c.at, listed, err)
		}
	}
}

func TestUpdate(t *testing.T) {
	s := created(t)
	want, err := s.Get(t.Context(), "courier-ltd")
	if err != nil {
		t.Fatal(err)
	}
	steps := []struct {
		changes Changes
		apply   func(*provider.Provider)
	}{
		{Changes{Product: new("MOT")}, func(p *provider.Provider) { p.Product = "MOT" }},
		{Changes{NotifyRejected: new(true)}, func(p *provider.Provider) { p.NotifyRejected = true }},
		{Changes{CanEnrol: new(!want.CanEnrol)}, func(p *provider.Provider) { p.CanEnrol = !p.CanEnrol }},
		{Changes{Product: new(""), NotifyRejected: new(false)}, func(p *provider.Provider) {
			p.Product = ""
			p.NotifyRejected = false
		}},
	}
	for _, step := range steps {
		step.apply(&want)
		updated, err := s.Update(t.Context(), "courier-ltd", step.changes)
		if err != nil || updated != want {
			t.Errorf("Update: %+v, %v, want %+v", updated, err, want)
		}
		if stored, err := s.Get(t.Context(), "courier-ltd"); err != nil || stored != want {
			t.Errorf("Get: %+v, %v, want %+v", stored, err, want)
		}
	}
}

func TestUnknownProvider(t *testing.T) {
	s := created(t)
	_, _, err := s.IssueKey(t.Context(), "nobody", noon)
	wantKind(t, err, fault.NotFound)
	_, err = s.Keys(t.Context(), "nobody")
	wantKind(t, err, fault.NotFound)
	wantKind(t, s.RevokeKey(t.Context(), "courier-ltd", "00000000", noon), fault.NotFound)
	_, err = s.Update(t.Context(), "nobody", Changes{CanEnrol: new(true)})
	wantKind(t, err, fault.NotFound)
}

// Rows live for years. These are rows as the first release wrote them; every later one must read them.
func TestVersion1Items(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	const text = "zego_live_0123456789ABCDEFGHIJKLMNOPQ10urED"
	const hash = "14a9509b3d92f92ddb2791aa8f4de67a8cf0ed5abdeef1d819122a6855ccb386"
	for _, row := range []map[string]any{
		{"pk": "provider#courier-ltd", "sk": "provider", "v": 1, "name": "Courier Ltd", "canEnrol": true,
			"created": "2026-03-14T12:00:00Z"},
		{"pk": "key#" + hash, "sk": "key", "v": 1, "provider": "courier-ltd", "issued": "2026-03-14T12:00:00Z"},
		{"pk": "provider#courier-ltd", "sk": "key#" + hash[:8], "v": 1, "hash": hash, "issued": "2026-03-14T12:00:00Z"},
		{"pk": "provider#courier-ltd", "sk": "key#00000000", "v": 1, "hash": "00000000", "issued": "2026-03-13T12:00:00Z",
			"revoked": "2026-03-13T13:00:00Z"},
	} {
		if err := s.table.Put(row).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := hashKey(text); got != hash {
		t.Fatalf("the hash of a key is now %s", got)
	}
	p, err := NewCache(s, time.Now).Authenticate(t.Context(), text)
	if err != nil || p != (provider.Provider{ID: "courier-ltd", Name: "Courier Ltd", CanEnrol: true}) {
		t.Errorf("Authenticate: %v, %v", p, err)
	}
	keys, err := s.Keys(t.Context(), "courier-ltd")
	if err != nil || len(keys) != 2 || keys[0].ID != "00000000" || keys[0].Revoked.IsZero() || !keys[1].Revoked.IsZero() {
		t.Errorf("Keys: %v, %v", keys, err)
	}
}
