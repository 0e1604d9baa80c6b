// Package contract holds what tests send and what they are answered against openapi.yaml, so that the file says neither
// more nor less than the code does. Only tests import it.
package contract

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	"github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"zego.com/workprovider/pkg/emulator"
)

// Operation is one method of one path of openapi.yaml, and the statuses that it documents.
type Operation struct {
	Method, Path string
	Statuses     []string
	item         *v3.PathItem
	pattern      *regexp.Regexp // of an escaped path
	isJSON       bool           // whether it takes a JSON body
}

// document is openapi.yaml, ready to be held against.
type document struct {
	operations []Operation
	validator  validator.Validator
	schemas    *v3.Components
}

// read reads openapi.yaml once in a test process.
var read = sync.OnceValues(func() (*document, error) {
	root, err := emulator.Root()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(filepath.Join(root, "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	parsed, err := libopenapi.NewDocument(text)
	if err != nil {
		return nil, err
	}
	model, err := parsed.BuildV3Model()
	if err != nil {
		return nil, err
	}
	d := &document{
		validator: validator.NewValidatorFromV3Model(
			&model.Model,
			config.WithFormatAssertions(),
		), schemas: model.Model.Components,
	}
	segment := regexp.MustCompile(`\\\{[^/]*\\\}`)
	for path, item := range model.Model.Paths.PathItems.FromOldest() {
		pattern := segment.ReplaceAllString(regexp.QuoteMeta(path), "[^/]+")
		for method, operation := range item.GetOperations().FromOldest() {
			o := Operation{
				Method: strings.ToUpper(method), Path: path, item: item, pattern: regexp.MustCompile("^" + pattern + "/?$"),
			}
			for status := range operation.Responses.Codes.KeysFromOldest() {
				o.Statuses = append(o.Statuses, status)
			}
			if body := operation.RequestBody; body != nil {
				_, o.isJSON = body.Content.Get("application/json")
			}
			d.operations = append(d.operations, o)
		}
	}
	return d, nil
})

// Test is the part of a testing.TB that is needed here, so that no program that is not a test imports that package.
type Test interface {
	Helper()
	Errorf(format string, arguments ...any)
	Fatal(arguments ...any)
}

// Operations are all that openapi.yaml has.
func Operations(t Test) []Operation {
	t.Helper()
	return must(t).operations
}

func must(t Test) *document {
	t.Helper()
	d, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Checked returns the handler, and fails the test for every answer that openapi.yaml does not document, and for every
// request that is answered with success although the file does not allow it. A request that is refused may be anything.
func Checked(t Test, handler http.Handler) http.Handler {
	t.Helper()
	d := must(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		sent := r.Clone(r.Context())
		r.Body = tee{io.TeeReader(r.Body, &body), r.Body}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		answer := recorder.Result()
		text := recorder.Body.Bytes()
		for _, fault := range d.faults(sent, body.Bytes(), answer, text) {
			t.Errorf("openapi.yaml: %s %s answered %d: %s", r.Method, r.URL.Path, answer.StatusCode, fault)
		}
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.StatusCode)
		w.Write(text)
	})
}

// tee notes what is read of a body.
type tee struct {
	io.Reader
	io.Closer
}

// find is the operation that a request is for, if there is one.
func (d *document) find(method, path string) (found *Operation, pathKnown bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for i := range d.operations {
		o := &d.operations[i]
		if !o.pattern.MatchString(path) {
			continue
		}
		pathKnown = true
		if o.Method == method {
			return o, true
		}
	}
	return nil, pathKnown
}

// faults tells how a request and its answer differ from the file.
func (d *document) faults(r *http.Request, body []byte, answer *http.Response, text []byte) (faults []string) {
	operation, pathKnown := d.find(r.Method, r.URL.EscapedPath())
	if operation == nil {
		want := http.StatusNotFound
		if pathKnown {
			want = http.StatusMethodNotAllowed
		}
		return d.unroutable(r, want, answer, text)
	}
	if !slices.Contains(operation.Statuses, fmt.Sprint(answer.StatusCode)) {
		return []string{"the status is not documented"}
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	if r.Method == http.MethodHead {
		return nil // its headers are those of GET, and there is nothing else
	}
	_, wrong := d.validator.GetResponseBodyValidator().
		ValidateResponseBodyWithPathItem(r, answer, operation.item, operation.Path)
	faults = words("the answer", wrong)
	if answer.StatusCode >= 400 {
		return faults
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if operation.isJSON {
		r.Header.Set("Content-Type", "application/json") // row 5: whatever it says
	}
	_, wrong = d.validator.ValidateHttpRequestSyncWithPathItem(r, operation.item, operation.Path)
	return append(faults, words("the request", wrong)...)
}

// unroutable returns the violations of a response to a request without an operation in the file: it must have the
// wanted status, 404 or 405, and the body that the introduction documents.
func (d *document) unroutable(r *http.Request, want int, answer *http.Response, text []byte) []string {
	name := "V1Error"
	if path := r.URL.EscapedPath(); path == "/v2" || strings.HasPrefix(path, "/v2/") {
		name = "V2Error"
	}
	if answer.StatusCode != want {
		return []string{fmt.Sprintf("the operation is not documented, so it should be %d", want)}
	}
	if r.Method == http.MethodHead {
		return nil
	}
	return d.misfits(name, text)
}

// ValidateBody fails the test unless a JSON text fits one of the schemas of openapi.yaml.
func ValidateBody(t Test, schema string, text []byte) {
	t.Helper()
	for _, fault := range must(t).misfits(schema, text) {
		t.Errorf("openapi.yaml: %s: %s", schema, fault)
	}
}

// misfits tells why a JSON text does not fit a schema.
func (d *document) misfits(name string, text []byte) []string {
	schema, _ := d.schemas.Schemas.Get(name)
	_, wrong := schema_validation.NewSchemaValidator().ValidateSchemaBytesWithVersion(schema.Schema(), text, 3.1)
	return words("the answer", wrong)
}

func words(what string, wrong []*errors.ValidationError) (faults []string) {
	for _, w := range wrong {
		faults = append(faults, what+": "+w.Error())
	}
	return faults
}
