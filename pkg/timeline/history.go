package timeline

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
)

// MatchWindow is how long after a fact its person may still be matched for the fact to count (rule 7).
const MatchWindow = 30 * 24 * time.Hour

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
	Claim                           // the customer came by a link that names a workProviderUserId: not confirmed yet
)

// APIName returns the kind of an entry as the API spells it.
func (k EntryKind) APIName() string {
	return [...]string{"", "CONSENT", "WITHDRAWAL", "LINK", "UNLINK", "MATCH", "NO_MATCH", "CLAIM"}[k]
}

// Entry is one line of a person's history at a work provider. Histories are only appended to.
type Entry struct {
	Kind EntryKind
	At   Instant
	// UserID is the workProviderUserId of a Link, Unlink or Claim.
	UserID string
	// FreeSince is the instant from which facts under the id are no longer another customer's; those before stay theirs.
	// It is told of a Link, and of the Unlink of an id that moves. The zero value stands for an id that no customer had
	// before, or that none has now.
	FreeSince Instant
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

// Claimed records that the customer came by a link that names userID, which becomes theirs once the work provider
// confirms it. An Unlink after it says that it will not.
func Claimed(at time.Time, userID string) Entry {
	return Entry{Kind: Claim, At: At(at), UserID: userID}
}

// The binary form of an entry inside its month's set:
//
//	1 byte   version (high half: 1 or, for the Unlink of an id that moves, 2) and kind (low half)
//	8 bytes  instant, in microseconds since the epoch, big-endian
//	8 bytes  free since, likewise; only in a Link and in version 2
//	the rest is the workProviderUserId
const (
	entryV1 = 1 << 4
	entryV2 = 2 << 4
)

func (e Entry) encode() []byte {
	version := byte(entryV1)
	if e.Kind == Unlink && e.FreeSince != 0 {
		version = entryV2
	}
	b := binary.BigEndian.AppendUint64([]byte{version | byte(e.Kind)}, uint64(e.At))
	if e.Kind == Link || version == entryV2 {
		b = binary.BigEndian.AppendUint64(b, uint64(e.FreeSince))
	}
	return append(b, e.UserID...)
}

var errEntryVersion = errors.New("timeline: a stored history entry has an unknown version")

// decodeEntry reads what encode wrote.
func decodeEntry(b []byte) (Entry, error) {
	if len(b) < 9 {
		return Entry{}, errEntryVersion
	}
	version := b[0] & 0xf0
	e := Entry{Kind: EntryKind(b[0] & 0x0f), At: Instant(binary.BigEndian.Uint64(b[1:]))}
	moved := version == entryV2 && e.Kind == Unlink
	if e.Kind < Consent || e.Kind > Claim || version != entryV1 && !moved {
		return Entry{}, errEntryVersion
	}
	b = b[9:]
	if e.Kind == Link || moved {
		if len(b) < 8 {
			return Entry{}, errEntryVersion
		}
		e.FreeSince = Instant(binary.BigEndian.Uint64(b))
		b = b[8:]
		if moved && e.FreeSince == 0 {
			return Entry{}, errEntryVersion
		}
	}
	e.UserID = string(b)
	return e, nil
}

// interval is [from, to): to is the first instant outside.
type interval struct{ from, to Instant }

func (v interval) has(at Instant) bool { return v.from <= at && at < v.to }

// idInterval is the time in which a workProviderUserId's facts are the person's.
type idInterval struct {
	userID string
	interval
}

// matchVerdict is one answer to "are the two matched?".
type matchVerdict struct {
	at      Instant
	matched bool
}

// History is what is known of one customer at one work provider: when sharing was agreed to, which workProviderUserIds
// were theirs, and when the two were matched. The zero value is that of a customer who is unknown there.
type History struct {
	version  int64   // counts what UpdateHistory has changed
	entries  []Entry // sorted, each once
	consents []interval
	ids      []idInterval
	verdicts []matchVerdict
}

// NewHistory reads a history from its entries, in whatever order they come and however often.
func NewHistory(entries []Entry) History {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int {
		// At one instant the order of the kinds decides: a withdrawal comes after a consent, an unlink after a link,
		// and a false after a true, so that in doubt nothing is shared and nothing counts.
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.UserID, b.UserID),
			cmp.Compare(a.FreeSince, b.FreeSince))
	})
	entries = slices.Compact(entries)
	h := History{entries: entries}
	h.readConsents()
	h.readIDs()
	h.readVerdicts()
	return h
}

