package main

import (
	"encoding/json"
	"os"
	"testing"
)

// TestPageMatchesResults: docs/performance.md is made by the command, of the results beside it.
func TestPageMatchesResults(t *testing.T) {
	text, err := os.ReadFile("../docs/performance/results.json")
	if err != nil {
		t.Fatal(err)
	}
	var r results
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	if err := r.write(folder); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"performance.md", "performance/cost.svg", "performance/history.svg",
		"performance/batch-size.svg", "performance/facts-a-day.svg"} {
		want, err := os.ReadFile(folder + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile("../docs/" + name); err != nil || string(got) != string(want) {
			t.Errorf("docs/%s is not what `make bench` writes: run it (%v)", name, err)
		}
	}
}
