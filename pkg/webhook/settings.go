package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// Settings are those of a work provider's webhook.
type Settings struct {
	URL      string
	Secrets  []SharedSecret // the newest first
	Since    time.Time      // when the first URL was set: who signed up before then was not announced
	Disabled time.Time      // zero while it is enabled
	Reason   string         // for which it is disabled, in our words
	version  int64
}

// SharedSecret is a secret with the time at which a rotation ends its use; zero for the newest.
type SharedSecret struct {
	Secret Secret    `dynamo:"secret"`
	Until  time.Time `dynamo:"until,omitempty"`
}

// secrets are those that sign at a time, the newest first.
func (s Settings) secrets(now time.Time) []Secret {
	var live []Secret
	for _, shared := range s.Secrets {
		if shared.Until.IsZero() || now.Before(shared.Until) {
			live = append(live, shared.Secret)
		}
	}
	return live
}

// Signing is how many secrets sign at a time: two during a rotation.
func (s Settings) Signing(now time.Time) int { return len(s.secrets(now)) }

// Store keeps the settings in the table Providers, and the secrets in one of their own: every function may read the one,
// the sender alone the other.
type Store struct {
	db                 *dynamo.DB
	providers, secrets dynamo.Table
}

// StoreFrom is the store in the tables that PROVIDERS_TABLE and SECRETS_TABLE name.
func StoreFrom(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db, db.Table(env.Get("PROVIDERS_TABLE")), db.Table(env.Get("SECRETS_TABLE"))}
}

type settingsRow struct {
	PK       string    `dynamo:"pk,hash"`
	SK       string    `dynamo:"sk,range"`
	Form     int       `dynamo:"v"`
	Version  int64     `dynamo:"n"` // of both rows: they are written together
	URL      string    `dynamo:"url"`
	Since    time.Time `dynamo:"since"`
	Disabled time.Time `dynamo:"disabled,omitempty"`
	Reason   string    `dynamo:"reason,omitempty"`
}

type secretsRow struct {
	PK      string         `dynamo:"pk,hash"`
	SK      string         `dynamo:"sk,range"`
	Form    int            `dynamo:"v"`
	Secrets []SharedSecret `dynamo:"secrets"`
}

const (
	formOfSettings = 2 // 1 had the secrets in it
	formOfSecrets  = 1
)

var errNone = fault.New(fault.NotFound, "The work provider has no webhook: set one first.")

// Get are the settings of a work provider's webhook. It is NotFound if there is none.
func (s *Store) Get(ctx context.Context, provider string) (Settings, error) {
	// The version is read first: should both rows change before the secrets are read, put refuses what is made of the two.
	row, err := settingsOf(ctx, s.providers, provider)
	if err != nil {
		return Settings{}, err
	}
	var kept secretsRow
	err = s.secrets.Get(table.PK, table.ProviderPartition(provider)).Range(table.SK, dynamo.Equal, table.WebhookSort).
		Consistent(true).One(ctx, &kept)
	if errors.Is(err, dynamo.ErrNotFound) {
		err = nil // settings of form 1: they count for nothing until a secret is drawn anew
	}
	return Settings{
		URL: row.URL, Secrets: kept.Secrets, Since: row.Since, Disabled: row.Disabled, Reason: row.Reason, version: row.Version,
	}, stored(err)
}

// settingsOf is the row of a work provider's settings.
func settingsOf(ctx context.Context, providers dynamo.Table, provider string) (settingsRow, error) {
	var row settingsRow
	err := providers.Get(table.PK, table.ProviderPartition(provider)).Range(table.SK, dynamo.Equal, table.WebhookSort).
		Consistent(true).One(ctx, &row)
	if errors.Is(err, dynamo.ErrNotFound) {
		return settingsRow{}, errNone
	}
	return row, stored(err)
}

