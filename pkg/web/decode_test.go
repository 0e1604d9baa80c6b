package web

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
)

// event and enrolment are bodies like those of the endpoints.
type event struct {
	person.PersonRef
	Timestamp string `json:"timestamp"`
	Success   *bool  `json:"success"`
}

type enrolment struct {
	Product struct {
		Code        string   `json:"code"`
		Occupations []string `json:"occupations"`
		Weight      int8     `json:"weight"`
	} `json:"product"`
}

func TestDecodeErrors(t *testing.T) {
	const noObject, noArray = "The body must be a JSON object", "The body must be a JSON array"
	const typo = "JSON decode error at line 1, column "
	tests := []struct {
		name, body string
		into       any
		want       fault.Error
	}{
		// The kind of the whole body.
		{"an array for an object", `[]`, &event{}, fault.Error{Detail: noObject, Index: -1}},
		{"a string for an object", `"x"`, &event{}, fault.Error{Detail: noObject, Index: -1}},
		{"null for an object", "\n null ", &event{}, fault.Error{Detail: noObject, Index: -1}},
		{"an object for an array", `{"timestamp":1}`, &[]event{}, fault.Error{Detail: noArray, Index: -1}},
		{"null for an array", `null`, &[]event{}, fault.Error{Detail: noArray, Index: -1}},
		{"a number for an array", `1`, &[]event{}, fault.Error{Detail: noArray, Index: -1}},
		{"a number for an item", `[{},1]`, &[]event{}, fault.Error{Detail: "Each item must be an object", Index: 1}},

		// Wrong types name the field, and in a batch the item.
		{
			"a number for a string",
			`{"timestamp":1}`,
			&event{},
			fault.Error{Field: "timestamp", Detail: "`timestamp` must be a string", Index: -1},
		},
		{
			"an object for a string",
			`{"timestamp":{}}`,
			&event{},
			fault.Error{Field: "timestamp", Detail: "`timestamp` must be a string", Index: -1},
		},
		{
			"a string for a bool",
			`{"success":"true"}`,
			&event{},
			fault.Error{Field: "success", Detail: "`success` must be true or false", Index: -1},
		},
		{
			"row 2: an object for an id",
			`{"customerNumber":{"a":1}}`,
			&event{},
			fault.Error{Field: "customerNumber", Detail: "`customerNumber` must be a string or an integer", Index: -1},
		},
		{
			"row 2: true for an id",
			`{"driverId":true}`,
			&event{},
			fault.Error{Field: "driverId", Detail: "`driverId` must be a string or an integer", Index: -1},
		},
		{
			"row 2: 1.0 for an id",
			`{"policyId":1.0}`,
			&event{},
			fault.Error{Field: "policyId", Detail: "`policyId` must be a string or an integer", Index: -1},
		},
		{
			"row 2: 1e3 for an id",
			`{"workProviderUserId":1e3}`,
			&event{},
			fault.Error{Field: "workProviderUserId", Detail: "`workProviderUserId` must be a string or an integer", Index: -1},
		},
		{
			"row 20: a wrong type in a batch",
			`[{},{},{"timestamp":true}]`,
			&[]event{},
			fault.Error{Field: "timestamp", Detail: "`timestamp` must be a string", Index: 2},
		},
		{
			"row 20: a wrong id in a batch",
			`[{"customerNumber":[]}]`,
			&[]event{},
			fault.Error{Field: "customerNumber", Detail: "`customerNumber` must be a string or an integer", Index: 0},
		},
		{
			"a string for a nested object",
			`{"product":"x"}`,
			&enrolment{},
			fault.Error{Field: "product", Detail: "`product` must be an object", Index: -1},
		},
		{
			"a nested field",
			`{"product":{"code":7}}`,
			&enrolment{},
			fault.Error{Field: "product.code", Detail: "`product.code` must be a string", Index: -1},
		},
		{
			"a string for an array",
			`{"product":{"occupations":"x"}}`,
			&enrolment{},
			fault.Error{Field: "product.occupations", Detail: "`product.occupations` must be an array", Index: -1},
		},
		{
			"an item of a nested array",
			`{"product":{"occupations":["a",1]}}`,
			&enrolment{},
			fault.Error{Field: "product.occupations.1", Detail: "`product.occupations.1` must be a string", Index: -1},
		},
		{
			"a number out of range",
			`{"product":{"weight":1000}}`,
			&enrolment{},
			fault.Error{Field: "product.weight", Detail: "`product.weight` must be a number within range", Index: -1},
		},

		// Names given twice.
		{
			"row 3: a known key twice",
			`{"timestamp":"a", "timestamp":"a"}`,
			&event{},
			fault.Error{Detail: "Duplicate key at line 1, column 19", Index: -1},
		},
		{
			"row 3: twice with escapes",
			`{"timestamp":"a","\u0074imestamp":"a"}`,
			&event{},
			fault.Error{Detail: "Duplicate key at line 1, column 18", Index: -1},
		},
		{
			"row 3: an unknown key twice",
			"{\"é\":1,\n \"é\":2}",
			&event{},
			fault.Error{Detail: "Duplicate key at line 2, column 2", Index: -1},
		},
		{
			"row 3: twice within what is ignored",
			`{"x":[{"a":1,"a":2}]}`,
			&event{},
			fault.Error{Detail: "Duplicate key at line 1, column 14", Index: -1},
		},
		{
			"row 3: twice in a batch",
			`[{},{"a":1,"a":2}]`,
			&[]event{},
			fault.Error{Detail: "Duplicate key at line 1, column 12", Index: 1},
		},
		{
			"row 3: a key in another case beside it is another key",
			`{"timestamp":1,"Timestamp":"x"}`,
			&event{},
			fault.Error{Field: "timestamp", Detail: "`timestamp` must be a string", Index: -1},
		},

		// Of several mistakes.
		{"broken JSON behind a wrong type", `{"timestamp":1,}`, &event{}, fault.Error{Detail: typo + "16", Index: -1}},
		{"broken JSON behind a wrong id", `{"customerNumber":[1`, &event{}, fault.Error{Detail: typo + "21", Index: -1}},
		{"broken JSON behind a wrong body", `["a" "b"]`, &event{}, fault.Error{Detail: typo + "6", Index: -1}},
		{"broken JSON behind a key given twice", `{"a":1,"a":2`, &event{}, fault.Error{Detail: typo + "13", Index: -1}},
		{
			"a key given twice behind a wrong type",
			`{"timestamp":1,"a":1,"a":1}`,
			&event{},
			fault.Error{Detail: "Duplicate key at line 1, column 22", Index: -1},
		},

		// Forms.
		{
			"row 6: the form of the documents",
			`workProviderUserId=timestamp&workProviderUserId=timestamp`,
			&[]event{},
			fault.Error{Detail: typo + "1", Hint: "The body looks form-encoded: send it as JSON", Index: -1},
		},
		{
			"row 6: a form that begins like a literal",
			`timestamp=workProviderUserId`,
			&[]event{},
			fault.Error{Detail: typo + "1", Hint: "The body looks form-encoded: send it as JSON", Index: -1},
		},
		{
			"row 6: a form with escapes",
			`%7B%22a%22=1`,
			&event{},
			fault.Error{Detail: typo + "1", Hint: "The body looks form-encoded: send it as JSON", Index: -1},
		},
		{"row 6: no form", `x: a=b`, &event{}, fault.Error{Detail: typo + "1", Index: -1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.want.Kind = fault.InvalidData
			var got *fault.Error
			if err := Decode([]byte(test.body), test.into); !errors.As(err, &got) || *got != test.want {
				t.Errorf("got %+v\nwant %+v", err, &test.want)
			}
		})
	}
}

