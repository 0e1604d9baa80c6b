package repotest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/web"
)

// root is the project's folder, seen from this package.
const root = "../.."

const functionType = "AWS::Serverless::Function"

// The gateway routes what the table of routes says, no more and no less: GET with HEAD beside it, paths without the
// slash at the end; and everything else to fallback, by every method, because the emulator drops "any".
func TestGatewayRoutes(t *testing.T) {
	want := map[string]string{}
	for _, r := range web.Routes {
		for _, path := range r.Paths {
			want[r.Method+" "+path] = r.Function
			if r.Method == http.MethodGet {
				want[http.MethodHead+" "+path] = r.Function
			}
		}
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		want[method+" /"] = "fallback"
		want[method+" /{proxy+}"] = "fallback"
	}
	got := map[string]string{}
	for _, f := range deployedFunctions(t) {
		for _, route := range f.routes {
			if other, twice := got[route]; twice {
				t.Errorf("template.yaml routes %s to %s and to %s: take one out", route, other, f.folder)
			}
			got[route] = f.folder
		}
	}
	for route, function := range want {
		if got[route] != function &&
			deployed(t, function) { // one that is not deployed is reported by TestEndpointFiles
			t.Errorf("template.yaml routes %s to %q, web.Routes to %s: fix whichever is wrong", route, got[route], function)
		}
	}
	for route, function := range got {
		if want[route] == "" {
			t.Errorf("template.yaml routes %s to %s, which web.Routes does not have: fix whichever is wrong", route, function)
		}
	}
}

// What only AWS's gateway does cannot be tried here; that it is asked for can be.
func TestGatewaySettings(t *testing.T) {
	properties := read(t).Resources["Api"].Properties
	if binary, _ := properties["BinaryMediaTypes"].([]any); !slices.Contains(binary, any("*~1*")) {
		t.Error("the Api in template.yaml lacks BinaryMediaTypes *~1*: without it the gateway mends broken UTF-8 (row 26)")
	}
	if read(t).Resources["Api"].Type != "AWS::Serverless::Api" {
		t.Error("the Api in template.yaml must be a REST API: an HTTP API routes no path that ends in a slash (row 10)")
	}
}

// Row 23: validation reveals to any live key whether a customer number exists, so each of its methods is throttled.
func TestValidationThrottling(t *testing.T) {
	throttled := map[string]bool{}
	settings, _ := read(t).Resources["Api"].Properties["MethodSettings"].([]any)
	for _, s := range settings {
		setting, _ := s.(map[string]any)
		rate, _ := setting["ThrottlingRateLimit"].(int)
		burst, _ := setting["ThrottlingBurstLimit"].(int)
		method, _ := setting["HttpMethod"].(string)
		if setting["ResourcePath"] == "/~1v1~1validate~1customer-number~1{customerNumber}" && rate > 0 && burst > 0 {
			throttled[method] = true
		}
	}
	for _, method := range []string{"GET", "HEAD"} {
		if !throttled[method] {
			t.Errorf("MethodSettings of the Api in template.yaml do not throttle %s of the validation (row 23)", method)
		}
	}
}

