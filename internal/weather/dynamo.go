package weather

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// throttle answers as a service that takes no more calls.
func throttle(w http.ResponseWriter, c call) {
	kind := "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"
	if c.service == "SQS" {
		kind = "com.amazonaws.sqs#RequestThrottled"
	}
	refuse(w, kind, "The level of configured provisioned throughput for the table was exceeded.", nil)
}

// isWrite reports whether an operation of DynamoDB can conflict with a transaction.
func isWrite(operation string) bool {
	return slices.Contains([]string{"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems", "TransactGetItems"},
		operation)
}

// conflict answers as DynamoDB does while another transaction is writing the item.
func conflict(w http.ResponseWriter, c call) {
	const namespace = "com.amazonaws.dynamodb.v20120810#"
	if !strings.HasPrefix(c.operation, "Transact") {
		refuse(w, namespace+"TransactionConflictException", "Transaction is ongoing for the item", nil)
		return
	}
	var items []json.RawMessage
	_ = json.Unmarshal(decode(c.body)["TransactItems"], &items)
	type reason struct{ Code, Message string }
	reasons := make([]reason, len(items))
	codes := make([]string, len(items))
	for i := range reasons {
		reasons[i] = reason{Code: "None"}
		if i == 0 {
			reasons[i] = reason{"TransactionConflict", "Transaction is ongoing for the item"}
		}
		codes[i] = reasons[i].Code
	}
	message := "Transaction cancelled, please refer cancellation reasons for specific reasons [" +
		strings.Join(codes, ", ") + "]"
	refuse(w, namespace+"TransactionCanceledException", message, map[string]any{"CancellationReasons": reasons})
}

// refuse answers with an error of the client's.
func refuse(w http.ResponseWriter, kind, message string, more map[string]any) {
	body := map[string]any{"__type": kind, "message": message}
	for name, v := range more {
		body[name] = v
	}
	reply(w, http.StatusBadRequest, encode(body))
}

// answerBatch does a part of a batch, and adds the rest to what the engine has left undone.
func (p *Proxy) answerBatch(
	w http.ResponseWriter, c call, undone string, split func(object, func() bool) (now, later object),
) {
	tables := decode(decode(c.body)["RequestItems"])
	now, later := split(tables, func() bool { return p.happens(UnprocessedItems, c.operation) })
	if len(later) == 0 {
		p.do(c).copyTo(w)
		return
	}
	answered := object{}
	if len(now) > 0 {
		c.body = setMember(c.body, "RequestItems", now)
		got := p.do(c)
		if got.status != http.StatusOK {
			got.copyTo(w)
			return
		}
		answered = decode(got.body.Bytes())
	}
	left := decode(answered[undone])
	for table, items := range later {
		left[table] = merged(left[table], items)
	}
	answered[undone] = encode(left)
	if c.operation == "BatchGetItem" && answered["Responses"] == nil {
		answered["Responses"] = encode(object{})
	}
	reply(w, http.StatusOK, encode(answered))
}

// splitWrites divides the requests of BatchWriteItem into those that are done and those that are left.
func splitWrites(tables object, leave func() bool) (now, later object) {
	now = object{}
	later = object{}
	for _, table := range sortedKeys(tables) {
		var requests, done, left []json.RawMessage
		_ = json.Unmarshal(tables[table], &requests)
		for _, r := range requests {
			if leave() {
				left = append(left, r)
			} else {
				done = append(done, r)
			}
		}
		if len(done) > 0 {
			now[table] = encode(done)
		}
		if len(left) > 0 {
			later[table] = encode(left)
		}
	}
	return now, later
}

// splitReads divides the keys of BatchGetItem into those that are read and those that are left.
func splitReads(tables object, leave func() bool) (now, later object) {
	now = object{}
	later = object{}
	for _, table := range sortedKeys(tables) {
		keys := decode(tables[table])["Keys"]
		done, left := splitWrites(object{"": keys}, leave)
		if len(done) > 0 {
			now[table] = setMember(tables[table], "Keys", done[""])
		}
		if len(left) > 0 {
			later[table] = setMember(tables[table], "Keys", left[""])
		}
	}
	return now, later
}

// merged returns two lists, or two lists of keys, as one.
func merged(a, b json.RawMessage) json.RawMessage {
	if a == nil {
		return b
	}
	var first, second []json.RawMessage
	if json.Unmarshal(a, &first) != nil {
		return setMember(a, "Keys", merged(decode(a)["Keys"], decode(b)["Keys"]))
	}
	_ = json.Unmarshal(b, &second)
	return encode(slices.Concat(first, second))
}

func sortedKeys(o object) []string {
	keys := make([]string, 0, len(o))
	for key := range o {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
