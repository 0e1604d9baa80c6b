// Package table is the DynamoDB schema: every table, key and access pattern, in one place.
//
// There are three tables, so that a function can be granted one and not the others:
//
//   - Providers: work providers, their webhooks, and the hashes of their API keys (people.go);
//   - Customers: customers, policies, products, enrolments: all personal data, and nothing else, is here (people.go);
//   - Timelines: facts, histories, owners of workProviderUserIds and shift records (this file). No personal data
//     beyond the names by which a work provider calls its people.
//
// Beside them stand Secrets, for the webhook sender alone (people.go), Sessions, which ends by itself (sessions.go), and Audit,
// which only operators have to do with (audit.go).
//
// All have the same two keys, a partition key and a sort key, both strings, and no index: each access pattern below is
// one Get or one Query of one partition.
//
// # Timelines
//
// A partition is one name at one work provider (rule 5: tenants never meet, so the provider leads every key):
//
//	pk                       sk                   what                                         read by
//	courier-ltd#C#ABC123     facts#2026-11-22     the facts of one UTC day, a binary set       fold, outcome
//	courier-ltd#C#ABC123     history#             counts its consents and links                fold, status, v2
//	courier-ltd#C#ABC123     history#2026-11      consents, links, matches, by UTC month       fold, status, v2
//	courier-ltd#C#ABC123     shifts#2026-11-22    the shift record of one UTC day              list
//	courier-ltd#U#12345      facts#2026-11-22     the facts of one UTC day, a binary set       fold, outcome
//	courier-ltd#U#12345      owner                whose workProviderUserId this is and was     fold, status, v2
//	courier-ltd#B#6f0a…      part#000001638       which facts a message of a batch asked for   batch outcome
//	courier-ltd#W#2026-11    signup_1763…_ABC123  how a delivery to its webhook stands, by     webhook sender, account
//	                                              the UTC month of what it tells               page, operators
//	dead-letters#2026-11     1763830000000#<id>   a message that came to nothing, by sending   operators
//
// "history" sorts right behind "facts", so that one Query reads the last days' facts of a customer together with the
// history, for the price of one read.
package table

import (
	"fmt"
	"strings"

	"zego.com/workprovider/pkg/person"
)

// Attribute names of the keys, the same in every table.
const (
	PK = "pk" // partition key, a string
	SK = "sk" // sort key, a string
)

// Form is the attribute that holds the version of a row's form, in every table: rows live for years, so a reader must
// know how a row was written.
const Form = "v"

// OwnerSort is the sort key of the row that tells whose workProviderUserId a name is.
const OwnerSort = "owner"

// Sort keys of Timelines that are followed by a day or a month.
const (
	factsPrefix   = "facts#"
	historyPrefix = "history#"
	shiftsPrefix  = "shifts#"
)

// HistoryCountSort is the sort key of the row that counts the changes of consents and links, so that of two made at once
// one begins again. It leads the history, and is read with it.
const HistoryCountSort = historyPrefix

// AfterHistory sorts behind every history row of a partition and before anything else.
const AfterHistory = "history$"

// NamePartition is the partition of a person's name at a work provider. A provider's id has no '#', so the key can be
// read in one way only.
func NamePartition(provider string, name person.Name) string {
	return provider + "#" + string(name.Kind) + "#" + name.Value
}

// ProviderNames begins the partitions of all names at a work provider.
func ProviderNames(provider string) string { return provider + "#" }

// NameOf is the name whose partition at a work provider that is; false if it is none of a name.
func NameOf(provider, partition string) (person.Name, bool) {
	rest, ok := strings.CutPrefix(partition, ProviderNames(provider))
	if !ok || len(rest) < 3 || rest[1] != '#' {
		return person.Name{}, false
	}
	name := person.Name{Kind: person.Kind(rest[0]), Value: rest[2:]}
	return name, name.Kind == person.CustomerNumber || name.Kind == person.UserID
}

// BatchPartition is the partition of a batch at a work provider.
func BatchPartition(provider, batch string) string { return provider + "#B#" + batch }

// PartSort is the sort key of the part of a batch that begins with that item.
func PartSort(from int) string { return fmt.Sprintf("part#%09d", from) }

// DeliveryPartition is the partition of the deliveries to a work provider's webhook, by the UTC month (YYYY-MM) of what
// they tell. Their ids are the sort keys.
func DeliveryPartition(provider, month string) string { return provider + "#W#" + month }

// DeadLetterPartition is the partition of the messages that came to nothing, by the UTC month (YYYY-MM) of their sending.
func DeadLetterPartition(month string) string { return "dead-letters#" + month }

// DeadLetterSort is the sort key of a dead letter: milliseconds since the epoch, and the queue's id of the message, so that
// filing it twice is filing it once.
func DeadLetterSort(sentMillis int64, messageID string) string {
	return fmt.Sprintf("%013d#%s", sentMillis, messageID)
}

// FactsSort is the sort key of a day's facts; day is YYYY-MM-DD in UTC.
func FactsSort(day string) string { return factsPrefix + day }

// ShiftsSort is the sort key of a day's shift record; day is YYYY-MM-DD in UTC.
func ShiftsSort(day string) string { return shiftsPrefix + day }

// HistorySort is the sort key of a month's history; month is YYYY-MM in UTC.
func HistorySort(month string) string { return historyPrefix + month }

// HistoryRange is the range of sort keys that holds a partition's whole history.
func HistoryRange() (from, to string) { return historyPrefix, AfterHistory }

// DayOf cuts the day or month off a sort key of facts, history or shifts; false if the key is none of them.
func DayOf(sort string) (string, bool) {
	for _, prefix := range []string{factsPrefix, historyPrefix, shiftsPrefix} {
		if len(sort) > len(prefix) && sort[:len(prefix)] == prefix {
			return sort[len(prefix):], true
		}
	}
	return "", false
}

// IsHistory tells a history row from a facts row in a Query that reads both.
func IsHistory(sort string) bool {
	return len(sort) > len(historyPrefix) && sort[:len(historyPrefix)] == historyPrefix
}
