package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/demo"
)

// loadDemo loads the demo data that is missing and writes its keys to a file, from which the next start reads them: the
// tables only contain their hashes.
func loadDemo(ctx context.Context, env *config.Env, path, url string) (demo.Data, error) {
	previous, err := readDemo(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return demo.Data{}, fmt.Errorf("%s cannot be read (delete it, and new keys are issued): %w", path, err)
	}
	data, err := load(ctx, env, previous)
	if err != nil {
		return demo.Data{}, err
	}
	data.URL = url
	// Shell variables for clients, with which the guides begin.
	client := fmt.Sprintf("export ZEGO_API='%s' ZEGO_KEY='%s'\n", url, data.WorkProviders[0].Key)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "api"), []byte(client), 0o600); err != nil {
		return demo.Data{}, err
	}
	text, err := json.MarshalIndent(data, "", "  ")
	if err != nil {
		return demo.Data{}, err
	}
	return data, os.WriteFile(path, append(text, '\n'), 0o600)
}

// maxLoads is how many attempts are made to load data. What exists is not loaded again, so each makes fewer calls.
const maxLoads = 8

// load creates the demo data that is missing. If a call fails, it starts over after a growing delay, because DynamoDB
// may throttle calls; it gives up after maxLoads attempts.
func load(ctx context.Context, env *config.Env, previous demo.Data) (demo.Data, error) {
	var data demo.Data
	err := retry(ctx, func() (err error) {
		data, err = demo.Load(ctx, env, previous)
		if err == nil || env.Err() != nil {
			return nil // the caller reports a missing variable
		}
		previous.WorkProviders = append(previous.WorkProviders, data.WorkProviders...)
		return err
	})
	return data, err
}

// retry calls a function that loads what is missing until it succeeds, with exponential backoff, at most maxLoads
// times.
func retry(ctx context.Context, load func() error) error {
	for attempt := 1; ; attempt++ {
		err := load()
		if err == nil || attempt == maxLoads {
			return err
		}
		slog.Warn("loading failed, will be retried", "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(100 * time.Millisecond << attempt):
		}
	}
}

func readDemo(path string) (data demo.Data, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return demo.Data{}, err
	}
	err = json.Unmarshal(text, &data)
	return data, err
}

// printDemo loads the demo data into the tables that the process's environment names, and prints it. An argument is the
// file of earlier demo data.
func printDemo(ctx context.Context, files []string) error {
	var previous demo.Data
	for _, path := range files {
		var err error
		if previous, err = readDemo(path); err != nil {
			return err
		}
	}
	env := config.FromOS()
	data, err := load(ctx, env, previous)
	if missing := env.Err(); missing != nil {
		return missing
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(data)
}

// startupMessage shows examples to paste. They use the first work provider of the demo data, Courier Ltd, and its first
// two customers.
const startupMessage = `
Try it:

  KEY=%[2]s

  curl -H "Authorization: $KEY" '%[1]s/v1/user/status/?workProviderUserId=12345'

  NOW=$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)
  curl -H "Authorization: $KEY" %[1]s/v1/shift/login/ -d '{"workProviderUserId":"1686","timestamp":"'$NOW'"}'

  curl -H "Authorization: $KEY" '%[1]s/v2/shift/?workProviderUserId=1686'

In a browser, from a courier's app to an account (the mails are in %[1]s/local/outbox):

  %[1]s/v1/link-work-provider/?work_provider=Courier+Ltd&work_provider_user_id=77&email=you@example.com

The documentation: %[1]s/docs/ (its examples begin with: . %[3]s/api)

Keys and customers: %[3]s/demo.json. Variables for zegoctl: set -a; . %[3]s/env. Stop with Ctrl-C.

ready: %[1]s
`
