package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// explanationView explains how a day's facts result in its shifts.
type explanationView struct {
	WorkProvider   string       `json:"workProvider"`
	CustomerNumber string       `json:"customerNumber"`
	Day            string       `json:"day"`
	History        []changeView `json:"history"`
	Steps          []stepView   `json:"steps"`
	Shifts         []shiftView  `json:"shifts"`
	Revision       int64        `json:"revision"` // of the day's record
	RecordAgrees   bool         `json:"recordAgrees"`
	AsKnownAt      string       `json:"asKnownAt,omitempty"` // without a record then

	day    timeline.Day // this and the following for the charts
	shifts []timeline.Shift
	steps  []timeline.Step // that were not taken back
}

// changeView is an entry of a history.
type changeView struct {
	At                 string `json:"at"`
	Kind               string `json:"kind"`
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
}

// stepView is a fact, its outcome, and the shift that is open after it.
type stepView struct {
	At     string     `json:"at"`
	Kind   string     `json:"kind"`
	Name   string     `json:"name"`
	State  string     `json:"state"`
	Effect string     `json:"effect,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Open   *shiftView `json:"openShift,omitempty"`

	AcceptedAt string `json:"acceptedAt,omitempty"` // absent where it is unknown
	LateBy     string `json:"lateBy,omitempty"`
	VoidedAt   string `json:"voidedAt,omitempty"`
	VoidReason string `json:"voidReason,omitempty"`
}

// effectText describes an outcome, by its effect or its reason.
var effectText = map[string]string{
	timeline.OpenedShift.String():        "opens a shift",
	timeline.ContinuedShift.String():     "continues the open shift after its 14 hours",
	timeline.ClosedShift.String():        "closes the shift",
	timeline.AlreadyOpen.String():        "no effect: a shift is already open",
	timeline.LogoutWithoutLogin.String(): "no effect: no shift is open",
	timeline.BeforeConsent.String():      "rejected: before the latest consent",
	timeline.UnmatchedTooLong.String():   "rejected: not matched within 30 days",
}

func (t *tool) explain() *cobra.Command {
	var providerID, day, svg, asKnownAt string
	cmd := &cobra.Command{
		Use:   "explain CUSTOMER",
		Short: "Show why a customer was insured on a day, or not: the events step by step, and the shifts",
		Long: `Show why a customer was insured on a day, or not: for each work provider the history of consents, IDs
and matches, each event with its effect and the shift open after it, and the resulting shifts. The day
and all times are in UTC.

The chart has one character per 15 minutes: > a LOGIN, < a LOGOUT, x both, # insured. --svg also draws
it as an SVG file, to the minute.

With --as-known-at it shows what it would have shown at that instant: what had been accepted and
recorded by then, with the clock at that instant. Records are not kept of the past.`,
		Example: `  zegoctl explain ABC123
  zegoctl explain ABC123 --day 2026-11-22 --as-known-at 2026-11-22T21:32:00Z
  zegoctl explain ABC123 --day 2026-11-22 --provider courier-ltd --svg day.svg`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			env, err := t.env(cmd)
			if err != nil {
				return err
			}
			store := timeline.NewStore(env)
			providers := apikey.NewStore(env)
			if err := env.Err(); err != nil {
				return err
			}
			name, err := person.NewCustomerNumber(args[0])
			if err != nil {
				return err
			}
			now := timeline.At(t.now())
			var storage timeline.Storage = store
			if asKnownAt != "" {
				if now, err = parsePast(asKnownAt, now); err != nil {
					return err
				}
				storage = timeline.KnownAt(store, now)
			}
			utcDay := now.Day()
			if day != "" {
				if utcDay, err = timeline.ParseDay(day); err != nil {
					return errors.New("--day must be a day such as 2026-11-22")
				}
			}
			all, err := providers.List(cmd.Context())
			if err != nil {
				return err
			}
			views := []explanationView{}
			for _, p := range all {
				if providerID != "" && p.ID != providerID {
					continue
				}
				explanation, err := timeline.Explain(cmd.Context(), storage, p.ID, name.Value, utcDay, now)
				if err != nil {
					return err
				}
				if !explanation.History.IsEmpty() || len(explanation.Steps) > 0 {
					views = append(views, newExplanationView(p.ID, name.Value, utcDay, explanation, asKnownAt))
				}
			}
			if svg != "" {
				if err := writeNewFile(svg, []byte(svgChart(views))); err != nil {
					return err
				}
			}
			if t.output == "json" {
				return t.show(cmd, views)
			}
			if len(views) == 0 {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "No work provider has data about %s.\n", name.Value)
				return err
			}
			for _, v := range views {
				if err := v.write(cmd.OutOrStdout()); err != nil {
					return err
				}
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&day, "day", "", "UTC day, such as 2026-11-22; today by default")
	cmd.Flags().StringVar(&providerID, "provider", "", "ID of one work provider, instead of all")
	cmd.Flags().StringVar(&asKnownAt, "as-known-at", "", "an earlier instant instead of now: 2026-11-22T21:32:00Z")
	cmd.Flags().StringVar(&svg, "svg", "", "path of a new file for the chart")
	return cmd
}

// parsePast reads an instant that is not in the future.
func parsePast(text string, now timeline.Instant) (timeline.Instant, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || timeline.At(at) > now {
		return 0, errors.New("--as-known-at must be an instant that is not in the future, such as 2026-11-22T21:32:00Z")
	}
	return timeline.At(at), nil
}

func newExplanationView(
	providerID, number string, day timeline.Day, s timeline.Explanation, asKnownAt string,
) explanationView {
	v := explanationView{
		WorkProvider:   providerID,
		CustomerNumber: number,
		Day:            day.String(),
		History:        []changeView{},
		Steps:          []stepView{},
		Shifts:         newShiftViews(s.Shifts),
		Revision:       s.Stored.Revision,
		RecordAgrees:   s.RecordMatches,
		AsKnownAt:      asKnownAt,
		day:            day,
		shifts:         s.Shifts,
	}
	for _, e := range s.History.Entries() {
		v.History = append(v.History, changeView{formatInstant(e.At), e.Kind.APIName(), e.UserID})
	}
	for _, step := range s.Steps {
		view := stepView{
			At:     formatInstant(step.At),
			Kind:   step.Kind.String(),
			Name:   displayName(step.Name),
			State:  step.Outcome.State.String(),
			Effect: step.Outcome.Effect.String(),
			Reason: step.Outcome.Reason.String(),
		}
		if step.Accepted != 0 {
			view.AcceptedAt = formatInstant(step.Accepted)
			view.LateBy = step.LateBy().Round(time.Second).String()
		}
		if step.Voided != 0 {
			view.VoidedAt = formatInstant(step.Voided)
			view.VoidReason = step.VoidReason
		} else {
			v.steps = append(v.steps, step)
		}
		if step.OpenShift.End != 0 {
			view.Open = new(newShiftView(step.OpenShift))
		}
		v.Steps = append(v.Steps, view)
	}
	return v
}

// outcome describes the outcome of a step. It has an effect or a reason, or neither while it is unmatched.
func (v stepView) outcome() string {
	if v.VoidedAt != "" {
		return fmt.Sprintf("taken back at %s: %s", v.VoidedAt, v.VoidReason)
	}
	return cmp.Or(effectText[v.Effect+v.Reason], "waiting: customer not matched yet")
}

// accepted describes when a step was accepted.
func (v stepView) accepted() string {
	if v.AcceptedAt == "" {
		return "accepted: unknown"
	}
	return fmt.Sprintf("accepted %s (%s late)", v.AcceptedAt, v.LateBy)
}

// write prints the explanation as text.
func (v explanationView) write(out io.Writer) error {
	fmt.Fprintf(out, "%s at %s on %s (UTC)", v.CustomerNumber, v.WorkProvider, v.Day)
	if v.AsKnownAt != "" {
		fmt.Fprintf(out, ", as known at %s", v.AsKnownAt)
	}
	fmt.Fprint(out, "\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CONSENTS, IDS AND MATCHES")
	for _, c := range v.History {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", c.At, c.Kind, c.WorkProviderUserID)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nEVENTS, STEP BY STEP")
	for _, s := range v.Steps {
		then := "no shift is open"
		if s.Open != nil {
			then = fmt.Sprintf("open since %s, ends at %s (%s)", s.Open.Start, s.Open.End, s.Open.EndedBy)
		}
		fmt.Fprintf(w, "  %s\t%s of %s\t%s\t%s\tthen: %s\n", s.At, s.Kind, s.Name, s.accepted(), s.outcome(), then)
	}
	if len(v.Steps) == 0 {
		fmt.Fprintln(w, "  none")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nSHIFTS")
	for _, s := range v.Shifts {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", s.Start, s.End, s.EndedBy, s.WorkProviderUserID)
	}
	if len(v.Shifts) == 0 {
		fmt.Fprintln(w, "  none")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	record := fmt.Sprintf("The stored record agrees (revision %d).", v.Revision)
	switch {
	case v.AsKnownAt != "":
		record = "Records are not kept of the past."
	case !v.RecordAgrees:
		record = "The stored record differs. If it still does a moment later: zegoctl rebuild."
	}
	_, err := fmt.Fprintf(out, "\n%s\n\n%s\n", textChart(v.day, v.steps, v.shifts), record)
	return err
}
