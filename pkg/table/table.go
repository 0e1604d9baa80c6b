// Package table is the DynamoDB schema: every table, key and access pattern, in one place.
//
// There are three tables, so that a function can be granted one and not the others:
//
//   - Providers: work providers, their webhooks, and the hashes of their API keys (providers.go);
//   - Customers: customers, policies, products, enrolments: all personal data, and only here (customers.go);
//   - Timelines: facts, histories, owners of workProviderUserIds and shift records (this file). No personal data
//     beyond the names by which a work provider calls its people.
//
// The others are Secrets, for the webhook sender alone (providers.go), Sessions, whose items expire (sessions.go), and
// Audit, for operators alone (audit.go).
//
// All have the same two keys, a partition key and a sort key, both strings, and no index: each access pattern below is
// one Get or one Query of one partition.
//
// # Timelines
//
// A partition is one name at one work provider (rule 5: tenants are isolated, so every key begins with the provider):
//
//	pk                       sk                   what                                         read by
//	courier-ltd#C#ABC123     facts#2026-11-22     the facts of one UTC day, a binary set       fold, outcome
//	courier-ltd#C#ABC123     void#2026-11-22#17…  why an event of that day was taken back      explain, export
//	courier-ltd#C#ABC123     history#             version: counts its consents and links       fold, status, v2
//	courier-ltd#C#ABC123     history#2026-11      consents, links, matches, by UTC month       fold, status, v2
//	courier-ltd#C#ABC123     shifts#2026-11-22    the shift record of one UTC day              list
//	courier-ltd#U#12345      facts#2026-11-22     the facts of one UTC day, a binary set       fold, outcome
//	courier-ltd#U#12345      owner                current and past owners of the id            fold, status, v2
//	courier-ltd#B#6f0a…      part#000001638       the facts of one message of a batch          batch outcome
//	courier-ltd#B#6f0a…      tally#000001638      what became of that part's facts             batch outcome
//	courier-ltd#W#2026-11    signup_1763…_ABC123  the state of a webhook delivery, by the      webhook sender, account
//	                                              UTC month of what it is about                page, operators
//	dead-letters#2026-11     1763830000000#<id>   a dead letter, by the time of its sending    operators
//
// "history" sorts right after "facts", so that one Query reads the last days' facts of a customer together with the
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

// VersionAttr is the attribute that holds the schema version of an item, in every table: items live for years, so a
// reader must know how an item was written.
const VersionAttr = "v"

// OwnerSort is the sort key of the item that holds the owners of a workProviderUserId.
const OwnerSort = "owner"

// Sort keys of Timelines that are followed by a day or a month.
const (
	factsPrefix   = "facts#"
	voidPrefix    = "void#"
	historyPrefix = "history#"
	shiftsPrefix  = "shifts#"
)

// HistoryVersionSort is the sort key of the item that counts the changes of consents and links, so that of two
// concurrent changes one is retried. It leads the history, and is read with it.
const HistoryVersionSort = historyPrefix

// HistoryEnd sorts after every history item of a partition and before anything else.
const HistoryEnd = "history$"

// NamePartition returns the partition of a person's name at a work provider. The id of a provider has no '#', so the
// key is unambiguous.
func NamePartition(provider string, name person.Name) string {
	return provider + "#" + string(name.Kind) + "#" + name.Value
}

// ProviderPrefix returns the prefix of the partitions of all names at a work provider.
func ProviderPrefix(provider string) string { return provider + "#" }

// ParseNamePartition returns the name whose partition at a work provider that is; false if it is not the partition of a
// name.
func ParseNamePartition(provider, partition string) (person.Name, bool) {
	rest, ok := strings.CutPrefix(partition, ProviderPrefix(provider))
	if !ok || len(rest) < 3 || rest[1] != '#' {
		return person.Name{}, false
	}
	name := person.Name{Kind: person.Kind(rest[0]), Value: rest[2:]}
	return name, name.Kind == person.CustomerNumber || name.Kind == person.UserID
}

// VoidSort returns the sort key of the reason for which an event was taken back, by its UTC day, its instant in
// microseconds since the epoch, and its kind.
func VoidSort(day string, instant int64, kind string) string {
	return fmt.Sprintf("%s%s#%d#%s", voidPrefix, day, instant, kind)
}

// VoidRange returns the sort keys between which those of some days lie.
func VoidRange(firstDay, lastDay string) (first, last string) {
	return voidPrefix + firstDay + "#", voidPrefix + lastDay + "$"
}

// BatchPartition returns the partition of a batch at a work provider.
func BatchPartition(provider, batch string) string { return provider + "#B#" + batch }

// PartSort returns the sort key of the part of a batch that begins with that item.
func PartSort(from int) string { return fmt.Sprintf("part#%09d", from) }

// TallySort is the sort key of what became of that part when it was applied.
func TallySort(offset int) string { return fmt.Sprintf("tally#%09d", offset) }

// TallyRange is the range of sort keys that holds all tallies of a batch.
func TallyRange() (from, to string) { return "tally#", "tally$" }

// DeliveryPartition returns the partition of the deliveries to a work provider's webhook, by the UTC month (YYYY-MM) of
// what they are about. Their ids are the sort keys.
func DeliveryPartition(provider, month string) string { return provider + "#W#" + month }

// DeadLetterPartition returns the partition of the dead letters of a UTC month (YYYY-MM), in which they were sent.
func DeadLetterPartition(month string) string { return "dead-letters#" + month }

// DeadLetterSort returns the sort key of a dead letter: milliseconds since the epoch, and the queue's id of the
// message, so that archiving it twice stores it once.
func DeadLetterSort(sentMillis int64, messageID string) string {
	return fmt.Sprintf("%013d#%s", sentMillis, messageID)
}

// FactsSort returns the sort key of a day's facts; day is YYYY-MM-DD in UTC.
func FactsSort(day string) string { return factsPrefix + day }

// ShiftsSort returns the sort key of a day's shift record; day is YYYY-MM-DD in UTC.
func ShiftsSort(day string) string { return shiftsPrefix + day }

// HistorySort returns the sort key of a month's history; month is YYYY-MM in UTC.
func HistorySort(month string) string { return historyPrefix + month }

// HistoryRange returns the range of sort keys of a partition's whole history.
func HistoryRange() (from, to string) { return historyPrefix, HistoryEnd }

// ParseDaySort returns the day or month in a sort key of facts, history or shifts; false if the key is none of them.
func ParseDaySort(sort string) (string, bool) {
	for _, prefix := range []string{factsPrefix, historyPrefix, shiftsPrefix} {
		if len(sort) > len(prefix) && sort[:len(prefix)] == prefix {
			return sort[len(prefix):], true
		}
	}
	return "", false
}

// IsHistory reports whether an item is of the history, in a Query that reads facts and history.
func IsHistory(sort string) bool {
	return len(sort) > len(historyPrefix) && sort[:len(historyPrefix)] == historyPrefix
}
