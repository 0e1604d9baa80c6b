package apikey

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/table"
)

// itemVersion is the schema version of every item here.
const itemVersion = 1

// Store keeps work providers and the hashes of their keys in the table Providers. Its errors are faults: NotFound,
// InvalidData about a named field, or Unavailable when the storage fails.
type Store struct {
	keyLookup
	db *dynamo.DB
}

// NewStore returns the store in the table that PROVIDERS_TABLE names.
func NewStore(env *config.Env) *Store {
	return &Store{keyLookup: newKeyLookup(env), db: dynamo.New(env.AWS())}
}

// providerItem is a work provider.
type providerItem struct {
	PK              string    `dynamo:"pk,hash"`
	SK              string    `dynamo:"sk,range"`
	SchemaVersion   int       `dynamo:"v"`
	Name            string    `dynamo:"name"`
	CanEnrol        bool      `dynamo:"canEnrol"`
	Product         string    `dynamo:"product,omitempty"`
	NotifyRejected  bool      `dynamo:"notifyRejected,omitempty"`
	SignedLinksOnly bool      `dynamo:"signedLinksOnly,omitempty"`
	RequestLimit    int64     `dynamo:"requestLimit,omitempty"` // requests per second
	Created         time.Time `dynamo:"created"`
}

func (i providerItem) provider() provider.Provider {
	return provider.Provider{
		ID:              strings.TrimPrefix(i.PK, table.ProviderPartition("")),
		Name:            i.Name,
		CanEnrol:        i.CanEnrol,
		Product:         i.Product,
		NotifyRejected:  i.NotifyRejected,
		SignedLinksOnly: i.SignedLinksOnly,

		RequestsPerSecond: i.RequestLimit,
	}
}

// keyItem is an API key, found by its hash.
type keyItem struct {
	PK            string    `dynamo:"pk,hash"`
	SK            string    `dynamo:"sk,range"`
	SchemaVersion int       `dynamo:"v"`
	Provider      string    `dynamo:"provider"`
	Issued        time.Time `dynamo:"issued"`
	Revoked       time.Time `dynamo:"revoked,omitempty"` // when it stops working; zero if that is not known yet
	Used          time.Time `dynamo:"used,omitempty"`    // the last hour in which it was used, by its start
}

// providerKeyItem is the same key in its work provider's partition.
type providerKeyItem struct {
	PK            string    `dynamo:"pk,hash"`
	SK            string    `dynamo:"sk,range"`
	SchemaVersion int       `dynamo:"v"`
	Hash          string    `dynamo:"hash"`
	Issued        time.Time `dynamo:"issued"`
	Revoked       time.Time `dynamo:"revoked,omitempty"`
}

// Create adds a work provider. Its id is the slug of its name; a name whose id is taken, if only by a name spelled a
// little differently, is InvalidData: the two would share everything.
func (s *Store) Create(ctx context.Context, p provider.Provider, now time.Time) (provider.Provider, error) {
	p.ID = provider.Slug(p.Name)
	if p.ID == "" || len(p.Name) > 100 {
		return provider.Provider{}, fault.InvalidField(
			"name", "A work provider's name must have a letter or digit, and at most 100 bytes")
	}
	// Read first for the sake of a dry run, which writes nothing; the condition decides.
	taken := fault.InvalidField("name", "A work provider with the id `"+p.ID+"` already exists")
	if _, err := s.Get(ctx, p.ID); err == nil {
		return provider.Provider{}, taken
	} else if fault.KindOf(err) != fault.NotFound {
		return provider.Provider{}, err
	}
	// A transaction, though of one item: it has a token, so that the SDK may retry it when a response was lost, without
	// meeting its own item and taking it for another's.
	err := s.db.WriteTx().Put(s.table.Put(providerItem{
		PK:              table.ProviderPartition(p.ID),
		SK:              table.ProviderSort,
		SchemaVersion:   itemVersion,
		Name:            p.Name,
		CanEnrol:        p.CanEnrol,
		Product:         p.Product,
		SignedLinksOnly: p.SignedLinksOnly,
		NotifyRejected:  p.NotifyRejected,
		Created:         now.UTC(),
	}).If("attribute_not_exists(pk)")).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return provider.Provider{}, taken
	}
	if err != nil {
		return provider.Provider{}, table.Unavailable("work providers", err)
	}
	return p, nil
}

// Changes are settings of a work provider that Update sets. A nil field stays as it is.
type Changes struct {
	CanEnrol        *bool   // whether it may enrol customers
	Product         *string // code of the product of customers who sign up through its link; "" for none
	NotifyRejected  *bool   // whether its webhook is notified of rejected events
	SignedLinksOnly *bool   // whether only signed links of its work
	RequestLimit    *int64  // requests per second, on average over ten seconds; 0 for the default of all work providers
}

