package timeline

import (
	"context"
	"maps"
	"slices"
	"testing"
)

// counted is a store in memory that counts what is asked of it, and whose hints are what they were at some time.
type counted struct {
	*Memory
	hints  map[string]Ownership // by workProviderUserId; the others are up to date
	owners int                  // how often it was asked in earnest whose an id is
	writes map[Day]int          // how often a day's record was written
}

func count(m *Memory) *counted {
	return &counted{Memory: m, hints: map[string]Ownership{}, writes: map[Day]int{}}
}

func (c *counted) Ownership(ctx context.Context, provider, userID string, hint bool) (Ownership, error) {
	if !hint {
		c.owners++
	} else if old, ok := c.hints[userID]; ok {
		return old, nil
	}
	return c.Memory.Ownership(ctx, provider, userID, hint)
}

func (c *counted) Write(ctx context.Context, provider, customer string, r Record) error {
	c.writes[r.Day]++
	return c.Memory.Write(ctx, provider, customer, r)
}

// apply takes in changes of the courier's, each of them a message, and answers which days' records were written.
func (c *counted) apply(t *testing.T, messages ...Changes) []Day {
	t.Helper()
	clear(c.writes)
	c.owners = 0
	for i := range messages {
		messages[i].Provider = "courier-ltd"
	}
	for _, r := range NewApplier(c, 1).Apply(t.Context(), messages) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return slices.Sorted(maps.Keys(c.writes))
}

func facts(f ...Fact) Changes { return Changes{Facts: f} }

// TestWhatIsNotWritten: a record is written only on a day that has a LOGIN, between the starting points around what came,
// and for somebody for whom anything can count.
func TestWhatIsNotWritten(t *testing.T) {
	c := count(known(t))
	if days := c.apply(t, facts(out(0))); len(days) > 0 {
		t.Errorf("a LOGOUT alone: %v", days)
	}
	if days := c.apply(t, facts(in(-1440), out(-1380), in(1440), out(1500))); !slices.Equal(days, []Day{day0 - 1, day0 + 1}) {
		t.Errorf("two days: %v", days)
	}
	if days := c.apply(t, facts(in(60), out(120))); !slices.Equal(days, []Day{day0}) {
		t.Errorf("a day between two others: %v", days)
	}
	// Just after 14 hours a shift would be over, so the LOGIN of the next day is the start of something else.
	next := in(3 * 1440)
	next.At++
	c.apply(t, facts(next))
	if days := c.apply(t, facts(in(3*1440-14*60))); !slices.Equal(days, []Day{day0 + 2}) {
		t.Errorf("14 hours before a LOGIN: %v", days)
	}
	stranger := in(0)
	stranger.Name = numbered("STRANGER")
	if days := c.apply(t, facts(stranger)); len(days) > 0 {
		t.Errorf("a stranger: %v", days)
	}
}

// TestWhatAMatchCosts: to say again what was said before costs no fold; to say something else does.
func TestWhatAMatchCosts(t *testing.T) {
	c := count(known(t, Changes{Provider: "courier-ltd", Facts: []Fact{in(0)}}))
	verdict := func(kind EntryKind, m int) Changes {
		return Changes{Verdicts: []Verdict{{"ABC123", Entry{Kind: kind, At: minute(m)}}}}
	}
	if days := c.apply(t, verdict(Match, 10)); len(days) > 0 {
		t.Errorf("another true: %v", days)
	}
	if days := c.apply(t, verdict(NoMatch, -10)); len(days) != 1 {
		t.Errorf("a false: %v", days)
	}
	if days := c.apply(t, verdict(NoMatch, -9), facts(in(20))); len(days) != 1 {
		t.Errorf("another false, beside an event: %v", days)
	}
}

// TestWhatHintsCost: whose an id is, is asked in earnest only when the history does not bear the hint out.
func TestWhatHintsCost(t *testing.T) {
	under := func(id string, m int) Fact {
		f := in(m)
		f.Name = userNamed(id)
		return f
	}
	c := count(known(t))
	c.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-5000)})
	c.append("courier-ltd", "ABC12", Entry{Kind: Match, At: minute(-5000)})
	if c.apply(t, facts(in(0))); c.owners != 0 {
		t.Errorf("a customer number: %d questions", c.owners)
	}
	if c.apply(t, facts(under("12345", 1))); c.owners != 0 {
		t.Errorf("an id that is whose it was: %d questions", c.owners)
	}
	if c.apply(t, facts(under("nobody's", 2)), facts(under("nobody's", 3))); c.owners != 1 {
		t.Errorf("an id that is nobody's: %d questions", c.owners)
	}
	// The id moves, and the hint does not know it yet.
	old, _ := c.Memory.Ownership(t.Context(), "courier-ltd", "12345", false)
	c.hints["12345"] = old
	c.Link("courier-ltd", "12345", "ABC12", minute(1000))
	c.apply(t, facts(under("12345", 1440)))
	records, _ := c.Memory.Records(t.Context(), "courier-ltd", "ABC12", Days{day0, day0 + 2})
	if c.owners != 1 || len(records) != 1 || len(records[0].Shifts) != 1 {
		t.Errorf("an id that moved: %d questions, %v", c.owners, records)
	}
}
