package main

import (
	"time"

	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/provider"
)

// keyView is an API key as it is shown. Its text is there only when it has just been issued.
type keyView struct {
	ID      string `json:"id"`
	Key     string `json:"key,omitempty"`
	Issued  string `json:"issued"`
	Revoked string `json:"revoked,omitempty"`
}

func viewOf(k provider.Key) keyView {
	return keyView{ID: k.ID, Issued: when(k.Issued), Revoked: when(k.Revoked)}
}

func (t *tool) key() *cobra.Command {
	group := &cobra.Command{Use: "key", Short: "API keys of work providers"}
	group.AddCommand(t.keyIssue(), t.keyRevoke(), t.keyList())
	return group
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
			text, key, err := store.IssueKey(cmd.Context(), args[0], time.Now())
			if err != nil {
				return err
			}
			view := viewOf(key)
			view.Key = text
			return t.show(cmd, view, []string{"ID", "KEY (only its hash is stored)"}, []string{view.ID, view.Key})
		},
	}
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
			if err := store.RevokeKey(cmd.Context(), args[0], args[1], time.Now()); err != nil {
				return err
			}
			return t.showKeys(cmd, store, args[0])
		},
	}
}

func (t *tool) keyList() *cobra.Command {
	return &cobra.Command{
		Use:   "list PROVIDER",
		Short: "List all keys a work provider was ever issued, by their ids",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, err := t.providers(cmd)
			if err != nil {
				return err
			}
			return t.showKeys(cmd, store, args[0])
		},
	}
}

func (t *tool) showKeys(cmd *cobra.Command, store *provider.Store, providerID string) error {
	keys, err := store.Keys(cmd.Context(), providerID)
	if err != nil {
		return err
	}
	views, lines := make([]keyView, len(keys)), [][]string{{"ID", "ISSUED", "REVOKED"}}
	for i, k := range keys {
		views[i] = viewOf(k)
		lines = append(lines, []string{k.ID, when(k.Issued), when(k.Revoked)})
	}
	return t.show(cmd, views, lines...)
}
