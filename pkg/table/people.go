package table

// Providers: work providers, their API keys and webhooks. A key's text is nowhere; its row is found by the hash of it.
//
//	pk                       sk                   what                                         read by
//	provider#courier-ltd     provider             name, and whether it may enrol               every request with a cold key
//	provider#courier-ltd     key#1b4f0e98         one of its keys: hash, issued, revoked       zegoctl key list
//	provider#courier-ltd     webhook              its webhook's URL                            every delivery to it, account
//	key#<SHA-256, hex>       key                  whose key it is, whether it lives, last use  every request with a cold key
//	clock                    clock                how far a sandbox's clock was moved          every request, in a sandbox
//
// The list of all providers is a Scan: the table is small, and only an operator asks for it.
//
// Secrets: what has to be stored as it is. Of all functions only the webhook sender can read it.
//
//	pk                       sk                   what                                         read by
//	provider#courier-ltd     webhook              the secrets that sign for its webhook        every delivery to it
//
// Customers: all that identifies a person, and what they are insured for.
//
//	pk                       sk                   what                                         read by
//	customer#ABC123          customer             name, address, email, telephone              validate
//	customer#ABC123          policy               insured or not, cover, vehicle               status
//	email#driver@example.com customer#ABC123      a customer of that email: there may be some  link, log in, sign up
//	email#driver@example.com account              that email's account: password, customer     link, log in, sign up
//	mail#<SHA-256, hex>      mail                 what the link in a mail is good for          verify, reset
//	product#FL.OCC.PL.UK.001 product              cover, class of use, occupations             enrol
//	products                 FL.OCC.PL.UK.001     that there is such a product                 zegoctl product list
//	enrol#courier-ltd#12345  enrol                what an enrolment asked and was answered     enrol, sent again (row 25)
//
// Rows of mails end by themselves: they have the attribute Expires.
//
// Emails in keys are normalised: see package customer. A work provider's id has no '#', so an enrolment's key can be
// read in one way only.

// Sort keys that are the same in every partition of their kind.
const (
	ProviderSort  = "provider" // of a work provider
	WebhookSort   = "webhook"  // of a work provider's webhook, and of its secrets
	KeySort       = "key"      // of an API key, in the partition of its hash
	ClockSort     = "clock"    // of a sandbox's clock
	CustomerSort  = "customer" // of a customer
	PolicySort    = "policy"   // of a customer's policy
	ProductSort   = "product"  // of a product
	EnrolmentSort = "enrol"    // of an enrolment
	AccountSort   = "account"  // of an account, in the partition of its email
	MailSort      = "mail"     // of a mail whose link is waited for
)

// ProviderPartition is the partition of a work provider, by its id.
func ProviderPartition(id string) string { return "provider#" + id }

// ClockPartition is the partition of a sandbox's clock.
const ClockPartition = "clock"

// KeyPartition is the partition of an API key, by the hexadecimal SHA-256 of its text.
func KeyPartition(hash string) string { return "key#" + hash }

// ProviderKeyPrefix begins the sort keys of a work provider's own keys.
const ProviderKeyPrefix = "key#"

// ProviderKeySort is the sort key of one of a work provider's keys, by the key's public id.
func ProviderKeySort(keyID string) string { return ProviderKeyPrefix + keyID }

// CustomerPartition is the partition of a customer, by number.
func CustomerPartition(number string) string { return "customer#" + number }

// EmailPartition is the partition of all that a normalised email belongs to.
func EmailPartition(email string) string { return "email#" + email }

// MailPartition is the partition of a mail, by the hexadecimal SHA-256 of the token in its link.
func MailPartition(hash string) string { return "mail#" + hash }

// EmailCustomerPrefix begins the sort keys of the customers of an email.
const EmailCustomerPrefix = "customer#"

// EmailCustomerSort is the sort key of one of the customers of an email.
func EmailCustomerSort(number string) string { return EmailCustomerPrefix + number }

// ProductPartition is the partition of a product, by code.
func ProductPartition(code string) string { return "product#" + code }

// ProductsPartition is the partition in which the codes of all products stand.
const ProductsPartition = "products"

// EnrolmentPartition is the partition of an enrolment, by the work provider and the workProviderUserId it sent.
func EnrolmentPartition(provider, userID string) string { return "enrol#" + provider + "#" + userID }
