// Package simulation tries to break the processing of events. All of it is tests; nothing links it.
//
// The real handlers, the real processor and the real applier work on a simulated queue, store and clock, and one seed
// decides everything: what is sent, who goes on at each call to a service, and what goes wrong there. After every run
// the promises of docs/shift-rules.md ("What must hold, whatever fails") are checked against a model of rules 1 to 9
// that shares no code with them. A seed that fails prints the one command that runs it again, step by step, as a log.
//
// Read the files in this order:
//
//	model_test.go        the rules, said a second time: whose a fact is, and whether it counts
//	model_cover_test.go  and which shifts follow from those that do
//	process_test.go      one run of a function, and what can happen at each of its calls
//	store_test.go        the store and the dead letters, as a process sees them
//	queue_test.go        the queue, as the senders and the processors see it
//	history_test.go      changes of people's histories
//	client_test.go       what work providers send
//	world_test.go        who acts when: one run
//	promises_test.go     what must hold after it
//	backend_test.go      the services that a world runs on
//	generate_test.go     random requests, changes and bad messages
//	v2checks_test.go     what v2 must answer when all is quiet
//	knownat_test.go      what was answered at an instant, asked for again later
//	workedcases_test.go  the model, held against the cases that the rules come with
//	fourdays_test.go     the model, held against what every fold relies on
//	simulation_test.go   thousands of seeds
//	crashpoints_test.go  a list of scenarios, and a crash before and after every call of each
//	services_test.go     the same over HTTP, with an embedded DynamoDB and SQS that fail
package simulation
