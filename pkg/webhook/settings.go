package webhook

import (
	"context"
	"net/http"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// Settings is the configuration of a work provider's webhook.
type Settings struct {
	URL          string
	Secrets      []SharedSecret // the newest first
	ConfiguredAt time.Time      // when the first URL was set: earlier sign-ups were not published
	DisabledAt   time.Time      // zero while it is enabled
	Reason       string         // why it is disabled
	AnsweredAt   time.Time      // when the URL first answered 200, 202 or 204; zero if it never did
	NotFound     int            // answers of 404 since the last of these
	version      int64
}

// SharedSecret is a secret and the time at which it expires after a rotation; zero for the newest.
type SharedSecret struct {
	Secret    Secret    `dynamo:"secret"`
	ExpiresAt time.Time `dynamo:"until,omitempty"`
}

// activeSecrets returns the secrets that sign at a time, the newest first.
func (s Settings) activeSecrets(now time.Time) []Secret {
	var live []Secret
	for _, shared := range s.Secrets {
		if shared.ExpiresAt.IsZero() || now.Before(shared.ExpiresAt) {
			live = append(live, shared.Secret)
		}
	}
	return live
}

// SecretCount returns how many secrets sign at a time: two during a rotation.
func (s Settings) SecretCount(now time.Time) int { return len(s.activeSecrets(now)) }

// Store keeps the settings in the table Providers, and the secrets in their own table: every function may read the
// settings, only the sender the secrets.
type Store struct {
	db                 *dynamo.DB
	providers, secrets dynamo.Table
}

// NewStore returns the store in the tables that PROVIDERS_TABLE and SECRETS_TABLE name.
func NewStore(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{db, db.Table(env.Get("PROVIDERS_TABLE")), db.Table(env.Get("SECRETS_TABLE"))}
}

type settingsItem struct {
	PK            string    `dynamo:"pk,hash"`
	SK            string    `dynamo:"sk,range"`
	SchemaVersion int       `dynamo:"v"`
	Version       int64     `dynamo:"n"` // of both items: they are written together
	URL           string    `dynamo:"url"`
	ConfiguredAt  time.Time `dynamo:"since"`
	DisabledAt    time.Time `dynamo:"disabled,omitempty"`
	Reason        string    `dynamo:"reason,omitempty"`
	AnsweredAt    time.Time `dynamo:"answered,omitempty"`
	NotFound      int       `dynamo:"notfound,omitempty"`
}

type secretsItem struct {
	PK            string         `dynamo:"pk,hash"`
	SK            string         `dynamo:"sk,range"`
	SchemaVersion int            `dynamo:"v"`
	Secrets       []SharedSecret `dynamo:"secrets"`
}

const (
	settingsVersion = 2 // version 1 contained the secrets
	secretsVersion  = 1
)

var errNoWebhook = fault.New(fault.NotFound, "The work provider has no webhook; set one first.")

// Get returns the settings of a work provider's webhook. Errors: NotFound, Unavailable.
func (s *Store) Get(ctx context.Context, provider string) (Settings, error) {
	// The version is read first: if both items change before the secrets are read, put returns a conflict.
	settings, err := loadSettings(ctx, s.providers, provider)
	if err != nil {
		return Settings{}, err
	}
	var secrets secretsItem
	// Without an item the settings are of version 1: they have no secrets until one is generated.
	if _, err := table.GetItem(ctx, s.secrets, table.ProviderPartition(provider), table.WebhookSort,
		&secrets); err != nil {
		return Settings{}, err
	}
	return Settings{
		URL:          settings.URL,
		Secrets:      secrets.Secrets,
		ConfiguredAt: settings.ConfiguredAt,
		DisabledAt:   settings.DisabledAt,
		Reason:       settings.Reason,
		AnsweredAt:   settings.AnsweredAt,
		NotFound:     settings.NotFound,
		version:      settings.Version,
	}, nil
}

// loadSettings returns the item of a work provider's settings. Errors: NotFound, Unavailable.
func loadSettings(ctx context.Context, providers dynamo.Table, provider string) (settingsItem, error) {
	var item settingsItem
	found, err := table.GetItem(ctx, providers, table.ProviderPartition(provider), table.WebhookSort, &item)
	if err == nil && !found {
		err = errNoWebhook
	}
	return item, err
}

// put writes settings and secrets on condition that they have not changed since they were read; else table.ErrConflict.
func (s *Store) put(ctx context.Context, provider string, to Settings) error {
	partition := table.ProviderPartition(provider)
	return table.Commit(ctx, s.db.WriteTx().
		Put(s.providers.Put(settingsItem{
			PK: partition, SK: table.WebhookSort, SchemaVersion: settingsVersion, Version: to.version + 1,
			URL: to.URL, ConfiguredAt: to.ConfiguredAt.UTC(), DisabledAt: to.DisabledAt, Reason: to.Reason,
			AnsweredAt: to.AnsweredAt, NotFound: to.NotFound,
		}).If("attribute_not_exists(pk) OR 'n' = ?", to.version)).
		Put(s.secrets.Put(secretsItem{PK: partition, SK: table.WebhookSort, SchemaVersion: secretsVersion,
			Secrets: to.Secrets})),
	)
}

// Set sets the URL of the work provider's webhook, and enables it. A given secret replaces all others; without one the
// secrets stay, and the first time one is generated. The secret returned is the new one, or "".
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
	if settings.ConfiguredAt.IsZero() {
		settings.ConfiguredAt = now
	}
	if settings.URL != url {
		settings.AnsweredAt = time.Time{}
		settings.NotFound = 0
	}
	settings.URL = url
	settings.DisabledAt = time.Time{}
	settings.Reason = ""
	return secret, s.put(ctx, provider, settings)
}

