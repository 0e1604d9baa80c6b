package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/recovery"
)

// backfillView has numbers of items.
type backfillView struct {
	Read   int `json:"read"`
	Added  int `json:"added"`
	Merged int `json:"merged"`
}

func (t *tool) backfill() *cobra.Command {
	return &cobra.Command{
		Use:   "backfill RESTORED-TABLE",
		Short: "Add to the timelines table what is missing there and present in a restored table",
		Long: `Add to the timelines table what is missing there and present in a table restored from a backup: items,
and facts within items. Nothing is removed or overwritten, so it can run while events come in, and be
repeated. Afterwards, rebuild the records (zegoctl rebuild) and repeat all erasures since the backup
(zegoctl audit list).`,
		Example: `  zegoctl backfill workprovider-timelines-restored`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := t.env(cmd)
			if err != nil {
				return err
			}
			target := env.Get("TIMELINES_TABLE")
			if err := env.Err(); err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				report, err := recovery.Backfill(cmd.Context(), env.AWS(), args[0], target)
				if err != nil {
					return err
				}
				return t.show(cmd, backfillView(report), []string{"ITEMS READ", "ADDED", "MERGED"},
					[]string{fmt.Sprint(report.Read), fmt.Sprint(report.Added), fmt.Sprint(report.Merged)})
			})
		},
	}
}
