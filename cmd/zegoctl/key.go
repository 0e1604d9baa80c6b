package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
)

// keyView is an API key as it is shown. Its text is there only when it has just been issued.
type keyView struct {
	ID      string `json:"id"`
	Key     string `json:"key,omitempty"`
	Issued  string `json:"issued"`
	Used    string `json:"lastUsed,omitempty"` // the start of the hour
	State   string `json:"state"`              // live, ending or revoked
	Revoked string `json:"revoked,omitempty"`  // or when it will be
}

func viewOf(k apikey.Key) keyView {
	now := time.Now()
	state := "live"
	switch {
	case !k.Live(now):
		state = "revoked"
	case !k.Revoked.IsZero():
		state = "ending"
	}
	return keyView{
		ID:      k.ID,
		Issued:  formatTime(k.Issued),
		Used:    formatTime(k.Used),
		State:   state,
		Revoked: formatTime(k.Revoked),
	}
}

func (t *tool) key() *cobra.Command {
	return group(&cobra.Command{
		Use:   "key",
		Short: "API keys of work providers",
		Long: `API keys of work providers. A key is shown once, when it is issued: only its hash is stored.
Afterwards it goes by the first eight digits of that hash.`,
	}, t.keyIssue(), t.keyRotate(), t.keyRevoke(), t.keyList())
}

func (t *tool) keyIssue() *cobra.Command {
	return &cobra.Command{
		Use:     "issue PROVIDER",
		Short:   "Issue a new key, which is shown this once",
		Example: `  zegoctl key issue courier-ltd`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(cmd, action{target: args[0]}, func() error {
				text, key, err := store.IssueKey(cmd.Context(), args[0], time.Now())
				if err != nil {
					return err
				}
				return t.showNewKey(cmd, text, key)
			})
		},
	}
}

func (t *tool) keyRotate() *cobra.Command {
	var overlap time.Duration
	cmd := &cobra.Command{
		Use:   "rotate PROVIDER KEY-ID",
		Short: "Issue a successor to a key, shown this once; for a while the key works beside it",
		Long: `Issue a successor to a key, which is shown this once. The key itself goes on working for the
overlap, so that the work provider can change over at any moment within it. "zegoctl key list" tells
when each key was last used: if the old one still is shortly before its end, the work provider has
not changed over yet.`,
		Example: `  zegoctl key rotate courier-ltd 1b4f0e98 --overlap 168h`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			d := action{target: strings.Join(args, " "), irreversible: fmt.Sprintf("the key stops working in %s", overlap)}
			return t.run(cmd, d, func() error {
				text, key, err := store.RotateKey(cmd.Context(), args[0], args[1], overlap, time.Now())
				if err != nil {
					return err
				}
				return t.showNewKey(cmd, text, key)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 7*24*time.Hour, "how long the key goes on working, at most 720h")
	return cmd
}

func (t *tool) showNewKey(cmd *cobra.Command, text string, key apikey.Key) error {
	view := viewOf(key)
	view.Key = text
	return t.show(cmd, view, []string{"ID", "KEY (only its hash is stored)"}, []string{view.ID, view.Key})
}

func (t *tool) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use:     "revoke PROVIDER KEY-ID",
		Short:   "Revoke a key; it stops working within 60 seconds",
		Example: `  zegoctl key revoke courier-ltd 1b4f0e98`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.run(
				cmd,
				action{target: strings.Join(args, " "), irreversible: "the key stops working within 60 seconds"},
				func() error {
					if err := store.RevokeKey(cmd.Context(), args[0], args[1], time.Now()); err != nil {
						return err
					}
					return t.showKeys(cmd, store, args[0])
				},
			)
		},
	}
}

func (t *tool) keyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list PROVIDER",
		Short: "List all keys a work provider was ever issued, with the last hour in which each was used",
		Long: `List all keys a work provider was ever issued, by their ids. LAST USED is the start of the last
hour, in UTC, in which the key was used; it is noted when a function meets the key anew, which it
does at least once in an hour of use.`,
		Example: `  zegoctl key list courier-ltd`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.showKeys(cmd, store, args[0])
		},
	}
}

func (t *tool) showKeys(cmd *cobra.Command, store *apikey.Store, providerID string) error {
	keys, err := store.Keys(cmd.Context(), providerID)
	if err != nil {
		return err
	}
	views := make([]keyView, len(keys))
	lines := [][]string{{"ID", "ISSUED", "LAST USED", "STATE", "REVOKED"}}
	for i, k := range keys {
		v := viewOf(k)
		views[i] = v
		lines = append(lines, []string{v.ID, v.Issued, v.Used, v.State, v.Revoked})
	}
	return t.show(cmd, views, lines...)
}