// One address takes neither all of the API nor all of its pages: each has a rule in front of the gateway, which lets
// less through than the gateway's own limits.
func TestFirewallLimits(t *testing.T) {
	tree := read(t)
	number := func(parameter string) int {
		n, _ := tree.Parameters[parameter].Default.(int)
		return n
	}
	limits := map[string]int{}
	rules, _ := tree.Resources["WebFirewall"].Properties["Rules"].([]any)
	for _, r := range rules {
		rule := object(r)
		rate := object(object(rule["Statement"])["RateBasedStatement"])
		name, _ := rule["Name"].(string)
		for _, parameter := range []string{"PageRequestsPerAddress", "RequestsPerAddress"} {
			blocks := object(rule["Action"])["Block"] != nil
			if rate["Limit"] == template.Ref(parameter) && rate["AggregateKeyType"] == "IP" && blocks {
				limits[name] = 60 / rate["EvaluationWindowSec"].(int) * number(parameter)
			}
		}
	}
	if got := limits["all-by-address"]; got == 0 || got > 60*number("RequestsPerSecond")/2 {
		t.Errorf("one address may send %d requests per minute", got)
	}
	settings, _ := tree.Resources["Api"].Properties["MethodSettings"].([]any)
	for _, s := range settings {
		rate, _ := object(s)["ThrottlingRateLimit"].(int) // of a path of its own
		if got := limits["pages-by-address"]; got == 0 || rate > 0 && got > 60*rate/2 {
			t.Errorf("one address may send %d requests per minute to %v", got, object(s)["ResourcePath"])
		}
	}
	association := tree.Resources["WebFirewallAssociation"].Properties
	if association["WebACLArn"] != (template.GetAtt{Resource: "WebFirewall", Attribute: "Arn"}) {
		t.Error("the firewall stands before nothing")
	}
}

// A sample is an event that reaches its function: the gateway's for a route of it, or messages of its queue.
func TestSampleEvents(t *testing.T) {
	for _, f := range deployedFunctions(t) {
		path := filepath.Join(root, "events", f.folder+".json")
		text, err := os.ReadFile(path)
		if err != nil {
			continue // reported by TestEndpointFiles
		}
		if len(f.queues) > 0 {
			var event events.SQSEvent
			decode(t, path, text, &event)
			for _, m := range event.Records {
				if m.MessageId == "" || m.Body == "" ||
					!slices.Contains(f.queues, m.EventSourceARN[strings.LastIndexByte(m.EventSourceARN, ':')+1:]) {
					t.Errorf("%s: a message needs a messageId, a body, and the eventSourceARN of one of %s", path, f.queues)
				}
			}
			if len(event.Records) == 0 {
				t.Errorf("%s contains no message: add one", path)
			}
			continue
		}
		var event events.APIGatewayProxyRequest
		decode(t, path, text, &event)
		if route := event.HTTPMethod + " " + event.Resource; !slices.Contains(f.routes, route) {
			t.Errorf("%s is for %s, which template.yaml does not route to %s: fix resource or httpMethod", path, route, f.folder)
		}
		pattern := regexp.MustCompile(`\\\{[^/]*\\\+\\\}`).ReplaceAllString(regexp.QuoteMeta(event.Resource), ".+")
		pattern = regexp.MustCompile(`\\\{[^/]*\\\}`).ReplaceAllString(pattern, "[^/]+")
		if !regexp.MustCompile("^" + pattern + "/?$").MatchString(event.Path) {
			t.Errorf("%s: the path %s does not match %s: fix one of them", path, event.Path, event.Resource)
		}
		if event.Body != "" {
			body, err := base64.StdEncoding.DecodeString(event.Body)
			if err != nil || !event.IsBase64Encoded || !json.Valid(body) {
				t.Errorf("%s: the body must be JSON in base64, as the gateway sends it, with isBase64Encoded true", path)
			}
		}
	}
}

// The keys of the tables are the same in template.yaml and in pkg/table.
func TestTableSchema(t *testing.T) {
	for _, name := range read(t).OfType("AWS::DynamoDB::Table") {
		properties := read(t).Resources[name].Properties
		keys := list(properties["KeySchema"])
		attributes := list(properties["AttributeDefinitions"])
		if len(keys) != 2 || keys[0]["AttributeName"] != table.PK || keys[0]["KeyType"] != "HASH" ||
			keys[1]["AttributeName"] != table.SK || keys[1]["KeyType"] != "RANGE" {
			t.Errorf("the KeySchema of %s in template.yaml must be %s and %s, as in pkg/table", name, table.PK, table.SK)
		}
		for _, a := range attributes {
			if a["AttributeType"] != "S" || a["AttributeName"] != table.PK && a["AttributeName"] != table.SK {
				t.Errorf("%s in template.yaml defines the attribute %v, which pkg/table does not have as a string key", name, a)
			}
		}
	}
}

