// Package emulator runs the embedded DynamoDB, SQS and SES (ministack) for `make run` and for the tests, and fills it
// with the tables and queues of template.yaml. On request another engine takes ministack's place for DynamoDB and SQS.
//
// It lives beside the production code, never in it: a repository test keeps the functions from importing it. Nothing
// else in the project knows that an emulator exists; everything goes through the SDK's own AWS_ENDPOINT_URL.
package emulator

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"sync/atomic"
)

// ErrNotInstalled says that the project's own Python environment is missing.
var ErrNotInstalled = errors.New("the embedded DynamoDB and SQS are not installed: run `make tools` first")

// Options say how to start the server. The zero value is right for tests.
type Options struct {
	StateDir string // where ministack keeps its state from one start to the next; "": nowhere
	Engine   Engine // answers for DynamoDB and SQS; "": ministack, which answers for all other services in any case
}

// Server is a running emulator on free ports of 127.0.0.1.
type Server struct {
	URL       string            // for AWS_ENDPOINT_URL
	endpoints map[string]string // for AWS_ENDPOINT_URL_DYNAMODB and the like
	processes []*process
	envCount  atomic.Int64 // numbers the calls of NewEnv, so that each gets its own tables
}

// Start starts the emulator and returns as soon as it answers. It dies with the calling process, even on kill -9.
// It returns ErrNotInstalled if the project's tools are missing.
func Start(o Options) (*Server, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	tools := filepath.Join(root, ".tools")
	if _, err := os.Stat(python(tools)); err != nil {
		return nil, ErrNotInstalled
	}
	programs, err := o.Engine.programs(tools)
	if err != nil {
		return nil, err
	}
	s := &Server{endpoints: map[string]string{}}
	for _, p := range append([]program{ministack(tools, o.StateDir)}, programs...) {
		process, url, err := p.start()
		if err != nil {
			s.Stop()
			return nil, err
		}
		s.processes = append(s.processes, process)
		if s.URL == "" {
			s.URL = url
		}
		for _, service := range p.services {
			s.endpoints["AWS_ENDPOINT_URL_"+service] = url
		}
	}
	return s, nil
}

// Stop saves the state, if it is kept, and returns when the processes have ended.
func (s *Server) Stop() {
	for _, p := range s.processes {
		p.stop()
	}
}

// Variables are those by which the SDK finds this server and nothing else.
func (s *Server) Variables() map[string]string {
	variables := map[string]string{
		"AWS_ENDPOINT_URL":      s.URL,
		"AWS_REGION":            "eu-west-2",
		"AWS_ACCESS_KEY_ID":     "local",
		"AWS_SECRET_ACCESS_KEY": "local",
	}
	maps.Copy(variables, s.endpoints)
	return variables
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
