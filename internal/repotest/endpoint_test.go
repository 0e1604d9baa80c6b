package repotest

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"zego.com/workprovider/internal/contract"
	"zego.com/workprovider/pkg/web"
)

// routes are those of one function; none for one behind a queue.
type routes []web.Route

// functionPlaces are the files that name every function, those behind a queue too. CONTRIBUTING.md lists the same ones,
// under "Adding an endpoint". In file and advice, %s stands for the function.
var functionPlaces = []struct {
	file, advice string
	has          func(t *testing.T, function string, r routes) bool
}{
	{"functions/%s/main.go", "write its main", func(t *testing.T, function string, _ routes) bool {
		return slices.Contains(folders(t), function)
	}},
	{"template.yaml", "add a function with CodeUri functions/%s", func(t *testing.T, function string, _ routes) bool {
		return deployed(t, function)
	}},
	{"events/%s.json", "add a sample event", func(t *testing.T, function string, _ routes) bool {
		return unasked(t, function) || slices.Contains(samples(t), function)
	}},
	{"events/README.md", "add the row of %s.json, with its response", func(t *testing.T, function string, _ routes) bool {
		row := "\n| `" + function + ".json` |"
		return unasked(t, function) || strings.Contains(readFile(t, "events/README.md"), row)
	}},
	{"cmd/local/functions.go", "build it there as its main does", func(t *testing.T, function string, _ routes) bool {
		return scheduled(t, function) || slices.Contains(servedLocally(t), function)
	}},
	{"e2e/smoke.py", "add a request to it, or its name to CONSUMERS", func(t *testing.T, function string, r routes) bool {
		return unasked(t, function) || inSmokeTest(t, function, r)
	}},
}

// routePlaces are the files that name every route: a method and a path.
var routePlaces = []struct {
	file, advice string
	has          func(t *testing.T, route web.Route) bool
}{
	{"docs/contract.md", "add a row under \"Every endpoint\"", func(t *testing.T, route web.Route) bool {
		if route.Function == "account" {
			return true // the pages are described in prose
		}
		row := regexp.MustCompile(`(?m)^\| [^|]*\b` + route.Method + `\b[^|]* ` + regexp.QuoteMeta(route.Paths[0]) + `[,; ]`)
		return row.MatchString(readFile(t, "docs/contract.md"))
	}},
	{"openapi.yaml", "add the operation, at every path of the route", func(t *testing.T, route web.Route) bool {
		var documented []string
		for _, operation := range contract.Operations(t) {
			if operation.Method == route.Method {
				documented = append(documented, operation.Path)
			}
		}
		return !slices.ContainsFunc(route.Paths, func(path string) bool { return !slices.Contains(documented, path) })
	}},
	{"pkg/*/*_test.go", "add a test in the package of its handler", func(t *testing.T, route web.Route) bool {
		tests := strings.Join(testFiles(t, "bench", "repotest", "local", "e2e"), "\n")
		return !slices.ContainsFunc(route.Paths, func(path string) bool { return !strings.Contains(tests, fixed(path)) })
	}},
	{"cmd/local/contract_test.go", "add a request for each documented status", func(t *testing.T, route web.Route) bool {
		return strings.Contains(readFile(t, "cmd/local/contract_test.go"), strings.TrimSuffix(fixed(route.Paths[0]), "/"))
	}},
	{"CHANGELOG.md", "add an entry", func(t *testing.T, route web.Route) bool {
		return strings.Contains(readFile(t, "CHANGELOG.md"), "`"+route.Method+" "+route.Paths[0]+"`")
	}},
}

