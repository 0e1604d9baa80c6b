// Command heartbeat sends an event through the whole API each minute, and measures the time until it is applied.
package main

import (
	"context"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/heartbeat"
	"zego.com/workprovider/pkg/serve"
)

func main() {
	serve.Schedule(func(env *config.Env) func(context.Context) error { return heartbeat.New(env).Run })
}
