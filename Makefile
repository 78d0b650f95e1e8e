# Every target sets up what it needs; nothing has to be installed or edited first.
#
#   make demo LINE=tft121     another stack than the one that is picked by itself
#   make test PYTEST_ARGS="-k serving"
LINE ?= auto
VENV ?= .venv
PYTEST_ARGS ?=
BENCH_ARGS ?=

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
BIN := $(VENV)/bin
# TensorFlow's start-up notes and Google's Python 3.10 farewells would bury what matters.
export TF_CPP_MIN_LOG_LEVEL ?= 3
export PYTHONWARNINGS ?= ignore::FutureWarning,ignore::DeprecationWarning

.PHONY: help env demo test test-slow test-deploy test-faults reliability test-tft121 bench lint format \
	picture locks clean

help: ## Show what there is to make
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' Makefile

env: ## Build the environment (every other target does so by itself)
	@deploy/bootstrap.sh $(LINE) $(VENV)

demo: env ## Run a real TFX pipeline on real scans, and serve one
	@$(BIN)/python -m pipeline.demo

test: env ## Run the fast tests (minutes)
	@$(BIN)/python -m pytest -m "not slow and not faults and not deploy" $(PYTEST_ARGS)

test-slow: env ## Run the slow tests: whole TFX pipelines
	@$(BIN)/python -m pytest -m slow $(PYTEST_ARGS)

test-deploy: env ## Run what in deploy/ can be run here, and check the rest by its own tools
	@$(BIN)/python -m pytest -m deploy $(PYTEST_ARGS)

test-faults: env ## Run all fault tests: kills processes, fills a disk
	@$(BIN)/python -m pytest -m faults $(PYTEST_ARGS)

reliability: env ## Cause every fault, and write what became of it into docs/reliability.md
	@$(BIN)/python -m pytest tests/faults --fault-table docs/reliability.md $(PYTEST_ARGS)

test-tft121: ## Run the fast tests on the newest TFT, Beam and TensorFlow, in .venv-tft121
	@$(MAKE) --no-print-directory test LINE=tft121 VENV=.venv-tft121

bench: env ## Measure against stock Transform, TFT by hand, tf.data, OpenCV (minutes)
	@$(BIN)/python -m bench $(BENCH_ARGS)

lint: env ## Check style, types and import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: env ## Format the code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

picture: env ## Make the README's picture anew
	@$(BIN)/python -m pipeline.picture docs/images/photos.png

locks: env ## Resolve the three stacks anew into deploy/locks
	@deploy/lock.sh

clean: ## Remove environments, caches and what the demo made
	rm -rf .venv .venv-* .uv demo-output .*_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
