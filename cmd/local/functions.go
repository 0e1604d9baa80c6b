package main

import (
	"net/http"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/mail"
	"zego.com/workprovider/pkg/pages"
	"zego.com/workprovider/pkg/phone"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/sandbox"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// functions are the functions of the API by the names of their folders, each built as its main builds it. A new
// endpoint is one more entry; a repository test compares the list with the folders.
var functions = map[string]func(*config.Env) http.Handler{
	"shift-login": func(env *config.Env) http.Handler {
		return shift.Login(apikey.CacheFrom(env), queue.NewEventsQueue(env), seal.NewFromEnv(env), clock.New(env))
	},
	"shift-logout": func(env *config.Env) http.Handler {
		return shift.Logout(apikey.CacheFrom(env), queue.NewEventsQueue(env), seal.NewFromEnv(env), clock.New(env))
	},
	"batch-login": func(env *config.Env) http.Handler {
		return shift.BatchLogin(apikey.CacheFrom(env), queue.NewEventsQueue(env), seal.NewFromEnv(env), clock.New(env))
	},
	"batch-logout": func(env *config.Env) http.Handler {
		return shift.BatchLogout(apikey.CacheFrom(env), queue.NewEventsQueue(env), seal.NewFromEnv(env), clock.New(env))
	},
	"match": func(env *config.Env) http.Handler {
		return shift.Match(apikey.CacheFrom(env), queue.NewEventsQueue(env), seal.NewFromEnv(env), clock.New(env))
	},
	"shift-create": func(env *config.Env) http.Handler {
		return shift.Create(apikey.CacheFrom(env), shift.NewWriter(reader(env), queue.NewEventsQueue(env)))
	},
	"shift-end": func(env *config.Env) http.Handler {
		return shift.End(apikey.CacheFrom(env), shift.NewWriter(reader(env), queue.NewEventsQueue(env)))
	},
	"shift-read": func(env *config.Env) http.Handler {
		return shift.Read(apikey.CacheFrom(env), reader(env))
	},
	"event-read": func(env *config.Env) http.Handler {
		return shift.ReadEvents(apikey.CacheFrom(env), reader(env))
	},
	"event-void": func(env *config.Env) http.Handler {
		return shift.Void(apikey.CacheFrom(env), shift.NewWriter(reader(env), queue.NewEventsQueue(env)))
	},
	"user-status": func(env *config.Env) http.Handler {
		return customer.Status(apikey.CacheFrom(env), customer.NewStore(env), timeline.NewStore(env), clock.New(env))
	},
	"validate-customer-number": func(env *config.Env) http.Handler {
		return customer.Validate(apikey.CacheFrom(env), customer.NewStore(env))
	},
	"customer-enrol": func(env *config.Env) http.Handler {
		refold := shift.NewRecomputeRequester(queue.NewEventsQueue(env))
		register := customer.NewRegistrar(customer.NewStore(env), timeline.NewStore(env), refold)
		return customer.Enrol(apikey.CacheFrom(env), register, phone.Normalise, clock.New(env))
	},
	"link-work-provider": func(env *config.Env) http.Handler {
		return pages.Link(pages.NewSite(env, nil, nil, nil, clock.New(env)))
	},
	"account": func(env *config.Env) http.Handler {
		links := link.New(timeline.NewStore(env), shift.NewRecomputeRequester(queue.NewEventsQueue(env)))
		return pages.Account(pages.NewSite(env, links, mail.NewSES(env), pages.NewWebhooks(env), clock.New(env)))
	},
	"sandbox-controls": func(env *config.Env) http.Handler {
		return sandbox.Controls(apikey.CacheFrom(env), sandbox.New(env))
	},
	"fallback": func(*config.Env) http.Handler { return web.Fallback() },
}

// build builds all functions, those of a sandbox only for one, as template.yaml has it.
func build(env *config.Env) map[string]http.Handler {
	handlers := map[string]http.Handler{}
	for name, build := range functions {
		if name != "sandbox-controls" || env.Sandbox() {
			handlers[name] = build(env)
		}
	}
	return handlers
}

// processor is the function behind the queue.
func processor(env *config.Env) consumer.Func {
	applier := timeline.NewApplier(timeline.NewStore(env), 32)
	process := shift.Processor(applier, deadletter.NewStore(env), time.Now)
	publisher := webhook.NewPublisherFromEnv(env)
	consume := shift.PublishMatches(shift.NotifyRejected(process, publisher.PublishProcessed), publisher.PublishMatch)
	return queue.NewEventsQueue(env).WithBackoff(queue.DropStale(env, consume))
}

// webhookSender is the function behind the queue of webhooks.
func webhookSender(env *config.Env) consumer.Func {
	sender := webhook.NewSender(env, shift.NewRecomputeRequester(queue.NewEventsQueue(env)), reader(env).RejectedEvents)
	return webhook.NewQueue(env).WithBackoff(queue.DropStale(env, sender.Consume))
}

// deadLetters is the function behind the dead-letter queues.
func deadLetters(env *config.Env) consumer.Func {
	return queue.DropStale(env, deadletter.Consumer(deadletter.NewStore(env), time.Now))
}

func reader(env *config.Env) shift.Reader {
	return shift.NewReader(timeline.NewStore(env), seal.NewFromEnv(env), clock.New(env))
}
