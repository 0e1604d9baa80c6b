// Package webhook notifies a work provider, at its own URL, that a customer signed up, and applies what its reply says
// (docs/contract.md, "Sign-up webhook and match"). A work provider can also subscribe to its rejected events.
//
// Read the files in this order:
//
//	settings.go  a work provider's webhook, and the secrets that sign it
//	sign.go      the signature of Standard Webhooks
//	egress.go    the addresses to which requests may go, checked when the connection is made
//	message.go   what the queue carries: references, no personal data
//	schedule.go  when a delivery is retried
//	delivery.go  the state of a delivery, for operators and for the customer
//	reply.go     one request, and what its reply means
//	sender.go    from a message to a request, and its retries
//	signup.go    a customer signed up: the reply goes into the customer's history
//	rejected.go  events of the work provider that were rejected
//
// A delivery happens at least once: after a crash between the reply and the write of it the request is repeated, with
// the same webhook-id. Its effect here happens once, because the delivery and the history are written in one
// transaction.
package webhook
