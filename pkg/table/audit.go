package table

import "fmt"

// Audit: what operators did. Items are only added, and no function can read them.
//
//	pk                            sk            what                                         read by
//	operator#AROAEXAMPLE:dara     000000000001  the first action of that operator            zegoctl audit
//
// A partition is an operator as AWS identifies them (aws:userid), so that a policy can restrict each operator to their
// own. The list of all is a Scan: a few items per command, and only operators list it.

// OperatorPartition returns the partition of an operator's entries, by the aws:userid.
func OperatorPartition(id string) string { return "operator#" + id }

// OperatorSort returns the sort key of an operator's entry of that number.
func OperatorSort(number int64) string { return fmt.Sprintf("%012d", number) }
