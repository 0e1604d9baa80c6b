package timeline

import (
	"context"
	"errors"
	"slices"

	"zego.com/workprovider/pkg/table"
)

// RecordDiff is a day whose record was not what the facts say.
type RecordDiff struct {
	Day    Day
	Before []Shift
	After  []Shift
}

// DiffRecords holds a customer's records against all facts there are, and returns the days on which they differ, in
// order. A processor may be at work on the same customer: what it is just about to write shows as a difference.
func DiffRecords(ctx context.Context, storage Storage, provider, customer string) ([]RecordDiff, error) {
	_, diffs, err := diffRecords(ctx, storage, customerKey{provider, customer})
	return diffs, err
}

// Rebuild makes a customer's records from all facts there are, and returns the days on which they differed, in order.
// After an error it returns what it has fixed until then.
func Rebuild(ctx context.Context, storage Storage, provider, customer string) ([]RecordDiff, error) {
	key := customerKey{provider, customer}
	var fixed []RecordDiff
	for range maxFoldAttempts {
		records, diffs, err := diffRecords(ctx, storage, key)
		if err != nil {
			return fixed, err
		}
		for _, d := range diffs {
			// Days that do not differ are not written: who has facts that are not in them yet will write them.
			err = NewApplier(storage, 1).putRecords(ctx, key, records, []dayShifts{{d.Day, d.After}}, nil)
			if err != nil {
				break
			}
			fixed = append(fixed, d)
		}
		if !errors.Is(err, table.ErrConflict) {
			return fixed, err
		}
	}
	return fixed, errContended
}

// diffRecords reads a customer's records, and only then the history and the facts, as every fold does, and compares
// them: on the days that have a record, a LOGIN, or both.
func diffRecords(ctx context.Context, storage Storage, key customerKey) ([]Record, []RecordDiff, error) {
	records, err := storage.Records(ctx, key.provider, key.customer, AllDays())
	if err != nil {
		return nil, nil, err
	}
	result, err := foldDays(ctx, storage, key.provider, key.customer, AllDays())
	if err != nil {
		return nil, nil, err
	}
	var days []Day
	for _, r := range records {
		days = append(days, r.Day)
	}
	for _, s := range result.shifts {
		days = append(days, s.Login.Day())
	}
	slices.Sort(days)
	var diffs []RecordDiff
	for _, day := range slices.Compact(days) {
		before := recordOf(records, day).Shifts
		after := namedOn(result.shifts, Days{day, day})
		if !slices.Equal(before, after) {
			diffs = append(diffs, RecordDiff{day, before, after})
		}
	}
	return records, diffs, nil
}
