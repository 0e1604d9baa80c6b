package main

import (
	"net/http"
	"strings"
)

// docsPath is where the documentation site stands.
const docsPath = "/docs"

// withDocs serves the documentation site that stands in a folder, and leaves every other path to the API.
func withDocs(folder string, api http.Handler) http.Handler {
	site := http.StripPrefix(docsPath, http.FileServer(http.Dir(folder)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == docsPath:
			http.Redirect(w, r, docsPath+"/", http.StatusFound)
		case strings.HasPrefix(r.URL.Path, docsPath+"/"):
			site.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	})
}
