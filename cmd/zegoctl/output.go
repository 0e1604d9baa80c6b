package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"
)

// show prints a result: as JSON, or the lines of a table whose first is the heading.
func (t *tool) show(cmd *cobra.Command, result any, lines ...[]string) error {
	if t.output == "json" {
		text, err := marshalIndent(result)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, line := range lines {
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	return w.Flush()
}

// marshalIndent is a value as people read JSON.
func marshalIndent(value any) ([]byte, error) {
	text, err := json.Marshal(value, jsontext.Multiline(true), jsontext.WithIndent("  "))
	return append(text, '\n'), err
}

// formatTime prints a time; nothing for none.
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
