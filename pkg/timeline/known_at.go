package timeline

import (
	"context"
	"slices"

	"zego.com/workprovider/pkg/person"
)

// knownAt is a storage as it was known at an instant.
type knownAt struct {
	Storage
	at Instant
}

// KnownAt returns what storage would have shown at an instant (rule 12): the events and voids that were accepted by
// then, whether they had been applied or not, and the histories that were recorded by then. With the clock at that
// instant, whatever is read and folded from it is what would have been answered. It is for reading. Records are not
// kept of the past, so it has none.
func KnownAt(storage Storage, at Instant) Storage { return knownAt{storage, at} }

// KnownAt returns the history as it was recorded by an instant.
func (h *History) KnownAt(at Instant) History {
	known := slices.DeleteFunc(h.Entries(), func(e Entry) bool { return e.At > at })
	return NewHistory(known)
}

// factsKnownAt returns the facts that were accepted by an instant.
func factsKnownAt(facts []Fact, at Instant) []Fact {
	return slices.DeleteFunc(facts, func(f Fact) bool { return f.acceptance() > at })
}

// HistoryAndFacts implements Storage.
func (k knownAt) HistoryAndFacts(
	ctx context.Context, provider, customer string, days Days,
) (History, []Fact, error) {
	history, facts, err := k.Storage.HistoryAndFacts(ctx, provider, customer, days)
	return history.KnownAt(k.at), factsKnownAt(facts, k.at), err
}

// Facts implements Storage.
func (k knownAt) Facts(ctx context.Context, provider string, name person.Name, days Days) ([]Fact, error) {
	facts, err := k.Storage.Facts(ctx, provider, name, days)
	return factsKnownAt(facts, k.at), err
}

// VoidReasons implements Storage.
func (k knownAt) VoidReasons(ctx context.Context, provider string, name person.Name, days Days) ([]Void, error) {
	voids, err := k.Storage.VoidReasons(ctx, provider, name, days)
	return slices.DeleteFunc(voids, func(v Void) bool { return v.Fact.Accepted > k.at }), err
}

// Ownership implements Storage. The customers are those who ever had the id, also later: whether a fact under it is
// theirs is what their histories tell.
func (k knownAt) Ownership(ctx context.Context, provider, userID string) (Ownership, error) {
	o, err := k.Storage.Ownership(ctx, provider, userID)
	if err != nil {
		return o, err
	}
	o.Owner = ""
	today := k.at.Day()
	for _, customer := range o.Customers {
		history, _, err := k.HistoryAndFacts(ctx, provider, customer, Days{today, today})
		if err != nil {
			return o, err
		}
		if history.ownsUserID(userID) {
			o.Owner = customer
		}
	}
	return o, nil
}

// OwnershipHint implements Storage.
func (k knownAt) OwnershipHint(ctx context.Context, provider, userID string) (Ownership, error) {
	return k.Ownership(ctx, provider, userID)
}

// Records implements Storage.
func (k knownAt) Records(context.Context, string, string, Days) ([]Record, error) { return nil, nil }
