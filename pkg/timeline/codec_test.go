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

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/person"
)

// anyInstant draws an instant that can be stored, often at the edges of days and months.
func anyInstant(t *rapid.T) Instant {
	day := Day(rapid.OneOf(rapid.IntRange(int(firstDay), int(lastDay)), rapid.IntRange(int(day0)-2, int(day0)+2)).Draw(t, "day"))
	return day.Start() + Instant(rapid.OneOf(rapid.Int64Range(0, int64(dayLength)-1), rapid.SampledFrom([]int64{0, 1, int64(dayLength) - 1})).Draw(t, "in day"))
}

// anyName draws a name of up to 255 bytes.
func anyName(t *rapid.T) person.Name {
	value := rapid.StringN(1, 127, 255).Filter(func(s string) bool { return s != "" }).Draw(t, "name")
	return person.Name{Kind: rapid.SampledFrom([]person.Kind{person.CustomerNumber, person.UserID}).Draw(t, "kind of name"), Value: value}
}

func anyFact(t *rapid.T) Fact {
	f := Fact{Name: anyName(t), Kind: Login, At: anyInstant(t), PlannedEnd: Never}
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 1:
		f.Kind = Logout
	case 2:
		f.PlannedEnd = f.At + Instant(rapid.Int64Range(1, MaxShift.Microseconds()).Draw(t, "planned"))
	}
	return f
}

func anyEntry(t *rapid.T) Entry {
	e := Entry{Kind: EntryKind(rapid.IntRange(int(Consent), int(NoMatch)).Draw(t, "kind")), At: anyInstant(t)}
	if e.Kind == Link || e.Kind == Unlink {
		e.UserID = anyName(t).Value
	}
	if e.Kind == Link && rapid.Bool().Draw(t, "had before") {
		e.Since = anyInstant(t)
	}
	return e
}

func anyShift(t *rapid.T, customer string, day Day) Shift {
	s := Shift{Start: day.Start() + Instant(rapid.Int64Range(0, int64(dayLength)-1).Draw(t, "start"))}
	s.End = s.Start + Instant(rapid.Int64Range(1, MaxShift.Microseconds()).Draw(t, "length"))
	s.By = Ending(rapid.IntRange(int(ByLogout), int(ByWithdrawal)).Draw(t, "by"))
	if s.Name = anyName(t); s.Name.Kind == person.CustomerNumber {
		s.Name.Value = customer
	}
	return s
}

func TestWhatIsEncodedDecodes(t *testing.T) {
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
		shifts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Shift { return anyShift(t, "ABC123", day) }), 0, 5).Draw(t, "shifts")
		if got, err := decodeShifts("ABC123", day, encodeShifts(shifts)); !slices.Equal(got, shifts) || err != nil {
			t.Fatalf("shifts %v: %v, %v", shifts, got, err)
		}
		part := rapid.SliceOfN(rapid.Custom(anyFact), 0, 5).Draw(t, "part")
		for i := range part {
			part[i].PlannedEnd = Never
		}
		if got, err := decodePart(encodePart(part)); !slices.Equal(got, part) || err != nil {
			t.Fatalf("part %v: %v, %v", part, got, err)
		}
	})
}

// TestFactsAreSmall is the reckoning of the shift rules: 160 facts fit a write unit.
func TestFactsAreSmall(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFact(t)
		want := 6
		if f.PlannedEnd != Never {
			want = 11
		}
		if got := len(f.encode(nil)); got != want {
			t.Fatalf("%v takes %d bytes", f, got)
		}
	})
}

// The fuzzers hold: whatever decodes without a panic or an error encodes to the same bytes, so that no two elements of a
// set are the same fact.

