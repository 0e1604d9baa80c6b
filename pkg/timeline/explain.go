package timeline

import (
	"cmp"
	"context"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// Explanation tells how what was said of a customer became the shifts of a day.
type Explanation struct {
	History History
	// Steps are the events that the fold of the day looks at, from the last instant before it at which no shift was open
	// to the first one after it; and those of the day that do not count.
	Steps []Step
	// Shifts are those that touch the day and have begun.
	Shifts []Shift
	// Named are the shifts that LOGINs of the day name.
	Named []Shift
	// Stored is the record of the day.
	Stored Record
	// RecordMatches is whether the record is what the facts say. It is not while the processor has yet to do its work.
	RecordMatches bool
}

// Step is one event, and what it did.
type Step struct {
	CustomerEvent
	Outcome Outcome
	// OpenShift is the shift that is open just after the fact's instant, with the end that it has or will have; the zero
	// value if none is.
	OpenShift Shift
}

// Explain tells the story of a UTC day, as it is told at an instant.
func Explain(
	ctx context.Context, storage Storage, provider, customer string, day Day, now Instant,
) (Explanation, error) {
	single := Days{day, day}
	records, err := storage.Records(ctx, provider, customer, single)
	if err != nil {
		return Explanation{}, err
	}
	days := single.extend(1, 1).factDays()
	history, facts, err := ownFacts(ctx, storage, provider, customer, days)
	if err != nil {
		return Explanation{}, err
	}
	events, err := customerEvents(ctx, storage, provider, facts, days)
	if err != nil {
		return Explanation{}, err
	}
	result := fold(facts, history)
	e := Explanation{History: history, Stored: recordOf(records, day), Named: namedOn(result.shifts, single)}
	e.RecordMatches = slices.Equal(e.Stored.Shifts, e.Named)
	start := startBefore(result.points, day.Start())
	stop := startAfter(result.points, day.End()-1)
	for _, event := range events {
		inFold := start <= event.At && event.At < stop && result.counts(event.Fact)
		if event.At.Day() == day || inFold {
			e.Steps = append(e.Steps, result.step(event, now))
		}
	}
	for _, s := range result.shifts {
		if s.End > day.Start() && s.Start < day.End() && s.Begun(now) {
			e.Shifts = append(e.Shifts, s)
		}
	}
	return e, nil
}

// step returns an event of the fold's customer with what it did.
func (r *foldResult) step(f CustomerEvent, now Instant) Step {
	s := Step{CustomerEvent: f}
	switch {
	case f.Voided != 0:
		s.Outcome = outcomeOf(Voided)
	case r.history.Counts(f.Fact):
		s.Outcome = r.countedOutcome(f.Fact, now)
	default:
		s.Outcome = outcomeOf(r.history.uncountedReason(f.At, now))
	}
	s.Outcome.Accepted = f.Accepted
	s.Outcome.Voided = f.Voided
	for _, shift := range r.shifts {
		if shift.Start <= f.At && f.At < shift.End {
			s.OpenShift = shift
		}
	}
	return s
}

// UnmatchedFacts is what came under a name and waits for a customer to count it for.
type UnmatchedFacts struct {
	Name  person.Name
	Facts []Fact
}

// FindUnmatched finds what waits at a work provider, of those days, by name. It reads the whole table, whatever is in
// it: it is for operators, who have time.
func (s *Store) FindUnmatched(ctx context.Context, provider string, days Days, now Instant) ([]UnmatchedFacts, error) {
	names, err := s.namesWithFacts(ctx, provider, days)
	if err != nil {
		return nil, err
	}
	var all []UnmatchedFacts
	for _, name := range names {
		facts, err := s.Facts(ctx, provider, name, days)
		if err != nil {
			return nil, err
		}
		facts, _ = splitVoids(facts)
		outcomes, err := NewOutcomeReader(s, 1).Outcomes(ctx, provider, facts, now)
		if err != nil {
			return nil, err
		}
		waiting := UnmatchedFacts{Name: name}
		for i, o := range outcomes {
			if o.State == StateUnmatched {
				waiting.Facts = append(waiting.Facts, facts[i])
			}
		}
		if len(waiting.Facts) > 0 {
			sortFacts(waiting.Facts)
			waiting.Facts = mergeRepeats(waiting.Facts)
			all = append(all, waiting)
		}
	}
	return all, nil
}

// FindLate finds the events of a work provider, of those days, that were accepted so much after their instant, the
// latest first; but for those that were taken back. It reads the whole table, likewise.
func (s *Store) FindLate(ctx context.Context, provider string, days Days, by time.Duration) ([]Fact, error) {
	names, err := s.namesWithFacts(ctx, provider, days)
	if err != nil {
		return nil, err
	}
	var late []Fact
	for _, name := range names {
		facts, err := s.Facts(ctx, provider, name, days)
		if err != nil {
			return nil, err
		}
		_, voids := splitVoids(facts)
		sortFacts(facts)
		for _, f := range mergeRepeats(facts) {
			if f.Accepted != 0 && f.LateBy() >= by && !takenBack(f, voids) {
				late = append(late, f)
			}
		}
	}
	slices.SortStableFunc(late, func(a, b Fact) int { return cmp.Compare(b.LateBy(), a.LateBy()) })
	return late, nil
}

// namesWithFacts returns the names under which a work provider sent events of those days, in order.
func (s *Store) namesWithFacts(ctx context.Context, provider string, days Days) ([]person.Name, error) {
	var names []person.Name
	items := s.table.Scan().Project(table.PK).Consistent(true).
		Filter("begins_with($, ?) AND $ BETWEEN ? AND ?", table.PK, table.ProviderPrefix(provider),
			table.SK, table.FactsSort(days.First.String()), table.FactsSort(days.Last.String())).Iter()
	for item := (setItem{}); items.Next(ctx, &item); {
		if name, ok := table.ParseNamePartition(provider, item.PK); ok {
			names = append(names, name) // once for each day that it has
		}
	}
	slices.SortFunc(names, compareNames)
	return slices.Compact(names), unavailable(items.Err())
}
