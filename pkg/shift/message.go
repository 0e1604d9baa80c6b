package shift

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// A message is JSON of this form, here with line breaks. Messages live for days, in the queue and in the dead letters,
// so a processor understands every form that was ever sent; a sample of each stays in testdata.
//
//	{"v":1,"provider":"courier-ltd","id":"AdZL…","batch":"6f0a…","from":1638,
//	 "facts":[["I","U","12345",1792682100000000],["O","C","ABC123",1792682100000000]],
//	 "matches":[["ABC123",true,1792682100000000]],
//	 "refolds":[["ABC123",1792682100000000]]}
//
// A fact is "I" for a LOGIN or "O" for a LOGOUT, "C" for a customer number or "U" for a workProviderUserId, the name, the
// instant, and the planned end if there is one. A match is a customer number, success, and when it was accepted. A refold
// asks that a customer be folded anew from an instant on. The id is the one that the client was given, of the event or the
// batch, by which the log names it; nobody waits for a message without. With "tell":true, which stands behind the provider, the provider
// wants to be told which of the facts do not count. The facts of a batch name it, and the place of the first of
// them in it. Instants are microseconds since the Unix epoch.
const formOfMessages = 1

// packer fills as few messages as fit the size that SQS bills.
type packer struct {
	head   string // the form and the provider
	id     string // that the client was given, if it was
	batch  string // that the items are part of, if they are
	tell   bool   // whether the provider wants to be told of rejected events
	list   string // the name of the list
	count  int    // of items so far
	body   []byte
	bodies []string
}

const tail = "]}"

func newPacker(provider, batch, list string) *packer {
	head := appendQuoted([]byte(`{"v":`+strconv.Itoa(formOfMessages)+`,"provider":`), provider)
	return &packer{head: string(head), batch: batch, list: list}
}

// begin is a message up to its first item.
func (p *packer) begin() {
	p.body = append(p.body[:0], p.head...)
	if p.tell {
		p.body = append(append(p.body, ','), wish...)
	}
	if p.id != "" {
		p.body = append(append(append(p.body, `,"id":"`...), p.id...), '"')
	}
	if p.batch != "" {
		p.body = append(p.body, `,"batch":"`+p.batch+`","from":`...)
		p.body = strconv.AppendInt(p.body, int64(p.count), 10)
	}
	p.body = append(p.body, `,"`+p.list+`":[`...)
}

// add puts one item of the list into the message, or into the next one if this is full.
func (p *packer) add(item []byte) {
	switch {
	case len(p.body) == 0:
		p.begin()
	case len(p.body)+1+len(item)+len(tail) > queue.MaxBody:
		p.bodies = append(p.bodies, string(append(p.body, tail...)))
		p.begin()
	default:
		p.body = append(p.body, ',')
	}
	p.body = append(p.body, item...)
	p.count++
}

// messages are the bodies; none if nothing was added.
func (p *packer) messages() []string {
	if len(p.body) == 0 {
		return nil
	}
	return append(p.bodies, string(append(p.body, tail...)))
}

// factMessages are the messages for facts of one work provider, and of a batch of its if that is not empty.
func factMessages(provider, batch string, facts []timeline.Fact) []string {
	return newPacker(provider, batch, "facts").facts(facts)
}

// acceptedMessages are the messages for facts that a request brought, which is answered with an id.
func acceptedMessages(r *web.Request, id, batch string, facts []timeline.Fact) []string {
	p := newPacker(r.Provider.ID, batch, "facts")
	p.id, p.tell = id, r.Provider.NotifyRejected
	return p.facts(facts)
}

// facts are the messages for facts.
func (p *packer) facts(facts []timeline.Fact) []string {
	const usual = 48 // bytes of a fact: what most take, so that the body seldom has to grow
	p.body = make([]byte, 0, min(queue.MaxBody, len(p.head)+(len(facts)+2)*usual))
	var item []byte
	for _, f := range facts {
		item = append(item[:0], `["I","`...)
		if f.Kind == timeline.Logout {
			item[2] = 'O'
		}
		item = append(item, byte(f.Name.Kind), '"', ',')
		item = appendQuoted(item, f.Name.Value)
		item = appendInstant(item, f.At)
		if f.PlannedEnd != timeline.Never {
			item = appendInstant(item, f.PlannedEnd)
		}
		p.add(append(item, ']'))
	}
	return p.messages()
}

// matchMessage is the message for a verdict, which is answered with an id.
func matchMessage(provider, id string, v timeline.Verdict) string {
	p := newPacker(provider, "", "matches")
	p.id = id
	item := appendQuoted([]byte{'['}, v.Customer)
	item = append(item, ',')
	item = strconv.AppendBool(item, v.Entry.Kind == timeline.Match)
	p.add(append(appendInstant(item, v.Entry.At), ']'))
	return p.messages()[0]
}

// refoldMessage is the message for a change in a customer's history.
func refoldMessage(provider string, r timeline.Refold) string {
	p := newPacker(provider, "", "refolds")
	item := appendQuoted([]byte{'['}, r.Customer)
	p.add(append(appendInstant(item, r.From), ']'))
	return p.messages()[0]
}

func appendInstant(b []byte, at timeline.Instant) []byte {
	return strconv.AppendInt(append(b, ','), int64(at), 10)
}

// appendQuoted appends a JSON string. SQS takes no U+FFFE and U+FFFF, which a name may hold, so they are escaped.
func appendQuoted(b []byte, s string) []byte {
	b, err := jsontext.AppendQuote(b, s)
	if err != nil {
		panic(err) // only for a text that is not UTF-8, which no request gets past
	}
	if !strings.Contains(s, "\xEF\xBF") {
		return b
	}
	return escapeNoncharacters(b)
}

