package web

import (
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"zego.com/workprovider/pkg/fault"
)

// Query returns the parameters of the query. Broken percent escapes are InvalidData, and so is what is not UTF-8
// once they are decoded (contract row 26). A semicolon is an ordinary character, as it is to the gateway.
func (r *Request) Query() (url.Values, error) {
	query, err := ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, fault.InvalidField("query", "Malformed query string")
	}
	if decoded, _ := url.QueryUnescape(r.URL.RawQuery); !utf8.ValidString(decoded) {
		return nil, fault.InvalidField("query", "The query must be UTF-8")
	}
	return query, nil
}

// ParseQuery parses a query or a form. A semicolon is an ordinary character, as it is to the gateway; url.ParseQuery
// would return an error, so that it would depend on where the function runs.
func ParseQuery(text string) (url.Values, error) {
	return url.ParseQuery(strings.ReplaceAll(text, ";", "%3B"))
}

// RepairAmpersands renames the parameters of a link that was copied out of HTML with its escapes: the & before a
// parameter was "&amp;", so that its name begins with "amp;".
func RepairAmpersands(query url.Values) {
	for name, values := range query {
		if repaired, ok := strings.CutPrefix(name, "amp;"); ok {
			delete(query, name)
			query[repaired] = append(query[repaired], values...)
		}
	}
}

// RepairQueryEmail repairs an email from a query whose sender forgot that a plus there means a space (contract row 28).
func RepairQueryEmail(email string) string {
	return strings.ReplaceAll(strings.TrimSpace(email), " ", "+")
}

// ParseQueryTime is [ParseTime] for a time from a query of v2, repaired likewise: a space is the plus of its offset,
// unless it is between date and time (contract row 28).
func ParseQueryTime(field, s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	const dateAndT = len("2018-12-15T")
	if len(s) > dateAndT {
		s = s[:dateAndT] + strings.ReplaceAll(s[dateAndT:], " ", "+")
	}
	return ParseTime(field, s, ZoneOptional)
}
