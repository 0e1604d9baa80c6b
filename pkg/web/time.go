package web

import (
	"fmt"
	"time"

	"zego.com/workprovider/pkg/fault"
)

// FormatTime formats a time as responses have it (contract row 12): UTC, "2018-12-15T14:00:00+00:00", and six digits of
// a fraction only if there is one. It is meant for the years 1 to 9999.
func FormatTime(t time.Time) string {
	t = t.UTC()
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02T15:04:05+00:00")
	}
	return t.Format("2006-01-02T15:04:05.000000+00:00")
}

// Zone says whether a time needs an offset from UTC.
type Zone uint8

// The offset is required in v1, and optional in v2, where a time without one is in UTC.
const (
	ZoneRequired Zone = iota
	ZoneOptional
)

// firstYear is the first year of which a request may have a time.
const firstYear = 2000

// ParseTime reads a time as requests may have it (contract row 13): a date, "T" or a space, hours and minutes; then,
// if they are there, seconds and any fraction of them; then "Z" or an offset of hours or of hours and minutes, with or
// without a colon. Letters may be lower-case. A time without an offset is UTC if the zone is optional, and InvalidData
// if not. The result is in UTC, cut to the microsecond, in the years 2000 to 9999: an earlier one comes from a variable
// that was not set. Anything else is InvalidData naming the field.
func ParseTime(field, s string, zone Zone) (time.Time, error) {
	if s == "" {
		return time.Time{}, fault.InvalidField(field, fmt.Sprintf("`%s` must be provided", field))
	}
	t, zoned, ok := parseTime(s)
	switch {
	case !ok:
		return time.Time{}, fault.InvalidField(
			field,
			fmt.Sprintf("`%s` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00", field),
		)
	case !zoned && zone == ZoneRequired:
		return time.Time{}, fault.InvalidField(field, fmt.Sprintf("`%s` must include a timezone", field))
	case t.Year() < firstYear:
		return time.Time{}, fault.InvalidField(field, fmt.Sprintf("`%s` must not be before the year 2000", field))
	}
	return t, nil
}

// parseTime is written by hand because time.Parse would need a dozen layouts, one after the other, and takes
// an hour of one digit and offsets of a day.
func parseTime(s string) (t time.Time, zoned, ok bool) {
	in := timeParser{rest: s}
	year := in.number(4)
	in.oneOf("-")
	month := in.number(2)
	in.oneOf("-")
	day := in.number(2)
	in.oneOf("Tt ")
	hour := in.number(2)
	in.oneOf(":")
	minute := in.number(2)
	var second, micros int
	if in.has(":") {
		second = in.number(2)
		if in.has(".,") {
			micros = in.micros()
		}
	}
	var offset int // in minutes
	switch {
	case in.rest == "":
	case in.has("Zz"):
		zoned = true
	default:
		zoned = true
		sign := 1
		if in.rest[0] == '-' {
			sign = -1
		}
		in.oneOf("+-")
		hours := in.number(2)
		minutes := 0
		if in.has(":") || in.rest != "" {
			minutes = in.number(2)
		}
		if hours > 23 || minutes > 59 {
			return time.Time{}, false, false
		}
		offset = sign * (hours*60 + minutes)
	}
	if in.failed || in.rest != "" || year < 1 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false, false
	}
	t = time.Date(year, time.Month(month), day, hour, minute, second, micros*1000, time.UTC)
	if t.Day() != day { // time.Date turns the 30th of February into the 1st or 2nd of March
		return time.Time{}, false, false
	}
	t = t.Add(time.Duration(-offset) * time.Minute)
	return t, zoned, t.Year() >= 1 && t.Year() <= 9999
}

// timeParser consumes a text from its front. Once something is missing, it has failed.
type timeParser struct {
	rest   string
	failed bool
}

// has consumes the next byte if it is one of those given.
func (r *timeParser) has(bytes string) bool {
	for i := range len(bytes) {
		if r.rest != "" && r.rest[0] == bytes[i] {
			r.rest = r.rest[1:]
			return true
		}
	}
	return false
}

// oneOf consumes the next byte, which must be one of those given.
func (r *timeParser) oneOf(bytes string) {
	if !r.has(bytes) {
		r.failed = true
	}
}

// number consumes exactly so many digits.
func (r *timeParser) number(digits int) (n int) {
	if len(r.rest) < digits {
		r.failed = true
		return 0
	}
	for _, c := range []byte(r.rest[:digits]) {
		r.failed = r.failed || c < '0' || c > '9'
		n = n*10 + int(c-'0')
	}
	r.rest = r.rest[digits:]
	return n
}

// micros consumes a fraction of a second, of one digit or more, and cuts it to the microsecond.
func (r *timeParser) micros() (n int) {
	weight := 100_000
	digit, ok := r.digit()
	r.failed = r.failed || !ok
	for ; ok; digit, ok = r.digit() {
		n += digit * weight
		weight /= 10
	}
	return n
}

func (r *timeParser) digit() (n int, ok bool) {
	if r.rest == "" || r.rest[0] < '0' || r.rest[0] > '9' {
		return 0, false
	}
	n = int(r.rest[0] - '0')
	r.rest = r.rest[1:]
	return n, true
}
