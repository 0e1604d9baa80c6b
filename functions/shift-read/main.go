// Command shift-read answers GET /v2/shift/{id} and GET /v2/shift.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		reader := shift.NewReader(timeline.NewStore(env), seal.NewFromEnv(env), clock.New(env))
		return shift.Read(apikey.CacheFrom(env), reader)
	})
}
