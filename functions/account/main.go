// Command account serves the pages that people see, under /account.
package main

import (
	"net/http"

	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/mail"
	"zego.com/workprovider/pkg/pages"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

func main() {
	serve.HTTP(func(env *config.Env) http.Handler {
		links := link.New(timeline.NewStore(env), shift.NewRecomputeRequester(queue.NewEventsQueue(env)))
		return pages.Account(pages.NewSite(env, links, mail.NewSES(env), pages.NewWebhooks(env), clock.New(env)))
	})
}
