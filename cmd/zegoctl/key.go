package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/apikey"
)

// keyView is an API key. Its text is present only when it has just been issued.
type keyView struct {
	ID      string `json:"id"`
	Key     string `json:"key,omitempty"`
	Issued  string `json:"issued"`
	Used    string `json:"lastUsed,omitempty"` // the start of the hour, in UTC
	State   string `json:"state"`              // live, ending or revoked
	Revoked string `json:"revoked,omitempty"`  // in the future for a key that is ending
}

func newKeyView(k apikey.Key) keyView {
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
		Long: `API keys of work providers. A key is shown once, when it is issued: only its hash is stored. Its ID
is the first eight digits of that hash.`,
	}, t.keyIssue(), t.keyRotate(), t.keyRevoke(), t.keyList())
}

func (t *tool) keyIssue() *cobra.Command {
	return &cobra.Command{
		Use:     "issue PROVIDER",
		Short:   "Issue a new key, which is shown only once",
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
		Short: "Replace a key by a new one, which is shown only once; both work during the overlap",
		Long: `Replace a key by a new one, which is shown only once. The old key keeps working during the overlap,
so that the work provider can switch at any time within it. "zegoctl key list" shows when each key was
last used: if the old key was used recently, the work provider has not switched yet.`,
		Example: `  zegoctl key rotate courier-ltd 1b4f0e98 --overlap 168h`,
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			a := action{target: strings.Join(args, " "), irreversible: fmt.Sprintf("the key stops working in %s", overlap)}
			return t.run(cmd, a, func() error {
				text, key, err := store.RotateKey(cmd.Context(), args[0], args[1], overlap, time.Now())
				if err != nil {
					return err
				}
				return t.showNewKey(cmd, text, key)
			})
		},
	}
	cmd.Flags().DurationVar(&overlap, "overlap", 7*24*time.Hour, "how long the old key keeps working, at most 720h")
	return cmd
}

func (t *tool) showNewKey(cmd *cobra.Command, text string, key apikey.Key) error {
	view := newKeyView(key)
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
			a := action{target: strings.Join(args, " "), irreversible: "the key stops working within 60 seconds"}
			return t.run(cmd, a, func() error {
				if err := store.RevokeKey(cmd.Context(), args[0], args[1], time.Now()); err != nil {
					return err
				}
				return t.showKeys(cmd, store, args[0])
			})
		},
	}
}

func (t *tool) keyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list PROVIDER",
		Short: "List all keys of a work provider, including revoked ones, with the hour of their last use",
		Long: `List all keys of a work provider, including revoked ones. LAST USED is the start of the hour, in UTC,
in which the key was last used. It is recorded when a function loads the key, which happens at least
once per hour of use.`,
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
	rows := [][]string{{"ID", "ISSUED", "LAST USED", "STATE", "REVOKED"}}
	for i, k := range keys {
		v := newKeyView(k)
		views[i] = v
		rows = append(rows, []string{v.ID, v.Issued, v.Used, v.State, v.Revoked})
	}
	return t.show(cmd, views, rows...)
}
