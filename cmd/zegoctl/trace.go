package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// traceView is the way of one event.
type traceView struct {
	EventID        string       `json:"eventId"`
	WorkProvider   string       `json:"workProvider"`
	Kind           string       `json:"kind"`
	At             string       `json:"at"`
	Name           string       `json:"name"`
	Stored         bool         `json:"stored"`
	DeadLetters    []letterView `json:"deadLetters"`
	CustomerNumber string       `json:"customerNumber,omitempty"` // whose the name is now
	Ever           []string     `json:"ever"`                     // whose it ever was
	State          string       `json:"state"`
	Effect         string       `json:"effect,omitempty"`
	Reason         string       `json:"reason,omitempty"`
	Shift          *shiftView   `json:"shift,omitempty"`
	ShiftID        string       `json:"shiftId,omitempty"`
	Listed         bool         `json:"listed"` // the record of the day has the shift
	Revision       int64        `json:"revision,omitempty"`
}

// tracer is what following an event needs.
type tracer struct {
	ids       *seal.Sealer
	providers *apikey.Store
	timelines *timeline.Store
	letters   *deadletter.Store
}

func newTracer(env *config.Env) tracer {
	return tracer{seal.NewFromEnv(env), apikey.NewStore(env), timeline.NewStore(env), deadletter.NewStore(env)}
}

func (t *tool) trace() *cobra.Command {
	return &cobra.Command{
		Use:   "trace EVENT-ID",
		Short: "Follow one event: accepted, stored, whose it is, what it did, the shift and its record",
		Long: `Follow one event by the id that its sender got (X-Event-Id, or the id in a v2 shift's answer): whether it is stored or among
the dead letters, whose it is, what it did,
	and whether lists show the shift. Which work provider sent it is found by the
keys that seal ids, so EVENT_ID_KEYS must be set.`,
		Example: `  zegoctl trace AdZLjpdqzEdBLurCRVQfQs8nVU0-FjwILhC_Nlt_-g`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			tr, err := build(t, cmd, newTracer)
			if err != nil {
				return err
			}
			view, err := tr.trace(cmd.Context(), args[0], t.now())
			if err != nil {
				return err
			}
			return t.show(cmd, view, view.lines()...)
		},
	}
}

var errNoEvent = errors.New(
	"no work provider has an event of that id (is it complete, and does EVENT_ID_KEYS hold the key that sealed it?)",
)

// trace finds whose event an id names, and what became of it.
func (tr tracer) trace(ctx context.Context, id string, now time.Time) (traceView, error) {
	providers, err := tr.providers.List(ctx)
	if err != nil {
		return traceView{}, err
	}
	for _, p := range providers {
		fact, verdict, ok := shift.OpenEvent(tr.ids, p.ID, id)
		if !ok {
			continue
		}
		v := traceView{
			EventID: id, WorkProvider: p.ID, Kind: "MATCH", At: formatInstant(fact.At), Name: displayName(fact.Name),
			Ever: []string{}, DeadLetters: []letterView{},
		}
		if fact.Kind != 0 {
			v.Kind = fact.Kind.String()
			err = tr.fact(ctx, &v, fact, timeline.At(now))
		} else {
			err = tr.verdict(ctx, &v, verdict, timeline.At(now))
		}
		if err == nil && !v.Stored {
			v.DeadLetters, err = tr.undelivered(ctx, p.ID, fact, verdict, now)
		}
		return v, err
	}
	return traceView{}, errNoEvent
}

