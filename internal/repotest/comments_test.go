package repotest

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// A package comment that lists the package's files lists all of them, and no other.
func TestPackageCommentFiles(t *testing.T) {
	packages, err := filepath.Glob(filepath.Join(root, "pkg", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range packages {
		listed, files := filesOf(t, folder)
		if len(listed) == 0 {
			continue
		}
		name := strings.TrimPrefix(folder, root+"/")
		for _, file := range files {
			if !slices.Contains(listed, file) && !strings.HasSuffix(file, "_templ.go") {
				t.Errorf("the package comment of %s does not list %s: add a line", name, file)
			}
		}
		for _, file := range listed {
			if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
				t.Errorf("the package comment of %s lists %s, which does not exist", name, file)
			}
		}
	}
}

// filesOf returns the files that a package comment lists, one per indented line, and the package's files, without tests
// and without the file that has the comment.
func filesOf(t *testing.T, folder string) (listed, files []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^\t([a-z_0-9]+\.(?:go|templ))\b`)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if file.Doc == nil {
			files = append(files, filepath.Base(path))
		}
		for _, found := range line.FindAllStringSubmatch(file.Doc.Text(), -1) {
			listed = append(listed, found[1])
		}
	}
	return listed, files
}
