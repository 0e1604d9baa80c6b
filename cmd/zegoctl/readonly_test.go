package main

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/privacy"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// tomorrow returns a day after all consents of a test.
func tomorrow() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1) }

// message returns the queue message of a LOGIN ("I") or LOGOUT ("O") of courier-ltd, and its event ID.
func (o operator) message(kind, name string, at time.Time) (body, id string) {
	f := timeline.Fact{
		Name:       person.Name{Kind: person.UserID, Value: name},
		Kind:       timeline.Login,
		At:         timeline.At(at),
		PlannedEnd: timeline.Never,
	}
	if kind == "O" {
		f.Kind = timeline.Logout
	}
	body = fmt.Sprintf(`{"v":1,"provider":"courier-ltd","facts":[["%s","U","%s",%d]]}`, kind, name, f.At)
	return body, shift.EventID(seal.NewFromEnv(o.env), "courier-ltd", f)
}

// seededDay returns an environment in which ABC123 is 12345 at courier-ltd and works tomorrow from 09:00 to 12:30, and
// that day.
func seededDay(t *testing.T) (operator, time.Time) {
	t.Helper()
	o := newOperator(t)
	o.seedCustomers()
	var link linkView
	o.must(&link, "link", "grant", "courier-ltd", "ABC123", "--work-provider-user-id", "12345", "--matched")
	day := tomorrow()
	in, _ := o.message("I", "12345", day.Add(9*time.Hour))
	again, _ := o.message("I", "12345", day.Add(10*time.Hour))
	out, _ := o.message("O", "12345", day.Add(12*time.Hour+30*time.Minute))
	late, _ := o.message("O", "12345", day.Add(20*time.Hour))
	if n := o.process(in, again, out, late); n != 0 {
		t.Fatal(n)
	}
	return o, day
}

func TestExplain(t *testing.T) {
	o, day := seededDay(t)
	date := day.Format(time.DateOnly)
	svg := filepath.Join(t.TempDir(), "day.svg")
	var views []explanationView
	o.must(&views, "explain", "abc123", "--day", date, "--svg", svg)
	if len(views) != 1 || views[0].WorkProvider != "courier-ltd" || !views[0].RecordAgrees ||
		views[0].Revision != 1 ||
		len(views[0].Shifts) != 1 {
		t.Fatalf("%+v", views)
	}
	var effects []string
	for _, s := range views[0].Steps {
		effects = append(effects, s.Effect+s.Reason)
	}
	wantEffects := []string{"OPENED_SHIFT", "ALREADY_OPEN", "CLOSED_SHIFT", "LOGOUT_WITHOUT_LOGIN"}
	if !slices.Equal(effects, wantEffects) {
		t.Errorf("%q, want %q", effects, wantEffects)
	}
	if open := views[0].Steps[0].Open; open == nil || open.EndedBy != "LOGOUT" || views[0].Steps[2].Open != nil {
		t.Errorf("%+v", views[0].Steps)
	}
	text, err := o.run("explain", "ABC123", "--day", date)
	want := []string{
		"ABC123 at courier-ltd on " + date, "LINK", "opens a shift", "a shift is already open", "closes the shift",
		"no shift is open", "The stored record agrees",
		"events   " + strings.Repeat(".", 36) + ">...>.........<" + strings.Repeat(".", 29) + "<",
		"insured  " + strings.Repeat(".", 36) + strings.Repeat("#", 14) + ".",
	}
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("%q is not in (%v)\n%s", w, err, text)
		}
	}
	drawn, err := os.ReadFile(svg)
	if err != nil || strings.Count(string(drawn), "<rect x=") != 1 || strings.Count(string(drawn), "▲") != 4 ||
		strings.Count(string(drawn), "no effect") != 2 {
		t.Errorf("%v\n%s", err, drawn)
	}
	wellFormed(t, string(drawn))
	o.must(&views, "explain", "ABC123", "--day", "2020-01-01")
	if len(views) != 1 || len(views[0].Shifts) != 0 || len(views[0].Steps) != 0 {
		t.Errorf("%+v", views)
	}
	if text, err := o.run("explain", "ABC12"); err != nil || !strings.Contains(text, "No work provider") {
		t.Errorf("%v: %s", err, text)
	}
	o.mustFail("--day", "explain", "ABC123", "--day", "tomorrow")
	o.mustFail("customerNumber", "explain", "")
	o.mustFail("exists", "explain", "ABC123", "--svg", svg) // no file is overwritten
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := decoder.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Work providers choose the user IDs, and browsers display the charts.
func TestChartEscapesNames(t *testing.T) {
	at := timeline.At(tomorrow())
	f := timeline.Fact{
		Name:       person.Name{Kind: person.UserID, Value: `<script>&"`},
		Kind:       timeline.Login,
		At:         at,
		PlannedEnd: timeline.Never,
	}
	step := timeline.Step{CustomerEvent: timeline.CustomerEvent{Fact: f}}
	chart := svgChart(
		[]explanationView{
			{WorkProvider: "courier-ltd", CustomerNumber: "ABC123", day: at.Day(), steps: []timeline.Step{step}},
		},
	)
	wellFormed(t, chart)
	if strings.Contains(chart, "<script>") {
		t.Error(chart)
	}
}

