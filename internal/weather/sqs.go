package weather

import (
	"encoding/json"
	"net/http"
)

// double stores the messages of a call once more.
func (p *Proxy) double(c call) {
	if p.happens(DoubledSends, c.operation) {
		p.do(c)
	}
}

// answerEntries does some entries of a batch, and answers that the others failed by the fault of SQS.
func (p *Proxy) answerEntries(w http.ResponseWriter, c call) {
	var entries, done []object
	_ = json.Unmarshal(decode(c.body)["Entries"], &entries)
	var failed []map[string]any
	for _, e := range entries {
		if p.happens(PartialFailures, c.operation) {
			failed = append(failed, map[string]any{
				"Id": e["Id"], "Code": "InternalError", "SenderFault": false, "Message": "Internal Error. Please try again.",
			})
		} else {
			done = append(done, e)
		}
	}
	if len(failed) > 0 {
		c.body = setMember(c.body, "Entries", done)
	}
	answered := object{"Successful": encode([]any{})}
	if len(done) > 0 {
		if c.operation == "SendMessageBatch" {
			p.double(c)
		}
		got := p.do(c)
		if got.status != http.StatusOK || len(failed) == 0 {
			got.copyTo(w)
			return
		}
		answered = decode(got.body.Bytes())
	}
	var all []map[string]any
	_ = json.Unmarshal(answered["Failed"], &all)
	answered["Failed"] = encode(append(all, failed...))
	reply(w, http.StatusOK, encode(answered))
}
