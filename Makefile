# Everything a developer or CI types. Only Go and Python 3 have to be there: the rest is pinned and installed inside
# the project, under .tools/. Written for GNU make 3.81 and bash 3.2, which is what macOS has.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test race bench simulate fuzz soak mutants check e2e pages site guides sam-local sam-local-smoke build release reproducible fmt tools clean go

# How many seeds `make simulate` runs.
SEEDS := 100000

LOCAL := .tools/local/installed
E2E   := .tools/e2e/installed
CHECKOV := .tools/checkov/installed
SITE := .tools/site/installed
FUZZ  := .tools/fuzz/installed
BENCH := .tools/bench/installed

# A machine without a home folder (a bare container) has no place for Go's caches either.
ifeq ($(strip $(HOME)),)
export HOME := $(CURDIR)/.tools/home
endif

help: ## show this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

run: go $(LOCAL) ## start the whole API with its demo world on http://127.0.0.1:3000 (PORT=... changes the port)
	@echo "building ..."
	@go list -deps ./cmd/local >.tools/go.log 2>&1 || \
		{ echo "The Go modules could not be had (is there a network?): see .tools/go.log." >&2; exit 1; }
	@go build -o bin/local ./cmd/local
	@$(MAKE) --no-print-directory site || echo "The documentation site is left out."
	@exec bin/local

test: go $(LOCAL) ## run all tests: unit, property and integration, with an embedded DynamoDB and SQS of their own
	go test ./...

race: go $(LOCAL) ## look for data races; needs a C compiler. The simulator is left out: it lets one thing happen at a time
	go test -race -timeout 20m $$(go list ./... | grep -v /internal/simulation)

bench: go $(LOCAL) $(BENCH) ## measure start-up, overhead, cost and growth beside others' ways, and write docs/performance.md: ten minutes
	@go run ./bench

simulate: go $(LOCAL) ## run the simulator from SEEDS seeds (100,000), and every crash point
	go test ./internal/simulation -seeds=$(SEEDS) -timeout 60m

fuzz: go $(LOCAL) $(FUZZ) ## send 5,000 requests made up from openapi.yaml to the whole API, and check every answer (FUZZ_CASES, FUZZ_SEED)
	@go build -o bin/local ./cmd/local
	@.tools/fuzz/bin/python e2e/openapi/fuzz.py

soak: go $(LOCAL) $(FUZZ) ## run what takes hours: ten million seeds, a backlog with poison in it, a flood, times that tell nothing
	go test ./pkg/shift -run TestSoak -soak -v -timeout 60m
	go test ./pkg/pages -run TestSoak -soak -v -timeout 60m
	go test ./internal/simulation -run TestSimulation -seeds=10000000 -timeout 24h
	FUZZ_CASES=50000 $(MAKE) fuzz
	@scripts/mutants

mutants: go $(LOCAL) ## seed faults into the code: each must make a test fail
	@scripts/mutants

check: go $(E2E) $(CHECKOV) ## check formatting, modules, vet, staticcheck, the template, and the rules this repository has
	@scripts/check

e2e: go $(E2E) ## build and deploy the template to an emulated AWS, then run the documents' own examples against it, and walk through the pages
	@.tools/e2e/bin/python e2e/e2e.py

pages: go ## make Go of the templates of the pages that people see
	@scripts/pages

site: $(SITE) ## build the documentation site into bin/site
	@scripts/site

guides: go $(SITE) ## do what the documentation site says, from git clone on, and look at its pages in a browser
	@.tools/site/bin/python e2e/guides.py

sam-local: go $(LOCAL) $(E2E) ## run the functions in Docker, as AWS SAM does, on http://127.0.0.1:3000 (PORT=... changes the port)
	@.tools/e2e/bin/python e2e/sam_local.py

sam-local-smoke: go $(LOCAL) $(E2E) ## run every sample of events/ in Docker and compare; left out where no daemon can be started
	@.tools/e2e/bin/python e2e/sam_local.py --smoke

build: go ## build every function as it is deployed, and the operators' tools, into bin/
	@scripts/build

release: go $(E2E) ## build what the pipeline deploys, with its SBOM and sum, into bin/release (ARCHITECTURE=arm64 or x86_64)
	@scripts/release

reproducible: go $(E2E) ## build the release in two folders and compare every byte
	@scripts/reproducible

fmt: go ## format all Go files
	gofmt -w bench cmd functions internal pkg

tools: $(LOCAL) $(E2E) $(CHECKOV) $(SITE) $(FUZZ) ## install the pinned Python tools into .tools/

clean: ## forget the local state and everything built (the tools stay)
	rm -rf .local .aws-sam bin

.tools/%/installed: requirements/%.txt scripts/install-tools
	@scripts/install-tools $*

go:
	@command -v go >/dev/null 2>&1 || { echo "Go 1.26 or newer is needed (there is no go in PATH)." >&2; exit 1; }
	@go list -m >/dev/null 2>&1 || { echo "Go 1.26 or newer is needed (this is $$(go env GOVERSION))." >&2; exit 1; }