func TestTrace(t *testing.T) {
	o, day := seededDay(t)
	_, id := o.message("I", "12345", day.Add(9*time.Hour))
	var v traceView
	o.must(&v, "trace", id)
	if v.WorkProvider != "courier-ltd" || v.Kind != "LOGIN" || !v.Stored || v.CustomerNumber != "ABC123" ||
		v.Effect != "OPENED_SHIFT" ||
		v.ShiftID != id || !v.Recorded || v.Revision != 1 ||
		v.Shift == nil ||
		v.Shift.EndedBy != "LOGOUT" {
		t.Errorf("%+v", v)
	}
	text, err := o.run("trace", id)
	if err != nil || !strings.Contains(text, "accepted  LOGIN of id 12345") ||
		!strings.Contains(text, "contains the shift") {
		t.Errorf("%v: %s", err, text)
	}
	// An event of an unknown ID: in the queue, then a dead letter, then unmatched.
	body, id := o.message("I", "77", time.Now())
	o.must(&v, "trace", id)
	if v.Stored || v.State != "PENDING" || len(v.DeadLetters) != 0 || len(v.AllOwners) != 0 {
		t.Errorf("%+v", v)
	}
	letter := events.SQSMessage{
		MessageId:  "x",
		Body:       body,
		Attributes: map[string]string{"SentTimestamp": fmt.Sprint(time.Now().UnixMilli())},
	}
	archive := deadletter.Consumer(deadletter.NewStore(o.env), time.Now)
	if _, err := archive(t.Context(), events.SQSEvent{Records: []events.SQSMessage{letter}}); err != nil {
		t.Fatal(err)
	}
	o.must(&v, "trace", id)
	if len(v.DeadLetters) != 1 || v.DeadLetters[0].Reason != deadletter.ReasonRetriesExhausted {
		t.Errorf("%+v", v)
	}
	if n := o.process(body); n != 0 {
		t.Fatal(n)
	}
	v = traceView{}
	o.must(&v, "trace", id)
	if !v.Stored || v.State != "UNMATCHED" || len(v.DeadLetters) != 0 {
		t.Errorf("%+v", v)
	}
	o.mustFail("no work provider has an event with this id", "trace", "nonsense")
	o.mustFail("no work provider has an event with this id", "trace", id[:len(id)-2])
}

func TestUnmatched(t *testing.T) {
	o, _ := seededDay(t)
	one, _ := o.message("I", "77", time.Now().Add(-time.Minute))
	other, _ := o.message("O", "77", time.Now())
	if n := o.process(one, other); n != 0 {
		t.Fatal(n)
	}
	var unmatched []unmatchedView
	o.must(&unmatched, "unmatched", "courier-ltd", "--days", "3")
	if len(unmatched) != 1 || unmatched[0].WorkProviderUserID != "77" || unmatched[0].Events != 2 {
		t.Errorf("%+v", unmatched)
	}
	o.mustFail("--days", "unmatched", "courier-ltd", "--days", "0")
}

func TestLinkList(t *testing.T) {
	o, _ := seededDay(t)
	var links []linkView
	o.must(&links, "link", "list", "abc123")
	if len(links) != 1 || links[0].WorkProvider != "courier-ltd" || !links[0].Matched ||
		!slices.Equal(links[0].WorkProviderUserIDs, []string{"12345"}) {
		t.Errorf("%+v", links)
	}
	var owner ownerView
	o.must(&owner, "link", "owner", "courier-ltd", "12345")
	if owner.CustomerNumber != "ABC123" || !slices.Equal(owner.AllOwners, []string{"ABC123"}) {
		t.Errorf("%+v", owner)
	}
	owner = ownerView{}
	o.must(&owner, "link", "owner", "courier-ltd", "77")
	if owner.CustomerNumber != "" || len(owner.AllOwners) != 0 {
		t.Errorf("%+v", owner)
	}
}