// Every variable that the code reads is set for some function, and every one that is set is read. Those of AWS are set
// by Lambda.
func TestFunctionVariables(t *testing.T) {
	set := map[string]bool{}
	for name := range deployedFunctions(t) {
		for variable := range read(t).Variables(name) {
			set[variable] = true
		}
	}
	set["AUDIT_BUCKET"] = true // for the operators' tool: no function may see that bucket
	readByCode := map[string]bool{}
	variable := regexp.MustCompile(`"(SANDBOX|HEARTBEAT_KEY|PROVIDER_REQUESTS_PER_SECOND|` +
		`[A-Z]+(?:_[A-Z]+)*_(?:TABLE|BUCKET|URL|KEYS|FROM))"`)
	sources, err := filepath.Glob(filepath.Join(root, "pkg", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") || strings.Contains(source, "/emulator/") {
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range variable.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasPrefix(found[1], "AWS_") {
				readByCode[found[1]] = true
			}
		}
	}
	for name := range readByCode {
		if !set[name] {
			t.Errorf("the code reads %s, which no function in template.yaml has: add it to the Environment", name)
		}
	}
	for name := range set {
		if !readByCode[name] {
			t.Errorf("template.yaml sets %s, which no code reads: remove it", name)
		}
	}
}

// A message must not be redelivered while a function may still be processing it, and must not be lost before
// an operator has seen it.
func TestQueueSettings(t *testing.T) {
	const fortnight = 14 * 24 * 60 * 60
	resources := read(t).Resources
	for name, f := range deployedFunctions(t) {
		for _, queue := range f.queues {
			visibility, _ := resources[queue].Properties["VisibilityTimeout"].(int)
			if visibility < 6*f.timeout {
				t.Errorf("VisibilityTimeout of %s is %d: it must be at least six times the %d s that %s may take",
					queue, visibility, f.timeout, name)
			}
		}
		if len(f.queues) > f.reportFailures {
			t.Errorf("%s lacks FunctionResponseTypes ReportBatchItemFailures: one bad message would fail its batch", name)
		}
	}
	for _, name := range read(t).OfType("AWS::SQS::Queue") {
		if resources[name].Properties["MessageRetentionPeriod"] != fortnight {
			t.Errorf("%s must keep messages for 14 days: set MessageRetentionPeriod to %d", name, fortnight)
		}
	}
}

// Lambda stops a chain of invocations that feeds itself through SQS after 16 of them, unless the function allows it.
// Only the sender does so on purpose: its retries take three days.
func TestQueueLoops(t *testing.T) {
	for name, f := range deployedFunctions(t) {
		var feedsItself bool
		for _, statement := range f.statements {
			queue, _ := statement["Resource"].(template.GetAtt)
			if slices.Contains(texts(statement["Action"]), "sqs:SendMessage") && slices.Contains(f.queues, queue.Resource) {
				feedsItself = true
			}
		}
		if allowed := read(t).Resources[name].Properties["RecursiveLoop"] == "Allow"; allowed != feedsItself {
			t.Errorf("%s sends to its own queue: %v, RecursiveLoop: Allow: %v; these must agree", name, feedsItself, allowed)
		}
		if feedsItself && name != "WebhookSender" {
			t.Errorf("%s sends to its own queue: only WebhookSender, whose retries end, may", name)
		}
	}
}

