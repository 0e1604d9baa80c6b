// Command local is `make run`: all functions on one port, with queue consumers, an embedded DynamoDB and SQS, and demo
// data.
//
// It serves the handlers of the Lambda functions; only features of AWS's gateway are missing. With SANDBOX=1 it is a
// sandbox, stored in .local/sandbox: with an adjustable clock, and test customers beside the demo data.
//
// Data is stored in .local, or the folder that STATE names, and survives a restart; `make clean` deletes it.
//
// With the argument "demo" it only loads the demo data into the tables that the environment names, and prints it as
// JSON. A file of earlier demo data may follow: its keys will work.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"zego.com/workprovider/internal/poller"
	"zego.com/workprovider/internal/template"
	"zego.com/workprovider/pkg/config"
	"zego.com/workprovider/pkg/consumer"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/observe"
	"zego.com/workprovider/pkg/sandbox"
	"zego.com/workprovider/pkg/web"
)

func main() {
	slog.SetDefault(slog.New(observe.NewTextHandler(os.Stderr)))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func start(ctx context.Context, arguments []string) error {
	if len(arguments) > 0 && arguments[0] == "demo" {
		return printDemo(ctx, arguments[1:])
	}
	root, err := emulator.Root()
	if err != nil {
		return err
	}
	w := options{root: root, state: ".local", port: cmp.Or(os.Getenv("PORT"), "3000"), sandbox: os.Getenv("SANDBOX") != ""}
	if w.sandbox {
		w.state = ".local/sandbox"
	}
	w.engine = emulator.EngineFromOS()
	if w.engine != emulator.Ministack {
		w.state = filepath.Join(w.state, string(w.engine)) // the engine forgets what it stores, ministack does not
	}
	w.state = filepath.Join(root, cmp.Or(os.Getenv("STATE"), w.state))
	return run(ctx, w)
}

// options are the folder of template.yaml, the folder of the stored data, the port, what answers for DynamoDB and SQS,
// and whether it is a sandbox.
type options struct {
	root, state, port string
	engine            emulator.Engine
	sandbox           bool
}

// run starts everything, serves until the context ends, and stops everything in the opposite order.
func run(ctx context.Context, w options) error {
	if err := os.MkdirAll(w.state, 0o700); err != nil {
		return err
	}
	unlock, err := lock(filepath.Join(w.state, "lock"))
	if err != nil {
		return err
	}
	defer unlock()

	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", w.port))
	if err != nil {
		return portError(w.port, err)
	}
	defer listener.Close()
	url := "http://" + listener.Addr().String()

	if w.engine == emulator.Ministack {
		logStep("starting the embedded DynamoDB and SQS, with what they held before ...")
	} else {
		logStep(fmt.Sprintf("starting %s for DynamoDB and SQS; it keeps nothing ...", w.engine))
	}
	server, err := emulator.Start(emulator.Options{StateDir: filepath.Join(w.state, "state"), Engine: w.engine})
	if err != nil {
		return err
	}
	defer func() {
		logStep("saving what is stored ...")
		server.Stop()
	}()

	logStep("creating the tables and queues of template.yaml ...")
	env, err := environment(ctx, w, url, server)
	if err != nil {
		return err
	}

	logStep("loading the demo data ...")
	data, err := loadDemo(ctx, env, filepath.Join(w.state, "demo.json"), url)
	if err != nil {
		return err
	}

	handlers := build(env)
	if env.Sandbox() {
		if err := retry(ctx, func() error { return sandbox.New(env).Seed(ctx) }); err != nil {
			return err
		}
	}
	definitions, err := template.Read(filepath.Join(w.root, "template.yaml"))
	if err != nil {
		return err
	}
	consumers := map[string][]consumer.Func{ // by the URL of the queue
		env.Get("EVENTS_QUEUE_URL"): poller.Instances(
			definitions,
			"Processor",
			func() consumer.Func { return processor(env) },
		),
		env.Get("WEBHOOKS_QUEUE_URL"): poller.Instances(
			definitions,
			"WebhookSender",
			func() consumer.Func { return webhookSender(env) },
		),
	}
	messages := sqs.NewFromConfig(env.AWS())
	if err := env.Err(); err != nil {
		return err
	}
	for _, url := range slices.Collect(maps.Keys(consumers)) {
		givenUp, err := poller.DeadLetterQueue(ctx, messages, url)
		if err != nil {
			return err
		}
		consumers[givenUp] = poller.Instances(definitions, "DeadLetters", func() consumer.Func { return deadLetters(env) })
	}

	var running sync.WaitGroup
	polling, stopPolling := context.WithCancel(context.Background())
	for url, consume := range consumers {
		p := poller.Poller{Client: messages, QueueURL: url, Consumers: consume}
		running.Go(func() { p.Run(polling) })
	}
	shown := w.state
	if relative, err := filepath.Rel(w.root, w.state); err == nil {
		shown = relative
	}
	handler := withWholeBody(web.Router(handlers))
	handler = withOutbox(server.URL, handler)
	handler = withDocs(filepath.Join(w.root, "bin", "site"), handler)
	handler = withHome(filepath.Join(shown, "demo.json"), handler)
	api := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	running.Go(func() { failed <- api.Serve(listener) })

	fmt.Printf(startupMessage, url, data.WorkProviders[0].Key, shown)
	select {
	case err = <-failed:
	case <-ctx.Done():
		logStep("stopping ...")
	}
	// Requests in hand are finished first, so that what they put into the queue is kept with the rest.
	shutdownCtx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	api.Shutdown(shutdownCtx)
	stopPolling()
	running.Wait()
	return err
}

func logStep(line string) { fmt.Println(line) }

// lock keeps a second `make run` away from the same state. The system frees the lock when the process ends.
func lock(path string) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		file.Close()
		return nil, errors.New("`make run` runs already in this folder: stop it first, or start another one in a clone")
	}
	return func() { file.Close() }, nil
}

