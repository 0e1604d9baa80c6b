package main

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/audit"
)

// auditView is an action of an operator and its outcome.
type auditView struct {
	At       string `json:"at"`
	Operator string `json:"operator"`
	Number   int64  `json:"number"`
	Action   string `json:"action"`
	Target   string `json:"target,omitempty"`
	Outcome  string `json:"outcome,omitempty"` // empty if the action is in progress, or was interrupted
}

func (t *tool) audit() *cobra.Command {
	return group(&cobra.Command{
		Use:   "audit",
		Short: "The log of operators' actions",
		Long: `The log of operators' actions. Each command that changes something, or shows who a person is, is
recorded under the operator's IAM identity before it is performed, and its outcome afterwards. The
log is append-only: see "audit verify".`,
	}, t.auditList(), t.auditVerify())
}

// auditEntries returns all entries of the audit log.
func (t *tool) auditEntries(cmd *cobra.Command) ([]audit.Entry, error) {
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
		Short:   "List actions, oldest first",
		Example: `  zegoctl audit list --days 7`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			entries, err := t.auditEntries(cmd)
			if err != nil {
				return err
			}
			type entryID struct {
				operator string
				number   int64
			}
			outcomes := map[entryID]string{}
			for _, e := range entries {
				outcomes[entryID{e.Operator.ID, e.Completes}] = e.Outcome
			}
			since := time.Now().AddDate(0, 0, -days)
			entries = slices.DeleteFunc(entries, func(e audit.Entry) bool { return e.Completes != 0 || e.At.Before(since) })
			slices.SortStableFunc(entries, func(a, b audit.Entry) int { return a.At.Compare(b.At) })
			views := make([]auditView, len(entries))
			rows := [][]string{{"AT", "OPERATOR", "ACTION", "TARGET", "OUTCOME"}}
			for i, e := range entries {
				v := auditView{
					At:       formatTime(e.At),
					Operator: e.Operator.ARN,
					Number:   e.Number,
					Action:   e.Action,
					Target:   e.Target,
					Outcome:  outcomes[entryID{e.Operator.ID, e.Number}],
				}
				views[i] = v
				rows = append(rows, []string{v.At, v.Operator, v.Action, v.Target, v.Outcome})
			}
			return t.show(cmd, views, rows...)
		},
	}
	cmd.Flags().IntVar(&days, "days", 30, "number of days to go back")
	return cmd
}

// violationView is a place at which the log was tampered with.
type violationView struct {
	Key     string `json:"key,omitempty"` // the operator and the number of an entry
	Problem string `json:"problem"`
}

// verifyView is the result of a verification.
type verifyView struct {
	Entries    int             `json:"entries"`
	Violations []violationView `json:"violations"`
}

func (t *tool) auditVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check whether entries were replaced or removed",
		Long: `Check whether somebody put something over an entry, or deleted one, and whether the bucket still keeps
them from it. "audit list" shows the entries as they were first written.`,
		Example: `  zegoctl audit verify`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := build(t, cmd, audit.NewStore)
			if err != nil {
				return err
			}
			entries, err := log.List(cmd.Context())
			if err != nil {
				return err
			}
			violations, err := log.Verify(cmd.Context())
			if err != nil {
				return err
			}
			view := verifyView{Entries: len(entries), Violations: []violationView{}}
			rows := [][]string{{fmt.Sprintf("%d entries", len(entries)), ""}}
			for _, found := range violations {
				v := violationView{found.Key, found.Problem}
				view.Violations = append(view.Violations, v)
				rows = append(rows, []string{v.Key, v.Problem})
			}
			if err := t.show(cmd, view, rows...); err != nil || len(view.Violations) == 0 {
				return err
			}
			return errors.New("the audit log was changed")
		},
	}
}
