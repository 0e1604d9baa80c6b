package main

import "fmt"

// AWS's list prices for on-demand use in us-east-1, in dollars a million, of November 2026. Other regions differ by
// some percent and the ratios hardly at all. https://aws.amazon.com/api-gateway/pricing/ and the like for lambda, sqs,
// dynamodb and cloudwatch.
const (
	pricePerRequest    = 3.50  // of a REST API
	pricePerInvocation = 0.20  // of Lambda
	pricePerMessage    = 0.40  // a request to a standard queue, of 64 KiB
	pricePerWrite      = 0.625 // a DynamoDB write unit
	pricePerRead       = 0.125 // a DynamoDB read unit

	pricePerGBSecond = 13.3334 // a million GB-seconds of Lambda on arm64
	pricePerGBLogged = 0.50    // a GB taken in by CloudWatch
)

// What Lambda's duration is reckoned from, because the embedded services' own times mean nothing: a call to a service
// in the same region, and the memory that template.yaml gives each function.
const (
	callMilliseconds = 5
	memoryGB         = 0.5
	platformLogBytes = 350 // Lambda's own START, END and REPORT of an invocation
)

// use is what some events took of the services.
type use struct {
	Events      int     `json:"events"`
	Requests    int     `json:"requests"`
	Invocations int     `json:"invocations"`
	Queue       int     `json:"queueRequests"`
	Writes      float64 `json:"writeUnits"`
	Reads       float64 `json:"readUnits"`
	Records     int     `json:"recordWrites"` // of the writes, those of shift records
	AcceptCalls int     `json:"acceptCalls"`  // calls made to accept the requests
	WaitedCalls float64 `json:"waitedCalls"`  // calls one after the other, of all invocations
	LogBytes    int     `json:"logBytes"`
}

// perMillion is a number of things at a price, for a million events.
func (u use) perMillion(n float64, price float64) float64 { return n * price / float64(u.Events) }

// Services is what a million events cost, in dollars, but for duration and logs.
func (u use) Services() float64 {
	return u.perMillion(float64(u.Requests), pricePerRequest) +
		u.perMillion(float64(u.Invocations), pricePerInvocation) +
		u.perMillion(float64(u.Queue), pricePerMessage) +
		u.perMillion(u.Writes, pricePerWrite) +
		u.perMillion(u.Reads, pricePerRead)
}

// Facts is what of it takes events in and keeps them, without what is read and written to make shifts of them.
func (u use) Facts() float64 {
	return u.Services() - u.perMillion(u.Reads, pricePerRead) - u.perMillion(float64(u.Records), pricePerWrite)
}

// Duration is what a million events cost in Lambda's time.
func (u use) Duration() float64 {
	return u.perMillion(u.WaitedCalls*callMilliseconds/1000*memoryGB, pricePerGBSecond)
}

// Logs is what a million events cost in log lines, in dollars.
func (u use) Logs() float64 {
	bytes := float64(u.LogBytes + u.Invocations*platformLogBytes)
	return bytes / float64(u.Events) * 1e6 / 1e9 * pricePerGBLogged
}

// WritesEach and ReadsEach are the units of DynamoDB that an event takes.
func (u use) WritesEach() float64 { return u.Writes / float64(u.Events) }
func (u use) ReadsEach() float64  { return u.Reads / float64(u.Events) }

func dollars(v float64) string { return fmt.Sprintf("$%.3f", v) }
