package timeline

import (
	"context"
	"errors"
	"slices"
)

// Difference is a day whose record was not what the facts say.
type Difference struct {
	Day           Day
	Before, After []Shift
}

// Rebuild makes a customer's records from all facts there are, and tells on which days they differed, in order. With dry
// it only tells. A processor may be at work on the same customer: what it is just about to write shows as a difference.
// After an error it tells what it has mended until then.
func Rebuild(ctx context.Context, rows Rows, provider, customer string, dry bool) ([]Difference, error) {
	w := who{provider, customer}
	var mended []Difference
	for range tries {
		records, differences, err := compare(ctx, rows, w)
		if err != nil || dry {
			return differences, err
		}
		for _, d := range differences {
			// Days that do not differ are not written: whoever has facts that are not in them yet will write them.
			if err = NewApplier(rows, 1).write(ctx, w, records, []dayOfShifts{{d.Day, d.After}}, nil); err != nil {
				break
			}
			mended = append(mended, d)
		}
		if !errors.Is(err, ErrConflict) {
			return mended, err
		}
	}
	return mended, errContended
}

// compare reads a customer's records, and only then the history and the facts, as every fold does, and holds them against
// each other: on the days that have a record, a LOGIN, or both.
func compare(ctx context.Context, rows Rows, w who) ([]Record, []Difference, error) {
	everything := AllDays()
	records, err := rows.Records(ctx, w.provider, w.customer, everything)
	if err != nil {
		return nil, nil, err
	}
	history, facts, err := read(ctx, rows, w.provider, w.customer, everything)
	if err != nil {
		return nil, nil, err
	}
	shifts, _ := fold(moments(history.counting(facts)), history)
	var days []Day
	for _, r := range records {
		days = append(days, r.Day)
	}
	for _, s := range shifts {
		days = append(days, s.Start.Day())
	}
	slices.Sort(days)
	var differences []Difference
	for _, day := range slices.Compact(days) {
		before := recordOf(records, day).Shifts
		if after := listed(shifts, day); !slices.Equal(before, after) {
			differences = append(differences, Difference{day, before, after})
		}
	}
	return records, differences, nil
}
