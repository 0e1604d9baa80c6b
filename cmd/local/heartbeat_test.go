package main

import (
	"testing"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/heartbeat"
)

// A heartbeat goes the whole way, from the API through the queue and the processor to the table.
func TestHeartbeat(t *testing.T) {
	w := options{engine: emulator.EngineFromOS(), root: "../..", state: t.TempDir(), port: "0"}
	serve(t, w, func(world demo.Data) {
		h := heartbeat.New(config.From(map[string]string{"SITE_URL": world.URL, "HEARTBEAT_KEY": world.WorkProviders[0].Key}))
		if latency, err := h.Beat(t.Context()); err != nil || latency <= 0 {
			t.Errorf("applied after %v, %v", latency, err)
		}
	})
}
