package shift

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
)

// anyName draws a name as the API accepts one; some hold what JSON or SQS would not take as it is.
func anyName(t *rapid.T) string {
	runes := rapid.OneOf(rapid.Rune(),
		rapid.SampledFrom([]rune{'"', '\\', '<', '&', '\u2028', '\ufffd', '\ufffe', '\uffff', '\U0001ffff', '٣'}))
	return rapid.StringOfN(runes, 1, -1, 255).Filter(func(s string) bool {
		_, err := person.NewUserID(s)
		return err == nil
	}).Draw(t, "name")
}

func anyInstant(t *rapid.T) timeline.Instant {
	const first, last = -62135596800_000000, 253402300799_999999 // of the years 1 to 9999
	return timeline.Instant(rapid.OneOf(rapid.Int64Range(first, last),
		rapid.SampledFrom([]int64{first, -1, 0, last})).Draw(t, "instant"))
}

func anyFact(t *rapid.T) timeline.Fact {
	f := timeline.Fact{
		Name: person.Name{Kind: rapid.SampledFrom([]person.Kind{person.CustomerNumber, person.UserID}).Draw(t,
			"kind of name"), Value: anyName(t)},
		Kind: timeline.Login, At: anyInstant(t), PlannedEnd: timeline.Never,
	}
	switch rapid.IntRange(0, 2).Draw(t, "kind") {
	case 1:
		f.Kind = timeline.Logout
	case 2:
		planned := f.At + timeline.Instant(rapid.Int64Range(1, timeline.MaxShift.Microseconds()).Draw(t, "planned"))
		if planned.InRange() {
			f.PlannedEnd = planned
		}
	}
	return f
}

// forSQS reports whether SQS takes a text.
func forSQS(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xfffe || r == 0xffff
	})
}

func TestMessageRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		provider := rapid.StringMatching(`[a-z0-9-]{1,20}`).Draw(t, "provider")
		batch := rapid.SampledFrom([]string{"", "00ff"}).Draw(t, "batch")
		facts := rapid.SliceOfN(rapid.Custom(anyFact), 0, 300).Draw(t, "facts")
		accepted := timeline.Instant(rapid.Int64Range(0, 253402300799_999).Draw(t, "accepted, in milliseconds")) * 1000
		for i := range facts {
			facts[i].Accepted = accepted // those of a request are accepted at once; 0 is unknown
		}
		var got []timeline.Fact
		for i, body := range factMessages(provider, batch, facts) {
			c, err := parseMessage(body)
			from := 0
			if batch != "" {
				from = len(got)
			}
			if err != nil || c.Provider != provider || c.Batch != batch || c.Offset != from || len(c.Facts) == 0 {
				t.Fatalf("message %d: %.200s: %v", i, body, err)
			}
			if len(body) > queue.MaxBody || !forSQS(body) {
				t.Fatalf("SQS does not take message %d, of %d bytes: %q", i, len(body), body)
			}
			got = append(got, c.Facts...)
		}
		if !slices.Equal(got, facts) {
			t.Fatalf("got %v\nwant %v", got, facts)
		}

		at := anyInstant(t)
		verdict := timeline.MatchResult{Customer: anyName(t), Entry: timeline.Matched(at.Time())}
		if rapid.Bool().Draw(t, "no match") {
			verdict.Entry = timeline.NotMatched(at.Time())
		}
		if c, err := parseMessage(matchMessage(provider, "AdZL", verdict)); err != nil ||
			!slices.Equal(c.Matches, []timeline.MatchResult{verdict}) {
			t.Fatalf("%v: %v, %v", verdict, c, err)
		}
		void := timeline.NewVoid(anyFact(t), max(accepted, 1000), anyName(t))
		if c, err := parseMessage(voidMessage(provider, void)); err != nil ||
			!slices.Equal(c.Voids, []timeline.Void{void}) {
			t.Fatalf("%v: %v, %v", void, c, err)
		}
		refold := timeline.Recompute{Customer: anyName(t), From: at}
		if c, err := parseMessage(recomputeMessage(provider, refold)); err != nil ||
			!slices.Equal(c.Recomputes, []timeline.Recompute{refold}) {
			t.Fatalf("%v: %v, %v", refold, c, err)
		}
	})
}