// readConsents finds the intervals in which the customer shares. A consent counts from the beginning of its second,
// because timestamps are mostly sent in whole seconds, but not from before the last withdrawal (rule 7).
func (h *History) readConsents() {
	withdrawn := firstDay.Start()
	for _, e := range h.entries {
		switch {
		case e.Kind == Consent && !h.Consented(e.At):
			h.consents = append(h.consents, interval{max(e.At.second(), withdrawn), Never})
		case e.Kind == Withdrawal:
			if h.Consented(e.At) {
				h.consents[len(h.consents)-1].to = e.At
			}
			withdrawn = e.At
		}
	}
}

// readIDs finds the intervals in which facts under a workProviderUserId are the customer's: from the consent that the
// id was linked under, but neither from before it was free nor from more than 30 days before the link (rule 6).
func (h *History) readIDs() {
	for _, e := range h.entries {
		switch {
		case e.Kind == Link && !h.ownsUserID(e.UserID):
			from := max(e.FreeSince, h.consentFor(e.At), e.At.Add(-MatchWindow))
			h.ids = append(h.ids, idInterval{e.UserID, interval{from, Never}})
		case e.Kind == Unlink:
			for i := range h.ids {
				if h.ids[i].userID != e.UserID || h.ids[i].to != Never {
					continue
				}
				h.ids[i].to = e.At
				if e.FreeSince != 0 {
					h.ids[i].to = e.FreeSince
				}
			}
		}
	}
}

// readVerdicts finds the answers to "are the two matched?". Of two at one instant the false one counts, which sorts
// last (rule 7).
func (h *History) readVerdicts() {
	for _, e := range h.entries {
		if e.Kind != Match && e.Kind != NoMatch {
			continue
		}
		if last := len(h.verdicts) - 1; last >= 0 && h.verdicts[last].at == e.At {
			h.verdicts = h.verdicts[:last]
		}
		h.verdicts = append(h.verdicts, matchVerdict{e.At, e.Kind == Match})
	}
}

// admit decides what of entries of one month fits the history: how many that month has, which are added, and for which
// there is no room.
func (h *History) admit(entries []Entry) (stored int, added, overflow []Entry) {
	for _, e := range h.entries {
		if e.At.month() == entries[0].At.month() {
			stored++
		}
	}
	for _, e := range entries {
		switch {
		case slices.Contains(h.entries, e) || slices.Contains(added, e):
		case stored+len(added) >= MaxFactsPerDay:
			overflow = append(overflow, e)
		default:
			added = append(added, e)
		}
	}
	return stored, added, overflow
}

// Entries returns the lines of the history, by instant.
func (h *History) Entries() []Entry { return slices.Clone(h.entries) }

// redundant reports whether the entries are verdicts that change nothing: a fold with them finds what a fold without
// them does. A work provider that confirms its matches every night costs no fold.
func (h *History) redundant(verdicts []Entry) bool {
	rest := slices.Clone(h.entries)
	rest = slices.DeleteFunc(rest, func(e Entry) bool { return slices.Contains(verdicts, e) })
	without := NewHistory(rest)
	return slices.Equal(h.changes(), without.changes())
}

// changes returns the verdicts that differ from the one before.
func (h *History) changes() []matchVerdict {
	return slices.CompactFunc(slices.Clone(h.verdicts), func(a, b matchVerdict) bool { return a.matched == b.matched })
}

