package emulator

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"zego.com/workprovider/pkg/config"
)

func TestNewTestEnvIsolation(t *testing.T) {
	one := NewTestEnv(t)
	other := NewTestEnv(t)
	for _, name := range []string{"PROVIDERS_TABLE", "CUSTOMERS_TABLE", "TIMELINES_TABLE", "EVENTS_QUEUE_URL"} {
		if one.Get(name) == other.Get(name) {
			t.Errorf("%s is %s in both", name, one.Get(name))
		}
	}
	for _, env := range []*config.Env{one, other} {
		if env.Get("EVENT_ID_KEYS"); env.Err() != nil {
			t.Error(env.Err())
		}
	}
	put(t, one, "k")
	got, err := dynamodb.NewFromConfig(other.AWS()).Scan(t.Context(), &dynamodb.ScanInput{
		TableName: aws.String(other.Get("TIMELINES_TABLE")),
	})
	if err != nil || got.Count != 0 {
		t.Errorf("the other table holds %d items (%v)", got.Count, err)
	}
}

// The queue's own attributes and the way to its dead-letter queue are those of template.yaml.
func TestNewTestEnvQueue(t *testing.T) {
	Require(t, Retention)
	env := NewTestEnv(t)
	got, err := sqs.NewFromConfig(env.AWS()).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl:       aws.String(env.Get("EVENTS_QUEUE_URL")),
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatal(err)
	}
	if days := got.Attributes["MessageRetentionPeriod"]; days != "1209600" {
		t.Errorf("messages are kept for %s s", days)
	}
	if policy := got.Attributes["RedrivePolicy"]; !strings.Contains(policy, ":EventsDeadLetterQueue-") {
		t.Errorf("dead letters go to %s", policy)
	}
}

func TestMeter(t *testing.T) {
	Require(t, WriteCapacity)
	env := NewTestEnv(t)
	meter := AttachMeter(env)
	put(t, env, strings.Repeat("k", 1000))
	put(t, env, "k")
	if want := map[string]int{"DynamoDB.PutItem": 2}; !reflect.DeepEqual(meter.Calls(), want) {
		t.Errorf("calls: %v", meter.Calls())
	}
	if meter.WriteUnits() != 3 {
		t.Errorf("write units: %v", meter.WriteUnits())
	}
	meter.Reset()
	if len(meter.Calls()) != 0 || meter.WriteUnits() != 0 {
		t.Errorf("after Reset: %v, %v", meter.Calls(), meter.WriteUnits())
	}
}

// State survives a stop and a new start, and what exists already is not made again.
func TestState(t *testing.T) {
	dir := t.TempDir()
	var first map[string]string
	for run := range 2 {
		server, err := Start(Options{StateDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		variables := create(t, server)
		// A queue's URL holds the port, which differs.
		delete(variables, "EVENTS_QUEUE_URL")
		delete(variables, "WEBHOOKS_QUEUE_URL")
		if run == 0 {
			first = variables
			put(t, config.From(merged(server.Variables(), variables)), "k")
		} else {
			if !reflect.DeepEqual(variables, first) {
				t.Errorf("variables: first %v, then %v", first, variables)
			}
			got, err := dynamodb.NewFromConfig(config.From(server.Variables()).AWS()).Scan(t.Context(), &dynamodb.ScanInput{
				TableName: aws.String(variables["TIMELINES_TABLE"]),
			})
			if err != nil || got.Count != 1 {
				t.Errorf("after the second start the table holds %d items (%v)", got.Count, err)
			}
		}
		server.Stop()
		if _, err := http.Get(server.URL); err == nil {
			t.Error("the server answers after Stop")
		}
	}
}

// Queued messages survive a stop and a new start on another port, also in a queue that was created with other
// attributes.
func TestQueueState(t *testing.T) {
	dir := t.TempDir()
	for run := range 3 {
		server, err := Start(Options{StateDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		client := sqs.NewFromConfig(Env(server.Variables()).AWS())
		url := aws.String(create(t, server)["EVENTS_QUEUE_URL"])
		if run < 2 {
			for i := range 5 {
				if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
					QueueUrl: url, MessageBody: aws.String(strconv.Itoa(run*5 + i)), DelaySeconds: int32(i % 2),
				}); err != nil {
					t.Fatal(err)
				}
			}
			server.Stop()
			continue
		}
		received := map[string]bool{}
		for len(received) < 10 {
			got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
				QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: 2,
			})
			if err != nil || len(got.Messages) == 0 {
				t.Fatalf("of 10 messages only %v were kept (%v)", received, err)
			}
			for _, m := range got.Messages {
				received[aws.ToString(m.Body)] = true
			}
		}
	}
}

// A template whose queue changed between two starts must not need `make clean`.
func TestCreateExistingQueue(t *testing.T) {
	server, err := testServer()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.From(server.Variables()).AWS()
	for _, timeout := range []string{"60", "90"} {
		path := filepath.Join(t.TempDir(), "template.yaml")
		text := "Resources: {Q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: " + timeout + "}}}"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Create(t.Context(), cfg, path, "-changing"); err != nil {
			t.Fatal(err)
		}
	}
	client := sqs.NewFromConfig(cfg)
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("Q-changing")})
	if err != nil {
		t.Fatal(err)
	}
	got, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl:       url.QueueUrl,
		AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameVisibilityTimeout},
	})
	if err != nil || got.Attributes["VisibilityTimeout"] != "90" {
		t.Errorf("attributes: %v (%v)", got.Attributes, err)
	}
}

func TestStartErrors(t *testing.T) {
	t.Run("no tools", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("go.mod", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Start(Options{}); err != ErrNotInstalled {
			t.Errorf("error: %v", err)
		}
	})
	t.Run("outside the project", func(t *testing.T) {
		t.Chdir(t.TempDir())
		if _, err := Start(Options{}); err == nil || !strings.Contains(err.Error(), "go.mod") {
			t.Errorf("error: %v", err)
		}
	})
}

func create(t *testing.T, server *Server) map[string]string {
	t.Helper()
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	cfg := config.From(server.Variables()).AWS()
	variables, err := Create(context.Background(), cfg, filepath.Join(root, "template.yaml"), "")
	if err != nil {
		t.Fatal(err)
	}
	return variables
}

func put(t *testing.T, env *config.Env, key string) {
	t.Helper()
	_, err := dynamodb.NewFromConfig(env.AWS()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String(env.Get("TIMELINES_TABLE")),
		Item: map[string]types.AttributeValue{
			"pk": &types.AttributeValueMemberS{Value: key},
			"sk": &types.AttributeValueMemberS{Value: strings.Repeat("s", 50)},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func merged(maps ...map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range maps {
		for name, v := range m {
			all[name] = v
		}
	}
	return all
}
