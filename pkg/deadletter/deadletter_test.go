package deadletter

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/fault"
)

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// bodies that a careless store would change.
var bodies = []string{
	"", "not json", `{"v":1}`, "\x00\x01\xff\xfe not UTF-8", " spaces and\r\nlines\n", "żółć & <b>", "\ufffe\uffff",
}

func message(id string, sent time.Time, body string) events.SQSMessage {
	return events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(sent.UnixMilli(), 10)}}
}

func same(a, b Letter) bool {
	return a.MessageID == b.MessageID && a.Sent.Equal(b.Sent) && a.Filed.Equal(b.Filed) && a.Reason == b.Reason &&
		string(a.Body) == string(b.Body) && a.Redriven.Equal(b.Redriven)
}

func TestALettersBytesStayWhatTheyWere(t *testing.T) {
	s := StoreFrom(emulator.ForTest(t))
	for i, body := range bodies {
		want := Of(message("m"+strconv.Itoa(i), noon.Add(time.Duration(i)*time.Millisecond), body), NotUnderstood, noon)
		if err := s.File(t.Context(), want); err != nil {
			t.Fatalf("%q: %v", body, err)
		}
		got, err := s.Get(t.Context(), want.ID())
		if err != nil || !same(got, want) {
			t.Errorf("%q: got %+v, %v", body, got, err)
		}
	}
	letters, err := s.List(t.Context(), "2026-03")
	if err != nil || len(letters) != len(bodies) {
		t.Fatalf("%d letters, %v", len(letters), err)
	}
	for i, l := range letters {
		if string(l.Body) != bodies[i] {
			t.Errorf("letter %d is %q", i, l.Body)
		}
	}
	if letters, err := s.List(t.Context(), "2026-04"); err != nil || len(letters) != 0 {
		t.Errorf("another month: %v, %v", letters, err)
	}
}

func TestFilingTwiceIsFilingOnce(t *testing.T) {
	s := StoreFrom(emulator.ForTest(t))
	first := Of(message("m", noon, "body"), NotUnderstood, noon)
	second := Of(message("m", noon, "body"), KeptFailing, noon.Add(time.Hour))
	for _, l := range []Letter{first, second, second} {
		if err := s.File(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	letters, err := s.List(t.Context(), "2026-03")
	if err != nil || len(letters) != 1 || !same(letters[0], first) {
		t.Errorf("%+v, %v", letters, err)
	}
	if err := s.Redriven(t.Context(), first.ID(), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.File(t.Context(), second); err != nil { // the queue delivers once more
		t.Fatal(err)
	}
	want := first
	want.Redriven = noon.Add(time.Minute)
	if got, err := s.Get(t.Context(), first.ID()); err != nil || !same(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestLettersThatAreNotThere(t *testing.T) {
	s := StoreFrom(emulator.ForTest(t))
	there := Of(message("m", noon, "body"), NotUnderstood, noon)
	if err := s.File(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "2026-03", "2026-03/", "2026-04" + there.ID()[7:], there.ID() + "x", "courier-ltd#C#ABC123/owner"} {
		if _, err := s.Get(t.Context(), id); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q is read: %v", id, err)
		}
		if err := s.Redriven(t.Context(), id, noon); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q is redriven: %v", id, err)
		}
	}
}

// picky is a Filer that refuses some messages.
type picky struct {
	refuse string
	filed  []Letter
}

func (p *picky) File(_ context.Context, l Letter) error {
	if l.MessageID == p.refuse {
		return fault.New(fault.Unavailable, "")
	}
	p.filed = append(p.filed, l)
	return nil
}

func TestTheConsumerFilesWhatItCan(t *testing.T) {
	filer := &picky{refuse: "b"}
	consume := Consumer(filer, func() time.Time { return noon.Add(time.Hour) })
	response, err := consume(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		message("a", noon, "1"), message("b", noon, "2"), {MessageId: "c", Body: "no attributes"},
	}})
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "b" {
		t.Errorf("%+v, %v", response, err)
	}
	want := []Letter{
		{MessageID: "a", Sent: noon, Filed: noon.Add(time.Hour), Reason: KeptFailing, Body: []byte("1")},
		{MessageID: "c", Sent: time.UnixMilli(0), Filed: noon.Add(time.Hour), Reason: KeptFailing, Body: []byte("no attributes")},
	}
	if !slices.EqualFunc(filer.filed, want, same) {
		t.Errorf("filed %+v", filer.filed)
	}
	if response, err := consume(t.Context(), events.SQSEvent{}); err != nil || response.BatchItemFailures == nil {
		t.Errorf("no messages: %+v, %v", response, err)
	}
}
