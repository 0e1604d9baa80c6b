package table

// Sessions: what visitors of the pages leave behind for a while. Every row ends by itself, and the table is in no backup.
// It holds no personal data but the email that came with a link, for as long as the link is good.
//
//	pk                       sk                   what                                         read by
//	session#<SHA-256, hex>   session              whose browser this is: a customer number     every page
//	ended#ABC123             ended                sessions begun earlier have ended            every page
//	link#<SHA-256, hex>      link                 who followed which work provider's link      sign up, log in, consent
//	tries#<what>#<SHA-256>   1763830500           how many tries there were since then         throttles
//
// The hashes are those of the random tokens that a browser shows us, so that who reads the table can use none of them; of a
// try, those of the email or the network address that it came with.

// Expires is the attribute by which DynamoDB deletes a row some time after its end: seconds since the epoch. A reader has to
// look at it too.
const Expires = "expires"

// Sort keys that are the same in every partition of their kind.
const (
	SessionSort = "session" // of a session
	EndedSort   = "ended"   // of the end of a customer's sessions
	LinkSort    = "link"    // of a link that was followed
)

// SessionPartition is the partition of a session, by the hexadecimal SHA-256 of its token.
func SessionPartition(hash string) string { return "session#" + hash }

// EndedPartition is the partition of the end of a customer's sessions, by number.
func EndedPartition(number string) string { return "ended#" + number }

// LinkPartition is the partition of a link that was followed, by the hexadecimal SHA-256 of its token.
func LinkPartition(hash string) string { return "link#" + hash }

// TriesPartition is the partition of the tries of one kind by one visitor, by the hexadecimal SHA-256 of who it is. Its sort
// key is the start of a window of time, in seconds since the epoch.
func TriesPartition(kind, hash string) string { return "tries#" + kind + "#" + hash }
