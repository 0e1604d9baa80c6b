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

// letterView is a dead letter as it is listed; its body is shown by itself.
type letterView struct {
	ID       string `json:"id"`
	Sent     string `json:"sent"`
	Filed    string `json:"filed"`
	Reason   string `json:"reason"`
	Bytes    int    `json:"bytes"`
	Redriven string `json:"redriven,omitempty"`
}

func viewOfLetter(l deadletter.DeadLetter) letterView {
	return letterView{
		l.ID(),
		formatTime(l.SentAt),
		formatTime(l.ArchivedAt),
		l.Reason,
		len(l.Body),
		formatTime(l.RedrivenAt),
	}
}

func (t *tool) dlq() *cobra.Command {
	return group(
		&cobra.Command{Use: "dlq", Short: "Dead letters: messages that came to nothing"},
		t.dlqList(),
		t.dlqShow(),
		t.dlqRedrive(),
	)
}

// lettersInMonth are the letters sent in a month; in this one and the one before, if none is named.
func lettersInMonth(cmd *cobra.Command, store *deadletter.Store, month string) ([]deadletter.DeadLetter, error) {
	months := []string{month}
	if month == "" {
		now := time.Now().UTC()
		this := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
		months = []string{this.AddDate(0, -1, 0).Format(monthForm), this.Format(monthForm)}
	} else if _, err := time.Parse(monthForm, month); err != nil {
		return nil, errors.New("--month must be a month such as 2026-11")
	}
	var letters []deadletter.DeadLetter
	for _, m := range months {
		more, err := store.List(cmd.Context(), m)
		if err != nil {
			return nil, err
		}
		letters = append(letters, more...)
	}
	return letters, nil
}

const monthForm = "2006-01"

func (t *tool) showLetters(cmd *cobra.Command, letters []deadletter.DeadLetter) error {
	views := make([]letterView, len(letters))
	lines := [][]string{{"ID", "FILED", "REASON", "BYTES", "REDRIVEN"}}
	for i, l := range letters {
		v := viewOfLetter(l)
		views[i] = v
		lines = append(lines, []string{v.ID, v.Filed, v.Reason, fmt.Sprint(v.Bytes), v.Redriven})
	}
	return t.show(cmd, views, lines...)
}

func monthFlag(cmd *cobra.Command, month *string) {
	cmd.Flags().
		StringVar(month, "month", "", "UTC month of the sending, such as 2026-11; by default this one and the one before")
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
		Short:   "Print a dead letter's body, byte for byte as it was sent",
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
					Body []byte `json:"body"` // in Base64
				}{viewOfLetter(letter), letter.Body})
			}
			_, err = cmd.OutOrStdout().Write(letter.Body)
			return err
		},
	}
}

// redriveGroup is the message group of redriven messages: many of them at once delay no work provider's events.
const redriveGroup = "redrive"

func (t *tool) dlqRedrive() *cobra.Command {
	var month string
	var all bool
	cmd := &cobra.Command{
		Use:   "redrive ID | --all",
		Short: "Send dead letters to their queue again",
		Long: `Send a dead letter to the queue that it comes from again, the one of events or the one of webhooks, or with --all those of
the month that were not sent again yet. It stays where it is,
	with the time of its redriving. Sending one twice does no harm:
what is applied already stays as it is. With --dry-run it lists those that it would send.`,
		Example: `  zegoctl dlq redrive 2026-11/1763830000000#5a5fb1b6-0a3b-4a4e-9a60-8c2a4d7f1f0e
  zegoctl dlq redrive --all --month 2026-11`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return errors.New("redrive one dead letter by its id, or --all")
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
				return t.showLetters(cmd, letters) // those that would be sent
			}
			d := action{target: strings.Join(args, "")}
			if all {
				d.target = fmt.Sprintf("--all (%d)", len(letters))
			}
			return t.run(cmd, d, func() error {
				for i := range letters {
					// One by one, because ten large ones are too much for one call. If we stop in between, what was sent and
					// not noted is sent again: that is harmless.
					to := events
					body := string(letters[i].Body)
					if webhook.IsMessage(body) {
						to = webhooks
					}
					if err := to.Send(cmd.Context(), redriveGroup, 0, body); err != nil {
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
	cmd.Flags().BoolVar(&all, "all", false, "all that were not sent again yet")
	return cmd
}

// selectLetters is the letter of the id that is given, or else those of the month that were not redriven.
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
	var left []deadletter.DeadLetter
	for _, l := range letters {
		if l.RedrivenAt.IsZero() {
			left = append(left, l)
		}
	}
	return left, err
}
