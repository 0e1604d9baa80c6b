package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/recovery"
)

// backfillView is what a refilling found.
type backfillView struct {
	Read   int `json:"read"`
	Added  int `json:"added"`
	Merged int `json:"merged"`
}

func (t *tool) backfill() *cobra.Command {
	return &cobra.Command{
		Use:   "refill RESTORED-TABLE",
		Short: "Add to the timelines what a restored table has and they lack",
		Long: `Add to the table of timelines what a table restored from a backup has and it lacks: rows, and facts in them. Nothing is
taken away or written over, so it may run while events come in,
	and again. Make the records again afterwards (zegoctl rebuild),
and repeat every erasure since the backup (zegoctl audit list).`,
		Example: `  zegoctl refill workprovider-timelines-restored`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := t.env(cmd)
			if err != nil {
				return err
			}
			living := env.Get("TIMELINES_TABLE")
			if err := env.Err(); err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				report, err := recovery.Backfill(cmd.Context(), env.AWS(), args[0], living)
				if err != nil {
					return err
				}
				return t.show(cmd, backfillView(report), []string{"ROWS READ", "ADDED", "MERGED"},
					[]string{fmt.Sprint(report.Read), fmt.Sprint(report.Added), fmt.Sprint(report.Merged)})
			})
		},
	}
}