// MaxOverlap is the longest overlap of two secrets.
const MaxOverlap = 30 * 24 * time.Hour

// Rotate generates a new secret. The previous one keeps signing during the overlap, so that the work provider can
// switch at any time within it.
func (s *Store) Rotate(ctx context.Context, provider string, overlap time.Duration, now time.Time) (Secret, error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", fault.InvalidField("overlap", "The overlap must be 0 to 720 hours.")
	}
	settings, err := s.Get(ctx, provider)
	if err != nil {
		return "", err
	}
	previous := settings.activeSecrets(now)
	secret := NewSecret()
	settings.Secrets = []SharedSecret{{Secret: secret}}
	if overlap > 0 && len(previous) > 0 {
		settings.Secrets = append(settings.Secrets, SharedSecret{Secret: previous[0], ExpiresAt: now.Add(overlap).UTC()})
	}
	return secret, s.put(ctx, provider, settings)
}

// Disable stops deliveries. Attempts that are due while it is disabled fail, and are retried as scheduled.
func (s *Store) Disable(ctx context.Context, provider, reason string, now time.Time) error {
	settings, err := s.Get(ctx, provider)
	if err != nil {
		return err
	}
	settings.DisabledAt = now.UTC()
	settings.Reason = reason
	return s.put(ctx, provider, settings)
}

// Enable reverts Disable.
func (s *Store) Enable(ctx context.Context, provider string) error {
	settings, err := s.Get(ctx, provider)
	if err != nil {
		return err
	}
	settings.DisabledAt = time.Time{}
	settings.Reason = ""
	return s.put(ctx, provider, settings)
}

// RecordReply records what a reply shows of the URL in the settings, unless it has changed: that it is a receiver's, or
// one more 404 in a row. It returns how many of these there are now. Like disableGone, it updates just these
// attributes.
func (s *Store) RecordReply(
	ctx context.Context, provider string, to Settings, reply Reply, now time.Time,
) (notFound int, err error) {
	update := s.providers.Update(table.PK, table.ProviderPartition(provider)).Range(table.SK, table.WebhookSort).
		If("'url' = ?", to.URL)
	switch {
	case reply.Status == http.StatusNotFound:
		update.Add("notfound", 1)
	case reply.fromReceiver && (to.AnsweredAt.IsZero() || to.NotFound > 0):
		update.SetIfNotExists("answered", now.UTC()).Remove("notfound")
	default:
		return to.NotFound, nil
	}
	var item settingsItem
	err = update.Value(ctx, &item)
	if dynamo.IsCondCheckFailed(err) {
		return 0, nil
	}
	return item.NotFound, table.Unavailable("webhook settings", err)
}

// disableGone disables the webhook because the receiver replied 410, unless the URL has changed. It is an update of
// just these attributes, because the sender, which connects to untrusted hosts, is permitted no more in this table.
func (s *Store) disableGone(ctx context.Context, provider, url string, now time.Time) error {
	err := s.providers.Update(table.PK, table.ProviderPartition(provider)).Range(table.SK, table.WebhookSort).
		Set("disabled", now.UTC()).Set("reason", "the receiver replied 410 Gone").Add("n", 1).
		If("'url' = ? AND attribute_not_exists('disabled')", url).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return nil
	}
	return table.Unavailable("webhook settings", err)
}
