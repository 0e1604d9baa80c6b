package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/spf13/cobra"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// readOnlyCommands change nothing. LETTER stands for the ID of a dead letter.
var readOnlyCommands = [][]string{
	{"provider", "list"},
	{"key", "list", "courier-ltd"},
	{"product", "list"},
	{"customer", "show", "ABC123"},
	{"link", "list", "ABC123"},
	{"link", "owner", "courier-ltd", "12345"},
	{"webhook", "show", "courier-ltd"},
	{"webhook", "deliveries", "courier-ltd"},
	{"explain", "ABC123"},
	{"unmatched", "courier-ltd"},
	{"late", "courier-ltd"},
	{"dlq", "list"},
	{"dlq", "show", "LETTER"},
	{"deprecations"},
	{"audit", "list"},
	{"audit", "verify"},
}

// mutatingCommands change something, or must be logged, in an order in which each succeeds. KEY stands for the ID of a
// key, LETTER for that of a dead letter, EVENT for that of an event of 40 days ago, TABLE for the name of the timelines
// table.
var mutatingCommands = [][]string{
	{"provider", "create", "Parcels & Co"},
	{"provider", "update", "courier-ltd", "--can-enrol", "--product", "X", "--notify-rejected",
		"--signed-links-only", "--requests-per-second", "10"},
	{"key", "issue", "courier-ltd"},
	{"key", "rotate", "courier-ltd", "KEY"},
	{"key", "revoke", "courier-ltd", "KEY"},
	{"product", "put", "X", "--cover-level", "x", "--class-of-use", "y"},
	driver("--product", "FL.OCC.PL.UK.001"),
	driver("--product", "FL.OCC.PL.UK.001", "--number", "NEW1", "--work-provider", "courier-ltd",
		"--work-provider-user-id", "77"),
	{"link", "grant", "courier-ltd", "ABC12", "--work-provider-user-id", "1686", "--matched"},
	{"link", "move", "courier-ltd", "12345", "ABC12"},
	{"link", "unlink", "courier-ltd", "12345"},
	{"link", "withdraw", "courier-ltd", "ABC123"},
	{"webhook", "set", "courier-ltd", "https://hooks.courier.example/other"},
	{"webhook", "rotate", "courier-ltd"},
	{"webhook", "disable", "courier-ltd"},
	{"webhook", "enable", "courier-ltd"},
	{"dlq", "redrive", "LETTER"},
	{"event", "void", "EVENT", "--reason", "A mistake"},
	{"dlq", "redrive", "--all"},
	{"rebuild", "--provider", "courier-ltd"},
	{"backfill", "TABLE"},
	{"customer", "find", "driver@example.com"},
	{"customer", "export", "ABC123"},
	{"customer", "erase", "ABC123"},
}

// seeded returns an environment in which every command of mutatingCommands has something to change, and a replacer of
// its placeholders.
func seeded(t *testing.T) (operator, *strings.Replacer) {
	t.Helper()
	o := newOperator(t)
	o.seedCustomers()
	var product productView
	o.must(&product, "product", "put", "FL.OCC.PL.UK.001", "--cover-level", "Public Liability",
		"--class-of-use", "Occupational")
	var key keyView
	o.must(&key, "key", "issue", "courier-ltd")
	var link linkView
	o.must(&link, "link", "grant", "courier-ltd", "ABC123", "--work-provider-user-id", "12345", "--matched")
	o.must(&link, "link", "grant", "courier-ltd", "ABC12")
	var hook webhookView
	o.must(&hook, "webhook", "set", "courier-ltd", "https://hooks.courier.example/zego")
	if n := o.process("not understood"); n != 0 {
		t.Fatal(n)
	}
	var letters []letterView
	o.must(&letters, "dlq", "list")
	o.received()
	event := shift.EventID(seal.NewFromEnv(o.env), "courier-ltd", timeline.Fact{
		Name: person.Name{Kind: person.CustomerNumber, Value: "ABC123"}, Kind: timeline.Login,
		At: timeline.At(time.Now().AddDate(0, 0, -40)),
	})
	return o, strings.NewReplacer("KEY", key.ID, "LETTER", letters[0].ID, "TABLE", o.env.Get("TIMELINES_TABLE"),
		"EVENT", event)
}

