package timeline

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const second = Instant(time.Second / time.Microsecond)

// TestUncountedReasons is the last sentence but one of rule 7, to the microsecond.
func TestUncountedReasons(t *testing.T) {
	month := Instant(MatchWindow.Microseconds())
	consented := NewHistory([]Entry{
		{Kind: Consent, At: minute(0)}, {Kind: Withdrawal, At: minute(10)}, {Kind: Consent, At: minute(20)},
	})
	for _, c := range []struct {
		history History
		at, now Instant
		want    Effect
	}{
		{History{}, minute(0), minute(0), Unmatched},
		{History{}, minute(0), minute(0) + month - 1, Unmatched},
		{History{}, minute(0), minute(0) + month, UnmatchedTooLong},
		{consented, minute(20) - 1, minute(30), BeforeConsent},
		{consented, minute(20), minute(30), Unmatched},
		{consented, minute(5), minute(5) + month, BeforeConsent}, // though it lies in an earlier one
		{consented, minute(20) - 1, minute(20) + 100*month, BeforeConsent},
		{consented, minute(20), minute(20) + month, UnmatchedTooLong},
	} {
		if got := c.history.uncountedReason(c.at, c.now); got != c.want {
			t.Errorf("at %d, asked at %d: %v, want %v", c.at, c.now, got, c.want)
		}
	}
}

// TestConsentSecond is rule 7: timestamps are mostly sent in whole seconds, so a consent counts from the
// beginning of its second, but not from before the last withdrawal. The entries keep their real instants.
func TestConsentSecond(t *testing.T) {
	at := func(ms int) Instant { return minute(0) + Instant(ms)*millisecond }
	for name, c := range map[string]struct {
		entries []Entry
		want    []interval
	}{
		"alone":         {[]Entry{{Kind: Consent, At: at(51_146)}}, []interval{{at(51_000), Never}}},
		"on the second": {[]Entry{{Kind: Consent, At: at(51_000)}}, []interval{{at(51_000), Never}}},
		"at its end":    {[]Entry{{Kind: Consent, At: at(52_000) - 1}}, []interval{{at(51_000), Never}}},
		"before 1970":   {[]Entry{{Kind: Consent, At: -1}}, []interval{{-second, Never}}},
		"given and again": {[]Entry{{Kind: Consent, At: at(51_146)}, {Kind: Consent, At: at(99_000)}},
			[]interval{{at(51_000), Never}}},
		"withdrawn at :51.050, given again at :51.146": {
			[]Entry{{Kind: Consent, At: at(10_500)}, {Kind: Withdrawal, At: at(51_050)}, {Kind: Consent, At: at(51_146)}},
			[]interval{{at(10_000), at(51_050)}, {at(51_050), Never}},
		},
		"withdrawn in an earlier second": {
			[]Entry{{Kind: Consent, At: at(10_500)}, {Kind: Withdrawal, At: at(50_999)}, {Kind: Consent, At: at(51_146)}},
			[]interval{{at(10_000), at(50_999)}, {at(51_000), Never}},
		},
		"withdrawn without a consent": {
			[]Entry{{Kind: Withdrawal, At: at(51_050)}, {Kind: Consent, At: at(51_146)}},
			[]interval{{at(51_050), Never}},
		},
		"withdrawn twice": {
			[]Entry{
				{Kind: Consent, At: at(10_500)}, {Kind: Withdrawal, At: at(51_050)}, {Kind: Withdrawal, At: at(51_100)},
				{Kind: Consent, At: at(51_146)},
			},
			[]interval{{at(10_000), at(51_050)}, {at(51_100), Never}},
		},
	} {
		h := NewHistory(c.entries)
		if !slices.Equal(h.consents, c.want) {
			t.Errorf("%s: %v, want %v", name, h.consents, c.want)
		}
		if !slices.Equal(h.Entries(), c.entries) {
			t.Errorf("%s: the entries are %v, want %v", name, h.Entries(), c.entries)
		}
	}
}

