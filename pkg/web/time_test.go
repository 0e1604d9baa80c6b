package web

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/fault"
)

func TestParseTime(t *testing.T) {
	accepted := []struct{ in, want string }{
		// The forms of the documents.
		{"2018-12-15T14:00:00+00:00", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15T14:00:00.123456+00:00", "2018-12-15T14:00:00.123456+00:00"},
		// Offsets.
		{"2018-12-15T14:00:00Z", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15T14:00:00-00:00", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15T14:00:00+01:30", "2018-12-15T12:30:00+00:00"},
		{"2018-12-15T14:00:00+0130", "2018-12-15T12:30:00+00:00"},
		{"2018-12-15T14:00:00+01", "2018-12-15T13:00:00+00:00"},
		{"2018-12-15T14:00:00-08", "2018-12-15T22:00:00+00:00"},
		{"2018-12-15T00:00:00+23:59", "2018-12-14T00:01:00+00:00"},
		{"2018-12-15T00:00:00-23:59", "2018-12-15T23:59:00+00:00"},
		// Letters and spaces.
		{"2018-12-15t14:00:00z", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15 14:00:00z", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15 14:00:00+00:00", "2018-12-15T14:00:00+00:00"},
		// Seconds missing.
		{"2018-12-15T14:05Z", "2018-12-15T14:05:00+00:00"},
		{"2018-12-15T14:05-0100", "2018-12-15T15:05:00+00:00"},
		// Fractions, cut and never rounded.
		{"2018-12-15T14:00:00.5Z", "2018-12-15T14:00:00.500000+00:00"},
		{"2018-12-15T14:00:00,25Z", "2018-12-15T14:00:00.250000+00:00"},
		{"2018-12-15T14:00:00.000000Z", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15T14:00:00.1234567Z", "2018-12-15T14:00:00.123456+00:00"},
		{"2018-12-15T14:00:00.000000999Z", "2018-12-15T14:00:00+00:00"},
		{"2018-12-15T23:59:59." + strings.Repeat("9", 200) + "Z", "2018-12-15T23:59:59.999999+00:00"},
		// The calendar.
		{"2020-02-29T00:00:00Z", "2020-02-29T00:00:00+00:00"},
		{"2000-02-29T00:00:00Z", "2000-02-29T00:00:00+00:00"},
		{"2000-01-01T00:00:00Z", "2000-01-01T00:00:00+00:00"},
		{"9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"},
	}
	for _, test := range accepted {
		t.Run("row 13: "+test.in, func(t *testing.T) {
			got, err := ParseTime("timestamp", test.in, ZoneRequired)
			if err != nil || FormatTime(got) != test.want || got.Location() != time.UTC {
				t.Errorf("got %v, %v, want %s", got, err, test.want)
			}
		})
	}

	refused := []string{
		" ", "now", "2018", "2018-12-15", "2018-12-15T", "2018-12-15T14", "2018-12-15T14Z", "2018-12-15T14:Z",
		"2018-12-15T14:00:Z",
		"2018-12-15T14:00:00.Z", "2018-12-15T14:00.5Z", "2018-12-15T14:00:00Z ", " 2018-12-15T14:00:00Z",
		"2018-12-15T14:00:00 Z",
		"2018-12-15T14:00:00ZZ", "2018-12-15T14:00:00+", "2018-12-15T14:00:00+1", "2018-12-15T14:00:00+01:",
		"2018-12-15T14:00:00+01:0",
		"2018-12-15T14:00:00+010", "2018-12-15T14:00:00+01000", "2018-12-15T14:00:00+01:00:00", "2018-12-15T14:00:00+24:00",
		"2018-12-15T14:00:00+00:60", "2018-12-15T14:00:00−01:00", "2018-12-15T14:00:00UTC", "2018-12-15T14:00:00Z[UTC]",
		"2018-12-15T24:00:00Z", "2018-12-15T23:60:00Z", "2016-12-31T23:59:60Z", "2018-12-15T14:00:61Z",
		"2018-00-15T14:00:00Z", "2018-13-15T14:00:00Z", "2018-12-00T14:00:00Z", "2018-12-32T14:00:00Z",
		"2018-02-30T14:00:00Z",
		"2018-04-31T14:00:00Z", "2019-02-29T14:00:00Z", "1900-02-29T14:00:00Z", "0000-01-01T00:00:00Z",
		"0001-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01", "10000-01-01T00:00:00Z", "+2018-12-15T14:00:00Z", "-018-12-15T14:00:00Z",
		"18-12-15T14:00:00Z",
		"2018-12-15_14:00:00Z", "2018-12-15TT14:00:00Z", "20181215T140000Z", "2018/12/15T14:00:00Z", "15-12-2018T14:00:00Z",
		"2018-W50-6T14:00:00Z",
		"2018-12-15T1:00:00Z", "2018-12-15T14:0:00Z", "2018-12-15T14.00.00Z", "1544882400", "２018-12-15T14:00:00Z",
		"2018-12-15T14:00:00\x00",
	}
	for _, in := range []string{"0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z",
		"2000-01-01T00:00:00+00:01"} {
		_, err := ParseTime("endTime", in, ZoneOptional)
		if err == nil || err.Error() != "INVALID_DATA: `endTime` must not be before the year 2000" {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, in := range refused {
		t.Run(fmt.Sprintf("row 13: not %q", in), func(t *testing.T) {
			for _, zone := range []Zone{ZoneRequired, ZoneOptional} {
				got, err := ParseTime("endTime", in, zone)
				var bad *fault.Error
				if !errors.As(err, &bad) || bad.Kind != fault.InvalidData || bad.Field != "endTime" || !got.IsZero() ||
					bad.Detail != "`endTime` must be an ISO-8601 time such as 2018-12-15T14:00:00+00:00" {
					t.Errorf("got %v, %v", got, err)
				}
			}
		})
	}

	t.Run("row 13: v1 without a timezone", func(t *testing.T) {
		for _, in := range []string{"2018-12-15T14:00:00", "2018-12-15 14:00", "2018-12-15T14:00:00.5"} {
			_, err := ParseTime("timestamp", in, ZoneRequired)
			if want := fault.InvalidField("timestamp", "`timestamp` must include a timezone"); err == nil ||
				*err.(*fault.Error) != *want {
				t.Errorf("%s: %v", in, err)
			}
		}
	})
	t.Run("row 13: v2 without a timezone is UTC", func(t *testing.T) {
		got, err := ParseTime("startTime", "2018-12-15T14:00", ZoneOptional)
		if err != nil || !got.Equal(time.Date(2018, 12, 15, 14, 0, 0, 0, time.UTC)) {
			t.Errorf("got %v, %v", got, err)
		}
	})
	t.Run("not sent", func(t *testing.T) {
		_, err := ParseTime("startTime", "", ZoneOptional)
		if want := fault.InvalidField("startTime", "`startTime` must be provided"); err == nil ||
			*err.(*fault.Error) != *want {
			t.Errorf("got %v", err)
		}
	})
}

func TestFormatTime(t *testing.T) {
	for _, test := range []struct {
		in   time.Time
		want string
	}{
		{time.Date(2018, 12, 15, 14, 0, 0, 0, time.UTC), "2018-12-15T14:00:00+00:00"},
		{time.Date(2018, 12, 15, 14, 0, 0, 999, time.UTC), "2018-12-15T14:00:00+00:00"},
		{time.Date(2018, 12, 15, 14, 0, 0, 1000, time.UTC), "2018-12-15T14:00:00.000001+00:00"},
		{time.Date(2018, 12, 15, 14, 0, 0, 5e8, time.FixedZone("", 3600)), "2018-12-15T13:00:00.500000+00:00"},
		{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), "0001-01-01T00:00:00+00:00"},
	} {
		t.Run("row 12: "+test.want, func(t *testing.T) {
			if got := FormatTime(test.in); got != test.want {
				t.Errorf("got %s", got)
			}
		})
	}
}

// drawTime is any time that requests and answers can hold.
func drawTime(t *rapid.T) time.Time {
	first := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	last := time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()
	return time.UnixMicro(rapid.Int64Range(first, last).Draw(t, "micros")).UTC()
}

// What an answer says is read back as the same time.
func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTime(t)
		got, err := ParseTime("t", FormatTime(want), ZoneRequired)
		if err != nil || !got.Equal(want) {
			t.Fatalf("%v became %v, %v", want, got, err)
		}
	})
}

