package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/timeline"
)

// lateView is an event that was accepted late.
type lateView struct {
	At         string `json:"at"`
	AcceptedAt string `json:"acceptedAt"`
	LateBy     string `json:"lateBy"`
	Kind       string `json:"kind"`
	nameView
}

func (t *tool) late() *cobra.Command {
	var days int
	var by time.Duration
	cmd := &cobra.Command{
		Use:   "late PROVIDER",
		Short: "List the events of a work provider that were accepted long after their time",
		Long: `List the events of a work provider that were accepted long after their time, the latest first. An
event that was sent several times counts from the first. Events from before acceptances were stored
are left out, and so are those that were taken back.

It reads the whole timelines table.`,
		Example: `  zegoctl late courier-ltd --by 6h --days 7`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := build(t, cmd, timeline.NewStore)
			if err != nil {
				return err
			}
			if days < 1 {
				return errors.New("--days must be at least 1")
			}
			if by < 0 {
				return errors.New("--by must not be negative")
			}
			today := timeline.At(t.now()).Day()
			of := timeline.Days{First: today - timeline.Day(days) + 1, Last: today + 1}
			events, err := store.FindLate(cmd.Context(), args[0], of, by)
			if err != nil {
				return err
			}
			views := make([]lateView, len(events))
			rows := [][]string{{"LATE BY", "NAME", "KIND", "AT", "ACCEPTED"}}
			for i, f := range events {
				v := lateView{
					At:         formatInstant(f.At),
					AcceptedAt: formatInstant(f.Accepted),
					LateBy:     f.LateBy().Round(time.Second).String(),
					Kind:       f.Kind.String(),
					nameView:   newNameView(f.Name),
				}
				views[i] = v
				rows = append(rows, []string{v.LateBy, displayName(f.Name), v.Kind, v.At, v.AcceptedAt})
			}
			return t.show(cmd, views, rows...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 31, "how many days back, by the time of the event")
	cmd.Flags().DurationVar(&by, "by", time.Hour, "how late at least")
	return cmd
}
