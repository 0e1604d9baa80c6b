package weather

import (
	"context"
	"net/http/httptest"
	"net/url"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"zego.com/workprovider/pkg/config"
)

// Sky is the weather that an environment's clients have.
type Sky struct {
	proxies []*Proxy
	servers []*httptest.Server
}

// Attach lets the clients that are built from an environment from now on meet the weather, on their way to DynamoDB and
// SQS. Close it in the end.
func Attach(env *config.Env, f Forecast) (*Sky, error) {
	cfg := env.AWS().Copy()
	sky := &Sky{}
	through := endpoints{}
	for _, service := range []string{"DynamoDB", "SQS"} {
		engine, err := url.Parse(endpointOf(cfg, service))
		if err != nil {
			return nil, err
		}
		proxy := New(engine, f)
		server := httptest.NewServer(proxy)
		sky.proxies = append(sky.proxies, proxy)
		sky.servers = append(sky.servers, server)
		through[service] = server.URL
	}
	cfg.ConfigSources = slices.Insert(slices.Clone(cfg.ConfigSources), 0, any(through))
	env.SetAWS(cfg)
	return sky, nil
}

// Close ends the proxies.
func (s *Sky) Close() {
	for _, server := range s.servers {
		server.CloseClientConnections()
		server.Close()
	}
}

// Hits returns how often each kind has happened.
func (s *Sky) Hits() map[Kind]int {
	hits := map[Kind]int{}
	for _, p := range s.proxies {
		for kind, n := range p.Hits() {
			hits[kind] += n
		}
	}
	return hits
}

// endpoints are those of services by their SDK ID. The SDK asks sources of configuration for them in turn.
type endpoints map[string]string

// GetServiceBaseEndpoint returns the endpoint of a service.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, sdkID string) (string, bool, error) {
	endpoint, ok := e[sdkID]
	return endpoint, ok, nil
}

// endpointOf returns the endpoint that a service has in a configuration.
func endpointOf(cfg aws.Config, sdkID string) string {
	for _, source := range cfg.ConfigSources {
		provider, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, ok, err := provider.GetServiceBaseEndpoint(context.Background(), sdkID); err == nil && ok {
			return endpoint
		}
	}
	return aws.ToString(cfg.BaseEndpoint)
}
