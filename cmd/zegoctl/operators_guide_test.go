package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/config"
)

// endlessYes confirms everything.
type endlessYes struct{}

func (endlessYes) Read(p []byte) (int, error) { return copy(p, "yes\n"), nil }

// The commands of docs/operators-guide.md run in a shell, in their order.
func TestOperatorsGuide(t *testing.T) {
	o := newOperator(t)
	page, err := os.ReadFile("../../docs/operators-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(blocks) < 15 {
		t.Fatalf("only %d blocks", len(blocks))
	}
	// Before: a courier who is not linked yet works tomorrow, and one message is malformed.
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
	shell.Dir = dir
	shell.Stdin = endlessYes{}
	shell.Env = []string{
		"PATH=" + dir + ":" + os.Getenv("PATH"),
		"HOME=" + dir,
		"EVENT_ID=" + id,
		"DAY=" + day.Format(time.DateOnly),
	}
	variables := []string{eventIDKeys, "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
	for _, place := range resourceFlags {
		variables = append(variables, place.variable)
	}
	for _, service := range []string{"DYNAMODB", "SQS"} { // that another engine answers for
		if name := "AWS_ENDPOINT_URL_" + service; o.env.Optional(name, "") != "" {
			variables = append(variables, name)
		}
	}
	for _, name := range variables {
		shell.Env = append(shell.Env, name+"="+o.env.Get(name))
	}
	output, err := shell.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	for _, want := range []string{
		"DRY RUN", "courier-ltd", "ending", "revoked", "ABC123", "opens a shift", "insured  ", "record    contains the shift",
		"not understood", "customer erase", "0 ",
	} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the output lacks %q", want)
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

// Every zegoctl command in the documentation, in a block or within a line, exists and has valid flags.
func TestDocumentedCommands(t *testing.T) {
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/*/*.md", "site/*/*.md", "site/*/*/*.md"} {
		found, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	block := regexp.MustCompile("(?s)```sh\n(.*?)```")
	inBlock := regexp.MustCompile(`(?m)(?:^|[ (])zegoctl ([a-z].*)$`)
	inLine := regexp.MustCompile("`zegoctl ([a-z][^`]*)`")
	commands := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, b := range block.FindAllStringSubmatch(string(text), -1) {
			for _, found := range inBlock.FindAllStringSubmatch(strings.ReplaceAll(b[1], "\\\n", " "), -1) {
				lines = append(lines, regexp.MustCompile(`\s[#|>)].*|\).*`).ReplaceAllString(found[1], ""))
			}
		}
		for _, found := range inLine.FindAllStringSubmatch(block.ReplaceAllString(string(text), ""), -1) {
			lines = append(lines, strings.ReplaceAll(found[1], "\n", " "))
		}
		for _, line := range lines {
			commands++
			tree := command(config.From(nil), nil)
			tree.InitDefaultCompletionCmd()
			found, rest, err := tree.Find(split(line))
			if err == nil && found == tree {
				err = errors.New("no such command")
			}
			if err == nil {
				err = found.ParseFlags(rest)
			}
			if err == nil && found.Flags().NArg() > 0 && !found.HasSubCommands() {
				err = found.ValidateArgs(found.Flags().Args())
			}
			if err == nil && found.HasSubCommands() && found.Flags().NArg() > 0 {
				err = errors.New("no such command")
			}
			if err != nil {
				t.Errorf("%s: zegoctl %s: %v", filepath.Base(page), line, err)
			}
		}
	}
	if commands < 50 {
		t.Errorf("only %d commands were found", commands)
	}
}
