// Package shift is the endpoints of v1 and v2 over timelines, and the processor between them.
//
// The way of an event leads through the files in this order:
//
//	v1.go         a login, logout, batch or match is checked and becomes messages: 202
//	message.go    the form of a message
//	id.go         the ids that a 202 and a 201 carry
//	processor.go  messages become facts, and facts shifts
//	v2.go         a shift is created and ended at once, by the same facts
//	outcome.go    what became of an event, and of a batch
//	read.go       a shift, and the shifts of a time, are read
package shift
