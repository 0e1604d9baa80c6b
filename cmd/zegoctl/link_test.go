package main

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/link"
	"zego.com/workprovider/pkg/timeline"
)

func TestLinkSign(t *testing.T) {
	o := newOperator(t)
	var created providerView
	o.must(&created, "provider", "create", "Courier Ltd")
	o.must(&created, "provider", "create", "Parcels & Co")
	var issued, other keyView
	o.must(&issued, "key", "issue", "courier-ltd")
	o.must(&other, "key", "issue", "parcels-co")

	o.in = issued.Key + "\n"
	var signed signedLinkView
	o.must(&signed, "link", "sign", "courier-ltd", "a 77", "--email", "o+la@example.com")
	path, raw, _ := strings.Cut(signed.Path, "?")
	query, err := url.ParseQuery(raw)
	if err != nil || path != "/v1/link-work-provider" || strings.Contains(signed.Path, issued.Key) {
		t.Fatalf("%s, %v", signed.Path, err)
	}
	expires, err := strconv.ParseInt(query.Get("expires"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	l := apikey.Link{
		WorkProvider: query.Get("work_provider"),
		UserID:       query.Get("work_provider_user_id"),
		Email:        query.Get("email"),
		Expires:      expires,
	}
	ok, err := apikey.NewStore(o.env).
		VerifyLink(t.Context(), "courier-ltd", l, query.Get("key_id"), query.Get("signature"), time.Now())
	if !ok || err != nil || l.UserID != "a 77" || l.Email != "o+la@example.com" {
		t.Errorf("%s: %t, %v", signed.Path, ok, err)
	}

	for _, lifetime := range []string{"0s", "-1h", "169h"} {
		o.mustFail("--lifetime", "link", "sign", "courier-ltd", "77", "--lifetime", lifetime)
	}
	o.mustFail("control", "link", "sign", "courier-ltd", "a\x00b")
	o.in = other.Key
	o.mustFail("not a key of `courier-ltd`", "link", "sign", "courier-ltd", "77")
	o.in = "zego_live_made_up"
	o.mustFail("not well-formed", "link", "sign", "courier-ltd", "77")
	o.must(new(any), "key", "revoke", "courier-ltd", issued.ID, "--yes")
	o.in = issued.Key
	o.mustFail("not a key of `courier-ltd`", "link", "sign", "courier-ltd", "77")
}

// An operator sees what a customer claims, and can confirm it.
func TestClaimedIDs(t *testing.T) {
	o := newOperator(t)
	o.seedCustomers()
	links := link.New(timeline.NewStore(o.env), link.NoRecompute)
	grant := link.Grant{Provider: "courier-ltd", Customer: "ABC123", UserID: "77", Claimed: true}
	if err := links.GrantConsent(t.Context(), grant, time.Now()); err != nil {
		t.Fatal(err)
	}
	var views []linkView
	o.must(&views, "link", "list", "ABC123")
	if len(views) != 1 || views[0].Matched || !slices.Equal(views[0].ClaimedUserIDs, []string{"77"}) ||
		len(views[0].WorkProviderUserIDs) != 0 {
		t.Errorf("%+v", views)
	}
	var view linkView
	o.must(&view, "link", "grant", "courier-ltd", "ABC123", "--work-provider-user-id", "77", "--matched")
	if !view.Matched || len(view.ClaimedUserIDs) != 0 || !slices.Equal(view.WorkProviderUserIDs, []string{"77"}) {
		t.Errorf("%+v", view)
	}
}
