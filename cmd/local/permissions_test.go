package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/web"
	"zego.com/workprovider/pkg/webhook"
)

// Every function is granted, in template.yaml, the calls that it was seen to make: none is missing, none is too many.
// So whoever adds a call to a service adds the right to it, and whoever takes the last one out takes the right out.
func TestFunctionPermissions(t *testing.T) {
	tree, err := template.Read("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := aDay(t, tree)
	for _, name := range tree.OfType("AWS::Serverless::Function") {
		properties := tree.Resources[name].Properties
		folder := strings.TrimPrefix(properties["CodeUri"].(string), "functions/")
		granted := granted(t, tree, name)
		for _, call := range slices.Sorted(maps.Keys(seen[folder])) {
			if !slices.Contains(granted, call) {
				t.Errorf("%s calls %s, which %sRole in template.yaml does not grant", folder, call, name)
			}
		}
		for _, call := range granted {
			if !seen[folder][call] {
				t.Errorf(
					"%sRole in template.yaml grants %s, which %s was not seen to call: take it out, or show here how it comes to it",
					name,
					call,
					folder,
				)
			}
		}
	}
}

// granted are the calls that a function's role allows, such as "dynamodb:GetItem Providers"; where only some attributes
// may be named, with these. What Lambda calls to feed it from its queues has to be there too, and is left out.
func granted(t *testing.T, tree *template.Template, function string) []string {
	t.Helper()
	var calls []string
	for _, statement := range tree.Rights(function) {
		resource := "anything"
		if attribute, ok := statement["Resource"].(template.GetAtt); ok {
			resource = attribute.Resource
		}
		attributes := ""
		condition, _ := statement["Condition"].(map[string]any)
		if equal, ok := condition["ForAllValues:StringEquals"].(map[string]any); ok {
			attributes = " " + strings.Join(sorted(equal["dynamodb:Attributes"]), ",")
		}
		for _, action := range sorted(statement["Action"]) {
			calls = append(calls, action+" "+resource+attributes)
		}
	}
	polling := []string{"logs:CreateLogStream FunctionLogs", "logs:PutLogEvents FunctionLogs"}
	sources, _ := tree.Resources[function].Properties["Events"].(map[string]any)
	for _, source := range sources {
		of, _ := source.(map[string]any)["Properties"].(map[string]any)
		if queue, ok := of["Queue"].(template.GetAtt); ok {
			for _, action := range []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"} {
				polling = append(polling, action+" "+queue.Resource)
			}
		}
	}
	for _, call := range polling {
		if !slices.Contains(calls, call) {
			t.Errorf("%sRole in template.yaml does not grant %s, which Lambda needs for it", function, call)
		}
	}
	return slices.DeleteFunc(calls, func(call string) bool { return slices.Contains(polling, call) })
}

func sorted(v any) []string {
	items, _ := v.([]any)
	var all []string
	for _, item := range items {
		all = append(all, fmt.Sprint(item))
	}
	slices.Sort(all)
	return all
}

// callRecorder sees what one function calls.
type callRecorder struct {
	t       *testing.T
	limited map[string]bool // "dynamodb:UpdateItem Providers": only some attributes may be named in it

	mu    sync.Mutex
	calls map[string]bool
}

// watch has the clients that are built by build call under the witness's eyes.
func (w *callRecorder) watch(env *config.Env, build func()) {
	plain := env.AWS()
	watched := plain.Copy()
	watched.APIOptions = append(slices.Clone(plain.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Witness", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			w.see(in.Parameters)
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	})
	env.SetAWS(watched)
	build()
	env.SetAWS(plain)
}

