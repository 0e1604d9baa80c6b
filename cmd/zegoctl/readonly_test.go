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

// tomorrow is a day on which everybody has consented, long before it.
func tomorrow() time.Time { return time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, 1) }

// message is the message of a LOGIN ("I") or LOGOUT ("O") of courier-ltd, and the id of the event.
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

// working is a world in which ABC123 is courier-ltd's 12345, and worked tomorrow from nine to half past twelve.
func working(t *testing.T) (operator, time.Time) {
	t.Helper()
	o := newOperator(t)
	o.people()
	var link linkView
	o.must(&link, "link", "give", "courier-ltd", "ABC123", "--work-provider-user-id", "12345", "--matched")
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
	o, day := working(t)
	date := day.Format(time.DateOnly)
	svg := filepath.Join(t.TempDir(), "day.svg")
	var stories []explanationView
	o.must(&stories, "explain", "abc123", "--day", date, "--svg", svg)
	if len(stories) != 1 || stories[0].WorkProvider != "courier-ltd" || !stories[0].RecordAgrees ||
		stories[0].Revision != 1 ||
		len(stories[0].Shifts) != 1 {
		t.Fatalf("%+v", stories)
	}
	var effects []string
	for _, s := range stories[0].Steps {
		effects = append(effects, s.Effect+s.Reason)
	}
	if want := []string{"OPENED_SHIFT", "ALREADY_OPEN", "CLOSED_SHIFT", "LOGOUT_WITHOUT_LOGIN"}; !slices.Equal(
		effects,
		want,
	) {
		t.Errorf("%q, want %q", effects, want)
	}
	if open := stories[0].Steps[0].Open; open == nil || open.By != "LOGOUT" || stories[0].Steps[2].Open != nil {
		t.Errorf("%+v", stories[0].Steps)
	}
	text, err := o.run("explain", "ABC123", "--day", date)
	want := []string{
		"ABC123 at courier-ltd on " + date, "LINK", "opens a shift", "a shift is open already", "closes the shift",
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
	o.must(&stories, "explain", "ABC123", "--day", "2020-01-01")
	if len(stories) != 1 || len(stories[0].Shifts) != 0 || len(stories[0].Steps) != 0 {
		t.Errorf("%+v", stories)
	}
	if text, err := o.run("explain", "ABC12"); err != nil || !strings.Contains(text, "No work provider") {
		t.Errorf("%v: %s", err, text)
	}
	o.refused("--day", "explain", "ABC123", "--day", "tomorrow")
	o.refused("customerNumber", "explain", "")
	o.refused("exists", "explain", "ABC123", "--svg", svg) // nothing is written over
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

// Names are whatever work providers make them, and pictures are opened in browsers.
func TestAPictureQuotesNames(t *testing.T) {
	at := timeline.At(tomorrow())
	f := timeline.Fact{
		Name:       person.Name{Kind: person.UserID, Value: `<script>&"`},
		Kind:       timeline.Login,
		At:         at,
		PlannedEnd: timeline.Never,
	}
	drawn := svgChart(
		[]explanationView{
			{WorkProvider: "courier-ltd", CustomerNumber: "ABC123", day: at.Day(), steps: []timeline.Step{{Fact: f}}},
		},
	)
	wellFormed(t, drawn)
	if strings.Contains(drawn, "<script>") {
		t.Error(drawn)
	}
}

func TestTrace(t *testing.T) {
	o, day := working(t)
	_, id := o.message("I", "12345", day.Add(9*time.Hour))
	var v traceView
	o.must(&v, "trace", id)
	if v.WorkProvider != "courier-ltd" || v.Kind != "LOGIN" || !v.Stored || v.CustomerNumber != "ABC123" ||
		v.Effect != "OPENED_SHIFT" ||
		v.ShiftID != id || !v.Listed || v.Revision != 1 ||
		v.Shift == nil ||
		v.Shift.By != "LOGOUT" {
		t.Errorf("%+v", v)
	}
	text, err := o.run("trace", id)
	if err != nil || !strings.Contains(text, "accepted  LOGIN of id 12345") || !strings.Contains(text, "lists show it") {
		t.Errorf("%v: %s", err, text)
	}
	// One that nobody has heard of: it is in the queue, then among the dead letters, then nobody's.
	body, id := o.message("I", "77", time.Now())
	o.must(&v, "trace", id)
	if v.Stored || v.State != "PENDING" || len(v.DeadLetters) != 0 || len(v.Ever) != 0 {
		t.Errorf("%+v", v)
	}
	letter := events.SQSMessage{
		MessageId:  "x",
		Body:       body,
		Attributes: map[string]string{"SentTimestamp": fmt.Sprint(time.Now().UnixMilli())},
	}
	file := deadletter.Consumer(deadletter.NewStore(o.env), time.Now)
	if _, err := file(t.Context(), events.SQSEvent{Records: []events.SQSMessage{letter}}); err != nil {
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
	o.refused("no work provider has an event of that id", "trace", "nonsense")
	o.refused("no work provider has an event of that id", "trace", id[:len(id)-2])
}

func TestUnmatched(t *testing.T) {
	o, _ := working(t)
	one, _ := o.message("I", "77", time.Now().Add(-time.Minute))
	other, _ := o.message("O", "77", time.Now())
	if n := o.process(one, other); n != 0 {
		t.Fatal(n)
	}
	var waiting []unmatchedView
	o.must(&waiting, "unmatched", "courier-ltd", "--days", "3")
	if len(waiting) != 1 || waiting[0].WorkProviderUserID != "77" || waiting[0].Events != 2 {
		t.Errorf("%+v", waiting)
	}
	o.refused("--days", "unmatched", "courier-ltd", "--days", "0")
}

func TestLinksAreListed(t *testing.T) {
	o, _ := working(t)
	var links []linkView
	o.must(&links, "link", "list", "abc123")
	if len(links) != 1 || links[0].WorkProvider != "courier-ltd" || !links[0].Matched ||
		!slices.Equal(links[0].WorkProviderUserIDs, []string{"12345"}) {
		t.Errorf("%+v", links)
	}
	var owner ownerView
	o.must(&owner, "link", "owner", "courier-ltd", "12345")
	if owner.CustomerNumber != "ABC123" || !slices.Equal(owner.PreviousOwners, []string{"ABC123"}) {
		t.Errorf("%+v", owner)
	}
	owner = ownerView{}
	o.must(&owner, "link", "owner", "courier-ltd", "77")
	if owner.CustomerNumber != "" || len(owner.PreviousOwners) != 0 {
		t.Errorf("%+v", owner)
	}
}

func TestProductsAreListed(t *testing.T) {
	o := newOperator(t)
	var p productView
	for _, code := range []string{"B", "A", "B"} {
		o.must(&p, "product", "define", code, "--cover-level", "x", "--class-of-use", "y", "--occupation", "tutor=teacher")
	}
	var all []productView
	o.must(&all, "product", "list")
	if len(all) != 2 || all[0].Code != "A" || all[1].Code != "B" || len(all[1].Occupations) != 1 {
		t.Errorf("%+v", all)
	}
}

// A person asks for a copy, and then to be forgotten.
func TestAPersonsWishes(t *testing.T) {
	o, day := working(t)
	var found customerNumbersView
	o.must(&found, "customer", "find", "DRIVER@example.com")
	if !slices.Equal(found.CustomerNumbers, []string{"ABC12", "ABC123"}) { // the two of this world have one email
		t.Errorf("%+v", found)
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
	var copied privacy.Export
	written, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(written, &copied)
	}
	if err != nil || copied.Details == nil || copied.Details.LastName != "Driver" || len(copied.Sharing) != 1 ||
		len(copied.Sharing[0].Events) != 4 ||
		len(copied.Sharing[0].Shifts) != 1 {
		t.Errorf("%v: %+v", err, copied)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	o.refused("exists", "customer", "export", "ABC123", "--file", path)
	var erased privacy.Erasure
	o.must(&erased, "customer", "erase", "ABC123", "--yes")
	if erased.CustomerNumber != "ABC123" || !slices.Equal(erased.WithdrawnFrom, []string{"courier-ltd"}) {
		t.Errorf("%+v", erased)
	}
	var shown customerSummaryView
	o.must(&shown, "customer", "show", "ABC123")
	if shown.Erased == "" || shown.Insured || shown.CoverLevel != "x" {
		t.Errorf("%+v", shown)
	}
	var stories []explanationView
	o.must(&stories, "explain", "ABC123", "--day", day.Format(time.DateOnly))
	if len(stories) != 1 { // what happened can still be explained
		t.Errorf("%+v", stories)
	}
	o.refused("no such customer", "customer", "export", "NOBODY")
	o.refused("customerNumber", "customer", "erase", "", "--yes")
}

// deprecated is a metric as the functions' log lines make it; without a work provider or a use, a sum over others. It
// answers with the day.
func deprecated(t *testing.T, o operator, count float64, providerID, use string) string {
	t.Helper()
	at := time.Now().Add(-time.Hour)
	datum := types.MetricDatum{
		MetricName: aws.String(observe.Deprecated),
		Value:      &count,
		Timestamp:  &at,
		Unit:       types.StandardUnitCount,
	}
	for name, value := range map[string]string{observe.Provider: providerID, observe.Feature: use} {
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

// All tests of the process share one CloudWatch, so this one has work providers of its own.
func TestDeprecations(t *testing.T) {
	o := newOperator(t)
	deprecated(t, o, 9, "", "")
	deprecated(t, o, 9, "old-ltd", "")
	deprecated(t, o, 3, "old-ltd", "policyId")
	day := deprecated(t, o, 4, "old-ltd", "policyId")
	later := deprecated(t, o, 2, "older-ltd", "/v1/status")
	var all []useView
	o.must(&all, "deprecations")
	all = slices.DeleteFunc(all, func(v useView) bool { return !strings.HasPrefix(v.WorkProvider, "old") })
	if want := []useView{{"old-ltd", "policyId", 7, day}, {"older-ltd", "/v1/status", 2, later}}; !slices.Equal(
		all,
		want,
	) {
		t.Errorf("%+v, want %+v", all, want)
	}
	o.must(&all, "deprecations", "--provider", "older-ltd", "--days", "7")
	if len(all) != 1 || all[0].Use != "/v1/status" {
		t.Errorf("%+v", all)
	}
	o.refused("--days", "deprecations", "--days", "0")
}
