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

// What the gateway answers instead of us fits what openapi.yaml says of refusals, on the paths of v1 as of v2.
func TestTheGatewaysAnswersAreDocumented(t *testing.T) {
	responses := object(read(t).Resources["Api"].Properties["GatewayResponses"])
	if responses["THROTTLED"] == nil {
		t.Fatal("template.yaml does not say what the gateway answers to too many requests: openapi.yaml does")
	}
	for name, response := range responses {
		body, _ := object(object(response)["ResponseTemplates"])["application/json"].(string)
		contract.Fits(t, "V1Refusal", []byte(body))
		contract.Fits(t, "V2Refusal", []byte(body))
		headers := object(object(object(response)["ResponseParameters"])["Headers"])
		status := object(response)["StatusCode"]
		if headers["X-Request-Id"] == nil || headers["Retry-After"] == nil && (status == "429" || status == "503") {
			t.Errorf("%s of the GatewayResponses in template.yaml lacks X-Request-Id or Retry-After, which openapi.yaml promises", name)
		}
	}
}
