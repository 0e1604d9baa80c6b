package shift

import (
	"crypto/sha256"
	"encoding/binary"
	"net/url"

	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// pageSize is how many shifts, or events of a batch, a page holds at the most.
const pageSize = 100

var errNext = fault.InvalidField("next", "`next` must be the value from the previous page, with the same parameters.")

// A cursor is what `next` seals, so that it cannot be made up. It ends in a digest of the parameters that it was given
// for, and is good for those alone.
type digest [16]byte

// shiftCursor is where the next page of a list of shifts begins.
type shiftCursor struct {
	after timeline.Position
	to    timeline.Instant // the end of the period, which the clock may have set
}

func (v Reader) encodeCursor(provider string, c shiftCursor, params digest) string {
	b := binary.BigEndian.AppendUint64(nil, uint64(c.after.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(c.after.Login))
	b = binary.BigEndian.AppendUint64(b, uint64(c.to))
	return v.ids.Seal(nextPurpose, provider, append(b, params[:]...))
}

func (v Reader) decodeCursor(provider, next string, params digest) (shiftCursor, error) {
	b, err := v.openCursor(provider, next, 24, params)
	if err != nil {
		return shiftCursor{}, err
	}
	instant := func(i int) timeline.Instant { return timeline.Instant(binary.BigEndian.Uint64(b[i:])) }
	return shiftCursor{timeline.Position{Start: instant(0), Login: instant(8)}, instant(16)}, nil
}

// encodeBatchCursor seals the place in a batch at which its next page begins.
func (v Reader) encodeBatchCursor(provider, id string, offset int) string {
	params := digestOf(id)
	return v.ids.Seal(nextPurpose, provider, append(binary.BigEndian.AppendUint32(nil, uint32(offset)), params[:]...))
}

// decodeBatchCursor returns the place at which a page of a batch begins, from the query's `next`.
func (v Reader) decodeBatchCursor(provider, id string, query url.Values) (int, error) {
	next, err := singleValue("next", query)
	if err != nil || next == "" {
		return 0, err
	}
	b, err := v.openCursor(provider, next, 4, digestOf(id))
	if err != nil {
		return 0, err
	}
	return int(binary.BigEndian.Uint32(b)), nil
}

// openCursor returns what a cursor of that length seals before its digest.
func (v Reader) openCursor(provider, next string, length int, params digest) ([]byte, error) {
	b, err := v.ids.Open(nextPurpose, provider, next)
	if err != nil || len(b) != length+len(params) || digest(b[length:]) != params {
		return nil, errNext
	}
	return b[:length], nil
}

func digestOf(params string) digest {
	sum := sha256.Sum256([]byte(params))
	return digest(sum[:])
}

// listDigest is of the parameters that ask for a list, but for the cursor.
func listDigest(name person.Name, from, to string) digest {
	return digestOf(string(name.Kind) + name.Value + "\x00" + from + "\x00" + to)
}

// singleValue returns a parameter that may be repeated with one value (contract row 1).
func singleValue(parameter string, query url.Values) (string, error) {
	for _, value := range query[parameter] {
		if value != query[parameter][0] {
			return "", fault.InvalidField(parameter, "`"+parameter+"` is repeated with different values.")
		}
	}
	return query.Get(parameter), nil
}