// TestLoginInTheSecondOfAConsent is the case of the issue: withdrawn at :51.050 and given again at :51.146, a LOGIN of
// :51.100 counts, one of :51.000 belongs to the consent before.
func TestLoginInTheSecondOfAConsent(t *testing.T) {
	at := func(ms int) Instant { return minute(0) + Instant(ms)*millisecond }
	history := NewHistory([]Entry{
		{Kind: Consent, At: minute(-10)}, {Kind: Match, At: minute(-10)},
		{Kind: Withdrawal, At: at(51_050)}, {Kind: Consent, At: at(51_146)},
	})
	login := func(ms int) Fact { return Fact{Name: courier, Kind: Login, At: at(ms), PlannedEnd: Never} }
	shifts := fold([]Fact{login(51_000), login(51_100)}, history).shifts
	want := []Shift{
		{at(51_000), at(51_050), EndWithdrawn, at(51_000), courier},
		{at(51_100), at(51_100).Add(MaxShift), EndAuto, at(51_100), courier},
	}
	if !slices.Equal(shifts, want) {
		t.Errorf("got  %v\nwant %v", shifts, want)
	}
	first := NewHistory([]Entry{{Kind: Consent, At: at(51_146)}, {Kind: Match, At: at(51_146)}})
	if !first.Counts(login(51_000)) || first.Counts(login(50_999)) {
		t.Error("a login of the second of the first consent does not count, or one before it does")
	}
}

// TestConsentIntervals: whatever the entries, consents follow one another, each begins in the second of an entry
// and ends with a withdrawal, and the customer consents at an instant if one holds it.
func TestConsentIntervals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
			kind := rapid.SampledFrom([]EntryKind{Consent, Withdrawal}).Draw(t, "kind")
			return Entry{Kind: kind, At: minute(0) + Instant(rapid.IntRange(-30, 30).Draw(t, "at"))*100*millisecond}
		}), 0, 12).Draw(t, "entries")
		h := NewHistory(entries)
		for i, c := range h.consents {
			if c.from > c.to || i > 0 && c.from < h.consents[i-1].to {
				t.Fatalf("consents overlap: %v", h.consents)
			}
			given := slices.ContainsFunc(entries, func(e Entry) bool {
				return e.Kind == Consent && e.At.second() <= c.from && c.from <= e.At
			})
			withdrawn := c.to == Never || slices.Contains(entries, Entry{Kind: Withdrawal, At: c.to})
			if !given || !withdrawn {
				t.Fatalf("consent %v of %v", c, entries)
			}
		}
		// What was last said decides, a withdrawal in case of a tie.
		for at := minute(0) - 40*100*millisecond; at < minute(0)+50*100*millisecond; at += 100 * millisecond {
			var last Entry
			for _, e := range h.entries {
				if e.At <= at {
					last = e
				}
			}
			switch got := h.Consented(at); {
			case last.Kind == Consent && !got:
				t.Fatalf("consented at %v, but not at %v: %v", last.At, at, entries)
			case last.Kind != Consent && got:
				// Only the beginning of a consent's second may lie before what was said.
				later := slices.ContainsFunc(entries, func(e Entry) bool {
					return e.Kind == Consent && e.At > at && e.At.second() <= at
				})
				if !later || last.Kind == Withdrawal && last.At > at {
					t.Fatalf("%v is in no consent of %v", at, entries)
				}
			}
		}
	})
}

