package timeline

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
)

// counted is a store in memory that counts what is asked of it, and whose hints are what they were at some time.
type counted struct {
	*Memory
	hints  map[string]Ownership // by workProviderUserId; the others are up to date
	owners int                  // consistent reads of whose an id is
	writes map[Day]int          // writes of a day's record
	days   map[person.Name]int  // days whose facts were read, by name
	facts  int                  // facts read
	calls  int                  // of any kind
}

func count(m *Memory) *counted {
	c := &counted{Memory: m, hints: map[string]Ownership{}}
	c.reset()
	return c
}

func (c *counted) reset() {
	c.owners = 0
	c.facts = 0
	c.calls = 0
	c.writes = map[Day]int{}
	c.days = map[person.Name]int{}
}

func (c *counted) Ownership(ctx context.Context, provider, userID string) (Ownership, error) {
	c.owners++
	c.calls++
	return c.Memory.Ownership(ctx, provider, userID)
}

func (c *counted) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	c.calls++
	if old, ok := c.hints[userID]; ok {
		return old, nil
	}
	return c.Memory.OwnershipHint(ctx, provider, userID)
}

func (c *counted) PutRecord(ctx context.Context, provider, customer string, r Record) error {
	c.calls++
	c.writes[r.Day]++
	return c.Memory.PutRecord(ctx, provider, customer, r)
}

func (c *counted) Records(ctx context.Context, provider, customer string, days Days) ([]Record, error) {
	c.calls++
	return c.Memory.Records(ctx, provider, customer, days)
}

func (c *counted) HistoryAndFacts(ctx context.Context, provider, customer string, days Days) (History, []Fact, error) {
	h, facts, err := c.Memory.HistoryAndFacts(ctx, provider, customer, days)
	c.read(customerName(customer), days, facts)
	return h, facts, err
}

func (c *counted) Facts(ctx context.Context, provider string, name person.Name, days Days) ([]Fact, error) {
	facts, err := c.Memory.Facts(ctx, provider, name, days)
	c.read(name, days, facts)
	return facts, err
}

func (c *counted) read(name person.Name, days Days, facts []Fact) {
	c.calls++
	c.facts += len(facts)
	c.days[name] += int(days.Last-days.First) + 1
}

// apply takes in changes of the courier's, each of them a message, and returns which days' records were written.
func (c *counted) apply(t *testing.T, messages ...MessageChanges) []Day {
	t.Helper()
	c.reset()
	for i := range messages {
		messages[i].Provider = "courier-ltd"
	}
	for _, r := range NewApplier(c, 1).Apply(t.Context(), messages, lastInstant) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	return slices.Sorted(maps.Keys(c.writes))
}

func facts(f ...Fact) MessageChanges { return MessageChanges{Facts: f} }

func under(id string, f Fact) Fact {
	f.Name = userIDName(id)
	return f
}

// TestUnchangedDaysNotWritten: a record is written only on a day that has a LOGIN, between the starting points around
// what came, and for a customer for whom anything can count.
func TestUnchangedDaysNotWritten(t *testing.T) {
	c := count(knownCustomer(t))
	if days := c.apply(t, facts(out(0))); len(days) > 0 {
		t.Errorf("a LOGOUT alone: %v", days)
	}
	if days := c.apply(t, facts(in(-1440), out(-1380), in(1440), out(1500))); !slices.Equal(
		days,
		[]Day{day0 - 1, day0 + 1},
	) {
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
	stranger.Name = customerName("STRANGER")
	if days := c.apply(t, facts(stranger)); len(days) > 0 {
		t.Errorf("a stranger: %v", days)
	}
}

// TestMatchCalls: to say again what was said before costs no fold; to say something else does.
func TestMatchCalls(t *testing.T) {
	c := count(knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(0)}}))
	match := func(kind EntryKind, m int) MessageChanges {
		return MessageChanges{Matches: []MatchResult{{"ABC123", Entry{Kind: kind, At: minute(m)}}}}
	}
	if days := c.apply(t, match(Match, 10)); len(days) > 0 {
		t.Errorf("another true: %v", days)
	}
	if days := c.apply(t, match(NoMatch, -10)); len(days) != 1 {
		t.Errorf("a false: %v", days)
	}
	if days := c.apply(t, match(NoMatch, -9), facts(in(20))); len(days) != 1 {
		t.Errorf("another false, beside an event: %v", days)
	}
}

