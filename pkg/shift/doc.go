// Package shift is the endpoints of v1 and v2 over timelines, and the processor between them.
//
// An event passes through the files in this order:
//
//	v1.go                a login, logout, batch or match is validated and becomes messages: 202
//	message.go           the format of a message
//	id.go                the ids of a 202 and a 201
//	processor.go         messages become facts, and facts shifts
//	after_processing.go  work providers are notified of rejected events; claims of ids are settled
//	v2.go                a shift is created or ended before the response, by the same facts
//	void.go              an event is taken back
//	outcome.go           the outcomes of an event and of a batch
//	read.go              one shift, and the shifts of a period
//	cursor.go            the pages of lists
package shift
