package shift

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/person"
	"zego.com/workprovider/pkg/queue"
	"zego.com/workprovider/pkg/timeline"
	"zego.com/workprovider/pkg/web"
)

// A message is JSON of this form, here with line breaks. Messages live for days, in the queue and in the dead letters,
// so a processor understands every version that was ever sent; a sample of each stays in testdata.
//
//	{"v":1,"provider":"courier-ltd","id":"AdZL…","batch":"6f0a…","from":1638,"accepted":1792682101234000,
//	 "facts":[["I","U","12345",1792682100000000],["O","C","ABC123",1792682100000000]],
//	 "matches":[["ABC123",true,1792682100000000]],
//	 "refolds":[["ABC123",1792682100000000]]}
//
// A fact is "I" for a LOGIN or "O" for a LOGOUT, "C" for a customer number or "U" for a workProviderUserId, the name,
// the instant, and the planned end if there is one. A match is a customer number, success, and when it was accepted. A
// refold asks that a customer be folded anew from an instant on. The id is the one that the client was given, of the
// event or the batch, by which the log names it; no client waits for a message without. With "notify":true, which
// stands behind the provider, the provider wants to be notified of the facts that do not count. The facts of a batch
// name it, and the place of the first of them in it. "accepted" is when the facts were (rule 12); older messages are
// without. Instants are microseconds since the Unix epoch.
//
// Voids come in messages of version 2, so that no older processor takes one for a message without anything in it. Each
// names an event as a fact does, and gives the reason:
//
//	{"v":2,"provider":"courier-ltd","accepted":1792682101234000,
//	 "voids":[["I","C","ABC123",1792682100000000,"Wrong rider"]]}
const (
	messageVersion     = 1
	voidMessageVersion = 2
)

// packer fills as few messages as fit the size that SQS bills.
type packer struct {
	prefix         string           // the version and the provider
	id             string           // that the client was given, if it was
	batch          string           // that the items are part of, if they are
	notifyRejected bool             // whether the provider wants to be notified of rejected events
	accepted       timeline.Instant // when the items were; 0 if that is not told
	list           string           // the name of the list
	count          int              // of items so far
	body           []byte
	bodies         []string
}

const suffix = "]}"

func newPacker(provider, batch, list string) *packer {
	return newPackerOf(messageVersion, provider, batch, list)
}

func newPackerOf(version int, provider, batch, list string) *packer {
	prefix := appendQuoted([]byte(`{"v":`+strconv.Itoa(version)+`,"provider":`), provider)
	return &packer{prefix: string(prefix), batch: batch, list: list}
}

// begin is a message up to its first item.
func (p *packer) begin() {
	p.body = append(p.body[:0], p.prefix...)
	if p.notifyRejected {
		p.body = append(append(p.body, ','), notifyRejectedMarker...)
	}
	if p.id != "" {
		p.body = append(append(append(p.body, `,"id":"`...), p.id...), '"')
	}
	if p.batch != "" {
		p.body = append(p.body, `,"batch":"`+p.batch+`","from":`...)
		p.body = strconv.AppendInt(p.body, int64(p.count), 10)
	}
	if p.accepted != 0 {
		p.body = appendInstant(append(p.body, `,"accepted":`...), p.accepted)
	}
	p.body = append(p.body, `,"`+p.list+`":[`...)
}