func TestProductList(t *testing.T) {
	o := newOperator(t)
	var p productView
	for _, code := range []string{"B", "A", "B"} {
		o.must(&p, "product", "put", code, "--cover-level", "x", "--class-of-use", "y", "--occupation", "tutor=teacher")
	}
	var all []productView
	o.must(&all, "product", "list")
	if len(all) != 2 || all[0].Code != "A" || all[1].Code != "B" || len(all[1].Occupations) != 1 {
		t.Errorf("%+v", all)
	}
}

// A customer requests an export and then erasure.
func TestDataSubjectRequests(t *testing.T) {
	o, day := seededDay(t)
	var sameEmail customerNumbersView
	o.must(&sameEmail, "customer", "find", "DRIVER@example.com")
	if !slices.Equal(sameEmail.CustomerNumbers, []string{"ABC12", "ABC123"}) { // both have the same email
		t.Errorf("%+v", sameEmail)
	}
	text, err := o.run("customer", "show", "ABC123")
	if err != nil || !strings.Contains(text, "Courier Ltd") || strings.Contains(text, "Dara") ||
		strings.Contains(text, "driver@") {
		t.Errorf("%v: %s", err, text)
	}
	path := filepath.Join(t.TempDir(), "abc123.json")
	if out, err := o.run("customer", "export", "abc123", "--file", path); err != nil || out != "" {
		t.Fatalf("%v: %s", err, out)
	}
	var export privacy.Export
	written, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(written, &export)
	}
	if err != nil || export.Details == nil || export.Details.LastName != "Driver" || len(export.Sharing) != 1 ||
		len(export.Sharing[0].Events) != 4 ||
		len(export.Sharing[0].Shifts) != 1 {
		t.Errorf("%v: %+v", err, export)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	o.mustFail("exists", "customer", "export", "ABC123", "--file", path)
	var erased privacy.Erasure
	o.must(&erased, "customer", "erase", "ABC123", "--yes")
	if erased.CustomerNumber != "ABC123" || !slices.Equal(erased.WithdrawnFrom, []string{"courier-ltd"}) {
		t.Errorf("%+v", erased)
	}
	var summary customerSummaryView
	o.must(&summary, "customer", "show", "ABC123")
	if summary.Erased == "" || summary.Insured || summary.CoverLevel != "x" {
		t.Errorf("%+v", summary)
	}
	var views []explanationView
	o.must(&views, "explain", "ABC123", "--day", day.Format(time.DateOnly))
	if len(views) != 1 { // the day can still be explained
		t.Errorf("%+v", views)
	}
	o.mustFail("No such customer", "customer", "export", "NOBODY")
	o.mustFail("customerNumber", "customer", "erase", "", "--yes")
}

// putUsage stores a value of the metric of deprecated usage, as the functions' logs do, and returns its day. Without a
// work provider or a feature it is an aggregate.
func putUsage(t *testing.T, o operator, count float64, providerID, feature string) string {
	t.Helper()
	at := time.Now().Add(-time.Hour)
	datum := types.MetricDatum{
		MetricName: aws.String(observe.Deprecated),
		Value:      &count,
		Timestamp:  &at,
		Unit:       types.StandardUnitCount,
	}
	for name, value := range map[string]string{observe.Provider: providerID, observe.Feature: feature} {
		if value != "" {
			datum.Dimensions = append(datum.Dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(value)})
		}
	}
	_, err := cloudwatch.NewFromConfig(o.env.AWS()).PutMetricData(t.Context(), &cloudwatch.PutMetricDataInput{
		Namespace: aws.String(observe.Namespace), MetricData: []types.MetricDatum{datum},
	})
	if err != nil {
		t.Fatal(err)
	}
	return at.UTC().Format(time.DateOnly)
}

// All tests of the process share one CloudWatch, so this one has its own work providers.
func TestDeprecations(t *testing.T) {
	o := newOperator(t)
	putUsage(t, o, 9, "", "")
	putUsage(t, o, 9, "old-ltd", "")
	putUsage(t, o, 3, "old-ltd", "policyId")
	day := putUsage(t, o, 4, "old-ltd", "policyId")
	later := putUsage(t, o, 2, "older-ltd", "/v1/status")
	var all []usageView
	o.must(&all, "deprecations")
	all = slices.DeleteFunc(all, func(v usageView) bool { return !strings.HasPrefix(v.WorkProvider, "old") })
	want := []usageView{{"old-ltd", "policyId", 7, day}, {"older-ltd", "/v1/status", 2, later}}
	if !slices.Equal(all, want) {
		t.Errorf("%+v, want %+v", all, want)
	}
	o.must(&all, "deprecations", "--provider", "older-ltd", "--days", "7")
	if len(all) != 1 || all[0].Feature != "/v1/status" {
		t.Errorf("%+v", all)
	}
	o.mustFail("--days", "deprecations", "--days", "0")
}
