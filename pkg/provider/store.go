package provider

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/table"
)

// form is the version of the form of every row here.
const form = 1

// Store keeps work providers and the hashes of their keys in the table Providers. Its errors are faults: NotFound,
// InvalidData about a named field, or Unavailable when the storage fails.
type Store struct {
	holders
	table dynamo.Table
	db    *dynamo.DB
}

// StoreFrom is the store in the table that PROVIDERS_TABLE names.
func StoreFrom(env *config.Env) *Store {
	db := dynamo.New(env.AWS())
	return &Store{holders: holdersFrom(env), db: db, table: db.Table(env.Get("PROVIDERS_TABLE"))}
}

// row is a work provider.
type row struct {
	PK       string    `dynamo:"pk,hash"`
	SK       string    `dynamo:"sk,range"`
	Form     int       `dynamo:"v"`
	Name     string    `dynamo:"name"`
	MayEnrol bool      `dynamo:"mayEnrol"`
	Product  string    `dynamo:"product,omitempty"`
	Tell     bool      `dynamo:"tellRejected,omitempty"`
	Created  time.Time `dynamo:"created"`
}

func (r row) provider() Provider {
	return Provider{
		ID: strings.TrimPrefix(r.PK, table.ProviderPartition("")), Name: r.Name, MayEnrol: r.MayEnrol, Product: r.Product,
		TellRejected: r.Tell,
	}
}

// keyRow is an API key, found by its hash.
type keyRow struct {
	PK       string    `dynamo:"pk,hash"`
	SK       string    `dynamo:"sk,range"`
	Form     int       `dynamo:"v"`
	Provider string    `dynamo:"provider"`
	Issued   time.Time `dynamo:"issued"`
	Revoked  time.Time `dynamo:"revoked,omitempty"` // from when on it is dead; zero if that is not known yet
	Used     time.Time `dynamo:"used,omitempty"`    // the last hour in which it was used, by its start
}

// ownKeyRow is the same key among its work provider's.
type ownKeyRow struct {
	PK      string    `dynamo:"pk,hash"`
	SK      string    `dynamo:"sk,range"`
	Form    int       `dynamo:"v"`
	Hash    string    `dynamo:"hash"`
	Issued  time.Time `dynamo:"issued"`
	Revoked time.Time `dynamo:"revoked,omitempty"`
}

// Create adds a work provider. A name whose id is taken, were it by a name spelled a little differently, is refused:
// the two would share everything.
func (s *Store) Create(ctx context.Context, name string, mayEnrol bool, now time.Time) (Provider, error) {
	p := Provider{ID: Slug(name), Name: name, MayEnrol: mayEnrol}
	if p.ID == "" || len(name) > 100 {
		return Provider{}, fault.Field("name", "A work provider's name must have a letter or digit, and at most 100 bytes.")
	}
	// Asked first for the sake of a dry run, which writes nothing; the condition decides.
	taken := fault.Field("name", "There is a work provider with the id `"+p.ID+"` already.")
	if _, err := s.Get(ctx, p.ID); err == nil {
		return Provider{}, taken
	} else if fault.Of(err) != fault.NotFound {
		return Provider{}, err
	}
	// A transaction, though of one row: it has a token, so that the SDK may send it again when an answer was lost, without
	// meeting its own row and taking it for another's.
	err := s.db.WriteTx().Put(s.table.Put(row{
		PK: table.ProviderPartition(p.ID), SK: table.ProviderSort, Form: form,
		Name: name, MayEnrol: mayEnrol, Created: now.UTC(),
	}).If("attribute_not_exists(pk)")).Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return Provider{}, taken
	}
	if err != nil {
		return Provider{}, fault.Wrap(fault.Unavailable, err)
	}
	return p, nil
}

// SetMayEnrol grants or takes back the right to create customers. Like a revoked key, it is in force within 60 seconds.
func (s *Store) SetMayEnrol(ctx context.Context, id string, mayEnrol bool) error {
	return s.set(ctx, id, "mayEnrol", mayEnrol)
}

// SetProduct sets the code of the product that people are insured with who sign up on their way from the provider; ""
// takes it back.
func (s *Store) SetProduct(ctx context.Context, id, code string) error {
	return s.set(ctx, id, "product", code)
}

