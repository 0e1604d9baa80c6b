package main

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/config"
)

// callRecorder sees which rights the calls need that are made through an environment.
type callRecorder struct {
	mu   sync.Mutex
	seen map[string]bool // "Providers dynamodb:GetItem"
}

// watch puts a witness on an environment.
func watch(env *config.Env) *callRecorder {
	w := &callRecorder{seen: map[string]bool{}}
	cfg := env.AWS().Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Witness",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				middleware.InitializeOutput, middleware.Metadata, error,
			) {
				w.note(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx), in.Parameters)
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
	})
	env.SetAWS(cfg)
	return w
}

// suffix is what tells one test's tables and queues from another's.
var suffix = regexp.MustCompile(`-\d+$`)

func (w *callRecorder) note(service, operation string, input any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	needs := func(resource *string, action string) {
		name := aws.ToString(resource)
		w.seen[suffix.ReplaceAllString(name[strings.LastIndexByte(name, '/')+1:], "")+" "+action] = true
	}
	switch in := input.(type) {
	case *dynamodb.GetItemInput:
		needs(in.TableName, "dynamodb:GetItem")
	case *dynamodb.QueryInput:
		needs(in.TableName, "dynamodb:Query")
	case *dynamodb.ScanInput:
		needs(in.TableName, "dynamodb:Scan")
	case *dynamodb.PutItemInput:
		needs(in.TableName, "dynamodb:PutItem")
	case *dynamodb.UpdateItemInput:
		needs(in.TableName, "dynamodb:UpdateItem")
	case *dynamodb.DeleteItemInput:
		needs(in.TableName, "dynamodb:DeleteItem")
	case *dynamodb.TransactWriteItemsInput:
		for _, item := range in.TransactItems {
			switch {
			case item.Put != nil:
				needs(item.Put.TableName, "dynamodb:PutItem")
			case item.Update != nil:
				needs(item.Update.TableName, "dynamodb:UpdateItem")
			case item.ConditionCheck != nil:
				needs(item.ConditionCheck.TableName, "dynamodb:ConditionCheckItem")
			case item.Delete != nil:
				needs(item.Delete.TableName, "dynamodb:DeleteItem")
			}
		}
	case *sqs.SendMessageBatchInput:
		needs(in.QueueUrl, "sqs:SendMessage")
	default:
		if service != "STS" { // who one is, anybody may ask
			w.seen["* "+strings.ToLower(service)+":"+operation] = true
		}
	}
}

// opened is an account that somebody opened.
func opened(t *testing.T, o operator, email, number string) {
	t.Helper()
	err := dynamo.New(o.env.AWS()).Table(o.env.Get("CUSTOMERS_TABLE")).Put(map[string]any{
		"pk": "email#" + email, "sk": "account", "v": 1, "number": number, "password": "hashed", "changed": time.Now(),
	}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
}

// The policy for operators grants what every command together was seen to need: nothing is missing, and nothing is too
// much.
func TestOperatorsAreGrantedWhatTheyUse(t *testing.T) {
	o, r := seeded(t)
	waiting := o.undelivered("ABC123")
	deprecated(t, o, 1, "courier-ltd", "policyId")
	opened(t, o, "driver@example.com", "ABC123")
	w := watch(o.env)
	for _, args := range slices.Concat(readOnlyCommands, mutatingCommands) {
		if out, err := o.run(append(replaced(r, args), "--yes")...); err != nil {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
	_, id := o.message("I", "12345", tomorrow())
	if out, err := o.run("trace", id); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := o.run("webhook", "resend", "courier-ltd", waiting.ID); err != nil {
		t.Errorf("%v, %s", err, out)
	}

	tree, err := template.Read("../../template.yaml")
	if err != nil {
		t.Fatal(err)
	}
	granted := map[string]bool{}
	document, _ := tree.Resources["OperatorsPolicy"].Properties["PolicyDocument"].(map[string]any)
	statements, _ := document["Statement"].([]any)
	for _, s := range statements {
		statement, _ := s.(map[string]any)
		resources, many := statement["Resource"].([]any)
		if !many {
			resources = []any{statement["Resource"]}
		}
		actions, _ := statement["Action"].([]any)
		for _, resource := range resources {
			name, _ := resource.(string)
			if of, ok := resource.(template.GetAtt); ok {
				name = of.Resource
			}
			for _, action := range actions {
				granted[name+" "+action.(string)] = true
			}
		}
	}
	for _, right := range slices.Sorted(maps.Keys(w.seen)) {
		if !granted[right] {
			t.Errorf("zegoctl needs %s, which OperatorsPolicy in template.yaml does not grant", right)
		}
	}
	for _, right := range slices.Sorted(maps.Keys(granted)) {
		if !w.seen[right] {
			t.Errorf("OperatorsPolicy in template.yaml grants %s, which zegoctl was not seen to need", right)
		}
	}
}