// TestLinkWindow is rule 6: facts under an id are the customer's from the consent that it was linked under,
// but at the earliest from 30 days before the link, to the microsecond.
func TestLinkWindow(t *testing.T) {
	link := minute(60*24*60) + 123_456
	monthBefore := link.Add(-MatchWindow)
	for name, c := range map[string]struct {
		consent, freeSince Instant
		want               Instant
	}{
		"a consent long ago":          {minute(0), 0, monthBefore},
		"a consent 30 days ago":       {monthBefore + second, 0, (monthBefore + second).second()},
		"a consent of that second":    {link, 0, link.second()},
		"another's until a week ago":  {minute(0), link.Add(-7 * 24 * time.Hour), link.Add(-7 * 24 * time.Hour)},
		"another's until before that": {minute(0), minute(100), monthBefore},
	} {
		h := NewHistory([]Entry{
			{Kind: Consent, At: c.consent}, {Kind: Match, At: minute(-10)},
			{Kind: Link, At: link, UserID: "12345", FreeSince: c.freeSince},
		})
		f := Fact{Name: userIDName("12345"), Kind: Login, At: c.want, PlannedEnd: Never}
		before := f
		before.At--
		if !h.ownsFact(f) || h.ownsFact(before) {
			t.Errorf("%s: the id is the customer's from another instant than %v on: %v", name, c.want.Time(), h.ids)
		}
	}
}

// TestUserIDOwnership: however ids are linked, unlinked and moved, at every instant an id is one customer's at the
// most, whoever has it now has it from its second on, and nobody in the time in which it was released.
func TestUserIDOwnership(t *testing.T) {
	numbers := []string{"ABC123", "ABC12", "NX42Z"}
	rapid.Check(t, func(t *rapid.T) {
		m := NewMemory()
		for _, c := range numbers {
			m.append("courier-ltd", c, Entry{Kind: Consent, At: minute(-100)})
		}
		at := minute(0)
		var owner string
		var since Instant
		for range rapid.IntRange(1, 10).Draw(t, "changes") {
			at += Instant(rapid.IntRange(1, 15).Draw(t, "later")) * 100 * millisecond
			number := rapid.SampledFrom(append([]string{""}, numbers...)).Draw(t, "customer")
			switch number {
			case owner:
			case "":
				m.Unlink("courier-ltd", "12345", at)
				owner = ""
			default:
				m.Link("courier-ltd", "12345", number, at)
				owner = number
				since = at
			}
		}
		for x := minute(0) - second; x < at+second; x += 50 * millisecond {
			var owners []string
			for _, c := range numbers {
				h, _, _ := m.HistoryAndFacts(t.Context(), "courier-ltd", c, Days{})
				if h.ownsFact(Fact{Name: userIDName("12345"), Kind: Login, At: x, PlannedEnd: Never}) {
					owners = append(owners, c)
				}
			}
			if len(owners) > 1 || owner != "" && x >= since && !slices.Equal(owners, []string{owner}) {
				t.Fatalf("at %v the id is of %v; it is of %q since %v", x.Time(), owners, owner, since.Time())
			}
		}
	})
}

// TestMovedUserID is rule 6: an id that moves is the next customer's from the beginning of the
// second, but not from before it was last released.
func TestMovedUserID(t *testing.T) {
	at := func(ms int) Instant { return minute(0) + Instant(ms)*millisecond }
	owner := func(m *Memory, instant Instant) string {
		for _, c := range []string{"ABC123", "ABC12"} {
			h, _, _ := m.HistoryAndFacts(t.Context(), "courier-ltd", c, Days{})
			if h.ownsFact(Fact{Name: userIDName("12345"), Kind: Login, At: instant, PlannedEnd: Never}) {
				return c
			}
		}
		return ""
	}
	fresh := func() *Memory {
		m := NewMemory()
		m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(-100)})
		m.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-100)})
		m.Link("courier-ltd", "12345", "ABC123", minute(-90))
		return m
	}
	m := fresh()
	m.Link("courier-ltd", "12345", "ABC12", at(51_146))
	if a, b := owner(m, at(50_999)), owner(m, at(51_000)); a != "ABC123" || b != "ABC12" {
		t.Errorf("moved at :51.146, the id is of %q at :50.999 and of %q at :51", a, b)
	}
	m = fresh()
	m.Unlink("courier-ltd", "12345", at(51_050))
	m.Link("courier-ltd", "12345", "ABC12", at(51_146))
	if a, b := owner(m, at(51_000)), owner(m, at(51_050)); a != "ABC123" || b != "ABC12" {
		t.Errorf("unlinked at :51.050 and linked at :51.146, the id is of %q at :51 and of %q at :51.050", a, b)
	}
}

