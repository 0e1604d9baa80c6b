package timeline

import (
	"context"
	"slices"

	"zego.com/workprovider/pkg/person"
)

// CustomerEvent is an event, however often it was reported.
type CustomerEvent struct {
	Fact               // as it was first accepted, with the planned end that counts
	Voided     Instant // when it was first taken back; 0 if it was not
	VoidReason string  // why
}

// CustomerEvents reads a customer's history at a work provider, and what the provider said of the customer on those
// days: the events under the number, and those under each id while it was the customer's, in the order of a fold.
// Whether they count is another matter.
func CustomerEvents(
	ctx context.Context, storage Storage, provider, customer string, days Days,
) (History, []CustomerEvent, error) {
	history, facts, err := ownFacts(ctx, storage, provider, customer, days)
	if err != nil {
		return history, nil, err
	}
	events, err := customerEvents(ctx, storage, provider, facts, days)
	return history, events, err
}

// customerEvents puts facts together by event, and reads why any of them were taken back.
func customerEvents(
	ctx context.Context, storage Storage, provider string, facts []Fact, days Days,
) ([]CustomerEvent, error) {
	_, voids := splitVoids(facts)
	merged := mergeRepeats(facts)
	events := make([]CustomerEvent, len(merged))
	reasons := map[person.Name][]Void{}
	for i, f := range merged {
		events[i] = CustomerEvent{Fact: f, Voided: voidedAt(f, voids)}
		if events[i].Voided == 0 {
			continue
		}
		if _, known := reasons[f.Name]; !known {
			var err error
			if reasons[f.Name], err = storage.VoidReasons(ctx, provider, f.Name, days); err != nil {
				return nil, err
			}
		}
		for _, v := range reasons[f.Name] {
			if v.Fact.sameEvent(f) {
				events[i].VoidReason = v.Reason
			}
		}
	}
	return events, nil
}

// ownFacts reads a customer's history, and all facts of the days that are the customer's, in the order of a fold.
func ownFacts(ctx context.Context, storage Storage, provider, customer string, days Days) (History, []Fact, error) {
	history, facts, err := storage.HistoryAndFacts(ctx, provider, customer, days)
	if err != nil {
		return history, nil, err
	}
	if facts, err = appendFactsByUserID(ctx, storage, provider, history, facts, days); err != nil {
		return history, nil, err
	}
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return !history.ownsFact(f) })
	sortFacts(facts)
	return history, facts, nil
}

// readCustomer reads a customer's history and, unless no fact can count, the facts of the days under all names that are
// the customer's in them.
func readCustomer(ctx context.Context, storage Storage, provider, customer string, days Days) (History, []Fact, error) {
	history, facts, err := storage.HistoryAndFacts(ctx, provider, customer, days)
	if err != nil || !history.everCounts() {
		return history, nil, err
	}
	facts, err = appendFactsByUserID(ctx, storage, provider, history, facts, days)
	return history, facts, err
}

// appendFactsByUserID adds to a customer's facts those under every workProviderUserId that was the customer's in the
// days.
func appendFactsByUserID(
	ctx context.Context, storage Storage, provider string, history History, facts []Fact, days Days,
) ([]Fact, error) {
	for _, id := range history.userIDs(days.First.Start(), days.Last.End()) {
		more, err := storage.Facts(ctx, provider, userIDName(id), days)
		if err != nil {
			return nil, err
		}
		facts = append(facts, more...)
	}
	return facts, nil
}

// foldDays reads what the shifts named on these days are made of, and folds it.
func foldDays(ctx context.Context, storage Storage, provider, customer string, days Days) (foldResult, error) {
	history, facts, err := readCustomer(ctx, storage, provider, customer, days.factDays())
	if err != nil {
		return foldResult{}, err
	}
	result := fold(facts, history)
	result.customer = customer
	result.days = days
	return result, nil
}
