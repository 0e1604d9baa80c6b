package main

// mutation is a fault: a line, and what it is replaced by.
type mutation struct {
	promise int    // that the line keeps
	what    string // the fault does
	file    string
	old     string // stands in the file once
	new     string
	test    string // that must fail: its folder, its name, and flags
}

// The tests that kill most faults.
const (
	simulation = "internal/simulation TestSimulation"
	inSmall    = "pkg/timeline TestRecordsMatchFold"
	fourDays   = "pkg/timeline TestFourDayWindow"
	reach      = "pkg/timeline TestChangeWindow"
	limits     = "pkg/timeline TestFoldBoundaries"
	byCases    = "pkg/timeline TestWorkedCases"
	byModel    = "pkg/timeline TestFoldMatchesModel"
)

// faults are the lines that the promises rest on. docs/reliability.md tells them in words.
var faults = []mutation{
	{
		1, "a malformed message is thrown away", "pkg/shift/processor.go",
		`err := letters.Archive(ctx, letter); err != nil`, `err := error(nil); err != nil || letter.Reason == ""`,
		simulation,
	},
	{
		1, "a message whose letter cannot be archived is acknowledged", "pkg/shift/processor.go",
		`retryLater(m, err)`, `_ = err`,
		simulation,
	},
	{
		1, "a message that failed is acknowledged", "pkg/shift/processor.go",
		`retryLater(r.message, result.Err, logAttrs(r.changes)...)`, `_ = r`,
		simulation,
	},
	{
		1, "a fact that was not stored is taken for stored", "pkg/timeline/apply.go",
		`d.overflow, d.err = b.storage.AddFacts(`, `d.overflow, _ = b.storage.AddFacts(`,
		simulation,
	},
	{
		1, "a dead letter's bytes are tidied", "pkg/deadletter/deadletter.go",
		`Body:       []byte(m.Body),`, `Body:       []byte(strconv.Quote(m.Body)),`,
		"pkg/deadletter TestLetterBytes",
	},
	{
		1, "a letter archived again takes the place of the first", "pkg/deadletter/deadletter.go",
		`}).If("attribute_not_exists(pk)").Run(ctx)`, `}).Run(ctx)`,
		"pkg/deadletter TestArchiveTwice",
	},
	{
		2, "facts are folded in the order of their coming", "pkg/timeline/fold.go",
		`slices.SortFunc(facts, func(a, b Fact) int { return cmp.Compare(a.At, b.At) })`, `_ = slices.Compact[[]int]`,
		byCases,
	},
	{
		2, "entries of a history are read in the order of their coming", "pkg/timeline/history.go",
		`return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.UserID, b.UserID),
			cmp.Compare(a.FreeSince, b.FreeSince))`, `return cmp.Compare(0, 0)`,
		simulation,
	},
	{
		2, "of two planned ends the one read last counts", "pkg/timeline/fold.go",
		`if p.planned == Never || later > 0 {`, `if p.planned == Never || later != 2 {`,
		"pkg/timeline TestLastAcceptedPlan",
	},
	{
		2, "of two planned ends the later end counts", "pkg/timeline/fold.go",
		`later := cmp.Or(cmp.Compare(f.acceptance(), p.planAccepted), cmp.Compare(f.PlannedEnd, p.planned))`,
		`later := cmp.Compare(f.PlannedEnd, p.planned)`,
		byCases,
	},
	{
		2, "a LOGIN without a planned end lifts that of its instant", "pkg/timeline/fold.go",
		`	if f.PlannedEnd == Never {
		return
	}`, ``,
		"pkg/timeline TestLastAcceptedPlan",
	},
	{
		3, "a set takes the place of the one before", "pkg/timeline/dynamo.go",
		`Add("s", elements).Set(table.VersionAttr, setVersion).
		If(`, `Set("s", elements).Set(table.VersionAttr, setVersion).
		If(`,
		"pkg/timeline TestStoreMatchesMemory",
	},
	{
		3, "a LOGIN while a shift is open opens another", "pkg/timeline/fold.go",
		`if !f.open || isCut {`, `if true {`,
		byCases,
	},
	{
		3, "a record counts as changed whenever it is written", "pkg/timeline/record.go",
		`if !slices.Equal(r.Shifts, shifts) {`, `if !slices.Equal(r.Shifts, shifts) || r.Version > 0 {`,
		"cmd/zegoctl TestLateRedrive",
	},
	{
		4, "a LOGOUT does not end the cover", "pkg/timeline/fold.go",
		`f.endCover(p.at, EndLogout)`, `f.endShift(p.at, EndLogout)`,
		byCases,
	},
	{
		4, "cover that reached its end stays open", "pkg/timeline/fold.go",
		`case end <= cut && end < to:`, `case end <= cut && end < 0:`,
		byCases,
	},
	{
		4, "a LOGIN at the very end of cover goes on with it", "pkg/timeline/fold.go",
		`if end, by := f.openUntil(); f.open && end == p.at {`, `if end, by := f.openUntil(); f.open && end == 0 {`,
		byModel,
	},
	{
		4, "a shift may be longer than 14 hours", "pkg/timeline/fold.go",
		`case cut < end && cut < to:`, `case cut < end && cut < 0:`,
		byCases,
	},
	{
		4, "the cut comes at the LOGIN after it", "pkg/timeline/fold.go",
		`isCut := f.open && (p.at == f.last().Start.Add(MaxShift) || `, `isCut := f.open && (`,
		byCases,
	},
	{
		4, "the first LOGIN of a day does not cut old cover", "pkg/timeline/fold.go",
		` || firstOfDay && p.at >= f.coverFrom.Add(MaxShift))`, `) && (firstOfDay || true)`,
		byCases,
	},
	{
		4, "every LOGIN cuts old cover", "pkg/timeline/fold.go",
		`f.points[f.lastLogin].at.Day() < p.at.Day()`, `f.points[f.lastLogin].at.Day() <= p.at.Day()`,
		byCases,
	},
	{
		4, "a continued shift is told before it has begun", "pkg/timeline/fold.go",
		`return !s.Continued() || s.Start <= now`, `return !s.Continued() || s.Start <= Never`,
		byCases,
	},
	{
		4, "a day's shifts are folded without the day before the one before it", "pkg/timeline/window.go",
		`return d.extend(2, 1)`, `return d.extend(1, 1)`,
		"pkg/timeline TestReadDays",
	},
	{
		4, "a change is not thought to reach the second day after it", "pkg/timeline/window.go",
		`return d.extend(1, 2)`, `return d.extend(1, 1)`,
		reach,
	},
	{
		4, "a change reaches past a LOGIN in cover", "pkg/timeline/window.go",
		`if !p.login || p.at < t.Add(-MaxShift) {`, `if true {`,
		limits,
	},
	{
		5, "an event is accepted though the queue refused it", "pkg/shift/v1.go",
		`acceptedMessages(r, id, "", []timeline.Fact{fact})...); err != nil {`,
		`acceptedMessages(r, id, "", []timeline.Fact{fact})...); err != nil && false {`,
		"pkg/shift TestQueueUnavailable",
	},
	{
		5, "a batch is accepted though the queue refused some of it", "pkg/queue/queue.go",
		`if err != nil || len(out.Failed) == 0 {`, `if err != nil || len(out.Failed) < 10 {`,
		"pkg/queue TestSendUnavailable",
	},
	{
		5, "a shift is created without the recovery message", "pkg/shift/v2.go",
		`messages := factMessages(provider, "", []timeline.Fact{f})`, `messages := factMessages(provider, "", nil)`,
		simulation,
	},
	{
		6, "one malformed message fails all", "pkg/shift/processor.go",
		`				continue
			}
			if len(c.Facts) <= maxSmallMessage {`, `				for _, m := range batch.Records {
					retryLater(m, err)
				}
				return response, nil
			}
			if len(c.Facts) <= maxSmallMessage {`,
		simulation,
	},
	{
		6, "what fails for one fails for all", "pkg/timeline/apply.go",
		`			r.failed(days[j].err)
`, `			for k := range b.factDays {
				r.failed(b.factDays[k].err)
			}
`,
		"pkg/timeline TestFailureIsolationWithinDelivery",
	},
	{
		7, "names of two providers meet", "pkg/table/table.go",
		`return provider + "#" + string(name.Kind) + "#" + name.Value`, `return string(name.Kind) + "#" + name.Value`,
		"pkg/shift TestTenants",
	},
	{
		7, "facts of two providers in one delivery meet", "pkg/timeline/apply.go",
		`n := b.names.at(key)`, `n := b.names.at(partitionKey{name: key.name})`,
		simulation,
	},
	{
		7, "an id is read by whoever has it", "pkg/shift/id.go",
		`b, err := s.Open(eventPurpose, provider, id)`, `b, err := s.Open(eventPurpose, "courier-ltd", id)`,
		"pkg/shift TestIndistinguishableIDs",
	},
	{
		8, "facts before the consent count", "pkg/timeline/history.go",
		`return h.ownsFact(f) && h.Consented(f.At) && h.matchedFor(f.Kind, f.At)`,
		`return h.ownsFact(f) && h.matchedFor(f.Kind, f.At)`,
		byCases,
	},
	{
		8, "a consent counts from before the last withdrawal", "pkg/timeline/history.go",
		`interval{max(e.At.second(), withdrawn), Never}`, `interval{max(e.At.second(), min(withdrawn, 0)), Never}`,
		simulation,
	},
	{
		8, "an id's facts come alive however old they are", "pkg/timeline/history.go",
		`from := max(e.FreeSince, h.consentFor(e.At), e.At.Add(-MatchWindow))`,
		`from := max(e.FreeSince, h.consentFor(e.At))`,
		simulation,
	},
	{
		8, "a shift outlives the withdrawal", "pkg/timeline/fold.go",
		`if f.consentTo < f.reachTo {`, `if f.consentTo < 0 {`,
		byCases,
	},
	{
		8, "ids outlive the withdrawal", "pkg/link/link.go",
		`for _, id := range history.CurrentUserIDs() {`, `for _, id := range history.CurrentUserIDs()[:0] {`,
		"pkg/link TestWithdrawnCustomer",
	},
	{
		8, "an id may be linked while consent is withdrawn", "pkg/timeline/dynamo.go",
		`return put.If("'n' = ?", read)`, `return put`,
		"pkg/link TestConcurrentWithdrawal",
	},
	{
		9, "a record is written whatever its version is", "pkg/timeline/memory.go",
		`if stored.Version != r.Version-1 {`, `if stored.Version < 0 {`,
		inSmall,
	},
	{
		9, "a record is written whatever its version is, in DynamoDB", "pkg/timeline/dynamo.go",
		`err := ifCounter(put, r.Version-1).Run(ctx)`, `err := put.Run(ctx)`,
		"pkg/timeline TestPutRecordVersion",
	},
	{
		9, "records that do not change are not written", "pkg/timeline/apply.go",
		`ok && prev.Version != version && slices.Equal(prev.Shifts, d.shifts)`,
		`(!ok || version >= 0) && slices.Equal(prev.Shifts, d.shifts)`,
		inSmall,
	},
	{
		9, "the hint of whose an id is is believed", "pkg/timeline/apply.go",
		`	b.recheckOwners(ctx)
`, `	_ = (*batch).recheckOwners
`,
		inSmall,
	},
	{
		9, "the records are read after the facts", "pkg/timeline/apply.go",
		`		records, err := a.storage.Records(ctx, c.provider, c.customer, days)
		if err != nil {
			return err
		}
		fold, err := foldDays(ctx, a.storage, c.provider, c.customer, days)
		if err != nil {
			return err
		}
`, `		fold, err := foldDays(ctx, a.storage, c.provider, c.customer, days)
		if err != nil {
			return err
		}
		records, err := a.storage.Records(ctx, c.provider, c.customer, days)
		if err != nil {
			return err
		}
`,
		simulation,
	},
	{
		10, "customers are folded before their facts are durable", "pkg/timeline/apply.go",
		`	b.persist(ctx)
	b.resolveCustomers(ctx)
	b.foldAll(ctx, b.customers)
`, `	b.resolveCustomers(ctx)
	b.foldAll(ctx, b.customers)
	b.persist(ctx)
`,
		inSmall,
	},
	{
		10, "a message whose fold failed is not retried", "pkg/timeline/apply.go",
		`				n.err = c.err
`, `				_ = c.err
`,
		inSmall,
	},
	{
		10, "a history changes before the recovery message is there", "pkg/link/link.go",
		`		if err := l.requestRecompute(ctx, provider, c.customer, c.from.Truncate(time.Second)); err != nil {
			return err
		}
	}
	return table.Commit(ctx, tx)`, `	}
	if err := table.Commit(ctx, tx); err != nil {
		return err
	}
	for _, c := range changes {
		if err := l.requestRecompute(ctx, provider, c.customer, c.from.Truncate(time.Second)); err != nil {
			return err
		}
	}
	return nil`,
		"pkg/link TestRecoveryMessageFirst",
	},
	{
		10, "a batch is counted though its counts were not stored", "pkg/timeline/apply.go",
		`				results[i] = Result{Err: err}
`, `				_ = err
`,
		simulation,
	},
	{
		2, "what is taken back counts if it comes later", "pkg/timeline/fold.go",
		`return takenBack(f, voids) })`, `return takenBack(f, voids) && f.Accepted < voids[0].Accepted })`,
		simulation,
	},
	{
		3, "an event is taken back since the last time", "pkg/timeline/void.go",
		`v.Accepted < first)`, `v.Accepted > first)`,
		"pkg/timeline TestVoidedAt",
	},
	{
		3, "the reason of the last void is kept", "pkg/timeline/dynamo.go",
		`"attribute_not_exists(pk) OR 'a' > ?"`, `"attribute_not_exists(pk) OR 'a' <> ?"`,
		"pkg/timeline TestStoreMatchesMemory",
	},
	{
		7, "a void takes back what came under another name", "pkg/timeline/void.go",
		`return slices.ContainsFunc(voids, f.sameEvent) }`,
		`return slices.ContainsFunc(voids, func(v Fact) bool { return v.event() == f.event() }) }`,
		simulation,
	},
	{
		9, "a void changes no further than what is left", "pkg/timeline/window.go",
		`	reports = slices.DeleteFunc(reports, func(f Fact) bool { return f.Kind == Logout && takenBack(f, r.voids) })`,
		`	reports = slices.DeleteFunc(reports, func(f Fact) bool { return takenBack(f, r.voids) })`,
		"pkg/timeline TestVoidReach",
	},
	{
		5, "an end is stored whatever came meanwhile", "pkg/timeline/memory.go",
		`	if !unchanged {`, `	if !unchanged && false {`,
		"internal/simulation TestTwoEndsAtOnce",
	},
	{
		5, "an end that is refused stays", "pkg/shift/v2.go",
		`if err == nil || fault.KindOf(err).Retryable() || !isNew {`, `if err == nil || isNew || !isNew {`,
		"pkg/shift TestRefusedEnd",
	},
	{
		10, "an end is stored without the recovery message", "pkg/shift/v2.go",
		`message := recomputeMessage(r.Provider.ID, timeline.Recompute{Customer: found.Customer.Number, From: end})`,
		`message := recomputeMessage(r.Provider.ID, timeline.Recompute{Customer: "NOBODY", From: end})`,
		simulation,
	},
	{
		11, "what was accepted at the very instant is not known yet", "pkg/timeline/known_at.go",
		`return f.acceptance() > at })`, `return f.acceptance() >= at })`,
		"pkg/shift TestAcceptedAt",
	},
	{
		11, "what was recorded later is known", "pkg/timeline/known_at.go",
		`return e.At > at })`, `return e.At > Never-at })`,
		simulation,
	},
	{
		11, "what is stored is known, whenever it was accepted", "pkg/timeline/known_at.go",
		`	return factsKnownAt(facts, k.at), err
`, `	return facts, err
`,
		simulation,
	},
	{
		11, "an end leaves out a plan of a day that is not full", "pkg/timeline/capacity.go",
		`	if len(stored) < f.Kind.capacity() {`, `	if len(stored) < f.Kind.capacity() && f.Kind == 0 {`,
		simulation,
	},
	{
		11, "the clock of the past is that of now", "pkg/shift/read.go",
		`	past.now = at.Time`, `	_ = at.Time`,
		simulation,
	},
	{
		11, "the last acceptance is when we were told", "pkg/timeline/fact.go",
		`return compareFirst(f, Fact{At: f.At, Accepted: accepted, PlannedEnd: f.PlannedEnd}) < 0`,
		`return compareFirst(f, Fact{At: f.At, Accepted: accepted, PlannedEnd: f.PlannedEnd}) > 0`,
		simulation,
	},
	{
		11, "the first acceptance is dropped from a full day", "pkg/timeline/capacity.go",
		`if f == slices.MinFunc(reports, compareFirst) ||`, `if f == slices.MaxFunc(reports, compareFirst) ||`,
		"pkg/timeline TestAdmitKeepsCountedFacts",
	},
	// Conditions of a switch, which gremlins takes for uncovered.
	{
		9, "a change stops at what another one, not folded yet, brought", "pkg/timeline/window.go",
		`		case p.login:
			idleFrom`, `		case p.logout && p.at <= t:
			idleFrom = t + 1
		case p.login:
			idleFrom`,
		simulation,
	},
	{
		4, "folding goes on past a LOGIN at the very end of the idleFrom", "pkg/timeline/window.go",
		`case p.at > t && idleFrom <= p.at:`, `case p.at > t && idleFrom < p.at:`,
		limits,
	},
	{
		4, "folding stops at a LOGOUT that has only just come", "pkg/timeline/window.go",
		`		case p.at > t:
`, `		case p.at >= t:
`,
		limits,
	},
	{
		2, "of two LOGINs at an instant the first one read names the shift", "pkg/timeline/fold.go",
		`if !p.login || compareNames(f.Name, p.name) < 0 {`, `if !p.login {`,
		"pkg/timeline TestLoginsAtOneInstant",
	},
	{
		1, "an event waits for a match for a microsecond too long", "pkg/timeline/history.go",
		`case now < at.Add(MatchWindow):`, `case now <= at.Add(MatchWindow):`,
		"pkg/timeline TestUncountedReasons",
	},
	{
		1, "a full day takes no LOGOUT", "pkg/timeline/capacity.go",
		`	if k == Login {
		return maxLoginsPerDay
	}`, `	if k != 0 {
		return maxLoginsPerDay
	}`,
		"pkg/timeline TestFullDayLogout",
	},
	{
		1, "the last planned end is dropped from a full day", "pkg/timeline/capacity.go",
		`return f.PlannedEnd != Never && !slices.ContainsFunc(`, `return f.PlannedEnd != Never && slices.ContainsFunc(`,
		"pkg/timeline TestAdmitKeepsCountedFacts",
	},
	{
		8, "two changes of a history may have one instant", "pkg/timeline/history.go",
		`at = max(at, h.entries[n-1].At+1)`, `at = max(at, h.entries[n-1].At)`,
		"pkg/link TestChangeOrder",
	},
	{
		9, "the first record is taken for none", "pkg/timeline/record.go",
		`if i := slices.IndexFunc(records, func(r Record) bool { return r.Day == day }); i >= 0 {`,
		`if i := slices.IndexFunc(records, func(r Record) bool { return r.Day == day }); i > 0 {`,
		inSmall,
	},
}
