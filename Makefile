# Everything is made inside the checkout: .venv (Python), .tools (programs), .run (what the demo keeps).
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := .tools/bin
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

.PHONY: help
help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(READY): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "python: $(PYTHON) is missing or older than 3.11: install Python 3.11 or newer, or name it: make PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	  { echo "python: $(PYTHON) has no venv: install it (Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "python: installing the locked packages into $(VENV) (half a minute) ..."; begun=$$SECONDS; \
	  $(PYTHON) -m venv $(VENV); \
	  $(VENV)/bin/pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt; \
	  $(VENV)/bin/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .; \
	  touch $(READY); echo "python: installed, $$((SECONDS - begun)) s"

.PHONY: engine
engine: ## Build the render engine (needs Go)
	@controller/render/engine/build.sh $(BIN)

.PHONY: git
git:
	@command -v git >/dev/null || { echo "git: not on the PATH: install it (Debian: apt-get install git)" >&2; exit 1; }

.PHONY: tools
tools: git engine ## Build or fetch what demo and tests run: control plane, Helm, Prometheus, ...
	@tests/controlplane/build.sh $(BIN)
	@tests/tools/build.sh $(BIN)
	@tests/ground/prometheus.sh $(BIN)
	@tests/ground/ssh.sh $(BIN)

.PHONY: setup
setup: git $(READY) engine ## Install all that .venv/bin/shipslog needs, render engine included

.PHONY: demo
demo: setup tools ## Tell the whole story on real parts (KEEP=1 leaves them running)
	@$(RUN) -m tests.demo $(if $(KEEP),--keep)

.PHONY: test
test: lint unit unit-newest test-go test-servers bench-quick ## Run all tests, on real servers (half an hour when nothing is built yet)

.PHONY: unit
unit: setup tools ## Run the tests that need nothing running
	@$(RUN) -m pytest -q -n 2 tests/unit

.PHONY: unit-newest
unit-newest: setup tools ## Run the unit tests on the newest Python there is, too
	@tests/unit/newest_python.sh -n 2

.PHONY: test-go
test-go: setup tools ## Vet and test what is written in Go
	@echo "go: vet and test (minutes the first time, as all of Kubernetes is looked at) ..."; begun=$$SECONDS; \
	  export CGO_ENABLED=0 GOFLAGS=-mod=readonly; \
	  (cd controller/render/engine && go vet -trimpath ./... && go test -trimpath ./...); \
	  (cd tests/controlplane && go vet -trimpath .); \
	  (cd tests/tools && go vet -trimpath ./kubectl); \
	  echo "go: done, $$((SECONDS - begun)) s"

.PHONY: test-servers
test-servers: setup tools ## Run the tests on real servers (all three rounds, also after one failed)
	@failed=; $(RUN) -m pytest -q -n 2 --dist loadfile tests/integration || failed=1; \
	  $(RUN) -m pytest -q -n 2 --dist loadfile -m "not alone" tests/acceptance || failed=1; \
	  $(RUN) -m pytest -q -m alone tests/acceptance || failed=1; \
	  test -z "$$failed"

.PHONY: lint
lint: setup ## Check style, types, the walls between rooms, and that generated files are fresh
	@$(VENV)/bin/ruff check -q . && $(VENV)/bin/ruff format --check -q .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache | tail -n 12
	@$(RUN) -m docs.generator --check

.PHONY: bench
bench: setup tools ## Measure against the API server's own limit, with 1,000 Applications (hours)
	@$(RUN) -m tests.benchmarks

.PHONY: bench-quick
bench-quick: setup tools ## Measure at 100 Applications (two minutes), beside the committed ratios: twice as much fails
	@$(RUN) -m tests.benchmarks --quick

.PHONY: docs
docs: setup ## Write what is generated: reference, CRDs, dashboards
	@$(RUN) -m docs.generator && $(RUN) -m dashboards

.PHONY: wheel
wheel: setup ## Build the wheel, with the engine inside
	@mkdir -p controller/render/bin && cp $(BIN)/shipslog-render controller/render/bin/
	@$(RUN) -m build --wheel --no-isolation --outdir dist . | tail -n 1
	@$(RUN) -m wheel tags --remove --platform-tag linux_$$(uname -m) dist/shipslog-*-none-any.whl

.PHONY: lock
lock: ## Resolve the requirement sets anew (needs uv)
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header pyproject.toml -o requirements/runtime.txt
	@uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header -c requirements/runtime.txt requirements/dev.in pyproject.toml -o requirements/dev.txt

.PHONY: clean
clean: ## Remove all that was made, running demo included
	@if [ -x $(RUN) ]; then $(RUN) -m tests.demo --down || true; fi
	@rm -rf .venv .tools .run dist build controller/render/bin .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
