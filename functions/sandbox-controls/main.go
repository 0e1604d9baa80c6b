// Command sandbox-controls answers what only a sandbox has: GET and PUT /v2/sandbox/clock, and POST /v2/sandbox/reset.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/sandbox"
	"zego.com/workprovider/pkg/serve"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		return sandbox.Controls(apikey.CacheFrom(env), sandbox.New(env))
	})
}
