package timeline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
)

// MatchWithin is how long after a fact its person may still be matched for the fact to count (rule 7).
const MatchWithin = 30 * 24 * time.Hour

// EntryKind tells what an entry of a history records. The numbers are stored.
type EntryKind uint8

// The kinds of an entry (rule 6).
const (
	Consent    EntryKind = iota + 1 // the customer agreed to share with the work provider
	Withdrawal                      // the customer took that back
	Link                            // a workProviderUserId became the customer's
	Unlink                          // it ceased to be, or went to another
	Match                           // the work provider, or we, matched the two
	NoMatch                         // the work provider could not
)

// Entry is one line of a person's history at a work provider. Histories are only appended to.
type Entry struct {
	Kind EntryKind
	At   Instant
	// UserID is the workProviderUserId of a Link or Unlink.
	UserID string
	// Since is, for a Link, the instant at which the id ceased to be somebody else's; the facts sent under it before
	// then stay theirs. The zero value stands for an id that nobody had before.
	Since Instant
}

// ConsentGiven records that the customer agreed to share with the work provider.
func ConsentGiven(at time.Time) Entry { return Entry{Kind: Consent, At: At(at)} }

// ConsentWithdrawn records that the customer no longer does.
func ConsentWithdrawn(at time.Time) Entry { return Entry{Kind: Withdrawal, At: At(at)} }

// Unlinked records that userID is no longer the customer's.
func Unlinked(at time.Time, userID string) Entry {
	return Entry{Kind: Unlink, At: At(at), UserID: userID}
}

// Matched records that the customer is matched and the work provider ready to send shifts.
func Matched(at time.Time) Entry { return Entry{Kind: Match, At: At(at)} }

// NotMatched records that the work provider found no match.
func NotMatched(at time.Time) Entry { return Entry{Kind: NoMatch, At: At(at)} }

// The binary form of an entry inside its month's set:
//
//	1 byte   form (high half, now 1) and kind (low half)
//	8 bytes  instant, in microseconds since the epoch, big-endian
//	8 bytes  since, likewise; only in a Link
//	the rest is the workProviderUserId
func (e Entry) encode() []byte {
	b := binary.BigEndian.AppendUint64([]byte{formV1 | byte(e.Kind)}, uint64(e.At))
	if e.Kind == Link {
		b = binary.BigEndian.AppendUint64(b, uint64(e.Since))
	}
	return append(b, e.UserID...)
}

var errEntryForm = errors.New("timeline: a stored history entry has an unknown form")

// decodeEntry reads what encode wrote.
func decodeEntry(b []byte) (Entry, error) {
	if len(b) < 9 || b[0]&0xf0 != formV1 {
		return Entry{}, errEntryForm
	}
	e := Entry{Kind: EntryKind(b[0] & 0x0f), At: Instant(binary.BigEndian.Uint64(b[1:]))}
	if e.Kind < Consent || e.Kind > NoMatch {
		return Entry{}, errEntryForm
	}
	b = b[9:]
	if e.Kind == Link {
		if len(b) < 8 {
			return Entry{}, errEntryForm
		}
		e.Since = Instant(binary.BigEndian.Uint64(b))
		b = b[8:]
	}
	e.UserID = string(b)
	return e, nil
}

// interval is [from, to): to is the first instant outside.
type interval struct{ from, to Instant }

func (v interval) has(at Instant) bool { return v.from <= at && at < v.to }

// held is the time in which a workProviderUserId's facts are the person's.
type held struct {
	userID string
	interval
}

// verdict is one answer to "are the two matched?".
type verdict struct {
	at   Instant
	true bool
}

// History is what is known of one customer at one work provider: when sharing was agreed to, which workProviderUserIds
// were theirs, and when the two were matched. The zero value is that of somebody unknown.
type History struct {
	version  int64   // counts what Amend has changed
	entries  []Entry // sorted, each once
	consents []interval
	held     []held
	verdicts []verdict
}

// NewHistory reads a history from its entries, in whatever order they come and however often.
func NewHistory(entries []Entry) History {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		// At one instant the order of the kinds decides: a withdrawal comes after a consent, an unlink after a link,
		// and a false after a true, so that in doubt nothing is shared and nothing counts.
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Since, b.Since))
	})
	entries = slices.Compact(entries)
	h := History{entries: entries}
	for _, e := range entries {
		switch e.Kind {
		case Consent:
			if !h.Consented(e.At) {
				h.consents = append(h.consents, interval{e.At, Never})
			}
		case Withdrawal:
			if h.Consented(e.At) {
				h.consents[len(h.consents)-1].to = e.At
			}
		case Match, NoMatch:
			h.verdicts = append(undone(h.verdicts, e.At), verdict{e.At, e.Kind == Match})
		}
	}
	// Links are read after the consents, because an id's facts count from the consent it was linked under (rule 6).
	for _, e := range entries {
		switch e.Kind {
		case Link:
			if !h.holds(e.UserID) {
				h.held = append(h.held, held{e.UserID, interval{max(e.Since, h.consentFor(e.At)), Never}})
			}
		case Unlink:
			for i := range h.held {
				if h.held[i].userID == e.UserID && h.held[i].to == Never {
					h.held[i].to = e.At
				}
			}
		}
	}
	return h
}

// undone takes back a verdict given at the same instant: a tie goes to false, which comes last (rule 7).
func undone(verdicts []verdict, at Instant) []verdict {
	if last := len(verdicts) - 1; last >= 0 && verdicts[last].at == at {
		return verdicts[:last]
	}
	return verdicts
}