// portError is what to tell somebody whose port cannot be had.
func portError(port string, err error) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s is in use: stop what uses it, or choose another, such as: PORT=3001 make run", port)
	}
	return fmt.Errorf("port %s cannot be used: %w", port, err)
}

// environment creates the tables and queues and returns the functions' variables. The keys that seal ids are drawn at
// the first start and kept, so that ids stay what they are.
func environment(ctx context.Context, w options, url string, server *emulator.Server) (*config.Env, error) {
	variables := server.Variables()
	created, err := emulator.Create(ctx, emulator.Env(variables).AWS(), filepath.Join(w.root, "template.yaml"), "")
	if err != nil {
		return nil, err
	}
	maps.Copy(variables, created)
	variables["SANDBOX"] = strconv.FormatBool(w.sandbox)
	keys, err := eventIDKeys(filepath.Join(w.state, "event-id-keys"))
	if err != nil {
		return nil, err
	}
	variables["EVENT_ID_KEYS"] = keys
	variables["WEBHOOKS_TO_LOOPBACK"] = "yes" // a receiver to try webhooks with runs on this machine, too
	variables["SITE_URL"] = url
	variables["MAIL_FROM"] = emulator.MailFrom
	if err := emulator.VerifySender(ctx, emulator.Env(variables).AWS()); err != nil {
		return nil, err
	}
	return emulator.Env(variables), writeVariables(filepath.Join(w.state, "env"), variables)
}

// writeVariables writes a file for the shell, so that zegoctl and the AWS command line find what runs here.
func writeVariables(path string, variables map[string]string) error {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		fmt.Fprintf(&text, "%s='%s'\n", name, variables[name])
	}
	return os.WriteFile(path, []byte(text.String()), 0o600)
}

func eventIDKeys(path string) (string, error) {
	kept, err := os.ReadFile(path)
	if err == nil {
		return string(kept), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	secret := make([]byte, 64)
	rand.Read(secret)
	keys := "1:" + base64.StdEncoding.EncodeToString(secret)
	return keys, os.WriteFile(path, []byte(keys), 0o600)
}
