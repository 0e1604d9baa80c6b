package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/clock"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/customer"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/timeline"
)

// operator runs the tool in an environment, as from a shell.
type operator struct {
	t   *testing.T
	env *config.Env
	in  string // standard input
}

func newOperator(t *testing.T) operator { return operator{t: t, env: emulator.NewTestEnv(t)} }

func (o operator) run(args ...string) (string, error) {
	o.t.Helper()
	var out bytes.Buffer
	connected := false
	cmd := command(o.env, func(_ context.Context, env *config.Env) error {
		if connected {
			o.t.Errorf("%q connects twice, possibly as different operators", args)
		}
		connected = true
		env.SetAWS(o.env.AWS())
		return nil
	})
	cmd.SetArgs(args)
	cmd.SetIn(strings.NewReader(o.in))
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	err := cmd.ExecuteContext(o.t.Context())
	return out.String(), err
}

// must runs a command that must succeed, and decodes its JSON output.
func (o operator) must(into any, args ...string) {
	o.t.Helper()
	out, err := o.run(append(args, "--output", "json")...)
	if err != nil {
		o.t.Fatalf("%q: %v", args, err)
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		o.t.Fatalf("%q: %v: %s", args, err, out)
	}
}

// mustFail runs a command that must fail with an error that contains want, without output.
func (o operator) mustFail(want string, args ...string) {
	o.t.Helper()
	out, err := o.run(args...)
	if err == nil || !strings.Contains(errorText(err), want) {
		o.t.Errorf("%q: %v, want %q", args, err, want)
	}
	if out != "" {
		o.t.Errorf("%q: prints %q", args, out)
	}
}

func TestKeys(t *testing.T) {
	o := newOperator(t)
	var created providerView
	o.must(&created, "provider", "create", "Courier Ltd", "--can-enrol")
	if created != (providerView{ID: "courier-ltd", Name: "Courier Ltd", CanEnrol: true}) {
		t.Errorf("%+v", created)
	}
	var issued keyView
	o.must(&issued, "key", "issue", "courier-ltd")
	keys := func() *apikey.Cache { return apikey.CacheFrom(o.env) }
	if p, err := keys().Authenticate(t.Context(), issued.Key); err != nil || p.ID != "courier-ltd" || !p.CanEnrol {
		t.Errorf("%+v, %v", p, err)
	}
	var listed []keyView
	o.must(&listed, "key", "list", "courier-ltd")
	if len(listed) != 1 ||
		listed[0] != (keyView{ID: issued.ID, Issued: issued.Issued, Used: listed[0].Used, State: "live"}) ||
		listed[0].Used == "" {
		t.Errorf("%+v", listed)
	}
	o.must(&listed, "key", "revoke", "courier-ltd", issued.ID, "--yes")
	if len(listed) != 1 || listed[0].Revoked == "" || listed[0].State != "revoked" {
		t.Errorf("%+v", listed)
	}
	if _, err := keys().Authenticate(t.Context(), issued.Key); err == nil {
		t.Error("the revoked key works")
	}
}

func TestProviders(t *testing.T) {
	o := newOperator(t)
	var one providerView
	o.must(&one, "provider", "create", "Courier Ltd", "--can-enrol")
	o.must(&one, "provider", "create", "Parcels & Co")
	o.must(&one, "provider", "update", "courier-ltd", "--can-enrol=false", "--signed-links-only")
	o.must(&one, "provider", "update", "parcels-co", "--product", "CR.MOT.TPO.UK.001", "--requests-per-second", "400")
	var all []providerView
	o.must(&all, "provider", "list")
	parcels := providerView{ID: "parcels-co", Name: "Parcels & Co", Product: "CR.MOT.TPO.UK.001", RequestsPerSecond: 400}
	if len(all) != 2 || all[0] != (providerView{ID: "courier-ltd", Name: "Courier Ltd", SignedLinksOnly: true}) ||
		all[1] != parcels {
		t.Errorf("%+v", all)
	}
	out, err := o.run("provider", "list")
	want := "ID           NAME          CAN ENROL  PRODUCT            " +
		"NOTIFY REJECTED  SIGNED LINKS ONLY  REQUESTS PER SECOND\n" +
		"courier-ltd  Courier Ltd   false                         false            true               default\n" +
		"parcels-co   Parcels & Co  false      CR.MOT.TPO.UK.001  false            false              400\n"
	if err != nil || out != want {
		t.Errorf("%v:\n%s", err, out)
	}
}

