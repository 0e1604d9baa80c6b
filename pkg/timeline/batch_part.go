package timeline

import (
	"encoding/binary"
	"errors"
	"maps"

	"zego.com/workprovider/pkg/person"
)

// BatchPart is one message's share of a batch request: which facts it asked for, in the order sent. It is stored so
// that the batch can be asked about; the facts themselves are in their sets.
type BatchPart struct {
	Batch  string // names the batch at its work provider
	Offset int    // the place of the first of the facts in the batch, from 0
	Facts  []Fact
}

// BatchTally is what became of the facts of a part when it was applied. It is stored apart from them, so that a batch
// is counted without reading all its events.
type BatchTally struct {
	Offset int // of the part
	Tally
}

// Tally counts facts by their states at the moment at which they were applied. A fact that comes later can change them.
type Tally struct {
	Applied   int
	NoEffect  int
	Unmatched int
	Rejected  int
	Voided    int
}

// ByState returns how many facts were in each state; states without any are left out.
func (t *Tally) ByState() map[State]int {
	counts := map[State]int{
		Applied: t.Applied, NoEffect: t.NoEffect, StateUnmatched: t.Unmatched, Rejected: t.Rejected, StateVoided: t.Voided,
	}
	maps.DeleteFunc(counts, func(_ State, n int) bool { return n == 0 })
	return counts
}

// add counts one fact more.
func (t *Tally) add(s State) {
	switch s {
	case Applied:
		t.Applied++
	case NoEffect:
		t.NoEffect++
	case StateUnmatched:
		t.Unmatched++
	case StateVoided:
		t.Voided++
	default:
		t.Rejected++
	}
}

// The binary form of a part's facts, one after the other:
//
//	1 byte   version (high half, now 1) and kind (low half)
//	8 bytes  instant, in microseconds since the epoch, big-endian
//	1 byte   kind of name, C or U
//	1 byte   length of the name that follows
const partV1 = 1 << 4

func encodeBatchPart(facts []Fact) []byte {
	var b []byte
	for _, f := range facts {
		b = append(b, partV1|byte(f.Kind))
		b = binary.BigEndian.AppendUint64(b, uint64(f.At))
		b = append(b, byte(f.Name.Kind), byte(len(f.Name.Value)))
		b = append(b, f.Name.Value...)
	}
	return b
}

var errPartVersion = errors.New("timeline: a stored part of a batch has an unknown version")

// decodeBatchPart reads what encodeBatchPart wrote; planned ends and acceptances are not part of it.
func decodeBatchPart(b []byte) ([]Fact, error) {
	var facts []Fact
	for len(b) > 0 {
		if len(b) < 11 || b[0]&0xf0 != partV1 || len(b) < 11+int(b[10]) {
			return nil, errPartVersion
		}
		f := Fact{
			Kind:       Kind(b[0] & 0x0f),
			At:         Instant(binary.BigEndian.Uint64(b[1:])),
			Name:       person.Name{Kind: person.Kind(b[9]), Value: string(b[11 : 11+int(b[10])])},
			PlannedEnd: Never,
		}
		if f.Kind != Login && f.Kind != Logout || !f.At.InRange() {
			return nil, errPartVersion
		}
		facts = append(facts, f)
		b = b[11+int(b[10]):]
	}
	return facts, nil
}
