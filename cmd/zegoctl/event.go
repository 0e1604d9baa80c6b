package main

import (
	"errors"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// voidView is an event that was taken back.
type voidView struct {
	EventID      string `json:"eventId"`
	WorkProvider string `json:"workProvider"`
	State        string `json:"state"`
	VoidedAt     string `json:"voidedAt"`
}

func (t *tool) event() *cobra.Command {
	return group(&cobra.Command{
		Use:   "event",
		Short: "Events of work providers",
	}, t.eventVoid())
}

// voider has what taking an event back uses.
type voider struct {
	ids       *seal.Sealer
	providers *apikey.Store
	timelines *timeline.Store
	events    queue.Sender
}

func newVoider(env *config.Env) voider {
	return voider{seal.NewFromEnv(env), apikey.NewStore(env), timeline.NewStore(env), queue.NewEventsQueue(env)}
}

func (t *tool) eventVoid() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use:   "void EVENT-ID",
		Short: "Take back a login or logout that a work provider sent by mistake, however old it is",
		Long: `Take back a login or logout that a work provider sent by mistake. It does not count any more, for ever,
and also if it is sent again. Shifts and outcomes are those of the other events.

Work providers can do that themselves for 30 days (POST /v2/event/{id}/void). The event ID is what
the client got (X-Event-Id, or the ID in a v2 response); EVENT_ID_KEYS must be set, because the ID also
identifies the work provider. The reason is stored as evidence; it is not in the audit log.`,
		Example: `  zegoctl event void AdZLjpdqzEdBLurCRVQfQs8nVU0-FjwILhC_Nlt_-g --reason "Claim 4711"`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v, err := build(t, cmd, newVoider)
			if err != nil {
				return err
			}
			if err := shift.CheckReason(reason); err != nil {
				return err
			}
			providerID, event, _, err := openEvent(cmd.Context(), v.providers, v.ids, args[0])
			if err != nil {
				return err
			}
			if event.Kind == 0 {
				return errors.New("a match cannot be taken back; the work provider can send another one")
			}
			a := action{target: providerID + " " + args[0], irreversible: "the event will never count again"}
			return t.run(cmd, a, func() error {
				reader := shift.NewReader(v.timelines, v.ids, t.now)
				at, err := shift.NewWriter(reader, v.events).Void(cmd.Context(), providerID, event, reason)
				if err != nil {
					return err
				}
				view := voidView{args[0], providerID, timeline.StateVoided.String(), formatInstant(at)}
				return t.show(cmd, view, []string{"WORK PROVIDER", "STATE", "SINCE"},
					[]string{view.WorkProvider, view.State, view.VoidedAt})
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why, in 1 to 200 characters")
	required(cmd, "reason")
	return cmd
}
