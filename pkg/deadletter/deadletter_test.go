package deadletter

import (
	"context"
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
	return events.SQSMessage{
		MessageId:  id,
		Body:       body,
		Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(sent.UnixMilli(), 10)},
	}
}

func same(a, b DeadLetter) bool {
	return a.MessageID == b.MessageID && a.SentAt.Equal(b.SentAt) && a.ArchivedAt.Equal(b.ArchivedAt) &&
		a.Reason == b.Reason &&
		string(a.Body) == string(b.Body) &&
		a.RedrivenAt.Equal(b.RedrivenAt)
}

func TestLetterBytes(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	for i, body := range bodies {
		want := FromSQS(
			message("m"+strconv.Itoa(i), noon.Add(time.Duration(i)*time.Millisecond), body),
			ReasonMalformed,
			noon,
		)
		if err := s.Archive(t.Context(), want); err != nil {
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

func TestArchiveTwice(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	first := FromSQS(message("m", noon, "body"), ReasonMalformed, noon)
	second := FromSQS(message("m", noon, "body"), ReasonRetriesExhausted, noon.Add(time.Hour))
	for _, l := range []DeadLetter{first, second, second} {
		if err := s.Archive(t.Context(), l); err != nil {
			t.Fatal(err)
		}
	}
	letters, err := s.List(t.Context(), "2026-03")
	if err != nil || len(letters) != 1 || !same(letters[0], first) {
		t.Errorf("%+v, %v", letters, err)
	}
	if err := s.MarkRedriven(t.Context(), first.ID(), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if err := s.Archive(t.Context(), second); err != nil { // the queue delivers once more
		t.Fatal(err)
	}
	want := first
	want.RedrivenAt = noon.Add(time.Minute)
	if got, err := s.Get(t.Context(), first.ID()); err != nil || !same(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUnknownLetters(t *testing.T) {
	s := NewStore(emulator.NewTestEnv(t))
	there := FromSQS(message("m", noon, "body"), ReasonMalformed, noon)
	if err := s.Archive(t.Context(), there); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "2026-03", "2026-03/", "2026-04" + there.ID()[7:], there.ID() + "x",
		"courier-ltd#C#ABC123/owner"} {
		if _, err := s.Get(t.Context(), id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%q is read: %v", id, err)
		}
		if err := s.MarkRedriven(t.Context(), id, noon); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%q is redriven: %v", id, err)
		}
	}
}

// failingArchiver is a Filer that refuses some messages.
type failingArchiver struct {
	refuse string
	filed  []DeadLetter
}

func (p *failingArchiver) Archive(_ context.Context, l DeadLetter) error {
	if l.MessageID == p.refuse {
		return fault.New(fault.Unavailable, "")
	}
	p.filed = append(p.filed, l)
	return nil
}

func TestConsumerPartialFailure(t *testing.T) {
	filer := &failingArchiver{refuse: "b"}
	consume := Consumer(filer, func() time.Time { return noon.Add(time.Hour) })
	response, err := consume(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
		message("a", noon, "1"), message("b", noon, "2"), {MessageId: "c", Body: "no attributes"},
	}})
	if err != nil || len(response.BatchItemFailures) != 1 || response.BatchItemFailures[0].ItemIdentifier != "b" {
		t.Errorf("%+v, %v", response, err)
	}
	want := []DeadLetter{
		{MessageID: "a", SentAt: noon, ArchivedAt: noon.Add(time.Hour), Reason: ReasonRetriesExhausted, Body: []byte("1")},
		{
			MessageID:  "c",
			SentAt:     time.UnixMilli(0),
			ArchivedAt: noon.Add(time.Hour),
			Reason:     ReasonRetriesExhausted,
			Body:       []byte("no attributes"),
		},
	}
	if !slices.EqualFunc(filer.filed, want, same) {
		t.Errorf("filed %+v", filer.filed)
	}
	if response, err := consume(t.Context(), events.SQSEvent{}); err != nil || response.BatchItemFailures == nil {
		t.Errorf("no messages: %+v, %v", response, err)
	}
}
