package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// runtimeAPI plays the part of Lambda that a function sees: it hands out one event, and takes the answer.
//
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
type runtimeAPI struct {
	server  http.Server
	address string
	event   []byte
	asked   bool // whether the event of this start was handed out
	answers chan answer
}

// answer is what a function answered, and when.
type answer struct {
	body   string
	at     time.Time
	failed bool
}

func newRuntimeAPI() (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &runtimeAPI{address: listener.Addr().String(), answers: make(chan answer, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", r.next)
	mux.HandleFunc(
		"POST /2018-06-01/runtime/invocation/1/response",
		func(_ http.ResponseWriter, q *http.Request) { r.take(q, false) },
	)
	mux.HandleFunc("POST /2018-06-01/runtime/", func(_ http.ResponseWriter, q *http.Request) { r.take(q, true) })
	r.server.Handler = mux
	go r.server.Serve(listener)
	return r, nil
}

func (r *runtimeAPI) close() { r.server.Close() }

// next hands out the event, and lets whoever asks again wait: it will be killed.
func (r *runtimeAPI) next(w http.ResponseWriter, q *http.Request) {
	if r.asked {
		<-q.Context().Done()
		return
	}
	r.asked = true
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Lambda-Runtime-Aws-Request-Id", "1")
	w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(time.Minute).UnixMilli()))
	w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-2:000000000000:function:bench")
	w.Write(r.event)
}

func (r *runtimeAPI) take(q *http.Request, failed bool) {
	body, err := io.ReadAll(q.Body)
	r.answers <- answer{string(body), time.Now(), failed || err != nil}
}

// program is a function, or what stands beside it.
type program struct {
	command   []string
	dir       string
	variables []string
}

// start starts a program with an event waiting for it, and answers how many milliseconds later its first answer was
// here. The answer has to contain a text.
func (r *runtimeAPI) start(ctx context.Context, p program, event []byte, want string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r.event = event
	r.asked = false
	cmd := exec.CommandContext(ctx, p.command[0], p.command[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(slices.Clone(p.variables), "AWS_LAMBDA_RUNTIME_API="+r.address, "PATH="+os.Getenv("PATH"))
	var words strings.Builder
	cmd.Stderr = &words
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait() // how it ends tells nothing: it is killed
		close(exited)
	}()
	var a answer
	var err error
	select {
	case a = <-r.answers:
	case <-exited:
		err = errors.New("ended without an answer")
	}
	cancel()
	<-exited
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %s", err, words.String())
	case a.failed || !strings.Contains(a.body, want):
		return 0, fmt.Errorf("answered %s, and said %s", a.body, words.String())
	}
	return float64(a.at.Sub(began).Microseconds()) / 1000, nil
}
