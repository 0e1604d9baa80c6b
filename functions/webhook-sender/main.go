// Command webhook-sender tells work providers at their webhooks that somebody signed up, and records what they reply.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/webhook"
)

func main() {
	serve.Queue(func(env *config.Env) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
		return webhook.SenderFrom(env, shift.Refolder(queue.SenderFrom(env))).Consume
	})
}
