package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/audit"
)

// auditView is something that an operator did.
type auditView struct {
	At       string `json:"at"`
	Operator string `json:"operator"`
	Number   int64  `json:"number"`
	Deed     string `json:"deed"`
	Of       string `json:"of,omitempty"`
	Outcome  string `json:"outcome,omitempty"` // empty if it is at work, or broke off
}

func (t *tool) audit() *cobra.Command {
	return group(&cobra.Command{
		Use:   "audit",
		Short: "Who did what with this tool",
		Long: `Who did what with this tool. Each command that changes something, or shows who a person is, is noted
before it is done, with who AWS says the operator is, and what came of it afterwards. Entries are
only added: see "audit verify".`,
	}, t.auditList(), t.auditVerify())
}

// entries are those of the audit log.
func (t *tool) entries(cmd *cobra.Command) ([]audit.Entry, error) {
	log, err := build(t, cmd, audit.NewStore)
	if err != nil {
		return nil, err
	}
	return log.List(cmd.Context())
}

func (t *tool) auditList() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List what was done, the latest last",
		Example: `  zegoctl audit list --days 7`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			entries, err := t.entries(cmd)
			if err != nil {
				return err
			}
			type beginning struct {
				operator string
				number   int64
			}
			outcomes := map[beginning]string{}
			for _, e := range entries {
				outcomes[beginning{e.Operator.ID, e.Completes}] = e.Outcome
			}
			since := time.Now().AddDate(0, 0, -days)
			entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Completes != 0 || e.At.Before(since) })
			slices.SortStableFunc(entries, func(a, b audit.Entry) int { return a.At.Compare(b.At) })
			views := make([]auditView, len(entries))
			lines := [][]string{{"AT", "OPERATOR", "DEED", "OF", "OUTCOME"}}
			for i, e := range entries {
				v := auditView{
					formatTime(e.At),
					e.Operator.ARN,
					e.Number,
					e.Action,
					e.Target,
					outcomes[beginning{e.Operator.ID, e.Number}],
				}
				views[i] = v
				lines = append(lines, []string{v.At, v.Operator, v.Deed, v.Of, v.Outcome})
			}
			return t.show(cmd, views, lines...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "how many days back")
	return cmd
}

// violationView is a place at which the log is not as it was written.
type violationView struct {
	Operator string `json:"operator"`
	Number   int64  `json:"number"`
	Problem  string `json:"problem"`
}

// verifyView is what came of a verification.
type verifyView struct {
	Entries int             `json:"entries"`
	Flaws   []violationView `json:"flaws"`
}

func (t *tool) auditVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Tell whether entries were replaced or taken away",
		Long: `Tell whether entries were replaced or taken away since they were written: each holds a digest of
itself and the one before. That an operator's very last entry was is shown by the table's
point-in-time recovery only.`,
		Example: `  zegoctl audit verify`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			entries, err := t.entries(cmd)
			if err != nil {
				return err
			}
			view := verifyView{Entries: len(entries), Flaws: []violationView{}}
			lines := [][]string{{fmt.Sprintf("%d entries", len(entries)), ""}}
			for _, f := range audit.Verify(entries) {
				v := violationView{f.Operator.ARN, f.Number, f.Problem}
				view.Flaws = append(view.Flaws, v)
				lines = append(lines, []string{v.Operator, fmt.Sprintf("%d: %s", v.Number, v.Problem)})
			}
			if err := t.show(cmd, view, lines...); err != nil || len(view.Flaws) == 0 {
				return err
			}
			return errors.New("the audit log was changed")
		},
	}
}
