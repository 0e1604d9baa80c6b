// Package template reads template.yaml for the tools and tests of this repository, so that what stands there is never
// written a second time: the emulator's tables and queues, the functions' variables, the list of functions.
//
// It knows the short forms of the intrinsic functions that name other resources. It is no CloudFormation: conditions
// and transforms stay what they are, and only who meets one where a plain value is needed reports it.
package template

import (
	"fmt"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Template is what the repository's tools need of template.yaml.
type Template struct {
	Parameters map[string]Parameter
	Functions  map[string]any // Globals.Function: what every function has
	Resources  map[string]Resource
}

// Parameter is one parameter of the template; values are handed in at deployment.
type Parameter struct {
	Default any // nil: there is none
	NoEcho  bool
}

// Resource is one resource, by its logical id. In Properties a value is a map[string]any, a []any, a string, an int,
// a float64, a bool, nil, or one of Ref, GetAtt and Intrinsic.
type Resource struct {
	Type       string
	Properties map[string]any
}

// Ref is `!Ref Name`: a resource or a parameter.
type Ref string

// GetAtt is `!GetAtt Resource.Attribute`.
type GetAtt struct{ Resource, Attribute string }

// Intrinsic is any other short form, such as `!Sub` or `!If`, with its argument.
type Intrinsic struct {
	Name     string // with the exclamation mark
	Argument any
}

// Read reads the template at a path.
func Read(path string) (*Template, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

func parse(text []byte) (*Template, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) != 1 {
		return nil, fmt.Errorf("not one document")
	}
	tree := object(value(document.Content[0]))
	t := &Template{
		Parameters: map[string]Parameter{},
		Functions:  object(object(tree["Globals"])["Function"]),
		Resources:  map[string]Resource{},
	}
	for name, p := range object(tree["Parameters"]) {
		parameter := object(p)
		noEcho, _ := parameter["NoEcho"].(bool)
		t.Parameters[name] = Parameter{Default: parameter["Default"], NoEcho: noEcho}
	}
	for name, r := range object(tree["Resources"]) {
		resource := object(r)
		kind, ok := resource["Type"].(string)
		if !ok {
			return nil, fmt.Errorf("resource %s has no Type", name)
		}
		t.Resources[name] = Resource{Type: kind, Properties: object(resource["Properties"])}
	}
	return t, nil
}

// Variables are the environment variables of a function, the common ones included; with "" the common ones alone.
func (t *Template) Variables(function string) map[string]any {
	all := map[string]any{}
	for _, from := range []map[string]any{t.Functions, t.Resources[function].Properties} {
		for name, v := range object(object(from["Environment"])["Variables"]) {
			all[name] = v
		}
	}
	return all
}

// Rights are what a function's role may do: its own statements, and those of the template's policies that it has.
func (t *Template) Rights(function string) []map[string]any {
	role, _ := t.Resources[function].Properties["Role"].(GetAtt)
	properties := t.Resources[role.Resource].Properties
	var documents []any
	policies, _ := properties["Policies"].([]any)
	for _, policy := range policies {
		documents = append(documents, object(policy)["PolicyDocument"])
	}
	shared, _ := properties["ManagedPolicyArns"].([]any)
	for _, policy := range shared {
		name, _ := policy.(Ref)
		documents = append(documents, t.Resources[string(name)].Properties["PolicyDocument"])
	}
	var rights []map[string]any
	for _, document := range documents {
		statements, _ := object(document)["Statement"].([]any)
		for _, statement := range statements {
			rights = append(rights, object(statement))
		}
	}
	return rights
}

// OfType lists the logical ids of all resources of a type, in no particular order.
func (t *Template) OfType(kind string) []string {
	var names []string
	for name, r := range t.Resources {
		if r.Type == kind {
			names = append(names, name)
		}
	}
	return names
}

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

// value turns a node into plain Go values, with the intrinsic functions as types of their own.
func value(n *yaml.Node) any {
	tag := n.Tag
	if !strings.HasPrefix(tag, "!") || strings.HasPrefix(tag, "!!") {
		return plain(n)
	}
	switch tag {
	case "!Ref":
		return Ref(n.Value)
	case "!GetAtt":
		resource, attribute, _ := strings.Cut(n.Value, ".")
		return GetAtt{resource, attribute}
	}
	return Intrinsic{Name: tag, Argument: plain(n)}
}

func plain(n *yaml.Node) any {
	switch n.Kind {
	case yaml.AliasNode:
		return value(n.Alias)
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			list[i] = value(item)
		}
		return list
	}
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		return n.Value // the argument of an intrinsic function
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return n.Value
	}
	return v
}
