package main

import (
	"context"
	"fmt"
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
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	"github.com/guregu/dynamo/v2"

	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/config"
)

// callRecorder records the permissions that calls through an environment need.
type callRecorder struct {
	mu   sync.Mutex
	seen map[string]bool // "Providers dynamodb:GetItem"
}

// recordCalls adds a recorder to an environment.
func recordCalls(env *config.Env) *callRecorder {
	w := &callRecorder{seen: map[string]bool{}}
	cfg := env.AWS().Copy()
	cfg.APIOptions = append(cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("CallRecorder",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
				middleware.InitializeOutput, middleware.Metadata, error,
			) {
				w.record(awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx), in.Parameters)
				return next.HandleInitialize(ctx, in)
			}), middleware.After)
	})
	env.SetAWS(cfg)
	return w
}

// suffix distinguishes the tables and queues of different tests.
var suffix = regexp.MustCompile(`-\d+$`)

func (w *callRecorder) record(service, operation string, input any) {
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
	case *s3.PutObjectInput:
		needs(aws.String("AuditLog"), "s3:PutObject")
	case *s3.GetObjectInput:
		needs(aws.String("AuditLog"), "s3:GetObjectVersion")
	case *s3.ListObjectVersionsInput:
		needs(aws.String("AuditLog"), "s3:ListBucketVersions")
	case *s3.GetObjectLockConfigurationInput:
		needs(aws.String("AuditLog"), "s3:GetBucketObjectLockConfiguration")
	case *sqs.SendMessageBatchInput:
		needs(in.QueueUrl, "sqs:SendMessage")
	default:
		if service != "STS" { // GetCallerIdentity needs no permission
			w.seen["* "+strings.ToLower(service)+":"+operation] = true
		}
	}
}

// putAccount stores an account.
func putAccount(t *testing.T, o operator, email, number string) {
	t.Helper()
	err := dynamo.New(o.env.AWS()).Table(o.env.Get("CUSTOMERS_TABLE")).Put(map[string]any{
		"pk": "email#" + email, "sk": "account", "v": 1, "number": number, "password": "hashed", "changed": time.Now(),
	}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
}

// OperatorsPolicy grants exactly the permissions that all commands together need.
func TestOperatorsPolicy(t *testing.T) {
	o, r := seeded(t)
	pending := o.pendingDelivery("ABC123")
	putUsage(t, o, 1, "courier-ltd", "policyId")
	putAccount(t, o, "driver@example.com", "ABC123")
	w := recordCalls(o.env)
	for _, args := range slices.Concat(readOnlyCommands, mutatingCommands) {
		if out, err := o.run(append(replaceAll(r, args), "--yes")...); err != nil {
			t.Errorf("%q: %v, %s", args, err, out)
		}
	}
	_, id := o.message("I", "12345", tomorrow())
	if out, err := o.run("trace", id); err != nil {
		t.Errorf("%v, %s", err, out)
	}
	if out, err := o.run("webhook", "resend", "courier-ltd", pending.ID); err != nil {
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
			if attribute, ok := resource.(template.GetAtt); ok {
				name = attribute.Resource
			}
			pattern, _ := resource.(template.Intrinsic)
			if strings.HasPrefix(fmt.Sprint(pattern.Argument), "${AuditLog.Arn}/") {
				name = "AuditLog" // objects of the bucket
			}
			for _, action := range actions {
				granted[name+" "+action.(string)] = true
			}
		}
	}
	for _, permission := range slices.Sorted(maps.Keys(w.seen)) {
		if !granted[permission] {
			t.Errorf("zegoctl needs %s, which OperatorsPolicy in template.yaml does not grant", permission)
		}
	}
	for _, permission := range slices.Sorted(maps.Keys(granted)) {
		if !w.seen[permission] {
			t.Errorf("OperatorsPolicy in template.yaml grants %s, which no command of zegoctl needs", permission)
		}
	}
}