// storedMessage is an item of testdata/messages.json: messages of every form that a release has ever sent, and what
// they mean. They are never changed, only added to: messages live for days in the queue, and for good among the dead
// letters.
type storedMessage struct {
	Message json.RawMessage
	Means   string
}

func TestParseStoredMessages(t *testing.T) {
	text, err := os.ReadFile("testdata/messages.json")
	if err != nil {
		t.Fatal(err)
	}
	var messages []storedMessage
	if err := json.Unmarshal(text, &messages); err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		c, err := parseMessage(string(m.Message))
		if means := meaning(c); err != nil || means != m.Means {
			t.Errorf("%s:\ngot  %s (%v)\nwant %s", m.Message, means, err, m.Means)
		}
	}
}

// meaning puts a message into words.
func meaning(c timeline.MessageChanges) string {
	words := []string{c.Provider}
	if c.NotifyRejected {
		words = append(words, "which is to be notified")
	}
	if c.Batch != "" {
		words = append(words, fmt.Sprintf("batch %s from %d", c.Batch, c.Offset))
	}
	if len(c.Facts) > 0 && c.Facts[0].Accepted != 0 {
		words = append(words, fmt.Sprintf("accepted at %d", c.Facts[0].Accepted))
	}
	for _, f := range c.Facts {
		word := fmt.Sprintf("%s of %c %s at %d", f.Kind, f.Name.Kind, f.Name.Value, f.At)
		if f.PlannedEnd != timeline.Never {
			word += fmt.Sprintf(" until %d", f.PlannedEnd)
		}
		words = append(words, word)
	}
	for _, v := range c.Voids {
		words = append(words, fmt.Sprintf("%s of %c %s at %d taken back at %d: %s",
			v.Fact.Kind, v.Fact.Name.Kind, v.Fact.Name.Value, v.Fact.At, v.Fact.Accepted, v.Reason))
	}
	for _, v := range c.Matches {
		words = append(words,
			fmt.Sprintf("%s matched: %t at %d", v.Customer, v.Entry.Kind == timeline.Match, v.Entry.At))
	}
	for _, r := range c.Recomputes {
		words = append(words, fmt.Sprintf("fold %s from %d", r.Customer, r.From))
	}
	if c.ClientID != "" {
		words = append(words, "as "+c.ClientID)
	}
	return strings.Join(words, ", ")
}

// badMessages are bodies that nobody ever sent.
var badMessages = map[string]string{
	"empty":                    ``,
	"no JSON":                  `{"v":1,`,
	"text after it":            `{"v":1,"provider":"courier-ltd","facts":[]}x`,
	"a key twice":              `{"v":1,"v":1,"provider":"courier-ltd","facts":[]}`,
	"not UTF-8":                "{\"v\":1,\"provider\":\"\xff\",\"facts\":[]}",
	"an array":                 `[]`,
	"no form":                  `{"provider":"courier-ltd","facts":[]}`,
	"a newer form":             `{"v":3,"provider":"courier-ltd","accepted":1,"facts":[]}`,
	"form 2, never accepted":   `{"v":2,"provider":"courier-ltd","voids":[["I","U","12345",1,"why"]]}`,
	"a void of form 1":         `{"v":1,"provider":"courier-ltd","accepted":1000,"voids":[["I","U","12345",1,"why"]]}`,
	"a void without a reason":  `{"v":2,"provider":"courier-ltd","accepted":1000,"voids":[["I","U","12345",1]]}`,
	"a void of nobody's event": `{"v":2,"provider":"courier-ltd","accepted":1000,"voids":[["I","U","",1,"why"]]}`,
	"a void of a match":        `{"v":2,"provider":"courier-ltd","accepted":1000,"voids":[["M","C","ABC123",1,"why"]]}`,
	"no provider":              `{"v":1,"facts":[]}`,
	"accepted that is text":    `{"v":1,"provider":"courier-ltd","accepted":"1","facts":[]}`,
	"half an accepted":         `{"v":1,"provider":"courier-ltd","accepted":1.5,"facts":[]}`,
	"accepted after 9999":      `{"v":1,"provider":"courier-ltd","accepted":253402300800000000,"facts":[]}`,
	"a place before the first": `{"v":1,"provider":"courier-ltd","batch":"00ff","from":-1,"facts":[]}`,
	"a fact that is no array":  `{"v":1,"provider":"courier-ltd","facts":[{}]}`,
	"a fact too short":         `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345"]]}`,
	"a fact too long":          `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",1,2,3]]}`,
	"another kind":             `{"v":1,"provider":"courier-ltd","facts":[["X","U","12345",1]]}`,
	"another kind of name":     `{"v":1,"provider":"courier-ltd","facts":[["I","X","12345",1]]}`,
	"no name":                  `{"v":1,"provider":"courier-ltd","facts":[["I","U","",1]]}`,
	"a name that is a number":  `{"v":1,"provider":"courier-ltd","facts":[["I","U",12345,1]]}`,
	"an instant that is text":  `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345","1"]]}`,
	"half an instant":          `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",1.5]]}`,
	"after the year 9999":      `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",253402300800000000]]}`,
	"before the year 1":        `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",-62135596800000001]]}`,
	"a plan of a LOGOUT":       `{"v":1,"provider":"courier-ltd","facts":[["O","U","12345",1,2]]}`,
	"a plan at the start":      `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",1,1]]}`,
	"a plan beyond 14 hours":   `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",0,50400000001]]}`,
	"a match without success":  `{"v":1,"provider":"courier-ltd","matches":[["ABC123",1]]}`,
	"a match of null":          `{"v":1,"provider":"courier-ltd","matches":[["ABC123",null,1]]}`,
	"a match of nobody":        `{"v":1,"provider":"courier-ltd","matches":[["",true,1]]}`,
	"a refold of nobody":       `{"v":1,"provider":"courier-ltd","refolds":[["",1]]}`,
	"a refold without an end":  `{"v":1,"provider":"courier-ltd","refolds":[["ABC123",1`,
	"one good, one bad":        `{"v":1,"provider":"courier-ltd","facts":[["I","U","12345",1],["I","U","12345"]]}`,
}

