package table

// Customers: all that identifies a person, and what they are insured for.
//
//	pk                       sk                   what                                         read by
//	customer#ABC123          customer             name, address, email, telephone              validate
//	customer#ABC123          policy               insured or not, cover, vehicle               status
//	email#driver@example.com customer#ABC123      a customer with that email; there may be     link, sign in, sign up
//	                                              several
//	email#driver@example.com account              that email's account: password, customer,    link, sign in, sign up
//	                                              devices
//	mail#<SHA-256, hex>      mail                 what the link in a mail is valid for         verify, reset
//	product#FL.OCC.PL.UK.001 product              cover, class of use, occupations             enrol
//	products                 FL.OCC.PL.UK.001     index of all products                        zegoctl product list
//	enrol#courier-ltd#12345  enrol                request and response of an enrolment         enrol, repeated (contract
//	                                                                                           row 25)
//
// Items of mails expire: they have the attribute TTLAttr.
//
// Emails in keys are normalised: see package customer. The id of a work provider has no '#', so the key of an enrolment
// is unambiguous.

// Sort keys that are the same in every partition of their kind.
const (
	CustomerSort  = "customer" // of a customer
	PolicySort    = "policy"   // of a customer's policy
	ProductSort   = "product"  // of a product
	EnrolmentSort = "enrol"    // of an enrolment
	AccountSort   = "account"  // of an account, in the partition of its email
	MailSort      = "mail"     // of a mail whose link has not been used
)

// ProductsPartition is the partition of the index of all products; the codes are its sort keys.
const ProductsPartition = "products"

// CustomerPartition returns the partition of a customer, by number.
func CustomerPartition(number string) string { return "customer#" + number }

// EmailPartition returns the partition of a normalised email.
func EmailPartition(email string) string { return "email#" + email }

// EmailCustomerPrefix begins the sort keys of the customers of an email.
const EmailCustomerPrefix = "customer#"

// EmailCustomerSort returns the sort key of one of the customers of an email.
func EmailCustomerSort(number string) string { return EmailCustomerPrefix + number }

// MailPartition returns the partition of a mail, by the hexadecimal SHA-256 of the token in its link.
func MailPartition(hash string) string { return "mail#" + hash }

// ProductPartition returns the partition of a product, by code.
func ProductPartition(code string) string { return "product#" + code }

// EnrolmentPartition returns the partition of an enrolment, by the work provider and the workProviderUserId it sent.
func EnrolmentPartition(provider, userID string) string { return "enrol#" + provider + "#" + userID }
