package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// differenceView is a day whose record was not what the facts say.
type differenceView struct {
	CustomerNumber string      `json:"customerNumber"`
	Day            string      `json:"day"`
	Before         []shiftView `json:"before"`
	After          []shiftView `json:"after"`
}

// shiftView is a shift in a record: its end is the one that it has, or will have if nothing else comes.
type shiftView struct {
	Start              string `json:"start"`
	End                string `json:"end"`
	By                 string `json:"endedBy"`
	WorkProviderUserID string `json:"workProviderUserId,omitempty"` // that its LOGIN came under
}

func viewOfShift(s timeline.Shift) shiftView {
	v := shiftView{Start: formatInstant(s.Start), End: formatInstant(s.End), By: s.EndedBy.String()}
	if s.Name.Kind == person.UserID {
		v.WorkProviderUserID = s.Name.Value
	}
	return v
}

func viewsOf(shifts []timeline.Shift) []shiftView {
	views := make([]shiftView, len(shifts))
	for i, s := range shifts {
		views[i] = viewOfShift(s)
	}
	return views
}

// formatInstant prints an instant to the microsecond, because two that differ must look different.
func formatInstant(at timeline.Instant) string { return at.Time().Format(time.RFC3339Nano) }

// formatShifts is a record's shifts in a line of a table.
func formatShifts(views []shiftView) string {
	texts := make([]string, len(views))
	for i, v := range views {
		texts[i] = strings.TrimSpace(fmt.Sprintf("%s/%s %s %s", v.Start, v.End, v.By, v.WorkProviderUserID))
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}

func (t *tool) rebuild() *cobra.Command {
	var providerID, number string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Make shift records again from the facts, and tell where they differed",
		Long: `Make shift records again from the facts, and tell where they differed: the day, the shifts before,
and after. Without --customer it goes over all customers of the work provider, whom it finds by
reading the whole table.

It may run while events come in. What the processor is just about to write then shows as a
difference.`,
		Example: `  zegoctl rebuild --provider courier-ltd --customer ABC123 --dry-run`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := build(t, cmd, timeline.NewStore)
			if err != nil {
				return err
			}
			var numbers []string
			if number == "" {
				numbers, err = store.Customers(cmd.Context(), providerID)
			} else {
				var name person.Name
				name, err = person.NewCustomerNumber(number)
				numbers = []string{name.Value}
			}
			if err != nil {
				return err
			}
			act := func() error { return t.rebuildAll(cmd, store, providerID, numbers) }
			if t.dryRun {
				return act() // it tells what differs
			}
			return t.run(cmd, action{target: strings.TrimSpace(providerID + " " + number)}, act)
		},
	}
	cmd.Flags().StringVar(&providerID, "provider", "", "id of the work provider")
	cmd.Flags().StringVar(&number, "customer", "", "number of one customer, instead of all")
	required(cmd, "provider")
	return cmd
}

// rebuildAll makes the records of customers again, and shows what differed until then: after a failure, what was mended
// before it.
func (t *tool) rebuildAll(cmd *cobra.Command, store *timeline.Store, providerID string, numbers []string) error {
	views := []differenceView{}
	lines := [][]string{{"CUSTOMER NUMBER", "DAY", "BEFORE", "AFTER"}}
	var failed error
	for _, n := range numbers {
		var differences []timeline.RecordDiff
		if t.dryRun {
			differences, failed = timeline.DiffRecords(cmd.Context(), store, providerID, n)
		} else {
			differences, failed = timeline.Rebuild(cmd.Context(), store, providerID, n)
		}
		for _, d := range differences {
			v := differenceView{n, d.Day.String(), viewsOf(d.Before), viewsOf(d.After)}
			views = append(views, v)
			lines = append(lines, []string{v.CustomerNumber, v.Day, formatShifts(v.Before), formatShifts(v.After)})
		}
		if failed != nil {
			failed = fmt.Errorf("customer %s: %w", n, failed)
			break
		}
	}
	if err := t.show(cmd, views, lines...); err != nil {
		return err
	}
	return failed
}