// An endpoint is named in a dozen files. Each that lacks it is one failure, which says what to add.
func TestEndpointFiles(t *testing.T) {
	for _, route := range web.Routes {
		for _, p := range routePlaces {
			if !p.has(t, route) {
				t.Errorf("%s lacks %s %s: %s", p.file, route.Method, route.Paths[0], p.advice)
			}
		}
	}
	all := functions(t)
	for _, function := range slices.Sorted(maps.Keys(all)) {
		for _, p := range functionPlaces {
			if !p.has(t, function, all[function]) {
				places := strings.NewReplacer("%s", function)
				t.Errorf("%s lacks %s: %s", places.Replace(p.file), function, places.Replace(p.advice))
			}
		}
	}
}

// No place names a function without a route and without a queue.
func TestUnknownFunctions(t *testing.T) {
	places := map[string][]string{
		"functions":              folders(t),
		"events":                 samples(t),
		"cmd/local/functions.go": servedLocally(t),
	}
	for name, f := range deployedFunctions(t) {
		places["template.yaml"] = append(places["template.yaml"], f.folder)
		if name != camel(f.folder) {
			t.Errorf("template.yaml names the function of functions/%s %s: name it %s", f.folder, name, camel(f.folder))
		}
	}
	known := functions(t)
	for place, names := range places {
		for _, name := range names {
			if _, ok := known[name]; !ok {
				t.Errorf("%s has %s, which has no route in pkg/web/routes.go and no queue in template.yaml", place, name)
			}
		}
	}
}

// The layout in README.md has a line for every package.
func TestREADMEPackages(t *testing.T) {
	readme := readFile(t, "README.md")
	for _, parent := range []string{"pkg", "internal", "cmd"} {
		entries, err := os.ReadDir(filepath.Join(root, parent))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			line := regexp.MustCompile(`(?m)^ *(?:` + parent + `/)?` + entry.Name() + `/ `)
			if entry.IsDir() && !line.MatchString(readme) {
				t.Errorf("the layout in README.md lacks %s/%s: add a line", parent, entry.Name())
			}
		}
	}
}

// functions returns all functions by their folders: those of the table of routes, those behind a queue, and fallback.
func functions(t *testing.T) map[string]routes {
	all := map[string]routes{"fallback": nil}
	for _, route := range web.Routes {
		all[route.Function] = append(all[route.Function], route)
	}
	for _, f := range deployedFunctions(t) {
		if len(f.queues) > 0 || f.scheduled {
			all[f.folder] = nil
		}
	}
	return all
}

// unasked reports whether a function has no sample and no place in the smoke test: the sandbox controls are deployed
// only in sandboxes, and functions that are invoked on a schedule take no event.
func unasked(t *testing.T, function string) bool {
	return function == "sandbox-controls" || scheduled(t, function)
}

func scheduled(t *testing.T, function string) bool {
	for _, f := range deployedFunctions(t) {
		if f.folder == function {
			return f.scheduled
		}
	}
	return false
}

func deployed(t *testing.T, function string) bool {
	for _, f := range deployedFunctions(t) {
		if f.folder == function {
			return true
		}
	}
	return false
}

// inSmokeTest reports whether the smoke test sends a request to a function, or an empty batch if it has no route.
func inSmokeTest(t *testing.T, function string, r routes) bool {
	smoke := readFile(t, "e2e/smoke.py")
	if function == "fallback" {
		return strings.Contains(smoke, " 404, ")
	}
	if r == nil {
		_, consumers, _ := strings.Cut(smoke, "\nCONSUMERS = [")
		consumers, _, _ = strings.Cut(consumers, "]")
		return strings.Contains(consumers, `"`+camel(function)+`"`)
	}
	for _, route := range r {
		for _, path := range route.Paths {
			begins := `"` + route.Method + `", "` + regexp.QuoteMeta(strings.TrimSuffix(fixed(path), "/"))
			if regexp.MustCompile(begins + `[/?"].*, (?:200|400|401),`).MatchString(smoke) {
				return true
			}
		}
	}
	return false
}

// fixed returns a path up to its {segment}.
func fixed(path string) string {
	before, _, _ := strings.Cut(path, "{")
	return before
}
