// Command webhook-sender tells work providers at their webhooks what they want to know, and records what they reply.
package main

import (
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/webhook"
)

func main() {
	serve.Queue(func(env *config.Env) consumer.Func {
		reader := shift.NewReader(timeline.NewStore(env), seal.NewFromEnv(env), clock.New(env))
		sender := webhook.NewSender(env, shift.NewRecomputeRequester(queue.NewEventsQueue(env)), reader.RejectedEvents)
		return webhook.NewQueue(env).WithBackoff(queue.DropStale(env, sender.Consume))
	})
}
