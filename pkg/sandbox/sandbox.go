// Package sandbox is what a sandbox has and a live stack has not: controls for its clock, a reset, and people who
// always give a certain answer.
//
//	sandbox.go   the endpoints, and the reset
//	customers.go the test customers
//
// A sandbox is a whole stack of its own, made from the same template, with the same functions. It is small: who
// shares it shares its clock, and a reset is everybody's.
package sandbox

import (
	"context"
	"net/http"
	"strings"
	"time"

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

// Sandbox is what its endpoints work on.
type Sandbox struct {
	clock     *clock.Sandbox
	providers *apikey.Store
	customers *customer.Store
	timelines *timeline.Store
	tables    []dynamo.Table
	epoch     *queue.Epoch
}

// New is the sandbox of the environment. It is refused where SANDBOX is not true, for a reset forgets everybody.
func New(env *config.Env) *Sandbox {
	if !env.Sandbox() {
		env.Invalid("SANDBOX", "is not true, so there must be no function to reset it")
	}
	db := dynamo.New(env.AWS())
	return &Sandbox{
		clock:     clock.NewSandbox(env),
		providers: apikey.NewStore(env),
		customers: customer.NewStore(env),
		timelines: timeline.NewStore(env),
		tables:    []dynamo.Table{db.Table(env.Get("TIMELINES_TABLE")), db.Table(env.Get("CUSTOMERS_TABLE"))},
		epoch:     queue.NewEpoch(env),
	}
}

// Controls is the function of GET and PUT /v2/sandbox/clock and POST /v2/sandbox/reset.
func Controls(keys web.Authenticator, s *Sandbox) http.Handler {
	return web.NewFunction("sandbox-controls", keys, map[string]web.Handler{
		"GET /v2/sandbox/clock":  s.getClock,
		"PUT /v2/sandbox/clock":  s.setClock,
		"POST /v2/sandbox/reset": s.reset,
	})
}

// clockBody is the body of every answer, and of a PUT: what time it is.
type clockBody struct {
	Now string `json:"now"`
}

func clockResponse(now time.Time) web.Response {
	return web.Response{Status: http.StatusOK, Body: clockBody{web.FormatTime(now)}}
}

func (s *Sandbox) getClock(*web.Request) (web.Response, error) {
	return clockResponse(s.clock.Now()), nil
}

// maxOffset is how far from the real time the clock may be put: beyond it there is nothing to try.
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

// reset makes the sandbox what it was at first, but for work providers, keys and products. It begins the next epoch
// first, so that what is in the queues is dropped: v2 keeps recovery messages there for half a minute, which would
// restore the shifts.
func (s *Sandbox) reset(r *web.Request) (web.Response, error) {
	if err := s.epoch.Advance(r.Context()); err != nil {
		return web.Response{}, err
	}
	for _, t := range s.tables {
		if err := clearTable(r.Context(), t); err != nil {
			return web.Response{}, table.Unavailable(t.Name(), err)
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

// clearTable deletes every row of a table but the products.
func clearTable(ctx context.Context, t dynamo.Table) error {
	var row struct {
		PK string `dynamo:"pk"`
		SK string `dynamo:"sk"`
	}
	var keys []dynamo.Keyed
	rows := t.Scan().Project(table.PK, table.SK).Consistent(true).Iter()
	for rows.Next(ctx, &row) {
		if !strings.HasPrefix(row.PK, table.ProductSort) {
			keys = append(keys, dynamo.Keys{row.PK, row.SK})
		}
	}
	if err := rows.Err(); err != nil || len(keys) == 0 {
		return err
	}
	_, err := t.Batch(table.PK, table.SK).Write().Delete(keys...).Run(ctx)
	return err
}
