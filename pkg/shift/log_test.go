package shift

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/timeline"
)

// captureLog collects what is logged until the test ends.
func captureLog(t *testing.T) *bytes.Buffer {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(observe.NewJSONHandler(&log)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &log
}

// logLines are the lines of a log, without what changes from one time to the next and what CloudWatch alone needs.
func logLines(t *testing.T, log *bytes.Buffer) []string {
	t.Helper()
	var all []string
	for line := range strings.Lines(log.String()) {
		var members map[string]any
		if err := json.Unmarshal([]byte(line), &members); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"time", "level", "_aws", "error"} {
			delete(members, name)
		}
		text, _ := json.Marshal(members)
		all = append(all, string(text))
	}
	log.Reset()
	return all
}

// A delivery leaves one line a work provider, however many events it brought, and one for each message that fails; the
// requests that brought the events leave none.
func TestDeliveryLogsOneLinePerProvider(t *testing.T) {
	log := captureLog(t)
	store := timeline.NewMemory()
	since := timeline.At(noon.AddDate(-1, 0, 0))
	for _, provider := range []string{courier, parcels} {
		for _, e := range []timeline.Entry{{Kind: timeline.Consent, At: since}, {Kind: timeline.Match, At: since}} {
			if _, err := store.AddHistory(t.Context(), provider, "ABC123", []timeline.Entry{e}); err != nil {
				t.Fatal(err)
			}
		}
	}
	fx, sent := newRecordingFixture(t)
	var items []string
	for i := range 50 {
		items = append(items, fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(-i))))
	}
	early := fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(noon.AddDate(-2, 0, 0)))
	unknown := `{"workProviderUserId":"nobody","timestamp":` + someTime + `}`
	batch := fx.ask(courier, "POST", "/v1/batch/login", "["+strings.Join(items, ",")+"]")
	fx.ask(courier, "POST", "/v1/shift/logout",
		fmt.Sprintf(`{"customerNumber":"ABC123","timestamp":%q}`, iso(minutes(1))))
	rejected := fx.ask(courier, "POST", "/v1/shift/login", early)
	fx.ask(parcels, "POST", "/v1/shift/login", unknown)
	if got := logLines(t, log); len(got) > 0 || batch.status != 202 {
		t.Fatalf("%v left %v", batch, got)
	}
	var delivery events.SQSEvent
	for i, body := range sent.Take() {
		delivery.Records = append(delivery.Records,
			events.SQSMessage{MessageId: fmt.Sprint(i), Body: body, Attributes: map[string]string{
				"SentTimestamp": fmt.Sprint(noon.UnixMilli()), "ApproximateReceiveCount": fmt.Sprint(1 + i%2),
			}})
	}
	process := Processor(timeline.NewApplier(store, 1), failingArchive{},
		func() time.Time { return noon.Add(1500 * time.Millisecond) })
	if response, err := process(t.Context(), delivery); err != nil || len(response.BatchItemFailures) > 0 {
		t.Fatal(response, err)
	}
	want := []string{
		// Of the four messages the second and the fourth are delivered again, so they were accepted long ago.
		// Of its 51 events one is two years old.
		`{"Accepted":51,"Applied":2,"EventLatency":[1500,1500,1500],"LateShare":1,"Lateness":[2940,63072000],` +
			`"NoEffect":49,"Provider":"courier-ltd",` +
			`"Rejected":1,"RejectedShare":1,"msg":"events applied","rejectedIn":["` + rejected.header.Get("X-Event-Id") + `"]}`,
		`{"EventLatency":[1500],"Provider":"parcels-co","RejectedShare":0,"Unmatched":1,"msg":"events applied"}`,
	}
	if got := logLines(t, log); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}

	// What fails is named by the id that the client was given.
	failing := timeline.NewApplier(timeline.Intercept(store, func(c timeline.Call, call func() error) error {
		if c.Op == "AddFacts" {
			return errors.New("down")
		}
		return call()
	}), 1)
	if _, err := Processor(failing, failingArchive{}, time.Now)(t.Context(),
		events.SQSEvent{Records: delivery.Records[:2]}); err != nil {
		t.Fatal(err)
	}
	got := logLines(t, log)
	if len(got) != 3 || !strings.Contains(got[0], `"batchId":"`+batch.header.Get("X-Batch-Id")+`"`) ||
		!strings.Contains(got[1], `"eventId":"`) ||
		!strings.Contains(got[0], `"Provider":"courier-ltd"`) || !strings.Contains(got[0], `"messageId":"0"`) {
		t.Errorf("logged %s", strings.Join(got, "\n"))
	}
}
