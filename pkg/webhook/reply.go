package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"zego.com/workprovider/pkg/person"
)

// replyKind is the meaning of a reply.
type replyKind uint8

const (
	replyRetry      replyKind = iota // no result yet: to be retried
	replyMatched                     // by the customer number, or by the id in the reply
	replyNotMatched                  // the work provider does not know the customer
	replyGone                        // the webhook is to be disabled
)

// Reply is the result of one request.
type Reply struct {
	Status     int    // 0 if there was no response
	Problem    string // why there is no result; "" if there is one
	kind       replyKind
	userID     string        // the workProviderUserId of a reply that names one
	retryAfter time.Duration // how long the receiver asks us to wait
	// fromReceiver reports whether the reply is 200, 202 or 204, and no web page: the URL is a receiver's.
	fromReceiver bool
	isPage       bool      // whether the reply is a web page
	settlesAt    time.Time // when a 404 that is retried counts; zero for other replies
}

// Describe returns the meaning in words.
func (r Reply) Describe() string {
	switch {
	case r.kind == replyMatched && r.userID != "":
		return "matched, as " + r.userID
	case r.kind == replyMatched:
		return "matched by the customer number"
	case r.kind == replyNotMatched:
		return "not matched"
	case r.kind == replyGone:
		return "the receiver replied 410 Gone"
	}
	return "no result yet; would be retried"
}

// The problems. They hold nothing of the URL, the reply or the person.
const (
	problemBlocked  = "address blocked"
	problemTimeout  = "timed out"
	problemConnect  = "connection failed"
	problemBody     = "malformed reply body"
	problemRedirect = "redirect, which is not followed"
	problemAccepted = "accepted, no result yet"
	problemGone     = "gone: the webhook was disabled"
	problemDisabled = "the webhook is disabled"
	problemPage     = "404 of a web page, retried for a day"
	problemNoReply  = "404 of a URL that never replied otherwise, retried for a day"
	problemTaken    = "the reply's workProviderUserId belongs to another customer"
)

// Client sends requests to webhooks.
type Client struct {
	clients clientsByScheme
	now     func() time.Time
}

// NewClient returns a client that connects to public addresses by HTTPS and, if loopback is allowed, to this machine by
// HTTP.
func NewClient(loopback bool, now func() time.Time) *Client {
	return &Client{newClients(loopback), now}
}

// Test sends a test sign-up, so that a work provider can test its receiver. The reply has no effect.
func (c *Client) Test(ctx context.Context, to Settings) Reply {
	id := "test_" + strconv.FormatInt(c.now().UnixMicro(), 10)
	return c.post(ctx, to, id, signUpBody{CustomerNumber: "TEST", Email: "test@example.com", PhoneNumber: "+447700900000"})
}

// post makes one request.
func (c *Client) post(ctx context.Context, to Settings, id string, payload any) Reply {
	now := c.now()
	body, err := json.Marshal(payload)
	if err != nil {
		return Reply{Problem: problemConnect}
	}
	u, err := url.Parse(to.URL)
	if err != nil {
		return Reply{Problem: problemBlocked}
	}
	client, err := c.clients.forURL(u)
	if err != nil {
		return Reply{Problem: problemBlocked}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return Reply{Problem: problemBlocked}
	}
	signature := sign(id, now, body, to.activeSecrets(now))
	request.Header = http.Header{
		"Content-Type":      {"application/json"},
		"User-Agent":        {"zego-webhooks/1"},
		"Webhook-Id":        {id},
		"Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)},
		"Webhook-Signature": {signature},
		"X-Zego-Signature":  {signature},
	}
	response, err := client.Do(request)
	if err != nil {
		return Reply{Problem: classifyError(err)}
	}
	defer response.Body.Close()
	return parseReply(response, now)
}

// classifyError returns the problem for an error; the text of the error itself would contain the URL.
func classifyError(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, ErrBlocked):
		return problemBlocked
	case errors.As(err, &timeout) && timeout.Timeout():
		return problemTimeout
	}
	return problemConnect
}

// parseReply returns the meaning of a response: the contract's 200, 204 and 404, the 410 of Standard Webhooks, and for
// everything else a retry.
func parseReply(response *http.Response, now time.Time) Reply {
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	r := Reply{Status: response.StatusCode, isPage: mediaType == "text/html"}
	switch status := response.StatusCode; {
	case status == http.StatusNoContent:
		r.kind = replyMatched
	case status == http.StatusOK:
		r.userID, r.Problem = readUserID(response.Body)
		if r.Problem == "" {
			r.kind = replyMatched
		}
	case status == http.StatusNotFound:
		r.kind = replyNotMatched
	case status == http.StatusGone:
		r.kind = replyGone
		r.Problem = problemGone
	case status == http.StatusAccepted:
		r.Problem = problemAccepted
	case status/100 == 3:
		r.Problem = problemRedirect
	default:
		r.Problem = "status " + strconv.Itoa(status)
	}
	switch r.Status {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		r.fromReceiver = !r.isPage
	}
	r.retryAfter = retryAfter(response.Header, now)
	return r
}

// readUserID reads {"workProviderUserId":…}. Other members of the body are ignored.
func readUserID(from io.Reader) (userID, problem string) {
	text, err := io.ReadAll(io.LimitReader(from, maxReplyBytes+1))
	if err != nil {
		return "", classifyError(err)
	}
	var body struct {
		WorkProviderUserID person.ID `json:"workProviderUserId"`
	}
	if len(text) > maxReplyBytes || json.Unmarshal(text, &body) != nil {
		return "", problemBody
	}
	name, err := person.NewUserID(string(body.WorkProviderUserID))
	if err != nil {
		return "", problemBody
	}
	return name.Value, ""
}
