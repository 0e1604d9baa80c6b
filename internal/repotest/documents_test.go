package repotest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tests that documents name exist.
func TestDocumentTestNames(t *testing.T) {
	tests := strings.Join(testFiles(t), "\n")
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w*)`").FindAllSubmatch(text, -1) {
			if !strings.Contains(tests, "func "+string(name[1])+"(") {
				t.Errorf("docs/%s names %s, which is no test: name the one that took its place", filepath.Base(path), name[1])
			}
		}
	}
}

// Each risk of the OWASP API Security Top 10 has a mitigation and a test.
func TestThreatModelRows(t *testing.T) {
	text := readFile(t, "docs/threat-model.md")
	for n := 1; n <= 10; n++ {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| \*\*API%d\*\*.*\|[^|]*\w[^|]*\|[^|]*\x60(Test|Fuzz)\w+\x60`, n))
		if !row.MatchString(text) {
			t.Errorf("docs/threat-model.md has no row for API%d with a mitigation and a test", n)
		}
	}
}

// The files and headings that documents link to exist.
func TestDocumentLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, path := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(readFile(t, path), -1) {
			file, anchor, _ := strings.Cut(found[1], "#")
			generated := strings.HasPrefix(path, "site/") && (strings.HasPrefix(file, "charts/") ||
				file == "reference.md" || file == "openapi.yaml")
			if strings.Contains(found[1], "://") || generated {
				continue
			}
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, found[1])
				continue
			}
			if anchor != "" && !slices.Contains(anchors(readFile(t, target)), anchor) {
				t.Errorf("%s links to %s, but %s has no such heading", path, found[1], target)
			}
		}
	}
}

// A document that names a source file in `code` names one that exists.
func TestDocumentFileNames(t *testing.T) {
	folders := "bench|cmd|deploy|docs|e2e|events|functions|internal|pkg|scripts|site"
	name := regexp.MustCompile("`((?:" + folders + ")/[\\w./-]*\\w)/?`")
	example := regexp.MustCompile(`user-cover|/cover(_test)?\.go`) // the endpoint that CONTRIBUTING.md adds
	for _, path := range documents(t) {
		for _, found := range name.FindAllStringSubmatch(readFile(t, path), -1) {
			if _, err := os.Stat(filepath.Join(root, found[1])); err != nil && !example.MatchString(found[1]) {
				t.Errorf("%s names %s, which does not exist", path, found[1])
			}
		}
	}
}

// The index of the decisions has every one of them, under its title.
func TestDecisionIndex(t *testing.T) {
	decisions, err := filepath.Glob(filepath.Join(root, "docs", "adr", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	index := readFile(t, "docs/README.md")
	for _, path := range decisions {
		base := filepath.Base(path)
		title := regexp.MustCompile(`^# \d+\. (.+)\n`).FindStringSubmatch(readFile(t, "docs/adr/"+base))
		if title == nil {
			t.Errorf("docs/adr/%s must begin with a title such as \"# 1. Use a REST API\"", base)
			continue
		}
		if row := fmt.Sprintf("| [%s](adr/%s) | %s |", base[:4], base, title[1]); !strings.Contains(index, row) {
			t.Errorf("docs/README.md lacks the row %s", row)
		}
	}
}

// documents are the project's Markdown files, without those of the source documentation.
func documents(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(path, root+"/")
		if entry.IsDir() && path != root && (strings.HasPrefix(entry.Name(), ".") ||
			slices.Contains([]string{"bin", "node_modules", "api"}, entry.Name())) {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			paths = append(paths, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// anchors are the names of a document's headings in links.
func anchors(text string) []string {
	var all []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\w\- ]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		all = append(all, strings.ReplaceAll(name, " ", "-"))
	}
	return all
}

// Code that a document names as `web.Decode`, or a row of docs/reliability.md as `Store.AddFacts` or `fold`, is there.
func TestDocumentIdentifiers(t *testing.T) {
	sources := goSources(t)
	declared := func(name string) bool {
		words := strings.Split(name, ".")
		line := `(?m)^(?:func (?:\([^)]*\) )?|type |const |var |package |\t)` + words[len(words)-1] + `\b`
		return regexp.MustCompile(line).MatchString(sources)
	}
	qualified := regexp.MustCompile("`([a-z]+)((?:\\.[A-Z][A-Za-z0-9]*)+)`")
	for _, path := range documents(t) {
		for _, match := range qualified.FindAllStringSubmatch(readFile(t, path), -1) {
			name, _, _ := strings.Cut(match[2][1:], ".")
			for _, folder := range []string{"pkg", "internal"} {
				names := topLevelNames(t, filepath.Join(root, folder, match[1]))
				if len(names) > 0 && (!names[name] || folder == "pkg" && !declared(match[2])) {
					t.Errorf("%s names %s%s, which is not declared in %s/%[2]s", path, match[1], match[2], folder)
				}
			}
		}
	}
	row := regexp.MustCompile(`(?m)^\| \d+ \| [^|]* \| ([^|]*) \|`)
	for _, guarantee := range row.FindAllStringSubmatch(readFile(t, "docs/reliability.md"), -1) {
		for _, found := range regexp.MustCompile("`([A-Za-z]+(?:\\.[A-Za-z]+)*)`").FindAllStringSubmatch(guarantee[1], -1) {
			if found[1] != "ADD" && !declared(found[1]) {
				t.Errorf("docs/reliability.md names %s, which is declared nowhere in pkg", found[1])
			}
		}
	}
}

// topLevelNames returns the names that the package in a folder declares at top level; none if there is no package.
func topLevelNames(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					names[d.Name.Name] = true
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch spec := spec.(type) {
					case *ast.TypeSpec:
						names[spec.Name.Name] = true
					case *ast.ValueSpec:
						for _, name := range spec.Names {
							names[name.Name] = true
						}
					}
				}
			}
		}
	}
	return names
}

// goSources is the text of all Go files in pkg but the tests.
func goSources(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "pkg", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range files {
		if !strings.HasSuffix(path, "_test.go") {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(text)
		}
	}
	return all.String()
}