// The functions that accept events have concurrency of their own, which reads by one key cannot take; and no others
// have, for what is reserved is taken from them.
func TestAcceptanceConcurrency(t *testing.T) {
	accepting := map[string]bool{}
	for _, r := range web.Routes {
		event := strings.HasPrefix(r.Paths[0], "/v2/shift") || strings.HasPrefix(r.Paths[0], "/v1/shift/") ||
			strings.HasPrefix(r.Paths[0], "/v1/batch/") || r.Paths[0] == "/v1/match"
		if event && r.Method != http.MethodGet {
			accepting[r.Function] = true
		}
	}
	if len(accepting) != 7 {
		t.Fatalf("%v accept events", accepting)
	}
	want := template.Intrinsic{
		Name:     "!If",
		Argument: []any{"HasEventConcurrency", template.Ref("EventConcurrency"), template.Ref("AWS::NoValue")},
	}
	for name, f := range deployedFunctions(t) {
		reserved := reflect.DeepEqual(read(t).Resources[name].Properties["ReservedConcurrentExecutions"], any(want))
		if reserved != accepting[f.folder] {
			t.Errorf(
				"%s accepts events: %v, has ReservedConcurrentExecutions of EventConcurrency: %v",
				name,
				accepting[f.folder],
				reserved,
			)
		}
	}
	if read(t).Parameters["EventConcurrency"].Default != 0 {
		t.Error("EventConcurrency must be 0 by default: a new account's quota may be 10, and the first deployment would fail")
	}
}

// Permissions are for named resources only.
func TestExactPermissions(t *testing.T) {
	for name, f := range deployedFunctions(t) {
		if len(f.statements) == 0 {
			t.Errorf("%s has no role in template.yaml, so SAM would give it one that may write any log: add %sRole", name, name)
		}
		for _, statement := range f.statements {
			for _, action := range texts(statement["Action"]) {
				if strings.Contains(action, "*") {
					t.Errorf("%s may do %s: name the actions it calls", name, action)
				}
			}
			if slices.Equal(texts(statement["Action"]), []string{"ses:SendEmail"}) {
				if object(object(statement["Condition"])["StringEquals"])["ses:FromAddress"] == nil {
					t.Errorf("%s may send mail in anybody's name: add a condition on ses:FromAddress", name)
				}
				continue // identities are no resources of the template
			}
			if _, ok := statement["Resource"].(template.GetAtt); !ok {
				t.Errorf("%s has permissions on %v: name one resource by !GetAtt", name, statement["Resource"])
			}
		}
	}
}

// deployedFunction is a function as template.yaml has it.
type deployedFunction struct {
	folder         string
	routes         []string // "GET /v1/status"
	queues         []string // that it consumes; none for a function of the API
	scheduled      bool     // it is invoked at fixed times, by nobody's request
	reportFailures int      // how many of them are told which messages failed
	timeout        int      // in seconds
	statements     []map[string]any
}

func deployedFunctions(t *testing.T) map[string]deployedFunction {
	t.Helper()
	tree := read(t)
	functions := map[string]deployedFunction{}
	for _, name := range tree.OfType(functionType) {
		properties := tree.Resources[name].Properties
		uri, _ := properties["CodeUri"].(string)
		f := deployedFunction{folder: strings.TrimPrefix(uri, "functions/")}
		f.timeout, _ = tree.Functions["Timeout"].(int)
		if own, ok := properties["Timeout"].(int); ok {
			f.timeout = own
		}
		for _, e := range object(properties["Events"]) {
			event := object(e)
			of := object(event["Properties"])
			switch event["Type"] {
			case "Api":
				method, _ := of["Method"].(string)
				path, _ := of["Path"].(string)
				f.routes = append(f.routes, strings.ToUpper(method)+" "+path)
			case "SQS":
				queue, _ := of["Queue"].(template.GetAtt)
				f.queues = append(f.queues, queue.Resource)
				if slices.Contains(texts(of["FunctionResponseTypes"]), "ReportBatchItemFailures") {
					f.reportFailures++
				}
			case "Schedule":
				f.scheduled = true
			default:
				t.Errorf("%s has an event of type %v, which internal/repotest does not support: add it", name, event["Type"])
			}
		}
		f.statements = tree.Rights(name)
		functions[name] = f
	}
	return functions
}

