package emulator

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// A message of a quiet group comes before the backlog of a group with messages in flight, as from a fair queue of SQS.
func TestFairQueue(t *testing.T) {
	Require(t, FairQueues)
	env := NewTestEnv(t)
	client := sqs.NewFromConfig(env.AWS())
	url := env.Get("EVENTS_QUEUE_URL")
	send := func(group string) {
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: &url, MessageBody: &group, MessageGroupId: &group,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	receive := func(n int32) (groups []string) {
		received, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: n})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range received.Messages {
			groups = append(groups, aws.ToString(m.Body))
		}
		return groups
	}
	for range 30 {
		send("loud")
	}
	if got := receive(10); len(got) != 10 || got[0] != "loud" {
		t.Fatalf("received %v", got)
	}
	send("quiet")
	if got := receive(1); len(got) != 1 || got[0] != "quiet" {
		t.Errorf("received %v, want the message of the quiet group", got)
	}
	if got := receive(1); len(got) != 1 || got[0] != "loud" {
		t.Errorf("received %v, want the backlog", got)
	}
}
