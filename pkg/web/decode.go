package web

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"zego.com/workprovider/pkg/fault"
)

// Decode reads a body into a pointer to a struct. It is strict: names are case-sensitive, none occurs twice, and what
// the type does not have is ignored but must be JSON (contract rows 3, 6, 7 and 26). An invalid body is InvalidData.
// Of several errors it reports malformed JSON first, wherever that is; then a duplicate name; then a value of the
// wrong type.
func Decode(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	if err == nil {
		return checkTopLevel(body, into)
	}
	if offset, ok := firstSyntaxError(body); !ok {
		return brokenJSON(body, offset)
	}
	// The decoder stops at the first value of a wrong type, but a duplicate name may still follow it.
	var syntactic *jsontext.SyntacticError
	if errors.As(json.Unmarshal(body, new(jsontext.Value)), &syntactic) {
		return duplicateKey(body, syntactic, into)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return wrongType(semantic, into)
	}
	return fault.Wrap(fault.Internal, err)
}

// DecodeBatch reads a body that is an array, by the rules of Decode, and checks each item as it is decoded, so that
// items that are not kept take no memory: 4 MiB hold 1.4 million of them. It returns the first error of a check,
// which the fault names the item of, unless the body as a whole is invalid.
func DecodeBatch[T any](body []byte, check func(item *T) error) error {
	b := batch[T]{check: check}
	if err := Decode(body, &b); err != nil {
		return err
	}
	return b.err
}

// batch is an array whose items are checked while it is decoded.
type batch[T any] struct {
	check func(item *T) error
	err   error // of the first item that failed
}

func (*batch[T]) isBatch() {}

// UnmarshalJSONFrom reads the array. An item that fails its check ends the checks but not the decoding, because a value
// of a wrong type behind it comes first.
func (b *batch[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	if dec.PeekKind() != '[' {
		return errNotArray
	}
	if _, err := dec.ReadToken(); err != nil {
		return err
	}
	var item, zero T
	for i := 0; dec.PeekKind() != ']'; i++ {
		item = zero
		if err := json.UnmarshalDecode(dec, &item); err != nil {
			return err
		}
		if b.err == nil {
			if err := b.check(&item); err != nil {
				b.err = fault.WithIndex(i, err)
			}
		}
	}
	_, err := dec.ReadToken()
	return err
}

// checkTopLevel rejects null as a whole body, for which the decoder would leave everything empty.
func checkTopLevel(body []byte, into any) error {
	first := bytes.TrimLeft(body, " \t\r\n")[0]
	switch {
	case isBatch(into) && first != '[':
		return errNotArray
	case !isBatch(into) && first != '{':
		return errNotObject
	}
	return nil
}

var (
	errNotObject = fault.New(fault.InvalidData, "The body must be a JSON object")
	errNotArray  = fault.New(fault.InvalidData, "The body must be a JSON array")
)

// formEncoded recognises a form-encoded body by its first key. No JSON text looks like that.
var formEncoded = regexp.MustCompile(`^[A-Za-z_%][A-Za-z0-9_.~*+%-]*=`)

// brokenJSON returns the fault for a bad character at an offset (contract row 7). A form-encoded body is bad from its
// first character even if that could begin a literal (contract row 6).
func brokenJSON(body []byte, offset int) error {
	var hint string
	if formEncoded.Match(body) {
		offset = 0
		hint = "The body looks form-encoded: send it as JSON"
	}
	line, column := lineAndColumn(body, offset)
	broken := fault.New(fault.InvalidData, fmt.Sprintf("JSON decode error at line %d, column %d", line, column))
	broken.Hint = hint
	return broken
}

// duplicateKey returns the fault for a duplicate name (contract row 3). It has the position and not the name, which is
// the client's and may be anything.
func duplicateKey(body []byte, err *jsontext.SyntacticError, into any) error {
	line, column := lineAndColumn(body, int(err.ByteOffset))
	duplicate := fault.New(fault.InvalidData, fmt.Sprintf("Duplicate key at line %d, column %d", line, column))
	duplicate.Index, _ = fieldPath(err.JSONPointer, into)
	return duplicate
}

// wrongType returns the fault for a value that its field cannot hold.
func wrongType(err *json.SemanticError, into any) error {
	index, field := fieldPath(err.JSONPointer, into)
	if field == "" && index < 0 {
		if isBatch(into) {
			return errNotArray
		}
		return errNotObject
	}
	subject := "`" + field + "`"
	if field == "" {
		subject = "Each item"
	}
	wrong := fault.InvalidField(field, subject+" "+typeRequirement(err))
	wrong.Index = index
	return wrong
}

// typeRequirement returns what a field must be, as its type's own decoder says if it has one.
func typeRequirement(err *json.SemanticError) string {
	var own *fault.Error
	if errors.As(err.Err, &own) {
		return own.Detail
	}
	t := err.GoType
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "must be a string"
	case reflect.Bool:
		return "must be true or false"
	case reflect.Slice:
		return "must be an array"
	case reflect.Struct, reflect.Map:
		return "must be an object"
	default:
		return "must be a number within range"
	}
}

// fieldPath turns a JSON pointer into the item of a batch, or -1, and the field with its parents, such as
// "product.code". Both can be returned to the client: a pointer to a wrong type has known names only.
func fieldPath(pointer jsontext.Pointer, into any) (index int, field string) {
	tokens := slices.Collect(pointer.Tokens())
	index = -1
	if isBatch(into) && len(tokens) > 0 {
		if n, err := strconv.Atoi(tokens[0]); err == nil {
			index = n
			tokens = tokens[1:]
		}
	}
	return index, strings.Join(tokens, ".")
}

func isBatch(into any) bool {
	_, ok := into.(interface{ isBatch() })
	return ok || reflect.TypeOf(into).Elem().Kind() == reflect.Slice
}
