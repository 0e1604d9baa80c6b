// Command dead-letters keeps for good what the queue of events gave up.
package main

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/serve"
)

func main() {
	serve.Queue(func(env *config.Env) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return queue.DropStale(env, deadletter.Consumer(deadletter.NewStore(env), time.Now))
	})
}
