package main

// seeded is a fault: a line, and what it is replaced by.
type seeded struct {
	promise int    // that the line keeps
	what    string // the fault does
	file    string
	old     string // stands in the file once
	new     string
	test    string // that must fail: its folder, its name, and flags
}

// The tests that kill most faults.
const (
	simulation    = "internal/simulation TestSimulation"
	inSmall       = "pkg/timeline TestRecordsEndEqualToTheFold"
	betweenPoints = "pkg/timeline TestWhatIsFoldedBetweenStartingPointsIsWhatIsFoldedFromAll"
	atOnce        = "pkg/timeline TestLoginsOfOneInstantAreOne"
	limits        = "pkg/timeline TestWhereFoldingMayStart"
	byCases       = "pkg/timeline TestWorkedCases"
)

// faults are the lines that the promises rest on. docs/reliability.md tells them in words.
var faults = []seeded{
	{
		1, "a message that cannot be understood is thrown away", "pkg/shift/processor.go",
		`letters.Archive(ctx, deadletter.FromSQS(m, deadletter.ReasonMalformed, now())); err != nil`, `error(nil); err != nil || deadletter.ReasonMalformed == ""`,
		simulation,
	},
	{
		1, "a message whose letter cannot be filed is acknowledged", "pkg/shift/processor.go",
		`refuse(m, err)`, `_ = err`,
		simulation,
	},
	{
		1, "a message that failed is acknowledged", "pkg/shift/processor.go",
		`refuse(messages[i], result.Err, named(changes[i])...)`, `_ = i`,
		simulation,
	},
	{
		1, "a fact that was not stored is taken for stored", "pkg/timeline/apply.go",
		`refused, err := b.rows.Union(ctx, row.of.provider, row.of.name, row.day, distinct(row.facts))`,
		`refused, _ := b.rows.Union(ctx, row.of.provider, row.of.name, row.day, distinct(row.facts))
		var err error`,
		simulation,
	},
	{
		1, "a dead letter's bytes are tidied", "pkg/deadletter/deadletter.go",
		`Body: []byte(m.Body)}`, `Body: []byte(strconv.Quote(m.Body))}`,
		"pkg/deadletter TestALettersBytesStayWhatTheyWere",
	},
	{
		1, "a letter filed again takes the place of the first", "pkg/deadletter/deadletter.go",
		`}).If("attribute_not_exists(pk)").Run(ctx)`, `}).Run(ctx)`,
		"pkg/deadletter TestFilingTwiceIsFilingOnce",
	},
	{
		2, "facts are folded in the order of their coming", "pkg/timeline/fold.go",
		`slices.SortFunc(facts, func(a, b Fact) int { return cmp.Compare(a.At, b.At) })`, `_ = cmp.Compare[int]`,
		byCases,
	},
	{
		2, "entries of a history are read in the order of their coming", "pkg/timeline/history.go",
		`return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.Since, b.Since))`, `return cmp.Compare(0, 0)`,
		simulation,
	},
	{
		2, "of two plans the one that came last counts", "pkg/timeline/fold.go",
		`m.planned = max(m.planned, f.PlannedEnd)`, `m.planned = f.PlannedEnd`,
		atOnce,
	},
	{
		3, "a set takes the place of the one before", "pkg/timeline/dynamo.go",
		`Add("s", fit).Set(table.VersionAttr, formOfSets).
				If(`, `Set("s", fit).Set(table.VersionAttr, formOfSets).
				If(`,
		"pkg/timeline TestStoreAndMemoryAreAlike",
	},
	{
		3, "a LOGIN while a shift is open opens another", "pkg/timeline/fold.go",
		`if !f.open || f.last().End == m.at {`, `if true {`,
		byCases,
	},
	{
		3, "a record counts as changed whenever it is written", "pkg/timeline/record.go",
		`if !slices.Equal(r.Shifts, shifts) {`, `if !slices.Equal(r.Shifts, shifts) || r.Version > 0 {`,
		"cmd/zegoctl TestRedrivenWeeksLaterItChangesNothing",
	},
	{
		4, "a LOGOUT does not end the shift", "pkg/timeline/fold.go",
		`f.last().End, f.last().By = m.at, ByLogout`, `f.last().By = ByLogout`,
		byCases,
	},
	{
		4, "a shift that ended by itself stays open", "pkg/timeline/fold.go",
		`if f.open && f.last().End < m.at {`, `if f.open && false {`,
		byCases,
	},
	{
		4, "folding starts in the middle of a shift", "pkg/timeline/window.go",
		`if !m.login || m.at < t.Add(-MaxShift) {`, `if true {`,
		betweenPoints,
	},
	{
		5, "an event is accepted though the queue refused it", "pkg/shift/v1.go",
		`if err := sender.Send(r.Context(), 0, acceptedMessages(r, id, "", []timeline.Fact{fact})...); err != nil {`,
		`if err := sender.Send(r.Context(), 0, acceptedMessages(r, id, "", []timeline.Fact{fact})...); err != nil && false {`,
		"pkg/shift TestNo202BeforeTheQueueHasIt",
	},
	{
		5, "a batch is accepted though the queue refused some of it", "pkg/queue/queue.go",
		`case len(out.Failed) > 0:`, `case len(out.Failed) > n:`,
		"pkg/queue TestAFailureIsUnavailable",
	},
	{
		5, "a shift is created without the guard", "pkg/shift/v2.go",
		`if err := l.guard.Send(ctx, guardDelay, factMessages(provider, "", facts)...); err != nil {`, `if err := error(nil); err != nil {`,
		simulation,
	},
	{
		6, "one bad message fails all", "pkg/shift/processor.go",
		`				continue
			}
			changes, messages`, `				for _, m := range batch.Records {
					refuse(m, err)
				}
				return response, nil
			}
			changes, messages`,
		simulation,
	},
	{
		6, "what fails for one fails for all", "pkg/timeline/apply.go",
		`	for _, i := range messages {
		if b.results[i].Err == nil {`, `	for i := range b.results {
		if b.results[i].Err == nil {`,
		"pkg/timeline TestWhatFailsForOneMessageIsNoOthersMatter",
	},
	{
		7, "names of two providers meet", "pkg/table/table.go",
		`return provider + "#" + string(name.Kind) + "#" + name.Value`, `return string(name.Kind) + "#" + name.Value`,
		"pkg/shift TestTenantsDoNotMeet",
	},
	{
		7, "facts of two providers in one delivery meet", "pkg/timeline/apply.go",
		`n := b.names.of(key)`, `n := b.names.of(partitionKey{name: key.name})`,
		simulation,
	},
	{
		7, "an id is read by whoever has it", "pkg/shift/id.go",
		`b, err := s.Open(eventPurpose, provider, id)`, `b, err := s.Open(eventPurpose, "courier-ltd", id)`,
		"pkg/shift TestNoIDCanBeToldFromAnother",
	},
	{
		8, "facts before the consent count", "pkg/timeline/history.go",
		`return h.mine(f) && h.Consented(f.At) && h.matchedFor(f.Kind, f.At)`, `return h.mine(f) && h.matchedFor(f.Kind, f.At)`,
		byCases,
	},
	{
		8, "a shift outlives the withdrawal", "pkg/timeline/fold.go",
		`if c, ok := f.history.consentAt(start); ok && c.to < end {`, `if c, ok := f.history.consentAt(start); ok && c.to < 0 {`,
		byCases,
	},
	{
		8, "ids outlive the withdrawal", "pkg/link/link.go",
		`for _, id := range history.Held() {`, `for _, id := range history.Held()[:0] {`,
		"pkg/link TestWithdrawnCustomerIsHidden",
	},
	{
		8, "an id may be linked while consent is withdrawn", "pkg/timeline/dynamo.go",
		`		put = put.If("'n' = ?", was.version)
`, ``,
		"pkg/link TestALinkAndAWithdrawalAtOnce",
	},
	{
		9, "a record is written whatever its version is", "pkg/timeline/memory.go",
		`if stored.Version != r.Version-1 {`, `if stored.Version < 0 {`,
		inSmall,
	},
	{
		9, "a record is written whatever its version is, in DynamoDB", "pkg/timeline/dynamo.go",
		`put = put.If("'n' = ?", r.Version-1)`, `put = put.If("attribute_exists(pk)")`,
		"pkg/timeline TestOnlyWhoReadTheLastVersionWrites",
	},
	{
		9, "records that do not change are not written", "pkg/timeline/apply.go",
		`again && was.Version != version && slices.Equal(was.Shifts, f.shifts)`, `(!again || version >= 0) && slices.Equal(was.Shifts, f.shifts)`,
		simulation,
	},
	{
		9, "the hint of whose an id is is believed", "pkg/timeline/apply.go",
		`	b.confirm(ctx, names)
`, `	_ = (*batch).confirm
`,
		inSmall,
	},
	{
		9, "the records are read after the facts", "pkg/timeline/apply.go",
		`			if records, err = a.rows.Records(ctx, s.provider, s.customer, reach); err != nil {
				return err
			}
			history, facts, err := read(ctx, a.rows, s.provider, s.customer, reach)
			if err != nil {
				return err
			}
`, `			history, facts, err := read(ctx, a.rows, s.provider, s.customer, reach)
			if err != nil {
				return err
			}
			if records, err = a.rows.Records(ctx, s.provider, s.customer, reach); err != nil {
				return err
			}
`,
		simulation,
	},
	{
		10, "people are folded before their facts are durable", "pkg/timeline/apply.go",
		`	names := b.store(ctx, messages)
	b.find(ctx, names, messages)
	b.foldAll(ctx, b.subjects)
	b.confirm(ctx, names)
`, `	b.find(ctx, nil, messages)
	b.foldAll(ctx, b.subjects)
	names := b.store(ctx, messages)
	b.confirm(ctx, names)
`,
		inSmall,
	},
	{
		10, "a message whose fold failed does not come again", "pkg/timeline/apply.go",
		`		b.note(s.messages, Result{Err: err})
`, ``,
		inSmall,
	},
	{
		10, "a history changes before the guard is there", "pkg/link/link.go",
		`		if err := l.requestRecompute(ctx, provider, c.customer, c.from); err != nil {
			return err
		}
	}
	return table.Commit(ctx, tx)`, `	}
	if err := table.Commit(ctx, tx); err != nil {
		return err
	}
	for _, c := range changes {
		if err := l.requestRecompute(ctx, provider, c.customer, c.from); err != nil {
			return err
		}
	}
	return nil`,
		"pkg/link TestTheGuardComesFirst",
	},
	// Conditions of a switch, which gremlins takes for uncovered.
	{
		4, "folding stops without looking at a LOGIN at its own start", "pkg/timeline/window.go",
		`case m.at < start:`, `case m.at <= start:`,
		betweenPoints,
	},
	{
		4, "folding goes on past a LOGIN at the very end of the quiet", "pkg/timeline/window.go",
		`case m.at > t && quiet <= m.at:`, `case m.at > t && quiet < m.at:`,
		limits,
	},
	{
		4, "folding stops at a LOGOUT that has only just come", "pkg/timeline/window.go",
		`		case m.at > t:
`, `		case m.at >= t:
`,
		limits,
	},
	{
		2, "of two LOGINs at an instant the first one read is the shift's", "pkg/timeline/fold.go",
		`if compareNames(f.Name, m.name) < 0 {`, `if false {`,
		atOnce,
	},
	{
		2, "of two LOGINs at an instant the last one read is all there is", "pkg/timeline/fold.go",
		`case !m.login:`, `case true:`,
		atOnce,
	},
	{
		1, "an event waits for a match for a microsecond too long", "pkg/timeline/fold.go",
		`case now < at.Add(MatchWithin):`, `case now <= at.Add(MatchWithin):`,
		"pkg/timeline TestReasonsForNotCounting",
	},
	{
		8, "two changes of a history may have one instant", "pkg/timeline/history.go",
		`at = max(at, h.entries[n-1].At+1)`, `at = max(at, h.entries[n-1].At)`,
		"pkg/link TestChangesKeepTheirOrderWhateverTheClock",
	},
	{
		9, "the first record is taken for none", "pkg/timeline/apply.go",
		`if i := slices.IndexFunc(records, func(r Record) bool { return r.Day == day }); i >= 0 {`, `if i := slices.IndexFunc(records, func(r Record) bool { return r.Day == day }); i > 0 {`,
		inSmall,
	},
}
