package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"golang.org/x/sync/errgroup"

	"zego.com/workprovider/internal/poller"
	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/serve"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// The work provider whose events are timed sends one per interval. The flood is another's single events.
const (
	timedEvents   = 200
	timedInterval = 100 * time.Millisecond
	floodEvents   = 10_000
	floodPeople   = 1000

	// The embedded DynamoDB makes about a thousand calls per second in all, so each of the 20 processors makes few at a
	// time.
	embeddedCalls = 2
)

// percentiles are those of the time from a 202 to the record of the shift, in seconds.
type percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func percentilesOf(seconds []float64) percentiles {
	slices.Sort(seconds)
	at := func(p float64) float64 { return seconds[min(int(p*float64(len(seconds))), len(seconds)-1)] }
	return percentiles{P50: at(0.5), P99: at(0.99)}
}

// latencies are the times until an event is applied.
type latencies struct {
	Alone   percentiles `json:"alone"`
	Flooded percentiles `json:"flooded"`
	Backlog int         `json:"backlog"` // messages of the flood that were still queued when the last event was applied
}

// latencyStack is the API and its poller, as make run has them, with the batching window of template.yaml.
type latencyStack struct {
	accept accept
	quiet  string // key
	loud   string // key
	poll   poller.Poller

	mu      sync.Mutex
	applied map[string]time.Time // when the record of a customer of the quiet work provider was written
}

func newLatencyStack(ctx context.Context, server *emulator.Server) (*latencyStack, error) {
	env, err := server.NewEnv(ctx, "PROVIDER_REQUESTS_PER_SECOND=100000")
	if err != nil {
		return nil, err
	}
	store := timeline.NewStore(env)
	s := &latencyStack{applied: map[string]time.Time{}}
	storage := timeline.Intercept(store, func(c timeline.Call, call func() error) error {
		err := call()
		if c.Op == "PutRecord" && c.Provider == "courier-ltd" && err == nil {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.applied[c.Key] = time.Now()
		}
		return err
	})
	providers := apikey.NewStore(env)
	now := time.Now()
	for name, key := range map[string]*string{"Courier Ltd": &s.quiet, "Parcels Ltd": &s.loud} {
		p, err := providers.Create(ctx, provider.Provider{Name: name}, now)
		if err != nil {
			return nil, err
		}
		if *key, _, err = providers.IssueKey(ctx, p.ID, now); err != nil {
			return nil, err
		}
		if err := linkPeople(ctx, store, p.ID, floodPeople, now.AddDate(0, -1, 0)); err != nil {
			return nil, err
		}
	}
	keys := apikey.CacheFrom(env)
	sender := queue.NewEventsQueue(env)
	ids := seal.NewFromEnv(env)
	s.accept = serve.Proxy(shift.Login(keys, sender, ids, time.Now))
	definitions, err := template.Read("template.yaml")
	if err != nil {
		return nil, err
	}
	s.poll = poller.Poller{
		Client:   sqs.NewFromConfig(env.AWS()),
		QueueURL: env.Get("EVENTS_QUEUE_URL"),
		Consumers: poller.Instances(definitions, "Processor", func() consumer.Func {
			return shift.Processor(timeline.NewApplier(storage, embeddedCalls), deadletter.NewStore(env), time.Now)
		}),
		Window: poller.Window(definitions, "Processor"),
	}
	return s, env.Err()
}

// measureLatency times events alone, then beside a flood of another work provider.
func measureLatency(ctx context.Context, server *emulator.Server) (latencies, error) {
	s, err := newLatencyStack(ctx, server)
	if err != nil {
		return latencies{}, err
	}
	polling, stop := context.WithCancel(ctx)
	var poll errgroup.Group
	poll.Go(func() error {
		s.poll.Run(polling)
		return nil
	})
	var l latencies
	err = func() error {
		if l.Alone, err = s.time(ctx, 0); err != nil {
			return err
		}
		progress("a flood of %d events is sent", floodEvents)
		if err := s.flood(ctx); err != nil {
			return err
		}
		if l.Flooded, err = s.time(ctx, timedEvents); err != nil {
			return err
		}
		l.Backlog, err = s.backlog(ctx)
		if err == nil && l.Backlog == 0 {
			err = errors.New("the flood was over before the last event was timed")
		}
		return err
	}()
	_, purgeErr := s.poll.Client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &s.poll.QueueURL})
	stop()
	return l, errors.Join(err, purgeErr, poll.Wait())
}

// time has people of the quiet work provider log in one after the other, and times each until the shift is recorded.
func (s *latencyStack) time(ctx context.Context, firstPerson int) (percentiles, error) {
	seconds := make([]float64, timedEvents)
	accepted := make([]time.Time, timedEvents)
	tick := time.NewTicker(timedInterval)
	defer tick.Stop()
	for i := range accepted {
		<-tick.C
		body := eventBody(time.Now(), firstPerson+i)
		if err := s.login(ctx, s.quiet, body); err != nil {
			return percentiles{}, err
		}
		accepted[i] = time.Now()
	}
	for i := range seconds {
		at, err := s.appliedAt(ctx, customerOf(firstPerson+i))
		if err != nil {
			return percentiles{}, err
		}
		seconds[i] = at.Sub(accepted[i]).Seconds()
	}
	return percentilesOf(seconds), nil
}

// appliedAt waits until a customer's record was written.
func (s *latencyStack) appliedAt(ctx context.Context, customer string) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		s.mu.Lock()
		at, ok := s.applied[customer]
		s.mu.Unlock()
		if ok {
			return at, nil
		}
		select {
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("the login of %s is not applied within a minute: %w", customer, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// flood sends the other work provider's events: ten of each of its people.
func (s *latencyStack) flood(ctx context.Context) error {
	first := time.Now().AddDate(0, 0, -2)
	return inParallel(floodEvents, func(i int) error {
		body := eventBody(first.Add(time.Duration(i/floodPeople)*time.Hour), i%floodPeople)
		return s.login(ctx, s.loud, body)
	})
}

// login sends an event and returns when it is accepted.
func (s *latencyStack) login(ctx context.Context, key string, body []byte) error {
	response, err := s.accept(ctx, gatewayEvent("/v1/shift/login", key, body))
	if err != nil || response.StatusCode != 202 {
		return fmt.Errorf("a login is answered %d %s (%w)", response.StatusCode, response.Body, err)
	}
	return nil
}

// backlog returns the number of messages that nobody has received yet.
func (s *latencyStack) backlog(ctx context.Context) (n int, err error) {
	out, err := s.poll.Client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl:       &s.poll.QueueURL,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessages},
	})
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &n)
	return n, err
}
