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
	maxAge      = 130 // years
)

var (
	// phoneShape is E.164: at most 15 digits, of which the first belong to the country.
	phoneShape      = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
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

// Normalise trims the details and normalises the telephone number. All are required; the first that is missing or
// cannot be right is InvalidData naming the field (contract row 24).
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
	d.PhoneNumber = phoneSeparators.Replace(strings.TrimSpace(d.PhoneNumber))
	if strings.HasPrefix(d.PhoneNumber, "00") {
		d.PhoneNumber = "+" + d.PhoneNumber[2:]
	}
	if email, ok := ParseEmail(d.Email); ok {
		d.Email = email
	}
	var faults []*fault.Error
	for _, f := range fieldsOf(&d) {
		*f.value = strings.TrimSpace(*f.value)
		wrong := ""
		switch {
		case *f.value == "":
			wrong = "is required"
		case strings.ContainsFunc(*f.value, unicode.IsControl):
			wrong = "must not contain control characters"
		case utf8.RuneCountInString(*f.value) > f.limit:
			wrong = "is too long"
		case f.value == &d.DOB && !plausibleDOB(d.DOB, now):
			wrong = "must be a date of birth such as 1984-01-15"
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

// plausibleDOB reports whether a living person can have been born that day.
func plausibleDOB(s string, now time.Time) bool {
	born, err := time.Parse(time.DateOnly, s)
	return err == nil && born.Before(now) && born.After(now.AddDate(-maxAge, 0, 0))
}
