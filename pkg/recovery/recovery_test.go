package recovery

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"zego.com/workprovider/pkg/apikey"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/deadletter"
	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/seal"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/table"
	"zego.com/workprovider/pkg/timeline"
)

// A shift of an hour on each of three mornings, which the demo data's cyclist worked.
var (
	today    = time.Now().UTC().Truncate(24 * time.Hour)
	mornings = []time.Time{today.AddDate(0, 0, -12), today.AddDate(0, 0, -11), today.AddDate(0, 0, -10)}
)

// What docs/disaster-recovery.md tells to do when rows were damaged, done.
func TestLostFacts(t *testing.T) {
	emulator.Require(t, emulator.Backups)
	w := newFixture(t)
	w.work(mornings[0])
	w.work(mornings[1])
	backup := w.backup(w.timelines)
	w.work(mornings[2]) // after the backup, and not lost
	w.want("before", 3)

	lost := w.partitions(mornings[0], mornings[1])
	for _, row := range lost {
		w.remove(row)
	}
	w.rebuild()
	w.want("with the facts of two days lost", 1)

	restored := w.timelines + "-restored"
	w.restore(backup, restored)
	report, err := Backfill(t.Context(), w.env.AWS(), restored, w.timelines)
	if err != nil || report.Added < len(lost) {
		t.Errorf("%+v, %v; lost were %d rows", report, err, len(lost))
	}
	w.rebuild()
	w.want("refilled", 3)

	again, err := Backfill(t.Context(), w.env.AWS(), restored, w.timelines)
	if err != nil || again.Added != 0 || again.Merged != 0 {
		t.Errorf("a second time: %+v, %v", again, err)
	}
}

// A day's facts are one row, and a part of it may be what was lost.
func TestLostElements(t *testing.T) {
	emulator.Require(t, emulator.Backups)
	w := newFixture(t)
	w.work(mornings[0])
	backup := w.backup(w.timelines)
	for _, row := range w.partitions(mornings[0]) {
		w.remove(row)
	}
	w.message(fmt.Sprintf(`["O","U","1686",%d]`, mornings[0].Add(10*time.Hour).UnixMicro())) // the end alone
	w.rebuild()
	w.want("without its beginning", 0)

	restored := w.timelines + "-restored"
	w.restore(backup, restored)
	if report, err := Backfill(t.Context(), w.env.AWS(), restored, w.timelines); err != nil || report.Merged != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	w.rebuild()
	w.want("refilled", 1)
}

// What docs/disaster-recovery.md tells to do when a table is gone, done: it comes back under its own name, so nothing
// has to be deployed, and messages that came meanwhile are applied when they come again.
func TestLostTable(t *testing.T) {
	emulator.Require(t, emulator.Backups)
	w := newFixture(t)
	w.work(mornings[0])
	names := []string{w.timelines, w.env.Get("CUSTOMERS_TABLE"), w.env.Get("PROVIDERS_TABLE")}
	var backups []string
	for _, name := range names {
		backups = append(backups, w.backup(name))
	}
	for _, name := range names {
		if _, err := w.db.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: &name}); err != nil {
			t.Fatal(err)
		}
	}
	event := messageOf(login(mornings[1]), logout(mornings[1]))
	if response, err := w.process(t.Context(), event); err == nil && len(response.BatchItemFailures) != 1 {
		t.Errorf("without tables a message is not done: %+v", response)
	}
	for i, name := range names {
		w.restore(backups[i], name)
	}
	w.want("restored", 1)
	if response, err := w.process(t.Context(), event); err != nil || len(response.BatchItemFailures) > 0 {
		t.Errorf("%+v, %v", response, err)
	}
	w.want("with what came meanwhile", 2)
}

// fixture is the demo data, with a processor and the list of the cyclist's shifts.
type fixture struct {
	*testing.T
	env       *config.Env
	db        *dynamodb.Client
	timelines string
	key       string
	process   consumer.Func
	read      http.Handler
}

