package customer

import (
	"strings"
	"testing"
)

// Details as people type them.
func TestNormaliseDetails(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Details)
		want   func(Details) string
		result string // "" if it is refused
	}{
		"post code":             {func(d *Details) { d.PostCode = " ec2a4ds " }, postCode, "EC2A 4DS"},
		"post code, spaces":     {func(d *Details) { d.PostCode = "m 1  1ae" }, postCode, "M1 1AE"},
		"post code elsewhere":   {func(d *Details) { d.PostCode = "d02 x285" }, postCode, "D02 X285"},
		"post code with hyphen": {func(d *Details) { d.PostCode = "00-950" }, postCode, "00-950"},
		"no post code":          {func(d *Details) { d.PostCode = "London" }, postCode, ""},
		"post code of signs":    {func(d *Details) { d.PostCode = "!!" }, postCode, ""},
		"dob of JavaScript":     {func(d *Details) { d.DOB = "1984-01-15T00:00:00.000Z" }, dob, "1984-01-15"},
		"dob with an offset":    {func(d *Details) { d.DOB = "1984-06-15T00:00:00+01:00" }, dob, "1984-06-15"},
		"dob, day in doubt":     {func(d *Details) { d.DOB = "1984-06-14T23:00:00.000Z" }, dob, ""},
		"16 today":              {func(d *Details) { d.DOB = "2010-03-14" }, dob, "2010-03-14"},
		"16 tomorrow":           {func(d *Details) { d.DOB = noon.AddDate(-16, 0, 1).Format("2006-01-02") }, dob, ""},
		"110":                   {func(d *Details) { d.DOB = noon.AddDate(-110, 0, -1).Format("2006-01-02") }, dob, ""},
		"a name of spaces":      {func(d *Details) { d.LastName = "\u200b\u2060" }, lastName, ""},
		"a name of fillers":     {func(d *Details) { d.LastName = "\u3164" }, lastName, ""},
		"a name of signs":       {func(d *Details) { d.LastName = "-.-" }, lastName, ""},
		"a name":                {func(d *Details) { d.LastName = "Ó" }, lastName, "Ó"},
	} {
		d := validDetails("driver@example.com")
		c.change(&d)
		got, err := d.Normalise(noon)
		if (err == nil) != (c.result != "") || err == nil && c.want(got) != c.result {
			t.Errorf("%s: %q, %v", name, c.want(got), err)
		}
	}
}

func postCode(d Details) string { return d.PostCode }

func dob(d Details) string { return d.DOB }

func lastName(d Details) string { return d.LastName }

func TestNormaliseRegistration(t *testing.T) {
	for typed, want := range map[string]string{
		"ab12cde": "AB12 CDE", " AB12  cde ": "AB12 CDE", "vy7 jc3": "VY7 JC3", "a1": "A1", "wü ab 12": "WÜ AB 12",
		"1234-ABC": "1234-ABC",
		"":         "", "!!": "", "ABCDEF": "", "A": "", "AB12 CDE AB12": "", strings.Repeat("1", 11): "",
	} {
		if got, ok := NormaliseRegistration(typed); ok != (want != "") || ok && got != want {
			t.Errorf("%q is %q, %v", typed, got, ok)
		}
	}
}

// What earlier releases normalised less is the same enrolment when it is sent again.
func TestRow25EarlierNormalisation(t *testing.T) {
	w := childminders(t)
	sent := strings.NewReplacer("+44012314323423", "+44 (0)7700 900123", "EC2A 4DS", "ec2a4ds").Replace(example)
	first, _ := w.enrolled(sent)
	again, _ := w.enrolled(strings.Replace(sent, "+44 (0)7700 900123", "tel:+44-7700-900-123", 1))
	if again != first {
		t.Errorf("%s, first %s", again, first)
	}
	earlier := Details{PhoneNumber: "+4407700900123"}
	stored := digestsOf([]enrolField{{path: "customer.phoneNumber", text: earlier.PhoneNumber}})
	a := enrolInput{details: Details{PhoneNumber: "+447700900123"}, earlier: earlier}
	for _, f := range a.fields() {
		if f.path == "customer.phoneNumber" && stored.diff([]enrolField{f}) != nil {
			t.Error("an enrolment of an earlier release is another")
		}
	}
}