func read(t *testing.T) *template.Template {
	t.Helper()
	tree, err := template.Read(filepath.Join(root, "template.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// folders are the folders in functions, sorted.
func folders(t *testing.T) []string {
	t.Helper()
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for i, main := range mains {
		mains[i] = filepath.Base(filepath.Dir(main))
	}
	return mains
}

func samples(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "events", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".json")
	}
	return files
}

// servedLocally are the folders of the functions that cmd/local serves: the keys of its map of functions, and those
// behind a queue, each of which is built by a Go function of its name.
func servedLocally(t *testing.T) []string {
	t.Helper()
	path := filepath.Join(root, "cmd", "local", "functions.go")
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	ast.Inspect(file, func(n ast.Node) bool {
		if entry, ok := n.(*ast.KeyValueExpr); ok {
			if key, ok := entry.Key.(*ast.BasicLit); ok {
				name, err := strconv.Unquote(key.Value)
				if err != nil {
					t.Fatal(err)
				}
				names = append(names, name)
			}
		}
		return true
	})
	for _, f := range deployedFunctions(t) {
		built := camel(f.folder)
		if len(f.queues) > 0 && file.Scope.Lookup(strings.ToLower(built[:1])+built[1:]) != nil {
			names = append(names, f.folder)
		}
	}
	return names
}

// camel is the logical id of a folder's function: ShiftLogin of shift-login.
func camel(folder string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(folder, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

func decode(t *testing.T, path string, text []byte, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%s is no such event: %v", path, err)
	}
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func list(v any) []map[string]any {
	items, _ := v.([]any)
	objects := make([]map[string]any, len(items))
	for i, item := range items {
		objects[i] = object(item)
	}
	return objects
}

func texts(v any) []string {
	items, _ := v.([]any)
	var all []string
	for _, item := range items {
		text, _ := item.(string)
		all = append(all, text)
	}
	return all
}

// The audit log locks what is written, so that not even an administrator can rewrite it; operators write new entries
// under the name of their role's session and nothing else, and nobody bears another's name.
func TestAuditLogIsLocked(t *testing.T) {
	tree := read(t)
	log := tree.Resources["AuditLog"].Properties
	lock, _ := log["ObjectLockConfiguration"].(map[string]any)
	rule, _ := lock["Rule"].(map[string]any)
	retention, _ := rule["DefaultRetention"].(map[string]any)
	enabled, _ := log["ObjectLockEnabled"].(bool)
	if !enabled || lock["ObjectLockEnabled"] != "Enabled" || retention["Mode"] != "COMPLIANCE" ||
		retention["Days"] != template.Ref("AuditRetentionDays") {
		t.Errorf("AuditLog in template.yaml does not lock its objects in compliance mode: %v", lock)
	}
	document, _ := tree.Resources["OperatorsPolicy"].Properties["PolicyDocument"].(map[string]any)
	writes := 0
	for _, statement := range list(document["Statement"]) {
		for _, action := range statement["Action"].([]any) {
			switch action {
			case "s3:PutObject":
				writes++
				pattern, _ := statement["Resource"].(template.Intrinsic)
				condition := fmt.Sprint(statement["Condition"])
				if pattern.Argument != "${AuditLog.Arn}/${!aws:userid}/*" ||
					!strings.Contains(condition, "s3:if-none-match:false") || !strings.Contains(condition, "aws:userid:AROA*:?*") {
					t.Errorf("operators may write %v if %s", pattern.Argument, condition)
				}
			case "s3:GetObjectVersion", "s3:ListBucketVersions", "s3:GetBucketObjectLockConfiguration":
			default:
				if strings.HasPrefix(fmt.Sprint(action), "s3:") {
					t.Errorf("operators may %v", action)
				}
			}
		}
	}
	if writes != 1 {
		t.Errorf("%d statements allow operators to write entries", writes)
	}
	trust := fmt.Sprint(tree.Resources["OperatorsRole"].Properties["AssumeRolePolicyDocument"])
	if !strings.Contains(trust, "sts:RoleSessionName:${aws:username}") {
		t.Errorf("OperatorsRole in template.yaml can be assumed under any name: %s", trust)
	}
}
