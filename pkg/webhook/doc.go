// Package webhook tells a work provider, at a URL of its own, that somebody signed up, and does what its reply says
// (docs/contract.md, "Sign-up webhook and match"). If it wishes so, it also tells which of its events do not count.
//
// Read the files in this order:
//
//	settings.go  where a work provider wants to be told, and the secrets that sign it
//	sign.go      the signature of Standard Webhooks
//	guard.go     where a request of ours may go, judged when the connection is made
//	message.go   what the queue carries: references, no personal data
//	schedule.go  when a delivery is tried again
//	delivery.go  how a delivery stands, for operators and for the person it is about
//	reply.go     one request, and what its reply means
//	sender.go    from a message to a request, and what is done if it is in vain
//	signup.go    somebody signed up: the reply goes into the person's history
//	rejected.go  events of the work provider's do not count
//
// A delivery happens at least once: a crash between the reply and the note of it makes us ask again, with the same
// webhook-id. What it changes here happens once, because the delivery's row and the history change in one transaction.
package webhook
