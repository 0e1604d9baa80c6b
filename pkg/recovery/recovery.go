// Package recovery brings back from a restored table what the living one has lost.
//
// A backup is restored beside the table that is in use, under another name, because that one went on taking events in:
// to put the old one in its place would lose them. Facts, histories and what else stands in the table of timelines only
// ever grow. So what was lost is added, nothing is taken away, nothing is written over, and it does no harm to do it
// twice or while events come in. Records are then made again from the facts.
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

// Report counts what was found missing and added.
type Report struct {
	Read   int // rows of the restored table
	Added  int // rows that the living table did not have
	Merged int // rows of which it had a part only
}

// Backfill adds to a table everything that a restored one has and it lacks: whole rows, and elements of sets.
// Attributes that are no sets stay as they are in the living table.
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
	found, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &target, Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil {
		return err
	}
	if found.Item == nil {
		report.Added++
		// On condition, because somebody may have written it meanwhile: then the next run finds what it still lacks.
		_, err := db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &target, Item: item, ConditionExpression: aws.String("attribute_not_exists(" + table.PK + ")"),
		})
		return err
	}
	missing := attributes{}
	for name, value := range item {
		if elements := missingElements(value, found.Item[name]); elements != nil {
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
		TableName: &target, Key: key, UpdateExpression: aws.String("ADD " + strings.Join(addClauses, ", ")),
		ExpressionAttributeNames: names, ExpressionAttributeValues: values,
	})
	return err
}

// missingElements are the elements of a set that another lacks; nil if there are none, or if it is no set.
func missingElements(set, other types.AttributeValue) types.AttributeValue {
	switch set := set.(type) {
	case *types.AttributeValueMemberSS:
		has, _ := other.(*types.AttributeValueMemberSS)
		var rest []string
		for _, element := range set.Value {
			if has == nil || !slices.Contains(has.Value, element) {
				rest = append(rest, element)
			}
		}
		if rest != nil {
			return &types.AttributeValueMemberSS{Value: rest}
		}
	case *types.AttributeValueMemberBS:
		has := map[string]bool{}
		if other, ok := other.(*types.AttributeValueMemberBS); ok {
			for _, element := range other.Value {
				has[string(element)] = true
			}
		}
		var rest [][]byte
		for _, element := range set.Value {
			if !has[string(element)] {
				rest = append(rest, element)
			}
		}
		if rest != nil {
			return &types.AttributeValueMemberBS{Value: rest}
		}
	}
	return nil
}