func escapeNoncharacters(b []byte) []byte {
	for i := 0; i+2 < len(b); i++ {
		if b[i] == 0xEF && b[i+1] == 0xBF && b[i+2] >= 0xBE {
			escape := `\ufffe`
			if b[i+2] == 0xBF {
				escape = `\uffff`
			}
			b = append(b[:i], append([]byte(escape), b[i+3:]...)...)
		}
	}
	return b
}

// message is what unmarshalling a body fills.
type message struct {
	Form     int           `json:"v"`
	Provider string        `json:"provider"`
	Tell     bool          `json:"tell"`
	ID       string        `json:"id"`
	Batch    string        `json:"batch"`
	From     int           `json:"from"`
	Facts    []wireFact    `json:"facts"`
	Matches  []wireVerdict `json:"matches"`
	Refolds  []wireRefold  `json:"refolds"`
}

// The items of a message, which read themselves from an array.
type (
	wireFact    timeline.Fact
	wireVerdict timeline.Verdict
	wireRefold  timeline.Refold
)

// errMessage is met when a message is none that was ever sent. It will not get better by waiting.
var errMessage = errors.New("shift: a message that cannot be understood")

// parseMessage reads what the functions above write.
func parseMessage(body string) (timeline.Changes, error) {
	var m message
	if err := json.Unmarshal([]byte(body), &m); err != nil || m.Form != formOfMessages || m.Provider == "" || m.From < 0 {
		return timeline.Changes{}, errMessage
	}
	changes := timeline.Changes{Provider: m.Provider, Tell: m.Tell, ID: m.ID, Batch: m.Batch, From: m.From, Facts: make([]timeline.Fact, len(m.Facts))}
	for i, f := range m.Facts {
		changes.Facts[i] = timeline.Fact(f)
	}
	for _, v := range m.Matches {
		changes.Verdicts = append(changes.Verdicts, timeline.Verdict(v))
	}
	for _, r := range m.Refolds {
		changes.Refolds = append(changes.Refolds, timeline.Refold(r))
	}
	return changes, nil
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *wireFact) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := array{dec: dec}
	in.open()
	kind, nameKind, name := in.text(), in.text(), in.text()
	f.At, f.PlannedEnd = in.instant(), timeline.Never
	if in.more() {
		f.PlannedEnd = in.instant()
	}
	in.close()
	switch kind {
	case "I":
		f.Kind = timeline.Login
	case "O":
		f.Kind = timeline.Logout
	default:
		in.bad = true
	}
	switch nameKind {
	case "C":
		f.Name.Kind = person.CustomerNumber
	case "U":
		f.Name.Kind = person.UserID
	default:
		in.bad = true
	}
	f.Name.Value = name
	// What does not fit the stored form must not get there: a planned end lies within the longest shift after its LOGIN.
	if f.PlannedEnd != timeline.Never && (f.Kind != timeline.Login || f.PlannedEnd <= f.At || f.PlannedEnd > f.At.Add(timeline.MaxShift)) {
		in.bad = true
	}
	return in.err(name != "")
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (v *wireVerdict) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := array{dec: dec}
	in.open()
	v.Customer = in.text()
	v.Entry = timeline.NotMatched(timeline.Instant(0).Time())
	if in.bool() {
		v.Entry = timeline.Matched(timeline.Instant(0).Time())
	}
	v.Entry.At = in.instant()
	in.close()
	return in.err(v.Customer != "")
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (r *wireRefold) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := array{dec: dec}
	in.open()
	r.Customer, r.From = in.text(), in.instant()
	in.close()
	return in.err(r.Customer != "")
}

// array reads a JSON array of fixed shape; once something was not there, it is bad for good.
type array struct {
	dec *jsontext.Decoder
	bad bool
}

func (a *array) token(kind jsontext.Kind) (t jsontext.Token) {
	if a.bad || a.dec.PeekKind() != kind {
		a.bad = true
		return t
	}
	t, err := a.dec.ReadToken()
	a.bad = err != nil
	return t
}

func (a *array) open()      { a.token('[') }
func (a *array) close()     { a.token(']') }
func (a *array) more() bool { return !a.bad && a.dec.PeekKind() != ']' }

func (a *array) text() string {
	if t := a.token('"'); !a.bad {
		return t.String()
	}
	return ""
}

func (a *array) bool() bool {
	if !a.bad && a.dec.PeekKind() == 'f' {
		a.token('f')
		return false
	}
	a.token('t')
	return !a.bad
}

// instant is one that lies on a day which the storage can name.
func (a *array) instant() timeline.Instant {
	t := a.token('0')
	if a.bad {
		return 0
	}
	n, err := strconv.ParseInt(t.String(), 10, 64)
	at := timeline.Instant(n)
	a.bad = err != nil || !at.Storable()
	return at
}

func (a *array) err(ok bool) error {
	if a.bad || !ok {
		return errMessage
	}
	return nil
}

// Carries tells whether the body of a message asks a processor to take in that fact of a work provider, or that verdict.
func Carries(body, provider string, f timeline.Fact, v timeline.Verdict) bool {
	c, err := parseMessage(body)
	if err != nil || c.Provider != provider {
		return false
	}
	if f.Kind == 0 {
		return slices.Contains(c.Verdicts, v)
	}
	return slices.ContainsFunc(c.Facts, func(g timeline.Fact) bool { return g.Kind == f.Kind && g.At == f.At && g.Name == f.Name })
}
