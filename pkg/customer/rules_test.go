package customer

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
)

// fieldOf is the field that an error names; "" for none.
func fieldOf(err error) string {
	var failed *fault.Error
	errors.As(err, &failed)
	if failed == nil {
		return ""
	}
	return failed.Field
}

func TestNormaliseTrims(t *testing.T) {
	d := validDetails(" raekwon@wutangforever.wu ")
	d.City = "\tLondon "
	d.PhoneNumber = " 0044 (0123) 143-234.23 "
	got, err := d.Normalise(noon)
	if err != nil || got != validDetails("raekwon@wutangforever.wu") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNormaliseAccepts(t *testing.T) {
	for name, change := range map[string]func(*Details){
		"other scripts": func(d *Details) {
			d.GivenNames = "Łukasz"
			d.LastName = "王"
		},
		"one letter":        func(d *Details) { d.LastName = "O" },
		"an apostrophe":     func(d *Details) { d.LastName = "O'Neill-Smith & <Sons>" },
		"no capital":        func(d *Details) { d.City = "london" },
		"200 characters":    func(d *Details) { d.Address = strings.Repeat("ß", 200) },
		"a leap day":        func(d *Details) { d.DOB = "2004-02-29" },
		"a subdomain":       func(d *Details) { d.Email = "a@b.c.example" },
		"an address tagged": func(d *Details) { d.Email = "a+b.c-d_e@example.com" },
		"a short number":    func(d *Details) { d.PhoneNumber = "+2908123" },
	} {
		d := validDetails("driver@example.com")
		change(&d)
		if _, err := d.Normalise(noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Of several faults the first in the order of the request is named.
func TestNormaliseFirstFault(t *testing.T) {
	d := Details{}
	want := fieldsOf(&d)
	full := validDetails("driver@example.com")
	for i, f := range fieldsOf(&full) {
		if _, err := d.Normalise(noon); fieldOf(err) != want[i].path {
			t.Errorf("%q is named, want %q", fieldOf(err), want[i].path)
		}
		*fieldsOf(&d)[i].value = *f.value
	}
	if _, err := d.Normalise(noon); err != nil {
		t.Error(err)
	}
}

func TestNormaliseProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d Details
		for _, f := range fieldsOf(&d) {
			*f.value = rapid.OneOf(rapid.StringN(0, 250, -1), rapid.SampledFrom([]string{
				"1984-01-15", "a@example.com", "+44 1234 567890", "London", " x ", "",
			})).Draw(t, f.path)
		}
		clean, err := d.Normalise(noon)
		if err == nil {
			if again, err := clean.Normalise(noon); err != nil || again != clean {
				t.Fatalf("%+v became %+v, %v", clean, again, err)
			}
			return
		}
		if fault.KindOf(err) != fault.InvalidData || fieldOf(err) == "" {
			t.Fatalf("%v", err)
		}
		words := err.Error()
		for _, f := range fieldsOf(&d) {
			if len(*f.value) > 20 && strings.Contains(words, *f.value) {
				t.Fatalf("%s repeats what was sent", words)
			}
		}
	})
}

func TestNumberAlphabet(t *testing.T) {
	seen := map[byte]bool{}
	for range 5000 {
		number := GenerateNumber()
		if len(number) != numberLength || !validNumber(number) || strings.ContainsAny(number, "01258ABEGILOSUZ6") {
			t.Fatal(number)
		}
		for _, c := range []byte(number) {
			seen[c] = true
		}
	}
	if len(seen) != len(numberAlphabet) {
		t.Errorf("of %d characters %d are drawn", len(numberAlphabet), len(seen))
	}
}

func TestNumberFormat(t *testing.T) {
	for s, want := range map[string]bool{
		"ABC123": true, "0": true, "IT15K": true, "": false, "abc": false, "AB-1": false, "AB 1": false, "É": false,
		"A\x00": false,
	} {
		if validNumber(s) != want {
			t.Errorf("%q: %v", s, !want)
		}
	}
}

func TestRow9CanonicalNames(t *testing.T) {
	for _, c := range []struct{ sent, want []string }{
		{nil, []string{}},
		{[]string{"babysitter"}, []string{"childminder"}},
		{[]string{"BABYSITTER", "Tutor", "childminder"}, []string{"childminder", "tutor"}},
	} {
		if got, err := childminderProduct.canonical(c.sent); err != nil || got == nil || !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, %v", c.sent, got, err)
		}
	}
	for _, sent := range []string{"", "baby sitter", "pirate"} {
		if _, err := childminderProduct.canonical([]string{"tutor", sent}); fieldOf(err) != "product.occupations" {
			t.Errorf("%q: %v", sent, err)
		}
	}
}

// Row 25: two requests are the same if all their values are.
func TestDigests(t *testing.T) {
	texts := rapid.SampledFrom([]string{"", "a", "b", "ab", `["a" "b"]`, "a\x00b"})
	paths := []string{"customer.city", "customer.dob", "product.code"}
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (values []enrolField) {
			for _, path := range paths {
				values = append(values, enrolField{path: path, text: texts.Draw(t, label+" "+path)})
			}
			return values
		}
		first := draw("first")
		second := draw("second")
		different := ""
		for i := range first {
			if different == "" && first[i] != second[i] {
				different = first[i].path
			}
		}
		if got := fieldOf(digestsOf(first).diff(second)); got != different {
			t.Fatalf("%q is named, want %q", got, different)
		}
	})
}

func TestDigestSalt(t *testing.T) {
	values := []enrolField{{path: "customer.dob", text: "1984-01-15"}}
	one := digestsOf(values).byPath["customer.dob"]
	two := digestsOf(values).byPath["customer.dob"]
	if string(one) == string(two) {
		t.Error("the salt does nothing")
	}
}
