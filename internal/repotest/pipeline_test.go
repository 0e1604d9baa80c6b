package repotest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// What runs in the pipeline can change what is deployed, so each action is pinned by the hash of a commit, with the
// version that it was for people and the update bot. A tag could be moved.
func TestPinnedActions(t *testing.T) {
	workflows, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(workflows) == 0 {
		t.Fatalf("no workflows in .github/workflows (%v)", err)
	}
	pinned := regexp.MustCompile(`uses: (\./\S+|\S+@[0-9a-f]{40} # v\d+\.\d+\.\d+)$`)
	for _, path := range workflows {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, "uses:") && !pinned.MatchString(strings.TrimSpace(line)) {
				t.Errorf("%s: pin %q by a commit's hash, with its version as a comment", path, strings.TrimSpace(line))
			}
		}
	}
}

// workflow is as much of a GitHub workflow as the tests below look at.
type workflow struct {
	Permissions map[string]string
	Jobs        map[string]job
}

type job struct {
	Uses        string
	Permissions map[string]string // nil: those of the workflow
	Steps       []struct {
		Uses string
		Run  string
		With map[string]any
	}
}

// workflows reads all of them, by the names of their files.
func workflows(t *testing.T) map[string]workflow {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*.yml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no workflows in .github/workflows (%v)", err)
	}
	all := map[string]workflow{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var w workflow
		if err := yaml.Unmarshal(text, &w); err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(path)] = w
	}
	return all
}

// A job that GitHub vouches for runs little: only the job that deploys, with SAM and nothing else, and the one that
// publishes the pages, which runs nothing of ours. No workflow as a whole may have tokens.
func TestJobsWithTokens(t *testing.T) {
	allowed := map[string]struct{ uses, runs []string }{
		"deploy.yml deploy": {
			[]string{
				"actions/checkout", "actions/setup-python", "actions/download-artifact",
				"aws-actions/configure-aws-credentials",
			},
			[]string{
				"make .tools/deploy/installed",
				`scripts/deploy "$ENVIRONMENT" --no-confirm-changeset`,
				`.tools/deploy/bin/python e2e/smoke.py "workprovider-$ENVIRONMENT"`,
			},
		},
		"deliver.yml documentation": {[]string{"actions/deploy-pages"}, nil},
	}
	for file, w := range workflows(t) {
		for scope, access := range w.Permissions {
			if access == "write" {
				t.Errorf("%s grants every job %s: write; grant it to the job that needs it", file, scope)
			}
		}
		if w.Permissions == nil {
			t.Errorf("%s has no permissions, so its jobs have those of the repository", file)
		}
		for name, job := range w.Jobs {
			if job.Permissions["id-token"] != "write" || job.Uses == "./.github/workflows/deploy.yml" {
				continue // the latter passes the right on
			}
			may, known := allowed[file+" "+name]
			if !known {
				t.Errorf("%s: the job %s may get tokens; TestJobsWithTokens does not know why", file, name)
			}
			for _, step := range job.Steps {
				action, _, _ := strings.Cut(step.Uses, "@")
				if action != "" && !slices.Contains(may.uses, action) {
					t.Errorf("%s: the job %s may get tokens and uses %s", file, name, action)
				}
				if step.Run != "" && !slices.Contains(may.runs, step.Run) {
					t.Errorf("%s: the job %s may get tokens and runs %q", file, name, step.Run)
				}
			}
		}
	}
}

// What tests wrote into a cache never gets into a release: the jobs that build and deploy it use none.
func TestReleaseUsesNoCache(t *testing.T) {
	all := workflows(t)
	for _, name := range []string{"deliver.yml build", "deploy.yml deploy"} {
		file, id, _ := strings.Cut(name, " ")
		job, ok := all[file].Jobs[id]
		if !ok {
			t.Errorf("there is no job %s", name)
		}
		for _, step := range job.Steps {
			action, _, _ := strings.Cut(step.Uses, "@")
			cache, isSet := step.With["cache"]
			enabled, isBool := cache.(bool)
			disabled := isBool && !enabled
			switch {
			case strings.HasPrefix(action, "actions/cache"):
				t.Errorf("%s uses %s", name, action)
			case action == "actions/setup-go" && !disabled: // it caches unless it is told not to
				t.Errorf("%s: actions/setup-go restores a cache; set cache: false", name)
			case action != "actions/setup-go" && isSet && !disabled:
				t.Errorf("%s: %s restores a cache", name, action)
			}
		}
	}
}

// What builds and deploys the release is installed from wheels with known hashes, so that nothing is run on the way. It
// is SAM alone: the tools of the tests have no place there.
func TestDeploymentToolsArePinnedByHashes(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "requirements", "deploy.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var packages []string
	for line := range strings.SplitSeq(strings.ReplaceAll(string(text), "\\\n", " "), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "--") {
			continue
		}
		name, _, pinned := strings.Cut(line, "==")
		if !pinned || !strings.Contains(line, "--hash=sha256:") {
			t.Errorf("requirements/deploy.txt: %s has no version or no hash", name)
		}
		packages = append(packages, name)
	}
	for _, option := range []string{"--require-hashes", "--only-binary :all:"} {
		if !strings.Contains(string(text), "\n"+option+"\n") {
			t.Errorf("requirements/deploy.txt has no %s", option)
		}
	}
	if !slices.Contains(packages, "aws-sam-cli") {
		t.Error("requirements/deploy.txt has no SAM")
	}
	for _, tool := range []string{"ministack", "standardwebhooks", "pytest", "checkov", "moto"} {
		if slices.Contains(packages, tool) {
			t.Errorf("requirements/deploy.txt has %s, a tool of the tests", tool)
		}
	}
	for _, script := range []string{"release", "deploy", "pack.py"} {
		text, err := os.ReadFile(filepath.Join(root, "scripts", script))
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`\.tools/(\w+)/`).FindAllStringSubmatch(string(text), -1) {
			if found[1] != "deploy" {
				t.Errorf("scripts/%s uses .tools/%s: only .tools/deploy is pinned by hashes", script, found[1])
			}
		}
	}
}
