package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/webhook"
)

// letterView is a dead letter without its body.
type letterView struct {
	ID       string `json:"id"`
	Sent     string `json:"sent"`
	Archived string `json:"archived"`
	Reason   string `json:"reason"`
	Bytes    int    `json:"bytes"`
	Redriven string `json:"redriven,omitempty"`
}

func newLetterView(l deadletter.DeadLetter) letterView {
	return letterView{
		ID:       l.ID(),
		Sent:     formatTime(l.SentAt),
		Archived: formatTime(l.ArchivedAt),
		Reason:   l.Reason,
		Bytes:    len(l.Body),
		Redriven: formatTime(l.RedrivenAt),
	}
}

func (t *tool) dlq() *cobra.Command {
	return group(
		&cobra.Command{Use: "dlq", Short: "Dead letters: messages that could not be processed"},
		t.dlqList(),
		t.dlqShow(),
		t.dlqRedrive(),
	)
}

// lettersInMonth returns the letters sent in a month; for "", those of the current and the previous month.
func lettersInMonth(cmd *cobra.Command, store *deadletter.Store, month string) ([]deadletter.DeadLetter, error) {
	months := []string{month}
	if month == "" {
		now := time.Now().UTC()
		this := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		months = []string{this.AddDate(0, -1, 0).Format(monthLayout), this.Format(monthLayout)}
	} else if err := checkMonth(month); err != nil {
		return nil, err
	}
	var letters []deadletter.DeadLetter
	for _, m := range months {
		monthLetters, err := store.List(cmd.Context(), m)
		if err != nil {
			return nil, err
		}
		letters = append(letters, monthLetters...)
	}
	return letters, nil
}

func (t *tool) showLetters(cmd *cobra.Command, letters []deadletter.DeadLetter) error {
	views := make([]letterView, len(letters))
	rows := [][]string{{"ID", "ARCHIVED", "REASON", "BYTES", "REDRIVEN"}}
	for i, l := range letters {
		v := newLetterView(l)
		views[i] = v
		rows = append(rows, []string{v.ID, v.Archived, v.Reason, fmt.Sprint(v.Bytes), v.Redriven})
	}
	return t.show(cmd, views, rows...)
}

func monthFlag(cmd *cobra.Command, month *string) {
	usage := "UTC month in which letters were sent, such as 2026-11; by default the current and the previous month"
	cmd.Flags().StringVar(month, "month", "", usage)
}

func (t *tool) dlqList() *cobra.Command {
	var month string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List dead letters, oldest first",
		Example: `  zegoctl dlq list --month 2026-11`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := build(t, cmd, deadletter.NewStore)
			if err != nil {
				return err
			}
			letters, err := lettersInMonth(cmd, store, month)
			if err != nil {
				return err
			}
			return t.showLetters(cmd, letters)
		},
	}
	monthFlag(cmd, &month)
	return cmd
}

func (t *tool) dlqShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Print a dead letter's body, exactly as it was sent",
		Example: `  zegoctl dlq show 2026-11/1763830000000#5a5fb1b6-0a3b-4a4e-9a60-8c2a4d7f1f0e | less`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := build(t, cmd, deadletter.NewStore)
			if err != nil {
				return err
			}
			letter, err := store.Get(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if t.output == "json" {
				return t.show(cmd, struct {
					letterView
					Body []byte `json:"body"` // Base64
				}{newLetterView(letter), letter.Body})
			}
			_, err = cmd.OutOrStdout().Write(letter.Body)
			return err
		},
	}
}

// redriveGroup is the message group of redriven messages, so that many of them do not delay a work provider's events.
const redriveGroup = "redrive"

func (t *tool) dlqRedrive() *cobra.Command {
	var month string
	var all bool
	cmd := &cobra.Command{
		Use:   "redrive ID | --all",
		Short: "Send dead letters to their queue again",
		Long: `Send a dead letter to its original queue again, the events or the webhooks queue; with --all, all
letters of the month that were not redriven yet. A letter stays archived, with the time of the redrive.
Redriving is idempotent: what has been applied already does not change. With --dry-run it lists the
letters that it would send.`,
		Example: `  zegoctl dlq redrive 2026-11/1763830000000#5a5fb1b6-0a3b-4a4e-9a60-8c2a4d7f1f0e
  zegoctl dlq redrive --all --month 2026-11`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return errors.New("give the ID of one dead letter, or --all")
			}
			env, err := t.env(cmd)
			if err != nil {
				return err
			}
			store := deadletter.NewStore(env)
			events := queue.NewEventsQueue(env)
			webhooks := webhook.NewQueue(env)
			if err := env.Err(); err != nil {
				return err
			}
			letters, err := selectLetters(cmd, store, args, month)
			if err != nil {
				return err
			}
			if t.dryRun {
				return t.showLetters(cmd, letters)
			}
			a := action{target: strings.Join(args, "")}
			if all {
				a.target = fmt.Sprintf("--all (%d)", len(letters))
			}
			return t.run(cmd, a, func() error {
				for i := range letters {
					// One at a time, because ten large ones exceed the limit of a call. After an interruption, a letter that
					// was sent but not marked is sent again, which is harmless.
					destination := events
					body := string(letters[i].Body)
					if webhook.IsMessage(body) {
						destination = webhooks
					}
					if err := destination.Send(cmd.Context(), redriveGroup, 0, body); err != nil {
						return err
					}
					letters[i].RedrivenAt = time.Now()
					if err := store.MarkRedriven(cmd.Context(), letters[i].ID(), letters[i].RedrivenAt); err != nil {
						return err
					}
				}
				return t.showLetters(cmd, letters)
			})
		},
	}
	monthFlag(cmd, &month)
	cmd.Flags().BoolVar(&all, "all", false, "redrive all letters of the month that were not redriven yet")
	return cmd
}

// selectLetters returns the letter whose ID is given or, without one, those of the month that were not redriven.
func selectLetters(
	cmd *cobra.Command,
	store *deadletter.Store,
	args []string,
	month string,
) ([]deadletter.DeadLetter, error) {
	if len(args) == 1 {
		letter, err := store.Get(cmd.Context(), args[0])
		return []deadletter.DeadLetter{letter}, err
	}
	letters, err := lettersInMonth(cmd, store, month)
	var pending []deadletter.DeadLetter
	for _, l := range letters {
		if l.RedrivenAt.IsZero() {
			pending = append(pending, l)
		}
	}
	return pending, err
}