func replaceAll(r *strings.Replacer, args []string) []string {
	all := slices.Clone(args)
	for i := range all {
		all[i] = r.Replace(all[i])
	}
	return all
}

// snapshot returns all items of the tables, and the numbers of messages in the queues, as text.
func snapshot(t *testing.T, env *config.Env) string {
	t.Helper()
	var text strings.Builder
	for _, variable := range []string{"PROVIDERS_TABLE", "SECRETS_TABLE", "CUSTOMERS_TABLE", "TIMELINES_TABLE",
		"SESSIONS_TABLE"} {
		out, err := dynamodb.NewFromConfig(env.AWS()).
			Scan(t.Context(), &dynamodb.ScanInput{TableName: aws.String(env.Get(variable))})
		if err != nil {
			t.Fatal(err)
		}
		var items []string
		for _, item := range out.Items {
			encoded, err := json.Marshal(item)
			if err != nil {
				t.Fatal(err)
			}
			items = append(items, string(encoded))
		}
		slices.Sort(items)
		text.WriteString(strings.Join(items, "\n"))
	}
	for _, variable := range []string{"EVENTS_QUEUE_URL", "WEBHOOKS_QUEUE_URL"} {
		out, err := sqs.NewFromConfig(env.AWS()).GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: aws.String(env.Get(variable)), AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err != nil {
			t.Fatal(err)
		}
		text.WriteString(
			out.Attributes["ApproximateNumberOfMessages"] + " " + out.Attributes["ApproximateNumberOfMessagesDelayed"],
		)
	}
	return text.String()
}

// A dry run of a mutating command changes nothing and logs nothing.
func TestDryRun(t *testing.T) {
	o, r := seeded(t)
	before := snapshot(t, o.env)
	for _, args := range mutatingCommands {
		out, err := o.run(append(replaceAll(r, args), "--dry-run")...)
		if err != nil || out == "" {
			t.Errorf("%q: %q, %v", args, out, err)
		}
		if after := snapshot(t, o.env); after != before {
			t.Fatalf("%q changed something:\n%s\nwas\n%s", args, after, before)
		}
	}
	var view dryRunView
	o.must(&view, "customer", "erase", "ABC123", "--dry-run")
	if view != (dryRunView{true, "customer erase ABC123", "personal data is deleted, and cover ends"}) {
		t.Errorf("%+v", view)
	}
	// A dry run performs the checks, too.
	o.mustFail("No such customer", "customer", "erase", "NOBODY", "--dry-run")
	o.mustFail("no key `00000000`", "key", "revoke", "courier-ltd", "00000000", "--dry-run")
	o.mustFail("`courier-ltd` already", "provider", "create", "Courier Ltd", "--dry-run")
	o.mustFail("no work provider `nobody`", "provider", "update", "nobody", "--can-enrol", "--dry-run")
}

