package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zego.com/workprovider/pkg/demo"
	"zego.com/workprovider/pkg/emulator"
	"zego.com/workprovider/pkg/provider"
	"zego.com/workprovider/pkg/shift"
	"zego.com/workprovider/pkg/web"
)

// A login goes the whole way to a shift, and shift and keys are there again after a restart.
func TestRestart(t *testing.T) {
	emulator.Require(t, emulator.KeptState)
	local := t.TempDir()
	at := options{engine: emulator.EngineFromOS(), root: "../..", state: local, port: "0"}
	var first demo.Data
	var key, shifts string

	serve(t, at, func(world demo.Data) {
		first = world
		key = world.WorkProviders[0].Key
		at := time.Now().UTC().Format(time.RFC3339)
		if answer := call(t, key, "POST", world.URL+"/v1/shift/login/",
			`{"workProviderUserId":"1686","timestamp":"`+at+`"}`); answer != `{"status":"PENDING"}` {
			t.Fatalf("login: %s", answer)
		}
		// Revision 0 is a shift that is folded but not yet recorded.
		for shifts = ""; !strings.Contains(shifts, `"revision":1`); {
			shifts = call(t, key, "GET", world.URL+"/v2/shift/?workProviderUserId=1686", "")
		}
	})
	serve(t, at, func(world demo.Data) {
		if !slices.Equal(world.WorkProviders, first.WorkProviders) {
			t.Error("the keys of the first start are not those of the second")
		}
		if again := call(t, key, "GET", world.URL+"/v2/shift/?workProviderUserId=1686", ""); again != shifts {
			t.Errorf("before the restart: %s, after it: %s", shifts, again)
		}
		if answer := call(t, key, "GET", world.URL+"/nothing", ""); !strings.Contains(answer, "NOT_FOUND") {
			t.Errorf("an unknown path: %s", answer)
		}
		if err := run(t.Context(), at); err == nil || !strings.Contains(err.Error(), "runs already") {
			t.Errorf("a second one in the same folder: %v", err)
		}
	})
}

// Events that are queued when it is stopped are applied after the next start, on whatever port the queues are then.
func TestRestartWithQueuedEvents(t *testing.T) {
	emulator.Require(t, emulator.KeptState)
	at := options{engine: emulator.EngineFromOS(), root: "../..", state: t.TempDir(), port: "0"}
	const starts, people = 3, 200
	var key string
	var batches []string
	for range starts {
		serve(t, at, func(data demo.Data) {
			key = data.WorkProviders[0].Key
			var items []string
			for i := range people {
				user := fmt.Sprintf("restart-%d-%d", len(batches), i)
				items = append(
					items,
					fmt.Sprintf(`{"workProviderUserId":%q,"timestamp":%q}`, user, time.Now().UTC().Format(time.RFC3339)),
				)
			}
			request, err := http.NewRequestWithContext(t.Context(), "POST", data.URL+"/v1/batch/login/",
				strings.NewReader("["+strings.Join(items, ",")+"]"))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", key)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			id := response.Header.Get("X-Batch-Id")
			if response.StatusCode != http.StatusAccepted || id == "" {
				t.Fatalf("%d %v", response.StatusCode, response.Header)
			}
			batches = append(batches, id)
		})
	}
	serve(t, at, func(data demo.Data) {
		for _, batch := range batches {
			for pending := people; pending > 0; {
				var body struct {
					Count    int
					Outcomes map[string]int
				}
				text := call(t, key, "GET", data.URL+"/v2/batch/"+batch, "")
				if err := json.Unmarshal([]byte(text), &body); err != nil || body.Count != people {
					t.Fatal(text, err)
				}
				pending = body.Outcomes["PENDING"]
			}
		}
	})
}

// A body that is too large gets its 413, also if the client sends all of it before it reads the response.
func TestLargeBody(t *testing.T) {
	api := httptest.NewServer(withWholeBody(web.Router(map[string]http.Handler{"fallback": web.Fallback(),
		"shift-login": shift.Login(anyKey{}, nil, nil, time.Now)})))
	t.Cleanup(api.Close)
	for _, size := range []int{6 << 20, 11 << 20} {
		response, err := http.Post(api.URL+"/v1/shift/login", "application/json", bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("%d bytes: %s", size, response.Status)
		}
	}
}

// anyKey accepts any API key.
type anyKey struct{}

func (anyKey) Authenticate(context.Context, string) (provider.Provider, error) {
	return provider.Provider{ID: "courier-ltd"}, nil
}

func TestHome(t *testing.T) {
	handler := withHome(".local/demo.json", http.NotFoundHandler())
	for target, want := range map[string]int{"/": 200, "/?a=b": 200, "/other": 404} {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest("GET", target, nil))
		if recorder.Code != want || want == 200 && !strings.Contains(recorder.Body.String(), `href="docs/"`) {
			t.Errorf("%s: %d %s", target, recorder.Code, recorder.Body)
		}
	}
}

// A sandbox has keys of its own kind, people of its own, and controls.
func TestSandbox(t *testing.T) {
	at := options{engine: emulator.EngineFromOS(), root: "../..", state: t.TempDir(), port: "0", sandbox: true}
	serve(t, at, func(world demo.Data) {
		key := world.WorkProviders[0].Key
		if !strings.HasPrefix(key, "zego_test_") {
			t.Errorf("the key begins with %s", key[:10])
		}
		if answer := call(t, key, "GET", world.URL+"/v1/user/status?workProviderUserId=lapsed", ""); !strings.Contains(
			answer,
			"DISABLED",
		) {
			t.Errorf("the status of who is not insured: %s", answer)
		}
		if answer := call(t, key, "PUT", world.URL+"/v2/sandbox/clock",
			`{"now":"2030-01-01T00:00:00Z"}`); answer != `{"now":"2030-01-01T00:00:00+00:00"}` {
			t.Errorf("the clock: %s", answer)
		}
	})
}

// serve runs everything while f does its work, and stops it as Ctrl-C does.
func serve(t *testing.T, at options, f func(demo.Data)) {
	t.Helper()
	path := filepath.Join(at.state, "demo.json")
	var written time.Time
	if before, err := os.Stat(path); err == nil {
		written = before.ModTime()
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, at) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	// The file is written anew when all is ready but the accepting of requests, which wait as long as it takes.
	for {
		select {
		case err := <-ended:
			ended <- nil
			t.Fatalf("ended early: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
		var world demo.Data
		after, err := os.Stat(path)
		if err != nil || after.ModTime().Equal(written) {
			continue
		}
		if text, err := os.ReadFile(path); err == nil && json.Unmarshal(text, &world) == nil {
			f(world)
			return
		}
	}
}

func call(t *testing.T, key, method, url, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestPortInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	err = run(t.Context(), options{engine: emulator.EngineFromOS(), root: "../..", state: t.TempDir(), port: port})
	if err == nil ||
		err.Error() != "port "+port+" is in use: stop what uses it, or choose another, such as: PORT=3001 make run" {
		t.Errorf("error: %v", err)
	}
}
