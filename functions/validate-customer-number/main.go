// Command validate-customer-number answers GET /v1/validate/customer-number/{customerNumber}.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/serve"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		return customer.Validate(apikey.CacheFrom(env), customer.NewStore(env))
	})
}