// add puts one item of the list into the message, or into the next one if this is full.
func (p *packer) add(item []byte) {
	switch {
	case len(p.body) == 0:
		p.begin()
	case len(p.body)+1+len(item)+len(suffix) > queue.MaxBody:
		p.bodies = append(p.bodies, string(append(p.body, suffix...)))
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
	return append(p.bodies, string(append(p.body, suffix...)))
}

// factMessages are the messages for facts of one work provider, and of a batch of its if that is not empty.
func factMessages(provider, batch string, facts []timeline.Fact) []string {
	return newPacker(provider, batch, "facts").facts(facts)
}

// acceptedMessages are the messages for facts that a request brought, which is answered with an id.
func acceptedMessages(r *web.Request, id, batch string, facts []timeline.Fact) []string {
	p := newPacker(r.Provider.ID, batch, "facts")
	p.id = id
	p.notifyRejected = r.Provider.NotifyRejected
	return p.facts(facts)
}

// facts returns the messages for facts, which were all accepted at once.
func (p *packer) facts(facts []timeline.Fact) []string {
	if len(facts) > 0 {
		p.accepted = facts[0].Accepted
	}
	const usual = 48 // bytes of a fact: what most take, so that the body seldom has to grow
	p.body = make([]byte, 0, min(queue.MaxBody, len(p.prefix)+(len(facts)+2)*usual))
	var item []byte
	for _, f := range facts {
		item = appendEvent(item[:0], f)
		if f.PlannedEnd != timeline.Never {
			item = appendInstant(append(item, ','), f.PlannedEnd)
		}
		p.add(append(item, ']'))
	}
	return p.messages()
}

// appendEvent appends what names a fact, without the bracket that ends the item.
func appendEvent(item []byte, f timeline.Fact) []byte {
	kind := byte('I')
	if f.Kind == timeline.Logout {
		kind = 'O'
	}
	item = append(item, '[', '"', kind, '"', ',', '"', byte(f.Name.Kind), '"', ',')
	item = appendQuoted(item, f.Name.Value)
	return appendInstant(append(item, ','), f.At)
}

// voidMessage returns the message for a void.
func voidMessage(provider string, v timeline.Void) string {
	p := newPackerOf(voidMessageVersion, provider, "", "voids")
	p.accepted = v.Fact.Accepted
	p.add(append(appendQuoted(append(appendEvent(nil, v.Fact), ','), v.Reason), ']'))
	return p.messages()[0]
}

// matchMessage returns the message for a match, which is answered with an id.
func matchMessage(provider, id string, m timeline.MatchResult) string {
	p := newPacker(provider, "", "matches")
	p.id = id
	item := appendQuoted([]byte{'['}, m.Customer)
	item = append(item, ',')
	item = strconv.AppendBool(item, m.Entry.Kind == timeline.Match)
	p.add(append(appendInstant(append(item, ','), m.Entry.At), ']'))
	return p.messages()[0]
}

// recomputeMessage returns the message for a change in a customer's history.
func recomputeMessage(provider string, r timeline.Recompute) string {
	p := newPacker(provider, "", "refolds")
	item := appendQuoted([]byte{'['}, r.Customer)
	p.add(append(appendInstant(append(item, ','), r.From), ']'))
	return p.messages()[0]
}

func appendInstant(b []byte, at timeline.Instant) []byte {
	return strconv.AppendInt(b, int64(at), 10)
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
	Version        int             `json:"v"`
	Provider       string          `json:"provider"`
	NotifyRejected bool            `json:"notify"`
	ClientID       string          `json:"id"`
	Batch          string          `json:"batch"`
	Offset         int             `json:"from"`
	Accepted       int64           `json:"accepted"`
	Facts          []wireFact      `json:"facts"`
	Voids          []wireVoid      `json:"voids"`
	Matches        []wireMatch     `json:"matches"`
	Recomputes     []wireRecompute `json:"refolds"`
}

// The items of a message, which read themselves from an array.
type (
	wireFact      timeline.Fact
	wireVoid      timeline.Void
	wireMatch     timeline.MatchResult
	wireRecompute timeline.Recompute
)

// errMalformedMessage is returned for a message that no release ever sent. Retrying it does not help.
var errMalformedMessage = errors.New("shift: malformed message")

// parseMessage reads what the functions above write.
func parseMessage(body string) (timeline.MessageChanges, error) {
	var m message
	err := json.Unmarshal([]byte(body), &m)
	accepted := timeline.AcceptedAt(time.UnixMicro(m.Accepted))
	supported := m.Version == messageVersion && len(m.Voids) == 0 || m.Version == voidMessageVersion && accepted > 0
	if err != nil || !supported || m.Provider == "" || m.Offset < 0 || !accepted.InRange() {
		return timeline.MessageChanges{}, errMalformedMessage
	}
	changes := timeline.MessageChanges{
		Provider: m.Provider, NotifyRejected: m.NotifyRejected, ClientID: m.ClientID, Batch: m.Batch, Offset: m.Offset,
		Facts: make([]timeline.Fact, len(m.Facts)),
	}
	for i, f := range m.Facts {
		changes.Facts[i] = timeline.Fact(f)
		changes.Facts[i].Accepted = accepted
	}
	for _, v := range m.Voids {
		changes.Voids = append(changes.Voids, timeline.NewVoid(v.Fact, accepted, v.Reason))
	}
	for _, match := range m.Matches {
		changes.Matches = append(changes.Matches, timeline.MatchResult(match))
	}
	for _, r := range m.Recomputes {
		changes.Recomputes = append(changes.Recomputes, timeline.Recompute(r))
	}
	return changes, nil
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (f *wireFact) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := arrayReader{dec: dec}
	in.open()
	in.event((*timeline.Fact)(f))
	if in.hasMore() {
		f.PlannedEnd = in.instant()
	}
	in.close()
	// What does not fit the stored form must not get there: a planned end lies within the longest shift after its LOGIN.
	isPlanned := f.PlannedEnd != timeline.Never
	if isPlanned && (f.Kind != timeline.Login || f.PlannedEnd <= f.At || f.PlannedEnd > f.At.Add(timeline.MaxShift)) {
		in.failed = true
	}
	return in.err()
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (v *wireVoid) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := arrayReader{dec: dec}
	in.open()
	in.event(&v.Fact)
	v.Reason = in.text()
	in.close()
	return in.err()
}

// event reads what names a fact.
func (a *arrayReader) event(f *timeline.Fact) {
	kind := a.text()
	nameKind := a.text()
	f.Name.Value = a.text()
	a.failed = a.failed || f.Name.Value == ""
	f.At = a.instant()
	f.PlannedEnd = timeline.Never
	switch kind {
	case "I":
		f.Kind = timeline.Login
	case "O":
		f.Kind = timeline.Logout
	default:
		a.failed = true
	}
	switch nameKind {
	case "C":
		f.Name.Kind = person.CustomerNumber
	case "U":
		f.Name.Kind = person.UserID
	default:
		a.failed = true
	}
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (v *wireMatch) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := arrayReader{dec: dec}
	in.open()
	v.Customer = in.text()
	v.Entry = timeline.NotMatched(timeline.Instant(0).Time())
	if in.bool() {
		v.Entry = timeline.Matched(timeline.Instant(0).Time())
	}
	v.Entry.At = in.instant()
	in.close()
	if v.Customer == "" {
		return errMalformedMessage
	}
	return in.err()
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (r *wireRecompute) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	in := arrayReader{dec: dec}
	in.open()
	r.Customer = in.text()
	r.From = in.instant()
	in.close()
	if r.Customer == "" {
		return errMalformedMessage
	}
	return in.err()
}

// arrayReader reads a JSON array of fixed shape; once something was not there, it has failed for good.
type arrayReader struct {
	dec    *jsontext.Decoder
	failed bool
}

func (a *arrayReader) token(kind jsontext.Kind) (t jsontext.Token) {
	if a.failed || a.dec.PeekKind() != kind {
		a.failed = true
		return t
	}
	t, err := a.dec.ReadToken()
	a.failed = err != nil
	return t
}

func (a *arrayReader) open()         { a.token('[') }
func (a *arrayReader) close()        { a.token(']') }
func (a *arrayReader) hasMore() bool { return !a.failed && a.dec.PeekKind() != ']' }

func (a *arrayReader) text() string {
	if t := a.token('"'); !a.failed {
		return t.String()
	}
	return ""
}

func (a *arrayReader) bool() bool {
	if !a.failed && a.dec.PeekKind() == 'f' {
		a.token('f')
		return false
	}
	a.token('t')
	return !a.failed
}

// instant is one that lies on a day which the storage can name.
func (a *arrayReader) instant() timeline.Instant {
	t := a.token('0')
	if a.failed {
		return 0
	}
	n, err := strconv.ParseInt(t.String(), 10, 64)
	at := timeline.Instant(n)
	a.failed = err != nil || !at.InRange()
	return at
}

func (a *arrayReader) err() error {
	if a.failed {
		return errMalformedMessage
	}
	return nil
}

// MessageContains reports whether the body of a message brings that fact of a work provider or, if the fact has no
// kind, that match.
func MessageContains(body, provider string, f timeline.Fact, m timeline.MatchResult) bool {
	c, err := parseMessage(body)
	if err != nil || c.Provider != provider {
		return false
	}
	if f.Kind == 0 {
		return slices.Contains(c.Matches, m)
	}
	return slices.ContainsFunc(c.Facts, func(g timeline.Fact) bool {
		return g.Kind == f.Kind && g.At == f.At && g.Name == f.Name
	})
}
