package timeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/person"
)

func findShift(t *testing.T, m *Memory, login Fact, now Instant) (FoundShift, bool) {
	t.Helper()
	found, ok, err := FindShift(t.Context(), m, "courier-ltd", login, now)
	if err != nil {
		t.Fatal(err)
	}
	return found, ok
}

func consented(t *testing.T, m *Memory, customer string, now Instant) ConsentedCustomer {
	t.Helper()
	c, ok, err := FindConsented(t.Context(), m, "courier-ltd", customerName(customer), now)
	if err != nil || !ok {
		t.Fatalf("%s is no customer who consents: %v", customer, err)
	}
	return c
}

// list returns all pages of a list.
func list(t *testing.T, m *Memory, c ConsentedCustomer, q ListQuery) []Shift {
	t.Helper()
	var shifts []Shift
	for more := true; more; {
		var page []ListedShift
		var err error
		if page, more, err = c.List(t.Context(), m, q); err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			shifts = append(shifts, s.Shift)
		}
		if more {
			last := page[len(page)-1]
			q.From = last.Start
			q.After = &Position{last.Start, last.Login}
		}
	}
	return shifts
}

// TestFindShift: the shift that a LOGIN names, the one that holds it, and the one that it continues once the cut has
// come.
func TestFindShift(t *testing.T) {
	const cut = 14 * 60
	again := in(0)
	again.Accepted = minute(30)
	planned := in(0)
	planned.PlannedEnd = minute(500)
	planned.Accepted = minute(20)
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{
		in(0), again, planned, in(60), under("12345", in(490)), out(cut + 490 - 30), in(4000), in(5000), out(4500),
	}})
	for name, c := range map[string]struct {
		login      Fact
		now        int
		start, end int
		names      int // the LOGIN that names it
	}{
		"names it":                   {in(0), 3000, 0, cut, 0},
		"is held by it":              {in(60), 3000, 0, cut, 0},
		"continues it, before":       {under("12345", in(490)), cut - 1, 0, cut, 0},
		"continues it, at the cut":   {under("12345", in(490)), cut, cut, cut + 490 - 30, 490},
		"continues it, after":        {under("12345", in(490)), 3000, cut, cut + 490 - 30, 490},
		"names another":              {in(4000), 6000, 4000, 4500, 4000},
		"ahead of the clock":         {in(5000), 4990, 5000, 5000 + cut, 5000},
		"sent again, with other end": {planned, 3000, 0, cut, 0},
	} {
		found, ok := findShift(t, m, c.login, minute(c.now))
		if !ok || found.Start != minute(c.start) || found.End != minute(c.end) || found.Shift.Login != minute(c.names) {
			t.Errorf("%s: %v %+v", name, ok, found)
		}
		if found.Customer.Number != "ABC123" {
			t.Errorf("%s: it is of %q", name, found.Customer.Number)
		}
	}
	found, _ := findShift(t, m, in(0), minute(3000))
	if want := in(0).until(500).acceptedAt(30); found.Login != want {
		t.Errorf("the LOGIN is %v, want %v", found.Login, want)
	}
	if found.CoverEnd != minute(cut+490-30) || found.CoverEndedBy != EndLogout {
		t.Errorf("its cover ends at %v (%v)", found.CoverEnd.Time(), found.CoverEndedBy)
	}
	for name, f := range map[string]Fact{
		"a LOGIN that was never sent": in(61), "one under another id": under("67890", in(60)),
		"one before the consent": in(-5001), "another kind's instant": in(4500),
	} {
		if found, ok := findShift(t, m, f, minute(3000)); ok {
			t.Errorf("%s finds %v", name, found)
		}
	}
}