// put writes settings and secrets on condition that nobody has changed them since they were read.
func (s *Store) put(ctx context.Context, provider string, to Settings) error {
	partition := table.ProviderPartition(provider)
	err := table.Commit(ctx, s.db.WriteTx().
		Put(s.providers.Put(settingsRow{
			PK: partition, SK: table.WebhookSort, Form: formOfSettings, Version: to.version + 1,
			URL: to.URL, Since: to.Since.UTC(), Disabled: to.Disabled, Reason: to.Reason,
		}).If("attribute_not_exists(pk) OR 'n' = ?", to.version)).
		Put(s.secrets.Put(secretsRow{PK: partition, SK: table.WebhookSort, Form: formOfSecrets, Secrets: to.Secrets})))
	if errors.Is(err, table.ErrConflict) {
		return fault.New(fault.Unavailable, "Somebody else changed the webhook just now: look again.")
	}
	return err
}

// Set makes a URL the work provider's webhook, and enables it. With a secret given, that is the only one from now on;
// with none, the secrets stay, and the first time one is drawn. The secret returned is new, or "".
func (s *Store) Set(ctx context.Context, provider, url string, secret Secret, now time.Time) (Secret, error) {
	if err := CheckURL(url); err != nil {
		return "", err
	}
	settings, err := s.Get(ctx, provider)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return "", err
	}
	if secret == "" && len(settings.Secrets) == 0 {
		secret = NewSecret()
	}
	if secret != "" {
		settings.Secrets = []SharedSecret{{Secret: secret}}
	}
	if settings.Since.IsZero() {
		settings.Since = now
	}
	settings.URL, settings.Disabled, settings.Reason = url, time.Time{}, ""
	return secret, s.put(ctx, provider, settings)
}

// MaxOverlap is how long two secrets may sign at once.
const MaxOverlap = 30 * 24 * time.Hour

// Rotate draws a new secret. The one before goes on signing beside it for the overlap, so that the work provider can
// change over at any moment within it.
func (s *Store) Rotate(ctx context.Context, provider string, overlap time.Duration, now time.Time) (Secret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", fault.InvalidField("overlap", "The overlap must be 0 to 720 hours.")
	}
	settings, err := s.Get(ctx, provider)
	if err != nil {
		return "", err
	}
	before := settings.secrets(now)
	secret := NewSecret()
	settings.Secrets = []SharedSecret{{Secret: secret}}
	if overlap > 0 && len(before) > 0 {
		settings.Secrets = append(settings.Secrets, SharedSecret{Secret: before[0], Until: now.Add(overlap).UTC()})
	}
	return secret, s.put(ctx, provider, settings)
}

// Disable stops deliveries, which wait for their next try; with every try missed they come to nothing.
func (s *Store) Disable(ctx context.Context, provider, reason string, now time.Time) error {
	settings, err := s.Get(ctx, provider)
	if err != nil {
		return err
	}
	settings.Disabled, settings.Reason = now.UTC(), reason
	return s.put(ctx, provider, settings)
}

// Enable undoes Disable.
func (s *Store) Enable(ctx context.Context, provider string) error {
	settings, err := s.Get(ctx, provider)
	if err != nil {
		return err
	}
	settings.Disabled, settings.Reason = time.Time{}, ""
	return s.put(ctx, provider, settings)
}

// stored turns a failure of the service into the fault it is to a caller: worth another try.
func stored(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("webhooks: %w", err))
}

// gone disables the webhook because a receiver said that it wants no more; not if the URL is another by now. It is an
// update of just these attributes, because a function that talks to strangers is allowed no more in this table.
func (s *Store) gone(ctx context.Context, provider, url string, now time.Time) error {
	err := s.providers.Update(table.PK, table.ProviderPartition(provider)).Range(table.SK, table.WebhookSort).
		Set("disabled", now.UTC()).Set("reason", "the receiver replied 410 Gone").Add("n", 1).
		If("'url' = ? AND attribute_not_exists('disabled')", url).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return stored(err)
}