// Every mutating command is recorded in the audit log, with its operator and outcome, and without personal data.
func TestAuditLog(t *testing.T) {
	o, r := seeded(t)
	var listed []auditView
	o.must(&listed, "audit", "list")
	start := len(listed)
	for i, args := range mutatingCommands {
		if out, err := o.run(append(replaceAll(r, args), "--yes")...); err != nil &&
			!strings.Contains(errorText(err), "revoked or rotated already") {
			t.Errorf("%q: %v, %s", args, err, out)
		}
		o.must(&listed, "audit", "list")
		if len(listed) != start+i+1 {
			t.Fatalf("%q is not logged: %+v", args, listed)
		}
		last := listed[len(listed)-1]
		if last.Action != args[0] && last.Action != args[0]+" "+args[1] || last.Outcome != "done" ||
			!strings.HasPrefix(last.Operator, "arn:aws:") {
			t.Errorf("%q: %+v", args, last)
		}
	}
	o.mustFail("no key", "key", "revoke", "courier-ltd", "00000000", "--yes")
	o.must(&listed, "audit", "list")
	last := listed[len(listed)-1]
	if !strings.Contains(last.Outcome, "has no key") || last.Target != "courier-ltd 00000000" {
		t.Errorf("%+v", last)
	}
	text, err := o.run("audit", "list", "--output", "json")
	if err != nil {
		t.Fatal(err)
	}
	for _, personal := range []string{"Dara", "Luke", "1984", "driver@", "2079", "12345", "1686", "hooks", "zego_live"} {
		if strings.Contains(text, personal) {
			t.Errorf("the audit log contains %s", personal)
		}
	}
	var verified verifyView
	o.must(&verified, "audit", "verify")
	if len(verified.Violations) != 0 || verified.Entries != 2*len(listed) {
		t.Errorf("%+v", verified)
	}
}

