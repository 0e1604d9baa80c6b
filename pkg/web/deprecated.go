package web

import (
	"net/http"
	"slices"

	"zego.com/workprovider/pkg/observe"
)

// The headers of a response to a request that used an old name or path (RFC 9745): since when there is a newer one,
// which is the day of the examples in the newest source document, and where to read what to use instead. Nothing says
// when the old ones end, because that is not planned.
var (
	deprecationDate = []string{"@1544832000"} // 2018-12-15
	migrationLink   = []string{`</docs/migrating/>; rel="deprecation"; type="text/html"`}
)

// NoteDeprecated records that the request uses an old name or path. Every response to it has the headers above, and a
// metric counts it.
func (r *Request) NoteDeprecated(use string) {
	if !slices.Contains(r.deprecatedUses, use) {
		r.deprecatedUses = append(r.deprecatedUses, use)
	}
}

// setDeprecationHeaders writes the headers, and counts the uses if the work provider is known or the path needs no key.
func (f *function) setDeprecationHeaders(header http.Header, r *Request) {
	if len(r.deprecatedUses) == 0 {
		return
	}
	header["Deprecation"] = deprecationDate
	header["Link"] = migrationLink
	if f.keys != nil && r.Provider.ID == "" {
		return
	}
	for _, use := range r.deprecatedUses {
		observe.Deprecation(r.Context(), r.Provider.ID, use)
	}
}