// Update changes settings of a work provider and returns it. Like the revocation of a key, the change takes effect
// within 60 seconds.
func (s *Store) Update(ctx context.Context, id string, changes Changes) (provider.Provider, error) {
	if changes.RequestLimit != nil && *changes.RequestLimit < 0 {
		return provider.Provider{}, fault.InvalidField("requests-per-second", "Must not be negative")
	}
	if _, err := s.Get(ctx, id); err != nil { // as above
		return provider.Provider{}, err
	}
	update := s.table.Update(table.PK, table.ProviderPartition(id)).Range(table.SK, table.ProviderSort)
	if changes.CanEnrol != nil {
		update.Set("canEnrol", *changes.CanEnrol)
	}
	if changes.Product != nil {
		update.Set("product", *changes.Product)
	}
	if changes.NotifyRejected != nil {
		update.Set("notifyRejected", *changes.NotifyRejected)
	}
	if changes.SignedLinksOnly != nil {
		update.Set("signedLinksOnly", *changes.SignedLinksOnly)
	}
	if changes.RequestLimit != nil {
		update.Set("requestLimit", *changes.RequestLimit)
	}
	var item providerItem
	err := update.If("attribute_exists(pk)").Value(ctx, &item)
	if dynamo.IsCondCheckFailed(err) {
		return provider.Provider{}, notFound(id)
	}
	if err != nil {
		return provider.Provider{}, table.Unavailable("work providers", err)
	}
	return item.provider(), nil
}

// ByName returns the work provider of exactly that name. One read: the id follows from the name.
func (s *Store) ByName(ctx context.Context, name string) (provider.Provider, error) {
	id := provider.Slug(name)
	if id == "" {
		return provider.Provider{}, notFound(name)
	}
	p, err := s.Get(ctx, id)
	if err == nil && p.Name != name {
		return provider.Provider{}, notFound(name)
	}
	return p, err
}

// List returns every work provider, by id.
func (s *Store) List(ctx context.Context) ([]provider.Provider, error) {
	var items []providerItem
	if err := s.table.Scan().Filter("$ = ?", table.SK, table.ProviderSort).Consistent(true).All(ctx, &items); err != nil {
		return nil, table.Unavailable("work providers", err)
	}
	providers := make([]provider.Provider, len(items))
	for i, item := range items {
		providers[i] = item.provider()
	}
	slices.SortFunc(providers, func(a, b provider.Provider) int { return cmp.Compare(a.ID, b.ID) })
	return providers, nil
}

// Key is what operators see of an API key. Its text is shown once, when it is issued, and is not stored.
type Key struct {
	// ID names the key within its work provider: 8 hexadecimal digits.
	ID     string
	Issued time.Time
	// Revoked is when the key stops working: zero if that is not known yet, later than now during the overlap with a
	// successor.
	Revoked time.Time
	// Used is the last hour in which the key was used, by its start; zero if it never was.
	Used time.Time
}

// Live reports whether the key works at a time.
func (k Key) Live(now time.Time) bool { return live(k.Revoked, now) }

func live(revoked, now time.Time) bool { return revoked.IsZero() || now.Before(revoked) }

// IssueKey generates a new key for a work provider. The text returned is the only copy.
func (s *Store) IssueKey(ctx context.Context, providerID string, now time.Time) (text string, key Key, err error) {
	if _, err := s.Get(ctx, providerID); err != nil {
		return "", Key{}, err
	}
	text = generateKey(s.prefix)
	tx := s.db.WriteTx()
	key = s.addKey(tx, text, providerID, now)
	if err := tx.Run(ctx); err != nil {
		return "", Key{}, table.Unavailable("work providers", err) // two keys share an id once in 2³²: retry
	}
	return text, key, nil
}

// ImportKey makes a key work that was generated before: for demo data that is created again and whose keys are in use.
// It fails for a key that is not well formed, and for one that was ever imported or issued here, even if it is revoked
// now.
func (s *Store) ImportKey(ctx context.Context, providerID, text string, now time.Time) error {
	if !wellFormed(s.prefix, text) {
		return fault.New(fault.InvalidKey, "The key is not well-formed")
	}
	tx := s.db.WriteTx()
	s.addKey(tx, text, providerID, now)
	if err := tx.Run(ctx); err != nil {
		return table.Unavailable("work providers", err)
	}
	return nil
}

// addKey adds the items of a key to a transaction.
func (s *Store) addKey(tx *dynamo.WriteTx, text, providerID string, now time.Time) Key {
	hash := hashKey(text)
	key := Key{ID: keyIDOf(hash), Issued: now.UTC()}
	tx.Put(s.table.Put(keyItem{
		PK: table.KeyPartition(hash), SK: table.KeySort, SchemaVersion: itemVersion,
		Provider: providerID, Issued: key.Issued,
	}).If("attribute_not_exists(pk)"))
	tx.Put(s.table.Put(providerKeyItem{
		PK: table.ProviderPartition(providerID), SK: table.ProviderKeySort(key.ID), SchemaVersion: itemVersion,
		Hash: hash, Issued: key.Issued,
	}).If("attribute_not_exists(pk)"))
	return key
}