// fact is what became of a LOGIN or LOGOUT.
func (tr tracer) fact(ctx context.Context, v *traceView, f timeline.Fact, now timeline.Instant) error {
	v.CustomerNumber = f.Name.Value
	v.Ever = []string{f.Name.Value}
	if f.Name.Kind == person.UserID {
		owned, err := tr.timelines.Ownership(ctx, v.WorkProvider, f.Name.Value)
		if err != nil {
			return err
		}
		v.CustomerNumber = owned.Owner
		v.Ever = append([]string{}, owned.Customers...)
	}
	outcomes, err := timeline.NewOutcomeReader(tr.timelines, 1).Outcomes(ctx, v.WorkProvider, []timeline.Fact{f}, now)
	if err != nil {
		return err
	}
	o := outcomes[0]
	v.State = o.State.String()
	v.Effect = o.Effect.String()
	v.Reason = o.Reason.String()
	v.Stored = o.State != timeline.Pending && o.Reason != timeline.TooManyFacts
	if o.State != timeline.Applied {
		return nil
	}
	v.Shift = new(viewOfShift(o.Shift))
	v.ShiftID = shift.EventID(
		tr.ids,
		v.WorkProvider,
		timeline.Fact{Name: o.Shift.Name, Kind: timeline.Login, At: o.Shift.Start},
	)
	for _, customer := range v.Ever {
		records, err := tr.timelines.Records(
			ctx,
			v.WorkProvider,
			customer,
			timeline.Days{First: o.Shift.Start.Day(), Last: o.Shift.Start.Day()},
		)
		if err != nil {
			return err
		}
		for _, r := range records {
			if slices.Contains(r.Shifts, o.Shift) {
				v.Listed = true
				v.Revision = r.Revision
			}
		}
	}
	return nil
}

// verdict is what became of a match.
func (tr tracer) verdict(ctx context.Context, v *traceView, verdict timeline.MatchResult, now timeline.Instant) error {
	o, err := timeline.NewOutcomeReader(tr.timelines, 1).MatchOutcome(ctx, v.WorkProvider, verdict, now)
	v.CustomerNumber = verdict.Customer
	v.Ever = []string{verdict.Customer}
	v.State = o.State.String()
	v.Reason = o.Reason.String()
	v.Stored = o.State == timeline.Applied || o.State == timeline.StateUnmatched
	return err
}

// undelivered are the dead letters of the last year that carry what is not stored.
func (tr tracer) undelivered(
	ctx context.Context,
	providerID string,
	f timeline.Fact,
	v timeline.MatchResult,
	now time.Time,
) ([]letterView, error) {
	views := []letterView{}
	for month := range 12 {
		first := time.Date(now.UTC().Year(), now.UTC().Month()-time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		letters, err := tr.letters.List(ctx, first.Format(monthForm))
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			if shift.MessageContains(string(l.Body), providerID, f, v) {
				views = append(views, viewOfLetter(l))
			}
		}
	}
	return views, nil
}

// lines tell the way step by step.
func (v traceView) lines() [][]string {
	lines := [][]string{{"accepted", fmt.Sprintf("%s of %s at %s, from %s", v.Kind, v.Name, v.At, v.WorkProvider)}}
	add := func(step, text string) { lines = append(lines, []string{step, text}) }
	switch {
	case v.Stored:
		add("stored", "yes")
	case len(v.DeadLetters) > 0:
		for _, l := range v.DeadLetters {
			add("stored", fmt.Sprintf("no: dead letter %s (%s); zegoctl dlq redrive", l.ID, l.Reason))
		}
	default:
		add("stored", "no: it waits in the queue, or was refused for good")
	}
	switch {
	case v.CustomerNumber == "" && len(v.Ever) == 0:
		add("whose", "nobody's: no customer was ever called so; zegoctl link give")
	case v.CustomerNumber == "":
		add("whose", fmt.Sprintf("nobody's now; it was of %q", v.Ever))
	default:
		add("whose", v.CustomerNumber)
	}
	outcome := v.State
	if v.Effect+v.Reason != "" {
		outcome += ": " + v.Effect + v.Reason
	}
	add("outcome", outcome)
	if v.Shift != nil {
		add("shift", fmt.Sprintf("%s to %s, %s; id %s", v.Shift.Start, v.Shift.End, v.Shift.By, v.ShiftID))
		listed := fmt.Sprintf("lists show it (revision %d)", v.Revision)
		if !v.Listed {
			listed = "lists do not show it; if that stays so: zegoctl rebuild"
		}
		add("record", listed)
	}
	return lines
}