// TestFindShiftForever: a shift whose LOGIN came under an id that was unlinked or moved since is found by it like any
// other, while its customer shares.
func TestFindShiftForever(t *testing.T) {
	login := under("12345", in(0))
	for name, change := range map[string]func(m *Memory){
		"unlinked": func(m *Memory) { m.Unlink("courier-ltd", "12345", minute(60)) },
		"moved":    func(m *Memory) { m.Link("courier-ltd", "12345", "ABC12", minute(60)) },
		"moved, moved and unlinked": func(m *Memory) {
			m.Link("courier-ltd", "12345", "ABC12", minute(60))
			m.Link("courier-ltd", "12345", "ABC123", minute(70))
			m.Unlink("courier-ltd", "12345", minute(80))
		},
	} {
		m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{login}})
		m.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-5000)})
		m.append("courier-ltd", "ABC12", Entry{Kind: Match, At: minute(-5000)})
		change(m)
		// A LOGOUT under the id is the next customer's matter; one under the number closes the shift.
		facts := []Fact{under("12345", out(100)), out(120)}
		changes := MessageChanges{Provider: "courier-ltd", Facts: facts}
		if r := NewApplier(m, 1).Apply(t.Context(), []MessageChanges{changes}, minute(200))[0]; r.Err != nil {
			t.Fatal(r.Err)
		}
		found, ok := findShift(t, m, login, minute(200))
		if !ok || found.Customer.Number != "ABC123" || found.End != minute(120) || found.Name != login.Name {
			t.Errorf("%s: %v %+v", name, ok, found)
		}
		shifts := list(
			t,
			m,
			consented(t, m, "ABC123", minute(200)),
			ListQuery{From: minute(-10), To: Never, Count: 10, Now: minute(200)},
		)
		if !slices.Equal(shifts, []Shift{found.Shift}) {
			t.Errorf("%s: listed are %v", name, shifts)
		}
		m.append("courier-ltd", "ABC123", Entry{Kind: Withdrawal, At: minute(150)})
		if found, ok := findShift(t, m, login, minute(149)); !ok {
			t.Errorf("%s: not found before the withdrawal: %v", name, found)
		}
		if found, ok := findShift(t, m, login, minute(150)); ok {
			t.Errorf("%s: found after the withdrawal: %v", name, found)
		}
		if _, ok, err := FindConsented(t.Context(), m, "courier-ltd", courier, minute(150)); ok || err != nil {
			t.Errorf("%s: consented after the withdrawal (%v)", name, err)
		}
		outcomes, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", []Fact{login}, minute(150))
		if want := (Outcome{State: Applied, Effect: OpenedShift}); err != nil || outcomes[0] != want {
			t.Errorf("%s: the event is %v after the withdrawal (%v)", name, outcomes, err)
		}
		m.append("courier-ltd", "ABC123", Entry{Kind: Consent, At: minute(160)})
		if found, ok := findShift(t, m, login, minute(170)); !ok || found.End != minute(120) {
			t.Errorf("%s: not found under the next consent: %v", name, found)
		}
	}
}

// TestReadWithoutMatch: reading needs the consent alone.
func TestReadWithoutMatch(t *testing.T) {
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{in(0), out(60)}})
	m.append("courier-ltd", "ABC123", Entry{Kind: NoMatch, At: minute(100)})
	if _, ok := findShift(t, m, in(0), minute(200)); !ok {
		t.Error("not found by its id")
	}
	q := ListQuery{From: minute(0), To: Never, Count: 10, Now: minute(200)}
	if shifts := list(t, m, consented(t, m, "ABC123", minute(200)), q); len(shifts) != 1 {
		t.Errorf("listed are %v", shifts)
	}
}

