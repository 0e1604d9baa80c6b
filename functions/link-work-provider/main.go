// Command link-work-provider answers GET /v1/link-work-provider and GET /link-work-provider.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/pages"
	"zego.com/workprovider/pkg/serve"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		return pages.Link(pages.NewSite(env, nil, nil, nil, clock.New(env))) // it changes nothing but what it keeps
	})
}
