// Command fallback answers every request that no other function is there for: unknown paths and wrong methods.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/web"
)

func main() {
	serve.HTTP(func(*config.Env) http.Handler { return web.Fallback() })
}
