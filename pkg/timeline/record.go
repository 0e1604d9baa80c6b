package timeline

import (
	"encoding/binary"
	"errors"
	"slices"
	"sort"

	"zego.com/workprovider/pkg/person"
)

// Record is the shifts of one customer at one work provider that start on one UTC day. It is what lists, exports and
// webhooks read, and can be made again from the facts at any time.
type Record struct {
	Day Day
	// Version counts the writes of the row; 0 stands for a row that is not there. A writer names the version it read.
	Version int64
	// Revision counts the writes that changed the shifts.
	Revision int64
	Shifts   []Shift
}

// next is the record that follows r when its shifts are found to be these. Even if nothing changed it is a new version,
// so that a fold of older facts, begun earlier, cannot land on it.
func (r Record) next(shifts []Shift) Record {
	if !slices.Equal(r.Shifts, shifts) {
		r.Revision++
	}
	r.Version++
	r.Shifts = shifts
	return r
}

// listed are those of a fold's shifts that start on a day, without the ones of zero length (rule 3).
func listed(shifts []Shift, day Day) []Shift {
	from := sort.Search(len(shifts), func(i int) bool { return shifts[i].Start >= day.Start() })
	to := sort.Search(len(shifts), func(i int) bool { return shifts[i].Start >= day.End() })
	empty := func(s Shift) bool { return s.Start == s.End }
	if !slices.ContainsFunc(shifts[from:to], empty) {
		return shifts[from:to:to]
	}
	return slices.DeleteFunc(slices.Clone(shifts[from:to]), empty)
}

// The binary form of a record's shifts, one after the other:
//
//	1 byte   form (high half, now 1) and ending (low half)
//	5 bytes  start, in microseconds since the day's start, big-endian
//	5 bytes  length, in microseconds
//	1 byte   length of the workProviderUserId that follows; 0: the earliest LOGIN came under the customer number
func encodeShifts(shifts []Shift) []byte {
	var b []byte
	var buffer [8]byte
	for _, s := range shifts {
		b = append(b, formV1|byte(s.By))
		binary.BigEndian.PutUint64(buffer[:], uint64(s.Start-s.Start.Day().Start()))
		b = append(b, buffer[3:]...)
		binary.BigEndian.PutUint64(buffer[:], uint64(s.End-s.Start))
		b = append(b, buffer[3:]...)
		id := ""
		if s.Name.Kind == person.UserID {
			id = s.Name.Value
		}
		b = append(append(b, byte(len(id))), id...)
	}
	return b
}

var errRecordForm = errors.New("timeline: a stored shift record has an unknown form")

// decodeShifts reads what encodeShifts wrote of that customer's day.
func decodeShifts(customer string, day Day, b []byte) ([]Shift, error) {
	var shifts []Shift
	for len(b) > 0 {
		if len(b) < 12 || len(b) < 12+int(b[11]) || b[0]&0xf0 != formV1 {
			return nil, errRecordForm
		}
		s := Shift{By: Ending(b[0] & 0x0f), Start: day.Start() + fiveBytes(b[1:])}
		if s.By < ByLogout || s.By > ByWithdrawal || s.Start >= day.End() {
			return nil, errRecordForm
		}
		s.End = s.Start + fiveBytes(b[6:])
		s.Name = person.Name{Kind: person.CustomerNumber, Value: customer}
		if n := int(b[11]); n > 0 {
			s.Name = person.Name{Kind: person.UserID, Value: string(b[12 : 12+n])}
		}
		shifts = append(shifts, s)
		b = b[12+int(b[11]):]
	}
	return shifts, nil
}
