package repotest

import (
	"slices"
	"testing"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/web"
)

// Every route of the code stands in openapi.yaml, and the other way round. That the code's are those of template.yaml is
// tested beside the functions, so a route that is in only one of the three is found.
func TestRoutesStandInOpenAPI(t *testing.T) {
	var coded, documented []string
	for _, route := range web.Routes {
		for _, path := range route.Paths {
			coded = append(coded, route.Method+" "+path)
		}
	}
	for _, operation := range contract.Operations(t) {
		documented = append(documented, operation.Method+" "+operation.Path)
	}
	for _, route := range coded {
		if !slices.Contains(documented, route) {
			t.Errorf("pkg/web has %s, which openapi.yaml does not document", route)
		}
	}
	for _, operation := range documented {
		if !slices.Contains(coded, operation) {
			t.Errorf("openapi.yaml documents %s, which pkg/web does not have", operation)
		}
	}
}
