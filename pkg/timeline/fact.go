package timeline

import (
	"cmp"
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

// Never is later than every instant. It stands for an end that was not planned and an interval that was not closed.
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

// InRange reports whether the instant lies in the years 1 to 9999, as every accepted timestamp does.
func (i Instant) InRange() bool { return firstDay.Start() <= i && i < lastDay.End() }

// second returns the beginning of the instant's second.
func (i Instant) second() Instant {
	const length = Instant(time.Second / time.Microsecond)
	return i - ((i%length)+length)%length
}

// month returns the UTC month as YYYY-MM, as it stands in sort keys.
func (i Instant) month() string { return i.Time().Format("2006-01") }

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
//
// An event that was sent more than once is as many facts, which differ in Accepted, and of a LOGIN in PlannedEnd. They
// are one event (rule 12). A void is one more fact of the event that it takes back (rule 11).
type Fact struct {
	Name person.Name
	Kind Kind
	At   Instant
	// PlannedEnd is the end that a v2 shift was created with, or was given later; Never for a LOGIN without one and
	// for every LOGOUT.
	PlannedEnd Instant
	// Accepted is when we answered 202 or 201 to the event, to the millisecond. The zero value means unknown: the fact
	// was stored before this was recorded.
	Accepted Instant
	// Void is set in a fact that takes the event back instead of reporting it.
	Void bool
}

// AcceptedAt returns the instant of t as a fact carries it: cut to the millisecond.
func AcceptedAt(t time.Time) Instant { return Instant(t.UnixMilli()) * millisecond }

const millisecond = Instant(time.Millisecond / time.Microsecond)

// acceptance returns when the fact was accepted; its own instant if that is unknown (rule 12).
func (f Fact) acceptance() Instant {
	if f.Accepted == 0 {
		return f.At
	}
	return f.Accepted
}

// LateBy returns how long after its instant the event was accepted; 0 if that is unknown, or it was accepted ahead.
func (f Fact) LateBy() time.Duration { return max(0, f.acceptance().Time().Sub(f.At.Time())) }

// acceptedBefore reports whether the fact was accepted before another one of its instant, of which that is known or 0.
// Of two accepted at one instant, one of which that is unknown comes first.
func (f Fact) acceptedBefore(accepted Instant) bool {
	return compareFirst(f, Fact{At: f.At, Accepted: accepted, PlannedEnd: f.PlannedEnd}) < 0
}

// compareFirst orders facts for the question when an event was first accepted: of two of one instant, one of which that
// is unknown comes first.
func compareFirst(a, b Fact) int {
	return cmp.Or(cmp.Compare(a.acceptance(), b.acceptance()), cmp.Compare(a.Accepted, b.Accepted),
		cmp.Compare(a.PlannedEnd, b.PlannedEnd))
}

// sameEvent reports whether the two are one event: a planned end does not make another of it (contract row 17), nor
// does sending it again.
func (f Fact) sameEvent(g Fact) bool { return f.Kind == g.Kind && f.At == g.At && f.Name == g.Name }

// The binary form of a fact inside its day's set. The name and the day are in the item's key, so that a fact takes 11
// bytes, or 16 with a planned end, and some 90 of them fit the kilobyte that DynamoDB bills a write by:
//
//	1 byte   version (high half: 1, 2 or, of a void, 3) and tag (low half: LOGIN, LOGOUT, LOGIN with a planned end)
//	5 bytes  instant, in microseconds since the day's start, big-endian
//	5 bytes  acceptance, in milliseconds since 2020-01-01T00:00Z (until 2054); not in version 1
//	5 bytes  planned end, in microseconds since the instant; only in a LOGIN that has one
const (
	factV1 = 1 << 4
	factV2 = 2 << 4
	voidV3 = 3 << 4 // without a planned end

	tagLogin   = 1
	tagLogout  = 2
	tagPlanned = 3

	fieldLen = 5 // bytes of each number
)

// acceptanceEpoch is what stored acceptances are counted from; acceptanceMax is the last that fits.
const (
	acceptanceEpoch = Instant(1_577_836_800_000_000)
	acceptanceMax   = acceptanceEpoch + (1<<40-1)*millisecond
)

// errFactVersion is returned for an item that a newer release wrote, or none.
var errFactVersion = errors.New("timeline: a stored fact has an unknown version")

// encode appends the fact's binary form to b. A planned end that is not after the fact, or more than 12 days after it,
// does not fit and is not accepted by any endpoint.
func (f Fact) encode(b []byte) []byte {
	tag := byte(tagLogin)
	switch {
	case f.Kind == Logout:
		tag = tagLogout
	case f.PlannedEnd != Never:
		tag = tagPlanned
	}
	version := byte(factV2)
	switch {
	case f.Void:
		version = voidV3
	case f.Accepted == 0:
		version = factV1
	}
	b = appendUint40(append(b, version|tag), f.At-f.At.Day().Start())
	if version != factV1 {
		accepted := min(max(f.Accepted, acceptanceEpoch), acceptanceMax)
		b = appendUint40(b, (accepted-acceptanceEpoch)/millisecond)
	}
	if tag == tagPlanned {
		b = appendUint40(b, f.PlannedEnd-f.At)
	}
	return b
}

// decodeFact reads what encode wrote into the set of a day's facts under name.
func decodeFact(name person.Name, day Day, b []byte) (Fact, error) {
	if len(b) == 0 {
		return Fact{}, errFactVersion
	}
	version := b[0] & 0xf0
	tag := b[0] & 0x0f
	lastTag := byte(tagPlanned)
	fields := 1
	if version != factV1 {
		fields++
	}
	if version == voidV3 {
		lastTag = tagLogout
	}
	if tag == tagPlanned {
		fields++
	}
	known := factV1 <= version && version <= voidV3 && tagLogin <= tag && tag <= lastTag
	if !known || len(b) != 1+fields*fieldLen {
		return Fact{}, errFactVersion
	}
	f := Fact{Name: name, Kind: Login, At: day.Start() + uint40(b[1:]), PlannedEnd: Never, Void: version == voidV3}
	if f.At >= day.End() {
		return Fact{}, errFactVersion
	}
	if tag == tagLogout {
		f.Kind = Logout
	}
	if tag == tagPlanned {
		f.PlannedEnd = f.At + uint40(b[len(b)-fieldLen:])
	}
	if version != factV1 {
		f.Accepted = acceptanceEpoch + uint40(b[1+fieldLen:])*millisecond
	}
	return f, nil
}

func uint40(b []byte) Instant {
	return Instant(b[0])<<32 | Instant(binary.BigEndian.Uint32(b[1:5]))
}

func appendUint40(b []byte, n Instant) []byte {
	return binary.BigEndian.AppendUint32(append(b, byte(n>>32)), uint32(n))
}
