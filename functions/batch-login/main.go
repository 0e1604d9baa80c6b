// Command batch-login answers POST /v1/batch/login.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		return shift.BatchLogin(apikey.CacheFrom(env), queue.NewEventsQueue(env), seal.NewFromEnv(env), clock.New(env))
	})
}
