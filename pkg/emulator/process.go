package emulator

import (
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// How long a program may take to answer for the first time, and to save its state when it stops. Both are generous:
// ministack takes half a second for either on an idle machine, a JVM some seconds.
const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
)

// program is something that answers for services of AWS on a port of 127.0.0.1, until its standard input is closed.
type program struct {
	name      string
	services  []string // that it answers for in place of ministack, as in AWS_ENDPOINT_URL_DYNAMODB
	arguments func(port string) []string
	variables func(port string) []string
	ready     string // part of the line that says that it listens
}

// python is the interpreter of the embedded services, which also runs the other programs.
func python(tools string) string { return filepath.Join(tools, "local", "bin", "python") }

//go:embed run_ministack.py
var runMinistack string

// ministack is the embedded engine. It keeps its state in a folder; "": nowhere.
func ministack(tools, stateDir string) program {
	return program{
		name:      "ministack",
		arguments: func(string) []string { return []string{python(tools), "-I", "-c", runMinistack} },
		variables: func(port string) []string {
			variables := []string{
				"BIND_HOST=127.0.0.1",
				// Not GATEWAY_PORT, which ministack makes part of the keys of its queues: saved messages would be lost at the
				// next start on another port.
				"EDGE_PORT=" + port,
				"SERVICES=dynamodb,sqs,ses,s3,sts,monitoring", // the last three are for the operators' tool
				"LOG_LEVEL=INFO",                              // the level at which it says that it is ready
			}
			if stateDir == "" {
				return append(variables, "PERSIST_STATE=0")
			}
			return append(variables,
				"PERSIST_STATE=1", "STATE_DIR="+stateDir,
				"S3_PERSIST=1", "S3_DATA_DIR="+filepath.Join(stateDir, "s3"),
			)
		},
		ready: "Running on http://",
	}
}

// start starts the program on a free port. Another process may take that port first, so one refusal is not the end.
func (p program) start() (started *process, url string, err error) {
	for range 3 {
		var port string
		if port, err = freePort(); err != nil {
			return nil, "", err
		}
		if started, err = p.startOn(port); err == nil {
			return started, "http://127.0.0.1:" + port, nil
		}
	}
	return nil, "", err
}

// process is a running program.
type process struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	exited chan struct{} // closed when the process is gone
}

func (p program) startOn(port string) (*process, error) {
	arguments := p.arguments(port)
	cmd := exec.Command(arguments[0], arguments[1:]...)
	// Of its own process group, so that Ctrl-C reaches only the parent, which stops things in the right order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Env = os.Environ()
	if p.variables != nil {
		cmd.Env = append(cmd.Env, p.variables(port)...)
	}
	output := &outputTail{readyLine: []byte(p.ready), ready: make(chan struct{})}
	cmd.Stdout = output
	cmd.Stderr = output
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s did not start: %w", p.name, err)
	}
	started := &process{cmd: cmd, stdin: stdin, exited: make(chan struct{})}
	go func() {
		cmd.Wait() // the exit code tells nothing that the last words do not
		close(started.exited)
	}()
	select {
	case <-output.ready:
		return started, nil
	case <-started.exited:
		return nil, fmt.Errorf("%s ended at once: %s", p.name, output)
	case <-time.After(startLimit):
		started.stop()
		return nil, fmt.Errorf("%s was not ready within %s: %s", p.name, startLimit, output)
	}
}

// stop returns when the process has ended.
func (p *process) stop() {
	p.stdin.Close()
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		p.cmd.Process.Kill()
		<-p.exited
	}
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}

// outputTail keeps the end of what a program prints, for the error that says why it ended, and looks out for the line
// that says that it is ready. (A request to its port would not do: another server might answer there.)
type outputTail struct {
	mu        sync.Mutex
	tail      []byte
	readyLine []byte
	ready     chan struct{} // closed when the program listens
	isReady   bool
}

func (w *outputTail) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tail = append(w.tail, p...)
	if surplus := len(w.tail) - 2000; surplus > 0 {
		w.tail = append([]byte(nil), w.tail[surplus:]...)
	}
	if !w.isReady && bytes.Contains(w.tail, w.readyLine) {
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
