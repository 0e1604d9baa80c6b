package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/demo"
)

// loadDemo makes the demo world, or what is missing of it, and writes it to a file, from which the keys are read again
// at the next start: what is stored of a key is only its hash.
func loadDemo(ctx context.Context, env *config.Env, path, url string) (demo.Data, error) {
	previous, err := readDemo(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return demo.Data{}, fmt.Errorf("%s cannot be read (delete it, and new keys are issued): %w", path, err)
	}
	world, err := demo.Load(ctx, env, previous)
	if err != nil {
		return demo.Data{}, err
	}
	world.URL = url
	// What a client needs, for the shell: the guides of the documentation begin with it.
	client := fmt.Sprintf("export ZEGO_API='%s' ZEGO_KEY='%s'\n", url, world.WorkProviders[0].Key)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "api"), []byte(client), 0o600); err != nil {
		return demo.Data{}, err
	}
	text, err := json.MarshalIndent(world, "", "  ")
	if err != nil {
		return demo.Data{}, err
	}
	return world, os.WriteFile(path, append(text, '\n'), 0o600)
}

func readDemo(path string) (world demo.Data, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return demo.Data{}, err
	}
	err = json.Unmarshal(text, &world)
	return world, err
}

// printDemo loads the demo world into the tables that the process's environment names, and prints it. If there is an
// argument, it is the file of an earlier world.
func printDemo(ctx context.Context, files []string) error {
	var previous demo.Data
	for _, path := range files {
		var err error
		if previous, err = readDemo(path); err != nil {
			return err
		}
	}
	env := config.FromOS()
	world, err := demo.Load(ctx, env, previous)
	if missing := env.Err(); missing != nil {
		return missing
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(world)
}

// startupMessage shows how to go on; the lines can be pasted. The first work provider of the demo world is Courier Ltd,
// the first two customers are the ones named here.
const startupMessage = `
Try it:

  KEY=%[2]s

  curl -H "Authorization: $KEY" '%[1]s/v1/user/status/?workProviderUserId=12345'

  curl -H "Authorization: $KEY" %[1]s/v1/shift/login/ -d '{"workProviderUserId":"1686","timestamp":"'$(date -u +%%Y-%%m-%%dT%%H:%%M:%%SZ)'"}'

  curl -H "Authorization: $KEY" '%[1]s/v2/shift/?workProviderUserId=1686'

In a browser, from a courier's app to an account (the mails are in %[1]s/local/outbox):

  %[1]s/v1/link-work-provider/?work_provider=Courier+Ltd&work_provider_user_id=77&email=you@example.com

The documentation: %[1]s/docs/ (its examples begin with: . %[3]s/api)

Keys and customers: %[3]s/demo.json. Variables for zegoctl: set -a; . %[3]s/env. Stop with Ctrl-C.

ready: %[1]s
`
