package table

// Sessions: short-lived data of visitors of the pages. Every item expires, and the table is in no backup. It holds no
// personal data but the email that came with a link, for as long as the link is valid.
//
//	pk                         sk                 what                                         read by
//	session#<SHA-256, hex>     session            the customer number of a browser's session   every page
//	ended#<SHA-256, hex>       ended              when an account's sessions were revoked      every page
//	mails-ended#<SHA-256, hex> mails-ended        when the links in mails to an email ended    verify, reset
//	link#<SHA-256, hex>        link               the work provider's link that was followed   sign up, sign in, consent
//	tries#<kind>#<SHA-256>     1763830500         the number of attempts since that time       rate limits
//
// The hashes are those of the random tokens that browsers send, so a reader of the table cannot use them; those of a
// rate limit are of the email or the network address, those of ended and mails-ended are of the email.

// TTLAttr is the attribute by which DynamoDB deletes an item some time after it expired: seconds since the epoch. A
// reader has to check it too.
const TTLAttr = "expires"

// Sort keys that are the same in every partition of their kind.
const (
	SessionSort         = "session"     // of a session
	SessionsRevokedSort = "ended"       // of the revocation of an account's sessions
	MailsRevokedSort    = "mails-ended" // of the revocation of the links in mails
	LinkSort            = "link"        // of a link that was followed
)

// SessionPartition returns the partition of a session, by the hexadecimal SHA-256 of its token.
func SessionPartition(hash string) string { return "session#" + hash }

// SessionsRevokedPartition returns the partition of the revocation of an account's sessions, by the hexadecimal SHA-256
// of the normalised email.
func SessionsRevokedPartition(hash string) string { return "ended#" + hash }

// MailsRevokedPartition returns the partition of the revocation of the links in mails to an email, by the hexadecimal
// SHA-256 of the normalised email.
func MailsRevokedPartition(hash string) string { return "mails-ended#" + hash }

// LinkPartition returns the partition of a link that was followed, by the hexadecimal SHA-256 of its token.
func LinkPartition(hash string) string { return "link#" + hash }

// RateLimitPartition returns the partition of the attempts of one kind by one source, by the hexadecimal SHA-256 of the
// source. Its sort key is the start of a time window, in seconds since the epoch.
func RateLimitPartition(kind, hash string) string { return "tries#" + kind + "#" + hash }