// consentFor returns the start of the consent that a link at the instant was made under: the one that it lies in, or
// else the next one, because a link may be recorded before the consent is.
func (h *History) consentFor(at Instant) Instant {
	for _, c := range h.consents {
		if at < c.to {
			return c.from
		}
	}
	return Never
}

// ownsUserID reports whether userID is the customer's now, as far as the history goes.
func (h *History) ownsUserID(userID string) bool {
	return slices.ContainsFunc(h.ids, func(v idInterval) bool { return v.userID == userID && v.to == Never })
}

// userIDs returns the workProviderUserIds whose facts may be the person's in some instant of [from, to), each once.
func (h *History) userIDs(from, to Instant) []string {
	var ids []string
	for _, v := range h.ids {
		if v.from < to && from < v.to && !slices.Contains(ids, v.userID) {
			ids = append(ids, v.userID)
		}
	}
	return ids
}

// CurrentUserIDs returns the workProviderUserIds that are the customer's now, in the order in which they became so.
func (h *History) CurrentUserIDs() []string {
	var ids []string
	for _, v := range h.ids {
		if v.to == Never {
			ids = append(ids, v.userID)
		}
	}
	return ids
}

// IDClaim is the claim of a workProviderUserId under the present consent.
type IDClaim struct {
	UserID string
	At     Instant
	// SettledAt is when the id was linked or refused since; 0 while the claim is pending.
	SettledAt Instant
}

// Claims returns the claims that the customer made since they last agreed to share, in the order in which they were
// made. Claims from before count no more.
func (h *History) Claims() []IDClaim {
	var claims []IDClaim
	for _, e := range h.entries {
		switch e.Kind {
		case Withdrawal:
			claims = nil
		case Claim:
			claims = append(claims, IDClaim{UserID: e.UserID, At: e.At})
		case Link, Unlink:
			for i := range claims {
				if claims[i].UserID == e.UserID && claims[i].SettledAt == 0 {
					claims[i].SettledAt = e.At
				}
			}
		}
	}
	return claims
}

// PendingClaims returns the claims that the work provider has neither confirmed nor refused.
func (h *History) PendingClaims() []IDClaim {
	return slices.DeleteFunc(h.Claims(), func(c IDClaim) bool { return c.SettledAt != 0 })
}

// HasPendingClaim reports whether a claim of the id is pending.
func (h *History) HasPendingClaim(userID string) bool {
	return slices.ContainsFunc(h.PendingClaims(), func(c IDClaim) bool { return c.UserID == userID })
}

// AllUserIDs returns the workProviderUserIds that were the customer's at any time, each once.
func (h *History) AllUserIDs() []string {
	var ids []string
	for _, e := range h.entries {
		if e.Kind == Link && !slices.Contains(ids, e.UserID) {
			ids = append(ids, e.UserID)
		}
	}
	return ids
}

// NextInstant returns the instant for a new entry: now or, if the history reaches further because of another clock,
// just after its end, so that the entries stay in the order in which they were made.
func (h *History) NextInstant(now time.Time) time.Time {
	at := At(now)
	if n := len(h.entries); n > 0 {
		at = max(at, h.entries[n-1].At+1)
	}
	return at.Time()
}

// IsEmpty reports whether the customer and the work provider never had to do with each other.
func (h *History) IsEmpty() bool { return len(h.entries) == 0 }

// Consented reports whether the customer shares with the work provider at the instant.
func (h *History) Consented(at Instant) bool {
	_, ok := h.consentAt(at)
	return ok
}

// consentAt returns the consent that the instant lies in.
func (h *History) consentAt(at Instant) (interval, bool) {
	for _, c := range slices.Backward(h.consents) {
		if c.has(at) {
			return c, true
		}
	}
	return interval{}, false
}

// ConsentedSince returns the start of the consent that the instant lies in; false if it lies in none.
func (h *History) ConsentedSince(at Instant) (Instant, bool) {
	c, ok := h.consentAt(at)
	return c.from, ok
}

