package main

import (
	"html/template"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"zego.com/workprovider/pkg/emulator"
)

// outboxPath is where the mails can be read that the pages send. There is no such page on AWS.
const outboxPath = "/local/outbox"

// address is an address in a mail.
var address = regexp.MustCompile(`https?://\S+`)

var outboxPage = template.Must(template.New("").Funcs(template.FuncMap{
	"parts": func(text string) (parts []part) {
		for text != "" {
			at := address.FindStringIndex(text)
			if at == nil {
				return append(parts, part{Text: text})
			}
			parts = append(parts, part{Text: text[:at[0]]}, part{Link: text[at[0]:at[1]]})
			text = text[at[1]:]
		}
		return parts
	},
	"join": strings.Join,
}).Parse(`<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Outbox</title><style>
body{font:1rem/1.5 sans-serif;max-width:42rem;margin:1rem auto;padding:0 1rem;overflow-wrap:anywhere}
pre{white-space:pre-wrap;font:inherit}
article{border-top:1px solid #888}
</style></head>
<body><main><h1>Outbox</h1><p>Mails that went nowhere but here, the newest first.</p>
{{range .}}<article><h2>{{.Subject}}</h2><p>To {{join .To ", "}}, {{.Sent.Format "15:04:05"}}</p>
<pre>{{range parts .Text}}{{if .Link}}<a href="{{.Link}}">{{.Link}}</a>{{else}}{{.Text}}{{end}}{{end}}</pre></article>
{{else}}<p>There is none yet.</p>{{end}}</main></body></html>
`))

// part is a piece of a mail: words, or a link.
type part struct{ Text, Link string }

// withOutbox shows the mails that the emulator at the endpoint took, and leaves every other path to the API. A mux
// would not leave them alone: it redirects what it takes for unclean.
func withOutbox(endpoint string, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != outboxPath {
			api.ServeHTTP(w, r)
			return
		}
		mails, err := emulator.Outbox(r.Context(), endpoint)
		if err != nil {
			slog.Error("the outbox cannot be read", "error", err)
			http.Error(w, "The outbox cannot be read.", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		outboxPage.Execute(w, mails) // if it fails, nobody is reading any more
	})
}
