package timeline

import (
	"context"
	"slices"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// Explanation tells how what was said of a customer became the shifts of a day.
type Explanation struct {
	History History
	// Steps are the facts that the fold of the day looks at, from the last instant before it at which no shift was open to
	// the first one after it; and those of the day that do not count.
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

// Step is one fact, and what it did.
type Step struct {
	Fact    Fact
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
	history, facts, err := CustomerFacts(ctx, storage, provider, customer, single.extend(1, 1).factDays())
	if err != nil {
		return Explanation{}, err
	}
	result := fold(slices.Clone(facts), history)
	e := Explanation{History: history, Stored: recordOf(records, day), Named: namedOn(result.shifts, single)}
	e.RecordMatches = slices.Equal(e.Stored.Shifts, e.Named)
	start := startBefore(result.points, day.Start())
	stop := startAfter(result.points, day.End()-1)
	for _, f := range facts {
		inFold := start <= f.At && f.At < stop && history.Counts(f)
		if f.At.Day() == day || inFold {
			e.Steps = append(e.Steps, result.step(f, now))
		}
	}
	for _, s := range result.shifts {
		if s.End > day.Start() && s.Start < day.End() && s.Begun(now) {
			e.Shifts = append(e.Shifts, s)
		}
	}
	return e, nil
}

// step returns a fact of the fold's customer with what it did.
func (r *foldResult) step(f Fact, now Instant) Step {
	s := Step{Fact: f, Outcome: outcomeOf(r.history.uncountedReason(f.At, now))}
	if r.history.Counts(f) {
		s.Outcome = r.countedOutcome(f, now)
	}
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
	var names []person.Name
	items := s.table.Scan().Project(table.PK).Consistent(true).
		Filter("begins_with($, ?) AND $ BETWEEN ? AND ?", table.PK, table.ProviderPrefix(provider),
			table.SK, table.FactsSort(days.First.String()), table.FactsSort(days.Last.String())).Iter()
	for item := (setItem{}); items.Next(ctx, &item); {
		if name, ok := table.ParseNamePartition(provider, item.PK); ok {
			names = append(names, name) // once for each day that it has
		}
	}
	if err := items.Err(); err != nil {
		return nil, unavailable(err)
	}
	slices.SortFunc(names, compareNames)
	var all []UnmatchedFacts
	for _, name := range slices.Compact(names) {
		facts, err := s.Facts(ctx, provider, name, days)
		if err != nil {
			return nil, err
		}
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
