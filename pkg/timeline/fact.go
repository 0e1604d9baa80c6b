package timeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"zego.com/workprovider/pkg/person"
)

// Instant is a moment in UTC, in microseconds since the Unix epoch: the precision of rule 1. Instants are compared and
// stored as integers, because a time's text has many spellings.
type Instant int64

// Never is later than every instant. It stands for an end that nobody planned and an interval that nobody closed.
const Never = Instant(math.MaxInt64)

// At is the instant of t, cut to the microsecond.
func At(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Time is the instant as a time in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// Add is the instant d later; Never stays Never.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d.Microseconds())
}

// Storable tells whether the instant lies in the years 1 to 9999, as every accepted timestamp does.
func (i Instant) Storable() bool { return firstDay.Start() <= i && i < lastDay.End() }

const dayLength = Instant(24 * time.Hour / time.Microsecond)

// Day is a UTC day, counted from 1970-01-01.
type Day int32

// Day is the UTC day that the instant lies in.
func (i Instant) Day() Day {
	d := i / dayLength
	if i%dayLength < 0 {
		d--
	}
	return Day(d)
}

// Start is the day's first instant.
func (d Day) Start() Instant { return Instant(d) * dayLength }

// End is the next day's first instant.
func (d Day) End() Instant { return (d + 1).Start() }

// String is the day as YYYY-MM-DD, as it stands in sort keys.
func (d Day) String() string { return d.Start().Time().Format(time.DateOnly) }

// ParseDay reads what String writes.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, err
	}
	return At(t).Day(), nil
}

// Kind tells a LOGIN from a LOGOUT.
type Kind uint8

// The kinds of a fact.
const (
	Login Kind = iota + 1
	Logout
)

// String is the kind as the API spells it.
func (k Kind) String() string {
	switch k {
	case Login:
		return "LOGIN"
	case Logout:
		return "LOGOUT"
	}
	return fmt.Sprintf("Kind(%d)", k)
}

// Fact is what a work provider said of a person, by the name it used (rule 1). The work provider itself is not part of
// it: facts of two providers never meet (rule 5), so every function here works on one provider's.
type Fact struct {
	Name person.Name
	Kind Kind
	At   Instant
	// PlannedEnd is the end that a v2 shift was created with; Never for a LOGIN without one, which lifts an earlier
	// plan, and for every LOGOUT.
	PlannedEnd Instant
}

// same tells whether the two are one event: a planned end does not make another of it (contract row 17).
func (f Fact) same(g Fact) bool { return f.Kind == g.Kind && f.At == g.At && f.Name == g.Name }

// The binary form of a fact inside its day's set. The name and the day are in the row's key, so that a fact takes 6
// bytes, or 11 with a planned end, and some 160 of them fit the kilobyte that DynamoDB bills a write by:
//
//	1 byte   form (high half, now 1) and kind (low half)
//	5 bytes  instant, in microseconds since the day's start, big-endian
//	5 bytes  planned end, in microseconds since the instant; only in a LOGIN that has one
const (
	formV1        = 1 << 4
	markLogin     = formV1 | 1
	markLogout    = formV1 | 2
	markPlanned   = formV1 | 3
	bareLength    = 6
	plannedLength = 11
)

// errForm is met when a row was written by a newer release, or by nobody.
var errForm = errors.New("timeline: a stored fact has an unknown form")

// encode appends the fact's binary form to b. A planned end that is not after the fact, or more than 12 days after it, does not
// fit and is not accepted by any endpoint.
func (f Fact) encode(b []byte) []byte {
	var buffer [8]byte
	mark := byte(markLogin)
	switch {
	case f.Kind == Logout:
		mark = markLogout
	case f.PlannedEnd != Never:
		mark = markPlanned
	}
	binary.BigEndian.PutUint64(buffer[:], uint64(f.At-f.At.Day().Start()))
	b = append(append(b, mark), buffer[3:]...)
	if mark == markPlanned {
		binary.BigEndian.PutUint64(buffer[:], uint64(f.PlannedEnd-f.At))
		b = append(b, buffer[3:]...)
	}
	return b
}

// decodeFact reads what encode wrote into a set of day's facts under name.
func decodeFact(name person.Name, day Day, b []byte) (Fact, error) {
	if len(b) < bareLength {
		return Fact{}, errForm
	}
	f := Fact{Name: name, Kind: Login, At: day.Start() + fiveBytes(b[1:]), PlannedEnd: Never}
	switch {
	case f.At >= day.End():
		return Fact{}, errForm
	case b[0] == markLogin && len(b) == bareLength:
	case b[0] == markLogout && len(b) == bareLength:
		f.Kind = Logout
	case b[0] == markPlanned && len(b) == plannedLength:
		f.PlannedEnd = f.At + fiveBytes(b[6:])
	default:
		return Fact{}, errForm
	}
	return f, nil
}

func fiveBytes(b []byte) Instant {
	return Instant(b[0])<<32 | Instant(binary.BigEndian.Uint32(b[1:5]))
}