// One instant reads the same in the spelling of any place and any style.
func TestTimeSpellings(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		instant := drawTime(t)
		offset := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "offset in minutes")
		there := instant.In(time.FixedZone("", offset*60))
		if year := there.Year(); year < 1 || year > 9999 {
			t.Skip("no date of four digits there")
		}
		layout := "2006-01-02" + rapid.SampledFrom([]string{"T", " ", "t"}).Draw(t, "T") + "15:04:05.000000" +
			rapid.SampledFrom([]string{"-07:00", "-0700"}).Draw(t, "offset")
		text := there.Format(layout)
		got, err := ParseTime("t", text, rapid.SampledFrom([]Zone{ZoneRequired, ZoneOptional}).Draw(t, "zone"))
		if err != nil || !got.Equal(instant) {
			t.Fatalf("%s: got %v, %v, want %v", text, got, err, instant)
		}
	})
}

// rfc3339 are the texts on which time.Parse and row 13 should be of one mind; time.Parse is lenient with others.
var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// FuzzParseTime: whatever comes, it is a fault naming the field or a time that can be written and read again;
// and RFC 3339 is read as time.Parse reads it.
func FuzzParseTime(f *testing.F) {
	for _, seed := range []string{"2018-12-15T14:00:00+00:00", "2018-12-15 14:00,5z", "0001-01-01T00:00:00-23:59",
		"2016-12-31T23:59:60Z", "2018-12-15T14:00:00.123456789+0130", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime("timestamp", s, ZoneOptional)
		if rfc3339.MatchString(s) {
			std, stdErr := time.Parse(time.RFC3339Nano, s)
			inRange := stdErr == nil && std.UTC().Year() >= 2000 && std.UTC().Year() <= 9999
			if inRange != (err == nil) || inRange && !got.Equal(std.Truncate(time.Microsecond)) {
				t.Fatalf("%q: got %v, %v, time.Parse has %v, %v", s, got, err, std, stdErr)
			}
		}
		if err != nil {
			var bad *fault.Error
			if !errors.As(err, &bad) || bad.Field != "timestamp" || bad.Kind != fault.InvalidData {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if again, err := ParseTime("timestamp", FormatTime(got), ZoneRequired); err != nil || !again.Equal(got) {
			t.Fatalf("%q: %v became %v, %v", s, got, again, err)
		}
	})
}

func TestQueryTime(t *testing.T) {
	for in, want := range map[string]string{
		"2018-12-15T14:00:00 01:00":  "2018-12-15T13:00:00+00:00",
		"2018-12-15 14:00:00 01:00":  "2018-12-15T13:00:00+00:00",
		"2018-12-15 14:00:00 0100":   "2018-12-15T13:00:00+00:00",
		"2018-12-15T14:00:00+01:00":  "2018-12-15T13:00:00+00:00",
		"2018-12-15 14:00":           "2018-12-15T14:00:00+00:00",
		"2018-12-15T14:00:00.5 01":   "2018-12-15T13:00:00.500000+00:00",
		" 2018-12-15T14:00:00 01:00": "2018-12-15T13:00:00+00:00",
	} {
		t.Run("row 28: "+in, func(t *testing.T) {
			if got, err := ParseQueryTime("from", in); err != nil || FormatTime(got) != want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	for _, in := range []string{"", "x", "2018-12-15", "2018-12-15 14:00 ++01"} {
		if _, err := ParseQueryTime("from", in); err == nil || err.(*fault.Error).Field != "from" {
			t.Errorf("row 28: %q: %v", in, err)
		}
	}
}

func TestQueryEmail(t *testing.T) {
	for in, want := range map[string]string{"a b@example.com": "a+b@example.com", " a+b@example.com ": "a+b@example.com",
		"": ""} {
		if got := RepairQueryEmail(in); got != want {
			t.Errorf("row 28: %q became %q, want %q", in, got, want)
		}
	}
}
