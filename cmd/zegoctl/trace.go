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

// traceView is the path of one event.
type traceView struct {
	EventID        string       `json:"eventId"`
	WorkProvider   string       `json:"workProvider"`
	Kind           string       `json:"kind"`
	At             string       `json:"at"`
	Name           string       `json:"name"`
	Stored         bool         `json:"stored"`
	DeadLetters    []letterView `json:"deadLetters"`
	CustomerNumber string       `json:"customerNumber,omitempty"` // the current owner of the name
	AllOwners      []string     `json:"allOwners"`                // all customers who have or had the name
	State          string       `json:"state"`
	Effect         string       `json:"effect,omitempty"`
	Reason         string       `json:"reason,omitempty"`
	Shift          *shiftView   `json:"shift,omitempty"`
	ShiftID        string       `json:"shiftId,omitempty"`
	Recorded       bool         `json:"recorded"` // the record of the day contains the shift
	Revision       int64        `json:"revision,omitempty"`
}

// tracer has the stores from which an event's path is read.
type tracer struct {
	sealer    *seal.Sealer
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
		Short: "Trace one event: stored or not, its customer, its outcome, its shift and the record",
		Long: `Trace one event by its ID (X-Event-Id, or the id in a v2 response): whether it is stored or a dead
letter, which customer it counts for, its outcome, and whether the shift is in the stored record. The
work provider is found by decrypting the ID, so EVENT_ID_KEYS must be set.`,
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
			return t.show(cmd, view, view.rows()...)
		},
	}
}

var errNoEvent = errors.New(
	"no work provider has an event with this id (is it complete, and does EVENT_ID_KEYS contain its key?)",
)

// openEvent returns the event that an ID identifies, and the work provider that sent it. A match has no kind.
func openEvent(
	ctx context.Context, providers *apikey.Store, sealer *seal.Sealer, id string,
) (providerID string, fact timeline.Fact, match timeline.MatchResult, err error) {
	all, err := providers.List(ctx)
	if err != nil {
		return "", fact, match, err
	}
	for _, p := range all {
		if fact, match, ok := shift.OpenEvent(sealer, p.ID, id); ok {
			return p.ID, fact, match, nil
		}
	}
	return "", fact, match, errNoEvent
}

// trace returns the path of the event with an ID.
func (tr tracer) trace(ctx context.Context, id string, now time.Time) (traceView, error) {
	providerID, fact, match, err := openEvent(ctx, tr.providers, tr.sealer, id)
	if err != nil {
		return traceView{}, err
	}
	v := traceView{
		EventID:      id,
		WorkProvider: providerID,
		Kind:         "MATCH",
		At:           formatInstant(fact.At),
		Name:         displayName(fact.Name),
		AllOwners:    []string{},
		DeadLetters:  []letterView{},
	}
	if fact.Kind != 0 {
		v.Kind = fact.Kind.String()
		err = tr.traceFact(ctx, &v, fact, timeline.At(now))
	} else {
		err = tr.traceMatch(ctx, &v, match, timeline.At(now))
	}
	if err == nil && !v.Stored {
		v.DeadLetters, err = tr.deadLettersWith(ctx, providerID, fact, match, now)
	}
	return v, err
}

// traceFact adds the path of a LOGIN or LOGOUT.
func (tr tracer) traceFact(ctx context.Context, v *traceView, f timeline.Fact, now timeline.Instant) error {
	v.CustomerNumber = f.Name.Value
	v.AllOwners = []string{f.Name.Value}
	if f.Name.Kind == person.UserID {
		ownership, err := tr.timelines.Ownership(ctx, v.WorkProvider, f.Name.Value)
		if err != nil {
			return err
		}
		v.CustomerNumber = ownership.Owner
		v.AllOwners = append([]string{}, ownership.Customers...)
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
	v.Shift = new(newShiftView(o.Shift))
	login := timeline.Fact{Name: o.Shift.Name, Kind: timeline.Login, At: o.Shift.Start}
	v.ShiftID = shift.EventID(tr.sealer, v.WorkProvider, login)
	day := timeline.Days{First: o.Shift.Start.Day(), Last: o.Shift.Start.Day()}
	for _, customer := range v.AllOwners {
		records, err := tr.timelines.Records(ctx, v.WorkProvider, customer, day)
		if err != nil {
			return err
		}
		for _, r := range records {
			if slices.Contains(r.Shifts, o.Shift) {
				v.Recorded = true
				v.Revision = r.Revision
			}
		}
	}
	return nil
}

// traceMatch adds the path of a match result.
func (tr tracer) traceMatch(ctx context.Context, v *traceView, match timeline.MatchResult, now timeline.Instant) error {
	o, err := timeline.NewOutcomeReader(tr.timelines, 1).MatchOutcome(ctx, v.WorkProvider, match, now)
	v.CustomerNumber = match.Customer
	v.AllOwners = []string{match.Customer}
	v.State = o.State.String()
	v.Reason = o.Reason.String()
	v.Stored = o.State == timeline.Applied || o.State == timeline.StateUnmatched
	return err
}

// deadLettersWith returns the dead letters of the last year that contain a fact or a match result.
func (tr tracer) deadLettersWith(
	ctx context.Context,
	providerID string,
	fact timeline.Fact,
	match timeline.MatchResult,
	now time.Time,
) ([]letterView, error) {
	views := []letterView{}
	for month := range 12 {
		first := time.Date(now.UTC().Year(), now.UTC().Month()-time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		letters, err := tr.letters.List(ctx, first.Format(monthLayout))
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			if shift.MessageContains(string(l.Body), providerID, fact, match) {
				views = append(views, newLetterView(l))
			}
		}
	}
	return views, nil
}

// rows returns one row per step of the path.
func (v traceView) rows() [][]string {
	rows := [][]string{{"accepted", fmt.Sprintf("%s of %s at %s, from %s", v.Kind, v.Name, v.At, v.WorkProvider)}}
	add := func(step, text string) { rows = append(rows, []string{step, text}) }
	switch {
	case v.Stored:
		add("stored", "yes")
	case len(v.DeadLetters) > 0:
		for _, l := range v.DeadLetters {
			add("stored", fmt.Sprintf("no: dead letter %s (%s); zegoctl dlq redrive", l.ID, l.Reason))
		}
	default:
		add("stored", "no: in the queue, or the request was rejected")
	}
	switch {
	case v.CustomerNumber == "" && len(v.AllOwners) == 0:
		add("owner", "none: id never linked; zegoctl link grant")
	case v.CustomerNumber == "":
		add("owner", fmt.Sprintf("none now; previously %q", v.AllOwners))
	default:
		add("owner", v.CustomerNumber)
	}
	outcome := v.State
	if v.Effect+v.Reason != "" {
		outcome += ": " + v.Effect + v.Reason
	}
	add("outcome", outcome)
	if v.Shift != nil {
		add("shift", fmt.Sprintf("%s to %s, %s; id %s", v.Shift.Start, v.Shift.End, v.Shift.EndedBy, v.ShiftID))
		record := fmt.Sprintf("contains the shift (revision %d)", v.Revision)
		if !v.Recorded {
			record = "does not contain the shift; if this persists: zegoctl rebuild"
		}
		add("record", record)
	}
	return rows
}
