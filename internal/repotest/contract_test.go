package repotest

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// named finds the rows that a test names: "row 7", "rows 1, 2 and 13", or TestRow25….
var rowPattern = regexp.MustCompile(`(?i)rows? ?(\d+(?:(?:, | and )\d+)*)`)

// Every settled row of the contract is named by a test, so that its tests can be found.
func TestContractRowTests(t *testing.T) {
	contract, err := os.ReadFile(filepath.Join(root, "docs", "contract.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \|`).FindAllSubmatch(contract, -1)
	if len(rows) < 28 {
		t.Fatalf("docs/contract.md has %d rows that this test can read, of 28 at least", len(rows))
	}
	found := map[int]bool{}
	for _, text := range testFiles(t, "bench", "repotest") { // which only talk about rows
		for _, match := range rowPattern.FindAllStringSubmatch(text, -1) {
			for _, number := range regexp.MustCompile(`\d+`).FindAllString(match[1], -1) {
				n, _ := strconv.Atoi(number)
				found[n] = true
			}
		}
	}
	for _, row := range rows {
		n, _ := strconv.Atoi(string(row[1]))
		if !found[n] {
			t.Errorf(
				"no test names row %d of docs/contract.md: write one, and say \"row %d\" in its name or beside its case",
				n,
				n,
			)
		}
	}
}

// testFiles are the texts of all tests, but for those in folders of some names.
func testFiles(t *testing.T, leftOut ...string) []string {
	t.Helper()
	var texts []string
	for _, folder := range []string{"bench", "pkg", "cmd", "internal", "e2e"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() && slices.Contains(leftOut, entry.Name()) {
				return fs.SkipDir
			}
			if err != nil || entry.IsDir() {
				return err
			}
			if !strings.HasSuffix(path, "_test.go") && !strings.HasSuffix(path, ".py") {
				return nil
			}
			text, err := os.ReadFile(path)
			texts = append(texts, string(text))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}
