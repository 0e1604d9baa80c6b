package timeline

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/pkg/person"
)

// State is what has become of an event.
type State uint8

// The states of an event.
const (
	Pending  State = iota // not in the set yet; a dead-lettered one stays so
	Applied               // it opened or closed a shift, or a match is in force
	NoEffect              // it is in the set and did nothing, for a reason that a later fact may remove
	Waiting               // there is nobody to count it for, yet
	Rejected              // it does not count, for a reason
)

// String is the state as the API spells it.
func (s State) String() string {
	return [...]string{"PENDING", "APPLIED", "NO_EFFECT", "UNMATCHED", "REJECTED"}[s]
}

// Outcome is what has become of an event, at the moment of asking: it follows the fold, so a late fact can change it.
type Outcome struct {
	State  State
	Effect Effect // of an Applied fact; else 0
	Reason Effect // of NoEffect and Rejected; else 0
	Shift  Shift  // that an Applied fact opened or closed
}

// Observer tells outcomes.
type Observer struct {
	rows     Rows
	parallel int
}

// NewObserver reads rows, for so many names at a time.
func NewObserver(rows Rows, parallel int) Observer { return Observer{rows, parallel} }

// Outcomes are those of facts of one work provider, in their order. Each name is read once, and each of its people folded once.
func (o Observer) Outcomes(ctx context.Context, provider string, facts []Fact, now Instant) ([]Outcome, error) {
	names := newGroup[person.Name, []int](0)
	for i, f := range facts {
		of := names.of(f.Name)
		*of = append(*of, i)
	}
	outcomes := make([]Outcome, len(facts))
	calls, ctx := errgroup.WithContext(ctx)
	calls.SetLimit(o.parallel)
	for _, of := range names.all {
		calls.Go(func() error {
			asked := make([]Fact, len(*of))
			for j, i := range *of {
				asked[j] = facts[i]
			}
			told, err := o.ofName(ctx, provider, asked, now)
			for j, i := range *of {
				if err == nil {
					outcomes[i] = told[j]
				}
			}
			return err
		})
	}
	return outcomes, calls.Wait()
}

// ofName are the outcomes of facts that all came under one name.
func (o Observer) ofName(ctx context.Context, provider string, asked []Fact, now Instant) ([]Outcome, error) {
	name, in := asked[0].Name, interval{asked[0].At, asked[0].At}
	for _, f := range asked {
		in.from, in.to = min(in.from, f.At), max(in.to, f.At)
	}
	stored, err := o.rows.Facts(ctx, provider, name, Days{in.from.Day(), in.to.Day()})
	if err != nil {
		return nil, err
	}
	people, err := o.people(ctx, provider, name, in)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(asked))
	for i, f := range asked {
		outcomes[i] = outcome(f, stored, people, now)
	}
	return outcomes, nil
}

// folded is a customer folded around the facts asked for.
type folded struct {
	history History
	shifts  []Shift
	story
}

// foldedFrom folds moments that begin at a starting point.
func foldedFrom(ms []moment, history History) folded {
	shifts, tales := fold(ms, history)
	return folded{history, shifts, story{ms, tales}}
}

// people are those who had the name at some time, folded; whose it is now comes last, and is unknown if it is nobody's.
func (o Observer) people(ctx context.Context, provider string, name person.Name, in interval) ([]folded, error) {
	customers, nobody := []string{name.Value}, false
	if name.Kind == person.UserID {
		owned, err := o.rows.Ownership(ctx, provider, name.Value, false)
		if err != nil {
			return nil, err
		}
		customers, nobody = slices.Clone(owned.Ever), owned.Owner == ""
		slices.SortStableFunc(customers, func(a, b string) int {
			if a != b && b == owned.Owner {
				return -1
			}
			if a != b && a == owned.Owner {
				return 1
			}
			return 0
		})
	}
	people := make([]folded, len(customers))
	for i, customer := range customers {
		history, ms, err := window(ctx, o.rows, provider, customer, in)
		if err != nil {
			return nil, err
		}
		people[i] = foldedFrom(ms, history)
	}
	if nobody {
		people = append(people, folded{})
	}
	return people, nil
}

// window reads a customer's moments that count, from the last starting point before an interval to the first after it.
func window(ctx context.Context, rows Rows, provider, customer string, in interval) (History, []moment, error) {
	for reach := around(in); ; {
		history, facts, err := read(ctx, rows, provider, customer, reach)
		if err != nil {
			return history, nil, err
		}
		ms := moments(history.counting(facts))
		start, stop, before, after := reach.starts(ms, in)
		if !before && !after {
			return history, within(ms, start, stop), nil
		}
		reach = reach.widen(before, after)
	}
}

// outcome is that of one fact, given all that is stored under its name on its day, and the people.
func outcome(f Fact, stored []Fact, people []folded, now Instant) Outcome {
	if !slices.ContainsFunc(stored, f.same) {
		day := 0
		for _, s := range stored {
			if s.At.Day() == f.At.Day() {
				day++
			}
		}
		if day >= MaxFactsPerDay {
			return Outcome{State: Rejected, Reason: TooManyFacts}
		}
		return Outcome{State: Pending}
	}
	for _, p := range people {
		if p.history.Counts(f) {
			return p.outcome(f)
		}
	}
	return people[len(people)-1].history.refused(f.At, now)
}

// refused is the outcome of a stored fact that does not count.
func (h *History) refused(at, now Instant) Outcome {
	reason := h.discounted(at, now)
	if reason == Unmatched {
		return Outcome{State: Waiting}
	}
	return Outcome{State: Rejected, Reason: reason}
}

// outcome is that of a fact that counts.
func (p folded) outcome(f Fact) Outcome {
	effect, shift, _ := p.of(f)
	if effect == AlreadyOpen || effect == LogoutWithoutLogin {
		return Outcome{State: NoEffect, Reason: effect}
	}
	return Outcome{State: Applied, Effect: effect, Shift: p.shifts[shift]}
}

// Verdict is the outcome of a match: it is in force as soon as the caller has somebody of that number.
func (o Observer) Verdict(ctx context.Context, provider string, v Verdict, now Instant) (Outcome, error) {
	today := now.Day()
	history, _, err := o.rows.Person(ctx, provider, v.Customer, Days{today, today})
	switch {
	case err != nil:
		return Outcome{}, err
	case slices.Contains(history.entries, v.Entry) && history.Consented(now):
		return Outcome{State: Applied}, nil
	case slices.Contains(history.entries, v.Entry):
		return Outcome{State: Waiting}, nil
	}
	month := 0
	for _, e := range history.entries {
		if monthOf(e.At) == monthOf(v.Entry.At) {
			month++
		}
	}
	if month >= MaxFactsPerDay {
		return Outcome{State: Rejected, Reason: TooManyFacts}, nil
	}
	return Outcome{State: Pending}, nil
}
