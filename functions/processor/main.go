// Command processor turns queued events into facts, and facts into shift records.
package main

import (
	"time"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/webhook"
)

// parallel is how many calls to DynamoDB are under way at once: enough to hide their latency.
const parallel = 32

func main() {
	serve.Queue(func(env *config.Env) consumer.Func {
		process := shift.Processor(timeline.NewApplier(timeline.NewStore(env), parallel), deadletter.NewStore(env), time.Now)
		publisher := webhook.NewPublisherFromEnv(env)
		consume := shift.PublishMatches(shift.NotifyRejected(process, publisher.PublishProcessed), publisher.PublishMatch)
		return queue.NewEventsQueue(env).WithBackoff(queue.DropStale(env, consume))
	})
}
