package table

// Providers: work providers, their API keys and webhooks. The text of a key is not stored: its item is found by the
// hash.
//
//	pk                    sk            what                                       read by
//	provider#courier-ltd  provider      name, and whether it can enrol             every request with a cold key
//	provider#courier-ltd  key#1b4f0e98  one of its keys: hash, issued, revoked     zegoctl key list
//	provider#courier-ltd  webhook       the URL of its webhook                     every delivery to it, account
//	key#<SHA-256, hex>    key           the provider of a key, revoked, last use   every request with a cold key
//	requests#courier-ltd  1772884800    requests in the ten seconds from that one  requests of a busy provider
//	clock                 clock         the offset of a sandbox's clock            every request, in a sandbox
//	clock                 epoch         how often a sandbox was reset              every message, in a sandbox
//
// The list of all providers is a Scan: the table is small, and only operators list it.
//
// Secrets: what has to be stored as plain text. Of all functions only the webhook sender can read it.
//
//	pk                    sk            what                                       read by
//	provider#courier-ltd  webhook       the secrets that sign for its webhook      every delivery to it

// Sort keys that are the same in every partition of their kind.
const (
	ProviderSort = "provider" // of a work provider
	WebhookSort  = "webhook"  // of a work provider's webhook, and of its secrets
	KeySort      = "key"      // of an API key, in the partition of its hash
	ClockSort    = "clock"    // of a sandbox's clock
	EpochSort    = "epoch"    // of a sandbox's epoch, in the partition of its clock
)

// ClockPartition is the partition of a sandbox's clock.
const ClockPartition = "clock"

// ProviderPartition returns the partition of a work provider, by its id.
func ProviderPartition(id string) string { return "provider#" + id }

// KeyPartition returns the partition of an API key, by the hexadecimal SHA-256 of its text.
func KeyPartition(hash string) string { return "key#" + hash }

// RequestsPartition returns the partition of a work provider's request counters. The sort key is the start of the
// window that is counted, in seconds since the epoch.
func RequestsPartition(provider string) string { return "requests#" + provider }

// ProviderKeyPrefix begins the sort keys of a work provider's own keys.
const ProviderKeyPrefix = "key#"

// ProviderKeySort returns the sort key of one of a work provider's keys, by the key's public id.
func ProviderKeySort(keyID string) string { return ProviderKeyPrefix + keyID }
