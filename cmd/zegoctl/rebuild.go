package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// diffView is a day whose record differed from the facts.
type diffView struct {
	CustomerNumber string      `json:"customerNumber"`
	Day            string      `json:"day"`
	Before         []shiftView `json:"before"`
	After          []shiftView `json:"after"`
}

func (t *tool) rebuild() *cobra.Command {
	var providerID, number string
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Rebuild shift records from the facts, and show the differences",
		Long: `Rebuild shift records from the facts, and show the differences: the day, and its shifts before and
after. Without --customer it processes all customers of the work provider, which reads the whole table.

It can run while events come in. A record that the processor is about to write then shows as a
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
			rebuild := func() error { return t.rebuildAll(cmd, store, providerID, numbers) }
			if t.dryRun {
				return rebuild() // shows the differences
			}
			return t.run(cmd, action{target: strings.TrimSpace(providerID + " " + number)}, rebuild)
		},
	}
	cmd.Flags().StringVar(&providerID, "provider", "", "ID of the work provider")
	cmd.Flags().StringVar(&number, "customer", "", "number of one customer, instead of all")
	required(cmd, "provider")
	return cmd
}

// rebuildAll rebuilds the records of customers and shows the differences; after a failure, those found before it.
func (t *tool) rebuildAll(cmd *cobra.Command, store *timeline.Store, providerID string, numbers []string) error {
	views := []diffView{}
	rows := [][]string{{"CUSTOMER NUMBER", "DAY", "BEFORE", "AFTER"}}
	var err error
	for _, n := range numbers {
		var diffs []timeline.RecordDiff
		if t.dryRun {
			diffs, err = timeline.DiffRecords(cmd.Context(), store, providerID, n)
		} else {
			diffs, err = timeline.Rebuild(cmd.Context(), store, providerID, n)
		}
		for _, d := range diffs {
			v := diffView{n, d.Day.String(), newShiftViews(d.Before), newShiftViews(d.After)}
			views = append(views, v)
			rows = append(rows, []string{v.CustomerNumber, v.Day, formatShifts(v.Before), formatShifts(v.After)})
		}
		if err != nil {
			err = fmt.Errorf("customer %s: %w", n, err)
			break
		}
	}
	return errors.Join(err, t.show(cmd, views, rows...))
}
