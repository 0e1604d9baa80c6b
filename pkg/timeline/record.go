package timeline

import (
	"errors"
	"slices"
	"sort"

	"zego.com/workprovider/pkg/person"
)

// Record is the shifts of one customer at one work provider that LOGINs of one UTC day name. It is what answers
// questions about many customers, and can be made again from the facts at any time. It includes a continued shift
// before that has begun: see Shift.Begun.
type Record struct {
	Day Day
	// Version counts the writes of the item; 0 stands for one that is not there. A writer names the version it read.
	Version int64
	// Revision counts the writes that changed the shifts.
	Revision int64
	Shifts   []Shift
}

// nextVersion returns the record that follows r when its shifts are found to be these. Even if nothing changed it is a
// new version, so that a fold of older facts, begun earlier, cannot land on it.
func (r Record) nextVersion(shifts []Shift) Record {
	if !slices.Equal(r.Shifts, shifts) {
		r.Revision++
	}
	r.Version++
	r.Shifts = shifts
	return r
}

// recordOf returns the record of a day among those read; one without a version if there is none.
func recordOf(records []Record, day Day) Record {
	if i := slices.IndexFunc(records, func(r Record) bool { return r.Day == day }); i >= 0 {
		return records[i]
	}
	return Record{Day: day}
}

// namedOn returns those of a fold's shifts that LOGINs of these days name. Order by name is order by start.
func namedOn(shifts []Shift, days Days) []Shift {
	from := sort.Search(len(shifts), func(i int) bool { return shifts[i].Login >= days.First.Start() })
	to := sort.Search(len(shifts), func(i int) bool { return shifts[i].Login >= days.Last.End() })
	return shifts[from:to:to]
}

// The binary form of a record's shifts, one after the other:
//
//	1 byte   version (high half: 1 or, for a continued shift, 2) and end reason (low half)
//	5 bytes  naming LOGIN, in microseconds since the day's start, big-endian
//	5 bytes  start, in microseconds since the naming LOGIN; not in version 1: there it is the start
//	5 bytes  length, in microseconds
//	1 byte   length of the workProviderUserId that follows; 0: the naming LOGIN came under the customer number
const (
	shiftV1 = 1 << 4
	shiftV2 = 2 << 4
)

func encodeShifts(shifts []Shift) []byte {
	var b []byte
	for _, s := range shifts {
		version := byte(shiftV1)
		if s.Continued() {
			version = shiftV2
		}
		b = appendUint40(append(b, version|byte(s.EndedBy)), s.Login-s.Login.Day().Start())
		if s.Continued() {
			b = appendUint40(b, s.Start-s.Login)
		}
		b = appendUint40(b, s.End-s.Start)
		id := ""
		if s.Name.Kind == person.UserID {
			id = s.Name.Value
		}
		b = append(append(b, byte(len(id))), id...)
	}
	return b
}

var errRecordVersion = errors.New("timeline: a stored shift record has an unknown version")

// decodeShifts reads what encodeShifts wrote of that customer's day.
func decodeShifts(customer string, day Day, b []byte) ([]Shift, error) {
	var shifts []Shift
	for len(b) > 0 {
		s, rest, ok := decodeShift(day, b)
		if !ok {
			return nil, errRecordVersion
		}
		if s.Name.Value == "" {
			s.Name = person.Name{Kind: person.CustomerNumber, Value: customer}
		}
		shifts = append(shifts, s)
		b = rest
	}
	return shifts, nil
}

// decodeShift reads the first shift of b, and returns what follows it. Its name is empty if it is the customer number.
func decodeShift(day Day, b []byte) (s Shift, rest []byte, ok bool) {
	version := b[0] & 0xf0
	head := 2 + 2*fieldLen
	if version == shiftV2 {
		head += fieldLen
	}
	if version != shiftV1 && version != shiftV2 || len(b) < head || len(b) < head+int(b[head-1]) {
		return s, nil, false
	}
	s.EndedBy = EndReason(b[0] & 0x0f)
	s.Login = day.Start() + uint40(b[1:])
	s.Start = s.Login
	if version == shiftV2 {
		s.Start += uint40(b[1+fieldLen:])
	}
	s.End = s.Start + uint40(b[head-1-fieldLen:])
	s.Name = person.Name{Kind: person.UserID, Value: string(b[head : head+int(b[head-1])])}
	ok = s.EndedBy >= EndLogout && s.EndedBy <= EndWithdrawn && s.Login < day.End() &&
		s.Continued() == (version == shiftV2)
	return s, b[head+len(s.Name.Value):], ok
}
