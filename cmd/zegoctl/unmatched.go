package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/timeline"
)

// unmatchedView is a name whose events do not count for any customer.
type unmatchedView struct {
	nameView
	Events int    `json:"events"`
	First  string `json:"first"`
	Last   string `json:"last"`
}

func (t *tool) unmatched() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use:   "unmatched PROVIDER",
		Short: "List the names whose events do not count for any customer",
		Long: `List the names under which a work provider sent events that do not count: no customer with that name
shares with it, or the customer is not matched. The events count if that changes within 30 days of
their time; after that they are rejected.

It reads the whole timelines table.`,
		Example: `  zegoctl unmatched courier-ltd --days 7`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := build(t, cmd, timeline.NewStore)
			if err != nil {
				return err
			}
			if days < 1 {
				return errors.New("--days must be at least 1")
			}
			now := timeline.At(t.now())
			window := timeline.Days{First: now.Day() - timeline.Day(days) + 1, Last: now.Day() + 1}
			all, err := store.FindUnmatched(cmd.Context(), args[0], window, now)
			if err != nil {
				return err
			}
			views := make([]unmatchedView, len(all))
			rows := [][]string{{"NAME", "EVENTS", "FIRST", "LAST"}}
			for i, u := range all {
				v := unmatchedView{
					nameView: newNameView(u.Name),
					Events:   len(u.Facts),
					First:    formatInstant(u.Facts[0].At),
					Last:     formatInstant(u.Facts[len(u.Facts)-1].At),
				}
				views[i] = v
				rows = append(rows, []string{displayName(u.Name), fmt.Sprint(v.Events), v.First, v.Last})
			}
			return t.show(cmd, views, rows...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 31, "number of days to go back")
	return cmd
}
