package shift

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/timeline"
)

// What an id is good for. An event's id is that of its fact, so the id of a v2 shift, which names its LOGIN, is one
// too.
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

// EventID returns the id that a work provider knows a fact by; of a LOGIN that names a shift it is the shift's. A
// planned end is no part of it: a LOGIN sent again with another one is the same event (contract row 17).
func EventID(s *seal.Sealer, provider string, f timeline.Fact) string {
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

// openLogin returns the LOGIN that an id names, for the work provider that asks; false if the id is forged, foreign, or
// another event's.
func openLogin(s *seal.Sealer, provider, id string) (timeline.Fact, bool) {
	f, _, ok := OpenEvent(s, provider, id)
	return f, ok && f.Kind == timeline.Login
}

// OpenEvent returns the fact that an id names or, if that has no kind, the match, for the work provider that asks;
// false if the id is forged or foreign.
func OpenEvent(s *seal.Sealer, provider, id string) (timeline.Fact, timeline.MatchResult, bool) {
	b, err := s.Open(eventPurpose, provider, id)
	if err != nil || len(b) < 11 {
		return timeline.Fact{}, timeline.MatchResult{}, false
	}
	at := timeline.Instant(binary.BigEndian.Uint64(b[1:]))
	f := timeline.Fact{
		At:         at,
		Name:       person.Name{Kind: person.Kind(b[9]), Value: string(b[10:])},
		PlannedEnd: timeline.Never,
	}
	m := timeline.MatchResult{Customer: f.Name.Value}
	switch b[0] {
	case loginID:
		f.Kind = timeline.Login
	case logoutID:
		f.Kind = timeline.Logout
	case matchedID:
		m.Entry = timeline.Matched(at.Time())
	case notMatchedID:
		m.Entry = timeline.NotMatched(at.Time())
	}
	return f, m, true
}

// matchID returns the id of a match, of the same layout.
func matchID(s *seal.Sealer, provider string, m timeline.MatchResult) string {
	kind := matchedID
	if m.Entry.Kind == timeline.NoMatch {
		kind = notMatchedID
	}
	b := binary.BigEndian.AppendUint64([]byte{kind}, uint64(m.Entry.At))
	return s.Seal(eventPurpose, provider, append(append(b, byte(person.CustomerNumber)), m.Customer...))
}

// batch is what a batch's id seals: how many events it has, and a digest of them in their order, so that the same batch
// has the same id.
type batch struct {
	count  uint32
	digest [16]byte
}

// batchOf is the batch of those facts.
func batchOf(facts []timeline.Fact) batch {
	digest := sha256.New()
	var b []byte
	for _, f := range facts {
		b = factBytes(b[:0], f)
		digest.Write([]byte{byte(len(b) >> 8), byte(len(b))})
		digest.Write(b)
	}
	return batch{uint32(len(facts)), [16]byte(digest.Sum(nil))}
}

// name is the batch's in messages and items.
func (b batch) name() string { return hex.EncodeToString(b.digest[:]) }

func (b batch) bytes() []byte {
	return append(binary.BigEndian.AppendUint32(nil, b.count), b.digest[:]...)
}

// openBatch is the batch that an id names; false if it is forged or foreign.
func openBatch(s *seal.Sealer, provider, id string) (batch, bool) {
	b, err := s.Open(batchPurpose, provider, id)
	if err != nil || len(b) != 4+16 {
		return batch{}, false
	}
	return batch{binary.BigEndian.Uint32(b), [16]byte(b[4:])}, true
}
