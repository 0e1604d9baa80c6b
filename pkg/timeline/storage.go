package timeline

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/person"
)

// Ownership tells whose a workProviderUserId is at a work provider.
type Ownership struct {
	// Owner is the customer number it stands for now; empty while it is no customer's.
	Owner string
	// Customers are all customers who had it at some time: those whom a fact under it may concern.
	Customers []string
	// ReleasedAt is the instant at which it last ceased to be a customer's.
	ReleasedAt Instant
	// version is that of the item read; 0 if there is none.
	version int64
}

// Released returns the ownership as it is once the id has ceased to be any customer's at that instant.
func (o Ownership) Released(at time.Time) Ownership {
	o.Owner = ""
	o.ReleasedAt = At(at)
	return o
}

// movesAt returns the instant from which facts under the id are the next customer's if it moves at that instant.
func (o Ownership) movesAt(at Instant) Instant { return max(at.second(), o.ReleasedAt) }

// NextInstant returns now or, if the id was released at a later instant by another clock, just after that.
func (o Ownership) NextInstant(now time.Time) time.Time {
	return max(At(now), o.ReleasedAt+1).Time()
}

// Storage is what the processing of facts asks of the storage. It is a seam: the items stand in DynamoDB, or in memory,
// where simulations put faults between. Reads see every write answered before they began, but for OwnershipHint.
type Storage interface {
	// AddFacts adds facts to the set of one name's day. It returns those for which the day had no room (rule 9).
	AddFacts(ctx context.Context, provider string, name person.Name, day Day, facts []Fact) (overflow []Fact, err error)
	// AddFactIf adds a fact, on condition that the sets of its name on those days hold what was read of them; else
	// table.ErrConflict. It reports whether the fact's day had no room.
	AddFactIf(ctx context.Context, provider string, fact Fact, days Days, read []Fact) (overflow bool, err error)
	// PutVoidReason stores why an event was taken back. Of several reasons that of the first void is kept.
	PutVoidReason(ctx context.Context, provider string, void Void) error
	// VoidReasons reads why events under a name were taken back that are of the days, in their order.
	VoidReasons(ctx context.Context, provider string, name person.Name, days Days) ([]Void, error)
	// AddHistory adds entries of one UTC month to a customer's history. It returns those for which the month had no room.
	AddHistory(ctx context.Context, provider, customer string, entries []Entry) (overflow []Entry, err error)
	// Ownership tells whose the id is.
	Ownership(ctx context.Context, provider, userID string) (Ownership, error)
	// OwnershipHint tells whose the id was a moment ago. It is cheaper.
	OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error)
	// Records reads the shift records of the days that have one, in order.
	Records(ctx context.Context, provider, customer string, days Days) ([]Record, error)
	// PutRecord stores a record, on condition that the version before it is the one stored; else
	// table.ErrConflict.
	PutRecord(ctx context.Context, provider, customer string, record Record) error
	// HistoryAndFacts reads a customer's history, and the facts under the customer number of the days.
	HistoryAndFacts(ctx context.Context, provider, customer string, days Days) (History, []Fact, error)
	// Facts reads the facts under a name of the days.
	Facts(ctx context.Context, provider string, name person.Name, days Days) ([]Fact, error)
	// PutBatchPart stores which facts a part of a batch asked for.
	PutBatchPart(ctx context.Context, provider string, part BatchPart) error
	// BatchParts reads the parts of a batch whose offsets lie between these, which are included, in order.
	BatchParts(ctx context.Context, provider, batch string, first, last int) ([]BatchPart, error)
	// PutBatchTally stores what became of a part of a batch when it was applied.
	PutBatchTally(ctx context.Context, provider, batch string, tally BatchTally) error
	// BatchTallies reads the tallies of a batch that are stored, in order.
	BatchTallies(ctx context.Context, provider, batch string) ([]BatchTally, error)
}

// partitionKey is a name at a work provider, by which all that is stored stands together.
type partitionKey struct {
	provider string
	name     person.Name
}

// customerName returns a customer number as a name.
func customerName(customer string) person.Name {
	return person.Name{Kind: person.CustomerNumber, Value: customer}
}

// userIDName returns a workProviderUserId as a name.
func userIDName(userID string) person.Name {
	return person.Name{Kind: person.UserID, Value: userID}
}