// TestListBounds: `from` is included, `to` is not; both are held against the start, that of a continued shift, too,
// which is not listed before it has begun.
func TestListBounds(t *testing.T) {
	const cut = 14 * 60
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: []Fact{
		in(800), in(1400), out(800 + cut + 60), in(3000), out(3060), in(4000),
	}})
	c := consented(t, m, "ABC123", minute(4500))
	starts := []int{800, 800 + cut, 3000, 4000} // the second is named by the LOGIN of the day before
	for _, q := range []struct {
		from, to, now int
		want          []int
	}{
		{0, 5000, 4500, starts},
		{800, 4000, 4500, starts[:3]},
		{801, 4001, 4500, starts[1:]},
		{800 + cut, 5000, 4500, starts[1:]},
		{800 + cut + 1, 5000, 4500, starts[2:]},
		{0, 800 + cut, 4500, starts[:1]},
		{0, 800 + cut + 1, 4500, starts[:2]},
		{0, 5000, 800 + cut - 1, []int{800, 3000, 4000}}, // a LOGIN ahead of the clock opens its shift at once
		{0, 5000, 800 + cut, starts},
		{3001, 4000, 4500, nil},
		{4000, 4000, 4500, nil},
	} {
		query := ListQuery{From: minute(q.from), To: minute(q.to), Count: 10, Now: minute(q.now)}
		var got []int
		for _, s := range list(t, m, c, query) {
			got = append(got, int(minutesOf(s.Start)))
		}
		if !slices.Equal(got, q.want) {
			t.Errorf("[%d, %d) at %d: %v, want %v", q.from, q.to, q.now, got, q.want)
		}
	}
	page, more, err := c.List(t.Context(), m, ListQuery{From: minute(0), To: Never, Count: 4, Now: minute(4500)})
	if err != nil || len(page) != 4 || more {
		t.Errorf("a page that holds them all: %d, more: %v (%v)", len(page), more, err)
	}
	for _, s := range page {
		if s.Revision != 1 {
			t.Errorf("the revision of %v is %d", s.Shift, s.Revision)
		}
	}
	if _, err := m.AddFacts(t.Context(), "courier-ltd", courier, minute(9000).Day(), []Fact{in(9000)}); err != nil {
		t.Fatal(err)
	}
	page, _, err = c.List(t.Context(), m, ListQuery{From: minute(9000), To: Never, Count: 4, Now: minute(9001)})
	if err != nil || len(page) != 1 || page[0].Revision != 0 {
		t.Errorf("before its record is written: %v (%v)", page, err)
	}
}

// TestLateLoginBetweenPages is the case of the issue: of 150 shifts the first page is read, then a LOGIN comes two
// minutes before the 101st: that is on the second page, with its new start.
func TestLateLoginBetweenPages(t *testing.T) {
	var facts []Fact
	for i := range 150 {
		facts = append(facts, in(60*i), out(60*i+20))
	}
	m := knownCustomer(t, MessageChanges{Provider: "courier-ltd", Facts: facts})
	now := minute(60 * 151)
	c := consented(t, m, "ABC123", now)
	q := ListQuery{From: minute(0), To: Never, Count: 100, Now: now}
	first, more, err := c.List(t.Context(), m, q)
	if err != nil || len(first) != 100 || !more {
		t.Fatalf("page 1 has %d, more: %v (%v)", len(first), more, err)
	}
	late := in(60*100 - 2)
	if _, err := m.AddFacts(t.Context(), "courier-ltd", courier, late.At.Day(), []Fact{late}); err != nil {
		t.Fatal(err)
	}
	last := first[99]
	q.From = last.Start
	q.After = &Position{last.Start, last.Login}
	second, more, err := c.List(t.Context(), m, q)
	if err != nil || len(second) != 50 || more || second[0].Start != late.At || second[1].Start != minute(60*101) {
		t.Errorf("page 2 has %d, from %v on, more: %v (%v)", len(second), second[0], more, err)
	}
}