// SetTellRejected says whether the provider wants to be told of events that do not count. It is in force within 60 seconds.
func (s *Store) SetTellRejected(ctx context.Context, id string, tell bool) error {
	return s.set(ctx, id, "tellRejected", tell)
}

func (s *Store) set(ctx context.Context, id, attribute string, value any) error {
	if _, err := s.Get(ctx, id); err != nil { // as above
		return err
	}
	err := s.table.Update(table.PK, table.ProviderPartition(id)).Range(table.SK, table.ProviderSort).
		Set(attribute, value).If("attribute_exists(pk)").Run(ctx)
	if dynamo.IsCondCheckFailed(err) {
		return notFound(id)
	}
	if err != nil {
		return fault.Wrap(fault.Unavailable, err)
	}
	return nil
}

// ByName is the work provider of exactly that name. One read: the name leads to the id.
func (s *Store) ByName(ctx context.Context, name string) (Provider, error) {
	id := Slug(name)
	if id == "" {
		return Provider{}, notFound(name)
	}
	p, err := s.Get(ctx, id)
	if err == nil && p.Name != name {
		return Provider{}, notFound(name)
	}
	return p, err
}

// List is every work provider, by id.
func (s *Store) List(ctx context.Context) ([]Provider, error) {
	var rows []row
	if err := s.table.Scan().Filter("$ = ?", table.SK, table.ProviderSort).Consistent(true).All(ctx, &rows); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err)
	}
	providers := make([]Provider, len(rows))
	for i, r := range rows {
		providers[i] = r.provider()
	}
	slices.SortFunc(providers, func(a, b Provider) int { return cmp.Compare(a.ID, b.ID) })
	return providers, nil
}

// Key is what operators see of an API key. Its text is shown once, when it is issued, and is not stored.
type Key struct {
	// ID names the key among its work provider's: 8 hexadecimal digits.
	ID     string
	Issued time.Time
	// Revoked is from when on the key is dead: zero if that is not known yet, later than now while it gives way to a successor.
	Revoked time.Time
	// Used is the last hour in which the key was used, by its start; zero if it never was.
	Used time.Time
}

// Live tells whether the key works at a time.
func (k Key) Live(now time.Time) bool { return live(k.Revoked, now) }

func live(revoked, now time.Time) bool { return revoked.IsZero() || now.Before(revoked) }

// IssueKey draws a new key for a work provider. The text returned is the only copy.
func (s *Store) IssueKey(ctx context.Context, providerID string, now time.Time) (text string, key Key, err error) {
	if _, err := s.Get(ctx, providerID); err != nil {
		return "", Key{}, err
	}
	text = mintKey(s.prefix)
	tx := s.db.WriteTx()
	key = s.addKey(tx, text, providerID, now)
	if err := tx.Run(ctx); err != nil {
		return "", Key{}, fault.Wrap(fault.Unavailable, err) // of two keys with one id, once in 2³²: try again
	}
	return text, key, nil
}

// AdmitKey makes a key work that was drawn before: for a demo world that is made again and whose keys somebody has. It
// is refused if it is no key of ours, and if it was ever admitted or issued here, even if it is dead now.
func (s *Store) AdmitKey(ctx context.Context, providerID, text string, now time.Time) error {
	if !wellFormed(s.prefix, text) {
		return fault.New(fault.InvalidKey, "The key is not well-formed.")
	}
	tx := s.db.WriteTx()
	s.addKey(tx, text, providerID, now)
	if err := tx.Run(ctx); err != nil {
		return fault.Wrap(fault.Unavailable, err)
	}
	return nil
}

// addKey adds the rows of a key to a transaction.
func (s *Store) addKey(tx *dynamo.WriteTx, text, providerID string, now time.Time) Key {
	hash := hashOf(text)
	key := Key{ID: keyIDOf(hash), Issued: now.UTC()}
	tx.Put(s.table.Put(keyRow{
		PK: table.KeyPartition(hash), SK: table.KeySort, Form: form,
		Provider: providerID, Issued: key.Issued,
	}).If("attribute_not_exists(pk)"))
	tx.Put(s.table.Put(ownKeyRow{
		PK: table.ProviderPartition(providerID), SK: table.ProviderKeySort(key.ID), Form: form,
		Hash: hash, Issued: key.Issued,
	}).If("attribute_not_exists(pk)"))
	return key
}