// MaxOverlap is how long a rotated key may work beside its successor.
const MaxOverlap = 30 * 24 * time.Hour

// RotateKey generates a successor to a key, which keeps working for the overlap, so that the work provider can change
// over at any moment within it. A key that is revoked or rotated already is InvalidData.
func (s *Store) RotateKey(
	ctx context.Context, providerID, keyID string, overlap time.Duration, now time.Time,
) (text string, key Key, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", Key{}, fault.InvalidField("overlap", "The overlap must be 0 to 720 hours")
	}
	own, err := s.providerKey(ctx, providerID, keyID)
	if err != nil {
		return "", Key{}, err
	}
	if !own.Revoked.IsZero() {
		return "", Key{}, fault.InvalidField(
			"key", "The key `"+keyID+"` has already been revoked or rotated: issue another, or rotate its successor")
	}
	text = generateKey(s.prefix)
	tx := s.db.WriteTx()
	key = s.addKey(tx, text, providerID, now)
	s.setRevoked(tx, own, now.Add(overlap))
	if err := tx.Run(ctx); err != nil {
		return "", Key{}, errConcurrentChange(err)
	}
	return text, key, nil
}

// RevokeKey makes a key stop working, within 60 seconds everywhere, even during the overlap with a successor. Revoking
// it again changes nothing.
func (s *Store) RevokeKey(ctx context.Context, providerID, keyID string, now time.Time) error {
	own, err := s.providerKey(ctx, providerID, keyID)
	if err != nil || !live(own.Revoked, now) {
		return err
	}
	tx := s.db.WriteTx()
	s.setRevoked(tx, own, now)
	if err := tx.Run(ctx); err != nil {
		return errConcurrentChange(err)
	}
	return nil
}

// providerKey returns the item of one of a work provider's keys.
func (s *Store) providerKey(ctx context.Context, providerID, keyID string) (providerKeyItem, error) {
	var own providerKeyItem
	found, err := table.GetItem(ctx, s.table, table.ProviderPartition(providerID), table.ProviderKeySort(keyID), &own)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "The work provider `"+providerID+"` has no key `"+keyID+"`")
	}
	return own, err
}

// setRevoked adds to a transaction the writes that end a key at a time, on condition that its end is still what was
// read.
func (s *Store) setRevoked(tx *dynamo.WriteTx, own providerKeyItem, at time.Time) {
	for _, item := range []struct{ pk, sk string }{{table.KeyPartition(own.Hash), table.KeySort}, {own.PK, own.SK}} {
		update := s.table.Update(table.PK, item.pk).
			Range(table.SK, item.sk).
			Set("revoked", at.UTC()).
			If("attribute_exists(pk)")
		if own.Revoked.IsZero() {
			update.If("attribute_not_exists('revoked')")
		} else {
			update.If("'revoked' = ?", own.Revoked)
		}
		tx.Update(update)
	}
}

// errConcurrentChange returns the fault of a change to a key that failed.
func errConcurrentChange(err error) error {
	f := fault.Wrap(fault.Unavailable, err)
	if dynamo.IsCondCheckFailed(err) {
		f.Detail = "The key was changed concurrently; try again"
	}
	return f
}

// Keys returns every key a work provider was ever issued, the oldest first.
func (s *Store) Keys(ctx context.Context, providerID string) ([]Key, error) {
	if _, err := s.Get(ctx, providerID); err != nil {
		return nil, err
	}
	var items []providerKeyItem
	err := s.table.Get(table.PK, table.ProviderPartition(providerID)).
		Range(table.SK, dynamo.BeginsWith, table.ProviderKeyPrefix).Consistent(true).All(ctx, &items)
	if err != nil {
		return nil, table.Unavailable("work providers", err)
	}
	keys := make([]Key, len(items))
	for i, item := range items {
		var key keyItem // has the last use; an operator can wait for one read per key
		if _, err := table.GetItem(ctx, s.table, table.KeyPartition(item.Hash), table.KeySort, &key); err != nil {
			return nil, err
		}
		keys[i] = Key{
			ID:      strings.TrimPrefix(item.SK, table.ProviderKeyPrefix),
			Issued:  item.Issued,
			Revoked: item.Revoked,
			Used:    key.Used,
		}
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return a.Issued.Compare(b.Issued) })
	return keys, nil
}

func notFound(id string) error {
	return fault.New(fault.NotFound, "There is no work provider `"+id+"`")
}
