// Command customer-enrol answers POST /v1/customer/enrol.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/phone"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		refold := shift.NewRecomputeRequester(queue.NewEventsQueue(env))
		register := customer.NewRegistrar(customer.NewStore(env), timeline.NewStore(env), refold)
		return customer.Enrol(apikey.CacheFrom(env), register, phone.Normalise, clock.New(env))
	})
}