// TestOwnershipCalls: whose an id is, is read consistently only when the history does not confirm the hint.
func TestOwnershipCalls(t *testing.T) {
	c := count(knownCustomer(t))
	c.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-5000)})
	c.append("courier-ltd", "ABC12", Entry{Kind: Match, At: minute(-5000)})
	if c.apply(t, facts(in(0))); c.owners != 0 {
		t.Errorf("a customer number: %d reads", c.owners)
	}
	if c.apply(t, facts(under("12345", in(1)))); c.owners != 0 {
		t.Errorf("an id that is whose it was: %d reads", c.owners)
	}
	if c.apply(t, facts(under("unlinked", in(2))), facts(under("unlinked", in(3)))); c.owners != 1 {
		t.Errorf("an id that is no customer's: %d reads", c.owners)
	}
	// The id moves, and the hint does not know it yet.
	old, _ := c.Memory.Ownership(t.Context(), "courier-ltd", "12345")
	c.hints["12345"] = old
	c.Link("courier-ltd", "12345", "ABC12", minute(1000))
	c.apply(t, facts(under("12345", in(1440))))
	records, _ := c.Memory.Records(t.Context(), "courier-ltd", "ABC12", Days{day0, day0 + 2})
	if c.owners != 1 || len(records) != 1 || len(records[0].Shifts) != 1 {
		t.Errorf("an id that moved: %d reads, %v", c.owners, records)
	}
}

const year = 365

// longHistories are customers with a year behind them, each with facts under the number and under an id, that make a
// fold read far if anything does.
func longHistories(t *testing.T) map[string]*counted {
	t.Helper()
	histories := map[string]*counted{}
	for name, day := range map[string]func(start Instant) []Fact{
		"LOGINs an hour apart without a LOGOUT": func(start Instant) []Fact {
			var facts []Fact
			for hour := range 24 {
				at := start.Add(time.Duration(hour) * time.Hour)
				facts = append(facts, Fact{Name: courier, Kind: Login, At: at, PlannedEnd: Never})
			}
			return facts
		},
		"2,000 facts a day": func(start Instant) []Fact {
			facts := make([]Fact, MaxFactsPerDay)
			for i := range facts {
				at := start.Add(time.Duration(i) * 43 * time.Second)
				facts[i] = Fact{Name: courier, Kind: Login, At: at, PlannedEnd: Never}
				if i%20 == 19 {
					facts[i].Kind = Logout
				}
			}
			return facts
		},
	} {
		m := knownCustomer(t)
		for d := range Day(year) {
			of := day((day0 + d).Start())
			for i := 0; i < len(of); i += 2 {
				of[i].Name = userIDName("12345")
			}
			m.addAll("courier-ltd", of)
		}
		if d := rebuild(t, m); len(d) != year {
			t.Fatalf("%s: %d days have a record", name, len(d))
		}
		histories[name] = count(m)
	}
	return histories
}

// addAll stores facts of one day under their names, in order, whatever the limit of a name's day is.
func (m *Memory) addAll(provider string, facts []Fact) {
	for _, f := range facts {
		m.partition(provider, f.Name).add([]Fact{f})
	}
}

// TestOneEventCalls: one more event writes four records and reads seven days of each name at the most, whatever lies
// behind: the records of X−1 to X+2 (rule 10), each made of the facts of the two days before it to the day after it.
func TestOneEventCalls(t *testing.T) {
	for name, c := range longHistories(t) {
		atOnce := 0
		for _, x := range []Day{day0, day0 + 1, day0 + 180, day0 + year - 1} {
			for _, f := range []Fact{in(0), out(0), in(719), out(719), in(1439), out(1439)} {
				f.At += x.Start() - minute(0) + 30*second
				for _, f := range []Fact{f, under("12345", f)} {
					days := c.apply(t, facts(f))
					atOnce = max(atOnce, len(days))
					for _, day := range days {
						if day < x-1 || day > x+2 || c.writes[day] != 1 {
							t.Errorf("%s: %v writes the records of %v", name, f, c.writes)
						}
					}
					for name, days := range c.days {
						if days > 7 {
							t.Errorf("%v reads %d days under %v", f, days, name)
						}
					}
					if c.calls > 9 {
						t.Errorf("%s: %v takes %d calls", name, f, c.calls)
					}
				}
			}
		}
		if atOnce > 4 || atOnce < 2 {
			t.Errorf("%s: an event wrote %d records", name, atOnce)
		}
		if d := diffs(t, c.Memory); len(d) > 0 {
			t.Errorf("%s: the records of %d days differ", name, len(d))
		}
	}
}