func newFixture(t *testing.T) *fixture {
	env := emulator.NewTestEnv(t)
	loaded, err := demo.Load(t.Context(), env, demo.Data{})
	if err != nil {
		t.Fatal(err)
	}
	ids, err := seal.New("1:" + base64.StdEncoding.EncodeToString(make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	store := timeline.NewStore(env)
	return &fixture{
		T: t, env: env, db: dynamodb.NewFromConfig(env.AWS()), timelines: env.Get("TIMELINES_TABLE"),
		key:     loaded.WorkProviders[0].Key,
		process: shift.Processor(timeline.NewApplier(store, 32), deadletter.NewStore(env), time.Now),
		read:    shift.Read(apikey.CacheFrom(env), shift.NewReader(store, ids, time.Now)),
	}
}

func login(morning time.Time) string {
	return fmt.Sprintf(`["I","U","1686",%d]`, morning.Add(9*time.Hour).UnixMicro())
}

func logout(morning time.Time) string {
	return fmt.Sprintf(`["O","U","1686",%d]`, morning.Add(10*time.Hour).UnixMicro())
}

func messageOf(facts ...string) events.SQSEvent {
	body := `{"v":1,"provider":"courier-ltd","facts":[` + strings.Join(facts, ",") + `]}`
	return events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: body}}}
}

func (w *fixture) message(facts ...string) {
	w.Helper()
	if response, err := w.process(w.Context(), messageOf(facts...)); err != nil || len(response.BatchItemFailures) > 0 {
		w.Fatalf("%+v, %v", response, err)
	}
}

func (w *fixture) work(morning time.Time) {
	w.Helper()
	w.message(login(morning), logout(morning))
}

// want counts the shifts that the API lists.
func (w *fixture) want(when string, count int) {
	w.Helper()
	r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/v2/shift/?workProviderUserId=1686&from=%s&to=%s",
		mornings[0].Format(time.RFC3339), today.Format(time.RFC3339)), nil)
	r.Header.Set("Authorization", w.key)
	recorder := httptest.NewRecorder()
	w.read.ServeHTTP(recorder, r)
	got := strings.Count(recorder.Body.String(), `"endedBy"`)
	if recorder.Code != http.StatusOK || got != count {
		w.Errorf("%s: %d shifts, not %d: %d %s", when, got, count, recorder.Code, recorder.Body)
	}
}

func (w *fixture) rebuild() {
	w.Helper()
	if _, err := timeline.Rebuild(w.Context(), timeline.NewStore(w.env), "courier-ltd", "ABC12"); err != nil {
		w.Fatal(err)
	}
}

func (w *fixture) backup(name string) string {
	w.Helper()
	made, err := w.db.CreateBackup(
		w.Context(),
		&dynamodb.CreateBackupInput{TableName: &name, BackupName: aws.String("before")},
	)
	if err != nil {
		w.Fatal(err)
	}
	return *made.BackupDetails.BackupArn
}

func (w *fixture) restore(backup, name string) {
	w.Helper()
	_, err := w.db.RestoreTableFromBackup(
		w.Context(),
		&dynamodb.RestoreTableFromBackupInput{BackupArn: &backup, TargetTableName: &name},
	)
	if err != nil {
		w.Fatal(err)
	}
}

// partitions are the keys of all rows with facts of some days.
func (w *fixture) partitions(days ...time.Time) []attributes {
	w.Helper()
	all, err := w.db.Scan(w.Context(), &dynamodb.ScanInput{TableName: &w.timelines})
	if err != nil {
		w.Fatal(err)
	}
	var keys []attributes
	for _, row := range all.Items {
		sort := row[table.SK].(*types.AttributeValueMemberS).Value
		for _, day := range days {
			if sort == "facts#"+day.Format(time.DateOnly) {
				keys = append(keys, attributes{table.PK: row[table.PK], table.SK: row[table.SK]})
			}
		}
	}
	if len(keys) != len(days) {
		w.Fatalf("%d rows with facts of %d days", len(keys), len(days))
	}
	return keys
}

func (w *fixture) remove(key attributes) {
	w.Helper()
	if _, err := w.db.DeleteItem(w.Context(), &dynamodb.DeleteItemInput{TableName: &w.timelines, Key: key}); err != nil {
		w.Fatal(err)
	}
}