// TestPagingComplete: whatever comes between the pages of a list of some 250 shifts, a shift that stays
// as it was is on exactly one page, no id is on two, and the order is that of the starts.
func TestPagingComplete(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 3))
		some := func(n int) []Fact {
			facts := drawFacts(random, n, func() int { return random.IntN(14 * 1440) })
			for i := range facts {
				if random.IntN(3) == 0 {
					facts[i] = under("12345", facts[i])
				}
			}
			return facts
		}
		m := knownCustomer(t)
		m.addAll("courier-ltd", some(400))
		now := minute(random.IntN(15 * 1440))
		c := consented(t, m, "ABC123", now)
		q := ListQuery{From: minute(random.IntN(1440)), To: minute(13 * 1440), Count: 1 + random.IntN(100), Now: now}
		if random.IntN(4) == 0 {
			q.To = Never
		}
		whole := q
		current := func() []Shift {
			result, err := foldDays(t.Context(), m, "courier-ltd", "ABC123", AllDays())
			if err != nil {
				t.Fatal(err)
			}
			return slices.DeleteFunc(result.shifts, func(s Shift) bool { return !whole.includes(s) })
		}
		unchanged := current()
		var listed []ListedShift
		for more := true; more; {
			snapshot := current()
			unchanged = slices.DeleteFunc(unchanged, func(s Shift) bool { return !slices.Contains(snapshot, s) })
			var page []ListedShift
			var err error
			if page, more, err = c.List(t.Context(), m, q); err != nil || len(page) > q.Count || more && len(page) < q.Count {
				t.Fatalf("seed %d: a page of %d has %d, more: %v (%v)", seed, q.Count, len(page), more, err)
			}
			listed = append(listed, page...)
			if more {
				last := page[len(page)-1]
				q.From = last.Start
				q.After = &Position{last.Start, last.Login}
				m.addAll("courier-ltd", some(random.IntN(5)))
			}
		}
		if len(unchanged) < 20 {
			t.Errorf("seed %d: only %d shifts stayed as they were", seed, len(unchanged))
		}
		for _, s := range unchanged {
			if !slices.ContainsFunc(listed, func(l ListedShift) bool { return l.Shift == s }) {
				t.Errorf("seed %d: %v is on no page", seed, s)
			}
		}
		for i := range listed[1:] {
			if listed[i+1].Start <= listed[i].Start || listed[i+1].Login <= listed[i].Login {
				t.Errorf("seed %d: %v comes after %v", seed, listed[i+1], listed[i])
			}
		}
	}
}