func FuzzDecodeFact(f *testing.F) {
	for _, b := range [][]byte{{0x11, 0, 0, 0, 0, 0}, {0x12, 0x14, 0x1d, 0xd7, 0x5f, 0xff}, {0x13, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, {0x21}, nil} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if fact, err := decodeFact(courier, day0, b); err == nil && (!bytes.Equal(fact.encode(nil), b) || fact.At.Day() != day0) {
			t.Errorf("%x: %v", b, fact)
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	for kind := Consent; kind <= NoMatch; kind++ {
		f.Add(Entry{Kind: kind, At: minute(1)}.encode())
		f.Add(Entry{Kind: kind, At: minute(1), UserID: "12345", Since: minute(0)}.encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := decodeEntry(b); err == nil && !bytes.Equal(e.encode(), b) {
			t.Errorf("%x: %v", b, e)
		}
	})
}

func FuzzDecodeShifts(f *testing.F) {
	f.Add(encodeShifts([]Shift{{minute(0), minute(60), ByLogout, courier}, {minute(60), minute(900), ByItself, userNamed("12345")}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if shifts, err := decodeShifts("ABC123", day0, b); err == nil && !bytes.Equal(encodeShifts(shifts), b) {
			t.Errorf("%x: %v", b, shifts)
		}
	})
}

func FuzzDecodePart(f *testing.F) {
	f.Add(encodePart([]Fact{{courier, Login, minute(0), Never}, {userNamed("12345"), Logout, minute(60), Never}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if facts, err := decodePart(b); err == nil && !bytes.Equal(encodePart(facts), b) {
			t.Errorf("%x: %v", b, facts)
		}
	})
}

// TestUnknownFormsAreRefused: what a newer release wrote is not read as something else.
func TestUnknownFormsAreRefused(t *testing.T) {
	fact, entry, shifts := Fact{courier, Login, minute(1), minute(2)}.encode(nil), Entry{Kind: Link, At: minute(1), UserID: "12345"}.encode(), encodeShifts([]Shift{{minute(1), minute(2), ByPlan, userNamed("12345")}})
	part := encodePart([]Fact{{courier, Login, minute(1), Never}})
	for name, c := range map[string]struct {
		whole  []byte
		shorts int // how many of its beginnings are no form either
		decode func([]byte) error
	}{
		"fact":   {fact, len(fact), func(b []byte) error { _, err := decodeFact(courier, day0, b); return err }},
		"entry":  {entry, 17, func(b []byte) error { _, err := decodeEntry(b); return err }},
		"shifts": {shifts, len(shifts), func(b []byte) error { _, err := decodeShifts("ABC123", day0, b); return err }},
		"part":   {part, len(part), func(b []byte) error { _, err := decodePart(b); return err }},
	} {
		if err := c.decode(c.whole); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		newer := slices.Clone(c.whole)
		newer[0] = 2<<4 | newer[0]&0x0f
		kindless := slices.Clone(c.whole)
		kindless[0] &= 0xf0
		bad := [][]byte{newer, kindless}
		for n := range c.shorts {
			if n > 0 || name == "fact" || name == "entry" { // no shifts and no facts are written as nothing
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

// fixture is testdata/forms.json: one sample, in hexadecimal, of each form that a release has ever stored. They are never
// changed, only added to: rows live for years.
type fixture struct {
	Form, Kind, Bytes, Means string
}

func TestStoredFormsAreStillRead(t *testing.T) {
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
		switch x.Kind {
		case "fact of 2024-10-04":
			got, err = decodeFact(courier, day0, b)
		case "entry":
			got, err = decodeEntry(b)
		case "shifts of ABC123 on 2024-10-04":
			got, err = decodeShifts("ABC123", day0, b)
		case "part":
			got, err = decodePart(b)
		default:
			t.Fatalf("what is %q?", x.Kind)
		}
		if means := strings.ReplaceAll(fmt.Sprint(got), fmt.Sprint(int64(Never)), "never"); err != nil || means != x.Means {
			t.Errorf("form %s of %s, %s: %s, %v\nwant %s", x.Form, x.Kind, x.Bytes, means, err, x.Means)
		}
		seen[reflect.TypeOf(got).String()] = true
	}
	if len(seen) != 4 {
		t.Errorf("fixtures of %v only", seen)
	}
}
