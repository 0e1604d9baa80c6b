// Command dead-letters keeps for good what the queue of events gave up.
package main

import (
	"time"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/serve"
)

func main() {
	serve.Queue(func(env *config.Env) consumer.Func {
		return queue.DropStale(env, deadletter.Consumer(deadletter.NewStore(env), time.Now))
	})
}
