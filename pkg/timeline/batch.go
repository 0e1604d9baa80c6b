package timeline

import (
	"encoding/binary"
	"errors"

	"zego.com/workprovider/pkg/person"
)

// Part is one message's share of a batch request: which facts it asked for, in the order sent. It is stored so that the
// batch can be asked about; the facts themselves are in their sets.
type Part struct {
	Batch string // names the batch at its work provider
	From  int    // the place of the first of the facts in the batch, from 0
	Facts []Fact
}

// The binary form of a part's facts, one after the other:
//
//	1 byte   form (high half, now 1) and kind (low half)
//	8 bytes  instant, in microseconds since the epoch, big-endian
//	1 byte   kind of name, C or U
//	1 byte   length of the name that follows
func encodePart(facts []Fact) []byte {
	var b []byte
	for _, f := range facts {
		b = append(b, formV1|byte(f.Kind))
		b = binary.BigEndian.AppendUint64(b, uint64(f.At))
		b = append(b, byte(f.Name.Kind), byte(len(f.Name.Value)))
		b = append(b, f.Name.Value...)
	}
	return b
}

var errPartForm = errors.New("timeline: a stored part of a batch has an unknown form")

// decodePart reads what encodePart wrote; planned ends are not part of it.
func decodePart(b []byte) ([]Fact, error) {
	var facts []Fact
	for len(b) > 0 {
		if len(b) < 11 || b[0]&0xf0 != formV1 || len(b) < 11+int(b[10]) {
			return nil, errPartForm
		}
		f := Fact{
			Kind:       Kind(b[0] & 0x0f),
			At:         Instant(binary.BigEndian.Uint64(b[1:])),
			Name:       person.Name{Kind: person.Kind(b[9]), Value: string(b[11 : 11+int(b[10])])},
			PlannedEnd: Never,
		}
		if f.Kind != Login && f.Kind != Logout || !f.At.Storable() {
			return nil, errPartForm
		}
		facts = append(facts, f)
		b = b[11+int(b[10]):]
	}
	return facts, nil
}
