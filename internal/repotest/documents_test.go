package repotest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A document that says what is tested names the tests, and those that it names are there.
func TestTestsNamedInDocumentsExist(t *testing.T) {
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

// Each risk of the OWASP API Security Top 10 has an answer, and a test that holds it.
func TestEveryRiskHasAnAnswerAndATest(t *testing.T) {
	text := readFile(t, "docs/threat-model.md")
	for n := 1; n <= 10; n++ {
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| \*\*API%d\*\*.*\|[^|]*\w[^|]*\|[^|]*\x60(Test|Fuzz)\w+\x60`, n))
		if !row.MatchString(text) {
			t.Errorf("docs/threat-model.md has no row for API%d with an answer and a test", n)
		}
	}
}
