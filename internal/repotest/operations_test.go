package repotest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/fault"
	"zego.com/workprovider/pkg/observe"
)

// Whoever is woken by an alarm finds a page that says what to do, and no page is about an alarm that is gone.
func TestRunbooks(t *testing.T) {
	tree := read(t)
	runbooks := map[string]bool{"README.md": true}
	contents := readFile(t, "docs/runbooks/README.md")
	for _, name := range tree.OfType("AWS::CloudWatch::Alarm") {
		properties := tree.Resources[name].Properties
		description, _ := properties["AlarmDescription"].(string)
		page := regexp.MustCompile(`docs/runbooks/([a-z-]+\.md)$`).FindStringSubmatch(description)
		if page == nil {
			t.Errorf(
				"the AlarmDescription of %s in template.yaml must end in its page, such as docs/runbooks/api-errors.md",
				name,
			)
			continue
		}
		runbooks[page[1]] = true
		if !strings.Contains(readFile(t, "docs/runbooks/"+page[1]), name) {
			t.Errorf("docs/runbooks/%s does not name the alarm %s", page[1], name)
		}
		if !strings.Contains(contents, name) {
			t.Errorf("docs/runbooks/README.md does not list the alarm %s", name)
		}
		if targets, _ := properties["AlarmActions"].([]any); !slices.Contains(targets, any(template.Ref("Alarms"))) {
			t.Errorf("%s in template.yaml notifies nobody: give it AlarmActions: [!Ref Alarms]", name)
		}
		treatment := "notBreaching" // nothing happens, so nothing is wrong
		if name == "HeartbeatMissing" {
			treatment = "breaching"
		}
		if properties["TreatMissingData"] != treatment {
			t.Errorf("%s in template.yaml must have TreatMissingData: %s", name, treatment)
		}
		dashboard := tree.Resources["Dashboard"].Properties["DashboardBody"].(template.Intrinsic)
		if body, _ := dashboard.Argument.(string); !strings.Contains(body, name) {
			t.Errorf("the Dashboard in template.yaml does not show the alarm %s", name)
		}
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "runbooks", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range pages {
		if !runbooks[filepath.Base(page)] {
			t.Errorf("no alarm in template.yaml names %s: remove the page, or name it in an AlarmDescription", page)
		}
	}
}

// Alarms watch metrics that the code writes: under another name they would never fire.
func TestAlarmMetrics(t *testing.T) {
	tree := read(t)
	counted := []string{observe.DeadLettered, observe.Failed, observe.HeartbeatLatency, observe.NotFound}
	for _, name := range tree.OfType("AWS::Logs::MetricFilter") {
		for _, metric := range list(tree.Resources[name].Properties["MetricTransformations"]) {
			counted = append(counted, metric["MetricName"].(string))
		}
	}
	for _, name := range tree.OfType("AWS::CloudWatch::Alarm") {
		properties := tree.Resources[name].Properties
		if metric, _ := properties["MetricName"].(string); properties["Namespace"] == observe.Namespace &&
			!slices.Contains(counted, metric) {
			t.Errorf("%s in template.yaml watches %s, which no code writes", name, metric)
		}
	}
	for _, share := range []string{observe.RejectedShare, observe.LateShare} {
		query, _ := list(tree.Resources[share].Properties["Metrics"])[0]["Expression"].(string)
		want := "SELECT AVG(" + share + ") FROM SCHEMA(" + observe.Namespace + ", " + observe.Provider + ") GROUP BY " +
			observe.Provider
		if query != want {
			t.Errorf("%s in template.yaml asks %q, want %q", share, query, want)
		}
	}
}

// A new version comes gradually, an alarm takes it back, and a parameter that functions see reaches them.
func TestGradualDeployment(t *testing.T) {
	tree := read(t)
	preference := object(tree.Functions["DeploymentPreference"])
	alarms, _ := preference["Alarms"].([]any)
	for _, alarm := range []template.Ref{"ApiErrors", "FunctionErrors"} {
		if !slices.Contains(alarms, any(alarm)) {
			t.Errorf("the DeploymentPreference in template.yaml does not heed the alarm %s", alarm)
		}
	}
	if tree.Functions["AutoPublishAlias"] == nil {
		t.Error("Globals.Function in template.yaml lacks AutoPublishAlias: without it nothing is gradual")
	}
	// SAM publishes a version when code or memory change, not when a parameter does.
	for name := range deployedFunctions(t) {
		if tree.Resources[name].Properties["VersionDescription"] != template.Ref("ParametersVersion") {
			t.Errorf(
				"%s in template.yaml lacks VersionDescription: !Ref ParametersVersion, so parameters would not reach it",
				name,
			)
		}
	}
	samconfig := readFile(t, "samconfig.toml")
	for _, environment := range []string{"staging", "production"} {
		_, section, _ := strings.Cut(samconfig, "["+environment+".deploy.parameters]")
		section, _, _ = strings.Cut(section, "\n[")
		for _, parameter := range []string{"Monitored=true", "Firewall=true"} {
			if !strings.Contains(section, `"`+parameter+`"`) {
				t.Errorf("samconfig.toml deploys %s without %s", environment, parameter)
			}
		}
	}
}

// All that is stored is encrypted with our key, comes back to any second of the last 35 days, and is not deleted by
// mistake; but what ends by itself is not kept.
func TestTableRetention(t *testing.T) {
	tree := read(t)
	for _, name := range tree.OfType("AWS::SQS::Queue") {
		if tree.Resources[name].Properties["KmsMasterKeyId"] != (template.GetAtt{Resource: "DataKey", Attribute: "Arn"}) {
			t.Errorf("%s in template.yaml is not encrypted with DataKey", name)
		}
	}
	for _, name := range tree.OfType("AWS::DynamoDB::Table") {
		properties := tree.Resources[name].Properties
		if object(properties["SSESpecification"])["KMSMasterKeyId"] != (template.GetAtt{Resource: "DataKey",
			Attribute: "Arn"}) {
			t.Errorf("%s in template.yaml is not encrypted with DataKey", name)
		}
		if name == "Sessions" {
			continue
		}
		specification := object(properties["PointInTimeRecoverySpecification"])
		if enabled, _ := specification["PointInTimeRecoveryEnabled"].(bool); !enabled {
			t.Errorf("%s in template.yaml lacks point-in-time recovery", name)
		}
		if properties["DeletionProtectionEnabled"] != template.Ref("DeletionProtection") {
			t.Errorf("%s in template.yaml can be deleted: set DeletionProtectionEnabled", name)
		}
	}
}

// Of all functions only the one that signs can read what it signs with.
func TestSecretsPermissions(t *testing.T) {
	for name, f := range deployedFunctions(t) {
		for _, statement := range f.statements {
			if statement["Resource"] == (template.GetAtt{Resource: "Secrets", Attribute: "Arn"}) && name != "WebhookSender" {
				t.Errorf("%s has permissions on Secrets, which only WebhookSender may have", name)
			}
		}
	}
}

// The access log of the gateway contains no path, query or address: a query can contain an email, a path an ID.
func TestAccessLogFields(t *testing.T) {
	format, _ := object(read(t).Resources["Api"].Properties["AccessLogSetting"])["Format"].(string)
	variable := regexp.MustCompile(`\$context\.([A-Za-z.]+)`)
	allowed := []string{
		"requestId",
		"integration.requestId",
		"requestTime",
		"httpMethod",
		"resourcePath",
		"status",
		"responseLatency",
		"integrationLatency",
		"responseLength",
		"error.responseType",
	}
	for _, found := range variable.FindAllStringSubmatch(format, -1) {
		if !slices.Contains(allowed, found[1]) {
			t.Errorf(
				"the access log in template.yaml has $context.%s: if it contains no personal data, allow it here",
				found[1],
			)
		}
	}
	if example := variable.ReplaceAllString(format, "1"); !json.Valid([]byte(example)) {
		t.Errorf("a line of the access log is no JSON: %s", example)
	}
}

// The gateway's own answers have the codes of the contract, and fit what openapi.yaml says of refusals, on the paths of
// v1 as of v2.
func TestGatewayResponses(t *testing.T) {
	responses := object(read(t).Resources["Api"].Properties["GatewayResponses"])
	for _, kind := range []string{
		"THROTTLED", "WAF_FILTERED", "REQUEST_TOO_LARGE", "INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE",
		"DEFAULT_4XX", "DEFAULT_5XX"} {
		if responses[kind] == nil {
			t.Errorf("GatewayResponses in template.yaml lacks %s", kind)
		}
	}
	codes := map[string]bool{}
	for kind := fault.Internal; kind <= fault.Unavailable; kind++ {
		codes[kind.String()] = true
	}
	for kind, r := range responses {
		body, _ := object(object(r)["ResponseTemplates"])["application/json"].(string)
		contract.ValidateBody(t, "V1Error", []byte(body))
		contract.ValidateBody(t, "V2Error", []byte(body))
		var answer struct{ Status, Error, Detail string }
		if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Status != "NOK" || answer.Detail == "" ||
			!codes[answer.Error] {
			t.Errorf("the gateway's answer %s is none of ours: %s (%v)", kind, body, err)
		}
		headers := object(object(object(r)["ResponseParameters"])["Headers"])
		if status := object(r)["StatusCode"]; (status == "429" || status == "503") && headers["Retry-After"] == nil {
			t.Errorf("the gateway's answer %s lacks Retry-After", kind)
		}
		if headers["X-Request-Id"] != "context.requestId" {
			t.Errorf("the gateway's answer %s lacks X-Request-Id", kind)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
