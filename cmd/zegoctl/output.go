package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// show prints a result: as JSON, or as the rows of a table, the first of which is its heading.
func (t *tool) show(cmd *cobra.Command, result any, rows ...[]string) error {
	if t.output == "json" {
		text, err := marshalIndent(result)
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	}
	w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// marshalIndent returns the JSON of a value, indented.
func marshalIndent(value any) ([]byte, error) {
	text, err := json.Marshal(value, jsontext.Multiline(true), jsontext.WithIndent("  "))
	return append(text, '\n'), err
}

// writeNewFile writes a file that only the operator can read. It fails if the file exists.
func writeNewFile(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Close())
}

// formatTime formats a time in seconds; the zero time is "".
func formatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// formatInstant formats an instant in microseconds, because different instants must look different.
func formatInstant(at timeline.Instant) string { return at.Time().Format(time.RFC3339Nano) }

// displayName returns a name together with its kind.
func displayName(name person.Name) string {
	if name.Kind == person.UserID {
		return "id " + name.Value
	}
	return "customer " + name.Value
}

// nameView is a name that a work provider calls a person by: one of the two.
type nameView struct {
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
	CustomerNumber     string `json:"customerNumber,omitempty"`
}

func newNameView(name person.Name) nameView {
	if name.Kind == person.UserID {
		return nameView{WorkProviderUserID: name.Value}
	}
	return nameView{CustomerNumber: name.Value}
}

// shiftView is a shift. Its end is the one it has, or will have unless further events come in.
type shiftView struct {
	Start              string `json:"start"`
	End                string `json:"end"`
	EndedBy            string `json:"endedBy"`
	WorkProviderUserID string `json:"workProviderUserId,omitempty"` // of its LOGIN
}

func newShiftView(s timeline.Shift) shiftView {
	v := shiftView{Start: formatInstant(s.Start), End: formatInstant(s.End), EndedBy: s.EndedBy.String()}
	if s.Name.Kind == person.UserID {
		v.WorkProviderUserID = s.Name.Value
	}
	return v
}

func newShiftViews(shifts []timeline.Shift) []shiftView {
	views := make([]shiftView, len(shifts))
	for i, s := range shifts {
		views[i] = newShiftView(s)
	}
	return views
}

// formatShifts returns shifts as one cell of a table.
func formatShifts(views []shiftView) string {
	texts := make([]string, len(views))
	for i, v := range views {
		texts[i] = strings.TrimSpace(fmt.Sprintf("%s/%s %s %s", v.Start, v.End, v.EndedBy, v.WorkProviderUserID))
	}
	if len(texts) == 0 {
		return "none"
	}
	return strings.Join(texts, ", ")
}
