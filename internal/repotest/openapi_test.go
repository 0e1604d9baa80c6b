package repotest

import (
	"slices"
	"testing"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/web"
)

// openapi.yaml documents no operation without a route. That every route is documented is
// TestEndpointFiles.
func TestOpenAPIRoutes(t *testing.T) {
	for _, o := range contract.Operations(t) {
		if !slices.ContainsFunc(
			web.Routes,
			func(r web.Route) bool { return r.Method == o.Method && slices.Contains(r.Paths, o.Path) },
		) {
			t.Errorf("openapi.yaml documents %s %s, which pkg/web/routes.go does not have", o.Method, o.Path)
		}
	}
}
