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
	day := Days{login.At.Day(), login.At.Day()}
	stored, err := rows.Facts(ctx, k.Provider, login.Name, day)
	if err != nil || !slices.ContainsFunc(stored, login.same) {
		return Shift{}, false, err
	}
	history, ms, err := window(ctx, rows, k.Provider, k.Customer, interval{login.At, login.At})
	if err != nil || !history.Counts(login) {
		return Shift{}, false, err
	}
	whole := foldedFrom(ms, history)
	_, shift, _ := whole.of(login)
	s := whole.shifts[shift]
	return s, s.Start < s.End, nil
}

// Listed is a shift in a list, with the revision of its record.
type Listed struct {
	Shift
	Revision int64
}

// Revision is that of the record that holds a shift; 0 until it is written.
func (k Known) Revision(ctx context.Context, rows Rows, s Shift) (int64, error) {
	records, err := rows.Records(ctx, k.Provider, k.Customer, Days{s.Start.Day(), s.Start.Day()})
	if err != nil || len(records) == 0 {
		return 0, err
	}
	return records[0].Revision, nil
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
