package table

import "fmt"

// Audit: what operators did. Rows are only added, and no function may see them.
//
//	pk                            sk            what                                         read by
//	operator#AROAEXAMPLE:dara     000000000001  the first thing that operator did            zegoctl audit
//
// A partition is an operator as AWS knows them (aws:userid), so that a policy can keep each to their own. The list of all
// is a Scan: a few rows a command, and only operators ask for it.

// OperatorPartition is the partition of what an operator did, by the id that AWS has for them.
func OperatorPartition(id string) string { return "operator#" + id }

// OperatorSort is the sort key of an operator's entry of that number.
func OperatorSort(number int64) string { return fmt.Sprintf("%012d", number) }
