# Everything runs in .venv, which is made again only when pyproject.toml or constraints.txt change.
SHELL := /bin/sh
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := demo
TEST_PROCESSES ?= $(shell n=$$(getconf _NPROCESSORS_ONLN); echo $$((n > 4 ? 4 : n)))
# The networks of the tests are too small to fill two threads, so tests run in processes of one thread. A file
# stays in one process, which makes its fixtures once; tests/conftest.py puts the longest files first.
TESTS = OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(TEST_PROCESSES) \
  --dist loadfile --no-loadscope-reorder --durations 20 --durations-min 10

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-fast test-random check format bench mutation docs up down clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(READY) ## install into .venv (once)

$(READY): pyproject.toml constraints.txt docker/prune_torchaudio.py
	@$(PYTHON) -c 'import sys; sys.exit(not ((3, 11) <= sys.version_info[:2] < (3, 13)))' || \
	  { echo "Python 3.11 or 3.12 is needed; '$(PYTHON)' is another. Run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@command -v cc >/dev/null 2>&1 || command -v gcc >/dev/null 2>&1 || \
	  { echo "A C compiler is needed to build pyworld: apt-get install gcc python3-dev"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
	  { echo "The venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "Installing into $(VENV) (about 3 GB, a few minutes the first time) ..."
	@$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip setuptools wheel
	@# torch first and pinned: an open range would fetch several GB of CUDA packages.
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --editable '.[dev]'
	@# Tests compare with the official kokoro networks; its text front end (spaCy and more) stays out.
	@$(BIN)/python -m pip install -qq --constraint constraints.txt --no-deps kokoro loguru
	@$(BIN)/python docker/prune_torchaudio.py
	@touch $(READY)

demo: $(READY) ## fit a voice to the embedded recordings, speak with it, judge it, show where all is
	@$(BIN)/voicewright demo $(DEMO)

test: $(READY) ## all tests
	@$(TESTS)

test-fast: $(READY) ## the tests that take under half a second each
	@$(TESTS) -m "not slow and not browser"

test-random: $(READY) ## property tests with examples that they have not tried yet, twenty times as many
	@$(TESTS) -m hypothesis --hypothesis-profile=search

check: $(READY) ## formatter, linter, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m docs.reference --check
	@$(BIN)/python -m docs.keys --check

format: $(READY) ## format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

docs: $(READY) ## write the reference pages and the list of keys from the code
	@$(BIN)/python -m docs.reference
	@$(BIN)/python -m docs.keys

mutation: $(READY) ## which small mistakes in the code the tests would notice (hours)
	@PYTHONPATH=. $(BIN)/python bench/mutation.py

bench: $(READY) ## measure speed and accuracy; results go to bench/results
	@for script in $(filter-out bench/mutation.py,$(wildcard bench/[a-z]*.py)); do \
	  echo "== $$script"; PYTHONPATH=. $(BIN)/python $$script || exit 1; done

up: $(READY) ## start the Prefect server, MLflow and a worker on 127.0.0.1
	@$(BIN)/voicewright up

down: $(READY) ## stop them
	@$(BIN)/voicewright down

clean: ## remove the demo's files
	rm -rf $(DEMO)
