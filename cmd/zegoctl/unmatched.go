package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// unmatchedView is a name whose events wait for somebody to count them for.
type unmatchedView struct {
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
	CustomerNumber     string `json:"customerNumber,omitempty"`
	Events             int    `json:"events"`
	First              string `json:"first"`
	Last               string `json:"last"`
}

func (t *tool) unmatched() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use:   "unmatched PROVIDER",
		Short: "List the names under which events wait for somebody to count them for",
		Long: `List the names under which a work provider sent events that count for nobody: nobody of that name shares with it, or the
two are not matched. They count as soon as that changes,
	within 30 days of their instant; after that they are rejected for good.

It reads the whole table of timelines.`,
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
			all, err := store.FindUnmatched(
				cmd.Context(),
				args[0],
				timeline.Days{First: now.Day() - timeline.Day(days) + 1, Last: now.Day() + 1},
				now,
			)
			if err != nil {
				return err
			}
			views := make([]unmatchedView, len(all))
			lines := [][]string{{"NAME", "EVENTS", "FIRST", "LAST"}}
			for i, u := range all {
				v := unmatchedView{
					Events: len(u.Facts),
					First:  formatInstant(u.Facts[0].At),
					Last:   formatInstant(u.Facts[len(u.Facts)-1].At),
				}
				if u.Name.Kind == person.UserID {
					v.WorkProviderUserID = u.Name.Value
				} else {
					v.CustomerNumber = u.Name.Value
				}
				views[i] = v
				lines = append(lines, []string{displayName(u.Name), fmt.Sprint(v.Events), v.First, v.Last})
			}
			return t.show(cmd, views, lines...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 31, "how many days back")
	return cmd
}

// displayName is a name as people read it.
func displayName(name person.Name) string {
	if name.Kind == person.UserID {
		return "id " + name.Value
	}
	return "customer " + name.Value
}