// driver returns the arguments of customer create with valid details, and further flags.
func driver(flags ...string) []string {
	return append([]string{
		"customer", "create", "--given-names", "Dara", "--last-name", "Driver", "--address", "25 Luke Street",
		"--city", "London", "--post-code", "EC2A 4DS", "--dob", "1984-01-15", "--email", "driver@example.com",
		"--phone-number", "+442079460000",
	}, flags...)
}

func TestCustomer(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	var created customerView
	o.must(&created, driver("--number", "abc123", "--cover-level", "Third Party (TPO)",
		"--class-of-use", "Carriage of Goods for Hire & Reward", "--vehicle", "VY7 JC3",
		"--work-provider", "courier-ltd", "--work-provider-user-id", "12345")...)
	if created != (customerView{"ABC123", true, "courier-ltd", "12345"}) {
		t.Errorf("%+v", created)
	}
	got, err := customer.NewStore(o.env).Policy(t.Context(), "ABC123")
	if err != nil || !got.Insured || got.VehicleRegistration != "VY7 JC3" || got.CoverLevel != "Third Party (TPO)" {
		t.Errorf("%+v, %v", got, err)
	}
	h, err := timeline.NewStore(o.env).History(t.Context(), "courier-ltd", "ABC123")
	if err != nil || !h.Consented(timeline.At(time.Now())) {
		t.Errorf("not consented, %v", err)
	}
}