// redundant tells whether the entries are verdicts that change nothing: whoever folds with them finds what whoever folds
// without them does. A work provider that confirms its matches every night costs no fold.
func (h *History) redundant(verdicts []Entry) bool {
	without := NewHistory(slices.DeleteFunc(slices.Clone(h.entries), func(e Entry) bool { return slices.Contains(verdicts, e) }))
	return slices.Equal(h.changes(), without.changes())
}

// changes are the verdicts that differ from the one before.
func (h *History) changes() []verdict {
	return slices.CompactFunc(slices.Clone(h.verdicts), func(a, b verdict) bool { return a.true == b.true })
}

// consentFor is the start of the consent that a link at the instant was made under: the one that it lies in, or else
// the next one, because a link may be recorded before the consent is.
func (h *History) consentFor(at Instant) Instant {
	for _, c := range h.consents {
		if at < c.to {
			return c.from
		}
	}
	return Never
}

// holds tells whether userID is the customer's now, as far as the history goes.
func (h *History) holds(userID string) bool {
	return slices.ContainsFunc(h.held, func(v held) bool { return v.userID == userID && v.to == Never })
}

// userIDs are the workProviderUserIds whose facts may be the person's in some instant of [from, to), each once.
func (h *History) userIDs(from, to Instant) []string {
	var ids []string
	for _, v := range h.held {
		if v.from < to && from < v.to && !slices.Contains(ids, v.userID) {
			ids = append(ids, v.userID)
		}
	}
	return ids
}

// Held are the workProviderUserIds that are the customer's now, in the order in which they became so.
func (h *History) Held() []string {
	var ids []string
	for _, v := range h.held {
		if v.to == Never {
			ids = append(ids, v.userID)
		}
	}
	return ids
}

// After is the instant for a new entry: now or, if the history reaches further because of another clock, just after its
// end, so that the entries stay in the order in which they were made.
func (h *History) After(now time.Time) time.Time {
	at := At(now)
	if n := len(h.entries); n > 0 {
		at = max(at, h.entries[n-1].At+1)
	}
	return at.Time()
}

// IsEmpty tells whether the customer and the work provider never had to do with each other.
func (h *History) IsEmpty() bool { return len(h.entries) == 0 }

// Consented tells whether the customer shares with the work provider at the instant.
func (h *History) Consented(at Instant) bool {
	_, ok := h.consentAt(at)
	return ok
}

// consentAt is the consent that the instant lies in.
func (h *History) consentAt(at Instant) (interval, bool) {
	for _, c := range slices.Backward(h.consents) {
		if c.has(at) {
			return c, true
		}
	}
	return interval{}, false
}

// ConsentedSince is the start of the consent that the instant lies in; false if it lies in none.
func (h *History) ConsentedSince(at Instant) (Instant, bool) {
	c, ok := h.consentAt(at)
	return c.from, ok
}

// Matched tells whether the last answer to "are the two matched?" by the instant was yes.
func (h *History) Matched(at Instant) bool {
	later := slices.IndexFunc(h.verdicts, func(v verdict) bool { return v.at > at })
	if later < 0 {
		later = len(h.verdicts)
	}
	return later > 0 && h.verdicts[later-1].true
}

// Answered is the last answer to "are the two matched?" that was given after the instant; false if there was none.
func (h *History) Answered(after Instant) (matched, ok bool) {
	if last := len(h.verdicts) - 1; last >= 0 && h.verdicts[last].at > after {
		return h.verdicts[last].true, true
	}
	return false, false
}

// couldCount tells whether any fact can count at all: without a consent and a match there is nobody to count it for,
// and so no record, in this history and in every earlier state of it. A match that a tie has taken back since was one.
func (h *History) couldCount() bool {
	return len(h.consents) > 0 && slices.ContainsFunc(h.entries, func(e Entry) bool { return e.Kind == Match })
}

// Counts tells whether a fact of the person's counts, as far as the history goes (rules 6 and 7).
func (h *History) Counts(f Fact) bool {
	return h.mine(f) && h.Consented(f.At) && h.matchedFor(f.Kind, f.At)
}

// mine tells whether a fact under that name at that instant is the person's. Who asks has read the partitions of this
// customer's number and ids only, so a fact under the number always is.
func (h *History) mine(f Fact) bool {
	if f.Name.Kind == person.CustomerNumber {
		return true
	}
	return slices.ContainsFunc(h.held, func(v held) bool { return v.userID == f.Name.Value && v.has(f.At) })
}

// matchedFor tells whether the pair was matched for a fact of that kind at that instant, at the latest 30 days after it
// (rule 7). Before the first true nothing counts. After a false, LOGINs wait for the next true; LOGOUTs do not, because
// an end is never held back.
func (h *History) matchedFor(kind Kind, at Instant) bool {
	if kind == Logout {
		first := slices.IndexFunc(h.verdicts, func(v verdict) bool { return v.true })
		return first >= 0 && h.verdicts[first].at <= at.Add(MatchWithin)
	}
	if h.Matched(at) {
		return true
	}
	next := slices.IndexFunc(h.verdicts, func(v verdict) bool { return v.true && v.at > at })
	return next >= 0 && h.verdicts[next].at <= at.Add(MatchWithin)
}

// beforeConsent tells whether the instant lies before the latest consent: no cover is bought backwards.
func (h *History) beforeConsent(at Instant) bool {
	return len(h.consents) > 0 && at < h.consents[len(h.consents)-1].from
}
