package simulation

import (
	"context"
	"time"

	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// id is a workProviderUserId at a tenant.
type id struct{ tenant, userID string }

// change is what may happen to a person's history at once: in one transaction of the store.
type change struct {
	tenant, customer string
	consent          bool   // given, or
	withdrawal       bool   // taken back
	link             string // an id that becomes the customer's, whoever had it
	unlink           string // an id that becomes nobody's
	match            bool   // as the link flow, enrol and the webhook's reply do
}

// made is a change that was made.
type made struct {
	change
	at int64
}

// change makes a change as production does: a message that will fold the customers concerned is sent first, then the
// change is written, all at once. Whoever wanted it may try again if it failed, and does nothing if it is there.
func (w *world) change(c change) {
	w.start("history", func(p *process) {
		for range 3 {
			if p.backend.change(p, c) == nil || p.dead {
				return
			}
		}
	})
}

func (s simulated) change(p *process, c change) error {
	p.now++ // no two changes at one instant
	owned, _ := s.memory.Ownership(context.Background(), c.tenant, c.link+c.unlink)
	at := owned.NextInstant(time.UnixMicro(p.now)).UnixMicro()
	had := s.owner(id{c.tenant, c.link + c.unlink})
	guard := shift.NewRecomputeRequester(sender{p})
	concerned := map[string]int64{c.customer: secondOf(at)} // a consent counts from there on, and so does a link
	if had != "" && had != c.customer {
		concerned[had] = secondOf(at)
	}
	if c.link != "" { // its facts count from the consent on, but from 30 days before at the earliest
		for _, consent := range p.model.consents(c.tenant, c.customer) {
			concerned[c.customer] = min(concerned[c.customer], max(consent.from, at-30*day))
		}
	}
	if c.match { // facts have waited for it for 30 days at the most
		concerned[c.customer] = min(concerned[c.customer], at-30*day)
	}
	for _, customer := range sorted(concerned) {
		if err := guard(context.Background(), c.tenant, customer, time.UnixMicro(concerned[customer])); err != nil {
			return err
		}
	}
	return do(p, "changes the history of "+c.tenant+" "+c.customer, func() error {
		now, _ := s.memory.Ownership(context.Background(), c.tenant, c.link+c.unlink)
		if now.Owner != owned.Owner || now.ReleasedAt != owned.ReleasedAt {
			return errRefused // the condition of the transaction
		}
		s.write(c, at)
		return nil
	})
}

// write puts a change into the store, and into the model.
func (s simulated) write(c change, at int64) {
	note := func(what, customer, userID string) {
		s.model.note(entry{c.tenant, customer, what, userID, at})
		s.logf("                %s %s: %s %s at %s", c.tenant, customer, what, userID, clock(at))
	}
	stored := func(e timeline.Entry) {
		_, _ = s.memory.AddHistory(context.Background(), c.tenant, c.customer, []timeline.Entry{e})
	}
	s.changes = append(s.changes, made{c, at})
	t := time.UnixMicro(at)
	if c.consent {
		stored(timeline.ConsentGiven(t))
		note("consent", c.customer, "")
	}
	if c.withdrawal {
		stored(timeline.ConsentWithdrawn(t))
		note("withdrawal", c.customer, "")
	}
	if c.match {
		stored(timeline.Matched(t))
		note("match", c.customer, "")
	}
	if c.link != "" && s.owner(id{c.tenant, c.link}) != c.customer {
		s.memory.Link(c.tenant, c.link, c.customer, timeline.At(t))
		note("link", c.customer, c.link)
	}
	if had := s.owner(id{c.tenant, c.unlink}); c.unlink != "" && had != "" {
		s.memory.Unlink(c.tenant, c.unlink, timeline.At(t))
		note("unlink", had, c.unlink)
	}
	for _, userID := range []string{c.link, c.unlink} {
		if userID != "" {
			o, _ := s.memory.Ownership(context.Background(), c.tenant, userID)
			s.owners[id{c.tenant, userID}] = append(s.owners[id{c.tenant, userID}], o)
		}
	}
}
