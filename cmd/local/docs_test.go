package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

func TestDocs(t *testing.T) {
	folder := t.TempDir()
	if err := os.MkdirAll(filepath.Join(folder, "events"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"index.html": "overview", "events/index.html": "events"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	handler := withDocs(folder, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("api")) }))
	for _, test := range []struct {
		path   string
		status int
		body   string // "" for any
	}{
		{"/docs", http.StatusFound, ""},
		{"/docs/", http.StatusOK, "overview"},
		{"/docs/events/", http.StatusOK, "events"},
		{"/docs/nothing/", http.StatusNotFound, ""},
		{"/docs/../secret", http.StatusNotFound, ""},
		{"/docsx", http.StatusOK, "api"},
		{"/v1//shift", http.StatusOK, "api"},
	} {
		answer := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.URL.Path = test.path
		handler.ServeHTTP(answer, request)
		if answer.Code != test.status || test.body != "" && answer.Body.String() != test.body {
			t.Errorf("%s: %d %q, want %d %q", test.path, answer.Code, answer.Body, test.status, test.body)
		}
	}
}
