package repotest

import (
	"strings"
	"testing"
)

// CloudFormation works with a role of its own, which deploy/account.yaml makes: it needs rights in every service that
// the template uses.
func TestDeployingRoleServices(t *testing.T) {
	account := readFile(t, "deploy/account.yaml")
	for name, resource := range read(t).Resources {
		prefix := strings.ToLower(strings.Split(resource.Type, "::")[1])
		if prefix == "serverless" {
			prefix = "lambda" // what SAM makes of a function; of an Api, apigateway
		}
		if !strings.Contains(account, prefix+":") {
			t.Errorf(
				"deploy/account.yaml grants nothing in %s, which %s in template.yaml needs: add it to ExecutionRole",
				prefix,
				name,
			)
		}
	}
}