// TestLateLink is the case of the issue: events under an id of no customer on days 1 to 3 stay rejected
// when the id is linked on day 40, those of the 30 days before the link come to count.
func TestLateLink(t *testing.T) {
	const day = 1440
	login := func(m int) Fact { return Fact{Name: userIDName("X"), Kind: Login, At: minute(m), PlannedEnd: Never} }
	sent := []Fact{login(day), login(2 * day), login(3 * day), login(10*day - 1), login(10 * day), login(39 * day)}
	late := Outcome{State: Rejected, Reason: UnmatchedTooLong}
	before := Outcome{State: Rejected, Reason: BeforeConsent}
	for name, c := range map[string]struct {
		consent int
		want    []Outcome // of those that do not count
	}{
		"consent before them all":    {0, []Outcome{late, late, late, late}},
		"consent between them":       {2*day + 1, []Outcome{before, before, late, late}},
		"consent shortly before":     {38 * day, []Outcome{before, before, before, before, before}},
		"consent 100 days after all": {39*day + 1, []Outcome{before, before, before, before, before, before}},
	} {
		m := NewMemory()
		changes := MessageChanges{Provider: "courier-ltd", Facts: sent}
		if r := NewApplier(m, 1).Apply(t.Context(), []MessageChanges{changes}, minute(40*day))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
		m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(c.consent)})
		m.append("courier-ltd", "ABC123", Entry{Kind: Match, At: minute(40 * day)})
		m.Link("courier-ltd", "X", "ABC123", minute(40*day))
		changes = MessageChanges{Provider: "courier-ltd", Recomputes: []Recompute{{"ABC123", minute(c.consent)}}}
		if r := NewApplier(m, 1).Apply(t.Context(), []MessageChanges{changes}, minute(40*day))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
		outcomes, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", sent, minute(200*day))
		if err != nil {
			t.Fatal(err)
		}
		for i, o := range outcomes {
			want := i < len(c.want)
			if want && o != c.want[i] || !want && o.Effect != OpenedShift {
				t.Errorf("%s: event %d is %v", name, i, o)
			}
		}
		if d := diffs(t, m); len(d) > 0 {
			t.Errorf("%s: the records differ: %v", name, d)
		}
	}
}

// TestUnlinkedUserIDTooLong: what nobody had within 30 days is rejected for good while the id is no customer's, too.
func TestUnlinkedUserIDTooLong(t *testing.T) {
	m := NewMemory()
	f := Fact{Name: userIDName("X"), Kind: Login, At: minute(0), PlannedEnd: Never}
	if _, err := m.AddFacts(t.Context(), "courier-ltd", f.Name, day0, []Fact{f}); err != nil {
		t.Fatal(err)
	}
	month := Instant(MatchWindow.Microseconds())
	for now, want := range map[Instant]Outcome{
		minute(0) + month - 1: {State: StateUnmatched},
		minute(0) + month:     {State: Rejected, Reason: UnmatchedTooLong},
	} {
		got, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", []Fact{f}, now)
		if err != nil || got[0] != want {
			t.Errorf("%v: %v (%v), want %v", now.Time(), got, err, want)
		}
	}
}

func TestAllUserIDsIncludesUnlinked(t *testing.T) {
	h := NewHistory([]Entry{
		{Kind: Link, At: minute(0), UserID: "a"}, {Kind: Unlink, At: minute(1), UserID: "a"},
		{Kind: Link, At: minute(2), UserID: "b"}, {Kind: Consent, At: minute(2)},
		{Kind: Unlink, At: minute(3), UserID: "b"}, {Kind: Link, At: minute(4), UserID: "b"},
	})
	if got := h.AllUserIDs(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("%q", got)
	}
	if got := h.CurrentUserIDs(); !slices.Equal(got, []string{"b"}) {
		t.Errorf("now %q", got)
	}
	if got := h.Entries(); len(got) != 6 || got[0].Kind.APIName() != "LINK" || got[1].Kind.APIName() != "UNLINK" {
		t.Errorf("%v", got)
	}
}
