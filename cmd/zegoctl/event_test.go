package main

import (
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/timeline"
)

// lateShift stores a LOGIN and, an hour later, a LOGOUT of ABC123, both accepted two hours after the LOGIN. It returns
// their IDs.
func (o operator) lateShift(start time.Time) (login, logout string) {
	o.t.Helper()
	fact := timeline.Fact{
		Name: person.Name{Kind: person.CustomerNumber, Value: "ABC123"}, Kind: timeline.Login, At: timeline.At(start),
		PlannedEnd: timeline.Never, Accepted: timeline.AcceptedAt(start.Add(2 * time.Hour)),
	}
	end := fact
	end.Kind = timeline.Logout
	end.At = fact.At.Add(time.Hour)
	store := timeline.NewStore(o.env)
	changes := timeline.MessageChanges{Provider: "courier-ltd", Facts: []timeline.Fact{fact, end}}
	applier := timeline.NewApplier(store, 1)
	results := applier.Apply(o.t.Context(), []timeline.MessageChanges{changes}, timeline.At(time.Now()))
	if results[0].Err != nil {
		o.t.Fatal(results[0].Err)
	}
	ids := seal.NewFromEnv(o.env)
	return shift.EventID(ids, "courier-ltd", fact), shift.EventID(ids, "courier-ltd", end)
}

// TestEventVoid: an operator takes an event back, and the day is explained with that. TestAuditLog does so with an old
// one.
func TestEventVoid(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	var link linkView
	o.must(&link, "link", "grant", "courier-ltd", "ABC123", "--matched")
	start := tomorrow().Add(9 * time.Hour)
	_, logout := o.lateShift(start)
	o.mustFail("200 characters", "event", "void", logout, "--reason", strings.Repeat("x", 201), "--yes")
	o.mustFail("required", "event", "void", logout)
	o.mustFail("no work provider has", "event", "void", "x", "--reason", "A mistake", "--yes")
	var view voidView
	o.must(&view, "event", "void", logout, "--reason", "Claim 4711: a typing error", "--yes")
	first := view.VoidedAt
	if view.State != "VOIDED" || view.WorkProvider != "courier-ltd" || first == "" {
		t.Fatalf("%+v", view)
	}
	o.must(&view, "event", "void", logout, "--reason", "Another reason", "--yes")
	if view.VoidedAt != first {
		t.Errorf("taken back since %s, then %s", first, view.VoidedAt)
	}
	text, err := o.run("explain", "ABC123", "--day", start.Format(time.DateOnly))
	if err != nil || !strings.Contains(text, "taken back at "+first+": Claim 4711: a typing error") ||
		!strings.Contains(text, "(2h0m0s late)") || strings.Contains(text, "closes the shift") {
		t.Errorf("%v\n%s", err, text)
	}
	if log, err := o.run("audit", "list"); err != nil || strings.Contains(log, "4711") ||
		!strings.Contains(log, "event void") {
		t.Errorf("%v\n%s", err, log)
	}
}

// TestExplainAsKnownAt: a day is explained as it would have been at an earlier instant.
func TestExplainAsKnownAt(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	past := time.Now().UTC().Add(-8 * time.Hour).Truncate(time.Second)
	store := timeline.NewStore(o.env)
	tx := store.WriteTx()
	store.AppendHistory(tx, "courier-ltd", "ABC123",
		timeline.ConsentGiven(past.AddDate(0, -1, 0)), timeline.Matched(past.AddDate(0, -1, 0)))
	if err := tx.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.lateShift(past)
	explain := func(at time.Time) []explanationView {
		var views []explanationView
		o.must(&views, "explain", "ABC123", "--day", past.Format(time.DateOnly), "--as-known-at", at.Format(time.RFC3339))
		if len(views) != 1 || views[0].AsKnownAt != at.Format(time.RFC3339) {
			t.Fatalf("%+v", views)
		}
		return views
	}
	if v := explain(past.Add(119 * time.Minute))[0]; len(v.Steps) != 0 || len(v.Shifts) != 0 || len(v.History) != 2 {
		t.Errorf("before it was told: %+v", v)
	}
	if v := explain(past.Add(2 * time.Hour))[0]; len(v.Steps) != 2 || v.Steps[0].LateBy != "2h0m0s" {
		t.Errorf("once it was told: %+v", v)
	}
	text, err := o.run("explain", "ABC123", "--as-known-at", past.Format(time.RFC3339))
	if err != nil || !strings.Contains(text, "as known at "+past.Format(time.RFC3339)) ||
		!strings.Contains(text, "Records are not kept of the past") {
		t.Errorf("%v\n%s", err, text)
	}
	for _, bad := range []string{"yesterday", time.Now().Add(time.Hour).Format(time.RFC3339)} {
		o.mustFail("--as-known-at", "explain", "ABC123", "--as-known-at", bad)
	}
}

// TestLate: what was accepted late is listed, the latest first, but not what was taken back.
func TestLate(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	login, _ := o.lateShift(time.Now().UTC().Add(-48 * time.Hour).Truncate(time.Second))
	var views []lateView
	o.must(&views, "late", "courier-ltd")
	if len(views) != 2 || views[0].Kind != "LOGIN" || views[0].LateBy != "2h0m0s" || views[0].CustomerNumber != "ABC123" ||
		views[1].LateBy != "1h0m0s" {
		t.Fatalf("%+v", views)
	}
	o.must(&views, "late", "courier-ltd", "--by", "90m")
	if len(views) != 1 {
		t.Errorf("%+v", views)
	}
	var void voidView
	o.must(&void, "event", "void", login, "--reason", "A mistake", "--yes")
	o.must(&views, "late", "courier-ltd")
	if len(views) != 1 || views[0].Kind != "LOGOUT" {
		t.Errorf("without what was taken back: %+v", views)
	}
	o.must(&views, "late", "parcels-co")
	if len(views) != 0 {
		t.Errorf("another work provider: %+v", views)
	}
	o.mustFail("--days", "late", "courier-ltd", "--days", "0")
	o.mustFail("--by", "late", "courier-ltd", "--by", "-1h")
}
