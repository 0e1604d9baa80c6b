package emulator

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// doer answers a request itself.
type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// closable is a body that cannot be read once it is closed, like the SDK's.
type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Read(b []byte) (int, error) {
	if c.closed {
		return 0, errors.New("read after Close")
	}
	return c.Reader.Read(b)
}

func (c *closable) Close() error { c.closed = true; return nil }

func TestBufferingClient(t *testing.T) {
	for _, body := range []string{"", "{}", strings.Repeat("x", 1<<20)} {
		sent, err := http.NewRequest(http.MethodPost, "http://127.0.0.1/", nil)
		if err != nil {
			t.Fatal(err)
		}
		sdk := &closable{Reader: strings.NewReader(body)}
		sent.Body = sdk
		sent.ContentLength = int64(len(body))
		response, err := bufferingClient{doer(func(r *http.Request) (*http.Response, error) {
			sdk.Close()
			got, err := io.ReadAll(r.Body)
			if string(got) != body || r.ContentLength != int64(len(body)) || err != nil {
				t.Errorf("%d of %d bytes: %v", len(got), len(body), err)
			}
			return &http.Response{StatusCode: http.StatusOK}, nil
		})}.Do(sent)
		if err != nil || response.StatusCode != http.StatusOK {
			t.Error(response, err)
		}
	}
}
