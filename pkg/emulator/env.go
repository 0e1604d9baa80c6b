package emulator

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"

	"zego.com/workprovider/pkg/config"
)

// EventIDKeys is an EVENT_ID_KEYS for tests. It protects nothing.
const EventIDKeys = "1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw=="

// NewEnv returns an environment with empty tables and queues of its own, made from the project's template.yaml, and
// with everything else that a function needs. Further variables are given as NAME=VALUE.
func (s *Server) NewEnv(ctx context.Context, overrides ...string) (*config.Env, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	variables := s.Variables()
	suffix := fmt.Sprintf("-%d", s.envCount.Add(1))
	created, err := Create(ctx, Env(variables).AWS(), filepath.Join(root, "template.yaml"), suffix)
	if err != nil {
		return nil, err
	}
	maps.Copy(variables, created)
	variables["EVENT_ID_KEYS"] = EventIDKeys
	variables["SITE_URL"] = "https://work.zego.example/pages"
	variables["MAIL_FROM"] = MailFrom
	for _, variable := range overrides {
		name, value, _ := strings.Cut(variable, "=")
		variables[name] = value
	}
	return Env(variables), nil
}

// Env returns the environment of variables, with an HTTP client for the emulator.
func Env(variables map[string]string) *config.Env {
	env := config.From(variables)
	cfg := env.AWS().Copy()
	cfg.HTTPClient = bufferingClient{cfg.HTTPClient}
	env.SetAWS(cfg)
	return env
}