// TestFarApartEventsCalls: two events a year apart cost what each of them costs, in one message or in two, and so does
// to ask for their outcomes.
func TestFarApartEventsCalls(t *testing.T) {
	for name, c := range longHistories(t) {
		early := in(719)
		late := in(719)
		late.At += (day0 + year - 5).Start() - day0.Start()
		for _, messages := range [][]MessageChanges{{facts(early, late)}, {facts(early), facts(late)}} {
			written := c.apply(t, messages...)
			if len(written) > 8 || c.days[courier] > 14 || c.days[userIDName("12345")] > 14 {
				t.Errorf("%s: %d records are written, and %v days read", name, len(written), c.days)
			}
		}
		c.reset()
		outcomes, err := NewOutcomeReader(c, 1).Outcomes(t.Context(), "courier-ltd", []Fact{early, late}, late.At)
		if err != nil || outcomes[0].State == Pending || outcomes[1].State == Pending {
			t.Fatalf("%s: %v (%v)", name, outcomes, err)
		}
		if c.days[courier] > 12 || c.days[userIDName("12345")] > 10 {
			t.Errorf("%s: the outcomes read %v days", name, c.days)
		}
		if d := diffs(t, c.Memory); len(d) > 0 {
			t.Errorf("%s: the records of %d days differ", name, len(d))
		}
	}
}

// TestOneQuestionCalls: an outcome and a shift by its id read the four days of each of the two on which a shift that
// holds the LOGIN can be named: five days of each name, and those of the event's own day once more.
func TestOneQuestionCalls(t *testing.T) {
	for name, c := range longHistories(t) {
		now := (day0 + year).Start()
		for _, x := range []Day{day0, day0 + 180, day0 + year - 1} {
			stored, _ := c.Memory.Facts(t.Context(), "courier-ltd", courier, Days{x, x})
			for _, f := range []Fact{stored[0], stored[len(stored)/2], stored[len(stored)-1]} {
				c.reset()
				if _, err := NewOutcomeReader(c, 1).Outcomes(t.Context(), "courier-ltd", []Fact{f}, now); err != nil {
					t.Fatal(err)
				}
				if c.days[courier] > 5+1 || c.days[userIDName("12345")] > 5 || c.calls > 3 {
					t.Errorf("%s: the outcome of %v reads %v in %d calls", name, f, c.days, c.calls)
				}
				c.reset()
				f.Kind = Login
				_, ok, err := FindShift(t.Context(), c, "courier-ltd", f, now)
				if err != nil || ok != slices.ContainsFunc(stored, f.sameEvent) {
					t.Fatalf("%s: no shift of %v (%v)", name, f, err)
				}
				if c.days[courier] > 5+1 || c.days[userIDName("12345")] > 5 || c.calls > 3 {
					t.Errorf("%s: the shift of %v reads %v in %d calls", name, f, c.days, c.calls)
				}
			}
		}
	}
}

// TestPageCalls: a page of a list reads some four days of facts for each day that it shows, and a page of somebody with
// few shifts takes few calls.
func TestPageCalls(t *testing.T) {
	for name, c := range longHistories(t) {
		now := (day0 + year).Start()
		customer, ok, err := FindConsented(t.Context(), c, "courier-ltd", courier, now)
		if err != nil || !ok {
			t.Fatal(err)
		}
		q := ListQuery{From: (day0 + 200).Start(), To: (day0 + 292).Start(), Count: 100, Now: now}
		pages := 0
		for more := true; more; pages++ {
			c.reset()
			var page []ListedShift
			if page, more, err = customer.List(t.Context(), c, q); err != nil || len(page) == 0 {
				t.Fatalf("%s: page %d: %v (%v)", name, pages, page, err)
			}
			last := page[len(page)-1]
			shown := int(last.Login.Day()-q.From.Day()) + 1
			q.From = last.Start
			q.After = &Position{last.Start, last.Login}
			for under, days := range c.days {
				if days > 4*(shown+2) {
					t.Errorf("%s: page %d shows %d days and reads %d under %v", name, pages, shown, days, under)
				}
			}
		}
		if pages < 2 {
			t.Errorf("%s: %d pages", name, pages)
		}
	}
	c := count(knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(0), out(60), in(13 * 1440)}}))
	customer, _, _ := FindConsented(t.Context(), c, "courier-ltd", courier, minute(14*1440))
	c.reset()
	q := ListQuery{From: minute(0), To: Never, Count: 100, Now: minute(14 * 1440)}
	if page, more, err := customer.List(t.Context(), c, q); err != nil || len(page) != 2 || more || c.calls > 2*6+1 {
		t.Errorf("two weeks: %v in %d calls (%v)", page, c.calls, err)
	}
}
