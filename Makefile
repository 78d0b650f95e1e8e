# Every target sets up what it needs; nothing has to be installed or edited first.
#
#   make demo LINE=tft121     another stack than the one that is picked by itself
#   make test PYTEST_ARGS="-k serving"
LINE ?= auto
VENV ?= .venv
PYTEST_ARGS ?=
# Two processes, a file's tests in one of them: each has TensorFlow to load, and uses 1 to 1.5 GB.
PYTEST_WORKERS ?= -n 2 --dist loadfile
BENCH_ARGS ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := $(VENV)/bin
# TensorFlow's start-up notes and Google's Python 3.10 farewells would bury what matters.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONWARNINGS ?= ignore::FutureWarning,ignore::DeprecationWarning

.PHONY: help env docs demo demo-mask test test-cross test-slow test-deploy test-faults reliability test-tft121 test-tfx121 compatibility scaling bench lint format \
	picture locks dist licences sbom audit tool-envs clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

env: ## Build the environment (every other target does so by itself)
	@deploy/bootstrap.sh $(LINE) $(VENV)

demo: env ## Run a real TFX pipeline on real scans, and serve one
	@$(BIN)/python -m pipeline.demo

demo-mask: env ## Learn a mask in one run of a TFX pipeline, apply it in the next
	@$(BIN)/python -m pipeline.learned_mask $(if $(PAGE),--page $(PAGE))

test: env ## Run the fast tests (minutes)
	@$(BIN)/python -m pytest -m "not slow and not faults and not deploy" $(PYTEST_WORKERS) $(PYTEST_ARGS)

test-slow: env ## Run the slow tests: whole TFX pipelines
	@$(BIN)/python -m pytest -m slow $(PYTEST_WORKERS) $(PYTEST_ARGS)

test-deploy: env tool-envs ## Run what in deploy/ can be run here, and check the rest by its own tools
	@$(BIN)/python -m pytest -m deploy $(PYTEST_ARGS)

test-faults: env ## Run all fault tests: kills processes, fills a disk
	@$(BIN)/python -m pytest -m faults $(PYTEST_ARGS)

reliability: env ## Cause every fault, and write what became of it into docs/reliability.md
	@$(BIN)/python -m pytest tests/faults -n 2 --fault-table docs/reliability.md $(PYTEST_ARGS)

test-tft121: ## Run the fast tests on the newest TFT, Beam and TensorFlow, in .venv-tft121
	@$(MAKE) --no-print-directory test LINE=tft121 VENV=.venv-tft121

test-tfx121: ## Run the fast and the slow tests on TFX 1.21, where need be in a Debian 13 of its own
	@deploy/on_tfx121.sh test test-slow PYTEST_ARGS="$(PYTEST_ARGS)"

compatibility: ## Test all three stacks, and write the rows of docs/compatibility.md (an hour)
	@$(MAKE) --no-print-directory test LINE=tfx116 PYTEST_ARGS=--compatibility=docs/compatibility.md
	@$(MAKE) --no-print-directory test-tft121 PYTEST_ARGS=--compatibility=docs/compatibility.md
	@$(MAKE) --no-print-directory test-tfx121 PYTEST_ARGS=--compatibility=docs/compatibility.md

test-cross: env ## Run in one line what the other wrote: .venv against .venv-tft121
	@deploy/bootstrap.sh tft121 .venv-tft121
	@$(BIN)/python -m pytest -m cross $(PYTEST_ARGS)

bench: env ## Measure against stock Transform, TFT by hand, tf.data, OpenCV (minutes)
	@$(BIN)/python -m bench $(BENCH_ARGS)

scaling: env ## Measure runs of several sizes, and write docs/scaling.md (minutes; wants a quiet machine)
	@$(BIN)/python -m bench.scaling

lint: env ## Check style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: env ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

docs: env ## Make the layers' pages and the recorded session anew, and an API reference in build/api
	@$(BIN)/python -m docs.layer_pages
	@$(BIN)/python -m docs.terminal_session
	@$(BIN)/python -m docs.api_reference build/api

picture: env ## Make the README's picture anew
	@$(BIN)/python -m pipeline.picture docs/images/photos.png

locks: env ## Resolve all stacks anew into deploy/locks
	@deploy/lock.sh --upgrade

dist: env ## Build sdist and wheel into dist, the same bytes each time
	@deploy/dist.sh dist

licences: env ## Write docs/licences.md from the image's lock
	@deploy/licences.sh docs/licences.md

sbom: env ## Write dist/pixelbake.cdx.json, a bill of materials, from the image's lock
	@deploy/sbom.sh dist/pixelbake.cdx.json

audit: env ## Ask about known vulnerabilities; fails if a package can't be asked about
	@deploy/audit.sh

tool-envs: env
	@for name in tools airflow image; do deploy/tool_env.sh $$name; done

clean: ## Remove environments, caches and what the demo made
	rm -rf .venv .venv-* .uv demo-output .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