func TestDecodeAccepts(t *testing.T) {
	t.Run("row 3: names to the letter, others ignored", func(t *testing.T) {
		var got event
		body := ` {"Timestamp":"no","timestamp":"yes","startTime ":1,"x":{"deep":[{}]},"success":false} `
		if err := Decode([]byte(body), &got); err != nil || got.Timestamp != "yes" || got.Success == nil || *got.Success {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("row 1: null is as not sent", func(t *testing.T) {
		var got event
		body := `{"customerNumber":null,"workProviderUserId":"1686","timestamp":null,"success":null}`
		if err := Decode([]byte(body), &got); err != nil ||
			got != (event{PersonRef: person.PersonRef{WorkProviderUserID: "1686"}}) {
			t.Errorf("got %+v, %v", got, err)
		}
	})
	t.Run("row 2: an integer as it is spelled", func(t *testing.T) {
		for _, literal := range []string{"0", "-0", "12345", "-5", "123456789012345678901234567890", `"007"`} {
			var got event
			err := Decode([]byte(`{"workProviderUserId":`+literal+`}`), &got)
			if want := strings.Trim(literal, `"`); err != nil || string(got.WorkProviderUserID) != want {
				t.Errorf("%s: got %q, %v", literal, got.WorkProviderUserID, err)
			}
		}
	})
	t.Run("row 19: a batch, an empty one too", func(t *testing.T) {
		for body, want := range map[string]int{`[]`: 0, ` [ ] `: 0, `[{}]`: 1,
			"\n[{\"customerNumber\":\"A\"},{\"driverId\":7}]\r\n": 2} {
			var got []event
			if err := Decode([]byte(body), &got); err != nil || len(got) != want {
				t.Errorf("%q: got %d items, %v", body, len(got), err)
			}
		}
	})
	t.Run("pairs of surrogates and all of Unicode", func(t *testing.T) {
		var got event
		if err := Decode([]byte(`{"timestamp":"\ud83d\ude00é\u0000`+"\u2028\ufffe\U0010ffff"+`\/"}`), &got); err != nil ||
			got.Timestamp != "😀é\x00\u2028\ufffe\U0010ffff/" {
			t.Errorf("got %q, %v", got.Timestamp, err)
		}
	})
}

func BenchmarkDecodeBatch(b *testing.B) {
	var body strings.Builder
	body.WriteByte('[')
	for i := range 1000 {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"workProviderUserId":"%d","timestamp":"2018-12-15T14:%02d:%02d.123456+00:00"}`, i, i/60, i%60)
	}
	body.WriteByte(']')
	text := []byte(body.String())
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		var events []event
		if err := Decode(text, &events); err != nil || len(events) != 1000 {
			b.Fatal(err)
		}
	}
}

// Items are checked in order, and an item that fails does not hide a value of a wrong type behind it.
func TestDecodeBatch(t *testing.T) {
	type item struct {
		N int `json:"n"`
	}
	negative := fault.InvalidField("n", "`n` must not be negative")
	for body, want := range map[string]struct {
		seen   int
		detail string
		index  int
	}{
		`[]`:                          {0, "", -1},
		` [{"n":1},{"n":2},{}] `:      {3, "", -1},
		`[{"n":1},{"n":-1},{"n":-2}]`: {2, "`n` must not be negative", 1},
		`[{"n":-1},{"n":"2"}]`:        {1, "`n` must be a number within range", 1},
		`[{"n":-1},{"n":1,"n":1}]`:    {1, "Duplicate key at line 1, column 18", 1},
		`[{"n":-1},`:                  {1, "JSON decode error at line 1, column 11", -1},
		`null`:                        {0, "The body must be a JSON array", -1},
		`{"n":1}`:                     {0, "The body must be a JSON array", -1},
		`[1]`:                         {0, "Each item must be an object", 0},
		`[null]`:                      {1, "", -1},
	} {
		seen := 0
		err := DecodeBatch([]byte(body), func(i *item) error {
			seen++
			if i.N < 0 {
				return negative
			}
			return nil
		})
		got := &fault.Error{Index: -1}
		errors.As(err, &got)
		if seen != want.seen || got.Detail != want.detail || got.Index != want.index {
			t.Errorf("%s: %d seen, %q of %d", body, seen, got.Detail, got.Index)
		}
	}
}