func TestMalformedMessages(t *testing.T) {
	for name, body := range badMessages {
		if c, err := parseMessage(body); err == nil {
			t.Errorf("%s was understood: %+v", name, c)
		}
	}
}

// FuzzParseMessage: no message panics, and what is understood can be sent again and is understood as the same.
func FuzzParseMessage(f *testing.F) {
	for _, body := range badMessages {
		f.Add(body)
	}
	login := fact(timeline.Login, person.UserID, "\uffff\"", noon)
	login.PlannedEnd = timeline.At(minutes(60))
	login.Accepted = timeline.AcceptedAt(noon)
	for _, body := range append(factMessages(courier, "00ff", []timeline.Fact{login}),
		matchMessage(courier, "", timeline.MatchResult{Customer: "ABC123", Entry: timeline.Matched(noon)}),
		voidMessage(courier, timeline.NewVoid(login, login.Accepted, "\uffff\"")),
		recomputeMessage(courier, timeline.Recompute{Customer: "ABC123", From: timeline.At(noon)})) {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, err := parseMessage(body)
		if err != nil {
			return
		}
		again := timeline.MessageChanges{Provider: c.Provider, ClientID: c.ClientID, NotifyRejected: c.NotifyRejected,
			Batch: c.Batch, Offset: c.Offset, Facts: []timeline.Fact{}}
		for _, f := range c.Facts {
			for _, one := range factMessages(c.Provider, "", []timeline.Fact{f}) {
				parsed, err := parseMessage(one)
				if err != nil {
					t.Fatalf("%v was sent as %q: %v", f, one, err)
				}
				again.Facts = append(again.Facts, parsed.Facts...)
			}
		}
		for _, v := range c.Voids {
			parsed, err := parseMessage(voidMessage(c.Provider, v))
			if err != nil {
				t.Fatalf("%v: %v", v, err)
			}
			again.Voids = append(again.Voids, parsed.Voids...)
		}
		for _, v := range c.Matches {
			parsed, err := parseMessage(matchMessage(c.Provider, "", v))
			if err != nil {
				t.Fatalf("%v: %v", v, err)
			}
			again.Matches = append(again.Matches, parsed.Matches...)
		}
		for _, r := range c.Recomputes {
			parsed, err := parseMessage(recomputeMessage(c.Provider, r))
			if err != nil {
				t.Fatalf("%v: %v", r, err)
			}
			again.Recomputes = append(again.Recomputes, parsed.Recomputes...)
		}
		if !reflect.DeepEqual(c, again) {
			t.Errorf("%q:\nfirst %+v\nthen  %+v", body, c, again)
		}
	})
}