// Whoever can write to the log puts something over an entry, and deletes one: the entries stay, and it shows.
func TestAuditVerify_changed(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	var before, after []auditView
	o.must(&before, "audit", "list")
	client := s3.NewFromConfig(o.env.AWS())
	bucket := aws.String(o.env.Get("AUDIT_BUCKET"))
	objects, err := client.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: bucket})
	if err != nil || len(objects.Contents) < 2 {
		t.Fatal(objects, err)
	}
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: bucket, Key: objects.Contents[0].Key, Body: strings.NewReader(`{"v":1,"action":"nothing"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: objects.Contents[1].Key})
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.run("audit", "verify")
	if err == nil || strings.Count(out, "replaced or deleted") != 2 {
		t.Errorf("%v: %s", err, out)
	}
	if o.must(&after, "audit", "list"); !slices.Equal(after, before) {
		t.Errorf("the list is %+v, was %+v", after, before)
	}
}

// Irreversible changes ask for confirmation. Any reply other than yes cancels them.
func TestConfirmation(t *testing.T) {
	o, r := seeded(t)
	before := snapshot(t, o.env)
	commands := [][]string{
		{"key", "rotate", "courier-ltd", "KEY"},
		{"key", "revoke", "courier-ltd", "KEY"},
		{"link", "withdraw", "courier-ltd", "ABC123"},
		{"link", "move", "courier-ltd", "12345", "ABC12"},
		{"link", "unlink", "courier-ltd", "12345"},
		{"webhook", "rotate", "courier-ltd"},
		{"customer", "erase", "ABC123"},
	}
	for _, args := range commands {
		for _, reply := range []string{"", "no\n", "y\n", "YES!\n"} {
			o.in = reply
			out, err := o.run(replaceAll(r, args)...)
			if err == nil || !strings.Contains(err.Error(), "not confirmed") || !strings.Contains(out, "cannot be undone") {
				t.Errorf("%q, reply %q: %v, %s", args, reply, err, out)
			}
		}
	}
	if snapshot(t, o.env) != before {
		t.Error("something was changed")
	}
	o.in = "yes\n"
	if out, err := o.run(replaceAll(r, commands[1])...); err != nil || !strings.Contains(out, "revoked") {
		t.Errorf("%v, %s", err, out)
	}
	o.in = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjU"
	o.mustFail("irreversibly", "webhook", "set", "courier-ltd", "https://hooks.courier.example/zego",
		"--secret-from-stdin")
}

// An action that cannot be logged is not performed.
func TestMissingAuditLog(t *testing.T) {
	o := newOperator(t)
	o.mustFail("AUDIT_BUCKET", "provider", "create", "Courier Ltd", "--audit-bucket", "")
	if out, err := o.run("provider", "create", "Courier Ltd", "--audit-bucket", "no-such-bucket"); err == nil {
		t.Error(out)
	}
	var all []providerView
	o.must(&all, "provider", "list")
	if len(all) != 0 {
		t.Errorf("%+v", all)
	}
}

// leafCommands returns the commands without subcommands.
func leafCommands(cmd *cobra.Command) []*cobra.Command {
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	var all []*cobra.Command
	for _, sub := range cmd.Commands() {
		all = append(all, leafCommands(sub)...)
	}
	return all
}

// Every command is in one of the lists above, so that the tests of all commands include it.
func TestCommandLists(t *testing.T) {
	elsewhere := []string{ // tested separately
		"zegoctl link sign", "zegoctl trace", "zegoctl webhook test", "zegoctl webhook resend",
	}
	tree := command(config.From(nil), nil)
	var listed []string
	for _, args := range slices.Concat(readOnlyCommands, mutatingCommands) {
		cmd, _, err := tree.Find(args)
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, cmd.CommandPath())
	}
	for _, cmd := range leafCommands(tree) {
		if !slices.Contains(listed, cmd.CommandPath()) && !slices.Contains(elsewhere, cmd.CommandPath()) {
			t.Errorf("%s is in neither readOnlyCommands nor mutatingCommands", cmd.CommandPath())
		}
	}
}

// Every command has a summary and an example, and the examples are valid commands with valid flags.
func TestHelpExamples(t *testing.T) {
	tree := func() *cobra.Command { return command(config.From(nil), nil) }
	for _, cmd := range append(leafCommands(tree()), tree()) {
		if cmd.Short == "" || cmd.Example == "" {
			t.Errorf("%s: no summary or no example", cmd.CommandPath())
		}
		for line := range strings.SplitSeq(strings.ReplaceAll(cmd.Example, "\\\n", " "), "\n") {
			line, _, _ = strings.Cut(line, " # ")
			words := split(line)
			if len(words) < 2 || words[0] != "zegoctl" {
				t.Errorf("%s: the example %q is not a command", cmd.CommandPath(), line)
				continue
			}
			found, rest, err := tree().Find(words[1:])
			if err != nil || found.HasSubCommands() ||
				cmd.HasParent() && !strings.HasSuffix(cmd.CommandPath(), found.Name()) &&
					found.CommandPath() != "zegoctl link list" {
				t.Errorf("%s: the example %q is for another command, %v", cmd.CommandPath(), line, err)
				continue
			}
			rest = slices.DeleteFunc(rest, func(w string) bool { return w == "|" || w == "less" })
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
			} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
			}
		}
	}
}

// split splits a line into words like a shell, as far as the examples need it.
func split(line string) []string {
	var words []string
	for i, part := range strings.Split(line, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		} else {
			words = append(words, strings.Fields(part)...)
		}
	}
	return words
}

// Shell completion completes work provider IDs and the values of flags.
func TestCompletion(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	for _, args := range [][]string{{"__complete", "key", "list", ""}, {"__complete", "webhook", "show", "co"},
		{"__complete", "provider", "update", ""}} {
		if out, err := o.run(args...); err != nil || !strings.Contains(out, "courier-ltd\n") {
			t.Errorf("%q: %v: %s", args, err, out)
		}
	}
	if out, err := o.run("__complete", "key", "list", "--output", ""); err != nil || !strings.Contains(out, "json\n") {
		t.Errorf("%v: %s", err, out)
	}
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		if out, err := o.run("completion", shell); err != nil || !strings.Contains(out, "zegoctl") {
			t.Errorf("%s: %v", shell, err)
		}
	}
}

// A read-only client fails before a request is sent.
func TestReadOnly(t *testing.T) {
	env := emulator.NewTestEnv(t)
	cfg := readOnly(env.AWS())
	name := aws.String(env.Get("PROVIDERS_TABLE"))
	if _, err := dynamodb.NewFromConfig(cfg).Scan(t.Context(), &dynamodb.ScanInput{TableName: name}); err != nil {
		t.Error(err)
	}
	_, err := dynamodb.NewFromConfig(cfg).DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: name})
	if err == nil || !strings.Contains(err.Error(), errDryRun.Error()) {
		t.Error(err)
	}
}
