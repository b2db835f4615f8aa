# One command per job; `make` alone lists them. Each sets up what it needs in .venv, and a second call costs nothing.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
READY := .venv/.ready
ROOT := $(filter 0,$(shell id -u))
CODE := mfa_service mobile_stub examples tests benchmarks migrations
COMPILE := $(BIN)/uv pip compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --universal \
	--python-version 3.11 --custom-compile-command 'make lock' $(UPGRADE)

# A home that is missing or read-only must not stop a set-up: without a cache it only takes longer.
CACHE := $(or $(XDG_CACHE_HOME),$(if $(HOME),$(HOME)/.cache))
ifeq ($(shell test -n "$(CACHE)" && mkdir -p "$(CACHE)" 2>/dev/null && test -w "$(CACHE)" && echo usable),)
export PIP_NO_CACHE_DIR := 1
export UV_NO_CACHE := 1
endif

.PHONY: help
help: ## list the targets (default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: $(READY) ## run the main job on SQLite, from the authorization request to the id token, step by step
	@$(BIN)/python -m examples.demo

.PHONY: demo-gateway
demo-gateway: $(READY) ## protect an API by nginx and the gateway: a program calls it, a person steps up for it
	@tools/system-packages nginx
	@$(BIN)/python -m examples.gateway_demo

.PHONY: test
test: $(READY) system-packages node-packages promtool ## pass all tests, on SQLite, on a PostgreSQL of their own and in Chromium; PYTEST_ARGS="-k totp" chooses
	@$(if $(ROOT),:,false) || echo 'Not root: tests/hosts, which make networks, are left out.'
	@$(BIN)/python -m pytest -n 4 --dist loadfile $(if $(ROOT),,--ignore=tests/hosts) $(PYTEST_ARGS)

.PHONY: screens
screens: $(READY) system-packages ## take pictures of every page in every state, with the tests in a browser, and print where they are
	@rm -rf build/screenshots
	@SCREENS=1 $(BIN)/python -m pytest -n 4 --dist loadfile tests/browser $(PYTEST_ARGS)
	@echo $(CURDIR)/build/screenshots

.PHONY: run
run: $(READY) ## serve http://localhost:8000 on SQLite under instance/ with all examples, and print what to open
	@$(BIN)/python -m examples.try_it

.PHONY: check
check: lint types layers openapi-drift schema-drift image-lint ## everything but the tests: style, types, layers, openapi.yaml, migrations, Dockerfile

.PHONY: lint
lint: $(READY)
	@$(BIN)/ruff check $(wildcard $(CODE))
	@$(BIN)/ruff format --check $(wildcard $(CODE))

.PHONY: types
types: $(READY)
	@$(BIN)/mypy

.PHONY: layers
layers: $(READY)
	@$(BIN)/lint-imports

.PHONY: openapi-drift
openapi-drift: $(READY)
	@$(BIN)/python -m mfa_service.http.openapi --check openapi.yaml

.PHONY: schema-drift
schema-drift: $(READY)
	@$(BIN)/mfa db check

.PHONY: image-lint
image-lint: $(READY)
	@$(BIN)/hadolint --failure-threshold style Dockerfile

.PHONY: format
format: $(READY) ## let ruff mend style and layout
	@$(BIN)/ruff check --fix $(wildcard $(CODE))
	@$(BIN)/ruff format $(wildcard $(CODE))

.PHONY: openapi
openapi: $(READY) ## write openapi.yaml anew from the code
	@$(BIN)/python -m mfa_service.http.openapi > openapi.yaml.new
	@mv openapi.yaml.new openapi.yaml

.PHONY: bench
bench: $(READY) ## measure: what each flow costs, beside a bare view
	@$(BIN)/python -m benchmarks

.PHONY: bench-large
bench-large: $(READY) ## measure: what a flow costs among a million users, beside a thousand
	@$(BIN)/python -m benchmarks.large

.PHONY: bench-waiting
bench-waiting: $(READY) ## measure: five thousand wait, others step up beside them
	@$(BIN)/python -m benchmarks.waiting

.PHONY: bench-hosts
bench-hosts: $(READY) ## measure: two hosts lose Redis, one of them, its stores, the primary; how long callers notice (root)
	@tools/system-packages hosts
	@$(BIN)/python -m benchmarks.hosts

.PHONY: bench-morning
bench-morning: $(READY) ## measure: a morning's logins arrive, in a minute instead of an hour
	@$(BIN)/python -m benchmarks.morning

.PHONY: bench-rival
bench-rival: $(READY) ## measure: the same flows beside privacyIDEA, installed apart under build/
	@$(BIN)/python -m benchmarks.rival

.PHONY: lock
lock: $(READY) ## pin requirements/*.txt anew from pyproject.toml (and benchmarks/rival.txt), what is shipped as what is tested; UPGRADE=--upgrade takes newer releases
	@$(COMPILE) --all-extras --group dev -o requirements/dev.txt pyproject.toml
	@$(COMPILE) --extra postgresql --extra login --extra ldap --extra redis --extra tracing -c requirements/dev.txt -o requirements/service.txt pyproject.toml
	@$(COMPILE) --extra postgresql --extra login --extra ldap --extra redis --extra tracing --extra fcm --extra webpush -c requirements/dev.txt -o requirements/service-push.txt pyproject.toml
	@$(COMPILE) -o benchmarks/rival.txt benchmarks/rival.in
	@printf '%s\n' uv hatchling editables | $(COMPILE) -c requirements/dev.txt -o requirements/tools.txt -

.PHONY: clean
clean: ## remove what can be made again: .venv, caches, build output (instance/ stays)
	@rm -rf .venv build dist openapi.yaml.new .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .schemathesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements/dev.txt requirements/tools.txt pyproject.toml tools/set-up
	@tools/set-up
	@touch $@

.PHONY: promtool
promtool: $(READY)
	@tools/promtool

.PHONY: node-packages
node-packages: $(READY)
	@tools/node-packages

.PHONY: system-packages
system-packages:
	@tools/system-packages
