# Every target sets up what it needs; `make help` lists the ones for people. The work is done in make/*.sh.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
# Python reads the .pth files of .venv in the locale's encoding, in UTF-8 mode too: in another than UTF-8 it could not start
# in a clone whose path has other letters than ASCII's.
ifneq ($(shell locale charmap 2>/dev/null),UTF-8)
export LC_ALL := C.UTF-8
endif
# Where Dagster keeps its runs and events: the demo fills it, the UI shows it. Never the one of the person who calls.
export DAGSTER_HOME := $(abspath $(or $(ENGINESHED_HOME),.engineshed))/dagster
# Where `make ui` listens, on this machine only.
PORT ?= 3000
# And where the metrics of what it shows are served.
METRICS ?= 9103

.PHONY: help setup demo ui defs test test-unit test-cluster e2e e2e-machine platform location namespace pages reload materialise uninstall kind kind-down load bench soak compare images lint docs lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

setup: ## make .venv from requirements.lock (again only when it changed)
	@make/setup.sh

demo: setup ## run the showcase on the shipped web-archive sample and show its picture
	@make/dagster_home.sh
	@$(BIN)/python -m make.demo

ui: setup ## Dagster's web pages on http://127.0.0.1:3000 with both code locations (PORT=.., METRICS=.. for other ports)
	@make/ui.sh $(PORT) $(METRICS)

defs: setup ## check and list the definitions of every code location
	@make/defs.sh

test: setup ## lint, types, import floors and all tests this machine can run
	@linted=0; make/lint.sh || linted=1; make/test.sh; exit $$linted

test-unit: setup ## the quick loop: unit, contract and architecture tests
	@make/test.sh tests/unit tests/contract tests/architecture

test-cluster: setup ## the tests that need a cluster, on the one that KUBECONFIG names: engine, charts, images, launcher
	@make/e2e.sh tests/contract tests/integration tests/charts tests/images -m needs_cluster

e2e: setup ## the platform on the cluster that KUBECONFIG names: images, releases, runs, kills, isolation (about 15 minutes)
	@make/e2e.sh tests/e2e/cluster

e2e-machine: setup ## the product on one machine: demo, web pages, no network, workers killed three times a fault and engine (half an hour)
	@KILLS_PER_CELL=3 make/e2e.sh tests/e2e/machine tests/integration/dagster/test_kill_matrix.py

bench: setup ## run the benchmarks
	@make/bench.sh

compare: setup ## run the showcase on every engine here and write docs/comparison.md (ENGINES="emr sail" for some; minutes each)
	@$(BIN)/python -m make.compare $(ENGINES)

soak: setup ## lives of the route under drawn misfortunes until the time is over (MINUTES=10, SEEDS=.., SEED=.. for one)
	@$(BIN)/python -m make.soak --minutes $(or $(MINUTES),10) $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED))

platform: setup ## install PostgreSQL, object store, Prometheus and the platform on the cluster of the current context
	@make/release.sh platform

location: setup ## install a team's release there (LOCATION=web_graph)
	@make/release.sh location $(LOCATION)

namespace: setup ## make a team's namespace there, labelled as its own (LOCATION=web_graph)
	@make/release.sh namespace $(LOCATION)

pages: ## the cluster's web pages on this machine: Dagster 3000, Grafana 3001, Prometheus 9090 (PORT=.. for Dagster's)
	@PORT=$(PORT) make/pages.sh

reload: setup ## have those pages load a location's code anew (LOCATION=web_graph)
	@$(BIN)/python make/ask.py http://127.0.0.1:$(PORT) reload $(LOCATION)

materialise: setup ## have them make the showcase for a partition (PARTITION='SAMPLE-2025-08|languages')
	@$(BIN)/python make/ask.py http://127.0.0.1:$(PORT) materialise '$(or $(PARTITION),SAMPLE-2025-08|languages)'

uninstall: ## take all releases and their namespaces away again
	@make/release.sh uninstall

kind: ## make a local cluster with a registry (needs docker, kind, kubectl); `tilt up` fills it
	@make/kind.sh up

kind-down: ## remove that cluster
	@make/kind.sh down

load: images ## build them, and load them into the kind cluster of the current context
	@make/load.sh

images: ## build the container images that changed (IMAGE=spark for one)
	@make/images.sh $(IMAGE)

lint: setup ## ruff, mypy --strict and import-linter
	@make/lint.sh

docs: setup ## write the reference pages that are read off the code
	@$(BIN)/python -m make.docs

lock: setup ## renew requirements.lock after a change of dependencies (UPGRADE=1: newest versions)
	@make/lock.sh

clean: ## remove what the targets made, .venv included
	@make/clean.sh
