// Package emulator runs the embedded DynamoDB, SQS and SES (ministack) for `make run` and for the tests, and fills it
// with the tables and queues of template.yaml.
//
// It lives beside the production code, never in it: a repository test keeps the functions from importing it. Nothing
// else in the project knows that an emulator exists; everything goes through the SDK's own AWS_ENDPOINT_URL.
package emulator

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

//go:embed run_ministack.py
var wrapper string

// ErrNotInstalled says that the project's own Python environment is missing.
var ErrNotInstalled = errors.New("the embedded DynamoDB and SQS are not installed: run `make tools` first")

// How long the server may take to answer for the first time, and to save its state when it stops. Both are generous:
// it takes half a second for either on an idle machine.
const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
)

// Options say how to start the server. The zero value is right for tests.
type Options struct {
	StateDir string // where the state is kept from one start to the next; "": nowhere
}

// Server is a running emulator on a free port of 127.0.0.1.
type Server struct {
	URL      string // for AWS_ENDPOINT_URL
	cmd      *exec.Cmd
	stdin    io.Closer
	exited   chan struct{} // closed when the process is gone
	envCount atomic.Int64  // numbers the calls of NewEnv, so that each gets its own tables
}

// Start starts the emulator and returns as soon as it answers. It dies with the calling process, even on kill -9.
// It returns ErrNotInstalled if the project's tools are missing.
func Start(o Options) (*Server, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	python := filepath.Join(root, ".tools", "local", "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return nil, ErrNotInstalled
	}
	// Another process may take the free port before the emulator does, so one refusal is not the end.
	for range 3 {
		var port int
		if port, err = freePort(); err != nil {
			return nil, err
		}
		var s *Server
		if s, err = start(python, o, strconv.Itoa(port)); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func start(python string, o Options, port string) (*Server, error) {
	cmd := exec.Command(python, "-I", "-c", wrapper)
	// Of its own process group, so that Ctrl-C reaches only the parent, which stops things in the right order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = append(os.Environ(),
		"BIND_HOST=127.0.0.1",
		// Not GATEWAY_PORT, which ministack makes part of the keys of its queues: saved messages would be lost at the next
		// start on another port.
		"EDGE_PORT="+port,
		"SERVICES=dynamodb,sqs,ses,sts,monitoring", // the last two are for the operators' tool
		"LOG_LEVEL=INFO",                           // the level at which it says that it is ready
		"PERSIST_STATE=0",
	)
	if o.StateDir != "" {
		if err := os.MkdirAll(o.StateDir, 0o755); err != nil {
			return nil, err
		}
		cmd.Env = append(cmd.Env, "PERSIST_STATE=1", "STATE_DIR="+o.StateDir)
	}
	output := &outputTail{ready: make(chan struct{})}
	cmd.Stdout = output
	cmd.Stderr = output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the emulator did not start: %w", err)
	}
	s := &Server{URL: "http://127.0.0.1:" + port, cmd: cmd, stdin: stdin, exited: make(chan struct{})}
	go func() {
		cmd.Wait() // the exit code tells nothing that the last words do not
		close(s.exited)
	}()
	select {
	case <-output.ready:
		return s, nil
	case <-s.exited:
		return nil, fmt.Errorf("the emulator ended at once: %s", output)
	case <-time.After(startLimit):
		s.Stop()
		return nil, fmt.Errorf("the emulator was not ready within %s: %s", startLimit, output)
	}
}

// Stop saves the state, if it is kept, and returns when the process has ended.
func (s *Server) Stop() {
	s.stdin.Close()
	select {
	case <-s.exited:
	case <-time.After(stopLimit):
		s.cmd.Process.Kill()
		<-s.exited
	}
}

// Variables are those by which the SDK finds this server and nothing else.
func (s *Server) Variables() map[string]string {
	return map[string]string{
		"AWS_ENDPOINT_URL":      s.URL,
		"AWS_REGION":            "eu-west-2",
		"AWS_ACCESS_KEY_ID":     "local",
		"AWS_SECRET_ACCESS_KEY": "local",
	}
}

// Root is the project's folder: the nearest one with a go.mod, from the working directory upwards.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod in this folder or above it: start this inside the project")
		}
		dir = parent
	}
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// outputTail keeps the end of what the emulator prints, for the error that says why it ended, and looks out for the
// line that says that it is ready. (A request to its port would not do: another server might answer there.)
type outputTail struct {
	mu      sync.Mutex
	tail    []byte
	ready   chan struct{} // closed when the emulator listens
	isReady bool
}

func (w *outputTail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tail = append(w.tail, p...)
	if surplus := len(w.tail) - 2000; surplus > 0 {
		w.tail = append([]byte(nil), w.tail[surplus:]...)
	}
	if !w.isReady && bytes.Contains(w.tail, []byte("Running on http://")) {
		w.isReady = true
		close(w.ready)
	}
	return len(p), nil
}

func (w *outputTail) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.TrimSpace(string(bytes.ToValidUTF8(w.tail, nil)))
}
