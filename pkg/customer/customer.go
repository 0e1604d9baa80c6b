// Package customer keeps the insured: who they are, what they are covered for, and how a work provider enrols them.
//
//	customer.go  a customer's details and policy, and what makes them acceptable
//	email.go     email addresses, parsed and compared
//	number.go    how a customer number is generated
//	product.go   what can be insured, and for which occupations
//	store.go     the items of customers, policies, products and enrolments
//	register.go  a new customer, written in one transaction
//	status.go    GET /v1/user/status
//	validate.go  GET /v1/validate/customer-number/{customerNumber}
//	enrol.go     POST /v1/customer/enrol
//	erase.go     what is left of a customer who was erased
//
// All personal data is in this package's items, and nowhere else. It is never part of an error, a log line or a URL.
package customer

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zego.com/workprovider/pkg/fault"
)

// Customer is a person we insure.
type Customer struct {
	Number string // A-Z0-9, such as "ABC123"
	Details
}

// Details are a person's details, named as in the enrol request.
type Details struct {
	GivenNames  string
	LastName    string
	Address     string // its first line only
	City        string
	PostCode    string
	DOB         string // date of birth, YYYY-MM-DD
	Email       string // as the customer writes it; compare it by NormaliseEmail
	PhoneNumber string // + and digits, the dialling country first
}

// Policy is what a customer is covered for. Its cover is what the product offered when the policy was made: a product
// that changes later changes no policy.
type Policy struct {
	Insured             bool
	Product             string   // its code; "" if the policy is individual
	Occupations         []string // canonical names
	CoverLevel          string   // such as "Third Party (TPO)"
	ClassOfUse          string   // such as "Carriage of Goods for Hire & Reward"
	VehicleRegistration string   // "" unless the policy is specific to a vehicle
}

// Limits on details, in characters. They are far beyond any real value.
const (
	maxText     = 200
	maxPostCode = 20
	minAge      = 16 // years
	maxAge      = 110
)

