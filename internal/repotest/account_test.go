package repotest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// CloudFormation works with a role of its own, which deploy/account.yaml makes: it needs rights in every service that the
// template uses.
func TestTheDeployingRoleKnowsEveryService(t *testing.T) {
	account, err := os.ReadFile(filepath.Join(root, "deploy", "account.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	prefixes := map[string]string{"Serverless": "lambda"} // what SAM makes of a function; of an Api, apigateway
	for name, resource := range read(t).Resources {
		service := strings.Split(resource.Type, "::")[1]
		prefix, ok := prefixes[service]
		if !ok {
			prefix = strings.ToLower(service)
		}
		if !strings.Contains(string(account), prefix+":") {
			t.Errorf("deploy/account.yaml grants nothing in %s, which %s in template.yaml needs: add it to ExecutionRole", prefix, name)
		}
	}
}
