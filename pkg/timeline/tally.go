package timeline

import (
	"slices"

	"zego.com/workprovider/pkg/person"
)

// Tally counts facts by what became of them when they were applied, which is what their outcomes were at that moment: a
// fact that comes later can change it.
type Tally struct {
	Applied   int
	NoEffect  int
	Unmatched int // that do not count unless their person is matched, or was not in time
	Rejected  int
}

// story is what became of a person's moments in a fold.
type story struct {
	moments []moment
	tales   []told
}

// of is what a fact that counts did, and to which of the fold's shifts; false if the fold did not look at its moment.
func (s story) of(f Fact) (effect Effect, shift int, ok bool) {
	i, ok := slices.BinarySearchFunc(s.moments, f.At, moment.compare)
	switch {
	case !ok:
		return 0, 0, false
	case f.Kind == Logout:
		return s.tales[i].logout, s.tales[i].logoutShift, true
	default:
		return s.tales[i].login, s.tales[i].loginShift, true
	}
}

// effect is that of a fact that counts. A moment that no fold had to look at is one of LOGOUTs far from any shift.
func (s story) effect(f Fact) Effect {
	if effect, _, ok := s.of(f); ok {
		return effect
	}
	return LogoutWithoutLogin
}

// refusal is a fact that found no room.
type refusal struct {
	provider string
	Fact
}

func (b *batch) refuse(provider string, facts []Fact) {
	if len(facts) == 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, f := range facts {
		b.refused = append(b.refused, refusal{provider, f})
	}
}

// tally counts what became of the facts of each message that is done. All of it was read for the folds.
func (b *batch) tally(messages []Changes) {
	under := b.under
	for i, m := range messages {
		names := under[:len(m.Facts)]
		under = under[len(m.Facts):]
		if b.results[i].Err != nil {
			continue
		}
		t := &b.results[i].Tally
		for j, f := range m.Facts {
			switch effect := b.effect(names[j], f); effect {
			case OpenedShift, ClosedShift:
				t.Applied++
			case AlreadyOpen, LogoutWithoutLogin:
				t.NoEffect++
			case Unmatched:
				t.Unmatched++
			default:
				t.Rejected++
			}
		}
	}
}

// effect is what a fact under a name did, or why it does not count.
func (b *batch) effect(n *named, f Fact) Effect {
	if slices.Contains(b.refused, refusal{n.provider, f}) {
		return TooManyFacts
	}
	owner := n.subject
	if n.name.Kind == person.UserID {
		for _, customer := range n.hint.Ever {
			if s := b.subject(n.provider, customer); s.history.Counts(f) {
				return s.story.effect(f)
			}
		}
		owner = b.subject(n.provider, n.hint.Owner)
	} else if owner.history.Counts(f) {
		return owner.story.effect(f)
	}
	if owner != nil && owner.history.beforeConsent(f.At) {
		return BeforeConsent
	}
	return Unmatched
}
