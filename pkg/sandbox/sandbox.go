// Package sandbox contains what only a sandbox has: an adjustable clock, a reset, and test customers with fixed
// behaviour.
//
//	sandbox.go    the endpoints, and the reset
//	customers.go  the test customers
//
// A sandbox is a separate stack, deployed from the same template, with the same functions. All its users share the
// clock and the reset.
package sandbox

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// Sandbox has the clock and the stores that the endpoints use.
type Sandbox struct {
	clock     *clock.Sandbox
	providers *apikey.Store
	customers *customer.Store
	timelines *timeline.Store
	client    *dynamodb.Client
	db        *dynamo.DB
	tables    []string
	epoch     *queue.Epoch
}

// New returns the sandbox of the environment. SANDBOX must be true, because a reset deletes all customers.
func New(env *config.Env) *Sandbox {
	if !env.Sandbox() {
		env.Invalid("SANDBOX", "is not true, so there must be no function to reset it")
	}
	return &Sandbox{
		clock:     clock.NewSandbox(env),
		providers: apikey.NewStore(env),
		customers: customer.NewStore(env),
		timelines: timeline.NewStore(env),
		client:    dynamodb.NewFromConfig(env.AWS()),
		db:        dynamo.New(env.AWS()),
		tables:    []string{env.Get("TIMELINES_TABLE"), env.Get("CUSTOMERS_TABLE")},
		epoch:     queue.NewEpoch(env),
	}
}

// Controls returns the function for GET and PUT /v2/sandbox/clock and POST /v2/sandbox/reset.
func Controls(keys web.Authenticator, s *Sandbox) http.Handler {
	return web.NewFunction("sandbox-controls", keys, map[string]web.Handler{
		"GET /v2/sandbox/clock":  s.getClock,
		"PUT /v2/sandbox/clock":  s.setClock,
		"POST /v2/sandbox/reset": s.reset,
	})
}

// clockBody is the body of every response, and of a PUT: the current time.
type clockBody struct {
	Now string `json:"now"`
}

func clockResponse(now time.Time) web.Response {
	return web.Response{Status: http.StatusOK, Body: clockBody{web.FormatTime(now)}}
}

func (s *Sandbox) getClock(*web.Request) (web.Response, error) {
	return clockResponse(s.clock.Now()), nil
}

// maxOffset is the maximum difference between the clock and real time.
const maxOffset = 10 * 365 * 24 * time.Hour

func (s *Sandbox) setClock(r *web.Request) (web.Response, error) {
	var in clockBody
	if err := web.Decode(r.Body, &in); err != nil {
		return web.Response{}, err
	}
	to, err := web.ParseTime("now", in.Now, web.ZoneOptional)
	if err != nil {
		return web.Response{}, err
	}
	if time.Until(to).Abs() > maxOffset {
		return web.Response{}, fault.InvalidField("now", "`now` must be within ten years of the real time.")
	}
	if err := s.clock.Set(r.Context(), to); err != nil {
		return web.Response{}, err
	}
	return clockResponse(to), nil
}

// reset restores the initial state, except for work providers, keys and products. It first starts the next epoch, so
// that messages in the queues are dropped: the recovery messages of v2, which stay there for half a minute, would
// restore shifts.
func (s *Sandbox) reset(r *web.Request) (web.Response, error) {
	if err := s.epoch.Advance(r.Context()); err != nil {
		return web.Response{}, err
	}
	for _, t := range s.tables {
		if err := s.clearTable(r.Context(), t); err != nil {
			return web.Response{}, err
		}
	}
	if err := s.clock.Reset(r.Context()); err != nil {
		return web.Response{}, err
	}
	if err := s.Seed(r.Context()); err != nil {
		return web.Response{}, err
	}
	return clockResponse(time.Now()), nil
}

// clearTable deletes every item of a table except products.
func (s *Sandbox) clearTable(ctx context.Context, name string) error {
	var key table.Key
	var keys []table.Key
	items := s.db.Table(name).Scan().Project(table.PK, table.SK).Consistent(true).Iter()
	for items.Next(ctx, &key) {
		if !strings.HasPrefix(key.PK, table.ProductSort) {
			keys = append(keys, key)
		}
	}
	if err := items.Err(); err != nil {
		return table.Unavailable(name, err)
	}
	return table.Delete(ctx, s.client, name, keys)
}
