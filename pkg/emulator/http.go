package emulator

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// bufferingClient is an HTTP client for the SDK that loses no answer.
//
// The SDK closes a request's body as soon as the head of the answer is there. If net/http has not noticed the body's
// end by then, it takes that for a failed request and closes the connection while the rest of the answer is still to be
// read, and the SDK sends the request again. AWS is too far away for that; the emulator is so near that it befell one
// call in a thousand. Then a conditional write met its own row, a received message was gone until it became visible
// again, and a test that counts calls found one too many.
type bufferingClient struct{ aws.HTTPClient }

// Do sends a copy of the request with a body of its own, which nobody else can close.
func (c bufferingClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body == nil || r.Body == http.NoBody {
		return c.HTTPClient.Do(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	own := r.Clone(r.Context())
	own.Body = io.NopCloser(bytes.NewReader(body))
	return c.HTTPClient.Do(own)
}
