package webhook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"zego.com/workprovider/pkg/person"
)

// meaning is what a reply says.
type meaning uint8

const (
	later   meaning = iota // nothing yet: to be asked again
	matched                // by the customer number, or by the id in the reply
	unknown                // there is no such person
	gone                   // the webhook wants no more
)

// Reply is what came of one request.
type Reply struct {
	Status  int    // 0 if none came
	Problem string // why there is nothing in it for us, in our words; "" if there is
	means   meaning
	userID  string        // the workProviderUserId of a reply that names one
	after   time.Duration // how long the receiver asks us to wait
}

// Means puts the meaning into words.
func (r Reply) Means() string {
	switch {
	case r.means == matched && r.userID != "":
		return "matched, as " + r.userID
	case r.means == matched:
		return "matched by the customer number"
	case r.means == unknown:
		return "not matched"
	case r.means == gone:
		return "the webhook wants no more"
	}
	return "nothing yet: it would be asked again"
}

// The problems. They hold nothing of the URL, the reply or the person.
const (
	problemRefused  = "the address is refused"
	problemTimeout  = "no reply in time"
	problemConnect  = "no connection, or none that holds"
	problemBody     = "the reply's body is not as documented"
	problemRedirect = "the reply is a redirect, which is not followed"
	problemAccepted = "accepted, but not answered yet"
	problemGone     = "gone: the webhook was disabled"
	problemDisabled = "the webhook is disabled"
	problemTaken    = "the reply's workProviderUserId belongs to another customer"
)

// Client sends requests to webhooks.
type Client struct {
	clients clients
	now     func() time.Time
}

// NewClient is a client that connects to public addresses, by HTTPS; with loopback, which is for one's own machine, also
// to that machine, by HTTP.
func NewClient(loopback bool, now func() time.Time) *Client {
	return &Client{newClients(loopback), now}
}

// Test sends a sign-up of nobody, so that a work provider can try its receiver; whatever it replies, nothing follows.
func (c *Client) Test(ctx context.Context, to Settings) Reply {
	id := "test_" + strconv.FormatInt(c.now().UnixMicro(), 10)
	return c.post(ctx, to, id, signUp{CustomerNumber: "TEST", Email: "test@example.com", PhoneNumber: "+447700900000"})
}

// post asks once.
func (c *Client) post(ctx context.Context, to Settings, id string, payload any) Reply {
	now := c.now()
	body, err := json.Marshal(payload)
	if err != nil {
		return Reply{Problem: problemConnect}
	}
	u, err := url.Parse(to.URL)
	if err != nil {
		return Reply{Problem: problemRefused}
	}
	client, err := c.clients.of(u)
	if err != nil {
		return Reply{Problem: problemRefused}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return Reply{Problem: problemRefused}
	}
	signature := sign(id, now, body, to.secrets(now))
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
		return Reply{Problem: problemOf(err)}
	}
	defer response.Body.Close()
	return read(response, now)
}

// problemOf puts a failure into words; the error itself would tell the URL.
func problemOf(err error) string {
	var timeout net.Error
	switch {
	case errors.Is(err, ErrRefused):
		return problemRefused
	case errors.As(err, &timeout) && timeout.Timeout():
		return problemTimeout
	}
	return problemConnect
}

// read tells what a reply means: the contract's three words, 410 of Standard Webhooks, and for everything else "later".
func read(response *http.Response, now time.Time) Reply {
	r := Reply{Status: response.StatusCode}
	switch status := response.StatusCode; {
	case status == http.StatusNoContent:
		r.means = matched
	case status == http.StatusOK:
		r.userID, r.Problem = readUserID(response.Body)
		if r.Problem == "" {
			r.means = matched
		}
	case status == http.StatusNotFound:
		r.means = unknown
	case status == http.StatusGone:
		r.means, r.Problem = gone, problemGone
	case status == http.StatusAccepted:
		r.Problem = problemAccepted
	case status/100 == 3:
		r.Problem = problemRedirect
	default:
		r.Problem = "the reply is " + strconv.Itoa(status)
	}
	r.after = retryAfter(response.Header, now)
	return r
}

// readUserID reads {"workProviderUserId":…}. What else is in the body is ignored.
func readUserID(from io.Reader) (userID, problem string) {
	text, err := io.ReadAll(io.LimitReader(from, maxReply+1))
	if err != nil {
		return "", problemOf(err)
	}
	var body struct {
		WorkProviderUserID person.ID `json:"workProviderUserId"`
	}
	if len(text) > maxReply || json.Unmarshal(text, &body) != nil {
		return "", problemBody
	}
	name, err := person.NewUserID(string(body.WorkProviderUserID))
	if err != nil {
		return "", problemBody
	}
	return name.Value, ""
}