// MaxOverlap is how long a key may live on beside its successor.
const MaxOverlap = 30 * 24 * time.Hour

// RotateKey draws a successor to a key, which lives on beside it for the overlap, so that the work provider can change
// over at any moment within it. A key that is dead, or about to be, is refused.
func (s *Store) RotateKey(ctx context.Context, providerID, keyID string, overlap time.Duration, now time.Time) (text string, key Key, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", Key{}, fault.Field("overlap", "The overlap must be 0 to 720 hours.")
	}
	own, err := s.ownKey(ctx, providerID, keyID)
	if err != nil {
		return "", Key{}, err
	}
	if !own.Revoked.IsZero() {
		return "", Key{}, fault.Field("key", "The key `"+keyID+"` was revoked or rotated already: issue another, or rotate its successor.")
	}
	text = mintKey(s.prefix)
	tx := s.db.WriteTx()
	key = s.addKey(tx, text, providerID, now)
	s.end(tx, own, now.Add(overlap))
	if err := tx.Run(ctx); err != nil {
		return "", Key{}, changedMeanwhile(err)
	}
	return text, key, nil
}

// RevokeKey makes a key stop working, within 60 seconds everywhere, even while it gives way to a successor. Revoking a dead
// one again changes nothing.
func (s *Store) RevokeKey(ctx context.Context, providerID, keyID string, now time.Time) error {
	own, err := s.ownKey(ctx, providerID, keyID)
	if err != nil || !live(own.Revoked, now) {
		return err
	}
	tx := s.db.WriteTx()
	s.end(tx, own, now)
	if err := tx.Run(ctx); err != nil {
		return changedMeanwhile(err)
	}
	return nil
}

// ownKey is the row of one of a work provider's keys.
func (s *Store) ownKey(ctx context.Context, providerID, keyID string) (ownKeyRow, error) {
	var own ownKeyRow
	found, err := s.get(ctx, table.ProviderPartition(providerID), table.ProviderKeySort(keyID), &own)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "The work provider `"+providerID+"` has no key `"+keyID+"`.")
	}
	return own, err
}

// end adds to a transaction the writes that let a key die at a time, on condition that its end is still what was read.
func (s *Store) end(tx *dynamo.WriteTx, own ownKeyRow, at time.Time) {
	for _, row := range []struct{ pk, sk string }{{table.KeyPartition(own.Hash), table.KeySort}, {own.PK, own.SK}} {
		update := s.table.Update(table.PK, row.pk).Range(table.SK, row.sk).Set("revoked", at.UTC()).If("attribute_exists(pk)")
		if own.Revoked.IsZero() {
			update.If("attribute_not_exists('revoked')")
		} else {
			update.If("'revoked' = ?", own.Revoked)
		}
		tx.Update(update)
	}
}

// changedMeanwhile is the fault of a change to a key that did not come about.
func changedMeanwhile(err error) error {
	f := fault.Wrap(fault.Unavailable, err)
	if dynamo.IsCondCheckFailed(err) {
		f.Detail = "Somebody else changed the key just now: look again."
	}
	return f
}

// Keys is every key a work provider was ever issued, the oldest first.
func (s *Store) Keys(ctx context.Context, providerID string) ([]Key, error) {
	if _, err := s.Get(ctx, providerID); err != nil {
		return nil, err
	}
	var rows []ownKeyRow
	err := s.table.Get(table.PK, table.ProviderPartition(providerID)).
		Range(table.SK, dynamo.BeginsWith, table.ProviderKeyPrefix).Consistent(true).All(ctx, &rows)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err)
	}
	keys := make([]Key, len(rows))
	for i, r := range rows {
		var found keyRow // knows when it was used; an operator can wait for one read a key
		if _, err := s.get(ctx, table.KeyPartition(r.Hash), table.KeySort, &found); err != nil {
			return nil, err
		}
		keys[i] = Key{ID: strings.TrimPrefix(r.SK, table.ProviderKeyPrefix), Issued: r.Issued, Revoked: r.Revoked, Used: found.Used}
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return a.Issued.Compare(b.Issued) })
	return keys, nil
}

func notFound(id string) error {
	return fault.New(fault.NotFound, "There is no work provider `"+id+"`.")
}
