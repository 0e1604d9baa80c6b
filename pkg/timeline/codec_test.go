package timeline

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/person"
)

// anyInstant draws an instant that can be stored, often at the edges of days and months.
func anyInstant(t *rapid.T) Instant {
	days := rapid.OneOf(rapid.IntRange(int(firstDay), int(lastDay)), rapid.IntRange(int(day0)-2, int(day0)+2))
	times := rapid.OneOf(rapid.Int64Range(0, int64(dayLength)-1), rapid.SampledFrom([]int64{0, 1, int64(dayLength) - 1}))
	return Day(days.Draw(t, "day")).Start() + Instant(times.Draw(t, "in day"))
}

// anyName draws a name of up to 255 bytes.
func anyName(t *rapid.T) person.Name {
	value := rapid.StringN(1, 127, 255).Filter(func(s string) bool { return s != "" }).Draw(t, "name")
	kind := rapid.SampledFrom([]person.Kind{person.CustomerNumber, person.UserID}).Draw(t, "kind of name")
	return person.Name{Kind: kind, Value: value}
}

// anyAcceptance draws when a fact was accepted: unknown, or an instant that can be stored.
func anyAcceptance(t *rapid.T) Instant {
	milliseconds := rapid.OneOf(rapid.Int64Range(0, 1<<40-1), rapid.SampledFrom([]int64{0, 1, 1<<40 - 1}))
	if rapid.IntRange(0, 3).Draw(t, "acceptance known") == 0 {
		return 0
	}
	return acceptanceEpoch + Instant(milliseconds.Draw(t, "accepted"))*millisecond
}

func anyFact(t *rapid.T) Fact {
	f := Fact{Name: anyName(t), Kind: Login, At: anyInstant(t), PlannedEnd: Never, Accepted: anyAcceptance(t)}
	switch rapid.IntRange(0, 3).Draw(t, "kind") {
	case 1:
		f.Kind = Logout
	case 2:
		f.Kind = rapid.SampledFrom([]Kind{Login, Logout}).Draw(t, "taken back")
		f.Void = true
		f.Accepted = max(f.Accepted, acceptanceEpoch)
	case 3:
		f.PlannedEnd = f.At + Instant(rapid.Int64Range(1, MaxShift.Microseconds()).Draw(t, "planned"))
	}
	return f
}

func anyEntry(t *rapid.T) Entry {
	e := Entry{Kind: EntryKind(rapid.IntRange(int(Consent), int(NoMatch)).Draw(t, "kind")), At: anyInstant(t)}
	if e.Kind == Link || e.Kind == Unlink {
		e.UserID = anyName(t).Value
	}
	if e.UserID != "" && rapid.Bool().Draw(t, "of another customer") {
		e.FreeSince = anyInstant(t)
	}
	return e
}

// anyShift draws a shift that a LOGIN of the day names, at its start or before.
func anyShift(t *rapid.T, customer string, day Day) Shift {
	s := Shift{Login: day.Start() + Instant(rapid.Int64Range(0, int64(dayLength)-1).Draw(t, "login"))}
	s.Start = s.Login
	if rapid.Bool().Draw(t, "continued") {
		s.Start += Instant(rapid.Int64Range(1, MaxShift.Microseconds()).Draw(t, "start"))
	}
	s.End = s.Start + Instant(rapid.Int64Range(1, MaxShift.Microseconds()).Draw(t, "length"))
	s.EndedBy = EndReason(rapid.IntRange(int(EndLogout), int(EndWithdrawn)).Draw(t, "by"))
	if s.Name = anyName(t); s.Name.Kind == person.CustomerNumber {
		s.Name.Value = customer
	}
	return s
}

func TestEncodeDecode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFact(t)
		if got, err := decodeFact(f.Name, f.At.Day(), f.encode(nil)); got != f || err != nil {
			t.Fatalf("fact %v: %v, %v", f, got, err)
		}
		e := anyEntry(t)
		if got, err := decodeEntry(e.encode()); got != e || err != nil {
			t.Fatalf("entry %v: %v, %v", e, got, err)
		}
		day := e.At.Day()
		shifts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Shift { return anyShift(t, "ABC123", day) }), 0, 5).
			Draw(t, "shifts")
		if got, err := decodeShifts("ABC123", day, encodeShifts(shifts)); !slices.Equal(got, shifts) || err != nil {
			t.Fatalf("shifts %v: %v, %v", shifts, got, err)
		}
		part := rapid.SliceOfN(rapid.Custom(anyFact), 0, 5).Draw(t, "part")
		for i := range part {
			part[i].PlannedEnd = Never
			part[i].Accepted = 0
			part[i].Void = false
		}
		if got, err := decodeBatchPart(encodeBatchPart(part)); !slices.Equal(got, part) || err != nil {
			t.Fatalf("part %v: %v, %v", part, got, err)
		}
	})
}

