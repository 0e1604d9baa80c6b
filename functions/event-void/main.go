// Command event-void answers POST /v2/event/{id}/void.
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
	"zego.com/workprovider/pkg/timeline"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		reader := shift.NewReader(timeline.NewStore(env), seal.NewFromEnv(env), clock.New(env))
		return shift.Void(apikey.CacheFrom(env), shift.NewWriter(reader, queue.NewEventsQueue(env)))
	})
}
