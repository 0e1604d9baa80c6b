package emulator

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// bufferingClient is an HTTP client for the SDK that loses no response.
//
// The SDK closes the body of a request as soon as the header of the response has arrived. If net/http has not noticed
// the end of the body by then, it takes that for a failed request and closes the connection before the response has
// been read, and the SDK retries. AWS is too far away for that; with the emulator it happened to one call in a
// thousand. Then a conditional write conflicted with its own item, a received message was invisible until its
// visibility timeout, and a test that counts calls found one too many.
type bufferingClient struct{ aws.HTTPClient }

// Do sends a copy of the request with its own body, which the SDK cannot close.
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