// see notes a call by the action that it needs a right to.
func (w *callRecorder) see(call any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	note := func(action string, resource *string, attributes ...string) {
		name := logical(aws.ToString(resource))
		if w.limited[action+" "+name] {
			name += " " + strings.Join(attributes, ",")
		}
		w.calls[action+" "+name] = true
	}
	switch in := call.(type) {
	case *dynamodb.GetItemInput:
		note("dynamodb:GetItem", in.TableName)
	case *dynamodb.QueryInput:
		note("dynamodb:Query", in.TableName)
	case *dynamodb.ScanInput:
		note("dynamodb:Scan", in.TableName)
	case *dynamodb.PutItemInput:
		note("dynamodb:PutItem", in.TableName)
	case *dynamodb.UpdateItemInput:
		note("dynamodb:UpdateItem", in.TableName,
			attributes(in.ExpressionAttributeNames, in.UpdateExpression, in.ConditionExpression)...)
	case *dynamodb.DeleteItemInput:
		note("dynamodb:DeleteItem", in.TableName)
	case *dynamodb.TransactWriteItemsInput:
		for _, item := range in.TransactItems {
			switch {
			case item.Put != nil:
				note("dynamodb:PutItem", item.Put.TableName)
			case item.Update != nil:
				note("dynamodb:UpdateItem", item.Update.TableName,
					attributes(item.Update.ExpressionAttributeNames, item.Update.UpdateExpression, item.Update.ConditionExpression)...)
			case item.Delete != nil:
				note("dynamodb:DeleteItem", item.Delete.TableName)
			case item.ConditionCheck != nil:
				note("dynamodb:ConditionCheckItem", item.ConditionCheck.TableName)
			}
		}
	case *dynamodb.BatchWriteItemInput:
		for name := range in.RequestItems {
			note("dynamodb:BatchWriteItem", &name)
		}
	case *sqs.SendMessageBatchInput:
		note("sqs:SendMessage", in.QueueUrl)
	case *sqs.ChangeMessageVisibilityBatchInput:
		note("sqs:ChangeMessageVisibility", in.QueueUrl)
	case *sesv2.SendEmailInput:
		note("ses:SendEmail", aws.String("anything"))
	default:
		w.t.Errorf("%T is called, and this test does not know the right to it: teach it", call)
	}
}

// logical is the name in the template of a table, or of the queue at a URL.
func logical(name string) string {
	name = name[strings.LastIndexByte(name, '/')+1:]
	if i := strings.LastIndexByte(name, '-'); i > 0 {
		name = name[:i]
	}
	return name
}

