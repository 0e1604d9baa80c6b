package timeline

import (
	"cmp"
	"context"
	"slices"
)

// AllDays are the days from the year 1 to the year 9999.
func AllDays() Days { return Days{firstDay, lastDay} }

// Told reads a customer's history at a work provider, and what the provider said of the customer on those days: the facts
// under the number, and those under each id while it was the customer's, by instant. Whether they count is another matter.
func Told(ctx context.Context, rows Rows, provider, customer string, of Days) (History, []Fact, error) {
	history, facts, err := rows.Person(ctx, provider, customer, of)
	if err != nil {
		return history, nil, err
	}
	if facts, err = underIDs(ctx, rows, provider, history, facts, of); err != nil {
		return history, nil, err
	}
	facts = slices.DeleteFunc(facts, func(f Fact) bool { return !history.mine(f) })
	slices.SortFunc(facts, func(a, b Fact) int {
		// LOGOUTs come first, as they do in the fold of two adjoining shifts.
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(b.Kind, a.Kind), compareNames(a.Name, b.Name))
	})
	return history, facts, nil
}

// Entries are the lines of the history, by instant.
func (h *History) Entries() []Entry { return slices.Clone(h.entries) }

// EverHeld are the workProviderUserIds that were the customer's at any time, each once.
func (h *History) EverHeld() []string {
	var ids []string
	for _, e := range h.entries {
		if e.Kind == Link && !slices.Contains(ids, e.UserID) {
			ids = append(ids, e.UserID)
		}
	}
	return ids
}

// Word is the kind of an entry, in the spelling of the API.
func (k EntryKind) Word() string {
	return [...]string{"", "CONSENT", "WITHDRAWAL", "LINK", "UNLINK", "MATCH", "NO_MATCH"}[k]
}
