// Command mutants seeds faults into the lines that the eleven promises of docs/shift-rules.md rest on, one at a time,
// and runs the tests that are named beside each. They must fail: a fault that no test notices is a promise that nothing
// keeps. The code itself is not touched: the compiler is told to read the faulty file in its place.
//
// It is run by `make mutants`, from the root of the repository. A number runs the faults of that promise only.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	only := 0
	if len(args) > 0 {
		var err error
		if only, err = strconv.Atoi(args[0]); err != nil {
			return errors.New("the argument is the number of a promise")
		}
	}
	folder, err := os.MkdirTemp("", "mutants")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	l := runner{root: root, folder: folder, sound: map[string]bool{}}
	seeded := 0
	survived := 0
	for _, f := range faults {
		if only != 0 && f.promise != only {
			continue
		}
		began := time.Now()
		outcome, err := l.try(ctx, f)
		if err != nil {
			return fmt.Errorf("promise %d, %s: %w", f.promise, f.what, err)
		}
		seeded++
		if outcome != killed {
			survived++
		}
		fmt.Printf("%-8s %5.1fs  promise %d: %s (%s)\n", outcome, time.Since(began).Seconds(), f.promise, f.what, f.test)
	}
	fmt.Printf("%d faults seeded, %d killed, %d survived\n", seeded, seeded-survived, survived)
	if survived > 0 {
		return errors.New("a fault survived")
	}
	return nil
}

// What became of a fault.
const (
	killed   = "killed"
	survives = "SURVIVED"
)

// runner is where faults are tried.
type runner struct {
	root   string          // of the repository
	folder string          // for faulty files
	sound  map[string]bool // the tests that pass without a fault
}

// try runs a fault's test over the faulty file. Without the fault the test must pass, and with it the code must still
// compile: else its failing would show nothing.
func (l runner) try(ctx context.Context, f mutation) (outcome string, err error) {
	source := filepath.Join(l.root, f.file)
	text, err := os.ReadFile(source)
	if err != nil {
		return "", err
	}
	if n := strings.Count(string(text), f.old); n != 1 {
		return "", fmt.Errorf("%s has the line that is to be replaced %d times; mend internal/mutants/faults.go", f.file, n)
	}
	faulty := filepath.Join(l.folder, "faulty.go")
	list := filepath.Join(l.folder, "overlay.json")
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {source: faulty}})
	if err != nil {
		return "", err
	}
	err = errors.Join(
		os.WriteFile(faulty, []byte(strings.Replace(string(text), f.old, f.new, 1)), 0o600),
		os.WriteFile(list, overlay, 0o600),
	)
	if err != nil {
		return "", err
	}
	if !l.sound[f.test] {
		if out, passed, err := l.test(ctx, f.test); err != nil || !passed {
			return "", fmt.Errorf("%s fails without a fault: %w\n%s", f.test, err, out)
		}
		l.sound[f.test] = true
	}
	compile := exec.CommandContext(ctx, "go", "build", "-overlay", list, "./"+filepath.Dir(f.file))
	if out, err := compile.CombinedOutput(); err != nil {
		return "", fmt.Errorf("it does not compile: %w\n%s", err, out)
	}
	_, passed, err := l.test(ctx, f.test, "-overlay", list)
	if passed {
		return survives, err
	}
	return killed, err
}

// test runs a test, and tells whether it passed.
func (l runner) test(ctx context.Context, spec string, flags ...string) (out []byte, passed bool, err error) {
	fields := strings.Fields(spec)
	args := append([]string{"test", "-count=1", "-timeout=3m", "-run", "^" + fields[1] + "$"}, flags...)
	args = append(append(args, "./"+fields[0]), fields[2:]...)
	out, err = exec.CommandContext(ctx, "go", args...).CombinedOutput()
	if failed := (*exec.ExitError)(nil); ctx.Err() == nil && errors.As(err, &failed) {
		return out, false, nil
	}
	if err == nil && strings.Contains(string(out), "no tests to run") {
		err = errors.New("there is no such test")
	}
	return out, true, err
}
