// Package timeline turns what work providers send into shifts. It is the heart of the system.
//
// Facts, consents, links and matches are sets that only grow. Shifts are a pure function of them and the clock:
//
//	fold(facts, history, now) → shifts, and the outcome of every fact
//
// So taking an event in is a set union: it needs no order, no version and no lock, and doing it twice is doing it once.
// The rules are those of docs/shift-rules.md; a comment that says "rule 7" means its seventh.
//
// Read the files in this order:
//
//	fact.go            what a work provider said: a person, LOGIN or LOGOUT, an instant (rule 1)
//	void.go            events that were taken back (rule 11)
//	history.go         who the person was, consented and matched, at each instant (rules 6 and 7)
//	fold.go            facts and a history become shifts and outcomes (rules 2, 3, 4 and 7)
//	window.go          how far back, and how far on, a new fact can matter (rule 10)
//	capacity.go        how many facts a name may have on a day (rule 9)
//	record.go          the shifts of one UTC day, as stored
//	storage.go         what is read from and written to the storage
//	dynamo.go          the storage in DynamoDB
//	memory.go          the storage in memory, for simulations and benchmarks
//	intercept.go       a storage whose calls pass through a function, for tests
//	apply.go           facts in, records out: what the processor does with a batch
//	rebuild.go         records computed again from all facts
//	outcome.go         the outcome of a fact
//	known_at.go        what was known at an earlier instant (rule 12)
//	batch_part.go      which facts a batch request asked for
//	customer_facts.go  everything that was said of a customer
//	explain.go         a day's fold, step by step, for operators
//	find.go            what readers look up: the shift of a LOGIN, the shifts of a range of days
package timeline
