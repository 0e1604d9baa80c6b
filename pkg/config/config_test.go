package config

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestVariables(t *testing.T) {
	env := From(map[string]string{"PRESENT": "here", "EMPTY": ""})
	if got := env.Get("PRESENT"); got != "here" {
		t.Errorf("got %q", got)
	}
	if got := env.Optional("PRESENT", "other") + env.Optional("EMPTY", "a") + env.Optional("ABSENT",
		"b"); got != "hereab" {
		t.Errorf("got %q", got)
	}
	if err := env.Err(); err != nil {
		t.Errorf("nothing is missing: %v", err)
	}
	for _, name := range []string{"SECOND", "EMPTY", "FIRST", "SECOND"} {
		if got := env.Get(name); got != "" {
			t.Errorf("%s is %q", name, got)
		}
	}
	if err := env.Err(); err == nil || err.Error() != "missing environment variables: SECOND, EMPTY, FIRST" {
		t.Errorf("got %v", err)
	}
}

func TestFromOS(t *testing.T) {
	t.Setenv("PROVIDERS_TABLE", "providers")
	env := FromOS()
	if env.Get("PROVIDERS_TABLE") != "providers" || env.Err() != nil {
		t.Error("the environment is not read")
	}
}

func TestAWS(t *testing.T) {
	env := From(map[string]string{
		"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4566",
	})
	cfg := env.AWS()
	if err := env.Err(); err != nil {
		t.Fatal(err)
	}
	credentials, err := cfg.Credentials.Retrieve(context.Background())
	if err != nil || credentials.AccessKeyID != "id" || credentials.SecretAccessKey != "secret" ||
		credentials.SessionToken != "token" {
		t.Errorf("credentials %+v, %v", credentials, err)
	}
	if cfg.Region != "eu-west-1" || aws.ToString(cfg.BaseEndpoint) != "http://127.0.0.1:4566" {
		t.Errorf("region %q, endpoint %q", cfg.Region, aws.ToString(cfg.BaseEndpoint))
	}
	if cfg.Retryer().MaxAttempts() != maxAttempts {
		t.Errorf("%d attempts", cfg.Retryer().MaxAttempts())
	}
	if env.AWS().HTTPClient != cfg.HTTPClient {
		t.Error("each client has connections of its own")
	}

	t.Run("AWS itself", func(t *testing.T) {
		env := From(
			map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"},
		)
		if cfg := env.AWS(); cfg.BaseEndpoint != nil || env.Err() != nil {
			t.Errorf("endpoint %q, %v", aws.ToString(cfg.BaseEndpoint), env.Err())
		}
	})
	t.Run("missing variables", func(t *testing.T) {
		env := From(nil)
		env.AWS()
		env.AWS()
		want := "missing environment variables: AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
		if err := env.Err(); err == nil || err.Error() != want {
			t.Errorf("got %v", err)
		}
	})
	t.Run("brought along", func(t *testing.T) {
		env := From(nil)
		env.SetAWS(aws.Config{Region: "elsewhere"})
		if env.AWS().Region != "elsewhere" || env.Err() != nil {
			t.Errorf("region %q, %v", env.AWS().Region, env.Err())
		}
	})
}

// A plain write that meets a transaction on its item is retried.
func TestTransactionConflictRetries(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		if calls < maxAttempts {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionConflictException","message":"conflict"}`)
			return
		}
		fmt.Fprint(w, `{}`)
	}))
	defer server.Close()
	env := From(map[string]string{
		"AWS_ENDPOINT_URL": server.URL, "AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
	})
	_, err := dynamodb.NewFromConfig(env.AWS()).PutItem(t.Context(), &dynamodb.PutItemInput{
		TableName: aws.String("t"), Item: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "p"}},
	})
	if err != nil || calls != maxAttempts {
		t.Errorf("%v after %d calls", err, calls)
	}
}

// A service's own endpoint comes before that of all.
func TestEndpointOfAService(t *testing.T) {
	env := From(map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s",
		"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:2",
		"AWS_ENDPOINT_URL_SESV2": "http://127.0.0.1:3",
	})
	if got := aws.ToString(dynamodb.NewFromConfig(env.AWS()).Options().BaseEndpoint); got != "http://127.0.0.1:2" {
		t.Errorf("DynamoDB at %s", got)
	}
	if got := aws.ToString(sqs.NewFromConfig(env.AWS()).Options().BaseEndpoint); got != "http://127.0.0.1:1" {
		t.Errorf("SQS at %s", got)
	}
	if got := aws.ToString(sesv2.NewFromConfig(env.AWS()).Options().BaseEndpoint); got != "http://127.0.0.1:3" {
		t.Errorf("SES at %s", got)
	}
}
