package template

import (
	"reflect"
	"testing"
)

func TestParse(t *testing.T) {
	got, err := parse([]byte(`
Parameters:
  Secret: {Type: String, NoEcho: true}
  Stage: {Type: String, Default: local}
Globals:
  Function:
    Environment:
      Variables:
        TABLE: !Ref Table
        BOTH: common
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      Size: 3
      Keys: [{Name: pk}]
      Other: !Sub "${Stage}-x"
      Chosen: !If [Yes, !Ref Stage, 2]
  Login:
    Type: AWS::Serverless::Function
    Properties:
      Environment:
        Variables:
          BOTH: own
          QUEUE: !GetAtt Queue.Arn
`))
	if err != nil {
		t.Fatal(err)
	}
	table := Resource{Type: "AWS::DynamoDB::Table", Properties: map[string]any{
		"Size":   3,
		"Keys":   []any{map[string]any{"Name": "pk"}},
		"Other":  Intrinsic{"!Sub", "${Stage}-x"},
		"Chosen": Intrinsic{"!If", []any{"Yes", Ref("Stage"), 2}},
	}}
	if !reflect.DeepEqual(got.Resources["Table"], table) {
		t.Errorf("table: %#v", got.Resources["Table"])
	}
	parameters := map[string]Parameter{"Secret": {NoEcho: true}, "Stage": {Default: "local"}}
	if !reflect.DeepEqual(got.Parameters, parameters) {
		t.Errorf("parameters: %#v", got.Parameters)
	}
	variables := map[string]any{"TABLE": Ref("Table"), "BOTH": "own", "QUEUE": GetAtt{"Queue", "Arn"}}
	if !reflect.DeepEqual(got.Variables("Login"), variables) {
		t.Errorf("variables: %#v", got.Variables("Login"))
	}
	if names := got.OfType("AWS::DynamoDB::Table"); !reflect.DeepEqual(names, []string{"Table"}) {
		t.Errorf("tables: %v", names)
	}
}

func TestParseErrors(t *testing.T) {
	for _, text := range []string{"", "a: [", "Resources: {Table: {}}"} {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
