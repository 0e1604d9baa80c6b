package web

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/fault"
)

// TestPosition holds contract row 7: where a broken body goes wrong, for the reader of the message.
func TestPosition(t *testing.T) {
	tests := []struct {
		body         string
		line, column int
	}{
		// What the documents show: an error at line 1, column 2.
		{`{'a': 1}`, 1, 2},
		{`{a: 1}`, 1, 2},
		// Nothing at all, and input that just ends.
		{"", 1, 1},
		{" ", 1, 2},
		{" \t\r ", 1, 5},
		{"\n", 2, 1},
		{"\n\n  ", 3, 3},
		{`{`, 1, 2},
		{`[`, 1, 2},
		{"[\n", 2, 1},
		{`{"a"`, 1, 5},
		{`{"a":`, 1, 6},
		{`{"a":1`, 1, 7},
		{`{"a":1,`, 1, 8},
		{`[1,`, 1, 4},
		{`"é`, 1, 3},
		{`"abc`, 1, 5},
		{`"abc\`, 1, 6},
		{`"\u12`, 1, 6},
		{`"\ud83d`, 1, 8},
		{`tru`, 1, 4},
		{`-`, 1, 2},
		{`1.`, 1, 3},
		{`1e`, 1, 3},
		{`1e+`, 1, 4},
		{"{\"a\":\n\"é", 2, 3},
		// Literals: the character that breaks it off.
		{`{"a":tru}`, 1, 9},
		{`tru}`, 1, 4},
		{`[nul]`, 1, 5},
		{`[falsy]`, 1, 6},
		{`[True]`, 1, 2},
		{`[NaN]`, 1, 2},
		{`[nan]`, 1, 3},
		{`[Infinity]`, 1, 2},
		{`[-Infinity]`, 1, 3},
		{`[None]`, 1, 2},
		{`truex`, 1, 5},
		{`[undefined]`, 1, 2},
		// Numbers.
		{`01`, 1, 2},
		{`[01]`, 1, 3},
		{`[-01]`, 1, 4},
		{`[1.]`, 1, 4},
		{`[.5]`, 1, 2},
		{`[+1]`, 1, 2},
		{`[-]`, 1, 3},
		{`[--1]`, 1, 3},
		{`[1e]`, 1, 4},
		{`[1e+]`, 1, 5},
		{`[1.5.5]`, 1, 5},
		{`[1e5.5]`, 1, 5},
		{`[0x10]`, 1, 3},
		{`[1_000]`, 1, 3},
		{`[1 000]`, 1, 4},
		// Strings and their escapes.
		{`["\x"]`, 1, 4},
		{`["\u12g4"]`, 1, 7},
		{`["\U0041"]`, 1, 4},
		{`["\'"]`, 1, 4},
		{"[\"a\tb\"]", 1, 4},
		{"[\"a\nb\"]", 1, 4},
		{"[\"a\x00b\"]", 1, 4},
		{"[\"a\x1fb\"]", 1, 4},
		{`['a']`, 1, 2},
		{`["é" x]`, 1, 6},
		{`["日本" x]`, 1, 7},
		{`["😀" x]`, 1, 6},
		// Surrogates that have lost their other half: where the other half would have to begin.
		{`["\ud83d"]`, 1, 9},
		{`["\ud83dx"]`, 1, 9},
		{`["\ud83d\n"]`, 1, 10},
		{`["\ud83d\u0041"]`, 1, 11},
		{`["\ud83d\ud83d"]`, 1, 12},
		{`["\ude00"]`, 1, 6},
		{`["\uDFFF"]`, 1, 6},
		// Structure.
		{`{"a":1,}`, 1, 8},
		{`[1,]`, 1, 4},
		{`[,1]`, 1, 2},
		{`[1,,2]`, 1, 4},
		{`[1 2]`, 1, 4},
		{`{"a" 1}`, 1, 6},
		{`{"a":}`, 1, 6},
		{`{"a":1 "b":2}`, 1, 8},
		{`{"a"=1}`, 1, 5},
		{`{,}`, 1, 2},
		{`{1:2}`, 1, 2},
		{`{null:2}`, 1, 2},
		{`[1}`, 1, 3},
		{`{"a":1]`, 1, 7},
		{`]`, 1, 1},
		{`}`, 1, 1},
		{`:`, 1, 1},
		{`{"a":{"b":[1,{"c":2,}]}}`, 1, 21},
		// Text after the value: its first character.
		{`{} x`, 1, 4},
		{`{}{}`, 1, 3},
		{`{},`, 1, 3},
		{`[]]`, 1, 3},
		{"{}\n\n  x", 3, 3},
		{`1 2`, 1, 3},
		{`"a""b"`, 1, 4},
		{"{}\x00", 1, 3},
		// Lines end at LF, and at nothing else.
		{"{\n  \"a\": 1,\n  \"b\": tru\n}", 3, 11},
		{"{\r\n\"a\": x}", 2, 6},
		{"{\r\"a\": x}", 1, 8},
		{"{\"a\u2028\": x}", 1, 8},
		{"{\n", 2, 1},
		// Row 11: the trailing comma of a sample in the documents is a misprint.
		{"{\n  \"user\": {\n    \"customerNumber\": \"IT15K\",\n  }\n}", 4, 3},
		// Comments and spaces that JSON does not have.
		{`{/**/}`, 1, 2},
		{`[1,//2`, 1, 4},
		{"[\u00a01]", 1, 2},
		{"[\v1]", 1, 2},
		{"[\f1]", 1, 2},
		// Row 26: wrong UTF-8, at its first byte.
		{"\xff", 1, 1},
		{"\xef\xbb\xbf{}", 1, 1}, // a byte order mark
		{"\xff\xfe{\x00}\x00", 1, 1},
		{"[\"\xff\"]", 1, 3},
		{"[\"é\xe9\"]", 1, 4},
		{"[\"\xc0\xaf\"]", 1, 3},               // overlong
		{"[\"\xed\xa0\x80\"]", 1, 3},           // a surrogate
		{"[\"\xf4\x90\x80\x80\"]", 1, 3},       // beyond Unicode
		{"[\"\xe2\x82", 1, 3},                  // cut off within a character
		{"{\"k\xff\":1}", 1, 4},                // in a key
		{"{\"a\":1, x, \"b\":\"\xff\"}", 1, 9}, // of two mistakes the first
		{"{\"b\":\"\xff\", x}", 1, 7},
	}
	for _, test := range tests {
		t.Run(fmt.Sprintf("row 7: %q", test.body), func(t *testing.T) {
			want := fmt.Sprintf("JSON decode error at line %d, column %d", test.line, test.column)
			for _, into := range []any{&struct{}{}, &[]struct{}{}, &struct {
				A any `json:"a"`
			}{}} {
				var got *fault.Error
				if err := Decode([]byte(test.body), into); !errors.As(err, &got) {
					t.Fatalf("into %T: %v, want a fault", into, err)
				}
				if got.Kind != fault.InvalidData || got.Detail != want || got.Field != "" || got.Index != -1 || got.Hint != "" {
					t.Errorf("into %T: %+v, want %q", into, *got, want)
				}
			}
		})
	}
}

// TestNesting holds row 26: nesting too deep is refused, not crashed over, and the decoder and firstSyntaxError agree
// where that begins.
func TestNesting(t *testing.T) {
	for _, test := range []struct {
		opening, closing string
		perLevel         int
	}{
		{`[`, `]`, 1},
		{`{"a":`, `}`, 5},
	} {
		fits := strings.Repeat(test.opening, maxDepth) + "1" + strings.Repeat(test.closing, maxDepth)
		if offset, ok := firstSyntaxError([]byte(fits)); !ok {
			t.Errorf("row 26: %s: %d levels refused at %d", test.opening, maxDepth, offset)
		}
		if !jsontext.Value(fits).IsValid() {
			t.Errorf("row 26: %s: the decoder refuses %d levels", test.opening, maxDepth)
		}
		for _, levels := range []int{maxDepth + 1, 1_000_000 / test.perLevel} {
			for _, end := range []string{"", "1" + strings.Repeat(test.closing, levels)} {
				var got *fault.Error
				err := Decode([]byte(strings.Repeat(test.opening, levels)+end), &struct{}{})
				want := fmt.Sprintf("JSON decode error at line 1, column %d", maxDepth*test.perLevel+1)
				if !errors.As(err, &got) || got.Detail != want {
					t.Errorf("row 26: %s: %d levels: %v, want %s", test.opening, levels, err, want)
				}
			}
		}
	}
}

// loneSurrogate finds where an escape of half a surrogate pair may stand; encoding/json lets those pass.
var loneSurrogate = regexp.MustCompile(`\\u[dD][89a-fA-F]`)

// FuzzDecode holds Decode against what others think of the same body: encoding/json, whose scanner takes one
// byte after the other, about the place; the decoder itself about what is valid, and about the part before the bad
// character, which must be a beginning that it finds nothing wrong with.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		``, `{}`, `[{"a":1}]`, `{"a":tru}`, `["\ud83d\ude00"]`, `["\ud83d"]`, `["\ude00`, "[\"\xff\"]", `{"a":1,"a":2}`,
		`[1,2.5e-7,-0]`, "\xef\xbb\xbf{}", `a=b&c=d`, ` {"é":"日本", x`, "{\r\n\"a\" : [null,true,false]\n}",
		`{"timestamp":1}`, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		bad, ok := firstSyntaxError(body)

		want := stdOffset(body)
		if invalid := firstInvalidUTF8(body); invalid < want {
			want = invalid
		}
		if bad > want || bad < want && !loneSurrogate.Match(body[:min(bad+6, len(body))]) {
			t.Fatalf("%q: first bad character at %d, want %d", body, bad, want)
		}

		err := json.Unmarshal(body, new(jsontext.Value), jsontext.AllowDuplicateNames(true))
		if ok != (err == nil) {
			t.Fatalf("%q: found good: %v, but the decoder says %v", body, ok, err)
		}
		if !ok {
			err := json.Unmarshal(body[:bad], new(jsontext.Value), jsontext.AllowDuplicateNames(true))
			if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
				t.Fatalf("%q: bad from %d, but already before it: %v", body, bad, err)
			}
		}

		for _, into := range []any{&map[string]int{}, &[]struct {
			Timestamp string `json:"timestamp"`
		}{}} {
			err := Decode(body, into)
			var refused *fault.Error
			switch {
			case err == nil && !ok:
				t.Fatalf("%q: accepted", body)
			case err != nil && (!errors.As(err, &refused) || refused.Kind != fault.InvalidData || refused.Detail == ""):
				t.Fatalf("%q: %v is no fault with public words", body, err)
			case !ok && !strings.HasPrefix(refused.Detail, "JSON decode error at line "):
				t.Fatalf("%q: %q hides that the JSON is broken", body, refused.Detail)
			}
		}
	})
}

// stdOffset is where encoding/json stops; for a body in which it finds nothing wrong, its length. A NUL is
// wrong everywhere, so that one put behind the body makes it stop there at the latest.
func stdOffset(body []byte) int {
	var syntax *stdjson.SyntaxError
	errors.As(stdjson.Unmarshal(append(body[:len(body):len(body)], 0), new(stdjson.RawMessage)), &syntax)
	return int(syntax.Offset) - 1
}

func firstInvalidUTF8(body []byte) int {
	for i := 0; i < len(body); {
		r, size := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(body)
}
