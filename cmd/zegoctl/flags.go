package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// monthLayout is the layout of months in flags and IDs.
const monthLayout = "2006-01"

// checkMonth returns an error unless the value of --month is a month.
func checkMonth(month string) error {
	if _, err := time.Parse(monthLayout, month); err != nil {
		return fmt.Errorf("--month must be a month such as 2026-11")
	}
	return nil
}

// required marks flags as required.
func required(cmd *cobra.Command, flags ...string) {
	for _, flag := range flags {
		if err := cmd.MarkFlagRequired(flag); err != nil {
			panic(err) // the flag is not defined
		}
	}
}