// attributes are those that expressions name, the keys included.
func attributes(names map[string]string, expressions ...*string) []string {
	all := map[string]bool{"pk": true, "sk": true}
	for _, expression := range expressions {
		for _, word := range regexp.MustCompile(`[#:]?\w+`).FindAllString(aws.ToString(expression), -1) {
			if attribute, ok := names[word]; ok {
				all[attribute] = true
			} else if word == strings.ToLower(word) && word[0] != ':' && !strings.HasPrefix(word, "attribute_") &&
				word != "if_not_exists" {
				all[word] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// aDay is one in which every function does all that it can do, and what each was seen to call, by folder.
// It is a day of a sandbox, which has one function more.
func aDay(t *testing.T, tree *template.Template) map[string]map[string]bool {
	env := emulator.NewTestEnv(t, "SANDBOX=true", "WEBHOOKS_TO_LOOPBACK=yes", "PROVIDER_REQUESTS_PER_SECOND=1000")
	limited := map[string]bool{}
	for _, function := range tree.OfType("AWS::Serverless::Function") {
		for _, call := range granted(t, tree, function) {
			if words := strings.Fields(call); len(words) == 3 {
				limited[words[0]+" "+words[1]] = true
			}
		}
	}
	seen := map[string]map[string]bool{}
	watch := func(folder string, build func()) {
		w := &callRecorder{t: t, limited: limited, calls: map[string]bool{}}
		w.watch(env, build)
		seen[folder] = w.calls
	}
	handlers := map[string]http.Handler{}
	for name, build := range functions {
		watch(name, func() { handlers[name] = build(env) })
	}
	d := &day{t: t, env: env}
	watch("processor", func() { d.processor = processor(env) })
	watch("webhook-sender", func() { d.sender = webhookSender(env) })
	watch("dead-letters", func() { d.letters = deadLetters(env) })
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	d.live(web.Router(handlers))
	return seen
}

// day is what happens in it.
type day struct {
	t                          *testing.T
	env                        *config.Env
	processor, sender, letters consumer.Func
}

func (d *day) live(api http.Handler) {
	world, err := demo.Load(d.t.Context(), d.env, demo.Data{})
	d.ok(err)
	d.ok(emulator.VerifySender(d.t.Context(), d.env.AWS()))
	cyd := make(chan string, 1) // whose match the receiver decides later
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var signUp struct{ CustomerNumber, Email string }
		if err := json.NewDecoder(r.Body).Decode(&signUp); err != nil {
			d.t.Error(err)
		}
		switch signUp.Email {
		case "bea@example.com":
			w.WriteHeader(http.StatusGone)
		case "eve@example.com":
			w.WriteHeader(http.StatusNotFound)
		case "cyd@example.com":
			cyd <- signUp.CustomerNumber
			w.WriteHeader(http.StatusAccepted)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}))
	defer receiver.Close()
	_, err = webhook.NewStore(d.env).Set(d.t.Context(), "courier-ltd", receiver.URL, "", time.Now())
	d.ok(err)
	providers := apikey.NewStore(d.env)
	_, err = providers.Update(d.t.Context(), "courier-ltd", apikey.Changes{NotifyRejected: new(true)})
	d.ok(err)

	c := &client{
		t:       d.t,
		env:     d.env,
		key:     world.WorkProviders[0].Key,
		parcels: world.WorkProviders[1].Key,
		api:     api,
		seen:    map[string]bool{},
	}
	// By a key of its own each function meets one that was not used yet in this hour; by so many requests, it counts them.
	for _, route := range web.Routes {
		if path := route.Paths[0]; path != "/v2/sandbox/reset" && !isPage(path) {
			fresh, _, err := providers.IssueKey(d.t.Context(), "courier-ltd", time.Now())
			d.ok(err)
			for range 20 {
				api.ServeHTTP(
					httptest.NewRecorder(),
					c.request(route.Method+" "+filled(path, "unknown"), "", http.NoBody, "Authorization", fresh),
				)
			}
		}
	}
	c.events()
	c.customers()
	c.shifts()

	// Four people sign up. The receiver knows the first, decides on the second later, does not know the third, and
	// replies 410 to the fourth.
	d.signUp(c, "ola@example.com", "77")
	d.signUp(c, "cyd@example.com", "79")
	d.consume(d.sender, queued(d.t, d.env, "WEBHOOKS_QUEUE_URL"))
	c.ask("POST /v1/match", "", `{"customerNumber":"`+<-cyd+`","success":true}`, http.StatusAccepted)
	d.signUp(c, "eve@example.com", "80")
	d.consume(d.sender, queued(d.t, d.env, "WEBHOOKS_QUEUE_URL"))
	bea := d.signUp(c, "bea@example.com", "78")
	d.consume(d.sender, queued(d.t, d.env, "WEBHOOKS_QUEUE_URL"))
	d.page(c, bea, "POST /account/remove", "provider=courier-ltd")
	d.page(c, bea, "POST /account/logout", "")
	c.pages()

	// What was accepted is processed, told of, and once in vain; and kept as if it had failed for good.
	accepted := queued(d.t, d.env, "EVENTS_QUEUE_URL")
	d.consume(d.processor, accepted)
	d.consume(d.letters, accepted)
	rejections := queued(d.t, d.env, "WEBHOOKS_QUEUE_URL")
	d.consume(d.sender, rejections)
	gone, cancel := context.WithCancel(d.t.Context())
	cancel()
	for _, failing := range []struct {
		consume consumer.Func
		batch   events.SQSEvent
	}{{d.processor, accepted}, {d.sender, rejections}} {
		response, err := failing.consume(gone, failing.batch)
		d.ok(err)
		if len(response.BatchItemFailures) == 0 {
			d.t.Error("nothing failed")
		}
	}
	c.sandbox() // last, for it ends with a reset
}

// signUp is a person's way from a link to an account that shares. It returns the cookie of their browser.
func (d *day) signUp(c *client, email, userID string) string {
	d.t.Helper()
	came := d.page(
		c,
		"",
		"GET /v1/link-work-provider?work_provider=Courier+Ltd&work_provider_user_id="+userID+"&email="+email,
		"",
	)
	to, err := came.Location()
	d.ok(err)
	link := "&link=" + to.Query().Get("link")
	d.page(
		c,
		"",
		"POST /account/signup",
		"email="+email+"&givenNames=Ola&lastName=Nowak&dob-day=17&dob-month=5&dob-year=1990&address=1+Long+Lane&city=London"+
			"&postCode=EC1A+9HF&phoneNumber=07700+900123&vehicle=ab12+cde&terms=yes&password=three+words+in+a+row"+link,
	)
	confirm := "token=" + c.mailed(email) + link + "&password="
	d.page(c, "", "POST /account/verify", confirm+"another+password")
	browser := c.cookie(d.page(c, "", "POST /account/verify", confirm+"three+words+in+a+row"))
	d.page(c, browser, "GET /account/consent?"+link[1:], "")
	d.page(c, browser, "POST /account/consent", "choice=agree"+link)
	d.page(c, browser, "GET /account", "")
	return browser
}

// page is what a person's browser is answered, from a network of its own: tries from one are counted.
func (d *day) page(c *client, cookie, request, form string) *http.Response {
	d.t.Helper()
	method, target, _ := strings.Cut(request, " ")
	r := c.request(method+" "+target, "", strings.NewReader(form), "Cookie", cookie, "Sec-Fetch-Site", "same-origin")
	r.RemoteAddr = "192.0.2.99:1"
	recorder := httptest.NewRecorder()
	c.api.ServeHTTP(recorder, r)
	if recorder.Code >= 500 {
		d.t.Errorf("%s gave %d", request, recorder.Code)
	}
	return recorder.Result()
}

func (d *day) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *day) consume(consume consumer.Func, batch events.SQSEvent) {
	d.t.Helper()
	_, err := consume(d.t.Context(), batch)
	d.ok(err)
}
