package shift

import (
	"crypto/sha256"
	"encoding/binary"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
)

// What an id is good for. An event's id is that of its fact, so the id of a v2 shift, which names its LOGIN, is one too.
const (
	eventPurpose = "event"
	batchPurpose = "batch"
	nextPurpose  = "next"
)

// The first byte of what an event's id seals.
const (
	loginID byte = iota + 1
	logoutID
	matchedID
	notMatchedID
)

// eventID is the id of a fact. A planned end is no part of it: a LOGIN sent again with another one is the same event
// (contract row 17).
func eventID(s *seal.Sealer, provider string, f timeline.Fact) string {
	return s.Seal(eventPurpose, provider, factBytes(nil, f))
}

// factBytes appends what names a fact:
//
//	1 byte   what kind of event
//	8 bytes  instant, in microseconds since the epoch, big-endian
//	1 byte   kind of name, C or U
//	the rest is the name
func factBytes(b []byte, f timeline.Fact) []byte {
	kind := loginID
	if f.Kind == timeline.Logout {
		kind = logoutID
	}
	b = binary.BigEndian.AppendUint64(append(b, kind), uint64(f.At))
	return append(append(b, byte(f.Name.Kind)), f.Name.Value...)
}

// openLogin is the LOGIN that an id names, for the work provider that asks; false if the id is forged, foreign, or another event's.
func openLogin(s *seal.Sealer, provider, id string) (timeline.Fact, bool) {
	b, err := s.Open(eventPurpose, provider, id)
	if err != nil || len(b) < 11 || b[0] != loginID {
		return timeline.Fact{}, false
	}
	return timeline.Fact{
		Kind:       timeline.Login,
		At:         timeline.Instant(binary.BigEndian.Uint64(b[1:])),
		Name:       person.Name{Kind: person.Kind(b[9]), Value: string(b[10:])},
		PlannedEnd: timeline.Never,
	}, true
}

// matchID is the id of a verdict, of the same form.
func matchID(s *seal.Sealer, provider string, v timeline.Verdict) string {
	kind := matchedID
	if v.Entry.Kind == timeline.NoMatch {
		kind = notMatchedID
	}
	b := binary.BigEndian.AppendUint64([]byte{kind}, uint64(v.Entry.At))
	return s.Seal(eventPurpose, provider, append(append(b, byte(person.CustomerNumber)), v.Customer...))
}

// batchID is the id of a batch: its count, and a digest of its events in order, so that the same batch has the same id.
func batchID(s *seal.Sealer, provider string, facts []timeline.Fact) string {
	digest := sha256.New()
	var b []byte
	for _, f := range facts {
		b = factBytes(b[:0], f)
		digest.Write(binary.BigEndian.AppendUint16(nil, uint16(len(b))))
		digest.Write(b)
	}
	return s.Seal(batchPurpose, provider, digest.Sum(binary.BigEndian.AppendUint32(nil, uint32(len(facts))))[:4+16])
}