// TestFactSize is the size that the limits and the costs are reckoned with: 11 bytes, or 16 with a planned end; 5 less
// without an acceptance, as before rule 12.
func TestFactSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFact(t)
		want := 11
		if f.PlannedEnd != Never {
			want = 16
		}
		if f.Accepted == 0 {
			want -= 5
		}
		if got := len(f.encode(nil)); got != want {
			t.Fatalf("%v takes %d bytes, want %d", f, got, want)
		}
	})
}

// TestAcceptanceBounds: what does not fit the 40 bits is cut to the first or last instant that does, and never becomes
// another event or an unknown acceptance.
func TestAcceptanceBounds(t *testing.T) {
	epoch := At(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	last := epoch + (1<<40-1)*1000
	if year := last.Time().Year(); year != 2054 {
		t.Errorf("the last acceptance that fits is of %d", year)
	}
	for accepted, want := range map[Instant]Instant{
		0:             0,
		1:             epoch,
		epoch - 1000:  epoch,
		epoch:         epoch,
		epoch + 999:   epoch,
		epoch + 1000:  epoch + 1000,
		last:          last,
		last + 1000:   last,
		lastDay.End(): last,
	} {
		f := in(0)
		f.Accepted = accepted
		got, err := decodeFact(f.Name, day0, f.encode(nil))
		if err != nil || got.Accepted != want || !got.sameEvent(f) {
			t.Errorf("accepted %d: %v, %v, want %d", accepted, got, err, want)
		}
	}
	at := time.Date(2026, 3, 1, 9, 0, 0, 123_987_654, time.UTC)
	if got, want := AcceptedAt(at), At(at.Truncate(time.Millisecond)); got != want {
		t.Errorf("accepted %v, want %v", got.Time(), want.Time())
	}
}

// The fuzzers hold: whatever decodes without a panic or an error encodes to the same bytes, so that no two elements of
// a set are the same fact.

func FuzzDecodeFact(f *testing.F) {
	for _, b := range [][]byte{
		{0x11, 0, 0, 0, 0, 0}, {0x12, 0x14, 0x1d, 0xd7, 0x5f, 0xff}, {0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		{0x21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {0x22, 0x14, 0x1d, 0xd7, 0x5f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x23, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1}, {0x21}, {0x31, 0, 0, 0, 0, 0}, nil,
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		fact, err := decodeFact(courier, day0, b)
		if err == nil && (!bytes.Equal(fact.encode(nil), b) || fact.At.Day() != day0) {
			t.Errorf("%x: %v", b, fact)
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	for kind := Consent; kind <= NoMatch; kind++ {
		f.Add(Entry{Kind: kind, At: minute(1)}.encode())
		f.Add(Entry{Kind: kind, At: minute(1), UserID: "12345", FreeSince: minute(0)}.encode())
	}
	f.Add(append(Entry{Kind: Unlink, At: minute(1), UserID: "12345", FreeSince: 1}.encode()[:9], make([]byte, 13)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEntry(b); err == nil && !bytes.Equal(e.encode(), b) {
			t.Errorf("%x: %v", b, e)
		}
	})
}

func FuzzDecodeShifts(f *testing.F) {
	f.Add(encodeShifts([]Shift{
		{minute(0), minute(60), EndLogout, minute(0), courier},
		{minute(60), minute(900), EndAuto, minute(60), userIDName("12345")},
		{minute(900), minute(960), EndPlanned, minute(890), courier},
	}))
	f.Add([]byte{shiftV2 | byte(EndAuto), 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0}) // starts with its own LOGIN
	f.Fuzz(func(t *testing.T, b []byte) {
		shifts, err := decodeShifts("ABC123", day0, b)
		if err == nil && !bytes.Equal(encodeShifts(shifts), b) {
			t.Errorf("%x: %v", b, shifts)
		}
	})
}

func FuzzDecodeBatchPart(f *testing.F) {
	f.Add(encodeBatchPart([]Fact{in(0), {Name: userIDName("12345"), Kind: Logout, At: minute(60), PlannedEnd: Never}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if facts, err := decodeBatchPart(b); err == nil && !bytes.Equal(encodeBatchPart(facts), b) {
			t.Errorf("%x: %v", b, facts)
		}
	})
}

// TestDecodeUnknownVersion: what a newer release wrote is not read as something else.
func TestDecodeUnknownVersion(t *testing.T) {
	planned := Fact{Name: courier, Kind: Login, At: minute(1), PlannedEnd: minute(2)}
	void := NewVoid(planned, minute(3), "").Fact
	accepted := Fact{Name: courier, Kind: Login, At: minute(1), PlannedEnd: minute(2), Accepted: minute(3)}
	entry := Entry{Kind: Link, At: minute(1), UserID: "12345"}.encode()
	moved := Entry{Kind: Unlink, At: minute(1), UserID: "12345", FreeSince: minute(0)}.encode()
	decodeEntryOf := func(b []byte) error { _, err := decodeEntry(b); return err }
	shifts := encodeShifts([]Shift{{minute(1), minute(2), EndPlanned, minute(1), userIDName("12345")}})
	continued := encodeShifts([]Shift{{minute(5), minute(9), EndPlanned, minute(1), userIDName("12345")}})
	part := encodeBatchPart([]Fact{in(1)})
	decodeFactOf := func(b []byte) error { _, err := decodeFact(courier, day0, b); return err }
	decodeShiftsOf := func(b []byte) error { _, err := decodeShifts("ABC123", day0, b); return err }
	for name, c := range map[string]struct {
		whole  []byte
		shorts int  // how many of its beginnings cannot be read either
		newer  byte // the first version that is unknown
		decode func([]byte) error
	}{
		"fact":            {planned.encode(nil), 11, 4, decodeFactOf},
		"accepted fact":   {accepted.encode(nil), 16, 4, decodeFactOf},
		"void fact":       {void.encode(nil), 11, 4, decodeFactOf},
		"entry":           {entry, 17, 2, decodeEntryOf},
		"moved entry":     {moved, 17, 3, decodeEntryOf},
		"shifts":          {shifts, len(shifts), 3, decodeShiftsOf},
		"continued shift": {continued, len(continued), 3, decodeShiftsOf},
		"part":            {part, len(part), 2, func(b []byte) error { _, err := decodeBatchPart(b); return err }},
	} {
		if err := c.decode(c.whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		newer := slices.Clone(c.whole)
		newer[0] = c.newer<<4 | newer[0]&0x0f
		versionless := slices.Clone(c.whole)
		versionless[0] &= 0x0f
		kindless := slices.Clone(c.whole)
		kindless[0] &= 0xf0
		bad := [][]byte{newer, versionless, kindless}
		for n := range c.shorts {
			if n > 0 || strings.HasSuffix(name, "fact") ||
				strings.HasSuffix(name, "entry") { // no shifts and no facts are written as nothing
				bad = append(bad, c.whole[:n])
			}
		}
		for _, b := range bad {
			if err := c.decode(b); err == nil {
				t.Errorf("%s: %x was read", name, b)
			}
		}
	}
}

// fixture is testdata/forms.json: one sample, in hexadecimal, of each version of everything that a release has ever
// stored in a binary form. They are never changed, only added to: items live for years.
type fixture struct {
	Form, Kind, Bytes, Means string
}

// TestDecodeStoredForms reads them. An attribute that a version does not have is left out of what it means.
func TestDecodeStoredForms(t *testing.T) {
	text, err := os.ReadFile("testdata/forms.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixtures []fixture
	if err := json.Unmarshal(text, &fixtures); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, x := range fixtures {
		b, err := hex.DecodeString(x.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		var got any
		var means string
		switch x.Kind {
		case "fact of 2024-10-04":
			var f Fact
			f, err = decodeFact(courier, day0, b)
			got = f
			means = describeFact(f)
		case "entry":
			got, err = decodeEntry(b)
			means = fmt.Sprint(got)
		case "shifts of ABC123 on 2024-10-04":
			var shifts []Shift
			shifts, err = decodeShifts("ABC123", day0, b)
			got = shifts
			means = describeEach(shifts, describeShift)
		case "part":
			var facts []Fact
			facts, err = decodeBatchPart(b)
			got = facts
			means = describeEach(facts, describeFact)
		default:
			t.Fatalf("what is %q?", x.Kind)
		}
		if err != nil || means != x.Means {
			t.Errorf("version %s of %s, %s: %s, %v\nwant %s", x.Form, x.Kind, x.Bytes, means, err, x.Means)
		}
		seen[reflect.TypeOf(got).String()+" "+x.Form] = true
	}
	for _, want := range []string{
		"timeline.Fact 1", "timeline.Fact 2", "timeline.Fact 3", "timeline.Entry 1", "timeline.Entry 2", "[]timeline.Shift 1",
		"[]timeline.Shift 2", "[]timeline.Fact 1",
	} {
		if !seen[want] {
			t.Errorf("no fixture of %s, only of %v", want, seen)
		}
	}
}

func describeEach[E any](elements []E, describe func(E) string) string {
	texts := make([]string, len(elements))
	for i, e := range elements {
		texts[i] = describe(e)
	}
	return fmt.Sprint(texts)
}

func describeFact(f Fact) string {
	planned := fmt.Sprint(int64(f.PlannedEnd))
	if f.PlannedEnd == Never {
		planned = "never"
	}
	if f.Accepted == 0 {
		return fmt.Sprintf("{%v %v %d %s}", f.Name, f.Kind, f.At, planned)
	}
	if f.Void {
		return fmt.Sprintf("{%v %v %d taken back at %d}", f.Name, f.Kind, f.At, f.Accepted)
	}
	return fmt.Sprintf("{%v %v %d %s accepted %d}", f.Name, f.Kind, f.At, planned, f.Accepted)
}

func describeShift(s Shift) string {
	if s.Continued() {
		return fmt.Sprintf("{%d %d %v named %d %v}", s.Start, s.End, s.EndedBy, s.Login, s.Name)
	}
	return fmt.Sprintf("{%d %d %v %v}", s.Start, s.End, s.EndedBy, s.Name)
}