var (
	// phoneShape is E.164: at most 15 digits, of which the first belong to the country.
	phoneShape      = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	ukPostCode      = regexp.MustCompile(`^[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}$`)
	postCodeShape   = regexp.MustCompile(`^[A-Z0-9][A-Z0-9 -]{1,9}$`)
	ukPlate         = regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z]{3}$`)
	phoneSeparators = strings.NewReplacer(" ", "", "-", "", "(", "", ")", "", ".", "", "/", "")
)

// field is one of a person's details: its path in the enrol request, and where its value is.
type field struct {
	path  string
	value *string
	limit int
}

// fieldsOf returns all fields of details, in the order of the request: the first fault is that of the first field.
func fieldsOf(d *Details) []field {
	return []field{
		{"customer.givenNames", &d.GivenNames, maxText},
		{"customer.lastName", &d.LastName, maxText},
		{"customer.address", &d.Address, maxText},
		{"customer.city", &d.City, maxText},
		{"customer.postCode", &d.PostCode, maxPostCode},
		{"customer.dob", &d.DOB, maxText},
		{"customer.email", &d.Email, maxEmail},
		{"customer.phoneNumber", &d.PhoneNumber, maxText},
	}
}

// Normalise trims the details and normalises post code, date of birth and telephone number. All are required; the first
// that is missing or cannot be right is InvalidData naming the field (contract row 24).
func (d Details) Normalise(now time.Time) (Details, error) {
	d, faults := d.Validate(now)
	if len(faults) > 0 {
		return Details{}, faults[0]
	}
	return d, nil
}

// Validate is Normalise for a form that people fill in: it returns the details as far as they are valid, and
// every fault.
func (d Details) Validate(now time.Time) (Details, []*fault.Error) {
	d = d.trim()
	d.PostCode = normalisePostCode(d.PostCode)
	d.DOB = dateOfBirth(d.DOB)
	var faults []*fault.Error
	for _, f := range fieldsOf(&d) {
		wrong := ""
		switch {
		case *f.value == "":
			wrong = "is required"
		case strings.ContainsFunc(*f.value, unicode.IsControl):
			wrong = "must not contain control characters"
		case utf8.RuneCountInString(*f.value) > f.limit:
			wrong = "is too long"
		case !isVisible(*f.value):
			wrong = "must have something visible"
		case f.value == &d.PostCode && !isPostCode(d.PostCode):
			wrong = "must be a post code such as EC2A 4DS"
		case f.value == &d.DOB && !plausibleDOB(d.DOB, now):
			wrong = "must be the date of birth, such as 1984-01-15, of a person of 16 to 110 years"
		case f.value == &d.Email && !IsEmail(d.Email):
			wrong = "must be an email address"
		case f.value == &d.PhoneNumber && !phoneShape.MatchString(d.PhoneNumber):
			wrong = "must be a telephone number with its dialling country, such as +441234567890"
		}
		if wrong != "" {
			faults = append(faults, fault.InvalidField(f.path, "`"+f.path+"` "+wrong))
		}
	}
	return d, faults
}

// trim returns the details without spaces around them, an email that can be one as it is stored, and the telephone
// number without separators.
func (d Details) trim() Details {
	for _, f := range fieldsOf(&d) {
		*f.value = strings.TrimSpace(*f.value)
	}
	d.PhoneNumber = phoneSeparators.Replace(d.PhoneNumber)
	if strings.HasPrefix(d.PhoneNumber, "00") {
		d.PhoneNumber = "+" + d.PhoneNumber[2:]
	}
	if email, ok := ParseEmail(d.Email); ok {
		d.Email = email
	}
	return d
}

// isVisible reports whether a text has a letter or a digit that is seen. The fillers of Hangul are letters, and blank.
func isVisible(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool {
		return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !strings.ContainsRune("\u115f\u1160\u3164\uffa0", r)
	})
}

// normalisePostCode returns a post code in capitals; one of the United Kingdom with the space in its place.
func normalisePostCode(s string) string {
	words := strings.Fields(strings.ToUpper(s))
	if code := strings.Join(words, ""); ukPostCode.MatchString(code) {
		return code[:len(code)-3] + " " + code[len(code)-3:]
	}
	return strings.Join(words, " ")
}

// isPostCode reports whether a normalised text looks like a post code, of whatever country: all of those that address
// couriers here have a digit.
func isPostCode(s string) bool {
	return postCodeShape.MatchString(s) && strings.ContainsAny(s, "0123456789")
}

// NormaliseRegistration returns a number plate in capitals, with single spaces, and one of the United Kingdom's present
// style with the space in its place; false if it does not look like one.
func NormaliseRegistration(s string) (string, bool) {
	words := strings.Fields(strings.ToUpper(s))
	plate := strings.Join(words, "")
	if ukPlate.MatchString(plate) {
		return plate[:4] + " " + plate[4:], true
	}
	letters := 0
	for _, r := range plate {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' {
			return "", false
		}
		letters++
	}
	return strings.Join(words, " "), letters >= 2 && letters <= 10 && strings.ContainsAny(plate, "0123456789")
}

// dateOfBirth returns a date of birth as YYYY-MM-DD also if it comes as the midnight of a day, as JavaScript writes a
// date in JSON. Another time of the day leaves in doubt which day is meant, and stays as it is.
func dateOfBirth(s string) string {
	s = strings.TrimSpace(s)
	at, err := time.Parse(time.RFC3339Nano, s)
	if hour, minute, second := at.Clock(); err != nil || hour+minute+second+at.Nanosecond() != 0 {
		return s
	}
	return at.Format(time.DateOnly)
}

// plausibleDOB reports whether a person born that day can work as a courier today.
func plausibleDOB(s string, now time.Time) bool {
	born, err := time.Parse(time.DateOnly, s)
	return err == nil && !born.After(now.AddDate(-minAge, 0, 0)) && born.After(now.AddDate(-maxAge, 0, 0))
}
