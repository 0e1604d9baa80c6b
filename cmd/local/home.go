package main

import (
	"fmt"
	"net/http"
)

// home is the page at the root, which leads on to what runs here. There is no such page on AWS.
const home = `<!DOCTYPE html>
<html lang="en-GB"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Work provider API</title>
<style>body{font:1rem/1.5 sans-serif;max-width:42rem;margin:1rem auto;padding:0 1rem}</style></head>
<body><main><h1>Work provider API</h1>
<p>This is <code>make run</code>: the API, on an embedded DynamoDB and SQS.</p>
<ul>
<li><a href="docs/">Documentation</a>, with the API reference</li>
<li><a
  href="v1/link-work-provider/?work_provider=Courier+Ltd&amp;work_provider_user_id=77&amp;email=you@example.com">
  A work provider's link</a>, to sign up</li>
<li><a href="account">Account</a>, to sign in</li>
<li><a href="local/outbox">Outbox</a>, with the mails that were sent</li>
</ul>
<p>API keys and customers of the demo data: <code>%s</code></p>
</main></body></html>
`

// withHome serves the page at the root, and passes every other path to the API.
func withHome(demoFile string, api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead {
			api.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, home, demoFile)
	})
}
