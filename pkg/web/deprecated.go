package web

import (
	"net/http"
	"slices"

	"zego.com/workprovider/pkg/observe"
)

// What tells a client that it used an old name or path (RFC 9745): since when there is a newer one, which is the day of
// the examples in the newest of the documents, and where to read what to use instead. Nothing says when the old ones
// end, because nobody plans that.
var (
	deprecationDate = []string{"@1544832000"} // 2018-12-15
	migrationLink   = []string{`</docs/migrating/>; rel="deprecation"; type="text/html"`}
)

// NoteDeprecated notes that the request uses an old name or path. The client is told by headers, whatever the answer is,
// and we by a metric.
func (r *Request) NoteDeprecated(use string) {
	if !slices.Contains(r.deprecatedUses, use) {
		r.deprecatedUses = append(r.deprecatedUses, use)
	}
}

// setDeprecationHeaders writes the headers, and counts if somebody is known to count it for, or the path takes no key.
func (f *function) setDeprecationHeaders(header http.Header, r *Request) {
	if len(r.deprecatedUses) == 0 {
		return
	}
	header["Deprecation"], header["Link"] = deprecationDate, migrationLink
	if f.keys != nil && r.Provider.ID == "" {
		return
	}
	for _, use := range r.deprecatedUses {
		observe.Deprecation(r.Context(), r.Provider.ID, use)
	}
}
