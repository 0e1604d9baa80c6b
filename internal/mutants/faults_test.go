package main

import (
	"os"
	"strings"
	"testing"
)

// Every fault's line stands in the code once, so that a change of the code is told here and not half an hour into
// `make mutants`.
func TestMutationLines(t *testing.T) {
	for _, f := range faults {
		text, err := os.ReadFile("../../" + f.file)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), f.old); n != 1 {
			t.Errorf("%s (%s): the line stands there %d times", f.what, f.file, n)
		}
	}
}
