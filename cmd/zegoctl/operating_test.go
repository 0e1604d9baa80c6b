package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// yesForEver answers every question.
type yesForEver struct{}

func (yesForEver) Read(p []byte) (int, error) { return copy(p, "yes\n"), nil }

// The commands of docs/operating.md are run as somebody would paste them, one after the other, in a shell.
func TestWhatThePageOfOperatorsSays(t *testing.T) {
	o := newOperator(t)
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 15 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	// What happens meanwhile: a courier whom nobody knows yet works tomorrow, and a message comes to nothing.
	day := tomorrow()
	in, id := o.message("I", "12345", day.Add(9*time.Hour))
	out, _ := o.message("O", "12345", day.Add(12*time.Hour+30*time.Minute))
	if n := o.process(in, out, "not understood"); n != 0 {
		t.Fatal(n)
	}
	dir := t.TempDir()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "zegoctl"), ".")
	if output, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	script := "set -eu -o pipefail\n"
	for _, block := range blocks {
		script += block[1]
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script)
	shell.Dir, shell.Stdin = dir, yesForEver{}
	shell.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH"), "HOME=" + dir, "EVENT_ID=" + id, "DAY=" + day.Format(time.DateOnly)}
	variables := []string{eventIDKeys, "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
	for _, place := range places {
		variables = append(variables, place.variable)
	}
	for _, name := range variables {
		shell.Env = append(shell.Env, name+"="+o.env.Get(name))
	}
	said, err := shell.CombinedOutput()
	t.Logf("%s", said)
	if err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for _, want := range []string{
		"DRY RUN", "courier-ltd", "ending", "revoked", "ABC123", "opens a shift", "insured  ", "record    lists", "not understood", "customer erase", "0 ",
	} {
		if !strings.Contains(string(said), want) {
			t.Errorf("the page does not lead to %q", want)
		}
	}
	if err := o.env.Err(); err != nil {
		t.Error(err)
	}
	for _, file := range []string{"abc123.json", fmt.Sprintf("%s.svg", day.Format(time.DateOnly))} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}
