package timeline

import (
	"context"
	"errors"
	"time"

	"zego.com/workprovider/pkg/person"
)

// MaxFactsPerDay is how many facts one name may have on one UTC day (rule 9): a heartbeat a minute fits. The same
// number of entries fits a month of a history.
const MaxFactsPerDay = 2000

// ErrConflict is met when a record is written whose version is no longer the one read.
var ErrConflict = errors.New("timeline: the record was written by somebody else meanwhile")

// Ownership tells whose a workProviderUserId is at a work provider.
type Ownership struct {
	// Owner is the customer number it stands for now; empty while it is nobody's.
	Owner string
	// Ever are all customers who had it at some time: those whom a fact under it may concern.
	Ever []string
	// Freed is the instant at which it last ceased to be somebody's.
	Freed Instant
	// version is that of the row read; 0 if there is none.
	version int64
}

// FreedAt is the ownership as it is once the id has ceased to be anybody's at that instant.
func (o Ownership) FreedAt(at time.Time) Ownership {
	o.Owner, o.Freed = "", At(at)
	return o
}

// After is now or, if the id was freed at a later instant by another clock, just after that.
func (o Ownership) After(now time.Time) time.Time {
	return max(At(now), o.Freed+1).Time()
}

// Rows is what the processing of facts asks of the storage. It is a seam: the rows stand in DynamoDB, or in memory, where
// simulations put faults between. Reads see every write answered before they began, but for Owner's hint.
type Rows interface {
	// Union adds facts to the set of one name's day. It answers those for which the day had no room (rule 9).
	Union(ctx context.Context, provider string, name person.Name, day Day, facts []Fact) (refused []Fact, err error)
	// Append adds entries of one UTC month to a customer's history. It answers those for which the month had no room.
	Append(ctx context.Context, provider, customer string, entries []Entry) (refused []Entry, err error)
	// Ownership tells whose the id is. A hint is cheaper and may be some time old.
	Ownership(ctx context.Context, provider, userID string, hint bool) (Ownership, error)
	// Records reads the shift records of the days that have one, in order.
	Records(ctx context.Context, provider, customer string, of Days) ([]Record, error)
	// Person reads a customer's history, and the facts under the customer number of the days.
	Person(ctx context.Context, provider, customer string, of Days) (History, []Fact, error)
	// Facts reads the facts under a name of the days.
	Facts(ctx context.Context, provider string, name person.Name, of Days) ([]Fact, error)
	// PutPart stores which facts a part of a batch asked for.
	PutPart(ctx context.Context, provider string, part Part) error
	// Parts reads the parts of a batch that are stored, in order.
	Parts(ctx context.Context, provider, batch string) ([]Part, error)
	// Write stores a record, on condition that the version before it is the one stored; else ErrConflict.
	Write(ctx context.Context, provider, customer string, record Record) error
}
