// Command user-status answers GET /v1/user/status and GET /v1/status.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/timeline"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		return customer.Status(apikey.CacheFrom(env), customer.NewStore(env), timeline.NewStore(env), clock.New(env))
	})
}