func TestCustomerWithProduct(t *testing.T) {
	o := newOperator(t)
	var p productView
	o.must(&p, "product", "put", "FL.OCC.PL.UK.001", "--cover-level", "Public Liability", "--class-of-use", "Occupational",
		"--occupation", "childminder=babysitter, nanny", "--occupation", "tutor", "--enrol-by-api")
	if len(p.Occupations) != 2 || len(p.Occupations[0].Synonyms) != 2 || p.Occupations[0].Synonyms[1] != "nanny" ||
		!p.EnrolByAPI {
		t.Errorf("%+v", p)
	}
	var created customerView
	o.must(&created, driver("--product", "FL.OCC.PL.UK.001", "--occupation", "nanny", "--not-insured")...)
	got, err := customer.NewStore(o.env).Policy(t.Context(), created.CustomerNumber)
	if err != nil || got.Insured || got.CoverLevel != "Public Liability" || len(got.Occupations) != 1 ||
		got.Occupations[0] != "childminder" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestNoPersonalDataInOutput(t *testing.T) {
	o := newOperator(t)
	for _, output := range []string{"text", "json"} {
		out, err := o.run(driver("--cover-level", "x", "--class-of-use", "y", "--output", output)...)
		if err != nil {
			t.Fatal(err)
		}
		for _, detail := range []string{"Dara", "Driver", "Luke", "EC2A", "1984", "driver@", "2079"} {
			if strings.Contains(out, detail) {
				t.Errorf("%s is in %s", detail, out)
			}
		}
	}
}

func TestErrors(t *testing.T) {
	o := newOperator(t)
	var p providerView
	o.must(&p, "provider", "create", "Courier Ltd")
	o.mustFail("`courier-ltd` already", "provider", "create", "COURIER LTD")
	o.mustFail("no work provider `nobody`", "key", "issue", "nobody")
	o.mustFail("no work provider `nobody`", "key", "list", "nobody")
	o.mustFail("no key `00000000`", "key", "revoke", "courier-ltd", "00000000", "--yes")
	o.mustFail("accepts 1 arg", "provider", "create")
	o.mustFail("can-enrol", "provider", "update", "courier-ltd")
	o.mustFail("--output", "provider", "list", "--output", "xml")
	o.mustFail("unknown command", "provder")
	o.mustFail("cover-level", "product", "put", "X")
	o.mustFail("a name is empty", "product", "put", "X", "--cover-level", "x", "--class-of-use", "y",
		"--occupation", "=nanny")
	o.mustFail("given-names", "customer", "create", "--cover-level", "x", "--class-of-use", "y")
	o.mustFail("cover-level", driver()...)
	o.mustFail("create it with", driver("--product", "X")...)
	o.mustFail("needs --product", driver("--cover-level", "x", "--class-of-use", "y", "--occupation", "z")...)
	o.mustFail(
		"needs --work-provider",
		driver("--cover-level", "x", "--class-of-use", "y", "--work-provider-user-id", "1")...)
	o.mustFail(
		"no work provider `nobody`",
		driver("--cover-level", "x", "--class-of-use", "y", "--work-provider", "nobody")...)
	o.mustFail("`customer.email`", driver("--cover-level", "x", "--class-of-use", "y", "--email", "driver")...)
	o.mustFail("A-Z and 0-9", driver("--cover-level", "x", "--class-of-use", "y", "--number", "ABC-1")...)
}

func TestMissingVariables(t *testing.T) {
	o := newOperator(t)
	o.env = config.From(
		map[string]string{"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
	)
	o.mustFail(
		"CUSTOMERS_TABLE, PROVIDERS_TABLE, EVENTS_QUEUE_URL, TIMELINES_TABLE",
		driver("--cover-level", "x", "--class-of-use", "y")...)
	o.mustFail("PROVIDERS_TABLE", "provider", "list", "--customers-table", "x")
}

// A flag has precedence over its variable.
func TestTableFlags(t *testing.T) {
	o := newOperator(t)
	var all []providerView
	o.must(&all, "provider", "list")
	if _, err := o.run("provider", "list", "--providers-table", "no-such-table"); err == nil {
		t.Error("the flag was ignored")
	}
}

func TestEndpointURL(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
	t.Setenv("AWS_REGION", "eu-west-1")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	env := config.From(nil)
	if err := connect(t.Context(), env); err != nil {
		t.Fatal(err)
	}
	if cfg := env.AWS(); cfg.BaseEndpoint == nil || *cfg.BaseEndpoint != "http://127.0.0.1:9" ||
		cfg.Region != "eu-west-1" {
		t.Errorf("%v, %s", cfg.BaseEndpoint, cfg.Region)
	}
}

// With SANDBOX=true keys have the prefix of a sandbox, which a live stack rejects.
func TestSandboxKeys(t *testing.T) {
	o := newOperator(t)
	variables := map[string]string{"SANDBOX": "true"}
	for _, place := range resourceFlags {
		variables[place.variable] = o.env.Get(place.variable)
	}
	sandbox := config.From(variables)
	sandbox.SetAWS(o.env.AWS())
	inSandbox := operator{t: t, env: sandbox}

	inSandbox.must(new(providerView), "provider", "create", "Courier Ltd")
	for in, prefix := range map[*operator]string{&o: "zego_live_", &inSandbox: "zego_test_"} {
		var issued keyView
		in.must(&issued, "key", "issue", "courier-ltd")
		if !strings.HasPrefix(issued.Key, prefix) {
			t.Errorf("got %.10s…, want %s…", issued.Key, prefix)
		}
	}
}

// An unknown subcommand is an error at every level. Without a subcommand, the help is shown.
func TestUnknownSubcommand(t *testing.T) {
	for _, args := range [][]string{{"nothing"}, {"key", "nothing"}, {"webhook", "nothing"}, {"dlq", "nothing", "x"}} {
		cmd := command(config.From(nil), nil)
		cmd.SetArgs(args)
		if err := cmd.Execute(); err == nil || !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("%q: %v", args, err)
		}
	}
	cmd := command(config.From(nil), nil)
	var out bytes.Buffer
	cmd.SetOut(&out)
	cmd.SetArgs([]string{"key"})
	if err := cmd.Execute(); err != nil || !strings.Contains(out.String(), "Available Commands") {
		t.Errorf("%v: %s", err, &out)
	}
}

// In a sandbox, the tool uses the sandbox's clock: a consent has its time.
func TestSandboxClock(t *testing.T) {
	o := operator{t: t, env: emulator.NewTestEnv(t, "SANDBOX=true")}
	o.seedCustomers()
	later := time.Now().UTC().AddDate(0, 0, 40).Truncate(time.Second)
	if err := clock.NewSandbox(o.env).Set(t.Context(), later); err != nil {
		t.Fatal(err)
	}
	var link linkView
	o.must(&link, "link", "grant", "courier-ltd", "ABC123", "--work-provider-user-id", "12345", "--matched")
	text, err := o.run("link", "list", "ABC123")
	if day := later.Format(time.DateOnly); err != nil || !strings.Contains(text, day) {
		t.Errorf("no link of %s in %s (%v)", day, text, err)
	}
}
