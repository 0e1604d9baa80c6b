package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"zego.com/workprovider/internal/poller"
	"zego.com/workprovider/internal/weather"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/emulator"
)

var soak = flag.Bool("soak", false, "run what takes an hour: many seeds of each kind of weather, and all kinds at once")

// weatherRates are how often each kind happens. What leaves a call half done happens to every other one; what is as it
// should be, to each.
var weatherRates = map[weather.Kind]float64{
	weather.ShortPages:       1,
	weather.LostAnswers:      0.08,
	weather.Throttling:       0.15,
	weather.UnprocessedItems: 0.5,
	weather.PartialFailures:  0.5,
	weather.DoubledSends:     1,
	weather.Conflicts:        0.1,
}

// soakSeeds are the seeds of each kind under -soak.
const soakSeeds = 20

// TestWeather sends the requests of the contract through each kind of weather, from the demo world on. The answers are
// those of a fine day, or a 503 that is another one when it is sent again; what was accepted is applied.
func TestWeather(t *testing.T) {
	seeds := uint64(1)
	forecasts := map[string]map[weather.Kind]float64{}
	for _, kind := range weather.Kinds() {
		forecasts[string(kind)] = map[weather.Kind]float64{kind: weatherRates[kind]}
	}
	if *soak {
		seeds = soakSeeds
		all := map[weather.Kind]float64{}
		for kind, rate := range weatherRates {
			all[kind] = rate / 2
		}
		forecasts["everything at once"] = all
	}
	for name, rates := range forecasts {
		for seed := range seeds {
			t.Run(fmt.Sprintf("%s, seed %d", name, seed), func(t *testing.T) {
				checkInWeather(t, weather.Forecast{Seed: seed, Rates: rates})
			})
		}
	}
}

func checkInWeather(t *testing.T, f weather.Forecast) {
	c := newClientIn(t, f)
	c.events()
	c.customers()
	c.shifts()
	c.pages()
	c.applied()
	sandboxed := newClientIn(t, f, "SANDBOX=true")
	sandboxed.sandbox()
}

// TestResetTimeout: if DynamoDB leaves all items of every batch unprocessed, a reset ends with a 503, and is complete
// once it is repeated on a better day.
func TestResetTimeout(t *testing.T) {
	env := emulator.NewTestEnv(t, "SANDBOX=true")
	fine := env.AWS()
	sky, err := weather.Attach(env, weather.Forecast{Rates: map[weather.Kind]float64{weather.UnprocessedItems: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sky.Close)
	c := newClientOf(t, env)
	c.ask("POST /v2/sandbox/reset", "", "", http.StatusServiceUnavailable)
	env.SetAWS(fine)
	c.api = fullAPI(t, env)
	c.ask("POST /v2/sandbox/reset", "", "", http.StatusOK)
}

// newClientIn returns a client whose API meets the weather from its first call on.
func newClientIn(t *testing.T, f weather.Forecast, variables ...string) *client {
	env := emulator.NewTestEnv(t, variables...)
	sky, err := weather.Attach(env, f)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(sky.Close)
	c := newClientOf(t, env)
	c.retries = 10
	t.Cleanup(func() { t.Log(sky.Hits()) })
	return c
}

// applied sends a login, and consumes the queues as Lambda does until it is applied.
func (c *client) applied() {
	c.t.Helper()
	ctx, stop := context.WithCancel(c.t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer stop()
	events := poller.Poller{
		Client:    sqs.NewFromConfig(c.env.AWS()),
		QueueURL:  c.env.Get("EVENTS_QUEUE_URL"),
		Consumers: []consumer.Func{processor(c.env)},
	}
	running.Go(func() { events.Run(ctx) })

	login := fmt.Sprintf(`{"workProviderUserId":"12345","timestamp":%q}`, ago(5))
	accepted := c.ask("POST /v1/shift/login", "", login, http.StatusAccepted)
	for range 600 {
		answer := c.ask("GET /v2/event/{id}", accepted.Header.Get("Location"), "", http.StatusOK)
		var event struct{ State string }
		if err := json.NewDecoder(answer.Body).Decode(&event); err != nil {
			c.t.Fatal(err)
		}
		if event.State == "APPLIED" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Error("a login that was accepted is not applied")
}
