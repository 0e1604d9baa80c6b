package repotest

import (
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "zego.com/workprovider/"

// allowed says which packages of the project each one may import, outside its tests. A new package is a new line, and a
// new import between two packages is a decision that shows here. "functions" stands for every folder in it.
var allowed = map[string][]string{
	"pkg/fault":    {},
	"pkg/person":   {"pkg/fault"},
	"pkg/config":   {},
	"pkg/consumer": {},
	"pkg/clock":    {"pkg/config", "pkg/fault", "pkg/table"},
	"pkg/sandbox": {
		"pkg/clock",
		"pkg/config",
		"pkg/customer",
		"pkg/fault",
		"pkg/link",
		"pkg/apikey",
		"pkg/provider",
		"pkg/queue",
		"pkg/table",
		"pkg/timeline",
		"pkg/web",
	},
	"pkg/observe":    {},
	"pkg/table":      {"pkg/fault", "pkg/person"},
	"pkg/seal":       {"pkg/config"},
	"pkg/queue":      {"pkg/config", "pkg/consumer", "pkg/fault", "pkg/table"},
	"pkg/serve":      {"pkg/config", "pkg/consumer", "pkg/observe"},
	"pkg/heartbeat":  {"pkg/config", "pkg/observe"},
	"pkg/provider":   {},
	"pkg/apikey":     {"pkg/config", "pkg/fault", "pkg/observe", "pkg/provider", "pkg/table", "pkg/web"},
	"pkg/audit":      {"pkg/config", "pkg/table"},
	"pkg/web":        {"pkg/fault", "pkg/observe", "pkg/provider"},
	"pkg/timeline":   {"pkg/config", "pkg/fault", "pkg/person", "pkg/table"},
	"pkg/deadletter": {"pkg/config", "pkg/consumer", "pkg/fault", "pkg/observe", "pkg/table"},
	"pkg/recovery":   {"pkg/table"},
	"pkg/link":       {"pkg/fault", "pkg/table", "pkg/timeline"},
	"pkg/customer":   {"pkg/config", "pkg/fault", "pkg/link", "pkg/person", "pkg/table", "pkg/timeline", "pkg/web"},
	"pkg/shift": {
		"pkg/consumer",
		"pkg/deadletter",
		"pkg/fault",
		"pkg/observe",
		"pkg/person",
		"pkg/queue",
		"pkg/seal",
		"pkg/timeline",
		"pkg/web",
	},
	"pkg/webhook": {
		"pkg/config",
		"pkg/consumer",
		"pkg/customer",
		"pkg/deadletter",
		"pkg/fault",
		"pkg/link",
		"pkg/observe",
		"pkg/person",
		"pkg/queue",
		"pkg/table",
		"pkg/timeline",
	},
	"pkg/phone":   {},
	"pkg/mail":    {"pkg/config", "pkg/fault"},
	"pkg/account": {"pkg/config", "pkg/customer", "pkg/fault", "pkg/table"},
	"pkg/pages": {
		"pkg/account",
		"pkg/apikey",
		"pkg/config",
		"pkg/customer",
		"pkg/fault",
		"pkg/link",
		"pkg/mail",
		"pkg/person",
		"pkg/phone",
		"pkg/provider",
		"pkg/timeline",
		"pkg/web",
		"pkg/webhook",
	},
	"pkg/privacy": {
		"pkg/account",
		"pkg/apikey",
		"pkg/config",
		"pkg/customer",
		"pkg/fault",
		"pkg/link",
		"pkg/person",
		"pkg/provider",
		"pkg/table",
		"pkg/timeline",
		"pkg/webhook",
	},
	"pkg/demo":     {"pkg/config", "pkg/customer", "pkg/fault", "pkg/link", "pkg/apikey", "pkg/provider", "pkg/timeline"},
	"pkg/emulator": {"internal/template", "pkg/config"},
	"bench": {
		"pkg/consumer",
		"bench/peers/naive",
		"internal/poller",
		"internal/template",
		"pkg/config",
		"pkg/deadletter",
		"pkg/emulator",
		"pkg/observe",
		"pkg/person",
		"pkg/apikey",
		"pkg/provider",
		"pkg/queue",
		"pkg/seal",
		"pkg/serve",
		"pkg/shift",
		"pkg/timeline",
	},
	"bench/peers/hello":   {}, // what others would write knows nothing of ours
	"bench/peers/naive":   {},
	"internal/contract":   {"pkg/emulator"},
	"internal/template":   {},
	"internal/poller":     {"internal/template", "pkg/consumer", "pkg/observe"},
	"internal/weather":    {"pkg/config"},
	"internal/testkit":    {"pkg/emulator", "pkg/fault", "pkg/provider"},
	"internal/mutants":    {},
	"internal/repotest":   {},
	"internal/simulation": {},
	"cmd/zegoctl": {
		"pkg/apikey",
		"pkg/audit",
		"pkg/clock",
		"pkg/config",
		"pkg/customer",
		"pkg/deadletter",
		"pkg/fault",
		"pkg/link",
		"pkg/observe",
		"pkg/person",
		"pkg/privacy",
		"pkg/provider",
		"pkg/queue",
		"pkg/recovery",
		"pkg/seal",
		"pkg/shift",
		"pkg/timeline",
		"pkg/webhook",
	},
	"cmd/local": {
		"pkg/consumer",
		"internal/poller",
		"internal/template",
		"pkg/pages",
		"pkg/apikey",
		"pkg/clock",
		"pkg/config",
		"pkg/customer",
		"pkg/deadletter",
		"pkg/demo",
		"pkg/emulator",
		"pkg/link",
		"pkg/mail",
		"pkg/observe",
		"pkg/phone",
		"pkg/provider",
		"pkg/queue",
		"pkg/sandbox",
		"pkg/seal",
		"pkg/shift",
		"pkg/timeline",
		"pkg/web",
		"pkg/webhook",
	},
	"functions": {
		"pkg/consumer",
		"pkg/pages",
		"pkg/apikey",
		"pkg/clock",
		"pkg/config",
		"pkg/customer",
		"pkg/deadletter",
		"pkg/heartbeat",
		"pkg/link",
		"pkg/mail",
		"pkg/phone",
		"pkg/provider",
		"pkg/queue",
		"pkg/sandbox",
		"pkg/seal",
		"pkg/serve",
		"pkg/shift",
		"pkg/timeline",
		"pkg/web",
		"pkg/webhook",
	},
}

// confined says which package alone may know a library.
var confined = map[string]string{
	"github.com/aws/aws-lambda-go/lambda":             "pkg/serve",
	"github.com/awslabs/aws-lambda-go-api-proxy/core": "pkg/serve",
	"github.com/tink-crypto/tink-go/v2/daead/subtle":  "pkg/seal",
	"github.com/aws/aws-sdk-go-v2/config":             "cmd/zegoctl", // a function's start is faster without
	"testing":                                         "pkg/emulator",
}

func TestImports(t *testing.T) {
	for _, p := range packages(t) {
		mayImport, known := allowed[p.name()]
		if !known {
			t.Errorf("%s has no line in the map of allowed imports: add one to internal/repotest/imports_test.go", p.name())
			continue
		}
		for _, imported := range p.Imports {
			name, ours := strings.CutPrefix(imported, module)
			if ours && !slices.Contains(mayImport, name) {
				t.Errorf("%s imports %s, which internal/repotest/imports_test.go does not allow it: "+
					"turn the arrow round, or allow it there", p.path(), name)
			}
			// What we are compared with is written as others would.
			measured := strings.HasPrefix(p.path(), "bench")
			if home, ok := confined[imported]; ok && home != p.path() && !measured {
				t.Errorf("%s imports %s, which only %s may know: use what that package offers", p.path(), imported, home)
			}
		}
		if p.name() == "pkg/fault" {
			for _, imported := range p.Imports {
				if strings.Contains(imported, ".") {
					t.Errorf("pkg/fault imports %s: it is for the standard library only, because everything imports it", imported)
				}
			}
		}
	}
}

func TestAllowedImportPackages(t *testing.T) {
	existing := map[string]bool{}
	for _, p := range packages(t) {
		existing[p.name()] = true
	}
	for name := range allowed {
		if !existing[name] {
			t.Errorf("there is no package %s any more: take its line out of internal/repotest/imports_test.go", name)
		}
	}
}

// Each package says once, in one place, what it is for.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		var comments []string
		for _, file := range append(slices.Clone(p.GoFiles), p.TestGoFiles...) {
			parsed, err := parser.ParseFile(
				token.NewFileSet(),
				filepath.Join(p.Dir, file),
				nil,
				parser.ParseComments|parser.PackageClauseOnly,
			)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Doc != nil {
				comments = append(comments, parsed.Doc.Text())
			}
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command " + filepath.Base(p.Dir) + " "
		}
		switch {
		case len(comments) != 1:
			t.Errorf("%s has %d package comments: give it one, in the file that one reads first", p.path(), len(comments))
		case !strings.HasPrefix(comments[0], want):
			t.Errorf("the comment of %s begins %.30q: begin it with %q", p.path(), comments[0], want)
		}
	}
}

type goPackage struct {
	Dir, ImportPath, Name         string
	Imports, GoFiles, TestGoFiles []string
}

func (p goPackage) path() string { return strings.TrimPrefix(p.ImportPath, module) }

// name is the package in the map above.
func (p goPackage) name() string {
	if strings.HasPrefix(p.path(), "functions/") {
		return "functions"
	}
	return p.path()
}

// packages asks the go command about every package of the project.
func packages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.Command("go", "list", "-json=Dir,ImportPath,Name,Imports,GoFiles,TestGoFiles", "./...")
	list.Dir = root
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
