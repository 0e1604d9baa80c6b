package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/timeline"
)

// explanationView is how a day's facts became its shifts.
type explanationView struct {
	WorkProvider   string       `json:"workProvider"`
	CustomerNumber string       `json:"customerNumber"`
	Day            string       `json:"day"`
	History        []changeView `json:"history"`
	Steps          []stepView   `json:"steps"`
	Shifts         []shiftView  `json:"shifts"`
	Revision       int64        `json:"revision"` // of the day's record
	RecordAgrees   bool         `json:"recordAgrees"`

	day    timeline.Day // for the pictures
	shifts []timeline.Shift
	steps  []timeline.Step
}

// changeView is a line of a history.
type changeView struct {
	At                 string `json:"at"`
	What               string `json:"what"`
	WorkProviderUserID string `json:"workProviderUserId,omitempty"`
}

// stepView is a fact, what it did, and how things stood afterwards.
type stepView struct {
	At     string     `json:"at"`
	Kind   string     `json:"kind"`
	Name   string     `json:"name"`
	State  string     `json:"state"`
	Effect string     `json:"effect,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Open   *shiftView `json:"open,omitempty"`
}

// effectText says an outcome, by its effect or by its reason, in a sentence.
var effectText = map[string]string{
	timeline.OpenedShift.String():        "opens a shift",
	timeline.ContinuedShift.String():     "names the shift that continues this one after 14 hours",
	timeline.ClosedShift.String():        "closes the shift",
	timeline.AlreadyOpen.String():        "no effect: a shift is open already, and keeps its start",
	timeline.LogoutWithoutLogin.String(): "no effect: no shift is open",
	timeline.BeforeConsent.String():      "rejected: before the latest consent",
	timeline.UnmatchedTooLong.String():   "rejected: not matched within 30 days",
}

func (t *tool) explain() *cobra.Command {
	var providerID, day, svg string
	cmd := &cobra.Command{
		Use:   "explain CUSTOMER",
		Short: "Tell why a customer was insured on a day, or was not: the facts, the fold step by step, the shifts",
		Long: `Tell why a customer was insured on a day, or was not: for each work provider the history of
consents, ids and matches, each event with what it did and what it left open, and the shifts that
came of it. All times are in UTC, and so is the day.

The picture has a mark for each quarter of an hour: > a LOGIN, < a LOGOUT, x both,
	and # where the customer is insured. With
--svg it is drawn, too, to the minute.`,
		Example: `  zegoctl explain ABC123
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
			of := now.Day()
			if day != "" {
				if of, err = timeline.ParseDay(day); err != nil {
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
				story, err := timeline.Explain(cmd.Context(), store, p.ID, name.Value, of, now)
				if err != nil {
					return err
				}
				if !story.History.IsEmpty() || len(story.Steps) > 0 {
					views = append(views, newExplanationView(p.ID, name.Value, of, story))
				}
			}
			if svg != "" {
				if err := writeNew(svg, []byte(svgChart(views))); err != nil {
					return err
				}
			}
			if t.output == "json" {
				return t.show(cmd, views)
			}
			if len(views) == 0 {
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "No work provider has anything to do with %s.\n", name.Value)
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
	cmd.Flags().StringVar(&day, "day", "", "the UTC day, such as 2026-11-22; by default today")
	cmd.Flags().StringVar(&providerID, "provider", "", "id of one work provider, instead of all")
	cmd.Flags().StringVar(&svg, "svg", "", "a new file for the picture")
	return cmd
}

func newExplanationView(providerID, number string, day timeline.Day, s timeline.Explanation) explanationView {
	v := explanationView{
		WorkProvider: providerID, CustomerNumber: number, Day: day.String(), History: []changeView{}, Steps: []stepView{},
		Shifts: viewsOf(
			s.Shifts,
		), Revision: s.Stored.Revision, RecordAgrees: s.RecordMatches, day: day, shifts: s.Shifts, steps: s.Steps,
	}
	for _, e := range s.History.Entries() {
		v.History = append(v.History, changeView{formatInstant(e.At), e.Kind.APIName(), e.UserID})
	}
	for _, step := range s.Steps {
		view := stepView{
			At:    formatInstant(step.Fact.At),
			Kind:  step.Fact.Kind.String(),
			Name:  displayName(step.Fact.Name),
			State: step.Outcome.State.String(),
		}
		view.Effect = step.Outcome.Effect.String()
		view.Reason = step.Outcome.Reason.String()
		if step.OpenShift.End != 0 {
			view.Open = new(viewOfShift(step.OpenShift))
		}
		v.Steps = append(v.Steps, view)
	}
	return v
}

// sentence is a step's outcome in a sentence.
func (v stepView) sentence() string {
	return cmp.Or(effectText[v.Effect+v.Reason], "waiting: customer not matched yet") // it has one of the two at most
}

// write tells the story to people.
func (v explanationView) write(out io.Writer) error {
	fmt.Fprintf(out, "%s at %s on %s (UTC)\n\n", v.CustomerNumber, v.WorkProvider, v.Day)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CONSENTS, IDS AND MATCHES")
	for _, c := range v.History {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", c.At, c.What, c.WorkProviderUserID)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nEVENTS, STEP BY STEP")
	for _, s := range v.Steps {
		then := "no shift is open"
		if s.Open != nil {
			then = fmt.Sprintf("open since %s, ends at %s (%s)", s.Open.Start, s.Open.End, s.Open.By)
		}
		fmt.Fprintf(w, "  %s\t%s of %s\t%s\tthen: %s\n", s.At, s.Kind, s.Name, s.sentence(), then)
	}
	if len(v.Steps) == 0 {
		fmt.Fprintln(w, "  none")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nSHIFTS")
	for _, s := range v.Shifts {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", s.Start, s.End, s.By, s.WorkProviderUserID)
	}
	if len(v.Shifts) == 0 {
		fmt.Fprintln(w, "  none")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	record := fmt.Sprintf("The stored record agrees (revision %d).", v.Revision)
	if !v.RecordAgrees {
		record = "The stored record differs. If it still does a moment later: zegoctl rebuild."
	}
	_, err := fmt.Fprintf(out, "\n%s\n\n%s\n", textChart(v.day, v.steps, v.shifts), record)
	return err
}