// TestReaders: whatever was sent under the names of two customers, whose id may move, and whenever it is asked:
// the outcome of every event, the shift found by every LOGIN, the lists and the records tell the same shifts.
func TestReaders(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		m := knownCustomer(t)
		numbers := []string{"ABC123", "ABC12"}
		m.append("courier-ltd", "ABC12", Entry{Kind: Consent, At: minute(-5000)})
		m.append("courier-ltd", "ABC12", Entry{Kind: Match, At: minute(-5000)})
		changes := rapid.SliceOfN(rapid.IntRange(0, 4000), 0, 3).Draw(r, "changes of the id")
		slices.Sort(changes)
		for _, at := range slices.Compact(changes) {
			if to := rapid.SampledFrom([]string{"", "ABC123", "ABC12"}).Draw(r, "to"); to == "" {
				m.Unlink("courier-ltd", "12345", minute(at))
			} else if m.partition("courier-ltd", userIDName("12345")).owner.Owner != to {
				m.Link("courier-ltd", "12345", to, minute(at))
			}
		}
		if rapid.Bool().Draw(r, "not matched for a while") {
			m.append("courier-ltd", "ABC123", Entry{Kind: NoMatch, At: minute(1000)})
		}
		facts := someFacts(r)
		for i := range facts {
			name := rapid.SampledFrom([]person.Name{courier, userIDName("12345"), customerName("ABC12")})
			facts[i].Name = name.Draw(r, "name")
		}
		now := minute(rapid.IntRange(0, 6000).Draw(r, "now"))
		message := MessageChanges{Provider: "courier-ltd", Facts: facts}
		if result := NewApplier(m, 1).Apply(t.Context(), []MessageChanges{message}, now)[0]; result.Err != nil {
			r.Fatal(result.Err)
		}

		lists := map[string][]Shift{}
		for _, number := range numbers {
			q := ListQuery{From: minute(-10_000), To: minute(10_000), Count: 5, Now: now}
			lists[number] = list(t, m, consented(t, m, number, now), q)
			records, _ := m.Records(t.Context(), "courier-ltd", number, AllDays())
			var recorded []Shift
			for _, record := range records {
				recorded = append(recorded, record.Shifts...)
			}
			recorded = slices.DeleteFunc(recorded, func(s Shift) bool { return !s.Begun(now) })
			if !slices.Equal(recorded, lists[number]) {
				r.Fatalf("%s: records %v, list %v", number, recorded, lists[number])
			}
			for _, s := range lists[number] {
				found, ok := findShift(t, m, Fact{Name: s.Name, Kind: Login, At: s.Login, PlannedEnd: Never}, now)
				if !ok || found.Shift != s || found.Customer.Number != number {
					r.Fatalf("%s: listed is %v, by its id is found %+v", number, s, found)
				}
			}
		}
		outcomes, err := NewOutcomeReader(m, 1).Outcomes(t.Context(), "courier-ltd", facts, now)
		if err != nil {
			r.Fatal(err)
		}
		for i, f := range facts {
			o := outcomes[i]
			listed := slices.ContainsFunc(numbers, func(n string) bool { return slices.Contains(lists[n], o.Shift) })
			if o.State == Applied && !listed {
				r.Fatalf("%v is %v, and its shift is in no list: %v", f, o, lists)
			}
			if f.Kind == Logout {
				// One ahead of the clock may close a shift that has not begun; the one before it stands for that.
				if o.Effect == ClosedShift && f.At <= now && (o.Shift.End != f.At || o.Shift.EndedBy != EndLogout) {
					r.Fatalf("%v closed %v", f, o.Shift)
				}
				continue
			}
			found, ok := findShift(t, m, f, now)
			counts := o.State == Applied || o.State == NoEffect
			switch {
			case ok != counts:
				r.Fatalf("%v is %v, found: %v", f, o, ok)
			case !ok:
			case o.State == Applied && (found.Shift != o.Shift || found.Shift.Login != f.At):
				r.Fatalf("%v is %v, found is %+v", f, o, found)
			case o.State == NoEffect && f.At <= now && (f.At < found.Start || f.At >= found.End):
				r.Fatalf("%v is %v, found is %+v", f, o, found)
			case !slices.Contains(lists[found.Customer.Number], found.Shift):
				r.Fatalf("%v finds %+v, which is in no list: %v", f, found, lists)
			}
			if ok {
				whole, _ := foldDays(t.Context(), m, "courier-ltd", found.Customer.Number, AllDays())
				end, _ := whole.coverEnd(slices.Index(whole.shifts, found.Shift))
				if limit := f.At.Add(MaxShift); min(found.CoverEnd, limit) != min(end, limit) {
					r.Fatalf("the cover of %v ends at %v, want %v", f, found.CoverEnd.Time(), end.Time())
				}
			}
		}
	})
}

// TestFindConsented: an id that is no customer's, a number that is unknown and a customer who does not share look
// alike.
func TestFindConsented(t *testing.T) {
	m := knownCustomer(t)
	for _, c := range []struct {
		name person.Name
		now  int
		want string
	}{
		{courier, 0, "ABC123"}, {userIDName("12345"), 0, "ABC123"}, {userIDName("1686"), 0, ""},
		{customerName("NOBODY"), 0, ""}, {userIDName("ABC123"), 0, ""}, {courier, -5001, ""},
		{userIDName("12345"), -5001, ""}, {courier, -5000, "ABC123"},
	} {
		got, ok, err := FindConsented(t.Context(), m, "courier-ltd", c.name, minute(c.now))
		if err != nil || ok != (c.want != "") || got.Number != c.want {
			t.Errorf("%v at %d: %+v, %v", c.name, c.now, got, err)
		}
		if !ok && fmt.Sprint(got) != fmt.Sprint(ConsentedCustomer{}) {
			t.Errorf("%v at %d: %+v of a customer who is not found", c.name, c.now, got)
		}
	}
	if _, ok, _ := FindConsented(t.Context(), m, "parcels-co", courier, minute(0)); ok {
		t.Error("a customer of another work provider is found")
	}
	month := 31 * 24 * time.Hour
	if c, ok, _ := FindConsented(t.Context(), m, "courier-ltd", courier, minute(0).Add(month)); !ok ||
		c.History.IsEmpty() {
		t.Error("the history is not read")
	}
}
