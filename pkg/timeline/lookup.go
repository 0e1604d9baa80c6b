package timeline

import (
	"context"
	"slices"
	"time"

	"zego.com/workprovider/pkg/person"
)

// Known is a customer as a work provider may see them: one who shares with it now.
type Known struct {
	Provider, Customer string
	History            History
}

// Find reads who a name stands for at a work provider, at an instant. It is false for somebody unknown and for one who
// does not share with the provider, so that the two cannot be told apart (contract row 23).
func Find(ctx context.Context, rows Rows, provider string, name person.Name, now Instant) (Known, bool, error) {
	k := Known{Provider: provider, Customer: name.Value}
	if name.Kind == person.UserID {
		o, err := rows.Ownership(ctx, provider, name.Value, false)
		if err != nil || o.Owner == "" {
			return Known{}, false, err
		}
		k.Customer = o.Owner
	}
	today := now.Day()
	history, _, err := rows.Person(ctx, provider, k.Customer, Days{today, today})
	if err != nil || !history.Consented(now) {
		return Known{}, false, err
	}
	k.History = history
	return k, true, nil
}

// Holding is the shift that holds a LOGIN, opened by it or open already. It is false if there is no such fact, it does
// not count, or the shift has zero length. What was stored before the call is seen by it.
func (k Known) Holding(ctx context.Context, rows Rows, login Fact) (Shift, bool, error) {
	for reach := around(interval{login.At, login.At}); ; {
		history, facts, err := read(ctx, rows, k.Provider, k.Customer, reach)
		if err != nil {
			return Shift{}, false, err
		}
		same := func(f Fact) bool { return f.Kind == Login && f.At == login.At && f.Name == login.Name }
		if !slices.ContainsFunc(facts, same) {
			return Shift{}, false, nil
		}
		ms := moments(history.counting(facts))
		start, ok := reach.startBefore(ms, login.At)
		stop, ok2 := reach.startAfter(ms, start, login.At)
		if !ok || !ok2 {
			reach = reach.widen(!ok, !ok2)
			continue
		}
		ms = slices.DeleteFunc(ms, func(m moment) bool { return m.at < start || m.at >= stop })
		shifts, tales := fold(ms, history)
		i := slices.IndexFunc(ms, func(m moment) bool { return m.at == login.At && m.login })
		if i < 0 || !history.counts(login) {
			return Shift{}, false, nil
		}
		s := shifts[tales[i].loginShift]
		return s, s.Start < s.End, nil
	}
}

// Listed is a shift in a list, with the revision of its record.
type Listed struct {
	Shift
	Revision int64
}

// List is the customer's shifts that start in [from, to), by start, as the records have them.
func (k Known) List(ctx context.Context, rows Rows, from, to time.Time) ([]Listed, error) {
	in := interval{At(from), At(to)}
	records, err := rows.Records(ctx, k.Provider, k.Customer, Days{max(firstDay, in.from.Day()), min(lastDay, in.to.Day())})
	if err != nil {
		return nil, err
	}
	var list []Listed
	for _, r := range records {
		for _, s := range r.Shifts {
			if in.has(s.Start) {
				list = append(list, Listed{s, r.Revision})
			}
		}
	}
	return list, nil
}
