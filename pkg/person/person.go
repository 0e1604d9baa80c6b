// Package person parses how a request names a person: contract rows 1, 2 and 3.
//
// A person is named by a customer number, which is Zego's, or by the id that a work provider has given them.
// Each of the two has an older, deprecated alias: policyId for customerNumber, driverId for workProviderUserId.
package person

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/fault"
)

// maxBytes is the longest id, in bytes of UTF-8 (row 2).
const maxBytes = 255

// Kind is one of the two ways to name a person. Its letters are stored.
type Kind byte

// The two kinds of row 1.
const (
	CustomerNumber Kind = 'C' // customerNumber, formerly policyId
	UserID         Kind = 'U' // workProviderUserId, formerly driverId
)

// Name names a person within one work provider. Two names are the same exactly if they compare equal.
type Name struct {
	Kind  Kind
	Value string // normalised
}

// NewCustomerNumber returns the name for a customer number: trimmed and upper-cased, then 1 to 255 bytes of
// UTF-8 without control characters (row 2). If it is none, the fault names "customerNumber".
func NewCustomerNumber(s string) (Name, error) {
	return parse(CustomerNumber, "customerNumber", s)
}

// NewUserID returns the name for a work provider's id, which is opaque: 1 to 255 bytes of UTF-8 without
// control characters (row 2). If it is none, the fault names "workProviderUserId".
func NewUserID(s string) (Name, error) {
	return parse(UserID, "workProviderUserId", s)
}

// parse normalises and checks the value of one field.
func parse(kind Kind, field, s string) (Name, error) {
	if !utf8.ValidString(s) {
		return Name{}, fault.InvalidField(field, fmt.Sprintf("`%s` must be UTF-8", field))
	}
	if kind == CustomerNumber {
		s = strings.ToUpper(strings.TrimSpace(s))
	}
	if s == "" || len(s) > maxBytes {
		return Name{}, fault.InvalidField(field, fmt.Sprintf("`%s` must be 1 to %d bytes long", field, maxBytes))
	}
	if strings.ContainsFunc(s, unicode.IsControl) {
		return Name{}, fault.InvalidField(field, fmt.Sprintf("`%s` must not contain control characters", field))
	}
	return Name{Kind: kind, Value: s}, nil
}

// ID is an id as a JSON body may give it (row 2): a string, or an integer, which stands for its literal as
// it is spelled. Null and the empty string both mean that it was not sent (row 1).
type ID string

// errNotID names no field, because an ID does not know which field it is; the decoder of the body does.
var errNotID = fault.New(fault.InvalidData, "must be a string or an integer")

// UnmarshalJSONFrom reads the next value; whatever is no ID is InvalidData.
func (id *ID) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	switch dec.PeekKind() {
	case '{', '[', 't', 'f':
		return errNotID
	}
	token, err := dec.ReadToken()
	if err != nil {
		return err
	}
	switch token.Kind() {
	case jsontext.KindNull:
		*id = ""
	case jsontext.KindString:
		*id = ID(token.String())
	case jsontext.KindNumber:
		literal := token.String()
		if strings.ContainsAny(literal, ".eE") {
			return errNotID
		}
		*id = ID(literal)
	}
	return nil
}

// PersonRef is the part of a JSON body that names a person; the type of a body embeds it.
type PersonRef struct {
	CustomerNumber     ID `json:"customerNumber"`
	WorkProviderUserID ID `json:"workProviderUserId"`
	PolicyID           ID `json:"policyId"` // deprecated
	DriverID           ID `json:"driverId"` // deprecated
}

// Name returns the person that a body names. Exactly one of the two kinds must have been sent, and a
// deprecated spelling beside its successor must have the same value (row 1).
func (r PersonRef) Name() (Name, error) {
	var c resolver
	c.add(CustomerNumber, "customerNumber", string(r.CustomerNumber))
	c.add(CustomerNumber, "policyId", string(r.PolicyID))
	c.add(UserID, "workProviderUserId", string(r.WorkProviderUserID))
	c.add(UserID, "driverId", string(r.DriverID))
	return c.name()
}

// Customer returns the person where only a customer number counts and the work provider's own ids are
// ignored: match (row 3).
func (r PersonRef) Customer() (Name, error) {
	var c resolver
	c.add(CustomerNumber, "customerNumber", string(r.CustomerNumber))
	c.add(CustomerNumber, "policyId", string(r.PolicyID))
	if c.err == nil && c.field == "" {
		return Name{}, fault.InvalidField("customerNumber", "`customerNumber` must be provided")
	}
	return c.name()
}

// ReportDeprecated calls report with each deprecated alias that a body uses.
func (r PersonRef) ReportDeprecated(report func(alias string)) {
	if r.PolicyID != "" {
		report("policyId")
	}
	if r.DriverID != "" {
		report("driverId")
	}
}

// ReportDeprecatedQuery calls report with each deprecated alias that a query uses.
func ReportDeprecatedQuery(q url.Values, report func(alias string)) {
	for _, alias := range []string{"policyId", "driverId"} {
		if q.Get(alias) != "" {
			report(alias)
		}
	}
}

// FromQuery returns the person that a query names, by the same rules as a body. A parameter may be repeated
// if it repeats the same value (row 1).
func FromQuery(q url.Values) (Name, error) {
	var c resolver
	for _, param := range []struct {
		kind  Kind
		field string
	}{
		{CustomerNumber, "customerNumber"}, {CustomerNumber, "policyId"},
		{UserID, "workProviderUserId"}, {UserID, "driverId"},
	} {
		for _, value := range q[param.field] {
			c.add(param.kind, param.field, value)
		}
	}
	return c.name()
}

// resolver collects the fields that name a person, and resolves them to one name. Its first fault stays.
type resolver struct {
	resolved Name
	field    string // where resolved came from; "" until something was sent
	err      error
}

func (r *resolver) add(kind Kind, field, value string) {
	if r.err != nil || value == "" {
		return
	}
	if r.field != "" && r.resolved.Kind != kind {
		r.err = fault.InvalidField(field, msgExactlyOne)
		return
	}
	name, err := parse(kind, field, value)
	switch {
	case err != nil:
		r.err = err
	case r.field == "":
		r.resolved = name
		r.field = field
	case name != r.resolved && field == r.field:
		r.err = fault.InvalidField(field, fmt.Sprintf("`%s` is repeated with different values", field))
	case name != r.resolved:
		r.err = fault.InvalidField(field, fmt.Sprintf("`%s` must have the same value as `%s`, or be omitted", field, r.field))
	}
}

func (r *resolver) name() (Name, error) {
	if r.err == nil && r.field == "" {
		r.err = fault.InvalidField("customerNumber", msgExactlyOne)
	}
	if r.err != nil {
		return Name{}, r.err
	}
	return r.resolved, nil
}

// msgExactlyOne is said of the second field where both kinds were sent; of the customer number where none was.
const msgExactlyOne = "Exactly one of customerNumber or workProviderUserId must be provided"
