package timeline

import (
	"cmp"
	"context"
	"slices"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/table"
)

// Story tells how what was said of a customer became the shifts of a day.
type Story struct {
	History History
	// Steps are the facts that the fold of the day looks at, from the last instant before it at which no shift was open to
	// the first one after it; and those of the day that do not count.
	Steps []Step
	// Shifts are those that touch the day.
	Shifts []Shift
	// Stored is the record of the day, which lists read.
	Stored Record
	// Agrees is whether the record is what the facts say. It is not while the processor has yet to do its work.
	Agrees bool
}

// Step is one fact, and what it did.
type Step struct {
	Fact    Fact
	Outcome Outcome
	// Open is the shift that is open just after the fact's instant, with the end that it would have if nothing else came;
	// the zero value if none is.
	Open Shift
}

// Explain tells the story of a UTC day.
func Explain(ctx context.Context, rows Rows, provider, customer string, day Day, now Instant) (Story, error) {
	records, err := rows.Records(ctx, provider, customer, Days{day, day})
	if err != nil {
		return Story{}, err
	}
	in := interval{day.Start(), day.End() - 1}
	for reach := around(in); ; {
		history, facts, err := Told(ctx, rows, provider, customer, reach)
		if err != nil {
			return Story{}, err
		}
		ms := moments(history.counting(facts))
		start, stop, before, after := reach.starts(ms, in)
		if before || after {
			reach = reach.widen(before, after)
			continue
		}
		facts = slices.DeleteFunc(facts, func(f Fact) bool {
			ofDay, ofFold := f.At.Day() == day, start <= f.At && f.At < stop && history.Counts(f)
			return !ofDay && !ofFold
		})
		s := tell(history, facts, within(ms, start, stop), now)
		s.Shifts = slices.DeleteFunc(s.Shifts, func(v Shift) bool { return v.End <= in.from || v.Start > in.to || v.Start == v.End })
		if len(records) > 0 {
			s.Stored = records[0]
		}
		s.Agrees = slices.Equal(s.Stored.Shifts, listed(s.Shifts, day))
		return s, nil
	}
}

// tell folds the moments one by one, and notes after each how things stand.
func tell(history History, facts []Fact, ms []moment, now Instant) Story {
	s := Story{History: history}
	whole := foldedFrom(ms, history)
	f := folding{history: history}
	open := Shift{}
	for _, fact := range facts {
		for len(ms) > 0 && ms[0].at <= fact.At {
			f.take(ms[0])
			ms = ms[1:]
			open = Shift{}
			if f.open {
				open = *f.last()
			}
		}
		if open.End <= fact.At {
			open = Shift{}
		}
		step := Step{Fact: fact, Open: open}
		if history.Counts(fact) {
			step.Outcome = whole.outcome(fact)
		} else {
			step.Outcome = history.refused(fact.At, now)
		}
		s.Steps = append(s.Steps, step)
	}
	s.Shifts = whole.shifts
	return s
}

// Unheard is what came under a name and waits for somebody to count it for.
type Unheard struct {
	Name  person.Name
	Facts []Fact
}

// Unheard finds what waits at a work provider, of those days, by name. It reads the whole table, whatever is in it: it is for
// operators, who have time.
func (s *Store) Unheard(ctx context.Context, provider string, of Days, now Instant) ([]Unheard, error) {
	var names []person.Name
	rows := s.table.Scan().Project(table.PK).Consistent(true).
		Filter("begins_with($, ?) AND $ BETWEEN ? AND ?", table.PK, table.ProviderPrefix(provider),
			table.SK, table.FactsSort(of.First.String()), table.FactsSort(of.Last.String())).Iter()
	for row := (setRow{}); rows.Next(ctx, &row); {
		if name, ok := table.ParseNamePartition(provider, row.PK); ok {
			names = append(names, name) // once for each day that it has
		}
	}
	if err := rows.Err(); err != nil {
		return nil, stored(err)
	}
	slices.SortFunc(names, compareNames)
	var all []Unheard
	for _, name := range slices.Compact(names) {
		facts, err := s.Facts(ctx, provider, name, of)
		if err != nil {
			return nil, err
		}
		outcomes, err := NewObserver(s, 1).Outcomes(ctx, provider, facts, now)
		if err != nil {
			return nil, err
		}
		waiting := Unheard{Name: name}
		for i, o := range outcomes {
			if o.State == Waiting {
				waiting.Facts = append(waiting.Facts, facts[i])
			}
		}
		if len(waiting.Facts) > 0 {
			slices.SortFunc(waiting.Facts, func(a, b Fact) int { return cmp.Compare(a.At, b.At) })
			all = append(all, waiting)
		}
	}
	return all, nil
}