// ConsentGivenAt returns when the consent that the instant lies in was given, which may be later in the second from
// whose beginning it counts; false if the instant lies in none.
func (h *History) ConsentGivenAt(at Instant) (Instant, bool) {
	since, ok := h.ConsentedSince(at)
	i := slices.IndexFunc(h.entries, func(e Entry) bool { return e.Kind == Consent && e.At >= since })
	if !ok || i < 0 {
		return 0, false
	}
	return h.entries[i].At, true
}

// Matched reports whether the last answer to "are the two matched?" by the instant was yes.
func (h *History) Matched(at Instant) bool {
	for _, v := range slices.Backward(h.verdicts) {
		if v.at <= at {
			return v.matched
		}
	}
	return false
}

// MatchedIn reports whether the last answer to "are the two matched?" of the instants from first to last was yes.
func (h *History) MatchedIn(first, last Instant) bool {
	for _, v := range slices.Backward(h.verdicts) {
		if v.at <= last {
			return v.matched && v.at >= first
		}
	}
	return false
}

// VerdictSince returns the last answer to "are the two matched?" that was given after the instant; false if there was
// none.
func (h *History) VerdictSince(after Instant) (matched, ok bool) {
	if last := len(h.verdicts) - 1; last >= 0 && h.verdicts[last].at > after {
		return h.verdicts[last].matched, true
	}
	return false, false
}

// everCounts reports whether any fact can count at all: without a consent and a match there is no customer to count it
// for, and so no record, in this history and in every earlier state of it. A match that a tie has taken back since was
// one.
func (h *History) everCounts() bool {
	return len(h.consents) > 0 && slices.ContainsFunc(h.entries, func(e Entry) bool { return e.Kind == Match })
}

// Counts reports whether a fact of the person's counts, as far as the history goes (rules 6 and 7).
func (h *History) Counts(f Fact) bool {
	return h.ownsFact(f) && h.Consented(f.At) && h.matchedFor(f.Kind, f.At)
}

// ownsFact reports whether a fact under that name at that instant is the person's. The caller has read the partitions
// of this customer's number and ids only, so a fact under the number always is.
func (h *History) ownsFact(f Fact) bool {
	if f.Name.Kind == person.CustomerNumber {
		return true
	}
	return slices.ContainsFunc(h.ids, func(v idInterval) bool { return v.userID == f.Name.Value && v.has(f.At) })
}

// matchedFor reports whether the pair was matched for a fact of that kind at that instant, at the latest 30 days after
// it (rule 7). Before the first true nothing counts. After a false, LOGINs wait for the next true; LOGOUTs do not,
// because an end is never held back.
func (h *History) matchedFor(kind Kind, at Instant) bool {
	if kind == Logout {
		first := slices.IndexFunc(h.verdicts, func(v matchVerdict) bool { return v.matched })
		return first >= 0 && h.verdicts[first].at <= at.Add(MatchWindow)
	}
	if h.Matched(at) {
		return true
	}
	next := slices.IndexFunc(h.verdicts, func(v matchVerdict) bool { return v.matched && v.at > at })
	return next >= 0 && h.verdicts[next].at <= at.Add(MatchWindow)
}

// countedFacts returns the facts that count, in a slice of its own unless they all do, as most people's do.
func (h *History) countedFacts(facts []Fact) []Fact {
	if !slices.ContainsFunc(facts, func(f Fact) bool { return !h.Counts(f) }) {
		return facts
	}
	return slices.DeleteFunc(slices.Clone(facts), func(f Fact) bool { return !h.Counts(f) })
}

// uncountedReason returns why a fact of that instant does not count (rule 7): no cover is bought backwards, and 30 days
// after a fact no match and no link makes it count any more.
func (h *History) uncountedReason(at, now Instant) Effect {
	switch {
	case len(h.consents) > 0 && at < h.consents[len(h.consents)-1].from:
		return BeforeConsent
	case now < at.Add(MatchWindow):
		return Unmatched
	default:
		return UnmatchedTooLong
	}
}
