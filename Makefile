# All commands of developers and CI. Only Go and Python 3 must be installed: everything else is pinned and installed inside
# the project, under .tools/. Compatible with GNU make 3.81 and bash 3.2, the versions of macOS.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test engines race bench simulate fuzz soak mutants check e2e templ site guides sam-local sam-local-smoke build release reproducible fmt tools clean go

# The number of seeds that `make simulate` runs.
SEEDS := 100000

LOCAL := .tools/local/installed
E2E   := .tools/e2e/installed
DEPLOY := .tools/deploy/installed
CHECKOV := .tools/checkov/installed
SITE  := .tools/site/installed
FUZZ  := .tools/fuzz/installed
BENCH := .tools/bench/installed
MOTO  := .tools/moto/installed
DYNOXIDE := .tools/dynoxide/installed

# What answers for DynamoDB and SQS in `make run` and `make test`: ministack, moto or dynoxide.
ENGINE := ministack
export ENGINE
ifeq ($(filter $(ENGINE),ministack moto dynoxide),)
$(error ENGINE=$(ENGINE) is none of ministack, moto, dynoxide)
endif
ENGINE_TOOLS := $(filter-out .tools/ministack/installed,.tools/$(ENGINE)/installed)

# Without a home folder (as in a bare container), Go needs a folder for its caches.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/.tools/home
endif

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: go $(LOCAL) $(ENGINE_TOOLS) ## run the whole API with demo data on http://127.0.0.1:3000 (PORT=... sets the port)
	@echo "building ..."
	@go list -deps ./cmd/local >.tools/go.log 2>&1 || \
		{ echo "Cannot download the Go modules (is there a network?): see .tools/go.log." >&2; exit 1; }
	@go build -o bin/local ./cmd/local
	@$(MAKE) --no-print-directory site || echo "The documentation site is skipped."
	@exec bin/local

test: go $(LOCAL) $(ENGINE_TOOLS) ## run all tests: unit, property-based and integration, with an embedded DynamoDB and SQS (ENGINE=moto or dynoxide; PACKAGES)
	@scripts/test $(PACKAGES)

engines: go $(LOCAL) $(MOTO) $(DYNOXIDE) ## run all tests on each engine that is not embedded; what an engine cannot do is skipped and listed
	@ENGINE=moto scripts/test
	@ENGINE=dynoxide scripts/test

race: go $(LOCAL) ## run the tests with the race detector; needs a C compiler. Skips the simulator, which has no concurrency
	go test -race -timeout 20m $$(go list ./... | grep -v /internal/simulation)

bench: go $(LOCAL) $(BENCH) ## measure start-up, overhead, cost and growth against alternatives, and write docs/performance.md; takes ten minutes
	@go run ./bench

simulate: go $(LOCAL) ## run the simulator with SEEDS seeds (100,000), and every crash point
	go test ./internal/simulation -seeds=$(SEEDS) -timeout 60m

fuzz: go $(LOCAL) $(FUZZ) ## send 5,000 requests generated from openapi.yaml to the whole API, and validate every response (FUZZ_CASES, FUZZ_SEED)
	@go build -o bin/local ./cmd/local
	@.tools/fuzz/bin/python e2e/openapi/fuzz.py

soak: go $(LOCAL) $(FUZZ) ## run tests that take hours: ten million seeds, a backlog with poison messages, a flood, timing side channels
	go test ./pkg/shift -run TestSoak -soak -v -timeout 60m
	go test ./pkg/pages -run TestSoak -soak -v -timeout 60m
	go test ./cmd/local -run TestWeather -soak -v -timeout 4h
	go test ./internal/simulation -run TestSimulation -seeds=10000000 -timeout 24h
	FUZZ_CASES=50000 $(MAKE) fuzz
	@scripts/mutants

mutants: go $(LOCAL) ## run mutation tests: every mutation must make a test fail
	@scripts/mutants

check: go $(E2E) $(CHECKOV) ## run static checks: formatting, modules, golangci-lint, the template, and the repository's own rules
	@scripts/check

e2e: go $(E2E) $(DEPLOY) ## build and deploy the template to an emulated AWS, run the examples of the source documentation, test the pages in a browser
	@.tools/e2e/bin/python e2e/e2e.py

templ: go ## generate Go from the templates of the web pages
	@scripts/templ

site: $(SITE) ## build the documentation site into bin/site
	@scripts/site

guides: go $(SITE) ## run every example of the README and the documentation site, and test the site in a browser
	@.tools/site/bin/python e2e/guides.py

sam-local: go $(LOCAL) $(E2E) ## run the functions in Docker with AWS SAM, on http://127.0.0.1:3000 (PORT=... sets the port)
	@.tools/e2e/bin/python e2e/sam_local.py

sam-local-smoke: go $(LOCAL) $(E2E) ## run every sample of events/ in Docker and compare the responses; skipped without a Docker daemon
	@.tools/e2e/bin/python e2e/sam_local.py --smoke

build: go ## build every function as it is deployed, and the tools of cmd/, into bin/
	@scripts/build

release: go $(DEPLOY) ## build what the pipeline deploys, with SBOM and checksum, into bin/release (ARCHITECTURE=arm64 or x86_64)
	@scripts/release

reproducible: go $(DEPLOY) ## build the release in two folders and compare the bytes
	@scripts/reproducible

fmt: go ## format all Go files
	gofmt -w bench cmd functions internal pkg

tools: $(LOCAL) $(E2E) $(DEPLOY) $(CHECKOV) $(SITE) $(FUZZ) ## install the pinned Python tools into .tools/

clean: ## delete the local data and all build output (installed tools are kept)
	rm -rf .local .aws-sam bin

.tools/%/installed: requirements/%.txt scripts/install-tools
	@scripts/install-tools $*

$(DYNOXIDE): requirements/dynoxide.txt requirements/elasticmq.xml scripts/install-dynoxide
	@scripts/install-dynoxide

go:
	@command -v go >/dev/null 2>&1 || { echo "Go 1.26 or later is required (there is no go in PATH)." >&2; exit 1; }
	@go list -m >/dev/null 2>&1 || { echo "Go 1.26 or later is required (this is $$(go env GOVERSION))." >&2; exit 1; }
