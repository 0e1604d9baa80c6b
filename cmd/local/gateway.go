package main

import (
	"bytes"
	"io"
	"net/http"
)

// maxRequest is the gateway's limit on a request, in bytes.
const maxRequest = 10 << 20

// withWholeBody reads each body before the function is called, as the gateway does. A function that responds without
// reading the body, as with 413, would make net/http close the connection while the client is still sending, so that
// the client sees a broken pipe instead of the response. What exceeds the gateway's limit is read, too, and dropped.
func withWholeBody(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body)
		}
		if err != nil {
			return // the client has gone
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		api.ServeHTTP(w, r)
	})
}
