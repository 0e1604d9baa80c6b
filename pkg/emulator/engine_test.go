package emulator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

func TestEngineErrors(t *testing.T) {
	if _, err := Start(Options{Engine: "x"}); err == nil || !strings.Contains(err.Error(), "ministack, moto, dynoxide") {
		t.Errorf("an unknown engine: %v", err)
	}
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	if err := os.MkdirAll(".tools", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(root, ".tools", "local"), ".tools/local"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("go.mod", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, engine := range []Engine{Moto, Dynoxide} {
		if _, err := Start(Options{Engine: engine}); err == nil ||
			!strings.Contains(err.Error(), "make test ENGINE="+string(engine)) {
			t.Errorf("%s is not installed: %v", engine, err)
		}
	}
}

// TestEngineEndpoints: DynamoDB and SQS are the engine's, and all else is ministack's.
func TestEngineEndpoints(t *testing.T) {
	server, err := testServer()
	if err != nil {
		t.Fatal(err)
	}
	variables := server.Variables()
	for _, name := range []string{"AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_SQS"} {
		url, own := variables[name]
		if own != (EngineFromOS() != Ministack) || url == server.URL {
			t.Errorf("%s is %q, beside %q", name, url, server.URL)
		}
	}
	listed, err := dynamodb.NewFromConfig(Env(variables).AWS()).
		ListTables(t.Context(), &dynamodb.ListTablesInput{Limit: aws.Int32(1)})
	if err != nil {
		t.Errorf("%v, %v", listed, err)
	}
}

// TestRequire: a test of what the engine cannot do is skipped and listed; ministack can do all.
func TestRequire(t *testing.T) {
	list := filepath.Join(t.TempDir(), "skipped")
	t.Setenv("ENGINE_SKIPPED", list)
	for engine, skipped := range map[Engine]bool{Moto: true, Dynoxide: false, Ministack: false} {
		t.Setenv(EngineVariable, string(engine))
		t.Run(string(engine), func(t *testing.T) {
			t.Cleanup(func() {
				if t.Skipped() != skipped {
					t.Errorf("skipped: %t", t.Skipped())
				}
			})
			Require(t, AtomicConditions)
		})
	}
	text, err := os.ReadFile(list)
	if want := "TestRequire/moto: moto cannot check a condition and write in one step: "; err != nil ||
		!strings.HasPrefix(string(text), want) || strings.Count(string(text), "\n") != 1 {
		t.Errorf("listed: %s (%v)", text, err)
	}
}
