// Package recovery copies missing data from a restored table into the timelines table.
//
// A backup is restored to another table, because the timelines table has received events since, which a replacement
// would lose. Facts, histories and the other items of the timelines table only grow. So the missing items and elements
// are added, and nothing is removed or overwritten: the copy is idempotent and can run while events come in. Afterwards
// the records are rebuilt from the facts.
package recovery

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"zego.com/workprovider/pkg/table"
)

// Report counts items.
type Report struct {
	Read   int // items of the restored table
	Added  int // items that the target did not have
	Merged int // items of which the target lacked some elements
}

// Backfill adds to the target table what is missing there and present in a restored table: whole items, and elements of
// sets. Attributes that are not sets stay as they are in the target.
func Backfill(ctx context.Context, cfg aws.Config, restored, target string) (Report, error) {
	db := dynamodb.NewFromConfig(cfg)
	var report Report
	pages := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: &restored})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return report, table.Unavailable("recovery", err)
		}
		for _, item := range page.Items {
			report.Read++
			if err := backfillItem(ctx, db, target, item, &report); err != nil {
				return report, table.Unavailable("recovery", err)
			}
		}
	}
	return report, nil
}

type attributes = map[string]types.AttributeValue

func backfillItem(ctx context.Context, db *dynamodb.Client, target string, item attributes, report *Report) error {
	key := attributes{table.PK: item[table.PK], table.SK: item[table.SK]}
	existing, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &target, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return err
	}
	if existing.Item == nil {
		report.Added++
		// Conditional, because the item may have been created since: then the next run adds what it lacks.
		_, err := db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName:           &target,
			Item:                item,
			ConditionExpression: aws.String("attribute_not_exists(" + table.PK + ")"),
		})
		return err
	}
	missing := attributes{}
	for name, value := range item {
		if elements := missingElements(value, existing.Item[name]); elements != nil {
			missing[name] = elements
		}
	}
	if len(missing) == 0 {
		return nil
	}
	report.Merged++
	names := map[string]string{}
	values := attributes{}
	addClauses := []string{}
	for i, name := range slices.Sorted(maps.Keys(missing)) {
		n := strconv.Itoa(i)
		names["#"+n] = name
		values[":"+n] = missing[name]
		addClauses = append(addClauses, "#"+n+" :"+n)
	}
	_, err = db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName:                 &target,
		Key:                       key,
		UpdateExpression:          aws.String("ADD " + strings.Join(addClauses, ", ")),
		ExpressionAttributeNames:  names,
		ExpressionAttributeValues: values,
	})
	return err
}

// missingElements returns the elements of a set that another lacks; nil if there are none, or if it is not a set.
func missingElements(set, other types.AttributeValue) types.AttributeValue {
	switch set := set.(type) {
	case *types.AttributeValueMemberSS:
		otherSet, _ := other.(*types.AttributeValueMemberSS)
		var missing []string
		for _, element := range set.Value {
			if otherSet == nil || !slices.Contains(otherSet.Value, element) {
				missing = append(missing, element)
			}
		}
		if missing != nil {
			return &types.AttributeValueMemberSS{Value: missing}
		}
	case *types.AttributeValueMemberBS:
		present := map[string]bool{}
		if otherSet, ok := other.(*types.AttributeValueMemberBS); ok {
			for _, element := range otherSet.Value {
				present[string(element)] = true
			}
		}
		var missing [][]byte
		for _, element := range set.Value {
			if !present[string(element)] {
				missing = append(missing, element)
			}
		}
		if missing != nil {
			return &types.AttributeValueMemberBS{Value: missing}
		}
	}
	return nil
}
